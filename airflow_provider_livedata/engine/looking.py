"""The entries of a zone that a cover holds, in key order: some asked for one by one, some listed with all below them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from airflow_provider_livedata.engine.cover import Cover
from airflow_provider_livedata.engine.errors import NotADirectory
from airflow_provider_livedata.engine.filters import Filter
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.base import Zone

BATCH = 1000
THREADS = 16


def look(zone: Zone, chosen: Filter, cover: Cover) -> Iterator[Entry]:
    """Yield the entries that take part and that the cover holds, in key order; what is not there is left out.

    Paths are asked for ``BATCH`` at a time on ``THREADS`` threads, so that memory does not grow with their number.
    """
    for entry in _alone(zone, chosen, cover):
        yield entry
        if entry.kind == "directory" and entry.path in cover.trees:
            yield from chosen.keep(zone.scan(entry.path))


def holds_any(zone: Zone, chosen: Filter, path: str) -> bool:
    """Whether a directory holds anything that takes part."""
    return next(chosen.keep(zone.scan(path)), None) is not None


def _alone(zone: Zone, chosen: Filter, cover: Cover) -> Iterator[Entry]:
    # Paths come in their own order and entries go in the order of keys: "a" before "a!b" before "a/". No key is lower than
    # its path, so what is lower than the next path can go.
    found: list[tuple[str, Entry]] = []
    paths = (path for path in cover.paths if not chosen.excludes(path))

    def stat(path: str) -> Entry | None:
        with suppress(NotADirectory):  # a file stands above it
            return zone.stat(path)
        return None

    with ThreadPoolExecutor(THREADS, "livedata-look") as pool:
        while batch := list(islice(paths, BATCH)):
            while found and found[0][0] < batch[0]:
                yield heapq.heappop(found)[1]
            for entry in pool.map(stat, batch):
                if entry is not None:
                    heapq.heappush(found, (entry.key, entry))
    while found:
        yield heapq.heappop(found)[1]
