"""What may follow the data of a replication, as the file says it: security policies, Hive metadata, the protection of the replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from airflow_provider_livedata.configuration.fields import Place
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions

Texts = dict[str, str]
StatePlace = Annotated[Place, Field(description="a place of its own for the sync's state, plans and reports")]
Options = Annotated[dict[str, Any], Field(description="other options, by the names of the engine's")]


class MetadataFollower(Part):
    """Hive metadata that follow: arguments of ``MetastoreSyncOperator``."""

    source: Annotated[str, Field(min_length=1, description="connection of the metastore, or glue://connection")]
    target: Annotated[
        str, Field(min_length=1, description="the same, or databases of Databricks: databricks://connection/catalogue")
    ]
    state: StatePlace
    locations: Annotated[Texts, Field(min_length=1, description="prefixes of locations, each with the target's")]
    options: Options = {}

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        # The sync at the end of a replication's run is not held back by that of the data.
        _check(SyncOptions, {"locations": self.locations, "after_data": False, "up_to": -1}, self.options)
        return self


class PolicyFollower(Part):
    """Security policies that follow: arguments of ``PolicySyncOperator``."""

    source: Annotated[
        str, Field(min_length=1, description="ranger://connection/service, or another source of policies")
    ]
    target: Annotated[
        str, Field(min_length=1, description="ranger://connection/service, lakeformation:// or databricks://")
    ]
    state: StatePlace
    databases: Texts = {}
    locations: Texts = {}
    users: Texts = {}
    groups: Texts = {}
    roles: Texts = {}
    options: Options = {}

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        named = {name: getattr(self, name) for name in ("databases", "locations", "users", "groups", "roles")}
        _check(PolicySyncOptions, named, self.options)
        return self


class Protection(Part):
    """Who may write to the replica while it is one: arguments of ``ReplicaProtectionOperator``."""

    target: Annotated[str, Field(min_length=1, description="ranger://connection/service of the replica")]
    state: StatePlace
    writers: Annotated[
        dict[str, list[str]], Field(min_length=1, description="users, groups and roles of the replication")
    ]
    databases: Texts = {}
    locations: Texts = {}
    options: Options = {}

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if unknown := sorted(set(self.writers) - {"users", "groups", "roles"}):
            raise ValueError(f"writers are users, groups and roles, not {', '.join(unknown)}")
        named = {"databases": self.databases, "locations": self.locations}
        _check(PolicySyncOptions, named, self.options)
        return self


def _check(kind: Any, named: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    known = {name for name, one in kind.__dataclass_fields__.items() if one.init} - {*named, "dry_run", "holder"}
    if unknown := sorted(set(options) - known):
        raise ValueError(f"options has no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    try:
        kind(**named, **options)
    except LiveDataError as error:
        raise ValueError(str(error.args[0])) from None
