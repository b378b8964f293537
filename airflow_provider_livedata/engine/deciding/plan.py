"""Decide what has to be done so that the target becomes what the source is. Pure: no I/O, no clock, no zone.

    rows of diff.line_up -> Planner.steps -> steps in a streaming order, Totals on the side

Every decision is about one row and the directories above it, so memory does not grow with the tree. The order of the
steps within a phase is that of the rows; the executor runs the phases hold, rename, clear, write, delete, finish, and the deletes of
a phase backwards, children before their directory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from airflow_provider_livedata.engine.deciding.diff import Origin, Row
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.refusal import refusal
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.model import Entry, From, Held, Phase, Step


@dataclass(slots=True)
class _Directory:
    """A directory of the source whose contents are passing by."""

    entry: Entry
    row: Row
    is_touched: bool = False
    is_empty: bool = True


class Planner:
    """Turns rows into steps, keeping account in ``totals``."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.totals = Totals()
        self._open: list[_Directory] = []  # source directories around the current row, outermost first
        self._files: list[str] = []  # keys "a/" that may still come, of source files "a"
        self._removals: list[Step] = []  # of target files "a", while "a/" may still come
        self._refused = ""  # key of the last source directory that the target cannot hold
        self._clearing = ""  # key of the target directory that stands where a file belongs
        self._unlisted = ""  # key of the last source directory that may not be listed
        self._digest = hashlib.sha256()
        self._held = 0

    def steps(self, rows: Iterable[Row]) -> Iterator[Step]:
        """Yield the steps; ``totals`` is complete when the iterator is."""
        for step in self._all(rows):
            self._note(step)
            yield step
        self.totals.digest = self._digest.hexdigest()

    def _all(self, rows: Iterable[Row]) -> Iterator[Step]:
        for row in rows:
            key = row.key
            if self._unlisted and key.startswith(self._unlisted):
                self._leave_alone(row)
                continue
            if self._is_left(key):  # asked here too: a generator that yields nothing is no small thing for each file
                yield from self._leave(key)
            if row.source is not None and row.source.is_unlisted:
                yield self._refused_directory(row, row.source)
                continue
            if self._removals:
                yield from self._release(row)
            self._pass(key)
            yield from self._directory(row) if key.endswith("/") else self._file(row)
        yield from self._leave(None)
        yield from self._release(None)

    # Directories ------------------------------------------------------------------------------------------------

    def _directory(self, row: Row) -> Iterator[Step]:
        if row.source is not None:
            self.totals.source_directories += 1
            if not self._can_hold(row.source):
                return
            self._fill_parent()
            if self.policy.facts.has_directories and row.target is None:
                yield from self._new_directory(row, row.source)
            self._open.append(_Directory(row.source, row, is_empty=not row.holds_more))
            return
        if row.target is not None or row.origin is not None:
            self._is_in_the_way(row.key)
        if row.target is not None:
            yield from self._extra_directory(row, row.target)
        else:
            yield from self._extra_nothing(row)

    def _new_directory(self, row: Row, source: Entry) -> Iterator[Step]:
        came = row.origin
        if came is None or came.is_root:
            self._touch()
        if came is not None and came.is_root:
            yield Step("rename", "rename", source, "renamed", origin=_came_with(came))
        yield Step("make_directory", "write", source, "new", origin=_came_with(came))

    def _is_in_the_way(self, key: str) -> None:
        if self._files and self._files[-1] == key:
            self._clearing = key

    def _refused_directory(self, row: Row, source: Entry) -> Step:
        # What it holds is not known: nothing there is gone, and nothing is to make room for it.
        self._unlisted = row.key
        self._removals = [one for one in self._removals if one.entry.key + "/" != row.key]
        self.totals.source_directories += 1
        self.totals.unlisted += 1
        self._fill_parent()
        return Step("refused", "write", source, "may not be listed")

    def _leave_alone(self, row: Row) -> None:
        self.totals.target_files += row.target is not None and row.target.kind != "directory"

    def _extra_directory(self, row: Row, target: Entry) -> Iterator[Step]:
        if target.is_implied:  # exists only through the keys below it
            if row.known is not None:
                yield Step("forget", "write", row.known.entry, "gone")
            return
        if self._may_remove(row, target):
            yield self._removal(Step("delete", "delete", target, "removed"))

    def _leave(self, key: str | None) -> Iterator[Step]:
        while self._is_left(key):
            yield from self._finish(self._open.pop())

    def _is_left(self, key: str | None) -> bool:
        return bool(self._open) and (key is None or not key.startswith(self._open[-1].row.key))

    def _finish(self, directory: _Directory) -> Iterator[Step]:
        row, entry = directory.row, directory.entry
        names = self.policy.compared | {"mtime_ms"}
        is_new = row.known is None or row.origin is not None or self._differs(entry, row.known, names=names)
        if not self.policy.facts.has_directories:
            unmarked = row.target is None or row.target.is_implied
            if directory.is_empty and unmarked:
                yield Step("make_directory", "write", entry, "empty")
            elif is_new:
                yield Step("record", "write", entry, "directory")
        elif is_new or directory.is_touched:
            came = _came_with(row.origin)
            if row.origin is not None and came is not None and not directory.is_touched:
                came = came._replace(is_like=not self._differs(entry, row.origin.held, names=names))
            yield Step("set_attributes", "finish", entry, "directory", origin=came)

    def _touch(self) -> None:
        # An entry appears in it or goes from it, so the time that the target gives it has to be put right afterwards.
        if self._open:
            self._open[-1].is_touched = True

    def _fill_parent(self) -> None:
        if self._open:
            self._open[-1].is_empty = False

    # Files ------------------------------------------------------------------------------------------------------

    def _file(self, row: Row) -> Iterable[Step]:
        if row.target is not None:
            self.totals.target_files += 1
        if row.source is None:
            return self._extra_file(row)
        self.totals.source_files += 1
        self.totals.source_bytes += row.source.size_bytes
        if not self._can_hold(row.source):
            return ()
        self._fill_parent()
        self._files.append(row.key + "/")
        return self._wanted_file(row, row.source)

    def _wanted_file(self, row: Row, source: Entry) -> Iterable[Step]:
        known = row.known
        as_left = row.target is not None and known is not None and row.target.version == known.target_version
        is_same = known is not None and (known.entry.version, known.entry.size_bytes) == (
            source.version,
            source.size_bytes,
        )
        if known is None or not is_same or row.is_other:
            return self._copy(row, source, "new" if row.target is None and known is None else "changed", as_left)
        if row.target is None:
            return self._copy(row, source, "missing at target", as_left)
        if not as_left:
            return self._copy(row, source, "overwritten at target", as_left)
        return self._kept_file(source, known)

    def _kept_file(self, source: Entry, known: Held) -> Iterable[Step]:
        self.totals.unchanged_files += 1
        if self._differs(source, known, names=self.policy.compared):
            # What the target has of them lives in the manifest alone where the store keeps none.
            kept = bool(self.policy.compared & self.policy.facts.attributes)
            merged = source.proved(known.entry.crc32c, known.entry.crc64nvme)
            return (Step("set_attributes" if kept else "record", "write", merged, "attributes", known.target_version),)
        if not known.is_settled:
            return (Step("record", "write", known.entry, self.policy.unsettled, known.target_version),)
        return ()

    def _copy(self, row: Row, source: Entry, reason: str, as_left: bool) -> Iterable[Step]:  # noqa: FBT001
        target = row.target
        if target is not None and not as_left and not row.planned:
            self.totals.note_foreign(row.key)
            if self.policy.foreign != "replace":
                return ()
        # What names the same version may have come from the file that another one has replaced.
        may_be_it = row.planned and not row.is_other
        landed = may_be_it and target is not None and target.size_bytes == source.size_bytes
        expect = target.version if target is not None else None
        origin = row.origin
        # Of files that took each other's places a run that was cut off may have moved some: a version does not tell which by then.
        is_unsure = row.planned and origin is not None and origin.is_unsure
        if origin is not None and not (is_unsure or origin.is_gone or landed) and _is_same(source, origin.held):
            if not origin.is_carried:
                self._touch()
            return self._move(source, origin, expect, or_absent=row.is_renamed)
        self._touch()
        return (Step("copy", "write", source, reason, expect, landed, _came_with(origin), "", row.is_renamed),)

    def _move(self, source: Entry, origin: Origin, expect: str | None, *, or_absent: bool) -> Iterator[Step]:
        known = origin.held
        is_like = not self._differs(source, known, names=self.policy.compared)
        there = From(known.entry.path, known.target_version, is_like)
        proved = source.proved(known.entry.crc32c, known.entry.crc64nvme)
        if origin.is_contested:
            self._held += 1
            held_at = f"{self.policy.held_at}/{self._held:012d}"
            yield Step("hold", "hold", proved, "renamed", origin=there, held_at=held_at)
            there = From(held_at, "", is_like)
        yield Step("move", "write", proved, "renamed", expect, origin=there, or_absent=or_absent)

    def _extra_file(self, row: Row) -> Iterator[Step]:
        if row.target is None:
            yield from self._extra_nothing(row)
        elif self._may_remove(row, row.target):
            reason = "renamed" if row.is_renamed else "removed"
            yield from self._gone_file(Step("delete", "delete", row.target, reason, row.target.version))

    def _extra_nothing(self, row: Row) -> Iterator[Step]:
        """What is known and not there any more; what the source lacks and a moved directory brings."""
        if row.known is not None:
            yield _forget(row)
        if row.origin is None or not row.origin.is_carried:
            return
        self._touch()
        held = row.origin.held
        entry = held.entry._replace(path=row.key.rstrip("/"), version=held.target_version)
        expect = held.target_version if entry.kind == "file" else None
        step = Step("delete", "delete", entry, "carried", expect, origin=_came_with(row.origin))
        yield from self._gone_file(step) if entry.kind == "file" else [self._removal(step)]

    def _gone_file(self, step: Step) -> Iterator[Step]:
        if self._is_clearing(step.entry.key):
            yield self._removal(step, in_the_way=True)
        else:
            self._removals.append(step)

    def _may_remove(self, row: Row, target: Entry) -> bool:
        ours = row.planned or (
            row.known is not None and (target.kind == "directory" or target.version == row.known.target_version)
        )
        if ours:
            self._touch()
            return True
        if self.policy.foreign == "keep" and not self._is_clearing(row.key):
            return False
        self.totals.note_foreign(row.key)
        self._touch()
        return self.policy.foreign == "replace"

    def _removal(self, step: Step, *, in_the_way: bool = False) -> Step:
        phase: Phase = "clear" if self._is_clearing(step.entry.key) or in_the_way else "delete"
        return step._replace(phase=phase, reason="in the way" if in_the_way and step.origin is None else step.reason)

    def _release(self, row: Row | None) -> Iterator[Step]:
        # Removed files wait until it is known whether a directory of the same name takes their place. Names that may
        # still meet are nested like brackets ("a" < "a!b" < "a!b/" < "a/"), so the last one in is the first one out.
        while self._removals and (row is None or self._removals[-1].entry.key + "/" < row.key):
            yield self._removal(self._removals.pop())
        if self._removals and row is not None and self._removals[-1].entry.key + "/" == row.key:
            yield self._removal(self._removals.pop(), in_the_way=row.source is not None)

    def _pass(self, key: str) -> None:
        while self._files and self._files[-1] < key:  # nested like those above
            self._files.pop()

    def _is_clearing(self, key: str) -> bool:
        return bool(self._clearing) and key.startswith(self._clearing)

    # What the target can hold, and what differs -----------------------------------------------------------------

    def _differs(self, source: Entry, known: Held, *, names: frozenset[str]) -> bool:
        ours = known.entry
        return any((now := getattr(source, name)) is not None and now != getattr(ours, name) for name in names)

    def _can_hold(self, entry: Entry) -> bool:
        why = refusal(entry, self.policy.facts)
        if self._refused and entry.key.startswith(self._refused):
            why = "it lies in a directory that the target cannot hold"
        if why and entry.kind == "directory":
            self._refused = entry.key
        if why:
            self.totals.note_unholdable(entry.path, why)
        return not why

    def _note(self, step: Step) -> None:
        entry = step.entry
        self.totals.count(step)
        self._digest.update(f"{step.kind}\0{step.phase}\0{entry.key}\0{entry.size_bytes}\0{entry.version}\n".encode())


def _forget(row: Row) -> Step:
    known = cast("Held", row.known)  # a row has something on one side at least, and here the others have nothing
    return Step("forget", "write", known.entry, "gone at both")


def _came_with(origin: Origin | None) -> From | None:
    """Where something was that comes with a moved directory."""
    if origin is None or not origin.is_carried:
        return None
    return From(origin.held.entry.path, origin.held.target_version)


def _is_same(source: Entry, held: Held) -> bool:
    """Whether the file of a manifest's row has the bytes of the source's entry, whatever their paths."""
    entry = held.entry
    has_checksum = entry.crc32c is not None and entry.crc64nvme is not None
    return has_checksum and held.is_settled and (entry.version, entry.size_bytes) == (source.version, source.size_bytes)
