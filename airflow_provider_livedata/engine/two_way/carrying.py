"""Carry out the plans of both sides, each change on the condition that nobody has changed the path meanwhile.

hold      losers of conflicts are put aside, on both sides
write     what stands in the way goes, files and directories come, on the right side, then on the left one; losers beside winners follow
back      attributes for the sides that gave something
delete    what the other side no longer has, children before their directories
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    IsADirectory,
    LiveDataError,
    NotADirectory,
    ObjectChanged,
    PathMissing,
)
from airflow_provider_livedata.engine.model import Entry, Phase, Step
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication.routing import route_of
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.planfile import Plan
from airflow_provider_livedata.engine.stored.state import FOLDER
from airflow_provider_livedata.engine.transfer.bringing import refuse_hopeless
from airflow_provider_livedata.engine.transfer.moving import NAMES_TRIED, numbered
from airflow_provider_livedata.engine.transfer.phases import Transfer
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.two_way.acting import BACK, IN_THE_WAY
from airflow_provider_livedata.engine.two_way.aside import keep, take
from airflow_provider_livedata.engine.two_way.changes import Side
from airflow_provider_livedata.engine.two_way.settling import other
from airflow_provider_livedata.engine.two_way.stored import SIDES
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import SetAttributes, StreamedPuts

HELD_AT_ONCE = 1000
# Somebody else writes there: the next run looks again.
MEANWHILE = (ObjectChanged, AlreadyExists, PathMissing, NotADirectory, IsADirectory)
_STARTED: tuple[Phase, ...] = ("clear", "write")
_ENDED: tuple[Phase, ...] = ("delete", "finish")


@dataclass(slots=True)
class SideTransfer(Transfer):
    """What is done to one side. ``meanwhile``: paths that somebody changed since they were looked at, which is no failure.

    ``unlanded``: keys of what did not come, for either reason.
    """

    meanwhile: list[str] = field(default_factory=list)
    unlanded: list[str] = field(default_factory=list)

    def failed(self, step: Step, error: LiveDataError) -> None:
        """See ``Bringing.failed``."""
        self.unlanded.append(step.entry.key)
        if isinstance(error, MEANWHILE):
            self.meanwhile.append(step.entry.path)
        else:
            Transfer.failed(self, step, error)

    def vanished(self, step: Step) -> None:
        """See ``Bringing.vanished``."""
        self.unlanded.append(step.entry.key)
        self.meanwhile.append(step.entry.path)


@dataclass(slots=True)
class Carrying:
    """Both plans on their way. ``views``: both sides as they are read; ``sides``: as they are written.

    ``stays``: whether the file at a path has to stay there though a side renamed it: its new place gets a copy.
    ``skipped``: paths whose loser could not be kept, so that nothing is done about them.
    """

    zones: dict[Side, Zone]
    views: dict[Side, Zone]
    plans: dict[Side, Plan]
    journals: dict[Side, Journal]
    options: ReplicateOptions
    threads: int
    allow: Callable[[], None]
    progress: Progress
    stays: Callable[[str], bool]
    transfers: dict[Side, SideTransfer] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    beside: dict[Side, list[Entry]] = field(default_factory=lambda: {"left": [], "right": []})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Do it all.

        Raises:
            LiveDataError: What no item can survive: a lease lost, credentials refused, a store full or gone.
        """
        self.transfers = {side: self._transfer(side, self.views[other(side)]) for side in SIDES}
        for side in SIDES:
            self._hold(side)
        for side in reversed(SIDES):
            self.transfers[side].run(self._steps(side, _STARTED))
        for side in SIDES:
            self._bring_beside(side)
        for side in SIDES:
            self._give_back(side)
        for side in SIDES:
            self.transfers[side].run(self._steps(side, _ENDED))

    def _transfer(self, side: Side, source: Zone) -> SideTransfer:
        return SideTransfer(self._route(side, source), self.journals[side], self.progress, threads=self.threads)

    def _route(self, side: Side, source: Zone) -> Route:
        target = self.zones[side]
        return route_of(source, target, self.options, self.allow, None, may_stream=isinstance(target, StreamedPuts))

    def _steps(self, side: Side, phases: tuple[Phase, ...]) -> Callable[[Phase], Iterable[Step]]:
        """The steps of some phases; directories that nothing is left in go after the files in them."""
        plan = self.plans[side]

        def of(phase: Phase) -> Iterable[Step]:
            if phase not in phases:
                return ()
            found = plan.steps(phase)
            if phase in ("clear", "delete"):
                in_the_way = phase == "clear"
                found = chain(found, (s for s in plan.steps("remove") if (s.reason == IN_THE_WAY) is in_the_way))
            wanted = (step for step in found if step.entry.path not in self.skipped and step.reason != BACK)
            return (self._without_taking(step) for step in wanted)

        return of

    def _without_taking(self, step: Step) -> Step:
        if step.kind == "move" and step.origin is not None and self.stays(step.origin.path):
            return step._replace(kind="copy", origin=None)
        return step

    # losers -----------------------------------------------------------------------------------------------------

    def _hold(self, side: Side) -> None:
        steps = self.plans[side].steps("hold")
        while some := list(islice(steps, HELD_AT_ONCE)):
            with Pool(self.threads, "livedata-hold") as pool:
                for step in some:
                    pool.submit(lambda step=step: self._hold_one(side, step))  # type: ignore[misc]
                pool.wait()

    def _hold_one(self, side: Side, step: Step) -> None:
        transfer = self.transfers[side]
        try:
            self.allow()
            if step.held_at.startswith(f"{FOLDER}/"):
                self._keep(side, step)
                return
            moved = self._put_beside(side, step)
            with self._lock:
                self.beside[side].append(moved)
        except LiveDataError as error:
            refuse_hopeless(error)
            with self._lock:
                self.skipped.add(step.entry.path)
            transfer.failed(step, error)

    def _keep(self, side: Side, step: Step) -> None:
        keep(self.zones[side], step.entry, step.held_at)

    def _put_beside(self, side: Side, step: Step) -> Entry:
        for place in numbered(step.held_at):
            try:
                if self.zones[other(side)].stat(place) is None:
                    return take(self.zones[side], step.entry, place)
            except AlreadyExists:
                continue
        raise AlreadyExists("all names beside the file are taken", path=step.entry.path, tried=NAMES_TRIED)

    def _bring_beside(self, side: Side) -> None:
        """Give the other side the losers that are kept beside winners; they are read from where they are now."""
        if not self.beside[side]:
            return
        opposite = other(side)
        transfer = self._transfer(opposite, self.zones[side])
        steps = [Step("copy", "write", entry, "conflict") for entry in self.beside[side]]
        transfer.run(lambda phase: steps if phase == "write" else ())
        self.transfers[opposite].meanwhile += transfer.meanwhile
        self.transfers[opposite].unlanded += transfer.unlanded
        self.transfers[opposite].tally.count(
            copied_files=transfer.tally.copied_files,
            copied_bytes=transfer.tally.copied_bytes,
            failed=transfer.tally.failed,
        )
        self.transfers[opposite].tally.failures += transfer.tally.failures

    # attributes -------------------------------------------------------------------------------------------------

    def _give_back(self, side: Side) -> None:
        zone = self.zones[side]
        if not isinstance(zone, SetAttributes):
            return
        transfer = self.transfers[side]
        for step in self._backs(side):
            try:
                self.allow()
                zone.set_attributes(step.entry.path, transfer.route.attributes(step.entry)._replace(mtime_ms=None))
                transfer.tally.count(set_attributes=1)
            except LiveDataError as error:
                refuse_hopeless(error)
                transfer.failed(step, error)

    def _backs(self, side: Side) -> Iterator[Step]:
        return (s for s in self.plans[side].steps("finish") if s.reason == BACK and s.entry.path not in self.skipped)
