"""The end of a two-way sync: what was done is counted, what is old goes, and what failed is said."""

from __future__ import annotations

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import ConflictsLeft, LiveDataError, RunFailed
from airflow_provider_livedata.engine.stored import kept
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.two_way.carrying import MEANWHILE, Carrying, SideTransfer
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
from airflow_provider_livedata.engine.two_way.report import KEPT, SideReport, TwoWayReport
from airflow_provider_livedata.engine.two_way.stored import PairFolder, Standing
from airflow_provider_livedata.engine.zones.base import Zone

_NAMES = frozenset(error.__name__ for error in MEANWHILE)


def account(report: TwoWayReport, carrying: Carrying) -> None:
    """Note what was done to either side. What somebody changed meanwhile is no failure."""
    for side, transfer in carrying.transfers.items():
        _account_side(report.of(side), transfer)
        failures = transfer.tally.failures
        lost = [one for one in failures if one.error in _NAMES]
        transfer.meanwhile += [one.path for one in lost]
        report.failed += transfer.tally.failed - len(lost)
        report.failures += [one for one in failures if one not in lost][: KEPT - len(report.failures)]


def _account_side(told: SideReport, transfer: SideTransfer) -> None:
    tally = transfer.tally
    told.copied_files, told.copied_bytes, told.renamed = tally.copied_files, tally.copied_bytes, tally.moved_files
    told.made_directories, told.set_attributes = tally.made_directories, tally.set_attributes
    told.deleted = tally.deleted_files + tally.deleted_directories


def tidy(folder: PairFolder, done: Standing, zones: list[Zone], options: TwoWayOptions, report: TwoWayReport) -> None:
    """Remove what is not needed after a standing; a failure is noted, and tried again next time."""
    try:
        folder.tidy(done)
        for zone in zones:
            state, now = StateFolder(zone), now_ms()
            kept.forget(state, now, options.keep_conflicts, kind=kept.CONFLICTS)
            kept.forget(state, now, options.keep_removed)
            zone.sweep(report.started_ms)
    except LiveDataError as error:
        report.notes.append(f"old state could not be cleaned up and is tried again next time: {error}")


def stop_if_failed(report: TwoWayReport, address: str) -> None:
    """End a run that left something undone; ``address``: where its report will lie.

    Raises:
        RunFailed: Items failed.
        ConflictsLeft: Conflicts were left as they are.
    """
    error: RunFailed | ConflictsLeft
    if report.failed:
        report.why = f"{report.failed} items failed; run again to bring them, nothing else is copied again"
        first = report.failures[0]
        error = RunFailed(report.why, report=address, first=first.path, reason=first.reason)
    elif report.unsettled_conflicts:
        report.why = (
            f"{report.unsettled_conflicts} paths were changed on both sides and left as they are there; make one of the two right by hand, or "
            "choose a policy for conflicts"
        )
        error = ConflictsLeft(report.why, report=address, first=report.conflict_list[0].path)
    else:
        return
    error.report = report
    raise error
