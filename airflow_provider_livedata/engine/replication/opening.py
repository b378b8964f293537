"""Zones as flows are given them: opened from an address, or handed over open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from airflow_provider_livedata.engine.limits import Pace
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import PacesCalls
from airflow_provider_livedata.engine.zones.registry import open_zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying


@contextlib.contextmanager
def opened(zone: Zone | str, *, calls_per_s: int = 0) -> Iterator[Zone]:
    """A zone whose retryable failures are tried again; one that is opened here is closed here.

    ``calls_per_s``: how often its server may be called, where that can be limited; 0: any number.
    """
    if isinstance(zone, str):
        mine = open_zone(zone)
        try:
            yield _paced(Retrying(mine), calls_per_s)
        finally:
            mine.close()
    else:
        yield _paced(zone if isinstance(zone, Retrying) else Retrying(zone), calls_per_s)


def patient(zone: Zone) -> Zone:
    """A zone around one that tries again already, which ``opened`` leaves as it is: else waits would multiply."""
    return Retrying(zone, RetryPolicy(attempts=1))


def _paced(zone: Zone, calls_per_s: int) -> Zone:
    return zone.paced(Pace(calls_per_s)) if calls_per_s and isinstance(zone, PacesCalls) else zone
