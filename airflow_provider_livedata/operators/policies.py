"""Security policies follow their data: from one service of Ranger to another, or to catalogues that know grants alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, options_of
from airflow_provider_livedata.engine.errors import BadOption, VerifyFailed
from airflow_provider_livedata.engine.policies.model import Who
from airflow_provider_livedata.hooks.ranger import policies_at, service_at, target_at
from airflow_provider_livedata.operators.base import LiveDataOperator, holder_in, opened
from airflow_provider_livedata.operators.metastore import mapping_of, values_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource, PolicyTarget
    from airflow_provider_livedata.engine.zones.base import Zone

SHOWN = 20
MAPPINGS = ("databases", "locations", "users", "groups", "roles")


class PolicyOperator(LiveDataOperator):
    """An operator between two services that keep policies.

    Args:
        source: ``ranger://connection/service``, ``sentry://connection``, a file that Ranger exported: ``scheme://.../file.json#service``, or
            one of Sentry: ``scheme://.../file.ini``.
        target: ``ranger://connection/service``; or what knows grants alone: ``lakeformation://connection``,
            ``databricks://connection/catalogue``.
        state: Address of a directory of its own, where the sync keeps its state, plans and reports.
        databases: Replicated databases, each with the target's name, as a mapping or JSON of one.
        locations: Replicated directories, each with the target's.
        users: Names of users, or rules with one ``*``, each with the target's. Empty: all stay what they are.
        groups: The same of groups.
        roles: The same of roles.
        options: Other fields of ``engine.PolicySyncOptions`` by name (roles_as, deletes, ...); texts will do.
        dry_run: Write the plan and change nothing else. Kept as ``is_dry_run``.
    """

    template_fields: Collection[str] = ("source", "target", "state", *MAPPINGS, "options", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys((*MAPPINGS, "options"), "json")

    def __init__(
        self, *, source: str, target: str, state: str, databases: Mapping[str, str] | str | None = None,
        locations: Mapping[str, str] | str | None = None, users: Mapping[str, str] | str | None = None,
        groups: Mapping[str, str] | str | None = None, roles: Mapping[str, str] | str | None = None,
        options: Mapping[str, Any] | str | None = None, dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.source = source
        self.target = target
        self.state = state
        self.databases = databases or {}
        self.locations = locations or {}
        self.users = users or {}
        self.groups = groups or {}
        self.roles = roles or {}
        self.options = options or {}
        self.is_dry_run = dry_run

    def chosen(self, context: Context) -> engine.PolicySyncOptions:
        """The options, with this task as the holder of the lease."""
        mappings = {name: mapping_of(getattr(self, name), name) for name in MAPPINGS}
        return options_of(
            engine.PolicySyncOptions, {"holder": holder_in(context), **values_of(self.options, "options")}, dry_run=as_bool(self.is_dry_run, "dry_run"), **mappings
        )  # fmt: skip

    def work(self, context: Context) -> Any:
        """Open both services and the state, and hand them to ``between``."""
        options = self.chosen(context)
        with (
            closing(policies_at(self.source)) as source,
            closing(target_at(self.target)) as target,
            opened(self.state) as state,
        ):
            report = self.between(source, target, options, state)
        return {**report.summary(), "target": self.target}

    def between(
        self, source: PolicySource, target: PolicyTarget | GrantTarget, options: engine.PolicySyncOptions, state: Zone
    ) -> engine.PolicyReport:
        """Call the engine."""
        raise NotImplementedError


class PolicySyncOperator(PolicyOperator):
    """Give a service the policies of another, for what is replicated; never allows more than the source does.

    With ``dry_run`` the plan is written, as a person would review it, and nothing else changed. Returns the report's address, digest and
    totals. It can be run again.
    """

    def between(
        self, source: PolicySource, target: PolicyTarget | GrantTarget, options: engine.PolicySyncOptions, state: Zone
    ) -> engine.PolicyReport:
        """See ``engine.sync_policies``."""
        return engine.sync_policies(source, target, options, state=state)


class PolicyVerifyOperator(PolicyOperator):
    """Compare the policies of a service with what a sync would make of them; any difference fails the task for good.

    With ``dry_run`` differences are told and fail nothing. Returns the report's address, digest and totals.
    """

    def between(
        self, source: PolicySource, target: PolicyTarget | GrantTarget, options: engine.PolicySyncOptions, state: Zone
    ) -> engine.PolicyReport:
        """See ``engine.verify_policies``."""
        report = engine.verify_policies(source, target, options, state=state)
        if report.state == "different" and not options.dry_run:
            first = [*report.widening, *report.failures, *report.changes][:SHOWN]
            error = VerifyFailed(
                "the policies differ; run the sync, or find out who changed the target", differences=sum(report.planned.values()),
                first=first, report=report.address,
            )  # fmt: skip
            error.report = report
            raise error
        return report


class ReplicaProtectionOperator(LiveDataOperator):
    """Keep everybody but the replication from writing to a replica, by policies of Ranger; or lift that, as after a fail-over.

    Args:
        target: ``ranger://connection/service`` of the replica.
        state: As of ``PolicySyncOperator``.
        writers: Who replicates: ``users``, ``groups``, ``roles``, each with a list of names, as a mapping or JSON of one.
        databases: As of ``PolicySyncOperator``; the targets' names are protected.
        locations: The same.
        lifted: Lift the protection instead.
        options: ``sync`` and ``prefix`` of ``engine.PolicySyncOptions``.
        dry_run: Say what would change.
    """

    template_fields: Collection[str] = (
        "target",
        "state",
        "writers",
        "databases",
        "locations",
        "lifted",
        "options",
        "is_dry_run",
    )

    def __init__(
        self, *, target: str, state: str, writers: Mapping[str, Any] | str | None = None, databases: Mapping[str, str] | str | None = None,
        locations: Mapping[str, str] | str | None = None, lifted: bool | str = False, options: Mapping[str, Any] | str | None = None,
        dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.target = target
        self.state = state
        self.writers = writers or {}
        self.databases = databases or {}
        self.locations = locations or {}
        self.lifted = lifted
        self.options = options or {}
        self.is_dry_run = dry_run

    def work(self, context: Context) -> Any:
        """See ``engine.protect_replica``."""
        mappings = {name: mapping_of(getattr(self, name), name) for name in ("databases", "locations")}
        dry_run = as_bool(self.is_dry_run, "dry_run")
        options = options_of(
            engine.PolicySyncOptions,
            {"holder": holder_in(context), **values_of(self.options, "options")},
            dry_run=dry_run,
            **mappings,
        )
        writers = None if as_bool(self.lifted, "lifted") else who_in(self.writers)
        with closing(service_at(self.target)) as target, opened(self.state) as state:
            report = engine.protect_replica(target, options, writers, state=state)
        return {**report.summary(), "target": self.target}


def who_in(value: Mapping[str, Any] | str) -> Who:
    """Users, groups and roles of a mapping of lists, or of JSON of one.

    Raises:
        BadOption: It is neither.
    """
    found: Any = value
    try:
        found = json.loads(value or "{}") if isinstance(value, str) else value
        kinds = {kind: tuple(sorted(found.get(kind) or ())) for kind in ("users", "groups", "roles")}
        is_lists = set(found) <= set(kinds) and not any(isinstance(names, str) for names in found.values())
        if is_lists and all(isinstance(name, str) for names in kinds.values() for name in names):
            return Who(**kinds)
    except (ValueError, AttributeError, TypeError):
        pass
    raise BadOption("writers is a mapping of users, groups and roles to lists of names, or JSON of one", writers=value)
