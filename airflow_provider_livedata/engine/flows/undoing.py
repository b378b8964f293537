"""Undo a restore: bring back what it replaced or deleted, and remove what it brought.

From the snapshot that was taken of the destination before, or from the files that were kept aside and what was written down of
directories and attributes. To take it back, restore again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

from airflow_provider_livedata.engine.deciding.diff import line_up
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import BadOption, LiveDataError, PathMissing, RunFailed, VerifyFailed
from airflow_provider_livedata.engine.flows.restoring import bring_back
from airflow_provider_livedata.engine.model import Attributes, Entry, Held, Step
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.opening import opened, patient
from airflow_provider_livedata.engine.restores import attempts
from airflow_provider_livedata.engine.restores.accounts import account_failed
from airflow_provider_livedata.engine.restores.attempts import Attempt
from airflow_provider_livedata.engine.restores.choosing import Choice
from airflow_provider_livedata.engine.restores.options import RestoreOptions
from airflow_provider_livedata.engine.restores.report import RestoreReport
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.transfer.bringing import refuse_hopeless
from airflow_provider_livedata.engine.transfer.phases import DELETE_BATCH
from airflow_provider_livedata.engine.transfer.route import attribute_names
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.below import Below
from airflow_provider_livedata.engine.zones.powers import SetAttributes, Snapshots

log = logging.getLogger(__name__)


def undo_restore(
    destination: Zone | str,
    name: str,
    options: RestoreOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
) -> RestoreReport:
    """Bring a destination back to what it was before a restore, at the paths that were restored.

    Of a destination with snapshots everything at these paths becomes what it was; what was written there since is kept as before any
    restore. Elsewhere the files that were kept aside and deleted directories come back, and those that the restore brought go, and
    attributes that it set are what they were, unless the file was changed since.

    Args:
        destination: That of the restore.
        name: Of the restore, as its report tells.
        options: How; ``paths``, ``mode`` and what belongs to them are those of the restore, and what that left alone is left
            alone, as is what ``exclude`` names.
        lease_times: Of the destination's lease.

    Raises:
        BadOption: There is no such restore, or it kept nothing.
        RunFailed: Some items could not be removed or brought back, everything else was; ``error.report`` tells which. Run it again.
        PathMissing: What it had kept is gone.
        LiveDataError: As ``bring_back``.
    """
    given = options or RestoreOptions()
    with opened(destination) as zone:
        attempt = attempts.find(StateFolder(zone), name)
        paths, exclude = tuple(attempt.about["paths"]), (*given.exclude, *attempt.about["exclude"])
        wanted = replace(
            given, paths=paths, exclude=exclude, overwrite_newer=True, into_replica=True, max_delete_ratio=1.0
        )
        label = f"the state before restore {name}"
        if "snapshot" in attempt.before:
            taken = _snapshot(zone, attempt.before["snapshot"])
            exact = replace(wanted, mode="mirror", may_lack=bool(paths))
            return bring_back(taken[0], zone, exact, taken_ms=taken[1], label=label, lease_times=lease_times)
        if not attempt.before:
            raise BadOption("this restore replaced and deleted nothing, or was told to keep nothing", name=name)
        return _from_files(zone, attempt, wanted, label, lease_times)


def _from_files(
    zone: Zone, attempt: Attempt, wanted: RestoreOptions, label: str, lease_times: LeaseTimes | None
) -> RestoreReport:
    """Remove what was brought, bring back the files that were kept, then make directories and set attributes as they were."""
    removal = Tally()
    if not wanted.dry_run:
        with Lease(attempt.state, holder_of(wanted), times=lease_times) as lease:
            _remove_brought(zone, attempt, wanted, lease, removal)
    view = patient(_Kept(zone, f"{FOLDER}/{attempt.before['folder']}"))
    try:
        report = bring_back(
            view, zone, replace(wanted, mode="merge", paths=()), taken_ms=attempt.started_ms, label=label, lease_times=lease_times,
            is_inside=True, begun=removal,
        )  # fmt: skip
    except (RunFailed, VerifyFailed) as error:
        # Directories and attributes of all else are not to wait for the items that failed.
        not_back = _put_all_back(zone, attempt, wanted, lease_times)
        if not_back.failed and isinstance(error.report, RestoreReport):
            _tell(attempt.state, error.report, not_back, error.report.why)
        raise
    not_back = _put_all_back(zone, attempt, wanted, lease_times)
    if not_back.failed:
        first = not_back.failures[0]
        why = f"{not_back.failed} directories or attributes are not as they were before the restore, all else is; run it again"
        _tell(attempt.state, report, not_back, why)
        failed = RunFailed(why, first=first.path, reason=first.reason)
        failed.report = report
        raise failed
    return report


def _put_all_back(zone: Zone, attempt: Attempt, wanted: RestoreOptions, lease_times: LeaseTimes | None) -> Tally:
    not_back = Tally()
    if not wanted.dry_run:
        with Lease(attempt.state, holder_of(wanted), times=lease_times) as lease:
            _put_back(zone, attempt, wanted.preserve, lease, not_back)
    for failure in not_back.failures:
        log.warning("not as it was before the restore: %s: %s", failure.path, failure.reason)
    return not_back


def _tell(state: StateFolder, report: RestoreReport, not_back: Tally, why: str) -> None:
    account_failed(report, not_back)
    report.state, report.why = "failed", why
    with suppress(LiveDataError):  # the error tells it too
        state.write(f"{attempts.RESTORES}/{report.name}/report.json", report.seal(report.address).encode())


class _Kept(Below):
    """Files that were kept aside; there are none where nothing was replaced or deleted. Its directories are but the way to them."""

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        self.inner.check(writable=writable)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``; files alone."""
        return (entry for entry in super().scan(under) if entry.kind != "directory")

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``; a directory tells nothing of the one whose files it keeps."""
        found = super().stat(path)
        return found._replace(is_implied=True) if found is not None and found.kind == "directory" else found


def _snapshot(zone: Zone, name: str) -> tuple[Zone, int]:
    if isinstance(zone, Snapshots):
        for snapshot in zone.snapshots():
            if snapshot.name == name:
                return zone.at(snapshot), snapshot.taken_ms
    raise PathMissing("the snapshot of the state before is gone, so the restore cannot be undone", snapshot=name)


def _remove_brought(zone: Zone, attempt: Attempt, options: RestoreOptions, lease: Lease, tally: Tally) -> None:
    """Remove what the restore brought where nothing had been, as far as it still is what was brought."""
    directories: list[Entry] = []
    batch: list[Entry] = []
    for entry in _brought(zone, attempt, options):
        (directories if entry.kind == "directory" else batch).append(entry)
        if len(batch) >= DELETE_BATCH:
            lease.check()
            _delete(zone, batch, tally)
            batch = []
    lease.check()
    _delete(zone, batch, tally)
    _delete(zone, directories[::-1], tally)


def _delete(zone: Zone, entries: list[Entry], tally: Tally) -> None:
    for failure in zone.delete(entries):
        if failure.error != "NotEmpty":  # a directory that holds something else stays
            tally.fail(failure.path, failure)


def _put_back(zone: Zone, attempt: Attempt, preserve: frozenset[str], lease: Lease, tally: Tally) -> None:
    """Make directories that are gone, and set attributes as they were, of files that still are as the restore left them."""
    names = attribute_names(preserve) & zone.facts.attributes
    directories: list[Entry] = []
    entries = (held.entry for held in attempt.was_before())
    for row in line_up(entries, overlay(attempt.brought()), (), _new_keys(attempt)):
        was, known = row.source, row.known
        if was is None or row.planned:  # an attempt that was cut off had made it, so that the next one found it there
            continue
        lease.check()
        if was.kind == "directory":
            _guarded(was, tally, lambda was=was: _make(zone, was))  # type: ignore[misc]
            directories.append(was)
        elif known is not None:
            _guarded(was, tally, lambda was=was, known=known: _set_as_left(zone, was, known, names))  # type: ignore[misc]
    for was in reversed(directories):  # once all that they hold is there, which changes their times
        lease.check()
        _guarded(was, tally, lambda was=was: _set(zone, was, names))  # type: ignore[misc]


def _guarded(was: Entry, tally: Tally, act: Callable[[], None]) -> None:
    try:
        act()
    except LiveDataError as error:
        refuse_hopeless(error)
        tally.fail(was.path, error)


def _make(zone: Zone, was: Entry) -> None:
    if zone.stat(was.path) is None:
        zone.make_directory(was.path)


def _set_as_left(zone: Zone, was: Entry, known: Held, names: frozenset[str]) -> None:
    there = zone.stat(was.path)
    if there is not None and there.version == known.target_version:
        _set(zone, was, names)


def _set(zone: Zone, was: Entry, names: frozenset[str]) -> None:
    there = zone.stat(was.path)
    if isinstance(zone, SetAttributes) and there is not None and there.kind == was.kind and not there.is_implied:
        zone.set_attributes(was.path, Attributes(**{name: getattr(was, name) for name in names}))


def _brought(zone: Zone, attempt: Attempt, options: RestoreOptions) -> Iterator[Entry]:
    with ExitStack() as stack:
        there = stack.enter_context(closing(scan(zone, options.filter)))
        chosen = Choice(options.paths).of_destination(there)
        for row in line_up((), overlay(attempt.brought()), chosen, _new_keys(attempt)):
            known, target = row.known, row.target
            # A directory may not have been written down: the attempt that made it was cut off, and the next one found it there.
            is_ours = target is not None and (
                target.kind == "directory" or (known is not None and target.version == known.target_version)
            )
            if row.planned and is_ours and target is not None and not target.is_implied:
                yield target


def _new_keys(attempt: Attempt) -> Iterator[str]:
    """Keys of what was to be brought to where nothing was, in order."""
    every = replace(attempt, number=attempt.number + 1)  # the newest attempt is one of them here
    runs = [run for plan in every.earlier_plans() for run in plan.runs(_is_new)]
    return (held.key for held in overlay(runs))


def _is_new(step: Step) -> bool:
    return step.kind == "make_directory" or (step.kind == "copy" and step.expect is None)
