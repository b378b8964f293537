"""The rules by which backups are kept, as people write them. Pure, but for reading the time zone's rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_livedata.engine.durations import Duration
from airflow_provider_livedata.engine.errors import BadOption

COUNTS = ("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly")
AGES = (
    "keep_within", "keep_within_hourly", "keep_within_daily", "keep_within_weekly", "keep_within_monthly", "keep_within_yearly",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Which backups to keep; one may be kept by several rules, and one without any rule keeps everything.

    Args:
        keep_last: That many, the newest; -1: all.
        keep_hourly: The newest of each of the last so many hours that have a backup; -1: of all hours. While there are
            fewer hours than that, the oldest backup stays too. Likewise the four below.
        keep_daily: Days in ``timezone``.
        keep_weekly: ISO weeks, from Monday on.
        keep_monthly: Calendar months.
        keep_yearly: Calendar years.
        keep_within: All that are younger than this, counted back from the newest complete backup and not from now: where
            backups have stopped, none goes for its age.
        keep_within_hourly: The newest of each hour within this of the newest backup. Likewise the four below.
        keep_within_daily: The newest of each day within this of the newest backup.
        keep_within_weekly: The newest of each ISO week within this of the newest backup.
        keep_within_monthly: The newest of each month within this of the newest backup.
        keep_within_yearly: The newest of each year within this of the newest backup.
        timezone: IANA name of the zone whose hours, days and so on count.
        grace: For how long an incomplete backup is left alone, since somebody may be at work on it.
    """

    keep_last: int = 0
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_yearly: int = 0
    keep_within: Duration = Duration()
    keep_within_hourly: Duration = Duration()
    keep_within_daily: Duration = Duration()
    keep_within_weekly: Duration = Duration()
    keep_within_monthly: Duration = Duration()
    keep_within_yearly: Duration = Duration()
    timezone: str = "UTC"
    grace: Duration = Duration(days=1)
    zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in COUNTS:
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < -1:
                raise BadOption(f"{name} is a whole number, 0 for none or -1 for all", **{name: count})
        for name in (*AGES, "grace"):
            if not isinstance(getattr(self, name), Duration):
                raise BadOption(f"{name} is a Duration; RetentionPolicy.of reads texts", **{name: getattr(self, name)})
        if not self.grace:
            raise BadOption("grace is longer than nothing: a backup may be at work; the least is 1h")
        object.__setattr__(self, "zone", zone_named(self.timezone))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """A policy from plain values, as files and forms have them: ``{"keep_daily": 7, "keep_within": "1m"}``.

        Raises:
            BadOption: An unknown rule, or a value that it cannot have.
        """
        known = [one.name for one in dataclasses.fields(cls) if one.init]
        unknown = sorted(map(str, set(values) - set(known)))
        if unknown:
            raise BadOption(f"the rules are {', '.join(known)}", unknown=unknown)
        ages = {name: Duration.parse(values[name], name) for name in (*AGES, "grace") if name in values}
        return cls(**{**values, **ages})

    @property
    def is_empty(self) -> bool:
        """Whether it has no rule."""
        return not any(getattr(self, name) for name in (*COUNTS, *AGES))

    def __str__(self) -> str:
        rules = [f"{name} {getattr(self, name)}" for name in (*COUNTS, *AGES) if getattr(self, name)]
        return f"{', '.join(rules) or 'no rule'}; times in {self.timezone}"


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        BadOption: There is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError, AttributeError):
        raise BadOption("not a time zone; write an IANA name such as Europe/Berlin or UTC", timezone=name) from None
