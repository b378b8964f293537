"""Which backups a policy let go, which it kept and why: JSON for programs, a table for people. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.report import SHOWN, Sealed
from airflow_provider_livedata.engine.units import human_bytes, human_seconds

FORMAT = 1


@dataclass(slots=True)
class RetentionReport(Sealed):
    """How applying a policy ended.

    ``decisions``: name, keep and reasons of each backup, newest first. ``carried_files``, ``carried_bytes``: copied within the place to a
    backup that needs them, a request a file; of a dry run: that would be.
    ``left``: why backups that were to go are still there. ``decided``: the decisions as a table.
    """

    place: str
    policy: str
    state: Literal["done", "failed", "dry run"] = "done"
    started_ms: int = 0
    seconds: float = 0.0
    kept: int = 0
    removed: list[str] = field(default_factory=list)
    would_remove: list[str] = field(default_factory=list)
    carried_files: int = 0
    carried_bytes: int = 0
    deleted_files: int = 0
    left: dict[str, str] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    decided: str = ""
    notes: list[str] = field(default_factory=list)
    address: str = ""
    digest: str = ""
    format: int = FORMAT

    def summary(self) -> dict[str, Any]:
        """The small part that travels through XCom: everything but tables; of lists and of ``left`` the first items."""
        left_out = ("decisions", "decided")
        values = {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.name not in left_out}
        values["left"] = dict(list(self.left.items())[:SHOWN])
        return {name: value[:SHOWN] if isinstance(value, list) else value for name, value in values.items()}

    def _carried(self) -> str:
        amount = f"{self.carried_files:,} files that kept backups need, {human_bytes(self.carried_bytes)}"
        return f"{amount}: a copy within the place each" if self.carried_files else ""

    def table(self) -> str:
        """For the log and the terminal."""
        rows = [
            ("retention", self.state.upper()),
            ("place", self.place),
            ("removed", ", ".join(self.removed) or "none"),
            ("would remove", ", ".join(self.would_remove)),
            ("would carry on" if self.state == "dry run" else "carried on", self._carried()),
            ("deleted", f"{self.deleted_files:,} files" if self.deleted_files else ""),
            ("time", human_seconds(self.seconds)),
            ("report", self.address),
        ]
        lines = [f"{name:<18}{value}" for name, value in rows if value]
        lines += [f"still there: {name}: {why}" for name, why in self.left.items()]
        return "\n".join([self.decided, *lines, *(f"note: {note}" for note in self.notes)])
