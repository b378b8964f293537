"""What ``prod:/data/sales`` stands for, and that no two entries write to one place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from airflow_provider_livedata.configuration.lines import Document
from airflow_provider_livedata.configuration.model import Backup, DisasterRecovery, Migration, Zone
from airflow_provider_livedata.configuration.problems import Path, dotted
from airflow_provider_livedata.engine.errors import BadAddress, BadInput
from airflow_provider_livedata.engine.zones.address import Address

FOLLOWERS = ("policies", "metadata", "protection")
E = TypeVar("E", Migration, DisasterRecovery, Backup)


class Places:
    """The zones of one file, and the targets that are taken."""

    def __init__(self, document: Document, zones: Mapping[str, Zone], wrong: Sequence[str]) -> None:
        """``wrong``: the names of zones that cannot be used."""
        self._document, self._zones, self._wrong = document, zones, wrong
        self._taken: list[tuple[Address, Path]] = []

    def settled(self, path: Path, entry: E | None) -> E | None:
        """The entry with addresses for places and with the options of the zone it reads from; None where that cannot be."""
        if entry is None:
            return None
        drill = getattr(entry, "drill", None)
        asked = {"source": entry.source, "target": entry.target, "drill": drill.target if drill else None}
        texts = {name: text for name, text in asked.items() if text is not None}
        found = {name: place for name, text in texts.items() if (place := self._found((*path, name), text))}
        followers = self._followers(path, entry, found.get("target"))
        if set(found) != set(texts) or followers is None or not self._agree(path, found):
            return None
        zone = self._zones.get(entry.source.partition(":")[0]) if "://" not in entry.source else None
        options = {**(zone.options.chosen() if zone else {}), **entry.options.chosen()}
        settled: dict[str, Any] = {name: str(place) for name, place in found.items()}
        settled["options"] = type(entry.options)(**options)
        settled |= followers
        if drill:
            settled["drill"] = drill.model_copy(update={"target": settled["drill"]})
        return entry.model_copy(update=settled)

    def _followers(self, path: Path, entry: E, target: Address | None) -> dict[str, Any] | None:
        """What follows the data, each with an address for the place of its state; None where one cannot be used."""
        asked = {name: one for name in FOLLOWERS if (one := getattr(entry, name, None)) is not None}
        settled: dict[str, Any] = {}
        for name, one in asked.items():
            place = self._found((*path, name, "state"), one.state)
            if place and target and place.overlaps(target):
                self._document.problem(
                    (*path, name, "state"), "is a place of its own, not in the target of the replication"
                )
            elif place:
                settled[name] = one.model_copy(update={"state": str(place)})
        return settled if set(settled) == set(asked) else None

    def _found(self, path: Path, text: str) -> Address | None:
        try:
            return self._address(text)
        except BadInput as error:
            self._document.problem(path, str(error.args[0]))
            return None

    def _address(self, text: str) -> Address:
        if "://" in text:
            return Address.parse(text)
        name, _, path = text.partition(":")
        if name in self._zones:
            return Address.parse(self._zones[name].address).join(path)
        if name in self._wrong:
            raise BadAddress(f"the zone {name} cannot be used: see what is said of zones.{name}")
        known = ", ".join(self._zones) or "none"
        raise BadAddress(
            f"is neither an address (scheme://[conn_id@]authority/path) nor in a zone (name:/path); the zones are: {known}"
        )

    def _agree(self, path: Path, found: Mapping[str, Address]) -> bool:
        if "target" not in found and found["source"].scheme != "hdfs":
            self._document.problem(
                path, "without a target backups are HDFS snapshots, and its source is not HDFS; add a target"
            )
            return False
        for (one, place), (other, beside) in itertools.combinations(found.items(), 2):
            if place.overlaps(beside):
                self._document.problem(
                    (*path, other), f"{one} and {other} are the same place, or one lies inside the other"
                )
                return False
        written = {name: place for name, place in found.items() if name != "source"}
        for name, place in written.items():
            for taken, by in self._taken:
                if taken.overlaps(place):
                    where = f"{dotted(by)} in line {self._document.line(by)}"
                    self._document.problem((*path, name), f"{where} writes to the same place, or one lies inside the other; each takes one of its own")  # fmt: skip
                    return False
        self._taken += [(place, (*path, name)) for name, place in written.items()]
        return True
