"""Try a restore: a random sample of a backup is brought to a scratch place, compared by content, timed and removed again.

A backup that nobody has restored is no backup.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.filters import DEFAULT_EXCLUDES, Filter
from airflow_provider_livedata.engine.errors import LiveDataError, PathsOverlap, RunFailed, VerifyFailed
from airflow_provider_livedata.engine.flows.restoring import bring_back
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.opening import opened, patient
from airflow_provider_livedata.engine.restores import drill_folders
from airflow_provider_livedata.engine.restores.options import DrillOptions, RestoreOptions
from airflow_provider_livedata.engine.restores.report import DrillReport, RestoreReport
from airflow_provider_livedata.engine.restores.sampling import Sample, sample
from airflow_provider_livedata.engine.stored.lease import LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.below import Below

log = logging.getLogger(__name__)


def drill(
    view: Zone,
    scratch: Zone | str,
    options: DrillOptions | None = None,
    *,
    taken_ms: int,
    label: str,
    lease_times: LeaseTimes | None = None,
) -> DrillReport:
    """Restore a random sample of a backup to a new folder of ``scratch``, compare, measure, and remove the folder.

    Args:
        view: What the backup holds; see ``bring_back``.
        scratch: A place outside of the backup; the drill makes a folder of its own there, and touches nothing else but what killed drills left.
        options: How much.
        taken_ms: The instant that the backup shows, epoch milliseconds.
        label: What the backup is called.
        lease_times: Of the folder's lease.

    Returns:
        The report, which also lies in ``.livedata/drills`` of the scratch place.

    Raises:
        RunFailed, VerifyFailed: The sample could not be restored, or is not what was backed up; ``error.report`` tells.
        LiveDataError: The drill could not be made. The folder is removed in any case.
    """
    options = options or DrillOptions()
    with opened(view) as opened_view, opened(scratch) as opened_scratch:
        return _Drill(opened_view, opened_scratch, options, taken_ms, label, lease_times).run()


class _Sampled(Around):
    """A backup of which only the sample shows."""

    keeps = frozenset({"StoreChecksum"})

    def __init__(self, zone: Zone, chosen: Sample) -> None:
        super().__init__(zone)
        self._chosen = chosen

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        yield from (file for file in self._chosen.files if not under or file.path.startswith(f"{under}/"))


@dataclass(slots=True)
class _Drill:
    view: Zone
    scratch: Zone
    options: DrillOptions
    taken_ms: int
    label: str
    lease_times: LeaseTimes | None
    report: DrillReport = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        started_ms = now_ms()
        self.name = drill_folders.new_name(started_ms)
        seed = self.options.seed if self.options.seed is not None else secrets.randbelow(1 << 31)
        self.report = DrillReport(
            backup=self.label, source=str(self.view.address), scratch=str(self.scratch.address.join(self.name)),
            taken_ms=self.taken_ms, seed=seed, started_ms=started_ms,
        )  # fmt: skip

    def run(self) -> DrillReport:
        """The whole drill; the folder goes and the report is stored whatever happens."""
        began = time.monotonic()
        self._preflight()
        holder = holder_of(self.options)
        for note in drill_folders.sweep(self.scratch, holder, self.report.started_ms, self.lease_times):
            self._note(note)
        try:
            self._restore()
        except BaseException as error:
            self.report.state, self.report.why = "failed", str(error) or type(error).__name__
            if isinstance(error, (RunFailed, VerifyFailed)):
                error.report = self.report
            raise
        finally:
            self._clean()
            self.report.seconds = round(time.monotonic() - began, 3)
            with contextlib.suppress(LiveDataError):
                self._store()
        return self.report

    def _preflight(self) -> None:
        if self.view.address.overlaps(self.scratch.address):
            raise PathsOverlap(
                "the backup and the scratch place lie inside each other; choose another scratch place",
                backup=str(self.view.address), scratch=str(self.scratch.address),
            )  # fmt: skip
        self.view.check(writable=False)
        self.scratch.check(writable=True)

    def _restore(self) -> None:
        view = patient(_Sampled(self.view, self._sample())) if self.options.sample_files else self.view
        drill_folders.make(self.scratch, self.name)
        began = time.monotonic()
        try:
            done = bring_back(
                view, patient(Below(self.scratch, self.name)), self._restore_options(),
                taken_ms=self.taken_ms, label=self.label, lease_times=self.lease_times,
            )  # fmt: skip
        except (RunFailed, VerifyFailed) as error:
            self._account(error.report, began)
            raise
        self._account(done, began)

    def _sample(self) -> Sample:
        options, report = self.options, self.report
        with closing(scan(self.view, Filter(DEFAULT_EXCLUDES))) as entries:
            chosen = sample(entries, most_files=options.sample_files, most_bytes=options.sample_bytes, seed=report.seed)
        report.backup_files, report.backup_bytes = chosen.of_files, chosen.of_bytes
        report.sample_files, report.sample_bytes = len(chosen.files), chosen.size_bytes
        log.info("%s files of %s are restored, seed %s", len(chosen.files), chosen.of_files, report.seed)
        return chosen

    def _restore_options(self) -> RestoreOptions:
        options = self.options
        return RestoreOptions(
            verify="content", preserve=frozenset(), keep_replaced=False, bandwidth=options.bandwidth, threads=options.threads,
            memory_mib=options.memory_mib, holder=options.holder, progress_s=options.progress_s,
        )  # fmt: skip

    def _account(self, done: RestoreReport, began: float) -> None:
        report = self.report
        report.restore_seconds = round(time.monotonic() - began, 3)
        report.verified_files, report.difference_count = done.verified_files, done.difference_count
        report.failed, report.failures, report.differences = done.failed, done.failures, done.differences
        if not self.options.sample_files:
            report.sample_files, report.sample_bytes = done.scanned_files, done.scanned_bytes
            report.backup_files, report.backup_bytes = done.scanned_files, done.scanned_bytes

    # the end ----------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        try:
            failures = drill_folders.remove(self.scratch, self.name)
            for failure in failures:
                self._note(f"{failure.path} could not be removed: {failure.reason}")
            self.report.is_cleaned = not failures
        except LiveDataError as error:
            self._note(f"the folder could not be removed; remove {self.report.scratch}: {error}")

    def _note(self, text: str) -> None:
        self.report.notes.append(text)
        log.warning("%s", text)

    def _store(self) -> None:
        state, name = StateFolder(self.scratch), f"drills/{self.name.removeprefix(drill_folders.FOLDER)}.json"
        state.write(name, self.report.seal(state.address(name)).encode())
        log.info("drill\n%s", self.report.table())
