"""A zone that notes when its bytes were read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone

Result = TypeVar("Result")


class Counting(Around):
    """Notes each read of file bytes at its end; views of snapshots count with the zone that they came from."""

    def __init__(self, zone: Zone, reads: list[tuple[float, int]] | None = None) -> None:
        super().__init__(zone)
        self.reads: list[tuple[float, int]] = [] if reads is None else reads

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """See ``Around.around``."""
        result = run()
        if name == "read_into":
            self.reads.append((time.monotonic(), size_bytes))  # one call of the interpreter: no lock needed
        return result

    def around_zone(self, zone: Zone) -> Zone:
        """See ``Around.around_zone``."""
        return Counting(zone, self.reads)

    def close(self) -> None:
        """Close the zone inside."""
        self.inner.close()

    def since_first(self) -> list[tuple[float, int]]:
        """Seconds since the first read ended, and bytes, of each read."""
        began = min((at for at, _ in self.reads), default=0.0)
        return sorted((round(at - began, 3), size) for at, size in self.reads)


def busiest(reads: list[tuple[float, int]], window_s: float) -> int:
    """The most bytes whose reads ended within any ``window_s`` seconds. Pure."""
    return max(_windows(reads, window_s), default=0)


def quietest(reads: list[tuple[float, int]], window_s: float) -> int:
    """The fewest bytes of the windows that begin at a read and lie before the last one. Pure."""
    last = max((at for at, _ in reads), default=0.0)
    whole = [(at, size) for at, size in reads if at + window_s <= last]
    return min((sum(s for t, s in reads if at <= t < at + window_s) for at, _ in whole), default=0)


def _windows(reads: list[tuple[float, int]], window_s: float) -> list[int]:
    return [sum(size for at, size in reads if start <= at < start + window_s) for start, _ in reads]
