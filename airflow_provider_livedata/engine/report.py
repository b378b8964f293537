"""What a run did, what it did not do, and why: JSON for programs, a table for people. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.units import human_bytes

FORMAT = 1
State = Literal["done", "failed", "refused", "dry run"]
SHOWN = 20


class Sealed:
    """A report that knows where it is stored, and the SHA-256 of what is stored there."""

    address: str
    digest: str

    def stored(self) -> dict[str, Any]:
        """What is stored: all but address and digest, which are those of this very text."""
        value = dataclasses.asdict(self)  # type: ignore[call-overload]  # each one is a dataclass
        del value["address"], value["digest"]
        return dict(value)

    def to_json(self) -> str:
        """As stored."""
        return json.dumps(self.stored(), indent=1, ensure_ascii=False)

    def seal(self, address: str) -> str:
        """Fix ``address`` and ``digest`` and return the JSON to store there."""
        text = self.to_json()
        self.address, self.digest = address, hashlib.sha256(text.encode()).hexdigest()
        return text


@dataclass(slots=True)
class Report(Sealed):
    """How a replication run ended.

    Times are epoch milliseconds or seconds as the names say; ``lag_seconds`` is now minus the instant of the newest
    source snapshot that the target holds completely (None before the first). ``address`` and ``digest`` name the
    stored JSON.
    """

    source: str
    target: str
    run: int = 0
    state: State = "done"
    why: str = ""  # of a run that did not end well
    started_ms: int = 0
    seconds: float = 0.0
    snapshot: str = ""
    as_of_ms: int = 0
    lag_seconds: float | None = None
    checkpoint_before: str = ""
    checkpoint_after: str = ""
    found_by: str = ""  # how changes were found: the difference of two snapshots, or listings and why
    plan: str = ""
    plan_digest: str = ""
    scanned_files: int = 0
    scanned_directories: int = 0
    scanned_bytes: int = 0
    planned: dict[str, int] = field(default_factory=dict)  # steps by kind and reason
    planned_files: int = 0
    planned_bytes: int = 0
    planned_deletes: int = 0
    threads: int = 0  # tasks at once
    staged: bool = False  # nothing appeared before all of it was at the target
    publishing_seconds: float = 0.0  # of a staged run: while a reader may have seen two states side by side
    changes: int = 0  # steps that change the target
    copied_files: int = 0
    copied_bytes: int = 0
    adopted_files: int = 0
    renamed: int = 0
    made_directories: int = 0
    set_attributes: int = 0
    deleted: int = 0
    partitions: list[str] = field(default_factory=list)  # key=value directories that changes are in, the first 200
    has_more_partitions: bool = False
    changes_elsewhere: bool = False  # files in no such directory changed too
    skipped: int = 0  # unchanged files
    vanished: int = 0
    failed: int = 0
    unsettled: int = 0
    failures: list[Failure] = field(default_factory=list)  # the first 1,000
    vanished_paths: list[str] = field(default_factory=list)
    unsettled_paths: list[str] = field(default_factory=list)
    changed_examples: list[str] = field(default_factory=list)
    not_copied: list[str] = field(default_factory=list)  # entries that the target cannot hold, with the reason
    notes: list[str] = field(default_factory=list)
    address: str = ""
    digest: str = ""
    format: int = FORMAT

    @property
    def bytes_per_second(self) -> float:
        """Copied bytes over the whole run's time."""
        return self.copied_bytes / self.seconds if self.seconds else 0.0

    def stored(self) -> dict[str, Any]:
        """See ``Sealed.stored``; with the rate."""
        return Sealed.stored(self) | {"bytes_per_second": round(self.bytes_per_second)}

    def summary(self) -> dict[str, Any]:
        """The small part that travels through XCom and asset events."""
        names = (
            "run",
            "state",
            "why",
            "source",
            "target",
            "address",
            "digest",
            "plan",
            "plan_digest",
            "snapshot",
            "as_of_ms",
            "lag_seconds",
            "checkpoint_after",
            "found_by",
            "scanned_files",
            "scanned_bytes",
            "planned_files",
            "planned_bytes",
            "planned_deletes",
            "changes",
            "copied_files",
            "copied_bytes",
            "deleted",
            "partitions",
            "has_more_partitions",
            "changes_elsewhere",
            "skipped",
            "failed",
            "vanished",
            "unsettled",
            "seconds",
        )
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what ``to_json`` wrote."""
        value = json.loads(text)
        value.pop("bytes_per_second", None)
        return cls(**{**value, "failures": [Failure(**f) for f in value["failures"]]})

    def table(self) -> str:
        """For the log and the terminal."""
        lines = [f"{name:<18}{value}" for name, value in self._rows() if value not in ("", None)]
        for title, items in self._lists():
            if items:
                lines += [f"{title}:"] + [f"  {item}" for item in items[:SHOWN]]
                if len(items) > SHOWN:
                    lines.append(f"  ... and {len(items) - SHOWN:,} more")
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, Any]]:
        planned = ", ".join(f"{count:,} {what}" for what, count in sorted(self.planned.items()))
        return [
            ("state", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            ("source", self.source),
            ("target", self.target),
            ("run", self.run),
            ("snapshot", self.snapshot),
            (
                "scanned",
                f"{self.scanned_files:,} files, {self.scanned_directories:,} directories, {human_bytes(self.scanned_bytes)}",
            ),
            ("changes found by", self.found_by),
            ("planned", planned or "nothing to do"),
            ("copied", f"{self.copied_files:,} files, {human_bytes(self.copied_bytes)}"),
            ("already landed", f"{self.adopted_files:,} files" if self.adopted_files else ""),
            ("unchanged", f"{self.skipped:,} files"),
            ("directories", f"{self.made_directories:,} made" if self.made_directories else ""),
            ("attributes", f"{self.set_attributes:,} set" if self.set_attributes else ""),
            ("renamed", f"{self.renamed:,}" if self.renamed else ""),
            ("deleted", f"{self.deleted:,}"),
            ("failed", f"{self.failed:,}"),
            ("vanished", f"{self.vanished:,} while being read" if self.vanished else ""),
            ("unsettled", f"{self.unsettled:,} being written; compared again next time" if self.unsettled else ""),
            ("time", f"{self.seconds:.1f} s, {human_bytes(self.bytes_per_second)}/s"),
            ("published", f"all at once, within {self.publishing_seconds:.2f} s" if self.staged else ""),
            ("tasks at once", self.threads or ""),
            ("lag", f"{self.lag_seconds:.0f} s" if self.lag_seconds is not None else "no checkpoint yet"),
            ("checkpoint before", self.checkpoint_before or "none"),
            ("checkpoint after", self.checkpoint_after or "none"),
            ("plan", f"{self.plan} (sha256 {self.plan_digest[:16]})" if self.plan else ""),
            ("report", self.address),
        ]

    def _lists(self) -> list[tuple[str, list[str]]]:
        return [
            ("failed", [f"{f.path}: {f.reason}" for f in self.failures]),
            ("not copied, the target cannot hold them", self.not_copied),
            ("vanished", self.vanished_paths),
            ("unsettled", self.unsettled_paths),
            (
                "would change" if self.state == "dry run" else "changed",
                self.changed_examples if self.state == "dry run" else [],
            ),
            ("notes", self.notes),
        ]
