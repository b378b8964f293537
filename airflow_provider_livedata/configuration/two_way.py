"""What the file may say of a location that two zones write to, as types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_provider_livedata.configuration.fields import Name, Pattern, Schedule
from airflow_provider_livedata.configuration.location import Somewhere
from airflow_provider_livedata.configuration.model import ScheduleZone, ZoneOptions
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import FindBy
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions

TWO_WAY = "two_way"
Days = Annotated[float, Field(ge=0, le=36_500, description="days")]


class SyncOptions(ZoneOptions):
    """Options of a sync, of both sides."""

    exclude: list[Pattern] = []
    max_delete_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    find_by: FindBy = "auto"
    accept_new_filter: bool = False


class TwoWayLocation(Somewhere):
    """A location that has no home: two zones write to it, and are kept in step."""

    mode: Literal["two_way"]
    zones: Annotated[list[Name], Field(min_length=2, max_length=2, description="the two that write to it")]
    conflicts: Annotated[
        str, Field(description="where both changed a file: fail, newest, keep_both, or prefer: and a zone", examples=["newest", "prefer:onprem"])
    ] = "fail"  # fmt: skip
    keep_conflicts: Days = 30
    keep_removed: Days = 7
    approval: Annotated[bool, Field(description="ask before each sync")] = False
    options: SyncOptions = SyncOptions()
    schedule: Schedule | None = None
    timezone: ScheduleZone = "UTC"

    @model_validator(mode="after")
    def _can_be_synced(self) -> Self:
        self.refuse_nowhere(self.zones)
        try:
            TwoWayOptions(conflicts=self.conflicts, names=(self.zones[0], self.zones[1]))
        except BadInput as error:
            raise ValueError(str(error.args[0])) from None
        return self


@dataclass(frozen=True, slots=True)
class Shared:
    """A location that two zones write to, with all that the file says of it.

    ``places``: its address by zone. ``options``: those of the zones, the second one's first, and its own before both. ``pool``: of its tasks.
    """

    name: str
    places: Mapping[str, str]
    options: Mapping[str, Any]
    pool: str | None
    said: TwoWayLocation
