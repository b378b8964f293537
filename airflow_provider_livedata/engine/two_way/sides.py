"""What the two sides have to be for a sync, and the roles that they have from then on."""

from __future__ import annotations

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import FilterChanged, Unsupported, WrongSide
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.two_way.changes import Side
from airflow_provider_livedata.engine.two_way.settling import other
from airflow_provider_livedata.engine.two_way.stored import SIDES, Standing
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Moves


def refuse_unfit(zone: Zone) -> None:
    """Make sure that a side can be written to, and that nothing else overwrites it.

    Raises:
        Unsupported: It moves no files.
        WrongSide: It is the standby side of a replication.
    """
    zone.check(writable=True)
    if not isinstance(zone, Moves):
        raise Unsupported("this store moves no files, so that a loser could not be kept", address=str(zone.address))
    role = roles.newest(StateFolder(zone))
    if role is not None and role.role == "standby":
        raise WrongSide(
            "this location is the standby side of a replication, which overwrites what is written there; make it the active one first, or choose "
            "another; nothing was changed",
            address=str(zone.address), peer=role.peer, since=role.since,
        )  # fmt: skip


def refuse_other_filter(standing: Standing | None, options: ReplicateOptions) -> None:
    """Make sure that the same takes part as in the last sync.

    Raises:
        FilterChanged: It does not, and nobody said that this is meant.
    """
    if standing is None or options.accept_new_filter or standing.filter_digest == options.filter.digest:
        return
    raise FilterChanged(
        "the exclusions differ from those of the last sync; set accept_new_filter when that is meant",
        exclude=options.filter.exclude, was=standing.exclude,
    )  # fmt: skip


def take_roles(zones: dict[Side, Zone], run: int, by: str) -> None:
    """Both sides are written to from now on: a replication into one of them is to refuse."""
    for side in SIDES:
        state, peer = StateFolder(zones[side]), place_of(zones[other(side)].address)
        there = roles.newest(state)
        if there is None or there.how != "two-way":
            role = Role(roles.generation_of(there) + 1, "active", peer, "two-way", run, "", 0, now_ms(), by)
            roles.write(state, role)
