"""Have a follower of the old home follow the new one, from the records alone: only what differs is copied afterwards."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import NotAtRest
from airflow_provider_livedata.engine.replication.finding import known_of
from airflow_provider_livedata.engine.replication.freezing import replication_id
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lease import Lease
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.rejoin import rejoined
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone


def before(home: Zone, role: Role | None, follower: StateFolder) -> Checkpoint | None:
    """The checkpoint of the new home as a copy of the old one, where the follower still is a copy of that; None where it is not."""
    if role is None or role.role != "active" or role.peer == place_of(follower.zone.address):
        return None
    theirs = checkpoints.latest(follower)
    if theirs is None or theirs.source != role.peer:
        return None
    ours = checkpoints.latest(StateFolder(home))
    return ours if ours is not None and ours.source == role.peer else None


def rejoin(home: Zone, ours: Checkpoint, follower: StateFolder, lease: Lease) -> Checkpoint:
    """Write manifest and checkpoint of the follower as a copy of the new home; ``ours``: what ``before`` found.

    Raises:
        NotAtRest: A run into the follower did not come to its end.
    """
    known = known_of(follower)
    theirs = known.checkpoint
    if theirs is None or known.unfinished:
        raise NotAtRest(
            "a run into this follower did not come to its end before the home moved, so its records cannot be those of a follower of the "
            "new home; remove its .livedata folder and replicate with foreign='replace'; nothing was changed",
            follower=follower.address(""), runs=known.unfinished,
        )  # fmt: skip
    run = theirs.run + 1
    rows = rejoined(checkpoints.manifest(follower, theirs), checkpoints.manifest(StateFolder(home), ours))
    files = manifests.write_generation(follower, run, "rejoined", rows)
    done = replace(
        theirs,
        run=run,
        replication=replication_id(home.address, Address.parse(theirs.target)),
        source=place_of(home.address),
        snapshot="",
        snapshot_root="",
        committed_ms=now_ms(),
        generations=(files,) if files else (),
        target_snapshot="",
    )
    lease.check()
    checkpoints.commit(follower, done)
    return done
