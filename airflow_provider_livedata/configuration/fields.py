"""What single values of the file may be, checked as it is read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Annotated, Any

from croniter import CroniterBadDateError, croniter
from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema

from airflow_provider_livedata.engine.backups.retention_policy import zone_named
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.durations import Duration
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.zones.address import Address

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
HOME = "home"  # a schedule: whenever the asset of the home is updated
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
_CHANGING = re.compile(r"(?<![A-Za-z])[HhRr](?![A-Za-z])")  # H and R are another time each time that they are read
_SOME_DAY = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
_EVERY = ("weeks", "days", "hours", "minutes")


def _accepted(check: Callable[[Any], object]) -> AfterValidator:
    """Take a value as it is where ``check`` raises none of the engine's errors; its first sentence says what to write."""

    def validate(value: Any) -> Any:
        try:
            check(value)
        except LiveDataError as error:
            raise ValueError(str(error.args[0])) from None
        return value

    return AfterValidator(validate)


def _schedule(value: Any) -> str | datetime.timedelta:
    if isinstance(value, dict) and value and set(value) <= set(_EVERY):
        return _every(value)
    if isinstance(value, str) and value in PRESETS:
        return value
    if isinstance(value, str) and _is_cron(value):
        return value
    raise ValueError(
        f"is a cron expression of five fields (0 2 * * *), one of {', '.join(PRESETS)}, or an interval such as {{hours: 6}} of "
        f"{', '.join(_EVERY)}"
    )


def _home_or_schedule(value: Any) -> str | datetime.timedelta:
    return HOME if value == HOME else _schedule(value)


def _is_cron(text: str) -> bool:
    if len(text.split()) != 5 or _CHANGING.search(text) or not croniter.is_valid(text):
        return False
    try:
        croniter(text, _SOME_DAY).get_next()
    except CroniterBadDateError:
        raise ValueError(f"{text} never comes") from None
    return True


def _every(value: dict[str, Any]) -> datetime.timedelta:
    numbers = [number for number in value.values() if isinstance(number, int) and not isinstance(number, bool)]
    if len(numbers) < len(value) or not all(0 <= number < 100_000 for number in numbers) or not any(numbers):
        raise ValueError("an interval is made of whole numbers and longer than nothing, such as {hours: 6}")
    return datetime.timedelta(**value)


def _every_schema() -> dict[str, Any]:
    numbers = {name: {"type": "integer", "minimum": 0} for name in _EVERY}
    return {"type": "object", "properties": numbers, "additionalProperties": False, "minProperties": 1}


Name = Annotated[str, StringConstraints(pattern=NAME)]
ZoneAddress = Annotated[
    str, _accepted(Address.parse),
    Field(description="scheme://[conn_id@]authority/path, where conn_id is an Airflow connection", examples=["hdfs://hdfs_prod@nn1:8020/"]),
]  # fmt: skip
Place = Annotated[
    str,
    Field(description="an address, or a zone and a path in it: prod:/data/sales", examples=["prod:/data/sales"]),
]
Schedule = Annotated[
    str | datetime.timedelta, PlainValidator(_schedule),
    WithJsonSchema({
        "description": "a cron expression of five fields, a preset such as @daily, or an interval such as {hours: 6}",
        "anyOf": [{"type": "string", "examples": ["0 2 * * *"]}, _every_schema()],
    }),
]  # fmt: skip
HomeOrSchedule = Annotated[
    str | datetime.timedelta, PlainValidator(_home_or_schedule),
    WithJsonSchema({
        "description": "home: whenever the asset of the home is updated; else as other schedules: cron, a preset, an interval",
        "anyOf": [{"type": "string", "examples": ["home", "0 2 * * *"]}, _every_schema()],
    }),
]  # fmt: skip
Timezone = Annotated[str, _accepted(zone_named), Field(description="IANA name", examples=["Europe/Berlin"])]
Pattern = Annotated[str, _accepted(lambda one: Filter([one]))]
Bandwidth = Annotated[
    str, _accepted(Timetable.parse),
    Field(description="50MiB/s, or by time of day: 08:00-18:00=50MiB/s, 200MiB/s; empty: no limit"),
]  # fmt: skip
Age = Annotated[
    str, _accepted(lambda text: Duration.parse(text, "an age")), Field(description="1y5m7d2h: years, months, days, hours"),
]  # fmt: skip
Count = Annotated[int, Field(ge=-1, description="how many; -1: all")]
Threads = Annotated[int, Field(ge=0, le=256)]
Hours = Annotated[float, Field(ge=0, le=1 << 20)]
