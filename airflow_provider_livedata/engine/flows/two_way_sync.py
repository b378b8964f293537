"""Keep two locations in step that are both written to: the whole order of a sync, and nothing else.

    preflight -> both leases -> both snapshots -> what changed on either side -> merge by the table of cases -> guard
    -> losers put aside -> write, delete -> what is agreed on -> report

Nothing is deleted by a first sync. A run that was killed left journals of what it did; the next one takes that for agreed on, and goes on.
"""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    RunRefused,
)
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication.freezing import Freezing
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.replication.pacing import choose_threads
from airflow_provider_livedata.engine.replication.refusing import refuse_overlap
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import kept
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.two_way.acting import Rules
from airflow_provider_livedata.engine.two_way.agreeing import agree
from airflow_provider_livedata.engine.two_way.aside import TakesAside
from airflow_provider_livedata.engine.two_way.carrying import Carrying
from airflow_provider_livedata.engine.two_way.changes import Claim, Side
from airflow_provider_livedata.engine.two_way.ending import account, stop_if_failed, tidy
from airflow_provider_livedata.engine.two_way.looking import Looking, view_of
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
from airflow_provider_livedata.engine.two_way.planning import Planned, Planning, guard_both, unseen
from airflow_provider_livedata.engine.two_way.probing import Probing
from airflow_provider_livedata.engine.two_way.report import KEPT, SideReport, TwoWayReport
from airflow_provider_livedata.engine.two_way.sides import refuse_other_filter, refuse_unfit, take_roles
from airflow_provider_livedata.engine.two_way.stored import SIDES, PairFolder, Standing, pair_id
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles


def two_way_sync(
    left: Zone | str, right: Zone | str, options: TwoWayOptions | None = None, *, lease_times: LeaseTimes | None = None
) -> TwoWayReport:
    """Give each side what the other one changed since they last agreed, and settle conflicts by the policy.

    Args:
        left: One location.
        right: The other one. In which order they are given does not matter.
        options: How.
        lease_times: Of both leases.

    Raises:
        ConflictsLeft: Policy ``fail``: some paths were left as they are on both sides; everything else was synced.
        RunFailed: Some items failed, the others were synced; ``error.report`` tells which.
        RunRefused, StateDamaged, BadInput, ZoneError, SnapshotRefused: Nothing was changed on either side.
        TargetHeld, LeaseLost: Another run is at work.
        WindowClosed: Nothing may be moved at this time of day.
    """
    options = options or TwoWayOptions()
    calls = options.how.max_namenode_calls_per_s
    with opened(left, calls_per_s=calls) as opened_left, opened(right, calls_per_s=calls) as opened_right:
        run = _Run.of(opened_left, opened_right, options)
        run.preflight()
        if options.dry_run:
            return run.rehearse()
        Bandwidth(options.how.timetable).refuse_closed()
        with contextlib.ExitStack() as stack:
            leases = [
                stack.enter_context(Lease(StateFolder(run.zones[side]), holder_of(options), times=lease_times))
                for side in SIDES
            ]
            return run.perform(leases)


@dataclass(slots=True)
class _Run:
    """``left`` is the side that keeps what is agreed on, whichever was given first."""

    zones: dict[Side, Zone]
    names: tuple[str, str]
    options: TwoWayOptions
    folder: PairFolder
    frozen: dict[Side, Freezing]
    report: TwoWayReport
    number: int = 0
    _absent: list[Side] = field(default_factory=list)
    _leases: list[Lease] = field(default_factory=list)
    _journals: dict[Side, Journal] = field(default_factory=dict)
    _adopted: dict[Side, Journal] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, left: Zone, right: Zone, options: TwoWayOptions) -> _Run:
        """Put the sides in the order that does not depend on who asks."""
        sides = sorted(zip((left, right), options.names, strict=True), key=lambda one: place_of(one[0].address))
        zones: dict[Side, Zone] = {"left": sides[0][0], "right": sides[1][0]}
        addresses = [zones[side].address for side in SIDES]
        folder = PairFolder(StateFolder(zones["left"]), StateFolder(zones["right"]), pair_id(*addresses))
        told = (SideReport(name, str(zone.address)) for zone, name in sides)
        report = TwoWayReport(str(left.address), str(right.address), next(told), next(told), started_ms=now_ms())
        frozen = {
            side: Freezing(zones[side], folder.pair, options.how, Report(str(zones[side].address), ""))
            for side in SIDES
        }
        return cls(zones, (sides[0][1], sides[1][1]), options, folder, frozen, report)

    # before anything is changed ---------------------------------------------------------------------------------

    def preflight(self) -> None:
        """Everything that can be known to be wrong before the first change."""
        left, right = (self.zones[side] for side in SIDES)
        refuse_overlap(left.address, right.address)
        for zone in (left, right):
            refuse_unfit(zone)
        refuse_other_filter(None if self.options.start_over else self.folder.read(), self.options.how)
        for side in SIDES:
            if self.zones[side].stat("") is None:
                self._absent.append(side)  # and so cannot be frozen before it is made
            else:
                self.frozen[side].prepare()

    def rehearse(self) -> TwoWayReport:
        """Write both plans and the conflicts, and change nothing else: no snapshot, no lease."""
        folder = f"{self.folder.folder}/dry/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}"
        self.report.state = "dry run"
        looking = self._looking(None if self.options.start_over else self.folder.read())
        planned = self._plan(looking, folder, f"{folder}/all")
        try:
            guard_both(planned, self._rules(), self.options)
        except RunRefused as error:
            self.report.why = f"the run would stop: {error}"
        return self._close(f"{folder}/report.json")

    # the run ----------------------------------------------------------------------------------------------------

    def perform(self, leases: list[Lease]) -> TwoWayReport:
        """A whole run under both leases; the report is stored whatever happens."""
        self._leases = leases
        if self.options.start_over:
            self.folder.forget()
        standing = self.folder.read()
        above = max(self.frozen[side].highest() for side in SIDES) if standing is None else 0
        self.number = self.report.run = self.folder.begin(self.report.started_ms, above=above)
        name = self.folder.report_file(self.number)
        try:
            self._perform(standing)
        except BaseException as error:
            if self.report.state == "done":
                self.report.state = "refused" if isinstance(error, RunRefused) else "failed"
            self.report.why = self.report.why or (
                str(error) if isinstance(error, LiveDataError) else type(error).__name__
            )
            raise
        finally:
            with contextlib.suppress(LiveDataError):
                self._close(name)
        return self.report

    def _perform(self, standing: Standing | None) -> None:
        take_roles(self.zones, self.number, holder_of(self.options))
        self._make_roots()
        with ThreadPoolExecutor(2, "livedata-freeze") as pool:
            list(pool.map(lambda side: self.frozen[side].take(self.number), SIDES))
        done = standing
        state, folder = self.folder.state, self.folder
        self._journals = {side: Journal(state, folder.journal_folder(self.number, side)) for side in SIDES}
        self._adopted = {side: Journal(state, folder.adopted_folder(self.number, side)) for side in SIDES}
        try:
            looking = self._looking(standing)
            planned = self._plan(
                looking, self.folder.run_folder(self.number), self.folder.report_file(self.number).removesuffix(".json")
            )
            guard_both(planned, self._rules(), self.options)
            self._allow()
            carrying = self._carry(planned)
            for journal in self._adopted.values():
                journal.flush()
            done = agree(looking, planned, carrying, self.report, self.number, self._allow)
        finally:
            self._forget_snapshots(done)
        tidy(folder, done, list(self.zones.values()), self.options, self.report)
        stop_if_failed(self.report, state.address(folder.report_file(self.number)))

    def _looking(self, standing: Standing | None) -> Looking:
        looking = Looking(
            self.zones, self.frozen, self.folder, standing, self.options.how, self.report.started_ms, self._adopt
        )
        looking.choose()
        self.report.is_first = standing is None
        for side in SIDES:
            told, frozen = self.report.of(side), self.frozen[side].report
            told.found_by, told.snapshot, told.as_of_ms = looking.told[side].text, frozen.snapshot, frozen.as_of_ms
            self.report.notes += [f"{told.name}: {note}" for note in frozen.notes]
        return looking

    def _adopt(self, claim: Claim) -> None:
        """What a run that was cut off did is what this one has done."""
        if self._adopted:
            self._adopted[claim.changed].add(claim.held)

    def _rules(self) -> Rules:
        kept_in = f"{FOLDER}/{self._kept(kept.CONFLICTS)}"
        compared = frozenset(name for name in self.options.how.preserve if name != "mtime")
        facts = self.zones["left"].facts, self.zones["right"].facts
        return Rules(facts, self.names, compared, self.options.conflicts, kept_in, self.report.started_ms)

    def _kept(self, kind: str) -> str:
        return kept.folder_of(self.number, self.report.started_ms, kind=kind)

    def _plan(self, looking: Looking, folder: str, conflicts_in: str) -> Planned:
        how = self.options.how
        views = {side: looking.view(side) for side in SIDES}
        opens = {side: self.frozen[side].open_files() for side in SIDES}
        limits = Buffers(how.memory_mib << 20), Bandwidth(how.timetable)
        probing = Probing(views, opens, {side: self._live(side) for side in SIDES}, *limits, self._unreadable)
        planning = Planning(self.folder.state, folder, conflicts_in, self._rules(), self.report)
        with looking.pairs() as pairs:
            planned = planning.write(pairs, probing)
        if looking.is_partial and looking.standing is not None:
            standing = looking.standing
            unseen(planned, standing.files - looking.seen_files, standing.size_bytes - looking.seen_bytes)
        return planned

    def _live(self, side: Side) -> OpenFiles | None:
        """Whom to ask whether somebody is writing to what is about to go; in a rehearsal, which takes no snapshot, nobody."""
        zone = self.zones[side]
        return zone if isinstance(zone, OpenFiles) and self.frozen[side].snapshot is not None else None

    def _unreadable(self, path: str, error: LiveDataError) -> None:
        self.report.failed += 1
        if len(self.report.failures) < KEPT:
            self.report.failures.append(Failure.of(path, error))

    def _carry(self, planned: Planned) -> Carrying:
        how, folder = self.options.how, self._kept(kept.REMOVED)
        takes = {
            side: TakesAside(self.zones[side], folder, keeps=self.options.keep_removed > 0, allow=self._allow)
            for side in SIDES
        }
        with Progress("two-way sync", every_s=how.progress_s) as progress:
            totals = self._both(planned)
            progress.expect(totals.copy_files + totals.move_files, totals.copy_bytes)
            carrying = Carrying(
                {side: takes[side] for side in SIDES}, self._views(), planned.plans, self._journals, how, self._threads(totals), self._allow, progress,
                planned.merger.accounts.stays,
            )  # fmt: skip
            try:
                carrying.run()
            finally:
                account(self.report, carrying)
        return carrying

    def _views(self) -> dict[Side, Zone]:
        return {side: view_of(self.zones[side], self.frozen[side]) for side in SIDES}

    def _both(self, planned: Planned) -> Totals:
        totals = Totals()
        for one in planned.merger.accounts.totals.values():
            totals.copy_files += one.copy_files
            totals.copy_bytes += one.copy_bytes
            totals.move_files += one.move_files
        return totals

    def _threads(self, totals: Totals) -> int:
        how = self.options.how
        return choose_threads(self.zones["left"], self.zones["right"], totals, chosen=how.threads, memory_mib=how.memory_mib,
                              asked_for=f"{FOLDER}/role", source_calls_per_s=how.max_namenode_calls_per_s)  # fmt: skip

    # the end ----------------------------------------------------------------------------------------------------

    def _forget_snapshots(self, done: Standing | None) -> None:
        for side in SIDES:
            snapshot = done.snapshot(side) if done else None
            self.frozen[side].forget(self.number, snapshot.name if snapshot is not None else "")

    def _close(self, name: str) -> TwoWayReport:
        self.report.seconds = round(time.monotonic() - self._began, 3)
        self.folder.state.write(name, self.report.seal(self.folder.state.address(name)).encode())
        return self.report

    # small things -----------------------------------------------------------------------------------------------

    def _allow(self) -> None:
        for lease in self._leases:
            lease.check()

    def _make_roots(self) -> None:
        for zone in self.zones.values():
            if zone.facts.has_directories and zone.stat("") is None:
                zone.make_directory("")
        for side in self._absent:
            self.frozen[side].prepare()
