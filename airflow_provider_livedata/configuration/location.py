"""What the file may say of a location that has a home and followers, as types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from airflow_provider_livedata.configuration.fields import HomeOrSchedule, Name
from airflow_provider_livedata.configuration.followers import MetadataFollower, PolicyFollower
from airflow_provider_livedata.configuration.model import Level, RecoveryOptions, ScheduleZone
from airflow_provider_livedata.configuration.part import Part

PathInZone = Annotated[str, Field(description="below the address of the zone", examples=["data/sales"])]


class Follower(Part):
    """A zone that holds a copy."""

    zone: Name
    follows: Annotated[Name | None, Field(description="another follower that it is fed from; absent: the home")] = None
    options: Annotated[RecoveryOptions, Field(description="go before those of the location")] = RecoveryOptions()
    policies: PolicyFollower | None = None
    metadata: MetadataFollower | None = None


def _follower(value: Any) -> Any:
    return {"zone": value} if isinstance(value, str) else value


class Somewhere(Part):
    """A location that is in several zones."""

    path: Annotated[PathInZone | None, Field(description="where it is, in every zone that ``at`` does not name")] = None
    at: Annotated[dict[Name, PathInZone], Field(description="where it is, by zone")] = {}

    def path_in(self, zone: str) -> str:
        """Where it is in a zone."""
        return self.at.get(zone, self.path or "")

    def refuse_nowhere(self, zones: Sequence[str]) -> None:
        """Make sure that it is somewhere in each of its zones, and that no other is said.

        Raises:
            ValueError: It is not; says what is missing or too much.
        """
        missing = [zone for zone in dict.fromkeys(zones) if zone not in self.at]
        if self.path is None and missing:
            raise ValueError(f"says no place in {', '.join(missing)}: add path, or at with each of them")
        if unused := sorted(set(self.at) - set(zones)):
            raise ValueError(
                f"at names {', '.join(unused)}, which is none of its zones ({', '.join(dict.fromkeys(zones))})"
            )


class Location(Somewhere):
    """A location that is written in one zone, its home, and followed by others."""

    home: Annotated[Name, Field(description="the zone where it is written")]
    followers: list[Annotated[Follower, BeforeValidator(_follower, json_schema_input_type=Name | Follower)]] = []
    options: RecoveryOptions = RecoveryOptions()
    verify_level: Annotated[Level, Field(description="how each copy is proved before its asset is updated")] = "listing"
    schedule: Annotated[
        HomeOrSchedule | None,
        Field(description="of a DAG of its own; without it the location is one of livedata_hybrid_cloud"),
    ] = None
    timezone: ScheduleZone = "UTC"

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        self.refuse_nowhere([self.home, *(one.zone for one in self.followers)])
        if self.schedule is None and "timezone" in self.model_fields_set:
            raise ValueError("timezone: only for a location with a DAG of its own; add schedule, or take it out")
        return self
