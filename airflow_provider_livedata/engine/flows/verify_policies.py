"""Compare the policies of a service with what a sync would make of them. Reads alone."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource, PolicyTarget
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import SyncPlan
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import tell_plan
from airflow_provider_livedata.engine.policies.ways import COMPARED, way_to
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)


def verify_policies(
    source: PolicySource, target: PolicyTarget | GrantTarget, options: PolicySyncOptions, *, state: Zone | str
) -> PolicyReport:
    """Say how the target differs from what a sync with these options would make it; ``state`` "same" or "different".

    What cannot be carried over counts as a difference; what is but less than at the source (``lost``), and policies of others at the
    target, do not.

    Raises:
        PolicyStoreError: A side does not answer, or refuses what is needed.
        LiveDataError: The place of the state cannot be used.
    """
    began = time.monotonic()
    exact = replace(options, changed_at_target="overwrite", deletes="mirror")
    with opened(state) as zone:
        way = way_to(target, source, exact, StateFolder(zone))
        report = PolicyReport(source.name, target.name, started_ms=now_ms(), found_by=f"{COMPARED}: a verification")
        plan = way.planned()
        tell_plan(report, plan)
        _sum_up(report, plan)
        report.source_calls, report.target_calls = dict(source.calls()), dict(target.calls())
        report.seconds = round(time.monotonic() - began, 3)
        way.folder.write_report(f"verify/{report.started_ms}", report)
    log.info("policy verification\n%s", report.table())
    return report


def _sum_up(report: PolicyReport, plan: SyncPlan[Any]) -> None:
    is_same = not (plan.steps or plan.failures or plan.widening)
    report.state = "same" if is_same else "different"
