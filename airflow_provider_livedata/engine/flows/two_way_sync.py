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
    ConflictsLeft,
    FilterChanged,
    LiveDataError,
    RunFailed,
    RunRefused,
    Unsupported,
    WrongSide,
)
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication.freezing import Freezing
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.replication.pacing import choose_threads
from airflow_provider_livedata.engine.replication.refusing import refuse_overlap
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import kept, roles
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.two_way.acting import Rules
from airflow_provider_livedata.engine.two_way.agreeing import agree
from airflow_provider_livedata.engine.two_way.aside import TakesAside
from airflow_provider_livedata.engine.two_way.carrying import MEANWHILE, Carrying
from airflow_provider_livedata.engine.two_way.changes import Claim, Side
from airflow_provider_livedata.engine.two_way.looking import Looking, view_of
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
from airflow_provider_livedata.engine.two_way.planning import Planned, Planning, guard_both, unseen
from airflow_provider_livedata.engine.two_way.probing import Probing
from airflow_provider_livedata.engine.two_way.report import KEPT, SideReport, TwoWayReport
from airflow_provider_livedata.engine.two_way.settling import other
from airflow_provider_livedata.engine.two_way.stored import SIDES, PairFolder, Standing, pair_id
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Moves


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
    """
    options = options or TwoWayOptions()
    calls = options.how.max_namenode_calls_per_s
    with opened(left, calls_per_s=calls) as opened_left, opened(right, calls_per_s=calls) as opened_right:
        run = _Run.of(opened_left, opened_right, options)
        run.preflight()
        if options.dry_run:
            return run.rehearse()
        with contextlib.ExitStack() as stack:
            leases = [
                stack.enter_context(Lease(StateFolder(run.zones[side]), holder_of(options), times=lease_times))
                for side in SIDES
            ]
            return run.perform(leases)


_NAMES = frozenset(error.__name__ for error in MEANWHILE)


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

    def _side(self, side: Side) -> SideReport:
        return self.report.left if side == "left" else self.report.right

    # before anything is changed ---------------------------------------------------------------------------------

    def preflight(self) -> None:
        """Everything that can be known to be wrong before the first change."""
        left, right = (self.zones[side] for side in SIDES)
        refuse_overlap(left.address, right.address)
        for zone in (left, right):
            zone.check(writable=True)
            if not isinstance(zone, Moves):
                raise Unsupported(
                    "this store moves no files, so that a loser could not be kept", address=str(zone.address)
                )
        for side in SIDES:
            self._refuse_standby(side)
        standing = None if self.options.start_over else self.folder.read()
        if standing is not None and standing.filter_digest != self.options.how.filter.digest:
            self._refuse_filter(standing)
        for side in SIDES:
            if self.zones[side].stat("") is None:
                self._absent.append(side)  # and so cannot be frozen before it is made
            else:
                self.frozen[side].prepare()

    def _refuse_standby(self, side: Side) -> None:
        role = roles.newest(StateFolder(self.zones[side]))
        if role is not None and role.role == "standby":
            raise WrongSide(
                "this location is the standby side of a replication, which overwrites what is written there; make it the active one first, or choose "
                "another; nothing was changed",
                address=str(self.zones[side].address), peer=role.peer, since=role.since,
            )  # fmt: skip

    def _refuse_filter(self, standing: Standing) -> None:
        if self.options.how.accept_new_filter:
            return
        raise FilterChanged(
            "the exclusions differ from those of the last sync; set accept_new_filter when that is meant",
            exclude=self.options.how.filter.exclude, was=standing.exclude,
        )  # fmt: skip

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
        self.number = self.report.run = self.folder.begin(self.report.started_ms)
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
        self._take_roles()
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
        self._tidy(done)
        self._stop_if_failed()

    def _looking(self, standing: Standing | None) -> Looking:
        looking = Looking(
            self.zones, self.frozen, self.folder, standing, self.options.how, self.report.started_ms, self._adopt
        )
        looking.choose()
        self.report.is_first = standing is None
        for side in SIDES:
            told, frozen = self._side(side), self.frozen[side].report
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
        probing = Probing(views, opens, *limits, self._unreadable)
        planning = Planning(self.folder.state, folder, conflicts_in, self._rules(), self.report)
        with looking.pairs() as pairs:
            planned = planning.write(pairs, probing)
        if looking.is_partial and looking.standing is not None:
            standing = looking.standing
            unseen(planned, standing.files - looking.seen_files, standing.size_bytes - looking.seen_bytes)
        return planned

    def _unreadable(self, path: str, error: LiveDataError) -> None:
        self.report.failed += 1
        if len(self.report.failures) < KEPT:
            self.report.failures.append(Failure(path, str(error), type(error).__name__, error.retryable))

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
                {side: takes[side] for side in SIDES}, self._views(), planned.plans, self._journals, how, self._threads(totals), self._allow, progress
            )  # fmt: skip
            try:
                carrying.run()
            finally:
                self._account(carrying)
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

    def _account(self, carrying: Carrying) -> None:
        report = self.report
        for side, transfer in carrying.transfers.items():
            told, tally = self._side(side), transfer.tally
            told.copied_files, told.copied_bytes, told.renamed = (
                tally.copied_files,
                tally.copied_bytes,
                tally.moved_files,
            )
            told.made_directories, told.set_attributes = tally.made_directories, tally.set_attributes
            told.deleted = tally.deleted_files + tally.deleted_directories
            lost = [one for one in tally.failures if one.error in _NAMES]
            failures = [one for one in tally.failures if one not in lost]
            transfer.meanwhile += [one.path for one in lost]
            report.failed += tally.failed - len(lost)
            report.failures += failures[: KEPT - len(report.failures)]

    # the end ----------------------------------------------------------------------------------------------------

    def _tidy(self, done: Standing | None) -> None:
        if done is None:
            return
        try:
            self.folder.tidy(done)
            for side in SIDES:
                state, now = StateFolder(self.zones[side]), now_ms()
                kept.forget(state, now, self.options.keep_conflicts, kind=kept.CONFLICTS)
                kept.forget(state, now, self.options.keep_removed)
                self.zones[side].sweep(self.report.started_ms)
        except LiveDataError as error:
            self.report.notes.append(f"old state could not be cleaned up and is tried again next time: {error}")

    def _forget_snapshots(self, done: Standing | None) -> None:
        for side in SIDES:
            snapshot = done.snapshot(side) if done else None
            self.frozen[side].forget(self.number, _Kept(snapshot.name) if snapshot is not None else None)

    def _stop_if_failed(self) -> None:
        report = self.report
        address = self.folder.state.address(self.folder.report_file(self.number))
        error: LiveDataError | None = None
        if report.failed:
            report.why = f"{report.failed} items failed; run again to bring them, nothing else is copied again"
            first = report.failures[0]
            error = RunFailed(report.why, report=address, first=first.path, reason=first.reason)
        elif report.unsettled_conflicts:
            report.why = (
                f"{report.unsettled_conflicts} paths were changed on both sides and left as they are there; make one of the two right by hand, or "
                "choose a policy for conflicts"
            )
            error = ConflictsLeft(report.why, report=address, first=report.conflict_list[0].path)
        if error is not None:
            error.report = report  # type: ignore[attr-defined]
            raise error

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

    def _take_roles(self) -> None:
        """Both sides are written to: a replication into one of them is to refuse."""
        for side in SIDES:
            state = StateFolder(self.zones[side])
            there, peer = roles.newest(state), place_of(self.zones[other(side)].address)
            if there is None or there.how != "two-way":
                roles.write(
                    state,
                    Role(
                        roles.generation_of(there) + 1,
                        "active",
                        peer,
                        "two-way",
                        self.number,
                        "",
                        0,
                        now_ms(),
                        holder_of(self.options),
                    ),
                )


@dataclass(frozen=True, slots=True)
class _Kept:
    snapshot: str
