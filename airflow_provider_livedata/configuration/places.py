"""What ``prod:/data/sales`` stands for, and that no two entries write to one place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from airflow_provider_livedata.configuration.lines import Document
from airflow_provider_livedata.configuration.model import Backup, DisasterRecovery, Migration, Zone
from airflow_provider_livedata.configuration.paces import pool_between
from airflow_provider_livedata.configuration.problems import Path, dotted
from airflow_provider_livedata.configuration.wording import unknown
from airflow_provider_livedata.engine.errors import BadAddress, BadInput
from airflow_provider_livedata.engine.zones.address import Address

FOLLOWERS = ("policies", "metadata", "protection")
E = TypeVar("E", Migration, DisasterRecovery, Backup)


class Places:
    """The zones of one file, and the targets that are taken."""

    def __init__(self, document: Document, zones: Mapping[str, Zone], wrong: Sequence[str]) -> None:
        """``wrong``: the names of zones that cannot be used."""
        self._document, self._zones, self._wrong = document, zones, wrong
        self.taken: list[tuple[Address, Path]] = []  # what entries write to

    def settled(self, path: Path, entry: E | None) -> E | None:
        """The entry with addresses for places and with the options of the zone it reads from; None where that cannot be."""
        if entry is None:
            return None
        drill = getattr(entry, "drill", None)
        asked = {"source": entry.source, "target": entry.target, "drill": drill.target if drill else None}
        texts = {name: text for name, text in asked.items() if text is not None}
        found = {name: place for name, text in texts.items() if (place := self.found((*path, name), text))}
        followers = self.followers(path, entry, found.get("target"))
        if set(found) != set(texts) or followers is None or not self._agree(path, found):
            return None
        zone = entry.source.partition(":")[0] if "://" not in entry.source else ""
        options = {**self.options_of(zone), **entry.options.chosen()}
        settled: dict[str, Any] = {name: str(place) for name, place in found.items()}
        settled["options"] = type(entry.options)(**options)
        settled |= followers
        if drill:
            settled["drill"] = drill.model_copy(update={"target": settled["drill"]})
        return entry.model_copy(update=settled)

    def paced(self) -> dict[str, Zone]:
        """The zones, each with an address for the place of its pace; without those whose place is none, which is a problem then."""
        return {name: one for name, zone in self._zones.items() if (one := self._paced(name, zone)) is not None}

    def _paced(self, name: str, zone: Zone) -> Zone | None:
        if zone.pace.kept_at is None:
            return zone
        place = self.found(("zones", name, "pace", "kept_at"), zone.pace.kept_at)
        if place is None:
            return None
        return zone.model_copy(update={"pace": zone.pace.model_copy(update={"kept_at": str(place)})})

    def pool_between(self, source: str, target: str) -> str | None:
        """See ``paces.pool_between``."""
        return pool_between(source, target, self._zones)

    def options_of(self, zone: str) -> dict[str, Any]:
        """What the file says of whatever reads from a zone."""
        return self._zones[zone].options.chosen() if zone in self._zones else {}

    def in_zone(self, path: Path, zone: str, within: str) -> Address | None:
        """The address of a path in a zone; None where it is none, which is a problem then."""
        if zone in self._zones or zone in self._wrong:
            return self.found(path, f"{zone}:{within}")
        self._document.problem(path, f"zone {zone} {unknown(zone, self._zones)}")
        return None

    def followers(self, path: Path, entry: Any, target: Address | None) -> dict[str, Any] | None:
        """What follows the data, each with an address for the place of its state; None where one cannot be used."""
        asked = {name: one for name in FOLLOWERS if (one := getattr(entry, name, None)) is not None}
        settled: dict[str, Any] = {}
        for name, one in asked.items():
            place = self.found((*path, name, "state"), one.state)
            if place and target and place.overlaps(target):
                self._document.problem(
                    (*path, name, "state"), "is a place of its own, not in the target of the replication"
                )
            elif place:
                settled[name] = one.model_copy(update={"state": str(place)})
        return settled if set(settled) == set(asked) else None

    def found(self, path: Path, text: str) -> Address | None:
        """The address of a place; None where it is none, which is a problem then."""
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
            for taken, by in self.taken:
                if taken.overlaps(place):
                    where = f"{dotted(by)} in line {self._document.line(by)}"
                    self._document.problem((*path, name), f"{where} writes to the same place, or one lies inside the other; each takes one of its own")  # fmt: skip
                    return False
        self.taken += [(place, (*path, name)) for name, place in written.items()]
        return True
