"""What a run planned and did, put into its report."""

from __future__ import annotations

import logging

from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored.planfile import Plan
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import LeavesAttributes

log = logging.getLogger(__name__)
_COPIED = ("copied_files", "copied_bytes", "adopted_files", "vanished", "vanished_paths")
_CHANGED = ("made_directories", "set_attributes")


def account_plan(report: Report, totals: Totals, plan: Plan) -> None:
    """What is to be done."""
    report.plan, report.plan_digest = plan.address, plan.digest
    report.scanned_files, report.scanned_directories = totals.source_files, totals.source_directories
    report.scanned_bytes, report.skipped, report.planned = (
        totals.source_bytes,
        totals.unchanged_files + totals.unseen_files,
        totals.reasons,
    )
    report.planned_files, report.planned_bytes = totals.copy_files, totals.copy_bytes
    report.planned_deletes = totals.delete_files + totals.delete_directories
    report.changes, report.not_copied = totals.changes, totals.unholdable_examples
    report.changed_examples = totals.changed_examples
    touched = totals.partitions
    report.partitions, report.has_more_partitions = touched.names, touched.has_more
    report.changes_elsewhere = touched.elsewhere
    if totals.unlisted:
        note(
            report,
            f"{totals.unlisted:,} directories of the source may not be listed: everything else is brought, and the run fails",
        )
    log.info(
        "plan: %s files of %s scanned are to be copied, %s deleted",
        totals.copy_files,
        totals.source_files,
        totals.delete_files,
    )


def account_copied(report: Report, tally: Tally) -> None:
    """What came from the source."""
    for name in _COPIED:
        setattr(report, name, getattr(tally, name))
    report.unsettled, report.unsettled_paths = len(tally.unsettled_paths), sorted(tally.unsettled_paths)[:1000]
    _account_failed(report, tally)


def account_changed(report: Report, tally: Tally, target: Zone) -> None:
    """What was done to the target beside that."""
    for name in _CHANGED:
        setattr(report, name, getattr(tally, name))
    report.renamed = tally.moved_files
    report.deleted = tally.deleted_files + tally.deleted_directories
    _account_failed(report, tally)
    if isinstance(target, LeavesAttributes) and (left := target.attributes_left()):
        note(
            report,
            f"attributes could not be set at the target, though the manifest has them; at least {len(left)}, first of "
            f"{left[0].path}: {left[0].reason}",
        )
    if tally.kept_directories:
        note(report, f"{tally.kept_directories} directories stay because they hold excluded or foreign entries")


def note(report: Report, text: str) -> None:
    """Something that a person should know."""
    report.notes.append(text)
    log.warning("%s", text)


def _account_failed(report: Report, tally: Tally) -> None:
    report.failed, report.failures = tally.failed, tally.failures
