"""Security policies follow their data: from one service of Ranger to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, options_of
from airflow_provider_livedata.engine.errors import VerifyFailed
from airflow_provider_livedata.hooks.ranger import policies_at, service_at
from airflow_provider_livedata.operators.base import LiveDataOperator, holder_in, opened
from airflow_provider_livedata.operators.metastore import mapping_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.policies.base import PolicySource, PolicyTarget
    from airflow_provider_livedata.engine.zones.base import Zone

SHOWN = 20
MAPPINGS = ("databases", "locations", "users", "groups", "roles")


class PolicyOperator(LiveDataOperator):
    """An operator between two services that keep policies.

    Args:
        source: ``ranger://connection/service``, or a file that Ranger exported: ``scheme://.../file.json#service``.
        target: ``ranger://connection/service``.
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
        options: Mapping[str, Any] | None = None, dry_run: bool | str = False, **kwargs: Any,
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
            engine.PolicySyncOptions, {"holder": holder_in(context), **self.options}, dry_run=as_bool(self.is_dry_run, "dry_run"), **mappings
        )  # fmt: skip

    def work(self, context: Context) -> Any:
        """Open both services and the state, and hand them to ``between``."""
        options = self.chosen(context)
        with (
            closing(policies_at(self.source)) as source,
            closing(service_at(self.target)) as target,
            opened(self.state) as state,
        ):
            report = self.between(source, target, options, state)
        return {**report.summary(), "target": self.target}

    def between(
        self, source: PolicySource, target: PolicyTarget, options: engine.PolicySyncOptions, state: Zone
    ) -> engine.PolicyReport:
        """Call the engine."""
        raise NotImplementedError


class PolicySyncOperator(PolicyOperator):
    """Give a service the policies of another, for what is replicated; never allows more than the source does.

    With ``dry_run`` the plan is written, as a person would review it, and nothing else changed. Returns the report's address, digest and
    totals. It can be run again.
    """

    def between(
        self, source: PolicySource, target: PolicyTarget, options: engine.PolicySyncOptions, state: Zone
    ) -> engine.PolicyReport:
        """See ``engine.sync_policies``."""
        return engine.sync_policies(source, target, options, state=state)


class PolicyVerifyOperator(PolicyOperator):
    """Compare the policies of a service with what a sync would make of them; any difference fails the task for good.

    With ``dry_run`` differences are told and fail nothing. Returns the report's address, digest and totals.
    """

    def between(
        self, source: PolicySource, target: PolicyTarget, options: engine.PolicySyncOptions, state: Zone
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
