"""What the newest checkpoints of replications say of places at their targets: which state they are of, and which files they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.locations import canonical
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone


class ReplicatedPlaces:
    """Answers for places below the prefixes in ``data``, each with the target of the replication whose files lie there.

    Checkpoints are read once, when this is made. Zones stay open as long as ``stack``.
    """

    def __init__(self, data: Mapping[str, Zone | str], stack: ExitStack) -> None:
        if not data:
            raise BadOption("data names the targets of the replications, by the prefixes of their tables' locations")
        found: list[tuple[str, StateFolder, Checkpoint | None]] = []
        for prefix, zone in data.items():
            state = StateFolder(stack.enter_context(opened(zone)))
            found.append((canonical(prefix), state, checkpoints.latest(state)))
        self._places = sorted(found, key=lambda one: len(one[0]), reverse=True)

    def prefixes(self) -> list[str]:
        """Where replications write: as tables name it, and as the replications do."""
        return sorted(
            {name for prefix, state, _ in self._places for name in (prefix, roles.place_of(state.zone.address))}
        )

    def stamps(self, places: Sequence[str]) -> list[str] | None:
        """Which checkpoints hold the places; None where one lies under no prefix, or its replication has no checkpoint."""
        found = []
        for place in places:
            number = self._number(place)
            checkpoint = self._places[number][2] if number is not None else None
            if checkpoint is None:
                return None
            found.append(f"{checkpoint.replication}/{checkpoint.target}/{checkpoint.run}")
        return found

    def why_not_ended(self, place: str) -> str:
        """Why it is not known that nothing is replicated to a place any more; empty where it is."""
        number = self._number(place)
        if number is None:
            return "it lies under no prefix of data"
        role = roles.newest(self._places[number][1])
        return "" if role is not None and role.role == "active" else "the target of its replication was not made active"

    def digests(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """A digest of the files below the places of each table, equal as long as they are; one reading of each manifest."""
        found = {name: hashlib.sha256() for name in wanted}
        for number, (prefix, state, checkpoint) in enumerate(self._places):
            below: dict[str, list[str]] = {}
            for name, places in wanted.items():
                for place in places:
                    if self._number(place) == number:
                        below.setdefault(canonical(place)[len(prefix) + 1 :], []).append(name)
            if checkpoint is None or not below:
                continue
            cover = None if "" in below else Cover((), below)
            for held in overlay(checkpoints.manifest_runs(state, checkpoint, cover=cover)):
                for name in _names(held, below):
                    found[name].update(_line(prefix, held))
        return {name: digest.hexdigest() for name, digest in found.items()}

    def _number(self, place: str) -> int | None:
        plain = canonical(place)
        fits = (n for n, (prefix, _, _) in enumerate(self._places) if f"{plain}/".startswith(f"{prefix}/"))
        return next(fits, None)


def _names(held: Held, below: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The tables among whose files a row is."""
    entry = held.entry
    if entry.kind != "file":
        return
    path, slash = entry.path, "/"
    seen: set[str] = set()
    while slash:
        path, slash, _ = path.rpartition("/")
        seen.update(below.get(path, ()))
    yield from sorted(seen)


def _line(prefix: str, held: Held) -> bytes:
    """What tells the bytes of a file: their checksum, or else what changes with them."""
    entry = held.entry
    checksums = (entry.crc32c, entry.crc64nvme)
    told = checksums if any(one is not None for one in checksums) else (entry.mtime_ms, entry.version)
    return f"{prefix}\0{entry.path}\0{entry.size_bytes}\0{told}\n".encode()
