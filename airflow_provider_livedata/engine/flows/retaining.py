"""Apply a retention policy to the backups of a place; hold a backup, and let go of it again.

catalogue -> decide_retention -> the decisions are shown and stored -> backups that need not stay are removed
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime

from airflow_provider_livedata.engine.backups.catalogue import Backup, Catalogue, Hold
from airflow_provider_livedata.engine.backups.cataloguing import RETENTION, read_backup, read_catalogue
from airflow_provider_livedata.engine.backups.facts import BackupFacts, BackupState
from airflow_provider_livedata.engine.backups.record import BACKUPS, file_of, hold_name
from airflow_provider_livedata.engine.backups.removing import Removed, cost_of, remove
from airflow_provider_livedata.engine.backups.retention import Retention, decide_retention
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.backups.retention_report import RetentionReport
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BackupMissing, BadOption, RunFailed
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)
KEPT_REPORTS = 100


def retain(
    place: Zone | str,
    policy: RetentionPolicy,
    *,
    dry_run: bool = False,
    holder: str = "",
    now: datetime | None = None,
    lease_times: LeaseTimes | None = None,
) -> RetentionReport:
    """Remove the backups of a place that ``policy`` does not keep, oldest first, and end removals that were cut off.

    Args:
        place: The designated path, or a location with snapshots of its own.
        policy: The rules; one without any removes nothing.
        dry_run: Show and store the decisions, and remove nothing.
        holder: Who does this, as others are told.
        now: The time to decide at; None: the clock's.
        lease_times: Of the lease.

    Raises:
        RunFailed: Some backups could not be removed; the others were. ``error.report`` tells which, and why.
        TargetHeld: Another run is at work there.
        LiveDataError: The place cannot be read.
    """
    with opened(place) as zone:
        state, report = StateFolder(zone), RetentionReport(place_of(zone.address), str(policy), started_ms=now_ms())
        began, moment = time.monotonic(), now or datetime.now(UTC)
        if dry_run:
            found = read_catalogue(state)
            _decide(found, policy, moment, report)
            report.state, report.would_remove, report.removed = "dry run", report.removed, []
            report.carried_files, report.carried_bytes = cost_of(zone, found, report.would_remove)
            return closed(state, report, began, RETENTION)
        with Lease(state, holder_of(ReplicateOptions(holder=holder)), times=lease_times) as lease:
            _remove(zone, state, lease, policy, moment, report)
            closed(state, report, began, RETENTION)
    fail_if_left(report)
    return report


def hold(place: Zone | str, name: str, why: str, *, by: str, until_ms: int = 0) -> str:
    """Keep a backup whatever a policy says, until it is let go or ``until_ms`` (epoch; 0: for ever); returns the hold's name.

    Raises:
        BackupMissing: There is no such backup.
        BadOption: No reason, or nobody.
    """
    if not why.strip() or not by.strip():
        raise BadOption("a hold needs a reason and somebody to ask about it", why=why, by=by)
    with opened(place) as zone:
        state = StateFolder(zone)
        _named(state, name)
        mark = hold_name(by, why)
        state.write_json(file_of(name, f"held-{mark}"), asdict(Hold(mark, why, by, now_ms(), until_ms)))
        _named(state, name)  # it may have been on its way out
        return mark


def release(place: Zone | str, name: str, mark: str) -> None:
    """Let go of a backup.

    Raises:
        BackupMissing: There is no such backup, or it is not held so; lists its holds.
    """
    with opened(place) as zone:
        state = StateFolder(zone)
        holds = {one.hold: f"{one.by}: {one.why}" for one in _named(state, name).holds}
        if mark not in holds:
            raise BackupMissing("the backup is not held by that name", which=name, hold=mark, holds=holds)
        gone = file_of(name, f"held-{mark}")
        state.remove(f"{BACKUPS}/{name}", only=lambda path: path == gone)


def facts_of(one: Backup, now: int) -> BackupFacts:
    """A backup as retention looks at it; ``now`` is in epoch milliseconds."""
    verified = datetime.fromtimestamp(one.verified.at_ms / 1000, UTC) if one.verified else None
    moment = datetime.fromtimestamp(one.as_of_ms / 1000, UTC)
    return BackupFacts(one.name, moment, BackupState(one.state), verified, one.is_held(now), one.is_brought)


def _decide(found: Catalogue, policy: RetentionPolicy, now: datetime, report: RetentionReport) -> Retention:
    decided = decide_retention([facts_of(one, int(now.timestamp() * 1000)) for one in found.backups], policy, now)
    report.decided, report.kept = decided.table(), len(decided.kept)
    report.decisions = [
        {"name": one.backup.name, "keep": one.keep, "reasons": list(one.reasons)} for one in decided.decisions
    ]
    report.removed = [one.name for one in reversed(decided.removed)]
    return decided


def _remove(
    zone: Zone, state: StateFolder, lease: Lease, policy: RetentionPolicy, now: datetime, report: RetentionReport
) -> None:
    found = read_catalogue(state)
    decided = _decide(found, policy, now, report)
    log.info("retention\n%s", report.decided)
    done = remove(zone, found, report.removed, lease.check) if decided.removed else None
    if done is not None:
        account(report, done)
    report.state = "failed" if report.left else "done"


def account(report: RetentionReport, done: Removed) -> None:
    """What was removed, put into a report."""
    report.removed, report.left, report.notes = done.names, done.left, [*report.notes, *done.notes]
    report.carried_files, report.carried_bytes = done.carried_files, done.carried_bytes
    report.deleted_files = done.deleted_files


def fail_if_left(report: RetentionReport) -> None:
    """Raise what a run ends with that left something.

    Raises:
        RunFailed: With the report.
    """
    if report.left:
        name, why = next(iter(report.left.items()))
        error = RunFailed(
            "backups could not be removed; the next run tries again", report=report.address, first=name, reason=why
        )
        error.report = report
        raise error


def closed(state: StateFolder, report: RetentionReport, began: float, folder: str) -> RetentionReport:
    """Store a report, one of a dry run with the other dry runs."""
    report.seconds = round(time.monotonic() - began, 3)
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(report.started_ms / 1000))
    where = "dry-run" if report.state == "dry run" else folder
    name = f"{where}/{moment}-{os.urandom(4).hex()}/{folder}.json"
    state.write(name, report.seal(state.address(name)).encode())
    if where == folder:
        _forget_reports(state, folder)
    log.info("%s\n%s", folder, report.table())
    return report


def _forget_reports(state: StateFolder, folder: str) -> None:
    old = frozenset(sorted(entry.path for entry in state.files(folder))[:-KEPT_REPORTS])
    if old:
        state.remove(folder, only=old.__contains__)


def _named(state: StateFolder, name: str) -> Backup:
    one = read_backup(state, name)
    if one is None or one.state == "removing":
        there = [one.name for one in read_catalogue(state, check=False).backups][-20:]
        raise BackupMissing("there is no backup of that name", which=name, there=there)
    return one
