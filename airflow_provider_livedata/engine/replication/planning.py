"""Make and store the plan of a run, by the way that changes are found, or by listings where that way is closed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from airflow_provider_livedata.engine.deciding.plan import Planner
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import PermissionRefused
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.accounts import account_plan
from airflow_provider_livedata.engine.replication.finding import Known, Way, add_unseen, rows_of
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored.planfile import Plan, PlanWriter
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that is stored, what it amounts to, and how its changes were found."""

    plan: Plan
    totals: Totals
    way: Way


@dataclass(frozen=True, slots=True)
class Planning:
    """What a plan is made from: two sides, the records, and the policy. ``source``: as it is read, a snapshot or live."""

    source: Zone
    target: Zone
    known: Known
    policy: Policy
    options: ReplicateOptions
    report: Report

    def write(self, way: Way, folder: str) -> Planned:
        """Store the plan in ``folder`` and note in the report what it amounts to."""
        try:
            return self._write_by(way, folder)
        except PermissionRefused as error:
            if way.cover is None:
                raise
            listings = f"listings of both sides: a part of what changed may not be read: {error}"
            return self._write_by(Way(listings), folder)  # which goes on past what may not be listed

    def _write_by(self, way: Way, folder: str) -> Planned:
        planner, report = Planner(self.policy), self.report
        report.found_by = way.text
        log.info("changes are found by %s", way.text)
        writer = PlanWriter(self.known.state, folder)
        with rows_of(way, self.source, self.target, self.known, self.options) as rows:
            writer.write(planner.steps(rows))
        if way.cover is not None:
            add_unseen(planner.totals, self.known, way.cover)
        plan = writer.close(planner.totals, {"source": report.source, "target": report.target})
        account_plan(report, planner.totals, plan)
        return Planned(plan, planner.totals, way)
