"""Zones as flows are given them: opened from an address, or handed over open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.registry import open_zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying


@contextlib.contextmanager
def opened(zone: Zone | str) -> Iterator[Zone]:
    """A zone whose retryable failures are tried again; one that is opened here is closed here."""
    if isinstance(zone, str):
        mine = open_zone(zone)
        try:
            yield Retrying(mine)
        finally:
            mine.close()
    else:
        yield zone if isinstance(zone, Retrying) else Retrying(zone)


def patient(zone: Zone) -> Zone:
    """A zone around one that tries again already, which ``opened`` leaves as it is: else waits would multiply."""
    return Retrying(zone, RetryPolicy(attempts=1))
