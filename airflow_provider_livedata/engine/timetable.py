"""Bandwidth by time of day, and hours in which nothing may be moved, as users write them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_livedata.engine.errors import BadOption

_UNITS = {
    "": 1,
    "B": 1,
    "K": 1 << 10,
    "KIB": 1 << 10,
    "KB": 1000,
    "M": 1 << 20,
    "MIB": 1 << 20,
    "MB": 10**6,
    "G": 1 << 30,
    "GIB": 1 << 30,
    "GB": 10**9,
}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)(?:/s)?\s*")
CLOSED = 0.0
_DAY_MINUTES = 1440
_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*=(.*)")


@dataclass(frozen=True, slots=True)
class Timetable:
    """Bytes a second by time of day. ``spans``: (first minute, minute after the last, rate); the first that fits counts.

    Written as ``08:00-18:00=50MiB/s, 18:00-20:00=200MiB/s, 1GiB/s``: a part without times is the rate of the rest of
    the day; without one the rest is unlimited. Times are those of the worker's time zone. ``off`` is no limit, ``closed`` a time in
    which nothing may be moved.
    """

    spans: tuple[tuple[int, int, float | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Timetable:
        """Read the written form.

        Raises:
            BadOption: It has another form.
        """
        spans = [_span(part) for part in text.split(",") if part.strip()]
        return cls(tuple(sorted(spans, key=lambda span: span[:2] == (0, _DAY_MINUTES))))

    def rate(self, now: datetime) -> float | None:
        """Bytes a second at ``now``; None is no limit, ``CLOSED`` is none at all."""
        minute = now.hour * 60 + now.minute
        for first, end, rate in self.spans:
            inside = first <= minute < end if first < end else minute >= first or minute < end
            if inside:
                return rate
        return None

    def opens(self, now: datetime) -> datetime | None:
        """When bytes may be moved again, ``now`` where they may be; None: never."""
        if self.rate(now) != CLOSED:
            return now
        minute = now.replace(second=0, microsecond=0)
        later = (minute + timedelta(minutes=n) for n in range(1, _DAY_MINUTES + 1))
        return next((moment for moment in later if self.rate(moment) != CLOSED), None)


def _span(part: str) -> tuple[int, int, float | None]:
    match = _SPAN.fullmatch(part)
    if match is None:
        return 0, _DAY_MINUTES, _rate(part)
    h1, m1, h2, m2 = (int(match[n]) for n in range(1, 5))
    if h1 > 24 or h2 > 24 or m1 > 59 or m2 > 59:
        raise BadOption(
            "a bandwidth timetable has a time that is not on the clock; write 08:00-18:00=50MiB/s", bandwidth=part
        )
    return h1 * 60 + m1, h2 * 60 + m2, _rate(match[5])


def _rate(text: str) -> float | None:
    return CLOSED if text.strip().lower() == "closed" else parse_rate(text)


def parse_rate(text: str) -> float | None:
    """Bytes a second from ``50MiB/s``, ``2GB/s``, ``1048576``; None for ``off``.

    Raises:
        BadOption: It has another form.
    """
    if text.strip().lower() in ("off", "unlimited"):
        return None
    match = _RATE.fullmatch(text)
    if match is None or match[2].upper() not in _UNITS or float(match[1]) <= 0:
        raise BadOption(
            "not a rate; write for example 50MiB/s, 08:00-18:00=50MiB/s, 08:00-18:00=closed, or off", bandwidth=text
        )
    return float(match[1]) * _UNITS[match[2].upper()]
