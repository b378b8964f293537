"""Make the target of a replication the active side.

planned      writers blocked, where asked for -> a last replication -> one more, which must find nothing -> roles: source standby, then target active
unplanned    the source is not asked: committed publishing finished -> what was put aside put back -> target active

The target becomes active at its newest checkpoint S. Runs above it that were cut off are discarded: what one of them had
visibly brought with consistency "files" stays, and is listed. From then on a replication of the old direction refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal, get_args

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.diff import line_up
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import BadOption, FilterChanged, LiveDataError, WrongSide
from airflow_provider_livedata.engine.flows.catch_up import settle
from airflow_provider_livedata.engine.flows.replicate import replicate
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.reading.looking import look
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication import committing
from airflow_provider_livedata.engine.replication.finding import MOST_CHANGES, Known, known_of
from airflow_provider_livedata.engine.replication.freezing import replication_id
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.replication.rolling import Forward, roll_forward
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching import blocking
from airflow_provider_livedata.engine.switching.common import (
    checkpoint_of,
    close,
    first,
    freeze,
    next_generation,
    not_held,
    tell,
)
from airflow_provider_livedata.engine.switching.putting_back import BESIDE, only_aside, put_back
from airflow_provider_livedata.engine.switching.report import KEPT, FailOverReport
from airflow_provider_livedata.engine.transfer.moving import origin_of
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone

SwitchHow = Literal["planned", "unplanned"]


def fail_over(
    source: Zone | str | None,
    target: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    how: SwitchHow = "planned",
    block_writers: bool = False,
    dry_run: bool = False,
    lease_times: LeaseTimes | None = None,
) -> FailOverReport:
    """Make ``target`` the active side; running it again completes a switch that was cut off, and changes nothing after one that was not.

    Planned: the writers at the source have been stopped before, or with ``block_writers`` its location is closed to everybody but us, by
    its mode, until a fail-back; a switch that does not take place opens it again. Unplanned: the source is not contacted at all, and may be
    None; its address is that of the target's checkpoint. With ``dry_run`` everything is checked and reported, nothing changed.

    Raises:
        WritersNotBlocked: They cannot be blocked by us; nothing was changed.
        StillChanging: Planned, and the source still changes; lists the paths. Nothing was switched.
        NoCheckpoint: The target holds nothing completely.
        WrongSide, FilterChanged: The roles do not allow it, or the target is a copy of another source.
        BadOption: An unknown ``how``, or a planned fail-over without a source.
        LiveDataError: As ``replicate``.
    """
    options = options or ReplicateOptions()
    if how not in get_args(SwitchHow) or (source is None and how == "planned"):
        raise BadOption("how is planned or unplanned, and a planned fail-over needs its source", how=how)
    is_dry = dry_run or options.dry_run
    with opened(target) as opened_target:
        switch = _Switch(opened_target, replace(options, dry_run=is_dry), lease_times, block_writers)
        if how == "unplanned":
            return switch.unplanned(None if source is None else _place(source))
        with opened(source) as opened_source:  # type: ignore[arg-type]  # not None, as was checked
            return switch.planned(opened_source)


def _place(source: Zone | str) -> str:
    return place_of(Address.parse(source) if isinstance(source, str) else source.address)


@dataclass(slots=True)
class _Switch:
    target: Zone
    options: ReplicateOptions
    lease_times: LeaseTimes | None
    block_writers: bool = False
    state: StateFolder = field(init=False)
    report: FailOverReport = field(init=False)

    def __post_init__(self) -> None:
        self.state = StateFolder(self.target)
        self.report = FailOverReport(place_of(self.target.address), "", started_ms=now_ms())
        self.report.by = holder_of(self.options)

    def planned(self, source: Zone) -> FailOverReport:
        """Bring what is left, prove that nothing is, and switch both sides."""
        place, ours = place_of(source.address), StateFolder(source)
        self.report.standby, self.report.how = place, "planned"
        self.target.check(writable=True)
        before, there = roles.newest(ours), roles.newest(self.state)
        if self._is_done(there, place):
            return self._closed()
        try:
            role = self._switched(source, before, there)
        except LiveDataError:
            if not _is_half_switched(roles.newest(ours), there, place_of(self.target.address)):
                blocking.open_after_failure(source)
            raise
        return self._closed(role)

    def _switched(self, source: Zone, before: Role | None, there: Role | None) -> Role | None:
        """Settle, and write both roles; None in a rehearsal."""
        place, ours = place_of(source.address), StateFolder(source)
        is_cut_off = _is_half_switched(before, there, place_of(self.target.address))
        self._block(source)
        if not is_cut_off:
            self._settle(source)
        if self.options.dry_run:
            return None
        with Lease(self.state, self.report.by, times=self.lease_times) as lease:
            generation = before.generation if is_cut_off and before else next_generation(before, there)
            role = self._role(known_of(self.state), generation, place, planned=True)
            lease.check()
            roles.write(ours, role.other(place_of(self.target.address)))
            lease.check()
            roles.write(self.state, role)
        return role

    def unplanned(self, place: str | None) -> FailOverReport:
        """Switch the target alone, as it stands."""
        self.target.check(writable=True)
        checkpoint = checkpoint_of(known_of(self.state))
        self.report.standby, self.report.how = place or checkpoint.source, "unplanned"
        if checkpoint.source != self.report.standby:
            raise FilterChanged(
                "this target is a copy of another source, so it cannot stand in for this one",
                source=self.report.standby, copied_from=checkpoint.source,
            )  # fmt: skip
        there = roles.newest(self.state)
        if self._is_done(there, self.report.standby):
            return self._closed()
        if self.options.dry_run:
            self._tell_unplanned(known_of(self.state))
            return self._closed()
        with Lease(self.state, self.report.by, times=self.lease_times) as lease:
            known = self._rolled_forward(lease)
            self._put_back(known, lease)
            self._tell_losses(known)
            # One step more than a planned switch: one that was cut off may have written to the source alone.
            role = self._role(known, next_generation(there) + 1, self.report.standby, planned=False)
            lease.check()
            roles.write(self.state, role)
        return self._closed(role)

    def _is_done(self, there: Role | None, place: str) -> bool:
        if there is None or there.role != "active":
            return False
        roles.refuse_shared(there, place_of(self.target.address))
        if there.peer != place:
            raise WrongSide(
                "this target is the active side for another one", peer=there.peer, asked_for=place, since=there.since
            )
        self.report.state = "already switched"
        tell(self.report, there)
        self.report.notes.append(f"this target is active since {there.since}, switched by {there.by}")
        return True

    def _role(self, known: Known, generation: int, place: str, *, planned: bool) -> Role:
        checkpoint = checkpoint_of(known)
        lost = not_held(self.target, checkpoints.manifest(self.state, checkpoint), checkpoint.preserve)
        name = f"livedata-{_reverse(place, self.target.address)}-switch-{generation}"
        frozen = freeze(self.target, name, allow=self.options.allow_snapshot)
        role = Role(
            generation, "active", place, "planned" if planned else "unplanned", checkpoint.run, checkpoint.snapshot,
            checkpoint.as_of_ms, now_ms(), self.report.by, lost,
        )  # fmt: skip
        if frozen is None:
            return role
        return replace(role, frozen=frozen.name, frozen_root=frozen.root, frozen_ms=frozen.taken_ms)

    # planned ----------------------------------------------------------------------------------------------------

    def _block(self, source: Zone) -> None:
        if self.block_writers and self.options.dry_run:
            self.report.notes.append("the source would be closed to its writers")
        elif self.block_writers:
            self.report.notes.append(
                f"the source is closed to its writers: {blocking.block_writers(source, self.report.by)}"
            )

    def _settle(self, source: Zone) -> None:
        last = replicate(source, self.target, self.options, lease_times=self.lease_times)
        self.report.reports.append(last.address)
        if self.options.dry_run:
            self._rehearsed(last)
        else:
            proof = settle(source, self.target, self.options, lease_times=self.lease_times)
            self.report.reports.append(proof.address)

    def _rehearsed(self, last: Report) -> None:
        checkpoint = checkpoint_of(known_of(self.state))
        self._tell_checkpoint(checkpoint)
        self.report.why = last.why
        self.report.notes.append(
            f"the last replication would bring {last.changes:,} changes, after which one more has to find nothing"
        )

    # unplanned --------------------------------------------------------------------------------------------------

    def _rolled_forward(self, lease: Lease) -> Known:
        done = roll_forward(known_of(self.state), Forward(self.target, lease.check, self.options, is_alone=True))
        if done is not None:
            self.report.notes.append(
                f"run {done.run} had been committed and was published first, from the target alone"
            )
        return known_of(self.state)

    def _put_back(self, known: Known, lease: Lease) -> None:
        beside = list[str]()
        for step, place in put_back(self.target, known.plans, lease.check):
            was = origin_of(step).path
            self.report.put_back += place != step.held_at
            if place not in (was, step.entry.path):
                beside.append(
                    f"{was}, which had been put aside for a rename, is now {place}, since its old and new places are taken"
                )
        self.report.notes += beside[:KEPT]
        if len(beside) > KEPT:
            self.report.notes.append(
                f"{len(beside) - KEPT:,} more are beside their old or new names, as NAME{BESIDE}, or still aside"
            )

    def _tell_unplanned(self, known: Known) -> None:
        """What a switch would do and lose; what a committed run put aside is brought by publishing that one first."""
        if committing.pending(self.state, known.unfinished) is None:
            self.report.put_back = sum(1 for _ in only_aside(self.target, known.plans))
        if self.report.put_back:
            self.report.notes.append("the files to be put back are told as gone or changed until then")
        self._tell_losses(known)

    def _tell_losses(self, known: Known) -> None:
        report, checkpoint = self.report, checkpoint_of(known)
        self._tell_checkpoint(checkpoint)
        report.lost_seconds = round(max(0, report.started_ms - checkpoint.as_of_ms) / 1000, 3)
        report.last_contact_ms = max([checkpoint.committed_ms, *self._begun(known)])
        report.unsettled, report.unsettled_paths = len(checkpoint.unsettled), list(checkpoint.unsettled[:KEPT])
        report.newer = first(self._newer(known, checkpoint), report.newer_paths, KEPT)
        if known.unfinished:
            report.notes.append(f"runs that were cut off are discarded: {', '.join(map(str, known.unfinished))}")
        report.notes.append("the source was not asked; if it is alive, stop its writers")
        if commit := committing.pending(self.state, known.unfinished):
            report.notes.append(
                f"run {commit.run} is committed: the fail-over itself publishes it first, from the target alone"
            )

    def _tell_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.report.run, self.report.snapshot = checkpoint.run, checkpoint.snapshot
        self.report.as_of_ms = checkpoint.as_of_ms

    def _begun(self, known: Known) -> Iterator[int]:
        for number in known.unfinished:
            yield int((self.state.read_json(f"runs/{number:012d}/intent.json") or {}).get("started_ms", 0))

    def _newer(self, known: Known, checkpoint: Checkpoint) -> Iterator[str]:
        """Keys where the target is not what the checkpoint says, of those that runs which were cut off may have touched."""
        doubtful = [] if not known.unfinished else list(islice(known.in_doubt(), MOST_CHANGES + 1))
        if not doubtful:
            return
        chosen = Filter(checkpoint.exclude)
        cover = Cover(doubtful, ()) if len(doubtful) <= MOST_CHANGES else None
        theirs = scan(self.target, chosen) if cover is None else look(self.target, chosen, cover)
        rows = overlay(checkpoints.manifest_runs(self.state, checkpoint, cover=cover))
        for row in line_up((), rows, theirs):
            if row.known is None:
                yield f"{row.key} (new)"
            elif row.target is None:
                yield f"{row.key} (gone)"
            elif row.target.version != row.known.target_version:
                yield f"{row.key} (changed)"

    def _closed(self, role: Role | None = None) -> FailOverReport:
        if role is not None:
            tell(self.report, role)
            self.report.not_held = list(role.not_held)
        if self.options.dry_run:
            self.report.state = "dry run"
        close(self.report, self.state, "fail-over")
        return self.report


def _is_half_switched(source: Role | None, target: Role | None, target_place: str) -> bool:
    """Whether a planned fail-over was cut off after the source became standby: everything was brought before that."""
    is_standby = source is not None and source.role == "standby" and source.peer == target_place
    return is_standby and roles.generation_of(source) > roles.generation_of(target)


def _reverse(place: str, target: Address) -> str:
    """What names the snapshots of the direction back."""
    return replication_id(target, Address.parse(place))
