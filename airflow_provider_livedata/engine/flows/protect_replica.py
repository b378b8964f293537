"""Have nobody but the replication write to a replica, and lift that again when it becomes the active side."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BadInput, RunFailed
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed, apply
from airflow_provider_livedata.engine.policies.base import PolicyTarget
from airflow_provider_livedata.engine.policies.model import Who
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import PolicyPlan, compare
from airflow_provider_livedata.engine.policies.protection import protections
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import tell_plan
from airflow_provider_livedata.engine.policies.stored import policy_folder
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)
NAME = "replica protection"


def protect_replica(
    target: PolicyTarget,
    options: PolicySyncOptions,
    writers: Who | None,
    *,
    state: Zone | str,
    lease_times: LeaseTimes | None = None,
) -> PolicyReport:
    """Deny writing to the replicated databases, paths and URLs of a service to everybody but ``writers``; None lifts that.

    It overrides what other policies allow. Setting it again, or lifting what is not set, changes nothing.

    Args:
        target: The service of the replica.
        options: ``databases`` and ``locations`` (their targets), ``sync``, ``prefix``, ``dry_run``, ``holder``.
        writers: Who replicates; None: nobody is kept from writing any more.
        state: A place for the reports, and for the lease that syncs of policies take too.
        lease_times: Of the lease.

    Raises:
        BadInput: ``writers`` names nobody, or what is replicated does not fit the service.
        RunFailed: It could not be done, and the target was put back as far as the report says.
        PolicyStoreError: The service does not answer.
    """
    began, plan, applied = time.monotonic(), PolicyPlan(), Applied()
    facts = target.facts()
    if problem := options.scope.problem_for(facts.kind):
        raise BadInput(problem, target=target.name)
    wanted = dict(protections(options, facts, writers)) if writers is not None else {}
    with ExitStack() as stack:
        store = policy_folder(StateFolder(stack.enter_context(opened(state))))
        check = store.held(stack, options, lease_times)
        compare(wanted, target.policies(), options, f"{options.sync} {NAME}".strip(), plan)
        report = PolicyReport(NAME, target.name, started_ms=now_ms())
        tell_plan(report, plan)
        report.state = "dry run" if options.dry_run else "synced"
        failed = None if options.dry_run else _applied(plan, target, check, applied, report)
        report.done = {name: count for name, count in sorted(applied.done.items()) if count}
        report.target_calls, report.seconds = dict(target.calls()), round(time.monotonic() - began, 3)
        store.write_report(f"protection/{report.started_ms}", report)
    log.info("replica protection\n%s", report.table())
    if failed is not None:
        raise failed
    return report


def _applied(
    plan: PolicyPlan, target: PolicyTarget, check: Callable[[], None], applied: Applied, report: PolicyReport
) -> RunFailed | None:
    problems = [*plan.widening, *plan.failures]
    if not problems:
        try:
            apply(plan, target, check, applied)
            return None
        except BatchFailed as error:
            problems = [str(error.cause)]
            report.left = applied.left
    report.state, report.why = "between" if applied.left else "restored", problems[0]
    failed = RunFailed(
        f"the protection of the replica could not be changed: {problems[0]}", left=applied.left[:5] or None
    )
    failed.report = report
    return failed
