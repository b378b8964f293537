"""Compare what a restore brought with the backup, and name every difference.

checksum   the destination's own checksum where its kind is the backup's, else the bytes are read
content    the bytes are read
none       nothing is compared

The checksum of a file is that of the backup's manifest, and where it has none, that of the bytes as they were read from the backup.
Attributes are compared as far as the destination keeps them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.checksums import agrees
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.limits import NOT_NOW, Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.reading.checksum import read_checksum
from airflow_provider_livedata.engine.restores.options import ProofLevel
from airflow_provider_livedata.engine.restores.report import KEPT, RestoreDifference
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import StoreChecksum


@dataclass(slots=True)
class Proof:
    """What was found; counted from many threads, the list holds the first ``KEPT``."""

    files: int = 0
    by_store: int = 0
    by_reading: int = 0
    count: int = 0
    differences: list[RestoreDifference] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def differ(self, path: str, kind: str, detail: str = "") -> None:
        """Note a difference."""
        with self._lock:
            self.count += 1
            if len(self.differences) < KEPT:
                self.differences.append(RestoreDifference(path, kind, detail))

    def add(self, *, files: int = 0, by_store: int = 0, by_reading: int = 0) -> None:
        """Count."""
        with self._lock:
            self.files += files
            self.by_store += by_store
            self.by_reading += by_reading


@dataclass(slots=True)
class Proving:
    """Compares rows of a journal, whose entries are the backup's, with what is at the destination."""

    view: Zone
    destination: Zone
    level: ProofLevel
    names: frozenset[str]  # of the attributes that are compared
    buffers: Buffers
    bandwidth: Bandwidth
    allow: Callable[[], None]
    proof: Proof = field(default_factory=Proof)

    def run(self, rows: Iterable[Held], threads: int, progress: Progress) -> Proof:
        """Compare all rows; one that cannot be compared is a difference of its own.

        Raises:
            LiveDataError: The lease is lost.
        """
        with Pool(threads, "livedata-prove") as pool:
            for row in rows:
                pool.submit(lambda row=row: self._one(row, progress))  # type: ignore[misc]
            pool.wait()
        self.proof.differences.sort(key=lambda one: one.path)
        return self.proof

    def _one(self, row: Held, progress: Progress) -> None:
        self.allow()
        try:
            self._compare(row)
        except NOT_NOW:
            raise
        except LiveDataError as error:
            self.proof.differ(row.entry.path, "unreadable", str(error))
        if row.entry.kind == "file":
            progress.add(files=1, size_bytes=row.entry.size_bytes)

    def _compare(self, row: Held) -> None:
        was, there = row.entry, self.destination.stat(row.entry.path)
        if there is None or there.kind != was.kind:
            self.proof.differ(was.path, "missing" if there is None else "kind")
            return
        self._compare_attributes(was, there)
        if was.kind != "file":
            return
        self.proof.add(files=1)
        if there.size_bytes != was.size_bytes:
            self.proof.differ(was.path, "size", f"{was.size_bytes} in the backup, {there.size_bytes} found")
        elif row.target_version and there.version != row.target_version:
            self.proof.differ(was.path, "changed", "by someone else since it was restored")
        else:
            self._compare_bytes(was, there)

    def _compare_attributes(self, was: Entry, there: Entry) -> None:
        if there.is_implied:
            return
        for name in sorted(self.names):
            wanted, found = getattr(was, name), getattr(there, name)
            if wanted is not None and wanted != found:
                self.proof.differ(
                    was.path, "attributes", f"{name} {_shown(name, wanted)} in the backup, {_shown(name, found)} found"
                )

    def _compare_bytes(self, was: Entry, there: Entry) -> None:
        if was.crc32c is None and was.crc64nvme is None:  # only its attributes were set
            return
        told = None if self.level == "content" else self._by_store(was, there)
        if told:
            self.proof.add(by_store=1)
            return
        found = read_checksum(self.destination, there, self.buffers, self.bandwidth).checksum
        self.proof.add(by_reading=1)
        if not agrees(was, found):
            self.proof.differ(was.path, "checksum", f"{found.crc64nvme:016x} found, {_sum_of(was)} in the backup")

    def _by_store(self, was: Entry, there: Entry) -> bool:
        """Whether the store itself says that these are the bytes; False where it says nothing that can be compared."""
        pairs = [(was.crc64nvme, there.crc64nvme), (was.crc32c, there.crc32c)]
        told = [ours == theirs for ours, theirs in pairs if ours is not None and theirs is not None]
        if told:
            return all(told)
        ours, theirs = (_text(zone, was.path) for zone in (self.view, self.destination))
        return bool(ours) and ours == theirs


def _text(zone: Zone, path: str) -> str:
    return zone.store_checksum(path) if isinstance(zone, StoreChecksum) else ""


def _sum_of(entry: Entry) -> str:
    return f"{entry.crc64nvme:016x}" if entry.crc64nvme is not None else f"crc32c {entry.crc32c:08x}"


def _shown(name: str, value: object) -> str:
    return f"{value:o}" if name == "mode" and isinstance(value, int) else repr(value)
