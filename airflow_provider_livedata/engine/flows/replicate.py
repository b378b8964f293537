"""Bring the target to what the source holds: the whole order of a run, and nothing else.

    preflight -> lease -> snapshot -> scan, line up, plan -> guard -> transfer -> manifest -> checkpoint -> report

A run that was killed left a plan and a journal; the next one reads both beside the manifest, so that what landed is not
copied again, and plans anew from a fresh snapshot.
"""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.guard import guard
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import LiveDataError, RunRefused
from airflow_provider_livedata.engine.limits import Bandwidth
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication import committing
from airflow_provider_livedata.engine.replication.accounts import account_changed, account_copied, note
from airflow_provider_livedata.engine.replication.committing import HELD, Commit
from airflow_provider_livedata.engine.replication.ending import close, reached, stop_if_failed, tidy
from airflow_provider_livedata.engine.replication.finding import Known, choose, known_of
from airflow_provider_livedata.engine.replication.freezing import MAY_GROW, Freezing, replication_id
from airflow_provider_livedata.engine.replication.intending import intend, intent_of, is_staged
from airflow_provider_livedata.engine.replication.keeping import freeze_target, keep_files
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.replication.pacing import choose_threads
from airflow_provider_livedata.engine.replication.planning import Planned, Planning
from airflow_provider_livedata.engine.replication.refusing import refuse_another, refuse_overlap
from airflow_provider_livedata.engine.replication.rolling import Forward, publish, roll_forward
from airflow_provider_livedata.engine.replication.routing import route_of, staging_route
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.kept import folder_of
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.transfer.phases import Transfer
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.staging import Staging, staged_before, staged_log
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Cautions, OpenFiles, StreamedPuts


def replicate(
    source: Zone | str,
    target: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
    lease: Lease | None = None,
    home_ms: int = 0,
) -> Report:
    """Copy what differs, delete what is gone, and move the checkpoint when everything landed.

    Args:
        source: Where from.
        target: Where to.
        options: How.
        lease_times: Of the lease.
        lease: That of the target, where the caller has it already; it goes on having it.
        home_ms: Of a source that is a copy itself: the instant that it is a copy of.

    Returns:
        The report of the run, which also lies beside the checkpoint.

    Raises:
        RunFailed: Some items failed, the others landed; ``error.report`` tells which.
        RunRefused, BadInput, ZoneError, SnapshotRefused: Nothing was changed at the target.
        TargetHeld, LeaseLost: Another run is at work.
        WindowClosed: Nothing may be moved at this time of day; what landed is known to the next run.
    """
    options = options or ReplicateOptions()
    with opened(source, calls_per_s=options.max_namenode_calls_per_s) as opened_source, opened(target) as opened_target:
        run = _Run(opened_source, opened_target, options, home_ms)
        if not options.dry_run:
            Bandwidth(options.timetable).refuse_closed()
        run.preflight(trusts_records=not options.dry_run)
        if options.dry_run:
            return run.rehearse()
        if lease is not None:
            return run.perform(lease)
        with Lease(run.state, holder_of(options), times=lease_times) as taken:
            return run.perform(taken)


def preflight(source: Zone | str, target: Zone | str, options: ReplicateOptions | None = None) -> list[str]:
    """Find out whether a replication could start; returns what a person should know.

    Nothing is changed, but that the source is made snapshottable where that needs to be, ``allow_snapshot`` is on and
    ``dry_run`` is not.

    Raises:
        LiveDataError: It could not; the message says what to do.
    """
    options = options or ReplicateOptions()
    with opened(source, calls_per_s=options.max_namenode_calls_per_s) as opened_source, opened(target) as opened_target:
        run = _Run(opened_source, opened_target, options)
        run.preflight()
        return run.report.notes


@dataclass(slots=True)
class _Run:
    source: Zone
    target: Zone
    options: ReplicateOptions
    home_ms: int = 0
    state: StateFolder = field(init=False)
    report: Report = field(init=False)
    policy: Policy = field(init=False)
    frozen: Freezing = field(init=False)
    number: int = 0
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        options, here, there = self.options, self.source.address, self.target.address
        self.state = StateFolder(self.target)
        self.report = Report(str(here), str(there), started_ms=now_ms())
        self.frozen = Freezing(self.source, replication_id(here, there), options, self.report, self.home_ms)
        compared = frozenset(name for name in options.preserve if name != "mtime")
        self.policy = Policy(
            self.target.facts, compared, options.foreign, options.max_delete_ratio, options.skip_unholdable
        )

    # before anything is changed ---------------------------------------------------------------------------------

    def preflight(self, *, trusts_records: bool = False) -> None:
        """Everything that can be known to be wrong before the first change.

        ``trusts_records``: where the checkpoint tells how the source is frozen, taking the next snapshot, which is the first change, shows
        whether that still can be.
        """
        refuse_overlap(self.source.address, self.target.address)
        self.target.check(writable=True)
        with ThreadPoolExecutor(2, "livedata-roles") as pool:
            sides = [pool.submit(roles.newest, state) for state in (StateFolder(self.source), self.state)]
            checkpoint = checkpoints.latest(self.state)
            if trusts_records:
                self.frozen.trust(checkpoint)
            if not self.frozen.root:
                self.source.check(writable=False)
            roles.refuse_wrong_side(self.source.address, self.target.address, *(side.result() for side in sides))
        refuse_another(self.source.address, checkpoint, self.options)
        self.frozen.prepare()
        for zone in (self.source, self.target):
            if isinstance(zone, Cautions):
                self.report.notes += zone.cautions(as_target=zone is self.target)

    def rehearse(self) -> Report:
        """Write the whole plan and change nothing else: no snapshot, no lease."""
        folder = f"dry-run/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}"
        self.report.state = "dry run"
        self.report.notes.append("planned from the live source; the run itself takes a snapshot")
        known = known_of(self.state)
        if commit := committing.pending(self.state, known.unfinished):
            note(self.report, f"run {commit.run} is committed and not finished: the run itself publishes it first")
        way = choose(self.source, None, known, self.options, self.report.started_ms)
        planned = self._planning(self.frozen.view(), known, self.policy).write(way, folder)
        try:
            guard(planned.totals, self.policy)
        except RunRefused as error:
            self.report.why = f"the run would stop: {error}"
        return self._close(folder, known.checkpoint, known.checkpoint)

    # the run ----------------------------------------------------------------------------------------------------

    def perform(self, lease: Lease) -> Report:
        """A whole run under the lease; the report is stored whatever happens."""
        known = self._rolled_forward(lease)
        done = known.checkpoint.run if known.checkpoint else self.frozen.highest()
        self.number = max([done, *known.unfinished]) + 1
        folder = f"runs/{self.number:012d}"
        after = known.checkpoint
        try:
            after = self._perform(lease, known, folder)
        except BaseException as error:
            self.report.state = "refused" if isinstance(error, RunRefused) else "failed"
            self.report.why = self.report.why or (
                str(error) if isinstance(error, LiveDataError) else type(error).__name__
            )
            raise
        finally:
            with contextlib.suppress(LiveDataError):
                self._close(folder, known.checkpoint, after)
        return self.report

    def _rolled_forward(self, lease: Lease) -> Known:
        known = known_of(self.state)
        done = roll_forward(known, Forward(self.target, lease.check, self.options))
        if done is None:
            return known
        note(
            self.report,
            f"run {done.run} had been committed and not finished: it was published first, as of its snapshot",
        )
        return known_of(self.state)

    def _perform(self, lease: Lease, known: Known, folder: str) -> Checkpoint:
        intend(self.number, self.frozen.replication, known, self.options, self.report)
        self.frozen.take(self.number)
        try:
            done = self._bring(lease, known, folder)
        except BaseException:
            with contextlib.suppress(LiveDataError):
                self._forget_after_failure()
            raise
        forget = partial(self.frozen.forget, self.number, done.snapshot)
        tidy(self.state, known.checkpoint, done, self.options, self.report, forget, lease.remove_older)
        return done

    def _forget_after_failure(self) -> None:
        # What is committed becomes a checkpoint yet, and what failed may have become one though its reply was lost.
        if committing.pending(self.state, [self.number]) is None:
            newest = checkpoints.latest(self.state)
            self.frozen.forget(self.number, newest.snapshot if newest is not None else "")

    def _bring(self, lease: Lease, known: Known, folder: str) -> Checkpoint:
        frozen, options, started_ms = self.frozen, self.options, self.report.started_ms
        view = frozen.view()
        with ThreadPoolExecutor(1, "livedata-open") as pool:
            asked = pool.submit(frozen.open_files)
            way = choose(self.source, frozen.snapshot, known, options, started_ms, taken=frozen.taken)
        open_files = asked.result()
        if open_files is not None:
            self.report.notes.append(MAY_GROW)
        policy = replace(self.policy, held_at=f"{FOLDER}/{HELD}/{self.number:012d}")
        planned = self._planning(view, known, policy).write(way, f"{folder}/plan")
        guard(planned.totals, self.policy)
        lease.check()
        self._make_root()
        route = self._route(view, lease, open_files, planned.totals)
        journal = Journal(self.state, self.number)
        keep_files(self.target, planned.plan, folder_of(self.number, started_ms), options, lease.check)
        bring = self._stage if self._is_staged(known, planned.totals) else self._copy
        return self._conclude(bring(route, planned, known, journal), known, journal, lease)

    def _planning(self, view: Zone, known: Known, policy: Policy) -> Planning:
        return Planning(view, self.target, known, policy, self.options, self.report)

    def _make_root(self) -> None:
        if self.target.facts.has_directories and self.target.stat("") is None:
            self.target.make_directory("")

    def _route(self, view: Zone, lease: Lease, open_files: OpenFiles | None, totals: Totals) -> Route:
        threads = self.report.threads = self._threads(totals)
        may_stream = isinstance(self.target, StreamedPuts) and totals.copy_files >= threads
        return route_of(view, self.target, self.options, lease.check, open_files, may_stream=may_stream)

    def _threads(self, totals: Totals) -> int:
        return choose_threads(
            self.source,
            self.target,
            totals,
            chosen=self.options.threads,
            memory_mib=self.options.memory_mib,
            asked_for=f"{FOLDER}/{intent_of(self.number)}",
            source_calls_per_s=self.options.max_namenode_calls_per_s,
        )

    def _is_staged(self, known: Known, totals: Totals) -> bool:
        return is_staged(known, self.options) and totals.changes > 0

    def _copy(self, route: Route, planned: Planned, known: Known, journal: Journal) -> Checkpoint:
        """Each file appears as soon as it has landed."""
        totals = planned.totals
        with Progress("copy", every_s=self.options.progress_s) as progress:
            progress.expect(totals.copy_files + totals.move_files, totals.copy_bytes)
            transfer = Transfer(route, journal, progress, threads=self.report.threads)
            try:
                transfer.run(planned.plan.steps)
            finally:
                account_copied(self.report, transfer.tally)
                account_changed(self.report, transfer.tally, self.target)
        stop_if_failed(self.report, transfer.tally, self.state)
        return reached(planned, transfer.tally, self.frozen, known.checkpoint, self.options)

    def _stage(self, route: Route, planned: Planned, known: Known, journal: Journal) -> Checkpoint:
        """Nothing appears before all of it is at the target and committed."""
        staging = self._staged(staging_route(route, self.number, self.options.memory_mib), planned, known, journal)
        done = reached(planned, staging.tally, self.frozen, known.checkpoint, self.options)
        route.allow()
        commit = Commit(done, planned.plan.digest, tuple(staging.names))
        committing.commit(self.state, commit)
        forward = Forward(self.target, route.allow, self.options, self.report.threads, staging.uploads, staging.files)
        began = time.monotonic()
        tally = publish(commit, planned.plan, journal, forward)
        self.report.staged, self.report.publishing_seconds = True, round(time.monotonic() - began, 3)
        account_changed(self.report, tally, self.target)
        stop_if_failed(self.report, tally, self.state)
        return done

    def _staged(self, route: Route, planned: Planned, known: Known, journal: Journal) -> Staging:
        with Progress("stage", every_s=self.options.progress_s) as progress:
            progress.expect(planned.totals.copy_files, planned.totals.copy_bytes)
            staging = Staging(
                route, journal, progress, self.report.threads,
                log=staged_log(self.state, self.number), before=staged_before(self.state, known.unfinished),
            )  # fmt: skip
            try:
                staging.run(planned.plan.steps("write"))
            finally:
                account_copied(self.report, staging.tally)
        stop_if_failed(self.report, staging.tally, self.state)
        return staging

    def _conclude(self, done: Checkpoint, known: Known, journal: Journal, lease: Lease) -> Checkpoint:
        recent = journal.runs()
        older = [replace(run, age=run.age + len(recent)) for run in known.journals]
        done = replace(done, target_snapshot=freeze_target(self.target, done, self.options))
        rows = overlay([*recent, *older], with_gone=True)
        return committing.conclude(self.state, done, known.checkpoint, rows, lease.check)

    def _close(self, folder: str, before: Checkpoint | None, after: Checkpoint | None) -> Report:
        self.report.seconds = round(time.monotonic() - self._began, 3)
        return close(self.report, self.state, folder, before, after)
