"""What restores leave at their destination, so that one that was cut off is gone on with by the next.

.livedata/restores/<name>/intent.json      what it was to bring, and where what was there before is kept
.livedata/restores/<name>/plan-<k>/        the plan of attempt k
.livedata/restores/<name>/journal/<n>      what landed, of all attempts
.livedata/restores/<name>/report.json      how the newest attempt ended
.livedata/restores/<name>/before-<k>/...   directories that attempt k was to delete, and attributes that it was to set, as they were
.livedata/before-restore/<name>/<path>     what was replaced or deleted, where the destination has no snapshots
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.journal import Journal, journal_of
from airflow_provider_livedata.engine.stored.planfile import Plan, unfinished_plan
from airflow_provider_livedata.engine.stored.state import StateFolder

FORMAT = 1
RESTORES = "restores"
KEPT_PLANS, KEPT_REPORTS = 3, 100  # restores


@dataclass(slots=True)
class Attempt:
    """One attempt of a restore. ``about``: what makes two restores the same one."""

    state: StateFolder
    name: str
    about: dict[str, Any]
    number: int = 1
    started_ms: int = 0
    before: dict[str, str] = field(default_factory=dict)  # see flows/before.py

    @property
    def folder(self) -> str:
        """Below ``.livedata``."""
        return f"{RESTORES}/{self.name}"

    @property
    def plan_folder(self) -> str:
        """Of this attempt."""
        return f"{self.folder}/plan-{self.number}"

    def write(self) -> None:
        """Write down the intent, once nothing forbids it and before anything is changed."""
        value = {"attempt": self.number, "started_ms": self.started_ms, "before": self.before}
        self.state.write_json(
            f"{self.folder}/intent.json", {"format": FORMAT, "name": self.name, **self.about, **value}
        )

    def journal(self) -> Journal:
        """What lands is written down in it."""
        return Journal(self.state, self.folder, goes_on=self.number > 1)

    def brought(self) -> list[SortedRun]:
        """What this and earlier attempts wrote down, as sorted runs."""
        return journal_of(self.state, self.folder, age=0)

    def before_log(self) -> Journal:
        """What this attempt deletes or changes without replacing it is written down in it, as it was."""
        return Journal(self.state, f"{self.folder}/before-{self.number}")

    def was_before(self) -> Iterator[Held]:
        """What was written down of the state before the first attempt, in key order."""
        folders = [f"{self.folder}/before-{number}" for number in range(1, self.number + 1)]
        runs: list[SortedRun] = []
        for folder in folders:  # of two rows the one of the earlier attempt holds
            runs += journal_of(self.state, folder, age=len(runs))
        return overlay(runs)

    def earlier_plans(self) -> list[Plan]:
        """Those of earlier attempts, the oldest first."""
        folders = (f"{self.folder}/plan-{number}" for number in range(1, self.number))
        return [plan for folder in folders if (plan := unfinished_plan(self.state, folder)) is not None]

    def planned(self) -> Iterator[str]:
        """Keys that earlier attempts meant to act on, in order."""
        return (held.key for held in overlay(run for plan in self.earlier_plans() for run in plan.runs()))


def begin(state: StateFolder, about: dict[str, Any], started_ms: int) -> Attempt:
    """The next attempt: of the newest restore that was to do the same and did not end well, else of a new one."""
    unfinished = _unfinished(state, about)
    if unfinished is not None:
        return unfinished
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(started_ms / 1000))
    return Attempt(state, f"{stamp}-{os.urandom(3).hex()}", about, started_ms=started_ms)


def find(state: StateFolder, name: str) -> Attempt:
    """The newest attempt of a restore.

    Raises:
        BadOption: There is no such restore; the message names those that there are.
    """
    value = state.read_json(f"{RESTORES}/{name}/intent.json") if name in (names := _names(state)) else None
    if value is None:
        raise BadOption("no restore of this name was made here", name=name, known=names[-20:])
    return _attempt(state, name, value)


def tidy(state: StateFolder) -> None:
    """Remove plans and journals of all but the newest restores, and in the end their reports; never what was there before.

    Where that lies in files, those that tell what a restore brought stay with it: to undo it they are needed.
    """
    names = sorted({entry.path.split("/")[1] for entry in state.files(RESTORES)})
    gone = set(names[:-KEPT_REPORTS])
    bare = {name for name in names[:-KEPT_PLANS] if name in gone or not _keeps_files(state, name)}

    def is_old(name: str) -> bool:
        _, restore, *rest = name.split("/")
        is_working = len(rest) > 1 and not rest[0].startswith("before-")
        return restore in gone or (restore in bare and is_working)

    if bare:
        state.remove(RESTORES, only=is_old)


def _keeps_files(state: StateFolder, name: str) -> bool:
    value = state.read_json(f"{RESTORES}/{name}/intent.json") or {}
    return "folder" in (value.get("before") or {})


def _unfinished(state: StateFolder, about: dict[str, Any]) -> Attempt | None:
    for name in reversed(_names(state)):
        value = state.read_json(f"{RESTORES}/{name}/intent.json")
        if value is None or any(value.get(key) != about[key] for key in about):
            continue
        report = state.read_json(f"{RESTORES}/{name}/report.json")
        is_done = report is not None and report.get("state") == "done"
        if is_done and about.get("mode") != "fail":  # which replaces nothing, so that it may find all of it there
            return None
        attempt = _attempt(state, name, value)
        attempt.number += 1
        return attempt
    return None


def _attempt(state: StateFolder, name: str, value: dict[str, Any]) -> Attempt:
    own = ("format", "name", "attempt", "started_ms", "before")
    about = {key: one for key, one in value.items() if key not in own}
    return Attempt(state, name, about, int(value["attempt"]), int(value["started_ms"]), dict(value["before"]))


def _names(state: StateFolder) -> list[str]:
    return sorted({entry.path.split("/")[1] for entry in state.files(RESTORES) if entry.path.endswith("/intent.json")})
