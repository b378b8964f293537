"""Prove that the target holds what the checkpoint says and what the source has, and name every difference.

listing    names, kinds and sizes of both sides against the manifest
checksum   also the target's own checksums against the manifest; where its store keeps none, the target is read
content    also both sides read, and their checksums compared with each other and with the manifest
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from airflow_provider_livedata.engine import checkpoint as checkpoints
from airflow_provider_livedata.engine.checkpoint import Checkpoint
from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of
from airflow_provider_livedata.engine.diff import Row, line_up
from airflow_provider_livedata.engine.errors import BadOption, LiveDataError, ObjectChanged, PathMissing, StateDamaged
from airflow_provider_livedata.engine.filters import Filter
from airflow_provider_livedata.engine.flows.opening import opened
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Checksum, Entry, Held
from airflow_provider_livedata.engine.plan import refusal
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.scan import scan
from airflow_provider_livedata.engine.state import StateFolder
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.units import human_bytes
from airflow_provider_livedata.engine.zones.base import Snapshots, StoreChecksum, Zone

log = logging.getLogger(__name__)
DEFAULT_THREADS = 16

Level = Literal["listing", "checksum", "content"]
DifferenceKind = Literal[
    "missing", "extra", "kind", "size", "checksum", "attributes", "unreadable", "changed at source"
]
KEPT = 1000
KEPT_REPORTS = 100  # of each level
CHUNK = 8 << 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One path that is not as it should be. "missing" and "extra" are said of the target."""

    path: str
    kind: DifferenceKind
    detail: str = ""


@dataclass(slots=True)
class VerifyReport:
    """What a verification found. ``is_same``: it was made and found not a single difference."""

    source: str
    target: str
    level: Level
    checkpoint: int = 0
    snapshot: str = ""
    started_ms: int = 0
    seconds: float = 0.0
    files: int = 0
    directories: int = 0
    size_bytes: int = 0
    proved_by_store: int = 0  # files whose checksum the target's store told
    proved_by_reading: int = 0  # files whose bytes were read
    read_bytes: int = 0
    left_out: int = 0  # entries of the source that the target cannot hold, left out of the copy on purpose
    not_comparable: int = 0  # files without any checksum to compare with
    difference_count: int = 0
    difference_kinds: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False
    differences: list[Difference] = field(default_factory=list)  # the first 1,000
    notes: list[str] = field(default_factory=list)
    address: str = ""
    digest: str = ""
    format: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_same(self) -> bool:
        """Whether no difference was found."""
        return not self.dry_run and self.difference_count == 0

    @property
    def is_intact(self) -> bool:
        """Whether the target is what was copied; the source may have changed since, where it has no snapshots."""
        return not self.dry_run and not set(self.difference_kinds) - {"changed at source"}

    def differ(self, path: str, kind: DifferenceKind, detail: str = "") -> None:
        """Note a difference."""
        with self._lock:
            self.difference_count += 1
            self.difference_kinds[kind] = self.difference_kinds.get(kind, 0) + 1
            if len(self.differences) < KEPT:
                self.differences.append(Difference(path, kind, detail))

    def count(self, **amounts: int) -> None:
        """Add to the named numbers."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)

    def to_json(self) -> str:
        """As stored."""
        names = [
            f.name for f in dataclasses.fields(self) if f.name not in ("_lock", "address", "digest", "differences")
        ]
        value = {name: getattr(self, name) for name in names}
        value["differences"] = [dataclasses.asdict(d) for d in sorted(self.differences, key=lambda d: d.path)]
        return json.dumps(value | {"is_same": self.is_same}, indent=1, ensure_ascii=False)

    def summary(self) -> dict[str, Any]:
        """The small part that travels through XCom."""
        names = (
            "source",
            "target",
            "level",
            "checkpoint",
            "snapshot",
            "files",
            "size_bytes",
            "proved_by_store",
            "proved_by_reading",
            "not_comparable",
            "difference_count",
            "difference_kinds",
            "is_same",
            "is_intact",
            "dry_run",
            "seconds",
            "address",
            "digest",
        )
        return {name: getattr(self, name) for name in names}

    def _verdict(self) -> str:
        if self.dry_run:
            return "DRY RUN, nothing was compared"
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.difference_kinds.items()))
        return "SAME" if self.is_same else f"{self.difference_count:,} DIFFERENCES: {kinds}"

    def table(self) -> str:
        """For the log and the terminal."""
        lines = [
            f"{'verify':<18}{self.level}: {self._verdict()}",
            f"{'source':<18}{self.source}",
            f"{'target':<18}{self.target}",
            f"{'as of':<18}checkpoint {self.checkpoint} {self.snapshot}",
            f"{'compared':<18}{self.files:,} files, {self.directories:,} directories, {human_bytes(self.size_bytes)}",
            f"{'proved':<18}{self.proved_by_store:,} by the store's checksum, {self.proved_by_reading:,} by reading "
            f"{human_bytes(self.read_bytes)}, {self.not_comparable:,} not comparable",
            f"{'time':<18}{self.seconds:.1f} s",
        ]
        if self.left_out:
            lines.append(f"{'left out':<18}{self.left_out:,} entries that the target cannot hold")
        lines += [f"  {d.kind}: {d.path} {d.detail}".rstrip() for d in self.differences[:20]]
        if self.difference_count > 20:
            lines.append(f"  ... and {self.difference_count - 20:,} more in the report")
        return "\n".join(
            lines
            + [f"  note: {note}" for note in self.notes]
            + ([f"{'report':<18}{self.address}"] if self.address else [])
        )


def verify(
    source: Zone | str,
    target: Zone | str,
    *,
    level: Level = "checksum",
    threads: int = 0,
    bandwidth: str = "",
    memory_mib: int = 96,
    progress_s: float = 5.0,
    dry_run: bool = False,
) -> VerifyReport:
    """Compare a target with its manifest and with its source; changes nothing but to store the report.

    The source is read at the checkpoint's snapshot; where there is none any more, or the source has no snapshots, it is
    read as it is, and files that changed since are reported as "changed at source" rather than as damage. With
    ``dry_run`` nothing is compared or stored: the report says what would be.

    Raises:
        StateDamaged: The target has no checkpoint: nothing was ever copied completely.
        BadOption: An unknown level.
    """
    if level not in get_args(Level):
        raise BadOption(f"level is one of {', '.join(get_args(Level))}", level=level)
    with opened(source) as opened_source, opened(target) as opened_target:
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
            time.time_ns() // 1_000_000,
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
        except LiveDataError as error:
            self.report.differ(target.path, "unreadable", str(error))
        progress.add(files=1, size_bytes=target.size_bytes)

    def _by_store(self, known: Held, target: Entry) -> None:
        told = (
            self.target.store_checksum(target.path)
            if known.target_checksum and isinstance(self.target, StoreChecksum)
            else ""
        )
        if told and told.partition(":")[0] == known.target_checksum.partition(":")[0]:
            self.report.count(proved_by_store=1)
            if told != known.target_checksum:
                self.report.differ(
                    target.path, "checksum", f"{known.target_checksum} landed, the store now says {told}"
                )
            return
        self._expect(self._read(self.target, target, ""), known, target.path, "target")

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
        elif any(was is not None and was != now for was, now in zip(copied, found, strict=True)):
            self.report.differ(path, "checksum", f"{side}: {_text(found)} read, {_text(copied)} copied")

    def _read(self, zone: Zone, entry: Entry, version: str) -> Checksum:
        checksum = EMPTY
        with self.buffers.borrow(min(CHUNK, 1 << max(16, max(entry.size_bytes - 1, 0).bit_length()))) as buffer:
            for offset in range(0, entry.size_bytes, len(buffer)):
                view = memoryview(buffer)[: min(len(buffer), entry.size_bytes - offset)]
                self.bandwidth.take(len(view))
                count = zone.read_into(entry.path, offset, view, version=version)
                self.report.count(read_bytes=count)
                checksum = checksum_of(view[:count], checksum)
        return checksum

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
