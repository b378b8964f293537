"""The last steps of a migration: copy again until little is left, then prove that nothing changes any more."""

from __future__ import annotations

import dataclasses
import logging

from airflow_provider_livedata.engine.errors import BadOption, StillChanging
from airflow_provider_livedata.engine.flows.replicate import replicate
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles

log = logging.getLogger(__name__)
SHOWN = 20
_OF_ATTRIBUTES = ("set_attributes:", "record:", "forget:")  # how the reasons of such steps begin in a report


def catch_up(
    source: Zone | str,
    target: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    until_changes: int,
    max_rounds: int,
) -> list[Report]:
    """Replicate again and again until a round finds at most ``until_changes`` changes, at most ``max_rounds`` times.

    Each round copies what changed while the one before it ran, so rounds get shorter when copying is faster than the
    writers. Not to get there is no error: the last report tells how much a round still finds.

    Returns:
        The report of each round, the last one last.

    Raises:
        BadOption: A bound that no round could keep, or a dry run, which would find the same changes for ever.
        LiveDataError: As ``replicate``.
    """
    options = options or ReplicateOptions()
    _check(options, until_changes, max_rounds)
    reports: list[Report] = []
    with opened(source) as opened_source, opened(target) as opened_target:
        while len(reports) < max_rounds:
            reports.append(replicate(opened_source, opened_target, options))
            changes = reports[-1].changes
            log.info("catch-up round %s of at most %s: %s changes", len(reports), max_rounds, changes)
            if changes <= until_changes:
                return reports
    log.warning(
        "after %s rounds a round still finds %s changes, more than %s: the cut-over will take about as long as the "
        "last round did, %.0f s",
        max_rounds,
        reports[-1].changes,
        until_changes,
        reports[-1].seconds,
    )
    return reports


def settle(
    source: Zone | str,
    target: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
) -> Report:
    """One more round, which must find nothing: the proof that the writers have stopped.

    What the round does find is copied, so that nothing is lost by asking. Where a difference of snapshots may lack what was appended
    (``OpenFiles.freezes_open_files``), another round lists both sides; attributes that it finds are set, and are no change of now.

    Raises:
        StillChanging: It found changes, or files that are being written; names them.
        LiveDataError: As ``replicate``.
    """
    options = dataclasses.replace(options or ReplicateOptions(), dry_run=False)
    with opened(source, calls_per_s=options.max_namenode_calls_per_s) as opened_source:
        report = replicate(opened_source, target, options, lease_times=lease_times)
        _refuse(report, is_changing=report.changes > 0)
        lacks_appends = isinstance(opened_source, OpenFiles) and not opened_source.freezes_open_files()
        if lacks_appends and report.found_by.startswith("difference"):
            listed = dataclasses.replace(options, find_by="listings")
            report = replicate(opened_source, target, listed, lease_times=lease_times)
            _refuse(report, is_changing=any(not what.startswith(_OF_ATTRIBUTES) for what in report.planned))
    return report


def _refuse(report: Report, *, is_changing: bool) -> None:
    paths = report.changed_examples + [f"{path} (being written)" for path in report.unsettled_paths]
    if is_changing or report.unsettled:
        raise StillChanging(
            "the source still changes, so the switch stops here; stop the writers of these paths, then run it again from "
            "its last copy on",
            changes=report.changes,
            being_written=report.unsettled,
            paths=paths[:SHOWN],
            report=report.address,
        )


def _check(options: ReplicateOptions, until_changes: int, max_rounds: int) -> None:
    if options.dry_run:
        raise BadOption("a dry run changes nothing, so it cannot catch up; switch dry_run off", dry_run=True)
    if until_changes < 0 or max_rounds < 1:
        raise BadOption("catching up takes a bound of 0 changes or more and 1 round or more", until_changes=until_changes,
                        max_rounds=max_rounds)  # fmt: skip
