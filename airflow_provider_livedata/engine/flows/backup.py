"""Make a backup: the state of a location at one instant, kept beside the earlier ones.

in place     a snapshot of the location itself
snapshots    the tree of the place is brought up to date, then frozen (HDFS)
increments   what is new or changed goes into a directory of its own, the rest stays where it lies
tree         as increments, then all the rest is linked or copied within the store beside it

    intent -> what differs is brought (a run of replicate) -> links -> complete.json

An attempt that was cut off is taken up by the next; a backup is none before ``complete.json``, which is written last.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from typing import cast

from airflow_provider_livedata.engine.backups.catalogue import Catalogue
from airflow_provider_livedata.engine.backups.cataloguing import read_catalogue
from airflow_provider_livedata.engine.backups.commands import by_script
from airflow_provider_livedata.engine.backups.filling import fill
from airflow_provider_livedata.engine.backups.increment import Increment
from airflow_provider_livedata.engine.backups.layering import commands_of, gone_by, write_removed
from airflow_provider_livedata.engine.backups.options import BackupOptions
from airflow_provider_livedata.engine.backups.record import (
    BACKUPS,
    SCRIPT,
    SNAPSHOT,
    BackupRecord,
    Intent,
    Layout,
    Places,
    file_of,
    name_of,
    number_of,
    sealed,
)
from airflow_provider_livedata.engine.backups.recording import record_of
from airflow_provider_livedata.engine.backups.report import BackupReport
from airflow_provider_livedata.engine.backups.scripting import (
    SCRIPT_UP_TO,
    has_script_unasked,
    write_missing_scripts,
)
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import AlreadyExists, BadOption, LiveDataError, RunFailed
from airflow_provider_livedata.engine.flows.replicate import replicate
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.report import SHOWN, Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import KeepsFiles, Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying

log = logging.getLogger(__name__)
_NEEDS: dict[Layout, type] = {
    "in place": Snapshots,
    "snapshots": Snapshots,
    "increments": KeepsFiles,
    "tree": KeepsFiles,
}


def backup(
    source: Zone | str,
    place: Zone | str | None = None,
    options: BackupOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
) -> BackupReport:
    """Make a backup of ``source`` at ``place``, the designated path; None: a snapshot of the source itself.

    A backup that an earlier run left unfinished is finished first.

    Raises:
        RunFailed: Some items could not be brought; the backup stays incomplete, and the next run takes it up. ``error.report`` tells which.
        BadOption: The place cannot have the layout, or its backups have another one.
        TargetHeld: Another run is at work there.
        LiveDataError: As ``replicate``.
    """
    options = options or BackupOptions()
    with opened(source) as opened_source, opened(source if place is None else place) as opened_place:
        making = _Making(
            opened_source, opened_place, options, layout_for(opened_place, options, in_place=place is None)
        )
        if options.dry_run:
            return making.rehearse()
        with Lease(making.state, holder_of(options.copy), times=lease_times) as lease:
            return making.perform(lease)


def layout_for(place: Zone, options: BackupOptions, *, in_place: bool) -> Layout:
    """The layout that is meant.

    Raises:
        BadOption: The place cannot have it.
    """
    if in_place and not isinstance(place, _NEEDS["in place"]):
        raise BadOption("this location has no snapshots that could be its backups; name a place for them",
                        location=str(place.address))  # fmt: skip
    usual: Layout = "increments" if not place.facts.has_directories else "tree"
    if in_place or isinstance(place, Snapshots):
        usual = "in place" if in_place else "snapshots"
    chosen = cast("Layout", usual if options.layout == "auto" else options.layout)
    if (chosen == "in place") != in_place or not isinstance(place, _NEEDS[chosen]):
        raise BadOption(f"this place cannot have backups of layout {chosen}; the usual one here is {usual}",
                        layout=chosen, place=str(place.address))  # fmt: skip
    return chosen


@dataclass(slots=True)
class _Making:
    source: Zone
    place: Zone
    options: BackupOptions
    layout: Layout
    state: StateFolder = field(init=False)
    report: BackupReport = field(init=False)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.state = StateFolder(self.place)
        self.report = BackupReport(
            place_of(self.source.address), place_of(self.place.address), self.layout, started_ms=now_ms()
        )

    # a rehearsal ------------------------------------------------------------------------------------------------

    def rehearse(self) -> BackupReport:
        """Plan it, and change nothing else."""
        report, found = self.report, read_catalogue(self.state, check=False)
        self._same_layout(found)
        report.state, report.name = "dry run", name_of(_next_number(found), report.started_ms)
        if self.layout == "in place":
            report.notes.append(f"a snapshot {SNAPSHOT}{report.name} would be taken")
            return self._closed()
        run = replicate(self.source, self._target(report.name, found, begun=False), self.options.of_the_run())
        self._account(run)
        report.changed_files, report.changed_bytes = run.planned_files, run.planned_bytes
        report.planned_links = run.skipped if self.layout == "tree" else 0
        return self._closed()

    # making -----------------------------------------------------------------------------------------------------

    def perform(self, lease: Lease) -> BackupReport:
        """Finish what was begun, then make a new one, unless that is the one which was begun."""
        found = read_catalogue(self.state, check=False)
        self._same_layout(found)
        try:
            found = self._finish_pending(found, lease)
            record = self._make(_pending(found), found, lease)
        except LiveDataError as error:
            self.report.state, self.report.why = "incomplete", str(error)
            self._failed(error)
            raise
        return self._tell(record, found.completed(record), lease)

    def _finish_pending(self, found: Catalogue, lease: Lease) -> Catalogue:
        pending = _pending(found)
        if pending is None or not self._is_brought(pending):
            return found
        self.report.name = pending.name
        done = self._complete(pending, found, lease, checkpoints.latest(self.state))
        self.report.finished_before, self.report.name = done.name, ""
        return found.completed(done)

    def _make(self, pending: Intent | None, found: Catalogue, lease: Lease) -> BackupRecord:
        report = self.report
        report.resumed = pending is not None
        intent = pending or self._intend(found)
        report.name = intent.name
        checkpoint = None
        if self.layout != "in place":
            target = self._target(intent.name, found, begun=report.resumed)
            run = replicate(self.source, target, self.options.of_the_run(), lease=lease)
            self._account(run)
            checkpoint = checkpoints.latest(self.state)
        record = self._complete(intent, found, lease, checkpoint)
        report.files, report.size_bytes, report.as_of_ms = record.files, record.size_bytes, record.as_of_ms
        report.changed_files, report.changed_bytes = record.changed_files, record.changed_bytes
        report.snapshot, report.unsettled = record.snapshot, len(record.unsettled)
        return record

    def _tell(self, record: BackupRecord, found: Catalogue, lease: Lease) -> BackupReport:
        """Say how the backup is restored. It is complete by now, whatever fails here."""
        try:
            self._tell_commands(found, record)
            write_missing_scripts(self.state, found, lease.check)
            self._tell_script(record)
        except LiveDataError as error:
            self._warn("a script that restores a backup could not be stored; the next backup tries again, and "
                       f"restore_script() makes it at any time: {error}")  # fmt: skip
        try:
            return self._closed()
        except LiveDataError as error:
            self._warn(f"the report of the backup could not be stored: {error}")
            self.report.address = self.report.digest = ""
        return self.report

    def _tell_commands(self, found: Catalogue, record: BackupRecord) -> None:
        report = self.report
        report.restore_commands, report.bulk_commands = commands_of(self.state, found, record)
        report.script_commands = by_script(record, "")  # until the script is stored
        if not report.tells_all_commands:
            report.notes.append(
                f"of more than {SHOWN} commands of one kind that restore this backup none is told here, but one that runs its script where there is one; "
                "all are in the report"
            )

    def _tell_script(self, record: BackupRecord) -> None:
        if has_script_unasked(record):
            path = f"{BACKUPS}/{record.name}/{SCRIPT}"
            at = self.state.address(path)
            self.report.script_commands = by_script(record, f"{record.place}/{FOLDER}/{path}")
            self.report.notes.append(f"a script that also restores attributes lies at {at}")
        elif not record.snapshot:
            self.report.notes.append(
                f"of more than {SCRIPT_UP_TO:,} entries no script is made unasked: restore_script() makes it"
            )

    def _warn(self, text: str) -> None:
        self.report.warnings.append(text)
        log.warning("%s", text)

    def _intend(self, found: Catalogue) -> Intent:
        at_ms = now_ms()
        base = checkpoints.newest(self.state) if self.layout != "in place" else 0
        intent = Intent(
            name_of(_next_number(found), at_ms),
            self.layout,
            self.report.source,
            at_ms,
            base,
            holder_of(self.options.copy),
        )
        self.state.write_json(file_of(intent.name, "intent"), _values(intent), create_only=True)
        return intent

    def _target(self, name: str, found: Catalogue, *, begun: bool) -> Zone:
        if self.layout in ("in place", "snapshots"):
            return self.place
        inner = self.place.inner if isinstance(self.place, Retrying) else self.place
        return Increment(inner, name, found.places(), begun=begun)

    def _is_brought(self, intent: Intent) -> bool:
        # Then only links and the record are missing, and it is of the instant that its checkpoint or snapshot is of.
        if self.layout == "in place":
            taken = cast("Snapshots", self.place).snapshots()
            return any(one.name == f"{SNAPSHOT}{intent.name}" for one in taken)
        return checkpoints.newest(self.state) > intent.base

    def _complete(self, intent: Intent, found: Catalogue, lease: Lease, checkpoint: Checkpoint | None) -> BackupRecord:
        lease.check()
        if self.layout == "tree" and checkpoint is not None:
            places = Places([*found.places().names, intent.name])
            self.report.linked_files = fill(self.place, self.state, checkpoint, intent.name, places, lease.check)
        frozen = self._freeze(intent) if self.layout in ("in place", "snapshots") else None
        record = record_of(self.state, intent, self.report.place, checkpoint, frozen)
        if self.layout == "increments" and checkpoint is not None:
            write_removed(self.state, intent.name, gone_by(self.state, checkpoint.run))
        lease.check()
        try:
            self.state.write_json(file_of(intent.name, "complete"), sealed(record), create_only=True)
        except AlreadyExists:  # by an attempt whose reply was lost; what it says is the same
            log.info("the backup %s is complete already", intent.name)
        return record

    def _freeze(self, intent: Intent) -> Snapshot:
        place = cast("Snapshots", self.place)
        place.prepare_snapshots(allow=self.options.copy.allow_snapshot)
        return place.snapshot(f"{SNAPSHOT}{intent.name}")

    # accounts ---------------------------------------------------------------------------------------------------

    def _same_layout(self, found: Catalogue) -> None:
        others = {one.record.layout for one in found.backups if one.record} - {self.layout}
        if others:
            raise BadOption(
                "the backups of this place have another layout; name another place, or keep to that layout",
                place=found.place, layout=self.layout, found=", ".join(sorted(others)),
            )  # fmt: skip

    def _account(self, run: Report) -> None:
        self.report.run = run.summary()
        self.report.notes += run.notes
        self.report.as_of_ms = run.as_of_ms

    def _failed(self, error: LiveDataError) -> None:
        if isinstance(error, RunFailed) and isinstance(error.report, Report):
            self._account(error.report)
        if not self.report.name:  # it was not even begun
            return
        try:
            self._closed()
        except LiveDataError as another:
            log.warning("the report of the backup could not be stored: %s", another)

    def _closed(self) -> BackupReport:
        report = self.report
        report.seconds = round(time.monotonic() - self._began, 3)
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(report.started_ms / 1000))
        is_dry = report.state == "dry run"
        folder = f"dry-run/{moment}-{os.urandom(4).hex()}" if is_dry else f"{BACKUPS}/{report.name}"
        name = f"{folder}/{'backup' if is_dry else 'report-' + moment}.json"
        self.state.write(name, report.seal(self.state.address(name)).encode())
        log.info("backup\n%s", report.table())
        return report


def _pending(found: Catalogue) -> Intent | None:
    """The newest backup that was begun and not completed."""
    waiting = [one.intent for one in found.backups if one.state == "incomplete" and one.intent is not None]
    newest = max(waiting, key=lambda one: number_of(one.name), default=None)
    complete = max((number_of(one.name) for one in found.backups if one.record), default=0)
    return newest if newest is not None and number_of(newest.name) > complete else None


def _next_number(found: Catalogue) -> int:
    return max((number_of(one.name) for one in found.backups), default=0) + 1


def _values(intent: Intent) -> dict[str, object]:
    return {name: getattr(intent, name) for name in Intent.__slots__}
