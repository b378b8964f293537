"""The two kinds of targets of a sync of policies, in the steps that both take: one keeps policies, the other knows grants alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from airflow_provider_livedata.engine.policies import apply as policies_applied
from airflow_provider_livedata.engine.policies import grant_apply
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed
from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource, PolicyTarget
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, GrantStep, Record
from airflow_provider_livedata.engine.policies.grant_record import grant_folder, record_in, state_of
from airflow_provider_livedata.engine.policies.guard_plan import GuardStep
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Permission
from airflow_provider_livedata.engine.policies.plan import SyncPlan
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.stored import PolicyState, policy_folder
from airflow_provider_livedata.engine.policies.wanted import Around, around, planned
from airflow_provider_livedata.engine.policies.wanted_grants import planned_grants
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder

COMPARED = "comparing all policies"


class Way(Protocol):
    """What differs between targets. Calls come in this order."""

    @property
    def folder(self) -> SyncFolder[Any]:
        """The files of the sync."""

    def is_spared(self, report: PolicyReport) -> bool:
        """Whether both sides are known to be as they should be; has the report say how that was found."""

    def planned(self) -> SyncPlan[Any]:
        """The plan, not guarded yet."""

    def apply(self, plan: SyncPlan[Any], check: Callable[[], None], applied: Applied) -> None:
        """Carry it out; raises BatchFailed."""

    def remember(self, report_address: str) -> None:
        """Keep what the next sync needs, after one that failed in nothing."""


def way_to(
    target: PolicyTarget | GrantTarget, source: PolicySource, options: PolicySyncOptions, state: StateFolder
) -> Way:
    """The one for a target."""
    if isinstance(target, GrantTarget):
        return ByGrants(source, target, options, state)
    return ByPolicies(source, target, options, state)


class ByPolicies:
    """Policies tell by themselves whose they are; what is remembered only spares work. See ``Way``."""

    def __init__(
        self, source: PolicySource, target: PolicyTarget, options: PolicySyncOptions, state: StateFolder
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.folder = policy_folder(state)
        self._around: Around | None = None
        self._standing: PolicyState | None = None
        self._plan: SyncPlan[Any] | None = None

    def is_spared(self, report: PolicyReport) -> bool:
        """Whether both sides are as a sync left them that had nothing to change."""
        now, last = self._now(), self.folder.read()
        self._standing = now
        if last is None or not (now.source_version and now.target_version) or last.standing() != now.standing():
            report.found_by = COMPARED
            return False
        report.found_by = "the versions of both services"
        report.seen, report.same = last.seen, last.held
        report.notes = [f"what could not be carried over, if anything: {last.report}"]
        return True

    def planned(self) -> SyncPlan[Any]:
        """See ``Way``."""
        self._plan = planned(self.source, self.target, self.options, self._found())
        return self._plan

    def apply(self, plan: SyncPlan[Any], check: Callable[[], None], applied: Applied) -> None:
        """See ``Way``."""
        policies_applied.apply(plan, self.target, check, applied)

    def remember(self, report_address: str) -> None:
        """See ``Way``."""
        # Versions are those from before the policies were read: what changes meanwhile is found by the next sync. After own changes
        # the target's is not known, since somebody else may have changed it too: the next sync compares, and only later ones are spared.
        now, plan = self._standing, self._plan
        if now is None or plan is None:
            return
        version = "" if plan.steps else now.target_version
        self.folder.write(replace(now, target_version=version, seen=plan.seen, held=plan.held, report=report_address))

    def _found(self) -> Around:
        if self._around is None:
            self._around = around(self.source, self.target, self.options)
        return self._around

    def _now(self) -> PolicyState:
        found, source, target = self._found(), self.source, self.target
        return PolicyState(
            source.name, target.name, self.options.digest(), source.version(), target.version(), found.digest()
        )


def _held(plan: GrantPlan) -> frozenset[Permission]:
    """What stands of ours before a plan is carried out."""
    revoked = {step.permission for step in plan.steps if isinstance(step, GrantStep) and step.action == "revoke"}
    return frozenset(plan.kept | revoked)


class ByGrants:
    """Grants carry no label, so what was granted is remembered: before it is granted, and after. See ``Way``."""

    def __init__(
        self, source: PolicySource, target: GrantTarget, options: PolicySyncOptions, state: StateFolder
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.folder = grant_folder(state)
        self._record = Record()

    def is_spared(self, report: PolicyReport) -> bool:
        """Never: no version tells of tables that came, or of grants that somebody changed."""
        report.found_by = COMPARED
        return False

    def planned(self) -> GrantPlan:
        """See ``Way``."""
        self._record = record_in(self.folder.read(), self.target.name)
        return planned_grants(self.source, self.target, self.options, self._record)

    def apply(self, plan: SyncPlan[Any], check: Callable[[], None], applied: Applied) -> None:
        """See ``Way``."""
        if not isinstance(plan, GrantPlan):
            raise TypeError(plan)
        asked = frozenset(
            step.permission for step in plan.steps if isinstance(step, GrantStep) and step.action == "grant"
        )
        gone = {step.guard.place for step in plan.steps if isinstance(step, GuardStep) and step.action == "unset"}
        check()
        if asked or gone:  # what a killed run removed itself is no change by somebody
            guards = frozenset(one for one in self._record.guards if one[0] not in gone)
            self._write(replace(self._record, pending=self._record.pending | asked, guards=guards))
        try:
            done = grant_apply.apply(plan, self.target, check, applied)
        except BatchFailed:
            if not applied.left:  # this run's; what one that was killed had granted stands, and is ours to take back
                self._write(replace(self._record, pending=self._record.pending & _held(plan)))
            raise
        given = plan.kept | {step.permission for step in done if step.action == "grant"}
        self._write(Record(frozenset(given), guards=plan.guards))

    def remember(self, report_address: str) -> None:
        """Nothing more: it is kept as soon as it is granted."""

    def _write(self, record: Record) -> None:
        self.folder.write(state_of(record, self.target.name, self.source.name))
