"""Make the old source the active side again, with what changed on the active side since the switch, and nothing lost.

roles checked -> direction turned round: the manifest's rows swapped, as the old source's own manifest of the active side
-> what was written to the old source meanwhile is listed and kept aside -> replication back, of what changed only
-> one more, which must find nothing -> verified -> a checkpoint for the old direction -> roles: old target standby, then old source active

Every step can be repeated; a fail-back that was cut off is run again. With ``switch=False`` it ends before the proof that
nothing changes any more: so most of the data comes back while the active side goes on being used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import FilterChanged, VerifyFailed, WrongSide
from airflow_provider_livedata.engine.flows.catch_up import settle
from airflow_provider_livedata.engine.flows.replicate import replicate
from airflow_provider_livedata.engine.flows.verify import verify
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.finding import Known, known_of
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.aside import Aside
from airflow_provider_livedata.engine.switching.blocking import open_again
from airflow_provider_livedata.engine.switching.common import checkpoint_of, close, next_generation, tell, thaw
from airflow_provider_livedata.engine.switching.rehearsing import rehearse
from airflow_provider_livedata.engine.switching.remembering import remembered
from airflow_provider_livedata.engine.switching.report import FailBackReport
from airflow_provider_livedata.engine.switching.turning import Turning
from airflow_provider_livedata.engine.verify_report import VerifyReport
from airflow_provider_livedata.engine.zones.base import Zone

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
        WrongSide: ``active`` is not the active side of ``returned``, or one of them is a side of a two-way sync.
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
    turning: Turning = field(init=False)
    report: FailBackReport = field(init=False)

    def __post_init__(self) -> None:
        self.ours, self.theirs = StateFolder(self.active), StateFolder(self.returned)
        self.turning = Turning(self.active, self.returned)
        self.report = FailBackReport(
            place_of(self.returned.address), place_of(self.active.address), started_ms=now_ms()
        )
        self.report.by = holder_of(self.options)
        self.report.how = "fail-back"

    def perform(self, *, switch: bool) -> FailBackReport:
        """All steps, as far as they are not done."""
        role = self._checked()
        if role.role == "standby":
            return self._complete(role)
        known = self._chosen()
        with self._lease(self.theirs) as lease:
            self.turning.turn_round(role, known, lease)
            lease.check()
            roles.write(self.theirs, replace(role.other(place_of(self.active.address)), frozen="", not_held=()))
            self._aside(known_of(self.theirs), known, role).keep(self.turning.forward, lease)
        source = remembered(self.active, self._rows_of_theirs, frozenset(role.not_held))
        self._bring(source, role)
        if not switch:
            self.report.state = "brought back"
            return self._closed(role)
        return self._swap(role, is_known=self._prove(source, role))

    # before anything is changed ---------------------------------------------------------------------------------

    def _checked(self) -> Role:
        """The role of the active side; "standby" where only the last step of a fail-back is missing, or none.

        Raises:
            WrongSide: The other side is the active one, or both belong to others, or one is a side of a two-way sync.
        """
        self.active.check(writable=True)
        self.returned.check(writable=True)
        role, peer = roles.newest(self.ours), roles.newest(self.theirs)
        place = place_of(self.returned.address)
        roles.refuse_shared(role, place_of(self.active.address))
        roles.refuse_shared(peer, place)
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

    # back -------------------------------------------------------------------------------------------------------

    def _aside(self, known: Known, forward: Known, role: Role) -> Aside:
        return Aside(self.returned, known, forward, self.options, role.generation, self.report)

    def _rows_of_theirs(self, cover: Cover | None) -> Iterator[Held]:
        # Without journals: they say of what was kept aside that it is gone, and its attributes are still wanted.
        return overlay(checkpoints.manifest_runs(self.theirs, checkpoints.latest(self.theirs), cover=cover))

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
        _refuse_differences(found)
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
            done = self.turning.turn_back(ours, is_known=is_known)
            theirs.check()
            generation = next_generation(role, roles.newest(self.theirs))
            mine = Role(
                generation, "standby", place_of(self.returned.address), "fail-back", done.run, done.snapshot, done.as_of_ms,
                now_ms(), self.report.by,
            )  # fmt: skip
            roles.write(self.ours, mine)
            roles.write(self.theirs, mine.other(place_of(self.active.address)))
        if not done.snapshot:
            self.report.notes.append(
                "the next replication compares listings, since no snapshot was taken to start from"
            )
        self._open()
        thaw(self.active, self.turning.backward)
        return self._closed(mine)

    def _open(self) -> None:
        told = open_again(self.returned)
        if told:
            self.report.notes.append(told)

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
        thaw(self.active, self.turning.backward)
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
        known = self.turning.turned(role, forward)
        self._aside(known, forward, role).rehearse()
        source = remembered(self.active, lambda cover: overlay(known.runs(cover)), frozenset(role.not_held))
        rehearse(source, self.returned, known, self.options, report)
        return self._closed(role)

    def _closed(self, role: Role) -> FailBackReport:
        state, how = self.report.state, self.report.how
        tell(self.report, role)
        self.report.state, self.report.how = state, how
        close(self.report, self.theirs, "fail-back")
        return self.report


def _refuse_differences(found: VerifyReport) -> None:
    if set(found.difference_kinds) - {"extra"}:
        first = [f"{one.kind}: {one.path}" for one in found.differences if one.kind != "extra"][:SHOWN]
        error = VerifyFailed(
            "the two sides differ, so the switch stops here; find out who changed the place to return to, then run it again",
            first=first, report=found.address,
        )  # fmt: skip
        error.report = found
        raise error
