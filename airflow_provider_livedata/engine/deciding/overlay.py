"""Merge sorted runs of manifest rows, the newest saying what holds. Pure.

    base     a  b  c            oldest first
    delta       b'    d
    journal        c-           a tombstone
    rows     a  b'    d

A run is opened only when its first key is reached, so that many short runs cost little memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_livedata.engine.model import Held


@dataclass(frozen=True, slots=True)
class SortedRun:
    """Rows in key order that begin at key ``first``; ``rows`` opens them. ``age``: 0 is the newest."""

    first: str
    age: int
    rows: Callable[[], Iterator[Held]]


class Rows:
    """Rows that are read once and kept, as long as no more than ``most`` of all runs are."""

    def __init__(self, most: int) -> None:
        self._left = most

    def kept(self, run: SortedRun) -> SortedRun:
        """The same run, whose rows are read again only if they are too many."""
        found: list[Held] | None = None

        def rows() -> Iterator[Held]:
            return reading() if found is None else iter(found)

        def reading() -> Iterator[Held]:
            nonlocal found
            passed: list[Held] | None = []
            for held in run.rows():
                if passed is not None:
                    passed.append(held)
                    passed = passed if len(passed) <= self._left else None
                yield held
            if passed is not None and found is None:
                self._left -= len(passed)
                found = passed

        return SortedRun(run.first, run.age, rows)


def overlay(runs: Iterable[SortedRun], *, with_gone: bool = False) -> Iterator[Held]:
    """Yield one row a key, the newest; tombstones are passed on only ``with_gone``."""
    last = None
    for held in _merge(sorted(runs, key=lambda run: run.first)):
        key = held.key
        if key != last and (with_gone or not held.is_gone):
            yield held
        last = key


def _merge(waiting: Sequence[SortedRun]) -> Iterator[Held]:
    # The number makes each item of the heap differ, so that rows themselves are never compared.
    heap: list[tuple[str, int, int, Held, Iterator[Held]]] = []
    opened = 0
    while heap or opened < len(waiting):
        while opened < len(waiting) and (not heap or waiting[opened].first <= heap[0][0]):
            run, rows = waiting[opened], waiting[opened].rows()
            opened += 1
            if (first := next(rows, None)) is not None:
                heapq.heappush(heap, (first.key, run.age, opened, first, rows))
        if heap:
            _, age, number, held, rows = heap[0]
            yield held
            if (following := next(rows, None)) is not None:
                heapq.heapreplace(heap, (following.key, age, number, following, rows))
            else:
                heapq.heappop(heap)
