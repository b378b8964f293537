"""Give one service the policies of another, for what is replicated: this is the order of a sync.

    lease -> what both sides are -> translate -> compare -> guard -> apply, or put back -> state -> report

``policies/`` holds the parts; deciding is pure there (``translate``, ``plan``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed, apply
from airflow_provider_livedata.engine.policies.base import PolicySource, PolicyTarget
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import PolicyPlan, guard
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import tell_plan
from airflow_provider_livedata.engine.policies.stored import PolicyState, policy_folder
from airflow_provider_livedata.engine.policies.wanted import Around, around, planned
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
            found = around(self.source, self.target, self.options)
            now = self._standing(found)
            if self._is_spared(now):
                self.report.state = "dry run" if self.options.dry_run else "synced"
                self._tell(applied)
                return self.report
            plan = self._planned(found)
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

    def _standing(self, found: Around) -> PolicyState:
        source, target = self.source, self.target
        return PolicyState(
            source.name, target.name, self.options.digest(), source.version(), target.version(), found.digest()
        )

    def _is_spared(self, now: PolicyState) -> bool:
        """Whether both sides are as a sync left them that had nothing to change."""
        last = self.store.read()
        if last is None or not (now.source_version and now.target_version) or last.standing() != now.standing():
            self.report.found_by = "comparing all policies"
            return False
        self.report.found_by = "the versions of both services"
        self.report.seen, self.report.same = last.seen, last.held
        self.report.notes = [f"what could not be carried over, if anything: {last.report}"]
        return True

    def _planned(self, found: Around) -> PolicyPlan:
        plan = planned(self.source, self.target, self.options, found)
        reviews = tell_plan(self.report, plan)
        lines = (
            {"action": step.action, "policy": step.name, "review": review}
            for step, review in zip(plan.steps, reviews, strict=True)
        )
        self.report.plan, self.report.plan_digest = self.store.write_plan(self.where, lines)
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
