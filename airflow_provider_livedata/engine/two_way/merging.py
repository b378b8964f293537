"""Decide what each side has to be given so that both hold the same, losing nothing. Pure: no I/O, no clock, no zone.

    judged pairs in key order -> Merger.acts -> acts for either side and conflicts, Totals on the side

Each decision is about one key by the table of ``table.py``, and the directories above it, so memory does not grow with the trees. Two
things wait until more has passed: whether anything is left in a directory, and whether a directory of the same name takes the place of a
file. Files "a" wait for "a/", and what may still come between them is nested like brackets ("a" < "a!b" < "a!b/" < "a/").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from airflow_provider_livedata.engine.deciding.diff import Origin
from airflow_provider_livedata.engine.deciding.refusal import refusal
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.model import Entry, Facts, From, Phase, Step
from airflow_provider_livedata.engine.two_way.attributes import given, is_contested, merged
from airflow_provider_livedata.engine.two_way.changes import Common, Judged, Side
from airflow_provider_livedata.engine.two_way.settling import Conflict, beside, loser_of, other
from airflow_provider_livedata.engine.two_way.table import TABLE, Verdict, is_rescued

EXAMPLES = 20
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
class _File:
    """A file whose place a directory may yet take."""

    judged: Judged
    acts: list[Act | Conflict]
    stays: bool
    has_directory: bool = False

    def covers(self, key: str) -> bool:
        own = f"{self.judged.pair.key}/"
        return key <= own or key.startswith(own)


@dataclass(slots=True)
class _Directory:
    """A directory whose contents are passing by."""

    judged: Judged
    stays: bool = False

    def covers(self, key: str) -> bool:
        return key.startswith(self.judged.pair.key)


@dataclass(slots=True)
class Merger:
    """Turns judged pairs into acts. ``totals`` are those of each side as the one that is changed.

    ``rescued``: deletes that gave way to a change. ``open_paths``: what is being written, left for the next run. ``conflicts`` counts all.
    ``kept_files``, ``kept_bytes``: of what passed and stays.
    """

    rules: Rules
    totals: dict[Side, Totals] = field(default_factory=lambda: {"left": Totals(), "right": Totals()})
    rescued: int = 0
    rescued_examples: list[str] = field(default_factory=list)
    open_paths: list[str] = field(default_factory=list)
    conflicts: int = 0
    kept_files: int = 0
    kept_bytes: int = 0
    _around: list[_File | _Directory] = field(default_factory=list)
    _refused: dict[Side, str] = field(default_factory=lambda: {"left": "\0", "right": "\0"})

    def acts(self, judged: Iterable[Judged]) -> Iterator[Act | Conflict]:
        """Yield what is to be done; the accounts are complete when the iterator is."""
        digests = {side: hashlib.sha256() for side in self.totals}
        for act in self._all(judged):
            if isinstance(act, Conflict):
                self.conflicts += 1
            else:
                step = act.step
                self.totals[act.side].count(step)
                text = f"{step.kind}\0{step.phase}\0{step.entry.key}\0{step.entry.size_bytes}\0{step.entry.version}\n"
                digests[act.side].update(text.encode())
            yield act
        for side, digest in digests.items():
            self.totals[side].digest = digest.hexdigest()

    def _all(self, judged: Iterable[Judged]) -> Iterator[Act | Conflict]:
        for one in judged:
            if (one.left, one.right) == ("absent", "absent"):  # a run that was cut off had deleted it on both sides
                continue
            yield from self._leave(one.pair.key)
            if one.pair.key.endswith("/"):
                self._enter(one)
            else:
                self._file(one)
        yield from self._leave(None)

    def _leave(self, key: str | None) -> Iterator[Act | Conflict]:
        while self._around and (key is None or not self._around[-1].covers(key)):
            last = self._around.pop()
            if isinstance(last, _Directory):
                yield from self._finish(last)
            else:
                yield from self._settle(last)

    def _keep_above(self) -> None:
        """Something stays in the directory around."""
        for one in reversed(self._around):
            if isinstance(one, _Directory):
                one.stays = True
                return

    # Files ------------------------------------------------------------------------------------------------------

    def _file(self, judged: Judged) -> None:
        self._count(judged)
        pair = judged.pair
        if "other" in {one.kind for one in (pair.left, pair.right) if one is not None}:
            self._refuse_other(judged)
            self._keep_above()
            return
        if judged.is_open:
            self.open_paths.append(pair.path)
            self._keep_above()
            return
        verdict = TABLE[judged.left, judged.right]
        acts = list(self._acts(judged, verdict))
        stays = verdict not in ("delete left", "delete right", "forget")
        if stays:
            self._keep_above()
            self.kept_files += 1
            self.kept_bytes += max(one.size_bytes for one in (pair.left, pair.right) if one is not None)
        self._around.append(_File(judged, acts, stays))

    def _count(self, judged: Judged) -> None:
        for side, entry in (("left", judged.pair.left), ("right", judged.pair.right)):
            if entry is None:
                continue
            self.totals["left" if side == "left" else "right"].target_files += 1
            giving = self.totals["right" if side == "left" else "left"]
            giving.source_files += 1
            giving.source_bytes += entry.size_bytes

    def _refuse_other(self, judged: Judged) -> None:
        for side, entry, opposite in _sides(judged):
            if entry is not None and entry.kind == "other" and opposite is None:
                self.totals[other(side)].note_unholdable(entry.path, refusal(entry, self.rules.facts_of(other(side))))

    def _acts(self, judged: Judged, verdict: Verdict) -> Iterator[Act | Conflict]:
        if verdict == "nothing":
            for totals in self.totals.values():
                totals.unchanged_files += 1
        elif verdict == "to right":
            yield from self._bring(judged, "right")
        elif verdict == "to left":
            yield from self._bring(judged, "left")
        elif verdict == "attributes" or (verdict == "compare" and judged.is_same):
            yield from self._agree(judged)
        elif verdict == "compare":
            yield from self._conflict(judged)
        elif verdict == "forget":
            yield Act("right", Step("forget", "write", _then(judged).left.entry, "gone at both"))
        else:
            yield self._delete(judged, "left" if verdict == "delete left" else "right")

    def _bring(
        self, judged: Judged, to: Side, *, reason: str = "", or_absent: bool = False
    ) -> Iterator[Act | Conflict]:
        """Give a side what the other one has."""
        source, target = _of(judged, other(to)), judged.pair.left if to == "left" else judged.pair.right
        if not self._can_hold(source, to):
            return
        if is_rescued(judged.left, judged.right):
            self._rescue(judged)
            reason = "kept, since it was changed"
        expect = target.version if target is not None else None
        entry, acts = self._dressed(judged, to, source, target)
        came = judged.pair.left_came if to == "right" else judged.pair.right_came
        if came is not None and target is None and _has_bytes_of(source, came):
            held = came.held.entry
            origin = From(held.path, held.version)
            yield Act(to, Step("move", "write", entry.proved(held.crc32c, held.crc64nvme), "renamed", origin=origin))
        else:
            reason = reason or ("new" if target is None else "changed")
            yield Act(to, Step("copy", "write", entry, reason, expect, or_absent=or_absent))
        yield from acts

    def _dressed(self, judged: Judged, to: Side, source: Entry, target: Entry | None) -> tuple[Entry, list[Act]]:
        """What is to be written, with the attributes that it is to have there; and what the giving side gets of those."""
        names, common = self.rules.compared, judged.pair.common
        if target is None:
            then = None if common is None else (common.left if to == "left" else common.right).entry
            return (source if then is None else given(then, source, names)._replace(**_bytes_of(source))), []
        left, right = self._merged(judged)
        wanted, back = (left, right) if to == "left" else (right, left)
        acts = []
        if back != source:
            acts.append(Act(other(to), Step("set_attributes", "finish", back, BACK, source.version)))
        return given(source, wanted, names), acts

    def _merged(self, judged: Judged) -> tuple[Entry, Entry]:
        left, right = _of(judged, "left"), _of(judged, "right")
        prefers_left = self._loser(left, right, is_content=False) == "right"
        return merged(left, right, judged.pair.common, self.rules.compared, prefers_left=prefers_left)

    def _loser(self, left: Entry, right: Entry, *, is_content: bool) -> Side:
        if is_content or self.rules.conflicts.startswith("prefer:"):
            return loser_of(self.rules.conflicts, self.rules.names, left, right)
        return "right"  # no store tells when rights were set

    def _agree(self, judged: Judged) -> Iterator[Act | Conflict]:
        """Both have the same bytes."""
        left, right = _of(judged, "left"), _of(judged, "right")
        if is_contested(left, right, judged.pair.common, self.rules.compared):
            if self.rules.conflicts == "fail":
                yield self._told(judged, "attributes", "", "")
                return
            yield self._told(judged, "attributes", self._loser(left, right, is_content=False), "")
        phase: Phase = "finish" if left.kind == "directory" else "write"
        crcs = _crcs(judged)
        left_wanted, right_wanted = self._merged(judged)
        if left_wanted != left:
            entry = given(right, left_wanted, self.rules.compared).proved(*crcs)
            is_both = right_wanted != right
            yield Act(
                "left",
                Step(
                    "set_attributes",
                    "finish" if is_both else phase,
                    entry,
                    BACK if is_both else "attributes",
                    left.version,
                ),
            )
        if right_wanted != right:
            entry = given(left, right_wanted, self.rules.compared).proved(*crcs)
            yield Act("right", Step("set_attributes", phase, entry, "attributes", right.version))
        if (left_wanted, right_wanted) == (left, right):
            yield Act("right", Step("record", "write", left.proved(*crcs), "the same", right.version))

    def _delete(self, judged: Judged, side: Side) -> Act:
        entry = _of(judged, side)
        phase: Phase = "clear" if self._is_clearing(entry.key) else "delete"
        went = judged.pair.right_went if side == "left" else judged.pair.left_went
        reason = "renamed" if went else "removed"
        return Act(side, Step("delete", phase, entry, reason, entry.version))

    def _is_clearing(self, key: str) -> bool:
        """Whether a file is wanted where a directory above the key is."""
        return any(
            isinstance(one, _File) and one.stays and key.startswith(f"{one.judged.pair.key}/") for one in self._around
        )

    def _rescue(self, judged: Judged) -> None:
        self.rescued += 1
        if len(self.rescued_examples) < EXAMPLES:
            self.rescued_examples.append(judged.pair.path)

    # Conflicts --------------------------------------------------------------------------------------------------

    def _conflict(self, judged: Judged) -> Iterator[Act | Conflict]:
        """Both sides have other bytes than when they last agreed, and not the same ones."""
        if self.rules.conflicts == "fail":
            yield self._told(judged, "content", "", "")
            return
        loser = self._loser(_of(judged, "left"), _of(judged, "right"), is_content=True)
        entry = _of(judged, loser)
        if not self._can_hold(_of(judged, other(loser)), loser):
            return
        is_beside = self.rules.conflicts == "keep_both"
        kept_at = self._beside(entry.path, loser) if is_beside else f"{self.rules.kept_in}/{entry.path}"
        yield self._told(judged, "content", loser, kept_at)
        yield Act(loser, Step("hold", "hold", entry, "conflict", entry.version, held_at=kept_at))
        yield from self._bring(judged, loser, reason="conflict", or_absent=True)

    def _settle(self, file: _File) -> Iterator[Act | Conflict]:
        """It is known now whether a directory has the name of this file."""
        if not file.has_directory:
            yield from file.acts
        elif not file.stays:
            for act in file.acts:  # it makes room for the directory
                is_delete = isinstance(act, Act) and act.step.kind == "delete"
                yield act._replace(step=act.step._replace(phase="clear")) if is_delete else act  # type: ignore[union-attr]
        elif all(facts.has_directories is False for facts in self.rules.facts):
            yield from file.acts  # names of files and of directories do not meet there
        else:
            yield from self._give_way(file.judged)

    def _give_way(self, judged: Judged) -> Iterator[Act | Conflict]:
        """A file against a directory: what the directory holds stays where it is, and the file goes beside it."""
        if self.rules.conflicts == "fail":
            yield self._told(judged, "file against directory", "", "")
            return
        holders = _holders(judged)
        for side, entry, _ in _sides(judged):
            if entry is not None and side in holders:
                kept_at = self._beside(entry.path, side)
                yield self._told(judged, "file against directory", side, kept_at)
                yield Act(side, Step("hold", "hold", entry, "file against directory", entry.version, held_at=kept_at))
                yield Act(side, Step("delete", "clear", entry, "renamed", entry.version))
            elif entry is not None:
                yield Act(side, Step("delete", "clear", entry, "removed", entry.version))

    def _beside(self, path: str, side: Side) -> str:
        most = min(facts.max_name_bytes for facts in self.rules.facts)
        return beside(path, self.rules.name_of(side), self.rules.at_ms, most_bytes=most)

    def _told(self, judged: Judged, kind: str, loser: Side | str, kept_at: str) -> Conflict:
        left, right = judged.pair.left, judged.pair.right
        return Conflict(
            judged.pair.key, kind, self.rules.conflicts, loser, kept_at,  # type: ignore[arg-type]
            left.size_bytes if left else 0, right.size_bytes if right else 0,
            left.mtime_ms if left else 0, right.mtime_ms if right else 0,
        )  # fmt: skip

    # Directories ------------------------------------------------------------------------------------------------

    def _enter(self, judged: Judged) -> None:
        for side, entry, opposite in _sides(judged):
            if opposite is None and entry is not None:
                self._can_hold(entry, other(side))
        self._around.append(_Directory(judged))

    def _finish(self, directory: _Directory) -> Iterator[Act | Conflict]:
        judged, stays = directory.judged, directory.stays
        verdict = TABLE[judged.left, judged.right]
        if verdict in ("delete left", "delete right"):
            side: Side = "left" if verdict == "delete left" else "right"
            if not stays:
                yield from self._remove(judged, side)
                return
            yield from self._make(judged, other(side), stays=True)
        elif verdict == "forget":
            yield Act("right", Step("forget", "write", _then(judged).left.entry, "gone at both"))
            return
        elif verdict == "to right":
            yield from self._make(judged, "right", stays=stays)
        elif verdict == "to left":
            yield from self._make(judged, "left", stays=stays)
        elif verdict != "nothing":
            yield from self._agree(judged)
        yield from self._mark(judged, stays=stays)
        self._keep_above()
        if (
            self._around
            and isinstance(last := self._around[-1], _File)
            and f"{last.judged.pair.key}/" == judged.pair.key
        ):
            last.has_directory = True

    def _make(self, judged: Judged, side: Side, *, stays: bool) -> Iterator[Act | Conflict]:
        entry = _of(judged, other(side))
        if entry.key.startswith(self._refused[side]):
            return
        if not self.rules.facts_of(side).has_directories:
            kind = "record" if stays else "make_directory"
            yield Act(side, Step(kind, "write", entry, "directory" if stays else "empty"))  # type: ignore[arg-type]
            return
        yield Act(side, Step("make_directory", "write", entry, "new"))
        if self.rules.facts_of(other(side)).has_directories:
            yield Act(side, Step("set_attributes", "finish", entry, "directory"))

    def _mark(self, judged: Judged, *, stays: bool) -> Iterator[Act | Conflict]:
        """Where directories are but names, one in which nothing is left needs a marker to stay."""
        if stays:
            return
        for side, entry, opposite in _sides(judged):
            if entry is not None and entry.is_implied:
                yield Act(side, Step("make_directory", "write", opposite or entry, "empty"))

    def _remove(self, judged: Judged, side: Side) -> Iterator[Act | Conflict]:
        entry = _of(judged, side)
        if entry.is_implied:
            yield Act("right", Step("forget", "write", _then(judged).left.entry, "gone"))
            return
        reason = IN_THE_WAY if self._is_clearing(entry.key) else "removed"
        yield Act(side, Step("delete", "remove", entry, reason))

    # What a side can hold ---------------------------------------------------------------------------------------

    def _can_hold(self, entry: Entry, side: Side) -> bool:
        why = refusal(entry, self.rules.facts_of(side))
        if entry.key.startswith(self._refused[side]):
            why = "it lies in a directory that this side cannot hold"
        elif why and entry.kind == "directory":
            self._refused[side] = entry.key
        if why:
            self.totals[side].note_unholdable(entry.path, why)
        return not why


def _sides(judged: Judged) -> Iterator[tuple[Side, Entry | None, Entry | None]]:
    """Each side, what it has, and what the other one has."""
    pair = judged.pair
    yield "left", pair.left, pair.right
    yield "right", pair.right, pair.left


def _of(judged: Judged, side: Side) -> Entry:
    entry = judged.pair.left if side == "left" else judged.pair.right
    if entry is None:
        raise ValueError(f"the {side} side has nothing at {judged.pair.key}")
    return entry


def _holders(judged: Judged) -> set[Side]:
    """The sides whose version of a file is to be kept; object stores may hold one beside a directory of its name."""
    verdict = TABLE[judged.left, judged.right]
    if verdict == "compare" and not judged.is_same:
        return {"left", "right"}
    return {"right"} if verdict == "to left" else {"left"}


def _then(judged: Judged) -> Common:
    if judged.pair.common is None:
        raise ValueError(f"the sides never agreed on {judged.pair.key}")
    return judged.pair.common


def _crcs(judged: Judged) -> tuple[int | None, int | None]:
    """Of bytes that both sides have, where they are known."""
    common = judged.pair.common
    if judged.is_same is None and common is not None:
        return common.left.entry.crc32c, common.left.entry.crc64nvme
    return judged.crcs


def _has_bytes_of(source: Entry, came: Origin) -> bool:
    """Whether the other side still knows the bytes of a file that was renamed, and nothing contests its old place."""
    held = came.held
    is_proved = held.entry.crc32c is not None and held.entry.crc64nvme is not None
    is_same = (source.version, source.size_bytes) == (held.target_version, held.entry.size_bytes)
    return is_same and is_proved and not came.is_contested and not came.is_gone


def _bytes_of(entry: Entry) -> dict[str, Any]:
    """What of an entry is about its bytes and its place."""
    names = (
        "path",
        "kind",
        "size_bytes",
        "mtime_ms",
        "version",
        "crc32c",
        "crc64nvme",
        "is_implied",
        "note",
        "source_version",
    )
    return {name: getattr(entry, name) for name in names}
