"""What is to be done to a side, what that is decided by, and the accounts of it. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from airflow_provider_livedata.engine.deciding.refusal import refusal
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.model import Entry, Facts, Step
from airflow_provider_livedata.engine.two_way.changes import Judged, Side
from airflow_provider_livedata.engine.two_way.settling import other

EXAMPLES = 20
STAYING = 100_000  # paths that are kept in memory, at a few hundred bytes each
IN_THE_WAY = "in the way"
BACK = "back"  # attributes for the side that gives something itself: not written down, since one row tells of a key


class Act(NamedTuple):
    """One step, and the side that it changes: what it brings comes from the other one."""

    side: Side
    step: Step


@dataclass(frozen=True, slots=True)
class Rules:
    """What is decided by, beside the pairs.

    ``facts`` and ``names``: of the left and the right side. ``compared``: names of the attributes that count. ``conflicts``: the policy.
    ``kept_in``: folder of either side for losers. ``at_ms``: when the run began.
    """

    facts: tuple[Facts, Facts]
    names: tuple[str, str]
    compared: frozenset[str]
    conflicts: str
    kept_in: str
    at_ms: int

    def facts_of(self, side: Side) -> Facts:
        """Of one side."""
        return self.facts[side == "right"]

    def name_of(self, side: Side) -> str:
        """Of one side."""
        return self.names[side == "right"]


@dataclass(slots=True)
class Accounts:
    """What a merge amounts to. ``totals`` are those of each side as the one that is changed.

    ``rescued``: deletes that gave way to a change. ``open_paths``: what is being written, left for the next run; ``waiting``: directories that are to go once
    these have. ``conflicts`` counts all.
    ``kept_files``, ``kept_bytes``: of what passed and stays. ``staying``: old paths of files that a side renamed while the other one changed
    them, or while somebody is writing to them, so that they stay there; at most ``STAYING`` of them.
    """

    rules: Rules
    totals: dict[Side, Totals] = field(default_factory=lambda: {"left": Totals(), "right": Totals()})
    rescued: int = 0
    rescued_examples: list[str] = field(default_factory=list)
    open_paths: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    conflicts: int = 0
    kept_files: int = 0
    kept_bytes: int = 0
    staying: set[str] = field(default_factory=set)
    _refused: dict[Side, str] = field(default_factory=lambda: {"left": "\0", "right": "\0"})

    def count(self, judged: Judged) -> None:
        """A file passes."""
        for side, entry, _ in judged.sides():
            if entry is not None:
                self.totals[side].target_files += 1
                giving = self.totals[other(side)]
                giving.source_files += 1
                giving.source_bytes += entry.size_bytes

    def keep(self, judged: Judged) -> None:
        """A file stays."""
        self.kept_files += 1
        self.kept_bytes += max(entry.size_bytes for _, entry, _ in judged.sides() if entry is not None)

    def rescue(self, judged: Judged) -> None:
        """A delete gives way to a change."""
        self.rescued += 1
        if len(self.rescued_examples) < EXAMPLES:
            self.rescued_examples.append(judged.pair.path)

    def let_stay(self, judged: Judged) -> None:
        """A file that a side renamed is needed at its old path."""
        if (judged.pair.left_went or judged.pair.right_went) and len(self.staying) < STAYING:
            self.staying.add(judged.pair.path)

    def stays(self, path: str) -> bool:
        """Whether what is at a path has to stay there, for all that is known: where very many do, all of them."""
        return path in self.staying or len(self.staying) >= STAYING

    def refuse_other(self, judged: Judged) -> None:
        """Tell of what is neither file nor directory, and so stays where it is."""
        for side, entry, opposite in judged.sides():
            if entry is not None and entry.kind == "other" and opposite is None:
                self.totals[other(side)].note_unholdable(entry.path, refusal(entry, self.rules.facts_of(other(side))))

    def can_hold(self, entry: Entry, side: Side) -> bool:
        """Whether a side can hold an entry of the other one; the accounts tell of what it cannot."""
        why = refusal(entry, self.rules.facts_of(side))
        if self.is_refused(entry.key, side):
            why = "it lies in a directory that this side cannot hold"
        elif why and entry.kind == "directory":
            self._refused[side] = entry.key
        if why:
            self.totals[side].note_unholdable(entry.path, why)
        return not why

    def is_refused(self, key: str, side: Side) -> bool:
        """Whether a key is that of the last directory which the side cannot hold, or lies in it."""
        return key.startswith(self._refused[side])
