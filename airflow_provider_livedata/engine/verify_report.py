"""What a verification found: JSON for programs, a table for people. Pure."""

from __future__ import annotations

import dataclasses
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.units import human_bytes

Level = Literal["listing", "checksum", "content"]
DifferenceKind = Literal[
    "missing", "extra", "kind", "size", "checksum", "attributes", "unreadable", "changed at source"
]
KEPT = 1000


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
