"""A zone's entries in path order, filtered, read ahead by a thread so that two listings overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from itertools import islice

from airflow_provider_livedata.engine.filters import Filter
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.base import Zone

BATCH = 1000
AHEAD = 4


def scan(zone: Zone, chosen: Filter, under: str = "") -> Generator[Entry]:
    """Yield the entries that take part, in key order.

    At most ``BATCH * (AHEAD + 2)`` entries are in memory. A listing that cannot be completed raises, it never ends early.
    """
    batches: queue.Queue[list[Entry] | BaseException | None] = queue.Queue(maxsize=AHEAD)
    given_up = threading.Event()
    thread = threading.Thread(
        target=_list, args=(zone, chosen, under, batches, given_up), name="livedata-scan", daemon=True
    )
    thread.start()
    try:
        while (batch := batches.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield from batch
    finally:
        given_up.set()
        while thread.is_alive():  # let the lister come back from a full queue
            try:
                batches.get(timeout=0.05)
            except queue.Empty:
                continue


def _list(
    zone: Zone,
    chosen: Filter,
    under: str,
    batches: queue.Queue[list[Entry] | BaseException | None],
    given_up: threading.Event,
) -> None:
    try:
        entries = chosen.keep(zone.scan(under))
        while (batch := list(islice(entries, BATCH))) and not given_up.is_set():
            batches.put(batch)
        batches.put(None)
    except BaseException as error:  # noqa: BLE001 - raised again in the reader's thread
        batches.put(error)
