"""What a fail-back would bring back to the old source, by listings of both sides; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.guard import guard
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.deciding.plan import Planner
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import RunRefused
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.finding import Known
from airflow_provider_livedata.engine.switching.aside import compared
from airflow_provider_livedata.engine.switching.report import FailBackReport
from airflow_provider_livedata.engine.switching.swap import judge
from airflow_provider_livedata.engine.zones.base import Zone


def rehearse(source: Zone, returned: Zone, known: Known, options: ReplicateOptions, report: FailBackReport) -> None:
    """Plan the replication back and note in the report what it amounts to, and whether it would stop.

    Args:
        source: The active side, with the attributes that it does not keep.
        returned: The old source.
        known: The records of the direction back.
        options: As the replication has them.
        report: Of the fail-back.
    """
    planner = Planner(Policy(returned.facts, compared(options), "keep", options.max_delete_ratio))
    for _ in planner.steps(_rows_without_found(source, returned, known, options)):
        pass
    _account(report, planner.totals)
    try:
        guard(planner.totals, planner.policy)
    except RunRefused as error:
        report.why = f"the fail-back would stop: {error}"


def _account(report: FailBackReport, totals: Totals) -> None:
    report.copied_files, report.copied_bytes = totals.copy_files, totals.copy_bytes
    report.deleted = totals.delete_files + totals.delete_directories
    report.changed_examples = totals.changed_examples
    report.brought_by = "listings of both sides (a rehearsal takes no snapshot)"


def _rows_without_found(source: Zone, returned: Zone, known: Known, options: ReplicateOptions) -> Iterator[Row]:
    chosen, names = options.filter, compared(options)
    with closing(scan(source, chosen)) as ours, closing(scan(returned, chosen)) as theirs:
        for row in line_up(ours, overlay(known.runs()), theirs, known.planned()):
            found = judge(row, names, returned.facts)
            if found is None or not found.is_in_the_way:
                yield row
            elif row.source is not None or row.known is not None:
                yield row._replace(target=None)  # by then it has been kept aside
