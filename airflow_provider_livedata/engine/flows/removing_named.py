"""Remove backups that a person names: damaged ones, which no policy ever lets go, and incomplete ones before their time.

catalogue -> each may go? -> what others need of them is copied on -> marked -> deleted -> report
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from airflow_provider_livedata.engine.backups.catalogue import Backup, Catalogue
from airflow_provider_livedata.engine.backups.cataloguing import read_catalogue
from airflow_provider_livedata.engine.backups.record import number_of
from airflow_provider_livedata.engine.backups.removing import cost_of, layout_of, remove
from airflow_provider_livedata.engine.backups.retention_report import RetentionReport
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BackupMissing, BadOption
from airflow_provider_livedata.engine.flows.retaining import account, closed, fail_if_left
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

REMOVALS = "removals"  # folder of the reports, below .livedata
_WHY = {
    "damaged": "a person named it: it is damaged",
    "incomplete": "a person named it: it is incomplete",
    "removing": "its removal was begun",
}


def remove_backups(
    place: Zone | str,
    names: Iterable[str],
    *,
    dry_run: bool = False,
    holder: str = "",
    lease_times: LeaseTimes | None = None,
) -> RetentionReport:
    """Remove damaged or incomplete backups by their names; what complete ones need of them is copied on first.

    Complete backups go by a policy alone. It can be run again: a removal that was cut off is ended.

    Args:
        place: The designated path, or a location with snapshots of its own.
        names: Of the backups.
        dry_run: Say what would go, and what would be copied; remove nothing.
        holder: Who does this, as others are told.
        lease_times: Of the lease.

    Raises:
        BadOption: One of them is complete, held or waits for nothing but the next backup to complete it, or the place could not go on
            without it; nothing was removed.
        BackupMissing: There is no backup of that name.
        RunFailed: Some could not be removed; ``error.report`` tells which, and why.
        TargetHeld: Another run is at work there: an incomplete backup may be its.
    """
    wanted = list(dict.fromkeys(names))
    with opened(place) as zone:
        state, began = StateFolder(zone), time.monotonic()
        report = RetentionReport(place_of(zone.address), "none: backups that a person named", started_ms=now_ms())
        if dry_run:
            found = read_catalogue(state)
            _decide(found, wanted, report)
            report.state, report.would_remove, report.removed = "dry run", report.removed, []
            report.carried_files, report.carried_bytes = cost_of(zone, found, report.would_remove)
            return closed(state, report, began, REMOVALS)
        with Lease(state, holder_of(ReplicateOptions(holder=holder)), times=lease_times) as lease:
            found = read_catalogue(state)
            _decide(found, wanted, report)
            account(report, remove(zone, found, report.removed, lease.check))
            report.state = "failed" if report.left else "done"
            closed(state, report, began, REMOVALS)
    fail_if_left(report)
    return report


def _decide(found: Catalogue, names: list[str], report: RetentionReport) -> None:
    by_name = {one.name: one for one in found.backups}
    for name in names:
        if name not in by_name:
            raise BackupMissing("there is no backup of that name", which=name, there=list(by_name)[-20:])
        _refuse(found, by_name[name])
    report.removed = sorted(names, key=number_of)
    report.kept = len(by_name) - len(names)
    report.decisions = [
        {"name": name, "keep": False, "reasons": [_WHY[by_name[name].state]]} for name in reversed(report.removed)
    ]
    report.decided = "\n".join(f"remove  {name}  {_WHY[by_name[name].state]}" for name in report.removed)


def _refuse(found: Catalogue, one: Backup) -> None:
    if one.is_held(now_ms()):
        raise BadOption(
            "the backup is held; let go of it first", which=one.name, holds=[each.why for each in one.holds]
        )
    if one.state == "complete":
        raise BadOption("a complete backup is removed by a policy alone", which=one.name)
    if one.is_brought:
        raise BadOption(
            "all of the backup is there, and the next one needs its files: make a backup, which completes it; a policy can let it go "
            "then", which=one.name,
        )  # fmt: skip
    if one.state != "damaged" or layout_of(found, one) in ("in place", "snapshots"):
        return
    stays = [each for each in found.complete() if number_of(each.name) > number_of(one.name)]
    if not stays:
        raise BadOption(
            "no complete backup is newer, so the next one would need its files: make a backup first, and if that cannot be made, "
            "begin another place", which=one.name,
        )  # fmt: skip
