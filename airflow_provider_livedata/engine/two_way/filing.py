"""What is done about one file, by what happened to it on each side. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_livedata.engine.deciding.diff import Origin
from airflow_provider_livedata.engine.model import Entry, From, Phase, Step
from airflow_provider_livedata.engine.two_way.acting import BACK, Accounts, Act, Rules
from airflow_provider_livedata.engine.two_way.attributes import given, is_contested, merged
from airflow_provider_livedata.engine.two_way.changes import Judged, Side
from airflow_provider_livedata.engine.two_way.settling import PREFER, Conflict, ConflictKind, beside, loser_of, other
from airflow_provider_livedata.engine.two_way.table import TABLE, Verdict, is_rescued

# What of an entry is about its bytes and its place.
_BYTES = (
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


@dataclass(slots=True)
class Filing:
    """Turns judged files into acts, keeping ``accounts``."""

    accounts: Accounts

    @property
    def rules(self) -> Rules:
        """What is decided by."""
        return self.accounts.rules

    def acts(self, judged: Judged, *, in_the_way: bool) -> Iterator[Act | Conflict]:
        """What is to be done about it; ``in_the_way``: a directory above it has the name of a file that is wanted."""
        verdict: Verdict = TABLE[judged.left, judged.right]
        if verdict == "nothing":
            for totals in self.accounts.totals.values():
                totals.unchanged_files += 1
        elif verdict == "to right":
            yield from self._bring(judged, "right")
        elif verdict == "to left":
            yield from self._bring(judged, "left")
        elif verdict == "attributes" or (verdict == "compare" and judged.is_same):
            yield from self.agree(judged)
        elif verdict == "compare":
            yield from self._conflict(judged)
        elif verdict == "forget":
            yield Act("right", Step("forget", "write", judged.agreed.left.entry, "gone at both"))
        else:
            yield self._delete(judged, "left" if verdict == "delete left" else "right", in_the_way=in_the_way)

    def _bring(
        self, judged: Judged, to: Side, *, reason: str = "", or_absent: bool = False
    ) -> Iterator[Act | Conflict]:
        """Give a side what the other one has."""
        source, target = judged.entry(other(to)), judged.pair.left if to == "left" else judged.pair.right
        undoes_a_delete = is_rescued(judged.left, judged.right)
        if undoes_a_delete:
            self.accounts.let_stay(judged)
        if not self.accounts.can_hold(source, to):
            return
        if undoes_a_delete:
            self.accounts.rescue(judged)
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
        left, right = judged.entry("left"), judged.entry("right")
        prefers_left = self._loser(left, right, is_content=False) == "right"
        return merged(left, right, judged.pair.common, self.rules.compared, prefers_left=prefers_left)

    def _loser(self, left: Entry, right: Entry, *, is_content: bool) -> Side:
        if is_content or self.rules.conflicts.startswith(PREFER):
            return loser_of(self.rules.conflicts, self.rules.names, left, right)
        return "right"  # no store tells when rights were set

    def agree(self, judged: Judged) -> Iterator[Act | Conflict]:
        """Both have the same bytes."""
        left, right = judged.entry("left"), judged.entry("right")
        if is_contested(left, right, judged.pair.common, self.rules.compared):
            if self.rules.conflicts == "fail":
                yield self._told(judged, "attributes", None, "")
                return
            yield self._told(judged, "attributes", self._loser(left, right, is_content=False), "")
        yield from self._exchanged(judged, left, right)

    def _exchanged(self, judged: Judged, left: Entry, right: Entry) -> Iterator[Act]:
        """Attributes go to the side that did not change them; that both have the same is written down."""
        phase: Phase = "finish" if left.kind == "directory" else "write"
        crcs, names = judged.known_crcs, self.rules.compared
        left_wanted, right_wanted = self._merged(judged)
        if left_wanted != left:
            entry, is_both = given(right, left_wanted, names).proved(*crcs), right_wanted != right
            how: tuple[Phase, str] = ("finish", BACK) if is_both else (phase, "attributes")
            yield Act("left", Step("set_attributes", how[0], entry, how[1], left.version))
        if right_wanted != right:
            entry = given(left, right_wanted, names).proved(*crcs)
            yield Act("right", Step("set_attributes", phase, entry, "attributes", right.version))
        if (left_wanted, right_wanted) == (left, right):
            yield Act("right", Step("record", "write", left.proved(*crcs), "the same", right.version))

    def _delete(self, judged: Judged, side: Side, *, in_the_way: bool) -> Act:
        entry = judged.entry(side)
        phase: Phase = "clear" if in_the_way else "delete"
        went = judged.pair.right_went if side == "left" else judged.pair.left_went
        reason = "renamed" if went else "removed"
        return Act(side, Step("delete", phase, entry, reason, entry.version))

    def _conflict(self, judged: Judged) -> Iterator[Act | Conflict]:
        """Both sides have other bytes than when they last agreed, and not the same ones."""
        if self.rules.conflicts == "fail":
            yield self._told(judged, "content", None, "")
            return
        loser = self._loser(judged.entry("left"), judged.entry("right"), is_content=True)
        entry = judged.entry(loser)
        if not self.accounts.can_hold(judged.entry(other(loser)), loser):
            return
        is_beside = self.rules.conflicts == "keep_both"
        kept_at = self._beside(entry.path, loser) if is_beside else f"{self.rules.kept_in}/{entry.path}"
        yield self._told(judged, "content", loser, kept_at)
        yield Act(loser, Step("hold", "hold", entry, "conflict", entry.version, held_at=kept_at))
        yield from self._bring(judged, loser, reason="conflict", or_absent=True)

    def give_way(self, judged: Judged) -> Iterator[Act | Conflict]:
        """A file against a directory: what the directory holds stays where it is, and the file goes beside it."""
        if self.rules.conflicts == "fail":
            yield self._told(judged, "file against directory", None, "")
            return
        holders = _holders(judged)
        for side, entry, _ in judged.sides():
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

    def _told(self, judged: Judged, kind: ConflictKind, loser: Side | None, kept_at: str) -> Conflict:
        left, right = judged.pair.left or _NOTHING, judged.pair.right or _NOTHING
        return Conflict(
            judged.pair.key, kind, self.rules.conflicts, loser or "", kept_at,
            left.size_bytes, right.size_bytes, left.mtime_ms, right.mtime_ms,
        )  # fmt: skip


_NOTHING = Entry("")


def _holders(judged: Judged) -> set[Side]:
    """The sides whose version of a file is to be kept; object stores may hold one beside a directory of its name."""
    verdict = TABLE[judged.left, judged.right]
    if verdict == "compare" and not judged.is_same:
        return {"left", "right"}
    return {"right"} if verdict == "to left" else {"left"}


def _has_bytes_of(source: Entry, came: Origin) -> bool:
    """Whether the other side still knows the bytes of a file that was renamed, and nothing contests its old place."""
    held = came.held
    is_proved = held.entry.crc32c is not None and held.entry.crc64nvme is not None
    is_same = (source.version, source.size_bytes) == (held.target_version, held.entry.size_bytes)
    return is_same and is_proved and not came.is_contested and not came.is_gone


def _bytes_of(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _BYTES}
