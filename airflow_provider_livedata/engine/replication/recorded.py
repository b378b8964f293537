"""What a target holds that tells it by its records: its manifest, and what an attempt that was cut off may have left."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.powers import HoldsAsRecorded


def as_recorded(
    target: HoldsAsRecorded, chosen: Filter, runs: Sequence[SortedRun], seen: Iterable[Entry]
) -> Iterator[Entry]:
    """What the target holds, in key order: what an earlier attempt is seen to have left, else what the records say."""
    rows = (held for held in overlay(runs) if target.is_certain(held.target_version))
    recorded = chosen.keep(held.entry._replace(version=held.target_version) for held in rows)
    both: Iterator[tuple[int, Entry]] = heapq.merge(
        _numbered(0, seen if target.is_begun() else ()), _numbered(1, recorded), key=lambda one: (one[1].key, one[0])
    )
    for _, same in groupby(both, key=lambda one: one[1].key):
        yield next(same)[1]


def _numbered(number: int, entries: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    return ((number, entry) for entry in entries)
