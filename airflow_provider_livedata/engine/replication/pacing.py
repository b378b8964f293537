"""How many tasks at once suit a plan between two zones."""

from __future__ import annotations

import logging
import time

from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.deciding.tuning import LEAST, threads_for
from airflow_provider_livedata.engine.reading.looking import peek
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)


def choose_threads(
    source: Zone, target: Zone, totals: Totals, *,
    chosen: int, memory_mib: int, asked_for: str = "", source_calls_per_s: int = 0,
) -> int:  # fmt: skip
    """``chosen``, or where that is 0 as many as suit sizes, distance and memory; ``asked_for``: a file of the target.

    ``source_calls_per_s``: the limit on calls of the source, 0 for none: to wait for a turn is no distance.
    """
    if not chosen:
        facts, distance_s = target.facts, 0.0
        if totals.copy_files > LEAST:  # else there are too few files for it to matter
            turn_s = 1 / source_calls_per_s if source_calls_per_s else 0.0
            distance_s = max(_round_trip_s(source, "") - turn_s, _round_trip_s(target, asked_for))
        chosen = threads_for(
            totals.copy_files,
            totals.copy_bytes,
            facts.part_bytes(totals.copy_bytes // max(totals.copy_files, 1)),
            round_trip_s=distance_s,
            commit_s=facts.commit_s,
            memory_bytes=memory_mib << 20,
            beside_bytes=source.facts.reading_bytes + facts.writing_bytes,
        )
    log.info("%s tasks at once, %s MiB of memory for them", chosen, memory_mib)
    return chosen


def _round_trip_s(zone: Zone, path: str) -> float:
    """Seconds of the quickest of three small requests."""
    times = []
    for _ in range(3):
        began = time.monotonic()
        peek(zone, path)
        times.append(time.monotonic() - began)
    return min(times)
