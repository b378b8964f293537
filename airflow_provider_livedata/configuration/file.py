"""The whole file, as a type."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_provider_livedata.configuration.fields import Name
from airflow_provider_livedata.configuration.location import Location
from airflow_provider_livedata.configuration.model import Backup, DisasterRecovery, Migration, Zone
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.configuration.two_way import TwoWayLocation


class File(Part):
    """The whole file."""

    zones: dict[Name, Zone] = {}
    replications: dict[Name, Annotated[Migration | DisasterRecovery, Field(discriminator="kind")]] = {}
    backups: dict[Name, Backup] = {}
    locations: dict[Name, Location | TwoWayLocation] = {}
