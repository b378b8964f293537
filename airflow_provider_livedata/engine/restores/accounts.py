"""What a restore planned, did and proved, put into its report."""

from __future__ import annotations

import logging

from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.restores.comparing import Proof
from airflow_provider_livedata.engine.restores.report import KEPT, RestoreReport
from airflow_provider_livedata.engine.restores.rows import Findings
from airflow_provider_livedata.engine.stored.planfile import Plan
from airflow_provider_livedata.engine.transfer.tally import Tally

log = logging.getLogger(__name__)


def account_plan(report: RestoreReport, totals: Totals, plan: Plan, findings: Findings) -> None:
    """What is to be done."""
    report.plan, report.plan_digest, report.planned = plan.address, plan.digest, totals.reasons
    report.planned_files, report.planned_bytes = totals.copy_files, totals.copy_bytes
    report.planned_deletes = totals.delete_files + totals.delete_directories
    report.changes, report.changed_examples = totals.changes, totals.changed_examples
    report.scanned_files, report.scanned_directories = totals.source_files, totals.source_directories
    report.scanned_bytes, report.not_restored = totals.source_bytes, totals.unholdable_examples
    report.same, report.newer, report.newer_examples = findings.same, findings.newer, findings.newer_examples
    if findings.left:
        note(
            report,
            f"{findings.left:,} entries that are neither files nor directories are left alone, such as {findings.left_examples[0]}",
        )
    log.info(
        "%s files of %s are to be restored, %s deleted", totals.copy_files, totals.source_files, report.planned_deletes
    )


def account_done(report: RestoreReport, tally: Tally) -> None:
    """What was brought and changed."""
    report.copied_files, report.copied_bytes = tally.copied_files, tally.copied_bytes
    report.made_directories, report.set_attributes = tally.made_directories, tally.set_attributes
    report.deleted = tally.deleted_files + tally.deleted_directories
    account_failed(report, tally)
    if tally.kept_directories:
        note(report, f"{tally.kept_directories} directories stay because they hold what is left alone")


def account_failed(report: RestoreReport, tally: Tally) -> None:
    """What failed, after what had failed before."""
    report.failed += tally.failed
    report.failures = [*report.failures, *tally.failures][:KEPT]


def account_proof(report: RestoreReport, proof: Proof) -> None:
    """What was compared, and what differs."""
    report.verified_files, report.difference_count = proof.files, proof.count
    report.proved_by_store, report.proved_by_reading = proof.by_store, proof.by_reading
    report.differences = proof.differences


def note(report: RestoreReport, text: str) -> None:
    """Something that a person should know."""
    report.notes.append(text)
    log.warning("%s", text)
