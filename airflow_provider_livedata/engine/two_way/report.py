"""What a two-way sync did to either side, how conflicts were settled, and what was left: JSON for programs, a table for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.report import SHOWN, State
from airflow_provider_livedata.engine.told import Told
from airflow_provider_livedata.engine.two_way.changes import Side
from airflow_provider_livedata.engine.two_way.settling import Conflict
from airflow_provider_livedata.engine.units import human_bytes, human_seconds

FORMAT = 1
KEPT = 1000  # conflicts, failures and paths that a report lists; their numbers count all


@dataclass(slots=True)
class SideReport:
    """One side: what it is, how its changes were found, and what was done to it."""

    name: str
    address: str
    snapshot: str = ""
    as_of_ms: int = 0
    found_by: str = ""
    plan: str = ""
    plan_digest: str = ""
    planned: dict[str, int] = field(default_factory=dict)  # steps by kind and reason
    copied_files: int = 0
    copied_bytes: int = 0
    renamed: int = 0
    made_directories: int = 0
    set_attributes: int = 0
    deleted: int = 0

    def text(self) -> str:
        """What was done to it, in a line."""
        copied = f"{self.copied_files:,} files, {human_bytes(self.copied_bytes)} copied"
        more = {"renamed": self.renamed, "deleted": self.deleted, "directories made": self.made_directories,
                "attributes set": self.set_attributes}  # fmt: skip
        return ", ".join([copied, *(f"{count:,} {what}" for what, count in more.items() if count)])


@dataclass(slots=True)
class TwoWayReport(Told):
    """How a two-way sync ended. Times are epoch milliseconds or seconds as the names say.

    ``source`` and ``target`` are the left and the right address, for what reads reports of all kinds. ``rescued``: deletes that gave way to a change
    on the other side. ``left_for_next``: paths that somebody wrote to while they were synced; the next run looks at them.
    ``conflicts_at``: a file with a line of JSON for each conflict.
    """

    source: str
    target: str
    left: SideReport
    right: SideReport
    run: int = 0
    state: State = "done"
    why: str = ""
    started_ms: int = 0
    seconds: float = 0.0
    is_first: bool = False  # the sides had nothing in common: everything was compared, nothing deleted
    compared_bytes: int = 0  # read on both sides to tell whether two files are the same
    changes: int = 0
    conflicts: int = 0
    unsettled_conflicts: int = 0
    conflict_list: list[Conflict] = field(default_factory=list)
    conflicts_at: str = ""
    rescued: int = 0
    rescued_examples: list[str] = field(default_factory=list)
    left_for_next: int = 0
    left_paths: list[str] = field(default_factory=list)
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    not_copied: list[str] = field(default_factory=list)
    changed_examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    address: str = ""
    digest: str = ""
    format: int = FORMAT

    def summary(self) -> dict[str, Any]:
        """See ``Told.summary``; plain values alone."""
        value = self.stored() | {"address": self.address, "digest": self.digest}
        return {name: one[:SHOWN] if isinstance(one, list) else one for name, one in value.items()}

    def _rows(self) -> list[tuple[str, Any]]:
        return [
            ("run", self.run or ""),
            ("state", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            *((side.name, side.address) for side in self._sides()),
            *((f"{side.name} found by", side.found_by) for side in self._sides()),
            *(
                (f"to {side.name}", _planned(side) if self.state == "dry run" else side.text())
                for side in self._sides()
            ),
            ("first sync", "the sides had nothing in common yet: nothing is deleted" if self.is_first else ""),
            (
                "conflicts",
                f"{self.conflicts:,}, {self.unsettled_conflicts:,} of them not settled" if self.conflicts else "none",
            ),
            ("deletes undone", f"{self.rescued:,}, since the other side had changed the file" if self.rescued else ""),
            ("compared", f"{human_bytes(self.compared_bytes)} read" if self.compared_bytes else ""),
            ("left for the next", self.left_for_next or ""),
            ("failed", self.failed or ""),
            ("time", human_seconds(self.seconds)),
            ("all conflicts", self.conflicts_at),
            ("report", self.address),
        ]

    def of(self, side: Side) -> SideReport:
        """What was done to a side."""
        return self.left if side == "left" else self.right

    def _sides(self) -> tuple[SideReport, SideReport]:
        return self.left, self.right

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        return [
            ("conflicts", self.conflicts, [self._line(one) for one in self.conflict_list]),
            ("deletes undone", self.rescued, self.rescued_examples),
            ("written to meanwhile, or being written, and left for the next run", self.left_for_next, self.left_paths),
            ("failed", self.failed, [f"{one.path}: {one.reason}" for one in self.failures]),
            ("not copied, the other side cannot hold them", len(self.not_copied), self.not_copied),
            (
                "would change" if self.state == "dry run" else "changed",
                len(self.changed_examples),
                self.changed_examples,
            ),
            ("notes", len(self.notes), self.notes),
        ]

    def _line(self, conflict: Conflict) -> str:
        if not conflict.loser:
            return f"{conflict.path}: {conflict.kind}, left as it is on both sides"
        names = {"left": self.left.name, "right": self.right.name}
        loser = names[conflict.loser]
        if conflict.kind == "file against directory":
            return f"{conflict.path}: a file of {loser} against a directory; it is kept as {conflict.kept_at}"
        kept = f"; the other one is kept as {conflict.kept_at} of {loser}" if conflict.kept_at else ""
        winner = names["right" if conflict.loser == "left" else "left"]
        return f"{conflict.path}: {conflict.kind}, {conflict.policy}: that of {winner} holds{kept}"


def _planned(side: SideReport) -> str:
    told = {what: count for what, count in side.planned.items() if not what.startswith(("record", "forget"))}
    return "would be " + (", ".join(f"{count:,} {what}" for what, count in sorted(told.items())) or "nothing")
