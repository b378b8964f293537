"""Give one service the policies of another, for what is replicated: this is the order of a sync.

    lease -> what both sides are -> translate -> compare -> guard -> apply, or put back -> state -> report

``policies/`` holds the parts; deciding is pure there (``translate``, ``plan``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed
from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource, PolicyTarget
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import SyncPlan, guard
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import tell_plan
from airflow_provider_livedata.engine.policies.ways import Way, way_to
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)


def sync_policies(
    source: PolicySource, target: PolicyTarget | GrantTarget, options: PolicySyncOptions, *, state: Zone | str,
    lease_times: LeaseTimes | None = None,
) -> PolicyReport:  # fmt: skip
    """Have the target's service answer as the source's does, for what is replicated; never allows more.

    Args:
        source: Where to read.
        target: Where to write; of the same kind, or one that knows grants alone.
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
        way = way_to(target, source, options, StateFolder(stack.enter_context(opened(state))))
        check = way.folder.held(stack, options, lease_times)
        where = f"dry/{now_ms()}" if options.dry_run else f"runs/{way.folder.next_run()}"
        return _Sync(source, target, options, way, where).run(check)


class _Sync:
    """One run."""

    def __init__(
        self, source: PolicySource, target: PolicyTarget | GrantTarget, options: PolicySyncOptions, way: Way, where: str
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.way, self.store, self.where = way, way.folder, where
        number = 0 if options.dry_run else int(where.rpartition("/")[2])
        self.report = PolicyReport(source.name, target.name, number, started_ms=now_ms())
        self._began = time.monotonic()

    def run(self, check: Callable[[], None]) -> PolicyReport:
        """See ``sync_policies``."""
        applied = Applied()
        try:
            if self.way.is_spared(self.report):
                self.report.state = "dry run" if self.options.dry_run else "synced"
                self._tell(applied)
                return self.report
            plan = self._planned()
            guard(plan, self.options)
            if not self.options.dry_run:
                self._apply(plan, check, applied)
        except LiveDataError as error:
            if self.report.state == "synced":
                self.report.state, self.report.why = "stopped", f"{type(error).__name__}: {error.args[0]}"
            self._tell(applied)
            raise
        self._ended(plan, applied)
        return self.report

    def _planned(self) -> SyncPlan[Any]:
        plan = self.way.planned()
        reviews = tell_plan(self.report, plan)
        lines = (
            {"action": step.action, "policy": step.name, "review": review}
            for step, review in zip(plan.steps, reviews, strict=True)
        )
        self.report.plan, self.report.plan_digest = self.store.write_plan(self.where, lines)
        return plan

    # ---- doing

    def _apply(self, plan: SyncPlan[Any], check: Callable[[], None], applied: Applied) -> None:
        try:
            self.way.apply(plan, check, applied)
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

    def _ended(self, plan: SyncPlan[Any], applied: Applied) -> None:
        self.report.failures = [*plan.failures, *applied.failures]
        self.report.notes += applied.notes
        self.report.state = "dry run" if self.options.dry_run else "failed" if self.report.failures else "synced"
        if self.report.state == "synced":
            self.way.remember(self.store.report_address(self.where))
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

    def _tell(self, applied: Applied) -> None:
        report = self.report
        report.done = {name: count for name, count in sorted(applied.done.items()) if count}
        report.source_calls, report.target_calls = dict(self.source.calls()), dict(self.target.calls())
        report.seconds = round(time.monotonic() - self._began, 3)
        self.store.write_report(self.where, report)
        log.info("policy sync\n%s", report.table())
