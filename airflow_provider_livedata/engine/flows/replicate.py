"""Bring the target to what the source holds: the whole order of a run, and nothing else.

    preflight -> lease -> snapshot -> scan, line up, plan -> guard -> transfer -> manifest -> checkpoint -> report

A run that was killed left a plan and a journal; the next one reads both beside the manifest, so that what landed is not
copied again, and plans anew from a fresh snapshot.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.deciding.plan import Planner, Policy, Totals, guard
from airflow_provider_livedata.engine.errors import (
    FilterChanged,
    LiveDataError,
    PathsOverlap,
    PermissionRefused,
    RunFailed,
    RunRefused,
    SnapshotRefused,
)
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.reading.scan import past
from airflow_provider_livedata.engine.replication import committing
from airflow_provider_livedata.engine.replication.accounts import account_changed, account_copied, account_plan, note
from airflow_provider_livedata.engine.replication.committing import Commit
from airflow_provider_livedata.engine.replication.finding import Known, Way, add_unseen, choose, known_of, rows_of
from airflow_provider_livedata.engine.replication.keeping import forget_kept, freeze_target, keep_files, thin_target
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.replication.pacing import choose_threads
from airflow_provider_livedata.engine.replication.rolling import Forward, publish, roll_forward
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.kept import folder_of
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.planfile import Plan, PlanWriter
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.transfer import bundles
from airflow_provider_livedata.engine.transfer.copying import Route, attribute_names
from airflow_provider_livedata.engine.transfer.phases import Transfer
from airflow_provider_livedata.engine.transfer.staging import Staging, staged_before, staged_log
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles, Snapshots, StreamedPuts

log = logging.getLogger(__name__)
KEPT_PLANS = 2
KEPT_REPORTS = 100
HELD = "stage/held"  # folder of what renames put aside


def replicate(
    source: Zone | str,
    target: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
    lease: Lease | None = None,
) -> Report:
    """Copy what differs, delete what is gone, and move the checkpoint when everything landed.

    Args:
        source: Where from.
        target: Where to.
        options: How.
        lease_times: Of the lease.
        lease: That of the target, where the caller has it already; it goes on having it.

    Returns:
        The report of the run, which also lies beside the checkpoint.

    Raises:
        RunFailed: Some items failed, the others landed; ``error.report`` tells which.
        RunRefused, BadInput, ZoneError, SnapshotRefused: Nothing was changed at the target.
        TargetHeld, LeaseLost: Another run is at work.
    """
    options = options or ReplicateOptions()
    with opened(source, calls_per_s=options.max_namenode_calls_per_s) as opened_source, opened(target) as opened_target:
        run = _Run(opened_source, opened_target, options)
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


def replication_id(source: Address, target: Address) -> str:
    """What names the snapshots of this pair of places; the connections they are reached by do not matter."""
    pair = f"{replace(source, conn_id=None)} -> {replace(target, conn_id=None)}"
    return hashlib.sha256(pair.encode()).hexdigest()[:8]


@dataclass(slots=True)
class _Run:
    source: Zone
    target: Zone
    options: ReplicateOptions
    state: StateFolder = field(init=False)
    report: Report = field(init=False)
    policy: Policy = field(init=False)
    replication: str = field(init=False)
    number: int = 0
    finds_changes_only: bool = False
    root: str = ""  # snapshottable directory of the source, where that is known from before
    taken: list[Snapshot] = field(default_factory=list)  # all snapshots of the source, as of the newest one
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.state = StateFolder(self.target)
        self.report = Report(str(self.source.address), str(self.target.address), started_ms=now_ms())
        self.replication = replication_id(self.source.address, self.target.address)
        compared = frozenset(name for name in self.options.preserve if name != "mtime")
        self.policy = Policy(
            self.target.facts,
            compared,
            self.options.foreign,
            self.options.max_delete_ratio,
            self.options.skip_unholdable,
        )

    # before anything is changed ---------------------------------------------------------------------------------

    def preflight(self, *, trusts_records: bool = False) -> None:
        """Everything that can be known to be wrong before the first change.

        ``trusts_records``: where the checkpoint tells how the source is frozen, taking the next snapshot, which is the first change, shows
        whether that still can be.
        """
        if self.source.address.overlaps(self.target.address):
            raise PathsOverlap(
                "source and target are the same place or lie inside each other; choose two that do not",
                source=str(self.source.address),
                target=str(self.target.address),
            )
        self.target.check(writable=True)
        with ThreadPoolExecutor(2, "livedata-roles") as pool:
            sides = [pool.submit(roles.newest, state) for state in (StateFolder(self.source), self.state)]
            checkpoint = checkpoints.latest(self.state)
            self.root = self._known_root(checkpoint) if trusts_records else ""
            if not self.root:
                self.source.check(writable=False)
            roles.refuse_wrong_side(self.source.address, self.target.address, *(side.result() for side in sides))
        self._same_replication(checkpoint)
        if isinstance(self.source, Snapshots):
            self._prepare_snapshots(self.source)
        else:
            self.report.notes.append(
                "the source has no snapshots: it is listed, and a file that changes while it is read "
                "is copied again or reported"
            )

    def _known_root(self, checkpoint: Checkpoint | None) -> str:
        # Of the location itself: one above it can be frozen while the location is gone.
        root = checkpoint.snapshot_root if checkpoint is not None and isinstance(self.source, Snapshots) else ""
        return root if root.strip("/") == self.source.address.path.strip("/") else ""

    def _prepare_snapshots(self, source: Snapshots) -> None:
        if self.root:
            self.report.notes.append(f"the source is read from a snapshot of {self.root}")
            return
        try:
            root = source.prepare_snapshots(allow=self.options.allow_snapshot and not self.options.dry_run)
            self.report.notes.append(f"the source is read from a snapshot of {root}")
        except SnapshotRefused as error:
            if not self.options.dry_run:
                raise
            # A rehearsal reads the live source; what the run itself would do about it is said.
            does = (
                "tries to change that by itself, and stops where it may not" if self.options.allow_snapshot else "stops"
            )
            self.report.notes.append(f"no snapshot can be taken as things are, and the run itself {does}: {error}")

    def _same_replication(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is None:
            return
        ours = str(replace(self.source.address, conn_id=None))
        if checkpoint.source != ours:
            raise FilterChanged(
                "this target is a copy of another source; choose another target, or remove its .livedata "
                "folder and set foreign='replace' to start over",
                source=ours,
                copied_from=checkpoint.source,
            )
        if checkpoint.filter_digest != self.options.filter.digest and not self.options.accept_new_filter:
            raise FilterChanged(
                "the exclusions differ from those that the target was made with; set accept_new_filter "
                "when that is meant",
                exclude=self.options.filter.exclude,
                was=checkpoint.exclude,
            )

    def rehearse(self) -> Report:
        """Write the whole plan and change nothing else: no snapshot, no lease."""
        folder = f"dry-run/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}"
        self.report.state = "dry run"
        self.report.notes.append("planned from the live source; the run itself takes a snapshot")
        known = known_of(self.state)
        if commit := committing.pending(self.state, known.unfinished):
            note(self.report, f"run {commit.run} is committed and not finished: the run itself publishes it first")
        way = choose(self.source, None, known, self.options, self.report.started_ms)
        _, totals = self._plan(past(self.source), way, known, self.policy, folder)
        try:
            guard(totals, self.policy)
        except RunRefused as error:
            self.report.why = f"the run would stop: {error}"
        return self._close(folder, known.checkpoint)

    # the run ----------------------------------------------------------------------------------------------------

    def perform(self, lease: Lease) -> Report:
        """A whole run under the lease; the report is stored whatever happens."""
        known = self._rolled_forward(lease)
        self.number = max([0, *known.unfinished, known.checkpoint.run if known.checkpoint else 0]) + 1
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
        self._intend(known)
        snapshot = self._freeze()
        try:
            done = self._bring(lease, known, folder, snapshot)
        except BaseException:
            with contextlib.suppress(LiveDataError):
                self._forget_after_failure()
            raise
        self._tidy(lease, known.checkpoint, done)
        return done

    def _bring(self, lease: Lease, known: Known, folder: str, snapshot: Snapshot | None) -> Checkpoint:
        frozen = past(
            self.source.at(snapshot) if snapshot is not None and isinstance(self.source, Snapshots) else self.source
        )
        policy = replace(self.policy, held_at=f"{FOLDER}/{HELD}/{self.number:012d}")
        with ThreadPoolExecutor(1, "livedata-open") as pool:
            asked = pool.submit(self._open_files, snapshot)
            way = choose(self.source, snapshot, known, self.options, self.report.started_ms, taken=self.taken)
        open_files = asked.result()
        plan, totals = self._plan(frozen, way, known, policy, f"{folder}/plan")
        guard(totals, self.policy)
        lease.check()
        self._make_root()
        route = self._route(frozen, lease, open_files, totals)
        journal = Journal(self.state, self.number)
        keep_files(self.target, plan, folder_of(self.number, self.report.started_ms), self.options, lease.check)
        is_staged = self.options.consistency == "snapshot" and known.checkpoint is not None and totals.changes > 0
        if is_staged:
            done = self._stage(route, plan, known, totals, journal, snapshot)
        else:
            done = self._copy(route, plan, known, totals, journal, snapshot)
        recent = journal.runs()
        older = [replace(run, age=run.age + len(recent)) for run in known.journals]
        done = replace(done, target_snapshot=freeze_target(self.target, done, self.options))
        rows = overlay([*recent, *older], with_gone=True)
        return committing.conclude(self.state, done, known.checkpoint, rows, lease.check)

    def _copy(
        self, route: Route, plan: Plan, known: Known, totals: Totals, journal: Journal, snapshot: Snapshot | None
    ) -> Checkpoint:
        """Each file appears as soon as it has landed."""
        with Progress("copy", every_s=self.options.progress_s) as progress:
            progress.expect(totals.copy_files + totals.move_files, totals.copy_bytes)
            transfer = Transfer(route, journal, progress, threads=self.report.threads)
            try:
                transfer.run(plan.steps)
            finally:
                account_copied(self.report, transfer.tally)
                account_changed(self.report, transfer.tally, self.target)
        self._stop_if_failed(transfer.tally)
        return self._checkpoint(known, totals, transfer.tally, snapshot)

    def _stage(
        self, route: Route, plan: Plan, known: Known, totals: Totals, journal: Journal, snapshot: Snapshot | None
    ) -> Checkpoint:
        """Nothing appears before all of it is at the target and committed."""
        route = self._staging_route(route)
        with Progress("stage", every_s=self.options.progress_s) as progress:
            progress.expect(totals.copy_files, totals.copy_bytes)
            staging = Staging(
                route, journal, progress, self.report.threads,
                log=staged_log(self.state, self.number), before=staged_before(self.state, known.unfinished),
            )  # fmt: skip
            try:
                staging.run(plan.steps("write"))
            finally:
                account_copied(self.report, staging.tally)
        self._stop_if_failed(staging.tally)
        done = self._checkpoint(known, totals, staging.tally, snapshot)
        route.allow()
        commit = Commit(done, plan.digest, tuple(staging.names))
        committing.commit(self.state, commit)
        forward = Forward(self.target, route.allow, self.options, self.report.threads, staging.uploads, staging.files)
        began = time.monotonic()
        tally = publish(commit, plan, journal, forward)
        self.report.staged, self.report.publishing_seconds = True, round(time.monotonic() - began, 3)
        account_changed(self.report, tally, self.target)
        self._stop_if_failed(tally)
        return done

    def _staging_route(self, route: Route) -> Route:
        held_bytes = (bundles.AT_ONCE + bundles.KEPT) * self.target.facts.bundle_bytes
        budget = self.options.memory_mib << 20
        return replace(
            route,
            is_staging=True,
            bundles=bundles.Bundles(bundles.Shelf(self.target), self.number, route.allow) if held_bytes else None,
            buffers=Buffers(max(budget - held_bytes, budget // 2)),
        )

    def _stop_if_failed(self, tally: Tally) -> None:
        if tally.failed:
            self.report.why = f"{tally.failed} items failed; run again to bring them, nothing else is copied again"
            raise _failed(self.report, self.state.address(f"runs/{self.number:012d}/report.json"))

    def _intent(self) -> str:
        return f"runs/{self.number:012d}/intent.json"

    def _intend(self, known: Known) -> None:
        self.state.write_json(
            self._intent(),
            {
                "format": 1,
                "run": self.number,
                "replication": self.replication,
                "source": str(self.source.address),
                "target": str(self.target.address),
                "started_ms": self.report.started_ms,
                "base": known.checkpoint.run if known.checkpoint else 0,
                "filter_digest": self.options.filter.digest,
                "exclude": list(self.options.filter.exclude),
                "unfinished": known.unfinished,
            },
            create_only=True,
        )
        self.report.run = self.number

    def _freeze(self) -> Snapshot | None:
        self.report.as_of_ms = now_ms()
        if not isinstance(self.source, Snapshots):
            return None
        snapshot = self._snapshot(self.source, f"livedata-{self.replication}-{self.number}")
        self.taken = self.source.snapshots()
        self.report.snapshot, self.report.as_of_ms = snapshot.name, snapshot.taken_ms
        return snapshot

    def _snapshot(self, source: Snapshots, name: str) -> Snapshot:
        try:
            return source.snapshot(name, root=self.root)
        except SnapshotRefused:
            if not self.root:
                raise
            source.prepare_snapshots(allow=self.options.allow_snapshot)
            return source.snapshot(name)

    def _open_files(self, snapshot: Snapshot | None) -> OpenFiles | None:
        # Asked after the snapshot and before the scan: a file that is closed by then cannot grow in the snapshot.
        live = self.source
        return live if snapshot is not None and isinstance(live, OpenFiles) and live.may_have_open_files() else None

    def _route(self, frozen: Zone, lease: Lease, open_files: OpenFiles | None, totals: Totals) -> Route:
        options = self.options
        threads = choose_threads(
            self.source,
            self.target,
            totals,
            chosen=options.threads,
            memory_mib=options.memory_mib,
            asked_for=f"{FOLDER}/{self._intent()}",
            source_calls_per_s=options.max_namenode_calls_per_s,
        )
        self.report.threads = threads
        may_stream = isinstance(self.target, StreamedPuts) and totals.copy_files >= threads
        return Route(
            frozen,
            self.target,
            Buffers(options.memory_mib << 20),
            Bandwidth(options.timetable),
            threading.Semaphore(options.max_reads) if options.max_reads else None,
            lease.check,
            open_files,
            options.exclusive,
            may_stream,
            preserve=attribute_names(options.preserve),
        )

    def _make_root(self) -> None:
        if self.target.facts.has_directories and self.target.stat("") is None:
            self.target.make_directory("")

    # planning ---------------------------------------------------------------------------------------------------

    def _plan(self, frozen: Zone, way: Way, known: Known, policy: Policy, folder: str) -> tuple[Plan, Totals]:
        try:
            return self._plan_by(way, frozen, known, policy, folder)
        except PermissionRefused as error:
            if way.cover is None:
                raise
            way = Way(f"listings of both sides: a part of what changed may not be read: {error}")
            return self._plan_by(way, frozen, known, policy, folder)  # which goes on past what may not be listed

    def _plan_by(self, way: Way, frozen: Zone, known: Known, policy: Policy, folder: str) -> tuple[Plan, Totals]:
        planner = Planner(policy)
        self.report.found_by, self.finds_changes_only = way.text, way.cover is not None
        log.info("changes are found by %s", way.text)
        writer = PlanWriter(self.state, folder)
        with rows_of(way, frozen, self.target, known, self.options) as rows:
            writer.write(planner.steps(rows))
        if way.cover is not None:
            add_unseen(planner.totals, known, way.cover)
        plan = writer.close(planner.totals, {"source": self.report.source, "target": self.report.target})
        account_plan(self.report, planner.totals, plan)
        return plan, planner.totals

    # the end ----------------------------------------------------------------------------------------------------

    def _checkpoint(self, known: Known, totals: Totals, tally: Tally, snapshot: Snapshot | None) -> Checkpoint:
        """The checkpoint that this run ends with, all but its manifest."""
        options = self.options
        return Checkpoint(
            self.number,
            self.replication,
            str(replace(self.source.address, conn_id=None)),
            str(self.target.address),
            snapshot.name if snapshot else "",
            snapshot.root if snapshot else "",
            self.report.as_of_ms,
            now_ms(),
            options.filter.digest,
            options.filter.exclude,
            tuple(sorted(options.preserve)),
            totals.source_files + totals.unseen_files - tally.vanished,
            totals.source_directories + totals.unseen_directories,
            totals.source_bytes + totals.unseen_bytes,
            tuple(sorted(tally.unsettled_paths)),
            known.checkpoint.listed_ms if known.checkpoint and self.finds_changes_only else self.report.as_of_ms,
        )

    def _forget_after_failure(self) -> None:
        # What is committed becomes a checkpoint yet, and what failed may have become one though its reply was lost.
        if committing.pending(self.state, [self.number]) is None:
            self._forget_snapshots(checkpoints.latest(self.state))

    def _forget_snapshots(self, kept: Checkpoint | None) -> None:
        """Drop our snapshots of the source that no checkpoint needs; a failure costs space and is tried again next time."""
        if not isinstance(self.source, Snapshots):
            return
        try:
            for snapshot in self.taken:
                # Never a newer one: should this run have lost its lease, that one belongs to the run that took it.
                number = snapshot.name.removeprefix(f"livedata-{self.replication}-")
                ours = number.isdigit() and int(number) <= self.number
                if ours and (kept is None or snapshot.name != kept.snapshot):
                    self.source.drop_snapshot(snapshot.name)
        except LiveDataError as error:
            note(self.report, f"an older snapshot could not be dropped and is tried again next time: {error}")

    def _tidy(self, lease: Lease, before: Checkpoint | None, done: Checkpoint) -> None:
        now_ms = self.report.started_ms
        work: tuple[Callable[[], object], ...] = (
            lambda: self._forget_snapshots(done),
            lease.remove_older,
            lambda: checkpoints.tidy(self.state, done, keeps_manifests=self.options.keep_manifests),
            lambda: self.state.tidy_runs(KEPT_PLANS, KEPT_REPORTS),
            lambda: self.state.remove(HELD),
            lambda: bundles.sweep(self.state),
            lambda: forget_kept(self.state, before, self.options, now_ms),
            lambda: thin_target(self.target, done, self.options, now_ms),
            lambda: self.target.sweep(now_ms),
        )
        with ThreadPoolExecutor(len(work), "livedata-tidy") as pool:  # none needs what another one does
            for one in [pool.submit(each) for each in work]:
                try:
                    one.result()
                except LiveDataError as error:
                    note(self.report, f"old state could not be cleaned up and is tried again next time: {error}")

    def _close(self, folder: str, before: Checkpoint | None, after: Checkpoint | None = None) -> Report:
        report, after = self.report, after or before
        report.seconds = round(time.monotonic() - self._began, 3)
        report.lag_seconds = round((now_ms() - after.as_of_ms) / 1000, 3) if after else None
        name = "checkpoint/{:012d}.json"
        report.checkpoint_before = self.state.address(name.format(before.run)) if before else ""
        report.checkpoint_after = self.state.address(name.format(after.run)) if after else ""
        path = f"{folder}/report.json"
        self.state.write(path, report.seal(self.state.address(path)).encode())
        log.info("report\n%s", report.table())
        return report


def _failed(report: Report, address: str) -> RunFailed:
    error = RunFailed(report.why, report=address, first=report.failures[0].path, reason=report.failures[0].reason)
    error.report = report
    return error
