"""What a sync or a verification of catalogues did: JSON for programs, a table for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.told import Told, counted
from airflow_provider_livedata.engine.units import human_seconds

FORMAT = 1
State = Literal["synced", "dry run", "failed", "stopped", "same", "different"]


@dataclass(slots=True)
class CatalogueReport(Told):
    """How it went. Lists hold the first thousand names of each kind; ``counts`` count all that was compared and done.

    ``after``, ``position``: numbers in the source's log of changes from which and up to which the target follows it.
    """

    source: str
    target: str
    run: int = 0
    state: State = "synced"
    why: str = ""
    found_by: str = ""
    after: int = -1
    position: int = -1
    started_ms: int = 0
    seconds: float = 0.0
    compared: dict[str, int] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)  # that were counted, of Delta tables
    notes: list[str] = field(default_factory=list)
    source_calls: dict[str, int] = field(default_factory=dict)
    target_calls: dict[str, int] = field(default_factory=dict)
    plan: str = ""
    plan_digest: str = ""
    address: str = ""
    digest: str = ""
    format: int = FORMAT

    def _rows(self) -> list[tuple[str, Any]]:
        calls = f"{sum(self.source_calls.values()):,} of the source, {sum(self.target_calls.values()):,} of the target"
        return [
            ("state", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            ("source", self.source),
            ("target", self.target),
            ("run", self.run or ""),
            ("changes found by", self.found_by),
            ("compared", counted(self.compared)),
            ("planned", counted(self.planned) or "nothing to do"),
            ("done", counted(self.done)),
            ("failed", f"{len(self.failures):,}"),
            ("follows up to", f"event {self.position:,}" if self.position >= 0 else ""),
            ("calls", calls),
            ("time", human_seconds(self.seconds)),
            ("plan", f"{self.plan} (sha256 {self.plan_digest[:16]})" if self.plan else ""),
            ("report", self.address),
        ]

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        titles = {
            "failed": self.failures, "changed at the target by somebody else": self.touched, "not registered": self.skipped,
            "waiting for data": self.waiting, "at the target alone, not of a sync": self.foreign, "differences": self.changes, "rows": self.rows, "notes": self.notes,
        }  # fmt: skip
        return [(title, len(items), items) for title, items in titles.items()]
