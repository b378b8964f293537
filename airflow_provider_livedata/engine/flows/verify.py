"""Prove that the target holds what the checkpoint says and what the source has, and name every difference.

listing    names, kinds and sizes of both sides against the manifest
checksum   also the target's own checksums against the manifest; where its store keeps none, the target is read
content    also both sides read, and their checksums compared with each other and with the manifest
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.checksums import agrees
from airflow_provider_livedata.engine.choices import refuse_unknown
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.refusal import refusal
from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged, PathMissing, StateDamaged
from airflow_provider_livedata.engine.limits import NOT_NOW, Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Checksum, Entry, Held
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.reading.checksum import read_checksum, told_by_store
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.verify_report import DifferenceKind, Level, VerifyReport
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots

log = logging.getLogger(__name__)
DEFAULT_THREADS = 16

KEPT_REPORTS = 100  # of each level


def verify(
    source: Zone | str,
    target: Zone | str,
    *,
    level: Level = "checksum",
    threads: int = 0,
    bandwidth: str = "",
    memory_mib: int = 96,
    progress_s: float = 5.0,
    max_namenode_calls_per_s: int = 0,
    dry_run: bool = False,
) -> VerifyReport:
    """Compare a target with its manifest and with its source; changes nothing but to store the report.

    The source is read at the checkpoint's snapshot; where there is none any more, or the source has no snapshots, it is
    read as it is, and files that changed since are reported as "changed at source" rather than as damage. With
    ``dry_run`` nothing is compared or stored: the report says what would be. Limits are those of ``ReplicateOptions``.

    Raises:
        StateDamaged: The target has no checkpoint: nothing was ever copied completely.
        BadOption: An unknown level.
    """
    refuse_unknown("level", level, Level)
    with opened(source, calls_per_s=max_namenode_calls_per_s) as opened_source, opened(target) as opened_target:
        opened_source.check(writable=False)
        state = StateFolder(opened_target)
        checkpoint = checkpoints.latest(state)
        if checkpoint is None:
            raise StateDamaged(
                "the target has no checkpoint, so nothing was copied completely yet; run the copy first",
                target=str(opened_target.address),
            )
        limits = Buffers(memory_mib << 20), Bandwidth(Timetable.parse(bandwidth))
        verification = _Verification(opened_source, opened_target, checkpoint, state, level, *limits)
        return verification.rehearse() if dry_run else verification.run(threads or DEFAULT_THREADS, progress_s)


@dataclass(slots=True)
class _Verification:
    source: Zone
    target: Zone
    checkpoint: Checkpoint
    state: StateFolder
    level: Level
    buffers: Buffers
    bandwidth: Bandwidth
    report: VerifyReport = field(init=False)
    frozen: Zone = field(init=False)
    is_frozen: bool = False
    _refused: str = ""  # key of the last source directory that the target cannot hold

    def __post_init__(self) -> None:
        self.report = VerifyReport(
            str(self.source.address),
            str(self.target.address),
            self.level,
            self.checkpoint.run,
            self.checkpoint.snapshot,
            now_ms(),
        )

    def rehearse(self) -> VerifyReport:
        checkpoint, report = self.checkpoint, self.report
        report.files, report.directories, report.size_bytes = (
            checkpoint.files,
            checkpoint.directories,
            checkpoint.size_bytes,
        )
        report.dry_run = True
        return report

    def run(self, threads: int, progress_s: float) -> VerifyReport:
        began = time.monotonic()
        self.frozen, self.is_frozen = self._source_view()
        with Progress(f"verify {self.level}", every_s=progress_s) as progress, Pool(threads, "livedata-verify") as pool:
            progress.expect(self.checkpoint.files, self.checkpoint.size_bytes)
            for row in self._rows():
                self._compare(row, pool, progress)
            pool.wait()
        self.report.seconds = round(time.monotonic() - began, 3)
        self._store()
        return self.report

    def _source_view(self) -> tuple[Zone, bool]:
        name = self.checkpoint.snapshot
        if name and isinstance(self.source, Snapshots):
            for snapshot in self.source.snapshots():
                if snapshot.name == name:
                    return self.source.at(snapshot), True
        self.report.notes.append("the checkpoint's source snapshot is not there, so the source was read as it is now")
        return self.source, False

    def _rows(self) -> Iterator[Row]:
        chosen = Filter(self.checkpoint.exclude)
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(contextlib.closing(scan(self.frozen, chosen)))
            theirs = stack.enter_context(contextlib.closing(scan(self.target, chosen)))
            yield from line_up(ours, checkpoints.manifest(self.state, self.checkpoint), theirs)

    def _compare(self, row: Row, pool: Pool, progress: Progress) -> None:
        known, target = row.known, row.target
        if known is None:
            self._compare_unknown(row)
            return
        if target is None:
            self.report.differ(row.key, "missing", "in the manifest, not at the target")
            return
        self._compare_source(row, known)
        if known.entry.kind == "directory":
            self.report.count(directories=1)
            return
        self.report.count(files=1, size_bytes=target.size_bytes)
        if target.size_bytes != known.entry.size_bytes:
            self.report.differ(row.key, "size", f"{known.entry.size_bytes} expected, {target.size_bytes} found")
        elif self.level != "listing":
            pool.submit(lambda: self._prove(row, known, target, progress))
            return
        progress.add(files=1)

    def _compare_unknown(self, row: Row) -> None:
        if row.target is not None and not row.target.is_implied:
            self.report.differ(row.key, "extra", "at the target, not in the manifest")
        elif row.target is None and row.source is not None:
            if self._is_left_out(row.source):
                self.report.count(left_out=1)
            else:
                self.report.differ(row.key, "missing" if self.is_frozen else "changed at source", "new at the source")

    def _is_left_out(self, source: Entry) -> bool:
        # What the target cannot hold was left out on purpose (skip_unholdable), with all that lies in it.
        inside = bool(self._refused) and source.key.startswith(self._refused)
        if not inside and refusal(source, self.target.facts):
            inside, self._refused = True, source.key if source.kind == "directory" else self._refused
        return inside

    def _compare_source(self, row: Row, known: Held) -> None:
        source = row.source
        if source is None:
            self.report.differ(row.key, "extra" if self.is_frozen else "changed at source", "not at the source")
        elif source.kind == "file" and _content_of(source) != _content_of(known.entry):
            # A file that was open may have grown in its snapshot; any other is the one that was copied.
            kind: DifferenceKind = "checksum" if self.is_frozen and known.is_settled else "changed at source"
            self.report.differ(row.key, kind, "the source file is not the one that was copied")

    def _prove(self, row: Row, known: Held, target: Entry, progress: Progress) -> None:
        try:
            if self.level == "checksum":
                self._by_store(known, target)
            else:
                self._by_content(row, known, target)
        except NOT_NOW:
            raise
        except LiveDataError as error:
            self.report.differ(target.path, "unreadable", str(error))
        progress.add(files=1, size_bytes=target.size_bytes)

    def _by_store(self, known: Held, target: Entry) -> None:
        told = told_by_store(self.target, target.path, known.target_checksum)
        if not told:
            self._expect(self._read(self.target, target, ""), known, target.path, "target")
            return
        self.report.count(proved_by_store=1)
        if told != "same":
            self.report.differ(target.path, "checksum", f"{known.target_checksum} landed, the store now says {told}")

    def _by_content(self, row: Row, known: Held, target: Entry) -> None:
        self._expect(self._read(self.target, target, ""), known, target.path, "target")
        source = row.source
        if source is None or _content_of(source) != _content_of(known.entry):
            return  # said already
        try:
            found = self._read(self.frozen, source, source.version)
        except (ObjectChanged, PathMissing) as error:
            if self.is_frozen:
                raise
            self.report.differ(target.path, "changed at source", str(error))
        else:
            self._expect(found, known, target.path, "source")

    def _expect(self, found: Checksum, known: Held, path: str, side: str) -> None:
        self.report.count(proved_by_reading=1 if side == "target" else 0)
        copied = known.entry.crc32c, known.entry.crc64nvme
        if copied == (None, None):
            self.report.count(not_comparable=1)
        elif not agrees(known.entry, found):
            self.report.differ(path, "checksum", f"{side}: {_text(found)} read, {_text(copied)} copied")

    def _read(self, zone: Zone, entry: Entry, version: str) -> Checksum:
        read = read_checksum(zone, entry._replace(version=version), self.buffers, self.bandwidth)
        self.report.count(read_bytes=read.size_bytes)
        return read.checksum

    def _store(self) -> None:
        name = f"verify/{self.report.started_ms}-{self.level}.json"
        text = self.report.to_json()
        self.state.write(name, text.encode())
        self.report.address, self.report.digest = self.state.address(name), hashlib.sha256(text.encode()).hexdigest()
        self._tidy()
        log.info("verification\n%s", self.report.table())

    def _tidy(self) -> None:
        names = [entry.path for entry in self.state.files("verify") if entry.path.endswith(f"-{self.level}.json")]
        old = frozenset(sorted(names)[:-KEPT_REPORTS])
        if old:
            self.state.remove("verify", only=old.__contains__)


def _text(crcs: Iterable[int | None]) -> str:
    named = zip(("crc32c", "crc64nvme"), (8, 16), crcs, strict=True)
    return " ".join(f"{name} {value:0{width}x}" for name, width, value in named if value is not None)


def _content_of(entry: Entry) -> tuple[str, int]:
    return entry.version, entry.size_bytes
