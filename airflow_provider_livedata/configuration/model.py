"""What the file may say, as types: they check it, and the JSON Schema for editors is made from them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_provider_livedata.configuration.fields import (
    Age,
    Bandwidth,
    Count,
    Hours,
    Pattern,
    Place,
    Schedule,
    Threads,
    Timezone,
    ZoneAddress,
)
from airflow_provider_livedata.configuration.followers import MetadataFollower, PolicyFollower, Protection
from airflow_provider_livedata.configuration.paces import Pace
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.deciding.policy import Foreign
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import (
    BACKUP_LISTS_EVERY_H,
    PRIORITY,
    Consistency,
    FindBy,
    ReplicateOptions,
)

Attribute = Literal["owner", "group", "mode", "mtime", "acl", "xattrs"]
ScheduleZone = Annotated[Timezone, Field(description="whose times a cron expression has; an IANA name")]
Level = Literal["listing", "checksum", "content"]


class ZoneOptions(Part):
    """Options by the names of ``engine.ReplicateOptions``, of whatever reads from a zone."""

    bandwidth: Bandwidth = ""
    threads: Annotated[Threads, Field(description="tasks at once; 0: as many as suit")] = 0
    max_reads: Annotated[Threads, Field(description="reads from the source at once; 0: as many as threads")] = 0
    max_namenode_calls_per_s: Annotated[
        int, Field(ge=0, le=1_000_000, description="calls of the source's NameNode a second; 0: no limit")
    ] = 0
    priority: Annotated[
        int, Field(ge=1, le=1000, description="part of a zone's bandwidth that runs share: 20 gets twice what 10 gets")
    ] = PRIORITY
    preserve: list[Attribute] = ["owner", "group", "mode", "mtime", "acl"]
    allow_snapshot: Annotated[bool, Field(description="make the source snapshottable where it is not")] = True
    skip_unholdable: Annotated[bool, Field(description="leave out what the target cannot hold")] = False


class Zone(Part):
    """One storage environment under a name of your own."""

    address: ZoneAddress
    options: Annotated[ZoneOptions, Field(description="of every entry that reads from this zone")] = ZoneOptions()
    pace: Annotated[Pace, Field(description="limits of all runs together")] = Pace()


class MigrationOptions(ZoneOptions):
    """Options of a migration."""

    exclude: Annotated[
        list[Pattern], Field(description="what is left out: *.tmp anywhere, logs/*/raw from the source on")
    ] = []
    max_delete_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    foreign: Annotated[Foreign, Field(description="what to do with what somebody else wrote to the target")] = "stop"
    find_by: FindBy = "auto"
    accept_new_filter: bool = False
    exclusive: bool = False


class RecoveryOptions(MigrationOptions):
    """Options of a replication for disaster recovery; consistency and keep_removed are those of its DAG where they are not said."""

    consistency: Consistency = "snapshot"
    keep_removed: Annotated[float, Field(ge=0, le=36_500, description="days")] = 7
    list_every_h: Hours = 24
    memory_mib: Annotated[int, Field(ge=8, le=1 << 20)] = 80


class Migration(Part):
    """A location that is brought to another zone for good."""

    kind: Literal["migration"]
    source: Place
    target: Place
    options: MigrationOptions = MigrationOptions()
    schedule: Schedule | None = None
    timezone: ScheduleZone = "UTC"
    verify_level: Level = "checksum"
    approval: Annotated[bool, Field(description="ask before the cut-over")] = False
    catch_up_until_changes: Annotated[int, Field(ge=0)] = 100
    catch_up_max_rounds: Annotated[int, Field(ge=1)] = 10
    policies: PolicyFollower | None = None
    metadata: MetadataFollower | None = None


_OF_ANY_DAG = {"kind", "source", "target", "options", "schedule", "policies", "metadata", "protection"}


class DisasterRecovery(Part):
    """A location whose copy is kept within seconds of it."""

    kind: Literal["disaster_recovery"]
    source: Place
    target: Place
    options: RecoveryOptions = RecoveryOptions()
    schedule: Annotated[
        Schedule | None,
        Field(description="of a DAG of its own; without it the entry is a location of livedata_disaster_recovery"),
    ] = None
    timezone: ScheduleZone = "UTC"
    interval_s: Annotated[float, Field(gt=0, description="from the start of a cycle to the start of the next")] = 15
    duration_s: Annotated[float | None, Field(ge=0, description="of one run; null: without end")] = 3600
    max_failures_in_row: Annotated[int, Field(ge=1)] = 5
    verify_listing_every_h: Hours = 1
    verify_checksum_every_h: Hours = 24
    policies: PolicyFollower | None = None
    metadata: MetadataFollower | None = None
    protection: Protection | None = None

    @model_validator(mode="after")
    def _has_a_dag_of_its_own(self) -> Self:
        own = sorted(self.model_fields_set - _OF_ANY_DAG)
        if own and self.schedule is None:
            raise ValueError(f"{', '.join(own)}: only for an entry with a DAG of its own; add schedule, or take it out")
        return self


class Retention(Part):
    """Which backups stay: the rules of docs/retention.md."""

    keep_last: Count = 0
    keep_hourly: Count = 0
    keep_daily: Count = 0
    keep_weekly: Count = 0
    keep_monthly: Count = 0
    keep_yearly: Count = 0
    keep_within: Age = ""
    keep_within_hourly: Age = ""
    keep_within_daily: Age = ""
    keep_within_weekly: Age = ""
    keep_within_monthly: Age = ""
    keep_within_yearly: Age = ""
    grace: Annotated[Age, Field(min_length=1)] = "1d"

    @model_validator(mode="after")
    def _is_a_policy(self) -> Self:
        try:
            RetentionPolicy.of(self.chosen())
        except BadInput as error:
            raise ValueError(str(error.args[0])) from None
        return self


class VerifyBackup(Part):
    """How backups are proved."""

    level: Literal["checksum", "content"] = "checksum"
    schedule: Annotated[Schedule | None, Field(description="absent: each backup, as soon as it is made")] = None


class Drill(Part):
    """A restore that is made to see that it works."""

    schedule: Schedule
    target: Annotated[Place, Field(description="where to: a directory of its own")]
    files: Annotated[int, Field(ge=0, le=100_000, description="how many, chosen at random; 0: all")] = 100


class BackupOptions(ZoneOptions):
    """Options of a backup."""

    max_delete_ratio: Annotated[
        float, Field(ge=0, le=1, description="share of the files that may have vanished since the backup before")
    ] = 0.9
    find_by: FindBy = "auto"
    list_every_h: Hours = BACKUP_LISTS_EVERY_H
    exclusive: bool = False
    memory_mib: Annotated[int, Field(ge=8, le=1 << 20)] = 80


class Backup(Part):
    """A location of which copies are kept under a retention policy."""

    source: Place
    target: Annotated[Place | None, Field(description="absent: snapshots of the HDFS location itself")] = None
    layout: Annotated[
        Literal["auto", "snapshots", "increments", "tree"],
        Field(description="of the target; auto: snapshots on HDFS, increments on object stores, trees on file systems"),
    ] = "auto"
    schedule: Schedule | None = None
    timezone: Annotated[Timezone, Field(description="of the schedule and of the retention")] = "UTC"
    retention: Retention = Retention()
    exclude: list[Pattern] = []
    options: BackupOptions = BackupOptions()
    verify: VerifyBackup = VerifyBackup()
    drill: Drill | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.target is None and "layout" in self.model_fields_set:
            raise ValueError("layout is that of a target; add target, or take layout out")
        return self

    @property
    def policy(self) -> RetentionPolicy:
        """Its retention, for ``engine.decide_retention``."""
        return RetentionPolicy.of({**self.retention.chosen(), "timezone": self.timezone})

    @property
    def copying(self) -> ReplicateOptions:
        """How what differs is brought: its options and exclusions; ``options.max_delete_ratio`` is the backup's own."""
        chosen = {name: value for name, value in self.options.chosen().items() if name != "max_delete_ratio"}
        return ReplicateOptions(**{"list_every_h": BACKUP_LISTS_EVERY_H, **chosen}, exclude=tuple(self.exclude))
