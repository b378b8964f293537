"""The end of a run: what its checkpoint says, what is cleaned up after it, and how its report is closed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.accounts import note
from airflow_provider_livedata.engine.replication.committing import HELD
from airflow_provider_livedata.engine.replication.freezing import Freezing
from airflow_provider_livedata.engine.replication.keeping import forget_kept, thin_target
from airflow_provider_livedata.engine.replication.planning import Planned
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import LOOKS_AT_ALL_EVERY, StateFolder
from airflow_provider_livedata.engine.transfer import bundles
from airflow_provider_livedata.engine.transfer.tally import Tally

log = logging.getLogger(__name__)
KEPT_PLANS = 2
KEPT_REPORTS = 100


def stop_if_failed(report: Report, tally: Tally, state: StateFolder) -> None:
    """End the run where something did not come.

    Raises:
        RunFailed: With the report.
    """
    if tally.failed:
        report.why = f"{tally.failed} items failed; run again to bring them, nothing else is copied again"
        address = state.address(f"runs/{report.run:012d}/report.json")
        first = report.failures[0]
        error = RunFailed(report.why, report=address, first=first.path, reason=first.reason)
        error.report = report
        raise error


def reached(
    planned: Planned, tally: Tally, frozen: Freezing, before: Checkpoint | None, options: ReplicateOptions
) -> Checkpoint:
    """The checkpoint that a run ends with, all but its manifest."""
    report, totals, snapshot = frozen.report, planned.totals, frozen.snapshot
    finds_changes_only = planned.way.cover is not None
    return Checkpoint(
        report.run,
        frozen.replication,
        place_of(frozen.source.address),
        report.target,
        snapshot.name if snapshot else "",
        snapshot.root if snapshot else "",
        report.as_of_ms,
        now_ms(),
        options.filter.digest,
        options.filter.exclude,
        tuple(sorted(options.preserve)),
        totals.source_files + totals.unseen_files - tally.vanished,
        totals.source_directories + totals.unseen_directories,
        totals.source_bytes + totals.unseen_bytes,
        tuple(sorted(tally.unsettled_paths)),
        before.listed_ms if before and finds_changes_only else report.as_of_ms,
        home_ms=frozen.home_ms,
    )


def tidy(
    state: StateFolder, before: Checkpoint | None, done: Checkpoint, options: ReplicateOptions, report: Report,
    *also: Callable[[], object],
) -> None:  # fmt: skip
    """Remove what the target does not need after the checkpoint ``done``, and do ``also``; failures are noted."""
    began_ms = report.started_ms
    _each(
        report,
        *also,
        lambda: checkpoints.tidy(state, done, keeps_manifests=options.keep_manifests),
        lambda: state.tidy_runs(KEPT_PLANS, KEPT_REPORTS),
        lambda: state.remove(HELD),
        lambda: bundles.sweep(state),
        lambda: forget_kept(state, before, options, began_ms),
        lambda: thin_target(state.zone, done, options, began_ms),
        *([lambda: state.zone.sweep(began_ms)] if _sweeps(before, done) else []),
    )


def _sweeps(before: Checkpoint | None, done: Checkpoint) -> bool:
    """Whether to look for what a run that was cut off had begun to write: after one, and now and then, for what could not go."""
    return before is None or done.run > before.run + 1 or not done.run % LOOKS_AT_ALL_EVERY


def _each(report: Report, *work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(work), "livedata-tidy") as pool:  # none needs what another one does
        for one in [pool.submit(each) for each in work]:
            try:
                one.result()
            except LiveDataError as error:
                note(report, f"old state could not be cleaned up and is tried again next time: {error}")


def close(
    report: Report, state: StateFolder, folder: str, before: Checkpoint | None, after: Checkpoint | None
) -> Report:
    """Store the report in ``folder`` with the checkpoints before and after, and log it."""
    report.lag_seconds = round((now_ms() - after.origin_ms) / 1000, 3) if after else None
    report.checkpoint_before = _address(state, before)
    report.checkpoint_after = _address(state, after)
    path = f"{folder}/report.json"
    state.write(path, report.seal(state.address(path)).encode())
    log.info("report\n%s", report.table())
    return report


def _address(state: StateFolder, checkpoint: Checkpoint | None) -> str:
    return state.address(f"checkpoint/{checkpoint.run:012d}.json") if checkpoint else ""
