"""Read a file for its checksum, or have the store tell one: what every comparison of bytes is made of."""

from __future__ import annotations

from typing import NamedTuple

from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Checksum, Entry
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import StoreChecksum

CHUNK = 8 << 20
SMALLEST = 64 << 10


class Read(NamedTuple):
    """The checksum of a file's bytes, and how many there were."""

    checksum: Checksum
    size_bytes: int


def read_checksum(zone: Zone, entry: Entry, buffers: Buffers, bandwidth: Bandwidth | None = None) -> Read:
    """Read a file of that size, as of the entry's version ("": whatever is there); a shorter one is read to its end.

    Raises:
        ObjectChanged: It was replaced meanwhile.
    """
    checksum, total = EMPTY, 0
    size = min(CHUNK, max(SMALLEST, 1 << max(entry.size_bytes - 1, 0).bit_length()))
    with buffers.borrow(size, beside=min(size, zone.facts.reading_bytes)) as buffer:
        while total < entry.size_bytes:
            view = memoryview(buffer)[: min(size, entry.size_bytes - total)]
            if bandwidth is not None:
                bandwidth.take(len(view))
            count = zone.read_into(entry.path, total, view, version=entry.version)
            checksum, total = checksum_of(view[:count], checksum), total + count
            if count < len(view):
                break
    return Read(checksum, total)


def told_by_store(zone: Zone, path: str, landed: str) -> str:
    """Hold the store's own checksum of a file against the one that it told when the file landed.

    Returns "same", "" where it tells none of that kind, and else the one that it tells.
    """
    told = zone.store_checksum(path) if landed and isinstance(zone, StoreChecksum) else ""
    if not told or told.partition(":")[0] != landed.partition(":")[0]:
        return ""
    return "same" if told == landed else told
