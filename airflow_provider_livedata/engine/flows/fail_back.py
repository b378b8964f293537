"""Make the old source the active side again, with what changed on the active side since the switch, and nothing lost.

roles checked -> direction turned round: the manifest's rows swapped, as the old source's own manifest of the active side
-> what was written to the old source meanwhile is listed and kept aside -> replication back, of what changed only
-> one more, which must find nothing -> verified -> a checkpoint for the old direction -> roles: old target standby, then old source active

Every step can be repeated; a fail-back that was cut off is run again. With ``switch=False`` it ends before the proof that
nothing changes any more: so most of the data comes back while the active side goes on being used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.deciding.plan import Planner, Policy, guard
from airflow_provider_livedata.engine.errors import FilterChanged, RunRefused, VerifyFailed, WrongSide
from airflow_provider_livedata.engine.flows.catch_up import settle
from airflow_provider_livedata.engine.flows.replicate import replicate, replication_id
from airflow_provider_livedata.engine.flows.verify import verify
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.finding import MOST_CHANGES, Known, known_of
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.manifest_file import ManifestFile
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.aside import Aside, compared
from airflow_provider_livedata.engine.switching.blocking import open_again
from airflow_provider_livedata.engine.switching.common import checkpoint_of, close, freeze, next_generation, tell, thaw
from airflow_provider_livedata.engine.switching.knowing import confirmed
from airflow_provider_livedata.engine.switching.remembering import Remembering
from airflow_provider_livedata.engine.switching.report import FailBackReport
from airflow_provider_livedata.engine.switching.swap import judge, swapped
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying

SHOWN = 20


def fail_back(
    active: Zone | str,
    returned: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    dry_run: bool = False,
    switch: bool = True,
    lease_times: LeaseTimes | None = None,
) -> FailBackReport:
    """Bring what changed on the active side back to ``returned``, the old source, and make that the active side again.

    Exclusions and preserved attributes are those of the checkpoint at which was switched, whatever ``options`` say. With
    ``dry_run`` it is listed what would be kept aside and what would come back, and nothing else is changed.

    Raises:
        WrongSide: ``active`` is not the active side of ``returned``.
        StillChanging: The active side still changes; lists the paths. Everything is brought, and nothing was switched.
        VerifyFailed: The two sides differ; nothing was switched.
        LiveDataError: As ``replicate``.
    """
    options = options or ReplicateOptions()
    with opened(active) as opened_active, opened(returned) as opened_returned:
        back = _Back(opened_active, opened_returned, options, lease_times)
        if dry_run or options.dry_run:
            return back.rehearse()
        return back.perform(switch=switch)


@dataclass(slots=True)
class _Back:
    active: Zone
    returned: Zone
    options: ReplicateOptions
    lease_times: LeaseTimes | None
    ours: StateFolder = field(init=False)  # of the active side
    theirs: StateFolder = field(init=False)  # of the old source
    report: FailBackReport = field(init=False)

    def __post_init__(self) -> None:
        self.ours, self.theirs = StateFolder(self.active), StateFolder(self.returned)
        self.report = FailBackReport(
            place_of(self.returned.address), place_of(self.active.address), started_ms=now_ms()
        )
        self.report.by = holder_of(self.options)
        self.report.how = "fail-back"

    @property
    def forward(self) -> str:
        """What names the snapshots of the direction before the switch, which is that after the fail-back."""
        return f"livedata-{replication_id(self.returned.address, self.active.address)}-"

    @property
    def backward(self) -> str:
        """What names the snapshots of the direction back."""
        return f"livedata-{replication_id(self.active.address, self.returned.address)}-"

    def perform(self, *, switch: bool) -> FailBackReport:
        """All steps, as far as they are not done."""
        role = self._checked()
        if role.role == "standby":
            return self._complete(role)
        known = self._chosen()
        with self._lease(self.theirs) as lease:
            self._turn_round(role, known, lease)
            lease.check()
            roles.write(self.theirs, replace(role.other(place_of(self.active.address)), frozen="", not_held=()))
            self._aside(known_of(self.theirs), known, role).keep(self.forward, lease)
        source = self._remembering(role, self._rows_of_theirs)
        self._bring(source, role)
        if not switch:
            self.report.state = "brought back"
            return self._closed(role)
        return self._swap(role, is_known=self._prove(source, role))

    # before anything is changed ---------------------------------------------------------------------------------

    def _checked(self) -> Role:
        """The role of the active side; "standby" where only the last step of a fail-back is missing, or none.

        Raises:
            WrongSide: The other side is the active one, or both belong to others.
        """
        self.active.check(writable=True)
        self.returned.check(writable=True)
        role, peer = roles.newest(self.ours), roles.newest(self.theirs)
        place = place_of(self.returned.address)
        if role is None or role.peer != place or (role.role == "standby" and role.how != "fail-back"):
            raise WrongSide(
                "this is not the active side of the place to return to, so there is nothing to bring back; a fail-over comes "
                "first",
                active=place_of(self.active.address), returned=place, role=role.role if role else None,
                peer=role.peer if role else None,
            )  # fmt: skip
        if role.role == "active" and roles.generation_of(peer) > role.generation:
            raise WrongSide(
                "the place to return to took part in a later switch; look at the roles of both sides",
                returned=place, since=peer.since if peer else None,
            )  # fmt: skip
        return role

    def _chosen(self) -> Known:
        """The records of the direction before; takes its exclusions and preserved attributes for the way back."""
        known = known_of(self.ours)
        checkpoint = checkpoint_of(known)
        self.options = replace(
            self.options,
            dry_run=False,
            exclude=checkpoint.exclude,
            preserve=frozenset(checkpoint.preserve),
            foreign="keep",  # what was not kept aside is never overwritten: it stops the run
            accept_new_filter=False,
        )
        before = known_of(self.theirs).checkpoint
        if before is not None and before.source != place_of(self.active.address):
            raise FilterChanged(
                "the place to return to is itself a copy of another source; end that replication first",
                returned=str(self.returned.address), copied_from=before.source,
            )  # fmt: skip
        return known

    def _lease(self, state: StateFolder) -> Lease:
        return Lease(state, self.report.by, times=self.lease_times)

    # the direction turned round ---------------------------------------------------------------------------------

    def _turn_round(self, role: Role, known: Known, lease: Lease) -> None:
        """Write manifest and checkpoint of the direction back, unless an earlier attempt has."""
        name = f"fail-back/{role.generation:012d}.json"
        begun, before = self.theirs.read_json(name), known_of(self.theirs)
        newest = before.checkpoint.run if before.checkpoint else 0
        if begun is None:
            begun = {"format": 1, "generation": role.generation, "run": max([0, newest, *self.theirs.runs()]) + 1}
            self.theirs.write_json(name, begun, create_only=True)
        run = int(begun["run"])
        if newest >= run:
            return
        rows = (swapped(held) for held in overlay(_runs_at_switch(known)))
        files = checkpoints.write_generation(self.theirs, run, "swapped", rows)
        lease.check()
        checkpoints.commit(self.theirs, self._first_checkpoint(role, known, run, files))

    def _first_checkpoint(self, role: Role, known: Known, run: int, files: tuple[ManifestFile, ...]) -> Checkpoint:
        doubtful = set(islice(known.in_doubt(), MOST_CHANGES + 1))
        is_frozen = bool(role.frozen) and len(doubtful) <= MOST_CHANGES
        return replace(
            checkpoint_of(known),
            run=run,
            replication=replication_id(self.active.address, self.returned.address),
            source=place_of(self.active.address),
            target=str(self.returned.address),
            snapshot=role.frozen if is_frozen else "",
            snapshot_root=role.frozen_root if is_frozen else "",
            as_of_ms=role.frozen_ms if is_frozen else role.as_of_ms,
            committed_ms=now_ms(),
            unsettled=tuple(sorted(doubtful)) if is_frozen else (),
            listed_ms=now_ms(),
            generations=(files,) if files else (),
        )

    def _aside(self, known: Known, forward: Known, role: Role) -> Aside:
        return Aside(self.returned, known, forward, self.options, role.generation, self.report)

    def _rows_of_theirs(self, cover: Cover | None) -> Iterator[Held]:
        # Without journals: they say of what was kept aside that it is gone, and its attributes are still wanted.
        return overlay(checkpoints.manifest_runs(self.theirs, checkpoints.latest(self.theirs), cover=cover))

    def _remembering(self, role: Role, rows: object) -> Zone:
        """The active side with the attributes that it does not keep."""
        names = frozenset(role.not_held)
        if not names:
            return self.active
        if isinstance(self.active, Retrying):  # inside, so that calls are not repeated twice over
            return self.active.around_zone(Remembering(self.active.inner, rows, names))  # type: ignore[arg-type]
        return Remembering(self.active, rows, names)  # type: ignore[arg-type]

    # back -------------------------------------------------------------------------------------------------------

    def _bring(self, source: Zone, role: Role) -> None:
        self._account(replicate(source, self.returned, self._options(role), lease_times=self.lease_times), role)

    def _prove(self, source: Zone, role: Role) -> bool:
        """Nothing may change any more, and both sides must be equal; returns whether nothing else lies at the old source.

        Raises:
            StillChanging, VerifyFailed: They are not; nothing was switched.
        """
        proof = settle(source, self.returned, self._options(role), lease_times=self.lease_times)
        self.report.reports.append(proof.address)
        found = verify(
            source, self.returned, level="listing", threads=self.options.threads,
            max_namenode_calls_per_s=self.options.max_namenode_calls_per_s,
        )  # fmt: skip
        self.report.reports.append(found.address)
        if set(found.difference_kinds) - {"extra"}:
            first = [f"{one.kind}: {one.path}" for one in found.differences if one.kind != "extra"][:SHOWN]
            error = VerifyFailed(
                "the two sides differ, so the switch stops here; find out who changed the place to return to, then run it again",
                first=first, report=found.address,
            )  # fmt: skip
            error.report = found
            raise error
        extra = [one.path for one in found.differences]
        if extra:
            self.report.notes.append(f"left alone, since nobody knows them: {', '.join(extra[:SHOWN])}")
        return not extra

    def _options(self, role: Role) -> ReplicateOptions:
        # A difference asks for entries one by one; remembered attributes are cheaper beside a listing.
        return replace(self.options, find_by="listings") if role.not_held else self.options

    def _account(self, report: Report, role: Role) -> None:
        mine = self.report
        mine.reports.append(report.address)
        mine.brought_by = report.found_by
        if role.not_held:
            mine.brought_by = f"listings of both sides: the active side does not keep {', '.join(role.not_held)}"
        mine.copied_files += report.copied_files
        mine.copied_bytes += report.copied_bytes
        mine.deleted += report.deleted
        mine.renamed += report.renamed

    # the switch -------------------------------------------------------------------------------------------------

    def _swap(self, role: Role, *, is_known: bool) -> FailBackReport:
        with self._lease(self.ours) as ours, self._lease(self.theirs) as theirs:
            done = self._turn_back(ours, is_known=is_known)
            theirs.check()
            generation = next_generation(role, roles.newest(self.theirs))
            mine = Role(
                generation, "standby", place_of(self.returned.address), "fail-back", done.run, done.snapshot, done.as_of_ms,
                now_ms(), self.report.by,
            )  # fmt: skip
            roles.write(self.ours, mine)
            roles.write(self.theirs, mine.other(place_of(self.active.address)))
        self._open()
        thaw(self.active, self.backward)
        return self._closed(mine)

    def _open(self) -> None:
        told = open_again(self.returned)
        if told:
            self.report.notes.append(told)

    def _turn_back(self, lease: Lease, *, is_known: bool) -> Checkpoint:
        """Write manifest and checkpoint of the old direction, which goes on where it was left."""
        back = checkpoint_of(known_of(self.theirs))
        before = known_of(self.ours)
        run = max([0, before.checkpoint.run if before.checkpoint else 0, *self.ours.runs()]) + 1
        rows = (swapped(held) for held in checkpoints.manifest(self.theirs, back))
        files = checkpoints.write_generation(self.ours, run, "swapped", rows)
        # A snapshot that also holds what nobody knows would hide that from the next difference.
        frozen = freeze(self.returned, f"{self.forward}{run}", allow=False) if is_known else None
        done = replace(
            back,
            run=run,
            replication=replication_id(self.returned.address, self.active.address),
            source=place_of(self.returned.address),
            target=str(self.active.address),
            snapshot=frozen.name if frozen else "",
            snapshot_root=frozen.root if frozen else "",
            as_of_ms=frozen.taken_ms if frozen else now_ms(),
            committed_ms=now_ms(),
            unsettled=(),
            listed_ms=now_ms(),
            generations=(files,) if files else (),
        )
        if frozen is None:
            self.report.notes.append(
                "the next replication compares listings, since no snapshot was taken to start from"
            )
        lease.check()
        checkpoints.commit(self.ours, done)
        return done

    def _complete(self, role: Role) -> FailBackReport:
        """The last step of a fail-back that was cut off there; nothing where it was not."""
        self._open()
        peer = roles.newest(self.theirs)
        if roles.generation_of(peer) >= role.generation:
            self.report.state = "already switched"
            self.report.notes.append(f"the old source is active since {role.since}, switched by {role.by}")
            return self._closed(role)
        with self._lease(self.theirs):
            roles.write(self.theirs, role.other(place_of(self.active.address)))
        thaw(self.active, self.backward)
        self.report.notes.append("a fail-back that was cut off at its last step was completed")
        return self._closed(role)

    # rehearsal --------------------------------------------------------------------------------------------------

    def rehearse(self) -> FailBackReport:
        """Say what would be kept aside and what would come back."""
        report = self.report
        role = self._checked()
        report.state = "dry run"
        if role.role == "standby":
            report.notes.append("the switch was made already, or only its last step is missing")
            return self._closed(role)
        forward = self._chosen()
        known = self._known_for_rehearsal(role, forward)
        self._aside(known, forward, role).rehearse()
        planner = Planner(Policy(self.returned.facts, compared(self.options), "keep", self.options.max_delete_ratio))
        source = self._remembering(role, lambda cover: overlay(known.runs(cover)))
        for _ in planner.steps(self._rows_without_found(source, known)):
            pass
        totals = planner.totals
        report.copied_files, report.copied_bytes = totals.copy_files, totals.copy_bytes
        report.deleted, report.changed_examples = (
            totals.delete_files + totals.delete_directories,
            totals.changed_examples,
        )
        report.brought_by = "listings of both sides (a rehearsal takes no snapshot)"
        try:
            guard(totals, planner.policy)
        except RunRefused as error:
            report.why = f"the fail-back would stop: {error}"
        return self._closed(role)

    def _known_for_rehearsal(self, role: Role, forward: Known) -> Known:
        begun = self.theirs.read_json(f"fail-back/{role.generation:012d}.json")
        known = known_of(self.theirs)
        if begun is not None and known.checkpoint is not None and known.checkpoint.run >= int(begun["run"]):
            return known  # a fail-back has begun
        return _Turned(self.theirs, None, [], [], [], forward)

    def _rows_without_found(self, source: Zone, known: Known) -> Iterator[Row]:
        chosen, names = self.options.filter, compared(self.options)
        with closing(scan(source, chosen)) as ours, closing(scan(self.returned, chosen)) as theirs:
            for row in line_up(ours, overlay(known.runs()), theirs, known.planned()):
                found = judge(row, names, self.returned.facts)
                if found is None or not found.is_in_the_way:
                    yield row
                elif row.source is not None or row.known is not None:
                    yield row._replace(target=None)  # by then it has been kept aside

    def _closed(self, role: Role) -> FailBackReport:
        state, how = self.report.state, self.report.how
        tell(self.report, role)
        self.report.state, self.report.how = state, how
        close(self.report, self.theirs, "fail-back")
        return self.report


@dataclass(slots=True)
class _Turned(Known):
    """The records of the direction back as they would be written."""

    forward: Known | None = None

    def runs(self, cover: Cover | None = None) -> list[SortedRun]:
        """Their rows; the exclusions of a cover are left to those who ask."""
        if self.forward is None:
            return []
        runs = _runs_at_switch(self.forward, cover)
        return [replace(run, rows=_Swapped(run)) for run in runs]


class _Swapped:
    def __init__(self, run: SortedRun) -> None:
        self._run = run

    def __call__(self) -> Iterator[Held]:
        return map(swapped, self._run.rows())


def _runs_at_switch(known: Known, cover: Cover | None = None) -> list[SortedRun]:
    """What the target held at the switch: its checkpoint, and what unfinished runs had visibly brought."""
    return confirmed(known).runs(cover)
