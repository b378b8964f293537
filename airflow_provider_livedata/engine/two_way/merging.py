"""Decide what each side has to be given so that both hold the same, losing nothing. Pure: no I/O, no clock, no zone.

    judged pairs in key order -> Merger.acts -> acts for either side and conflicts, accounts on the side

Each decision is about one key by the table of ``table.py``, and the directories above it, so memory does not grow with the trees. Two
things wait until more has passed: whether anything is left in a directory, and whether a directory of the same name takes the place of a
file. Files "a" wait for "a/", and what may still come between them is nested like brackets ("a" < "a!b" < "a!b/" < "a/").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.model import Step
from airflow_provider_livedata.engine.two_way.acting import IN_THE_WAY, Accounts, Act
from airflow_provider_livedata.engine.two_way.changes import Judged, Side
from airflow_provider_livedata.engine.two_way.filing import Filing
from airflow_provider_livedata.engine.two_way.settling import Conflict, other
from airflow_provider_livedata.engine.two_way.table import TABLE


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
    """A directory whose contents are passing by. ``waits``: for a file that is to go and is open."""

    judged: Judged
    stays: bool = False
    waits: bool = False

    def covers(self, key: str) -> bool:
        return key.startswith(self.judged.pair.key)


@dataclass(slots=True)
class Merger:
    """Turns judged pairs into acts, keeping ``accounts``."""

    accounts: Accounts
    _filing: Filing = field(init=False)
    _around: list[_File | _Directory] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._filing = Filing(self.accounts)

    def acts(self, judged: Iterable[Judged]) -> Iterator[Act | Conflict]:
        """Yield what is to be done; the accounts are complete when the iterator is."""
        digests = {side: hashlib.sha256() for side in self.accounts.totals}
        for act in self._all(judged):
            if isinstance(act, Conflict):
                self.accounts.conflicts += 1
            else:
                step = act.step
                self.accounts.totals[act.side].count(step)
                text = f"{step.kind}\0{step.phase}\0{step.entry.key}\0{step.entry.size_bytes}\0{step.entry.version}\n"
                digests[act.side].update(text.encode())
            yield act
        for side, digest in digests.items():
            self.accounts.totals[side].digest = digest.hexdigest()

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
        if (above := self._directory_above()) is not None:
            above.stays = True

    def _wait_above(self) -> None:
        """The directory around cannot go yet, should it have to."""
        if (above := self._directory_above()) is not None:
            above.waits = True

    def _directory_above(self) -> _Directory | None:
        return next((one for one in reversed(self._around) if isinstance(one, _Directory)), None)

    # Files ------------------------------------------------------------------------------------------------------

    def _file(self, judged: Judged) -> None:
        self.accounts.count(judged)
        pair = judged.pair
        if "other" in {one.kind for one in (pair.left, pair.right) if one is not None}:
            self.accounts.refuse_other(judged)
            self._keep_above()
        elif judged.is_open:
            self.accounts.open_paths.append(pair.path)
            self.accounts.let_stay(judged)
            (self._keep_above if pair.left is not None and pair.right is not None else self._wait_above)()
        else:
            self._decided(judged)

    def _decided(self, judged: Judged) -> None:
        acts = list(self._filing.acts(judged, in_the_way=self._is_clearing(judged.pair.key)))
        stays = TABLE[judged.left, judged.right] not in ("delete left", "delete right", "forget")
        if stays:
            self._keep_above()
            self.accounts.keep(judged)
        self._around.append(_File(judged, acts, stays))

    def _is_clearing(self, key: str) -> bool:
        """Whether a file is wanted where a directory above the key is."""
        return any(
            isinstance(one, _File) and one.stays and key.startswith(f"{one.judged.pair.key}/") for one in self._around
        )

    def _settle(self, file: _File) -> Iterator[Act | Conflict]:
        """It is known now whether a directory has the name of this file."""
        if not file.has_directory:
            yield from file.acts
        elif not file.stays:
            for act in file.acts:  # it makes room for the directory
                is_delete = isinstance(act, Act) and act.step.kind == "delete"
                yield act._replace(step=act.step._replace(phase="clear")) if is_delete else act  # type: ignore[union-attr]
        elif all(facts.has_directories is False for facts in self.accounts.rules.facts):
            yield from file.acts  # names of files and of directories do not meet there
        else:
            yield from self._filing.give_way(file.judged)

    # Directories ------------------------------------------------------------------------------------------------

    def _enter(self, judged: Judged) -> None:
        for side, entry, opposite in judged.sides():
            if opposite is None and entry is not None:
                self.accounts.can_hold(entry, other(side))
        self._around.append(_Directory(judged))

    def _finish(self, directory: _Directory) -> Iterator[Act | Conflict]:
        judged, stays = directory.judged, directory.stays
        verdict = TABLE[judged.left, judged.right]
        if verdict in ("delete left", "delete right"):
            side: Side = "left" if verdict == "delete left" else "right"
            if not stays and directory.waits:
                self.accounts.waiting.append(judged.pair.path)
                self._wait_above()
                return
            if not stays:
                yield from self._remove(judged, side)
                return
            yield from self._make(judged, other(side), stays=True)
        elif verdict == "forget":
            yield Act("right", Step("forget", "write", judged.agreed.left.entry, "gone at both"))
            return
        elif verdict == "to right":
            yield from self._make(judged, "right", stays=stays)
        elif verdict == "to left":
            yield from self._make(judged, "left", stays=stays)
        elif verdict != "nothing":
            yield from self._filing.agree(judged)
        yield from self._mark(judged, stays=stays)
        self._keep_above()
        if (
            self._around
            and isinstance(last := self._around[-1], _File)
            and f"{last.judged.pair.key}/" == judged.pair.key
        ):
            last.has_directory = True

    def _make(self, judged: Judged, side: Side, *, stays: bool) -> Iterator[Act | Conflict]:
        entry = judged.entry(other(side))
        if self.accounts.is_refused(entry.key, side):
            return
        if not self.accounts.rules.facts_of(side).has_directories:
            kind = "record" if stays else "make_directory"
            yield Act(side, Step(kind, "write", entry, "directory" if stays else "empty"))  # type: ignore[arg-type]
            return
        yield Act(side, Step("make_directory", "write", entry, "new"))
        if self.accounts.rules.facts_of(other(side)).has_directories:
            yield Act(side, Step("set_attributes", "finish", entry, "directory"))

    def _mark(self, judged: Judged, *, stays: bool) -> Iterator[Act | Conflict]:
        """Where directories are but names, one in which nothing is left needs a marker to stay."""
        if stays:
            return
        for side, entry, opposite in judged.sides():
            if entry is not None and entry.is_implied:
                yield Act(side, Step("make_directory", "write", opposite or entry, "empty"))

    def _remove(self, judged: Judged, side: Side) -> Iterator[Act | Conflict]:
        entry = judged.entry(side)
        if entry.is_implied:
            yield Act("right", Step("forget", "write", judged.agreed.left.entry, "gone"))
            return
        reason = IN_THE_WAY if self._is_clearing(entry.key) else "removed"
        yield Act(side, Step("delete", "remove", entry, reason))
