"""Feed one zone of a location from another: from its home, or from a copy that is at rest.

A home is read as the source of any replication is. A copy is read under its own lease, so that nothing is written to it meanwhile, and
only while it is what its checkpoint says: stores without snapshots have no other way to one instant. The checkpoint of what is fed tells the
instant of the home, so that its lag is the whole way's. Where the home has moved, what followed the old one is made a follower of the new one
first, from their records, and so is the old one itself, as by a fail-back that does not switch: what was written there late is kept aside.
"""

from __future__ import annotations

from airflow_provider_livedata.engine.errors import HomeMoved, NoCheckpoint, NotAtRest, TargetIsActive
from airflow_provider_livedata.engine.flows.fail_back import fail_back
from airflow_provider_livedata.engine.flows.replicate import replicate
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.finding import known_of
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching import rejoining
from airflow_provider_livedata.engine.switching.turning import is_turned
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone


def follow(
    upstream: Zone | str,
    target: Zone | str,
    options: ReplicateOptions | None = None,
    *,
    is_home: bool = True,
    lease_times: LeaseTimes | None = None,
) -> Report:
    """Bring ``target`` to what ``upstream`` holds.

    Args:
        upstream: What feeds it.
        target: What follows.
        options: As of ``replicate``.
        is_home: Whether upstream is where the location is written; else it is a copy, and has to be a target of replications.
        lease_times: Of both leases.

    Raises:
        HomeMoved: By the roles that the zones keep the home is another one; nothing was changed.
        NoCheckpoint: Upstream is a copy that does not hold anything completely yet.
        NotAtRest: Upstream is a copy, and a run into it did not come to its end.
        TargetHeld: A run is writing to upstream, or to the target.
        TargetIsActive: The target is kept in step with another location by a two-way sync.
        LiveDataError: As ``replicate``.
    """
    options = options or ReplicateOptions()
    with opened(upstream, calls_per_s=options.max_namenode_calls_per_s) as source, opened(target) as opened_target:
        state = StateFolder(source)
        _refuse_moved(roles.newest(state), source.address, is_home=is_home)
        try:
            if is_home:
                _take_along(source, opened_target, options, lease_times)
                return replicate(source, opened_target, options, lease_times=lease_times)
            return _from_copy(source, opened_target, options, lease_times)
        except TargetIsActive as error:
            if error.where.get("how") == "two-way":
                raise
            raise _moved(place_of(opened_target.address), "became the home", error.where) from error


def _take_along(home: Zone, target: Zone, options: ReplicateOptions, lease_times: LeaseTimes | None) -> None:
    """After the home has moved: the old one, and what followed it, become followers of the new one."""
    role, state = roles.newest(StateFolder(home)), StateFolder(target)
    if role is None or role.role != "active" or role.is_shared:  # by a sync no home has moved
        return
    is_old_home = role.peer == place_of(target.address)
    ours = None if is_old_home else rejoining.before(home, role, state)
    if ours is None and (not is_old_home or is_turned(state, role)):
        return
    if options.dry_run:
        raise NoCheckpoint(
            "this zone is no copy of the new home yet; the run itself makes it one", target=state.address("")
        )
    if ours is None:
        fail_back(home, target, options, switch=False, lease_times=lease_times)
        return
    with Lease(state, holder_of(options), times=lease_times) as lease:
        rejoining.rejoin(home, ours, state, lease)


def _from_copy(source: Zone, target: Zone, options: ReplicateOptions, lease_times: LeaseTimes | None) -> Report:
    state = StateFolder(source)
    if options.dry_run:
        return replicate(source, target, options, home_ms=_complete(state).origin_ms)
    with Lease(state, f"{holder_of(options)}, which copies it on", times=lease_times) as lease:
        report = replicate(
            source, target, options, lease_times=lease_times, home_ms=_complete(state).origin_ms
        )  # fmt: skip
        lease.check()  # had it been lost, something may have been written meanwhile: the next run compares again
    return report


def _complete(state: StateFolder) -> Checkpoint:
    known = known_of(state)
    if known.checkpoint is None:
        raise NoCheckpoint(
            "what is to be copied on holds nothing completely yet; run the replication into it first",
            upstream=state.address(""),
        )
    if known.unfinished:
        raise NotAtRest(
            "a run into what is to be copied on did not come to its end, so that it may be between two states; run the "
            "replication into it first; nothing was changed",
            upstream=state.address(""), runs=known.unfinished,
        )  # fmt: skip
    return known.checkpoint


def _refuse_moved(role: Role | None, upstream: Address, *, is_home: bool) -> None:
    if role is None:
        return
    if is_home and role.role == "standby":
        raise _moved(place_of(upstream), "is the home no more", {"since": role.since, "home": role.peer, "by": role.by})
    if not is_home and role.role == "active":
        raise _moved(place_of(upstream), "became the home", {"since": role.since, "by": role.by})


def _moved(place: str, what: str, where: dict[str, object]) -> HomeMoved:
    return HomeMoved(
        f"{place} {what}, by the roles that the zones themselves keep; change home: of this location in livedata.yaml, or bring "
        "the home back; nothing was changed",
        **where,
    )
