"""Ages as people write them: ``1y5m7d2h``, where m is months. Pure, but for reading the time zone that it is given."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from airflow_provider_livedata.engine.errors import BadOption

_UNITS = {"y": "years", "m": "months", "d": "days", "h": "hours"}
_PART = re.compile(r"(\d{1,6})([ymdh])")
_WHOLE = re.compile(r"(\d{1,6}[ymdh])+")
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar years, months and days, and hours of 60 minutes. All 0 is no duration, and false.

    Source: the notation of restic's --keep-within.
    """

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0

    @classmethod
    def parse(cls, text: Any, name: str = "duration") -> Self:
        """Read the written form; "" is no duration. ``name`` is what an error calls it.

        Raises:
            BadOption: It has another form, or a unit twice.
        """
        parts = _PART.findall(text) if isinstance(text, str) else []
        found = {_UNITS[unit]: int(number) for number, unit in parts}
        if text != "" and (not parts or not _WHOLE.fullmatch(text) or len(found) < len(parts)):
            raise BadOption(
                f"{name} is written as 1y5m7d2h: years, months, days and hours, each at most once", **{name: text}
            )
        return cls(**found)

    def __bool__(self) -> bool:
        return any((self.years, self.months, self.days, self.hours))

    def __str__(self) -> str:
        return "".join(f"{getattr(self, name)}{unit}" for unit, name in _UNITS.items() if getattr(self, name))

    def before(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The instant this long before ``moment``, in UTC; no earlier than the year 1.

        Years, months and days go back on the calendar and the clock of ``zone`` (a month before 31 March is the last of
        February), hours afterwards by elapsed time.
        """
        try:
            return self._on_the_calendar(moment, zone).astimezone(UTC) - timedelta(hours=self.hours)
        except OverflowError:
            return _EVER

    def _on_the_calendar(self, moment: datetime, zone: ZoneInfo) -> datetime:
        local = moment.astimezone(zone)
        year, month = divmod(local.year * 12 + local.month - 1 - self.years * 12 - self.months, 12)
        if (year, month + 1) == (local.year, local.month) and not self.days:
            return local  # the second of two equal hours in autumn stays that
        if year < 1:
            raise OverflowError
        day = min(local.day, monthrange(year, month + 1)[1])
        return local.replace(year=year, month=month + 1, day=day) - timedelta(days=self.days)
