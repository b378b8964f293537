"""Give one service the policies of another, for what is replicated: this is the order of a sync.

    lease -> what both sides are -> translate -> compare -> guard -> apply, or put back -> state -> report

``policies/`` holds the parts; deciding is pure there (``translate``, ``plan``).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed, apply
from airflow_provider_livedata.engine.policies.base import PolicySource, PolicyTarget
from airflow_provider_livedata.engine.policies.model import as_json
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import PolicyPlan, guard
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import described
from airflow_provider_livedata.engine.policies.stored import PolicyState, policy_folder
from airflow_provider_livedata.engine.policies.wanted import planned, same_kind
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)


def sync_policies(
    source: PolicySource, target: PolicyTarget, options: PolicySyncOptions, *, state: Zone | str, lease_times: LeaseTimes | None = None
) -> PolicyReport:  # fmt: skip
    """Have the target's service answer as the source's does, for what is replicated; never allows more.

    Args:
        source: Where to read.
        target: Where to write; of the same kind.
        options: How.
        state: A place for the state of this sync, of its own.
        lease_times: Of the lease at ``state``.

    Returns:
        The report, also stored at ``state``.

    Raises:
        RunRefused: A guard stopped it before anything was changed; says how to go on.
        RunFailed: Policies that only allow could not be carried over, all others were; or the target was put back. Its ``report`` says
            which.
        PolicyStoreError: A side does not answer, or refuses what is needed.
        LiveDataError: The place of the state cannot be used.
    """
    with ExitStack() as stack:
        store = policy_folder(StateFolder(stack.enter_context(opened(state))))
        check = store.held(stack, options, lease_times)
        where = f"dry/{now_ms()}" if options.dry_run else f"runs/{store.next_run()}"
        return _Sync(source, target, options, store, where).run(check)


class _Sync:
    """One run."""

    def __init__(
        self,
        source: PolicySource,
        target: PolicyTarget,
        options: PolicySyncOptions,
        store: SyncFolder[PolicyState],
        where: str,
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.store, self.where = store, where
        number = 0 if options.dry_run else int(where.rpartition("/")[2])
        self.report = PolicyReport(source.name, target.name, number, started_ms=now_ms())
        self._began = time.monotonic()

    def run(self, check: Callable[[], None]) -> PolicyReport:
        """See ``sync_policies``."""
        applied = Applied()
        try:
            now, is_same = self._standing()
            if is_same:
                return self._same(now)
            plan = self._planned()
            guard(plan, self.options)
            if not self.options.dry_run:
                self._apply(plan, check, applied)
        except LiveDataError as error:
            if self.report.state == "synced":
                self.report.state, self.report.why = "stopped", f"{type(error).__name__}: {error.args[0]}"
            self._tell(applied)
            raise
        self._ended(now, plan, applied)
        return self.report

    # ---- what both sides are

    def _standing(self) -> tuple[PolicyState, bool]:
        """Both sides as they are, and whether that is how the last sync left them."""
        same_kind(self.source, self.target, self.options)
        self._roles = self.source.roles() if self.options.roles_as == "members" else {}
        now = PolicyState(
            self.source.name, self.target.name, self.options.digest(), self.source.version(), self.target.version(), self._around(),
        )  # fmt: skip
        last = self.store.read()
        if last is None or not (now.source_version and now.target_version) or last.standing() != now.standing():
            self.report.found_by = "comparing all policies"
            return now, False
        self.report.found_by = "the versions of both services"
        self.report.seen, self.report.same = last.seen, last.held
        self.report.notes = [f"what could not be carried over, if anything: {last.report}"]
        return now, True

    def _around(self) -> str:
        """A digest of what a service's version does not tell: roles, security zones, and how many policies by tags there are."""
        roles = {name: [who.users, who.groups, who.roles] for name, who in self._roles.items()}
        zones = [sorted(repr(zone) for zone in side.zones()) for side in (self.source, self.target)]
        said = as_json([roles, zones, self.source.tag_policies()])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def _same(self, now: PolicyState) -> PolicyReport:
        self.report.state = "dry run" if self.options.dry_run else "synced"
        self._tell(Applied())
        return self.report

    def _planned(self) -> PolicyPlan:
        plan, lost = planned(self.source, self.target, self.options, self._roles)
        report = self.report
        lines = [{"action": step.action, "policy": step.name, "review": list(described(step))} for step in plan.steps]
        report.plan, report.plan_digest = self.store.write_plan(self.where, lines)
        report.seen, report.same, report.planned = plan.seen, plan.same, plan.totals()
        report.changes = [text for step in plan.steps for text in described(step)]
        report.failures, report.widening, report.touched = plan.failures, plan.widening, plan.touched
        report.lost, report.notes = lost, [*report.notes, *plan.notes]
        return plan

    # ---- doing

    def _apply(self, plan: PolicyPlan, check: Callable[[], None], applied: Applied) -> None:
        try:
            apply(plan, self.target, check, applied)
        except BatchFailed as error:
            cause = error.cause
            self.report.state = "between" if applied.left else "restored"
            self.report.why, self.report.left = f"{type(cause).__name__}: {cause}", applied.left
            what = (
                "and could not be put back to what it was; the report names what is not"
                if applied.left
                else "and was put back to what it was"
            )
            failed = RunFailed(
                f"the target could not be given its policies, {what}: {cause}", left=applied.left[:5] or None
            )
            failed.report = self.report
            raise failed from cause

    def _ended(self, now: PolicyState, plan: PolicyPlan, applied: Applied) -> None:
        self.report.failures = [*plan.failures, *applied.failures]
        self.report.state = "dry run" if self.options.dry_run else "failed" if self.report.failures else "synced"
        if self.report.state == "synced":
            self._remember(now, plan)
        if not self.options.dry_run:
            self.store.tidy()
        self._tell(applied)
        if self.report.state == "failed":
            failed = RunFailed(
                "some policies that allow could not be carried over, all others were; the report names them",
                failed=len(self.report.failures), first=self.report.failures[0], report=self.report.address,
            )  # fmt: skip
            failed.report = self.report
            raise failed

    def _remember(self, now: PolicyState, plan: PolicyPlan) -> None:
        # Versions are those from before the policies were read: what changes meanwhile is found by the next sync. After own changes
        # the target's is not known, since somebody else may have changed it too: the next sync compares, and only later ones are spared.
        version = "" if plan.steps else now.target_version
        self.store.write(
            replace(
                now,
                target_version=version,
                seen=plan.seen,
                held=plan.held,
                report=self.store.report_address(self.where),
            )
        )

    def _tell(self, applied: Applied) -> None:
        report = self.report
        report.done = {name: count for name, count in sorted(applied.done.items()) if count}
        report.source_calls, report.target_calls = dict(self.source.calls()), dict(self.target.calls())
        report.seconds = round(time.monotonic() - self._began, 3)
        self.store.write_report(self.where, report)
        log.info("policy sync\n%s", report.table())
