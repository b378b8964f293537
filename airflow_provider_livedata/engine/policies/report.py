"""What a sync or a verification of policies did: JSON for programs, a table for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.told import Told, counted
from airflow_provider_livedata.engine.units import human_seconds

FORMAT = 1
State = Literal["synced", "dry run", "failed", "stopped", "restored", "between", "same", "different"]


@dataclass(slots=True)
class PolicyReport(Told):
    """How it went.

    ``state``: "restored": it failed half-way and the target was put back; "between": putting it back failed as well, and ``left`` names
    what is not as it was. ``lost``: what is less than at the source, and why; ``widening``: what restricts there and not here.
    """

    source: str
    target: str
    run: int = 0
    state: State = "synced"
    why: str = ""
    found_by: str = ""
    started_ms: int = 0
    seconds: float = 0.0
    seen: int = 0
    same: int = 0
    planned: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    widening: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
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
            ("policies", f"{self.seen:,} of the source, {self.same:,} unchanged at the target"),
            ("planned", counted(self.planned) or "nothing to do"),
            ("done", counted(self.done)),
            ("failed", f"{len(self.failures):,}"),
            ("calls", calls),
            ("time", human_seconds(self.seconds)),
            ("plan", f"{self.plan} (sha256 {self.plan_digest[:16]})" if self.plan else ""),
            ("report", self.address),
        ]

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        titles = {
            "failed": self.failures, "NOT AS IT WAS": self.left, "restricts at the source alone": self.widening,
            "less than at the source": self.lost, "changed at the target by somebody else": self.touched,
            "changes": self.changes, "notes": self.notes,
        }  # fmt: skip
        return [(title, len(items), items) for title, items in titles.items()]
