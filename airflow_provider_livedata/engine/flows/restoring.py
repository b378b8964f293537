"""Bring a backup back into a destination: the whole order of a restore, and nothing else.

    checks -> lease -> list both, look for what is the same, plan -> guards -> keep the state before -> transfer -> compare -> report

A restore that was killed is gone on with by the next one of the same backup, paths and mode: what has landed and is as it was
left is not copied again. What ``view`` holds is read only; where it tells checksums, bytes that have another one never appear.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.diff import Row
from airflow_provider_livedata.engine.deciding.guard import guard
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.deciding.plan import Planner
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import (
    BadOption,
    DestinationTaken,
    LiveDataError,
    PathMissing,
    PathsOverlap,
    RunFailed,
    RunRefused,
    SnapshotRefused,
    VerifyFailed,
    WrongSide,
)
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Attributes, Step
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.replication.pacing import choose_threads
from airflow_provider_livedata.engine.restores import attempts, before
from airflow_provider_livedata.engine.restores.accounts import (
    account_done,
    account_failed,
    account_plan,
    account_proof,
    note,
)
from airflow_provider_livedata.engine.restores.attempts import Attempt
from airflow_provider_livedata.engine.restores.choosing import Choice
from airflow_provider_livedata.engine.restores.comparing import Proving
from airflow_provider_livedata.engine.restores.evidence import Looking
from airflow_provider_livedata.engine.restores.options import RestoreOptions
from airflow_provider_livedata.engine.restores.report import RestoreReport
from airflow_provider_livedata.engine.restores.rows import Evidence, RestoreRows, refuse
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.planfile import Plan, PlanWriter
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.transfer.phases import Transfer
from airflow_provider_livedata.engine.transfer.route import Route, attribute_names
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import LeavesAttributes, SetAttributes, StreamedPuts

log = logging.getLogger(__name__)


def bring_back(
    view: Zone,
    destination: Zone | str,
    options: RestoreOptions | None = None,
    *,
    taken_ms: int,
    label: str,
    origin: str = "",
    lease_times: LeaseTimes | None = None,
    is_inside: bool = False,
    notes: Sequence[str] = (),
    begun: Tally | None = None,
) -> RestoreReport:
    """Bring what a backup holds into a destination.

    Args:
        view: What the backup holds, read only. Entries may tell the checksums that their files had when they were backed up, and as
            ``source_version`` the version that the file had at its original place.
        destination: Where to; it need not be there.
        options: What, and how.
        taken_ms: The instant that the backup shows, epoch milliseconds.
        label: What the backup is called.
        origin: Address of the location that the backup was made of, "" where that is not known.
        lease_times: Of the destination's lease.
        is_inside: The view lies in the destination's own ``.livedata``, which nothing is brought into.
        notes: What a person should know of the backup; they go into the report.
        begun: What was done before, of the same work; what failed of it goes into the report, and fails the restore in the end.

    Returns:
        The report, which also lies in ``.livedata/restores/<name>/`` of the destination.

    Raises:
        RunFailed: Some items failed, the others were restored; ``error.report`` tells which.
        VerifyFailed: Something restored is not as in the backup; ``error.report`` names it.
        RunRefused, BadInput, ZoneError, SnapshotRefused: Nothing was changed at the destination.
        TargetHeld, LeaseLost: Another run is at work there.
    """
    options = options or RestoreOptions()
    with opened(view) as opened_view, opened(destination) as opened_destination:
        restore = _Restore(opened_view, opened_destination, options, taken_ms, label, origin)
        restore.report.notes += notes
        if begun is not None:
            account_failed(restore.report, begun)
        restore.preflight(is_inside=is_inside)
        if options.dry_run:
            return restore.rehearse()
        with Lease(restore.state, holder_of(options), times=lease_times) as lease:
            return restore.perform(lease)


@dataclass(slots=True)
class _Restore:
    view: Zone
    destination: Zone
    options: RestoreOptions
    taken_ms: int
    label: str
    origin: str
    state: StateFolder = field(init=False)
    report: RestoreReport = field(init=False)
    choice: Choice = field(init=False)
    rows: RestoreRows = field(init=False)
    policy: Policy = field(init=False)
    names: frozenset[str] = frozenset()  # of the attributes that come back
    buffers: Buffers = field(init=False)
    bandwidth: Bandwidth = field(init=False)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        options, facts = self.options, self.destination.facts
        self.state, self.choice = StateFolder(self.destination), Choice(options.paths)
        here, there = place_of(self.destination.address), place_of(self.view.address)
        is_frozen = here == there  # a snapshot of the destination itself, whose versions are those that it had
        is_in_place = is_frozen or bool(self.origin) and self.origin == here
        self.rows = RestoreRows(
            self.choice, options, facts, taken_ms=self.taken_ms, is_in_place=is_in_place, is_frozen=is_frozen
        )
        self.names = attribute_names(options.preserve) & facts.attributes
        seen = self.names if facts.has_directories else frozenset()  # of an object a listing tells no attributes
        self.policy = Policy(
            facts, seen, "replace", options.max_delete_ratio, options.skip_unholdable, unsettled="brought before"
        )  # fmt: skip
        self.buffers, self.bandwidth = Buffers(options.memory_mib << 20), Bandwidth(options.timetable)
        self.report = RestoreReport(
            backup=self.label, source=str(self.view.address), destination=str(self.destination.address),
            taken_ms=self.taken_ms, mode=options.mode, paths=list(self.choice.paths), verify=options.verify,
            started_ms=now_ms(),
        )  # fmt: skip

    # before anything is changed ---------------------------------------------------------------------------------

    def preflight(self, *, is_inside: bool) -> None:
        """Everything that can be known to be wrong before the first change."""
        ours, theirs = self.view.address, self.destination.address
        if (
            not is_inside
            and ours.overlaps(theirs)
            and (place_of(ours) != place_of(theirs) or _is_one(self.view, self.destination))
        ):
            raise PathsOverlap(
                "the backup and the destination lie inside each other; choose a destination outside of the backup",
                backup=str(ours), destination=str(theirs),
            )  # fmt: skip
        self.view.check(writable=False)
        self.destination.check(writable=True)
        self._refuse_replica()

    def _refuse_replica(self) -> None:
        role = roles.newest(self.state)
        if role is not None and role.role == "standby":
            raise WrongSide(
                "the destination is a standby side, which the next replication overwrites; restore into the active side",
                destination=str(self.destination.address), active=role.peer,
            )  # fmt: skip
        is_active = role is not None and role.role == "active"
        if not is_active and not self.options.into_replica and checkpoints.newest(self.state):
            raise DestinationTaken(
                "the destination is the target of a replication or a place of backups, which would take what is restored for "
                "someone else's; restore into the source or another place, or set into_replica to do it nevertheless",
                destination=str(self.destination.address),
            )  # fmt: skip

    def rehearse(self) -> RestoreReport:
        """Write the whole plan and change nothing else: no snapshot, no lease."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.report.started_ms / 1000))
        folder = f"dry-run/restore-{stamp}-{os.urandom(3).hex()}"
        self.report.state, self.report.name = "dry run", folder
        attempt = attempts.begin(self.state, self._about(), self.report.started_ms)
        planner = Planner(self.policy)
        self._plan(planner, attempt, folder)
        try:
            self._guard(planner.totals)
        except (RunRefused, BadOption) as error:
            self.report.why = f"the restore would stop: {error}"
        return self._close(folder)

    # the restore ------------------------------------------------------------------------------------------------

    def perform(self, lease: Lease) -> RestoreReport:
        """A whole restore under the lease; the report is stored whatever happens."""
        attempt = attempts.begin(self.state, self._about(), self.report.started_ms)
        self.report.name, self.report.attempt = attempt.name, attempt.number
        try:
            self._perform(lease, attempt)
        except BaseException as error:
            is_refused = isinstance(error, (RunRefused, BadOption, SnapshotRefused))
            self.report.state = "refused" if is_refused else "failed"
            self.report.why = self.report.why or (
                str(error) if isinstance(error, LiveDataError) else type(error).__name__
            )
            raise
        finally:
            with contextlib.suppress(LiveDataError):
                self._close(attempt.folder)
        self._tidy()
        return self.report

    def _about(self) -> dict[str, object]:
        """What makes two restores the same one."""
        return {
            "backup": self.label,
            "source": place_of(self.view.address),
            "taken_ms": self.taken_ms,
            "mode": self.options.mode,
            "paths": list(self.choice.paths),
            "exclude": list(self.options.filter.exclude),
        }

    def _perform(self, lease: Lease, attempt: Attempt) -> None:
        planner = Planner(self.policy)
        plan = self._plan(planner, attempt, attempt.plan_folder)
        totals = planner.totals
        self._guard(totals)
        lease.check()
        attempt.write()
        before.keep_before(self.destination, plan, totals, attempt, self.options, lease.check)
        self.report.before, self.report.undo = before.where(attempt), before.undo_texts(attempt, self.destination)
        self._make_root()
        self._transfer(plan, totals, attempt, lease)
        self._finish_root()
        self._prove(attempt, lease)
        self._stop_unless_right()

    def _guard(self, totals: Totals) -> None:
        refuse(self.rows.findings, self.options, self.choice.unmatched())
        guard(totals, self.policy)

    # planning ---------------------------------------------------------------------------------------------------

    def _plan(self, planner: Planner, attempt: Attempt, folder: str) -> Plan:
        writer = PlanWriter(self.state, folder)
        looking = Looking(self.view, self.destination, self.choice, self.options, self.buffers, self.bandwidth)
        with looking.rows(attempt) as rows, Progress("look", every_s=self.options.progress_s) as progress:
            writer.write(planner.steps(self.rows.settle(_counted(rows, progress))))
        plan = writer.close(planner.totals, {"source": self.report.source, "target": self.report.destination})
        account_plan(self.report, planner.totals, plan, self.rows.findings)
        return plan

    # bringing ---------------------------------------------------------------------------------------------------

    def _make_root(self) -> None:
        if self.destination.facts.has_directories and self.destination.stat("") is None:
            mode = self._root_attributes().mode
            self.destination.make_directory("", attributes=Attributes(mode=None if mode is None else mode | 0o700))

    def _finish_root(self) -> None:
        # The root is no entry; where everything is restored its attributes come back as well.
        wanted = self._root_attributes()
        if (
            self.choice.is_all
            and any(value is not None for value in wanted[:6])
            and isinstance(self.destination, SetAttributes)
        ):
            self.destination.set_attributes("", wanted)

    def _root_attributes(self) -> Attributes:
        root = self.view.stat("")
        if root is None or root.is_implied or not self.choice.is_all or not self.destination.facts.has_directories:
            return Attributes()
        return Attributes(**{name: getattr(root, name) for name in self.names if name != "mtime_ms"})

    def _transfer(self, plan: Plan, totals: Totals, attempt: Attempt, lease: Lease) -> None:
        threads = choose_threads(
            self.view, self.destination, totals, chosen=self.options.threads, memory_mib=self.options.memory_mib
        )
        self.report.threads = threads
        may_stream = isinstance(self.destination, StreamedPuts) and totals.copy_files >= threads
        route = Route(
            self.view, self.destination, self.buffers, self.bandwidth, None, lease.check,
            exclusive=self.options.exclusive, may_stream=may_stream, preserve=attribute_names(self.options.preserve),
        )  # fmt: skip
        with Progress("restore", every_s=self.options.progress_s) as progress:
            progress.expect(totals.copy_files, totals.copy_bytes)
            transfer = _Transfer(route, attempt.journal(), progress, threads)
            try:
                transfer.run(plan.steps)
            finally:
                account_done(self.report, transfer.tally)

    def _prove(self, attempt: Attempt, lease: Lease) -> None:
        if self.options.verify == "none":
            return
        proving = Proving(
            self.view, self.destination, self.options.verify, self.names, self.buffers, self.bandwidth, lease.check
        )
        with Progress("compare", every_s=self.options.progress_s) as progress:
            proof = proving.run(overlay(attempt.brought()), self.report.threads, progress)
        account_proof(self.report, proof)

    def _stop_unless_right(self) -> None:
        report = self.report
        if isinstance(self.destination, LeavesAttributes) and (left := self.destination.attributes_left()):
            note(
                self.report,
                f"attributes could not be set; at least {len(left)}, first of {left[0].path}: {left[0].reason}",
            )
        if report.failed:
            report.why = f"{report.failed} items failed, the others were restored; run again to bring them, nothing else is copied again"
            failed = RunFailed(report.why, first=report.failures[0].path, reason=report.failures[0].reason)
            failed.report = report
            raise failed
        if report.difference_count:
            report.why = f"{report.difference_count} differences between what was restored and the backup"
            first = report.differences[0]
            differs = VerifyFailed(
                f"{report.why}; attributes that this user may not set can be left out of preserve",
                path=first.path, kind=first.kind, detail=first.detail,
            )  # fmt: skip
            differs.report = report
            raise differs

    # accounts ---------------------------------------------------------------------------------------------------

    def _tidy(self) -> None:
        try:
            attempts.tidy(self.state)
            self.destination.sweep(self.report.started_ms)
        except LiveDataError as error:
            note(self.report, f"leftovers could not be cleaned up and are tried again next time: {error}")

    def _close(self, folder: str) -> RestoreReport:
        report = self.report
        report.seconds = round(time.monotonic() - self._began, 3)
        path = f"{folder}/report.json"
        self.state.write(path, report.seal(self.state.address(path)).encode())
        log.info("report\n%s", report.table())
        return report


class _Transfer(Transfer):
    """A transfer from a backup, in which nothing vanishes by itself."""

    def vanished(self, step: Step) -> None:
        """The backup does not hold any more what it listed."""
        self.failed(step, PathMissing("the backup does not hold the bytes of this file", path=step.entry.path))


def _counted(rows: Iterable[tuple[Row, Evidence]], progress: Progress) -> Iterator[tuple[Row, Evidence]]:
    for one in rows:
        progress.add(files=1)
        yield one


def _is_one(view: Zone, destination: Zone) -> bool:
    """Whether both are the very same zone, and no frozen view of it."""
    return getattr(view, "inner", view) is getattr(destination, "inner", destination)
