"""What a restore or a restore drill did, and what a person has to know of it: JSON for programs, a table for people. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.report import SHOWN, State
from airflow_provider_livedata.engine.told import Told
from airflow_provider_livedata.engine.units import human_bytes, human_seconds, moment

FORMAT = 1
KEPT = 1000  # differences that a report holds; their number counts all


@dataclass(frozen=True, slots=True)
class RestoreDifference:
    """One restored path that is not as the backup has it: missing, kind, size, checksum, attributes, changed, unreadable."""

    path: str
    kind: str
    detail: str = ""


@dataclass(slots=True)
class _Restored(Told):
    """What the reports of restores have in common."""

    address: str = ""
    digest: str = ""

    def summary(self) -> dict[str, Any]:
        """See ``Told``; what lists hold as plain values."""
        return {name: _plain(value) for name, value in Told.summary(self).items()}


@dataclass(slots=True)
class RestoreReport(_Restored):
    """How a restore ended. Times are epoch milliseconds or seconds as the names say.

    ``same``: files of the destination that were left as they are, by the evidence that they are those of the backup.
    ``undo``: the calls and commands that bring back what was there before. ``differences``: what the verification found.
    """

    name: str = ""  # of this restore, as ``undo_restore`` is given it
    backup: str = ""  # the label of what was restored
    source: str = ""
    destination: str = ""
    taken_ms: int = 0  # the instant that the backup shows
    state: State = "done"
    why: str = ""  # of a restore that did not end well
    mode: str = ""
    paths: list[str] = field(default_factory=list)  # none: everything
    attempt: int = 1  # above 1: it went on where one that was cut off had stopped
    started_ms: int = 0
    seconds: float = 0.0
    plan: str = ""
    plan_digest: str = ""
    planned: dict[str, int] = field(default_factory=dict)  # steps by kind and reason
    planned_files: int = 0
    planned_bytes: int = 0
    planned_deletes: int = 0
    changes: int = 0  # steps that change the destination
    scanned_files: int = 0
    scanned_directories: int = 0
    scanned_bytes: int = 0
    same: dict[str, int] = field(default_factory=dict)
    newer: int = 0  # files that were to be replaced or deleted though newer than the backup
    threads: int = 0
    copied_files: int = 0
    copied_bytes: int = 0
    made_directories: int = 0
    set_attributes: int = 0
    deleted: int = 0
    failed: int = 0
    verify: str = ""
    verified_files: int = 0
    proved_by_store: int = 0  # files whose checksum the destination's store told
    proved_by_reading: int = 0  # files whose bytes were read
    difference_count: int = 0
    before: str = ""  # where what was there before is kept
    undo: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)  # the first 1,000
    differences: list[RestoreDifference] = field(default_factory=list)  # the first 1,000
    changed_examples: list[str] = field(default_factory=list)
    newer_examples: list[str] = field(default_factory=list)
    not_restored: list[str] = field(default_factory=list)  # entries that the destination cannot hold, with the reason
    notes: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def same_files(self) -> int:
        """Files that were left as they are."""
        return sum(self.same.values())

    @property
    def bytes_per_second(self) -> float:
        """Copied bytes over the whole time."""
        return self.copied_bytes / self.seconds if self.seconds else 0.0

    def _rows(self) -> list[tuple[str, Any]]:
        same = ", ".join(f"{count:,} by {how}" for how, count in sorted(self.same.items()))
        planned = ", ".join(f"{count:,} {what}" for what, count in sorted(self.planned.items()))
        return [
            ("restore", self.name),
            ("state", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            ("backup", f"{self.backup}, of {moment(self.taken_ms)}"),
            ("source", self.source),
            ("destination", self.destination),
            ("mode", self.mode),
            ("paths", ", ".join(self.paths[:SHOWN]) or "all"),
            ("attempt", self.attempt if self.attempt > 1 else ""),
            ("in the backup", f"{self.scanned_files:,} files, {self.scanned_directories:,} directories, {human_bytes(self.scanned_bytes)}"),
            ("planned", planned or "nothing to do"),
            ("restored", f"{self.copied_files:,} files, {human_bytes(self.copied_bytes)}"),
            ("already the same", f"{self.same_files:,} files: {same}" if same else ""),
            ("newer than backup", f"{self.newer:,} files, replaced or deleted since overwrite_newer says so" if self._overwrote else ""),
            ("directories", f"{self.made_directories:,} made" if self.made_directories else ""),
            ("attributes", f"{self.set_attributes:,} set" if self.set_attributes else ""),
            ("deleted", f"{self.deleted:,}" if self.deleted else ""),
            ("failed", f"{self.failed:,}" if self.failed else ""),
            ("verified", self._verified()),
            ("time", f"{human_seconds(self.seconds)}, {human_bytes(self.bytes_per_second)}/s"),
            ("tasks at once", self.threads or ""),
            ("kept from before", self.before),
            ("plan", f"{self.plan} (sha256 {self.plan_digest[:16]})" if self.plan else ""),
            ("report", self.address),
        ]  # fmt: skip

    @property
    def _overwrote(self) -> bool:
        return bool(self.newer) and self.state in ("done", "failed")

    def _verified(self) -> str:
        if not self.verify or self.state in ("dry run", "refused"):
            return ""
        if self.verify == "none":
            return "NOT VERIFIED, since verify is none"
        found = f"{self.difference_count:,} DIFFERENCES" if self.difference_count else "no difference"
        return (
            f"{self.verified_files:,} files, {found}; {self.proved_by_store:,} by the store's checksum, "
            f"{self.proved_by_reading:,} by reading"
        )

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        failures = [f"{f.path}: {f.reason}" for f in self.failures]
        differences = [f"{d.kind}: {d.path} {d.detail}".rstrip() for d in self.differences]
        would = self.changed_examples if self.state == "dry run" else []
        return [
            ("failed", self.failed, failures),
            ("not as in the backup", self.difference_count, differences),
            ("not restored, the destination cannot hold them", len(self.not_restored), self.not_restored),
            ("newer than the backup", self.newer, self.newer_examples),
            ("would change", len(would), would),
            ("to undo", len(self.undo), self.undo),
            ("notes", len(self.notes), self.notes),
        ]


@dataclass(slots=True)
class DrillReport(_Restored):
    """How a restore drill ended: a random sample was restored to a scratch place, compared, timed and removed again.

    ``seed`` chooses the same sample on the same backup again. ``estimated_seconds``: what restoring all of the backup would take at
    the pace of the sample, by the slower of files and bytes.
    """

    backup: str = ""
    source: str = ""
    scratch: str = ""
    taken_ms: int = 0
    state: State = "done"
    why: str = ""
    seed: int = 0
    started_ms: int = 0
    seconds: float = 0.0
    backup_files: int = 0
    backup_bytes: int = 0
    sample_files: int = 0
    sample_bytes: int = 0
    restore_seconds: float = 0.0
    verified_files: int = 0
    difference_count: int = 0
    failed: int = 0
    is_cleaned: bool = False  # nothing of it is left at the scratch place
    failures: list[Failure] = field(default_factory=list)
    differences: list[RestoreDifference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def files_per_second(self) -> float:
        """Of the sample's restore and comparison."""
        return self.sample_files / self.restore_seconds if self.restore_seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Of the sample's restore and comparison."""
        return self.sample_bytes / self.restore_seconds if self.restore_seconds else 0.0

    @property
    def estimated_seconds(self) -> float | None:
        """For all of the backup; None where nothing was restored."""
        times = [
            whole / rate
            for whole, rate in ((self.backup_files, self.files_per_second), (self.backup_bytes, self.bytes_per_second))
            if rate
        ]
        return max(times, default=None)

    def stored(self) -> dict[str, Any]:
        """See ``Sealed.stored``; with the rates."""
        return Told.stored(self) | self._rates()

    def summary(self) -> dict[str, Any]:
        """See ``_Restored``; with the rates."""
        return _Restored.summary(self) | self._rates()

    def _rates(self) -> dict[str, Any]:
        estimate = self.estimated_seconds
        return {
            "files_per_second": round(self.files_per_second, 1),
            "bytes_per_second": round(self.bytes_per_second),
            "estimated_seconds": None if estimate is None else round(estimate, 3),
        }

    def _rows(self) -> list[tuple[str, Any]]:
        estimate = self.estimated_seconds
        found = f"{self.difference_count:,} DIFFERENCES" if self.difference_count else "no difference"
        return [
            ("drill", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            ("backup", f"{self.backup}, of {moment(self.taken_ms)}"),
            ("source", self.source),
            ("scratch", self.scratch),
            ("sample", f"{self.sample_files:,} of {self.backup_files:,} files, {human_bytes(self.sample_bytes)}, seed {self.seed}"),
            ("verified", f"{self.verified_files:,} files by content, {found}"),
            ("pace", f"{self.files_per_second:,.1f} files/s, {human_bytes(self.bytes_per_second)}/s in {human_seconds(self.restore_seconds)}"),
            ("all would take", f"about {human_seconds(estimate)} at this pace" if estimate is not None else ""),
            ("cleaned up", "yes" if self.is_cleaned else "NO"),
            ("report", self.address),
        ]  # fmt: skip

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        failures = [f"{f.path}: {f.reason}" for f in self.failures]
        differences = [f"{d.kind}: {d.path} {d.detail}".rstrip() for d in self.differences]
        return [
            ("failed", self.failed, failures),
            ("not as in the backup", self.difference_count, differences),
            ("notes", len(self.notes), self.notes),
        ]


def _plain(value: Any) -> Any:
    """Lists of values as lists of dictionaries, which any serialiser takes."""
    if not isinstance(value, list):
        return value
    return [
        dataclasses.asdict(one) if dataclasses.is_dataclass(one) and not isinstance(one, type) else one for one in value
    ]
