"""A zone's entries in path order, filtered, read ahead by a thread so that two listings overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from itertools import islice

from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import ListsPast

BATCH = 1000
AHEAD = 4


def scan(zone: Zone, chosen: Filter, under: str = "") -> Generator[Entry]:
    """Yield the entries that take part, in key order.

    At most ``BATCH * (AHEAD + 2)`` entries are in memory. A listing that cannot be completed raises, it never ends early.
    """
    with Ahead(chosen.keep(zone.scan(under))) as entries:
        yield from entries


def past(zone: Zone) -> Zone:
    """The zone, whose listings go on past directories that may not be listed, where it can do that."""
    return zone.listing_past() if isinstance(zone, ListsPast) else zone


class Ahead:
    """Entries that a thread fetches before they are asked for, from now on until the end of the ``with`` block."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._batches: queue.Queue[list[Entry] | BaseException | None] = queue.Queue(maxsize=AHEAD)
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._fetch, args=(entries,), name="livedata-scan", daemon=True)
        self._thread.start()

    def __enter__(self) -> Iterator[Entry]:
        return self._entries()

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        while self._thread.is_alive():  # let it come back from a full queue
            try:
                self._batches.get(timeout=0.05)
            except queue.Empty:
                continue

    def _entries(self) -> Iterator[Entry]:
        while (batch := self._batches.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield from batch

    def _fetch(self, entries: Iterator[Entry]) -> None:
        try:
            while (batch := list(islice(entries, BATCH))) and not self._given_up.is_set():
                self._batches.put(batch)
            self._batches.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the reader's thread
            self._batches.put(error)
