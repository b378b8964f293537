"""Compare a catalogue with what a sync would make of it: schema, partitions, locations, parameters, constraints, statistics. Reads alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.base import Catalogue, CatalogueTarget
from airflow_provider_livedata.engine.metastore.compare import Comparison
from airflow_provider_livedata.engine.metastore.plan import KEPT, CataloguePlan, TablePlan, note
from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from airflow_provider_livedata.engine.metastore.row_counts import CountRows, Rows
from airflow_provider_livedata.engine.metastore.stored import sync_folder
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)
COUNTED = (
    "numRows",
    "rawDataSize",
)  # of data that are the same; how many files and bytes there are a server may count by itself


def verify_catalogue(
    source: Catalogue, target: CatalogueTarget, options: SyncOptions, *, state: Zone | str,
    rows_at_target: CountRows | None = None, rows_at_source: CountRows | None = None,
) -> CatalogueReport:  # fmt: skip
    """Say how the target differs from what a sync with these options would make it; ``state`` "same" or "different".

    Objects of others at the target, and what cannot be registered there, are no differences and are named apart. ``details="none"`` leaves out
    constraints and statistics of columns; else they are compared for every table. With ``rows_at_target`` each table's rows are counted
    there, and compared with what ``rows_at_source`` counts, or else the source's statistics tell; a count that fails is a difference.

    Raises:
        CatalogueError: A metastore does not answer, or refuses what is needed.
        LiveDataError: The place of the state cannot be used.
    """
    began = time.monotonic()
    everything = replace(options, details="all", changed_at_target="overwrite", deletes="mirror")
    plan = Comparison(source, target, everything).run()
    report = CatalogueReport(
        source.name, target.name, started_ms=now_ms(), found_by="comparing everything: a verification"
    )
    report.compared, report.planned = dict(plan.compared), plan.totals()
    report.touched, report.skipped, report.foreign, report.notes = plan.touched, plan.skipped, plan.foreign, plan.notes
    for text in _differences(source, target, plan, with_details=options.details != "none"):
        note(report.changes, text)
    if rows_at_target is not None:
        _count(report, plan, Rows(source, rows_at_target, rows_at_source))
    report.state = "different" if report.changes else "same"
    report.source_calls, report.target_calls = dict(source.calls()), dict(target.calls())
    report.seconds = round(time.monotonic() - began, 3)
    with opened(state) as zone:
        sync_folder(StateFolder(zone)).write_report(f"verify/{report.started_ms}", report)
    log.info("metadata verification\n%s", report.table())
    return report


def _count(report: CatalogueReport, plan: CataloguePlan, rows: Rows) -> None:
    for one in plan.tables:
        if one.found is not None and one.source.kind != "view":
            for text in rows.differences(one.source, one.found):
                note(report.changes, text)
    report.compared["tables by their rows"] = rows.counted
    report.notes = [*report.notes, *rows.notes][:KEPT]


def _differences(source: Catalogue, target: Catalogue, plan: CataloguePlan, *, with_details: bool) -> Iterator[str]:
    words = {
        "create": "missing",
        "add": "missing",
        "alter": "differs",
        "recreate": "differs",
        "drop": "gone at the source",
    }
    for line in plan.lines():
        kind = next(one for one in ("partition", "table", "function", "database") if one in line)
        name = f"{line['table']}/{line['partition']}" if kind == "partition" else line[kind]
        yield f"{kind} {name}: {words[line['action']]}"
    for one in plan.tables if with_details else ():
        if one.has_details and one.found is not None and one.source.kind != "view":
            yield from _details(source, target, one)


def _details(source: Catalogue, target: Catalogue, one: TablePlan) -> Iterator[str]:
    name = one.source.full_name
    if "constraints" in target.facts.takes:
        added, dropped = diff.constraint_changes(source.constraints(one.source), target.constraints(one.wanted))
        yield from (
            f"constraint {text} of {name}: differs" for text in sorted({*dropped, *(item.name for item in added)})
        )
    columns = diff.columns_with_statistics(one.source.parameters) if "statistics" in target.facts.takes else ()
    if columns:
        theirs, ours = (side.statistics(one.source, columns, None).get(None, ()) for side in (source, target))
        if not diff.same_statistics(theirs, ours):
            yield f"statistics of columns of {name}: differ"
    parameters = one.found.parameters if one.found else {}
    wrong = [key for key in COUNTED if one.source.parameters.get(key) != parameters.get(key)]
    if wrong:
        yield f"statistics of {name}: {', '.join(wrong)} differ"
