"""Prove that a backup still holds what it was made of, and write down beside it what was found."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.backups.catalogue import Verified
from airflow_provider_livedata.engine.backups.cataloguing import read_catalogue, rows_of, view_of
from airflow_provider_livedata.engine.backups.record import BackupRecord, file_of
from airflow_provider_livedata.engine.backups.view import BackupView
from airflow_provider_livedata.engine.checksums import agrees
from airflow_provider_livedata.engine.choices import refuse_unknown
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, PathMissing
from airflow_provider_livedata.engine.limits import NOT_NOW, Buffers
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.reading.checksum import read_checksum, told_by_store
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.verify_report import VerifyReport
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.wrappers import ReadOnly

log = logging.getLogger(__name__)
THREADS = 16
BackupLevel = Literal["checksum", "content"]


def verify_backup(
    place: Zone | str, which: str = "latest", *, level: BackupLevel = "checksum", threads: int = THREADS,
    memory_mib: int = 96, progress_s: float = 5.0,
) -> VerifyReport:  # fmt: skip
    """Compare every file of a complete backup with its manifest; what was found is noted beside the backup.

    Args:
        place: The designated path, or a location with snapshots of its own.
        which: A name, a time or "latest".
        level: "checksum": by the store's own checksum where it tells one that can be compared, else by reading; "content": all is read.
        threads: Files at once.
        memory_mib: Of buffers.
        progress_s: Seconds between lines of progress.

    Raises:
        BackupMissing, BackupUnusable: See ``Catalogue.find``.
        BadOption: An unknown level.
    """
    refuse_unknown("level", level, BackupLevel)
    with opened(place) as zone:
        state, found = StateFolder(zone), read_catalogue(StateFolder(zone))
        one = found.find(which)
        record = one.record
        if record is None:
            raise ValueError("a complete backup has a record")
        proving = _Proving(view_of(zone, found, one), record, state, level, Buffers(memory_mib << 20))
        return proving.run(threads, progress_s)


@dataclass(slots=True)
class _Proving:
    view: Zone
    record: BackupRecord
    state: StateFolder
    level: BackupLevel
    buffers: Buffers
    report: VerifyReport = field(init=False)

    def __post_init__(self) -> None:
        record = self.record
        self.report = VerifyReport(
            record.source, f"{record.place}/{record.name}", self.level, record.run, record.snapshot
        )
        self.report.started_ms = now_ms()

    def run(self, threads: int, progress_s: float) -> VerifyReport:
        """Compare all, and write down how it ended."""
        began, report = time.monotonic(), self.report
        with (
            Progress(f"verify {self.record.name}", every_s=progress_s) as progress,
            Pool(threads, "livedata-prove") as pool,
        ):
            progress.expect(self.record.files or 0, self.record.size_bytes or 0)
            for row in self._rows():
                if row.entry.kind == "directory":
                    report.count(directories=1)
                    continue
                report.count(files=1, size_bytes=row.entry.size_bytes)
                pool.submit(lambda row=row: self._prove(row, progress))  # type: ignore[misc]
            pool.wait()
        report.seconds = round(time.monotonic() - began, 3)
        self._store()
        return report

    def _rows(self) -> Iterator[Held]:
        if self.record.generations:
            return rows_of(self.state, self.record)
        return (Held(entry, entry.version) for entry in self.view.scan())

    def _prove(self, row: Held, progress: Progress) -> None:
        path = row.entry.path
        try:
            if self.level == "content" or not self._by_store(row):
                self._by_reading(row)
        except NOT_NOW:
            raise
        except LiveDataError as error:
            self.report.differ(path, "unreadable", str(error))
        progress.add(files=1, size_bytes=row.entry.size_bytes)

    def _by_store(self, row: Held) -> bool:
        try:
            told = told_by_store(*_lying(self.view, row), row.target_checksum)
        except PathMissing:  # retention may have carried it on meanwhile, to where the view finds it when it is read
            return False
        if not told:
            return False
        self.report.count(proved_by_store=1)
        if told != "same":
            self.report.differ(row.entry.path, "checksum", f"{row.target_checksum} landed, the store now says {told}")
        return True

    def _by_reading(self, row: Held) -> None:
        entry = row.entry
        read = read_checksum(self.view, entry._replace(version=row.target_version), self.buffers)
        self.report.count(proved_by_reading=1, read_bytes=read.size_bytes)
        if read.size_bytes != entry.size_bytes:
            self.report.differ(entry.path, "size", f"{entry.size_bytes} expected, {read.size_bytes} found")
        elif (entry.crc32c, entry.crc64nvme) == (None, None):
            self.report.count(not_comparable=1)
        elif not agrees(entry, read.checksum):
            self.report.differ(entry.path, "checksum", "its bytes are not those that were backed up")

    def _store(self) -> None:
        name = f"verify/{self.report.started_ms}-{self.record.name}.json"
        data = self.report.to_json().encode()
        self.state.write(name, data)
        self.report.address, self.report.digest = self.state.address(name), hashlib.sha256(data).hexdigest()
        log.info("verification of a backup\n%s", self.report.table())
        # Also where it differs: an earlier proof is worth nothing then, and retention must not rely on it.
        found = Verified(self.report.started_ms, self.level, self.report.address, self.report.difference_count)
        self.state.write_json(file_of(self.record.name, "verified"), asdict(found))


def _lying(view: Zone, row: Held) -> tuple[Zone, str]:
    """The zone and path where a row's bytes lie."""
    inner = view.inner if isinstance(view, ReadOnly) else view
    if isinstance(inner, BackupView):
        return inner.inner, inner.place_of(row.entry.path, row.target_version)[0]
    return inner, row.entry.path
