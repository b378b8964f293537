"""What fail-over and fail-back have in common: what must hold before, how roles are written, and where reports lie."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, NoCheckpoint
from airflow_provider_livedata.engine.model import Held, Snapshot
from airflow_provider_livedata.engine.replication.finding import Known
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.roles import Role
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.report import SwitchReport
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots

log = logging.getLogger(__name__)
SAMPLE = 100  # entries of the target that tell which attributes it keeps


def checkpoint_of(known: Known) -> Checkpoint:
    """The newest checkpoint.

    Raises:
        NoCheckpoint: There is none.
    """
    if known.checkpoint is None:
        raise NoCheckpoint(
            "the target has no checkpoint: nothing was ever copied to it completely, so there is nothing to switch to",
            target=known.state.address(""),
        )
    return known.checkpoint


def not_held(target: Zone, rows: Iterable[Held], preserved: Iterable[str]) -> tuple[str, ...]:
    """Attributes that the target was found not to keep, by the first entries of its manifest."""
    names, lost = set(preserved) - {"mtime"}, set[str]()
    for held in islice(rows, SAMPLE):
        there = target.stat(held.entry.path) if names - lost else None
        if there is not None and not there.is_implied:
            lost |= {name for name in names if getattr(held.entry, name) not in (None, getattr(there, name))}
    if not target.facts.has_directories:  # what is only a marker or implied keeps nothing
        lost |= names
    return tuple(sorted(lost))


def freeze(zone: Zone, name: str, *, allow: bool) -> Snapshot | None:
    """Take a snapshot anew, so that what changes from now on can be told; None where that cannot be had."""
    if not isinstance(zone, Snapshots):
        return None
    try:
        zone.prepare_snapshots(allow=allow)
        if any(one.name == name for one in zone.snapshots()):  # of an attempt that was cut off
            zone.drop_snapshot(name)
        return zone.snapshot(name)
    except LiveDataError as error:
        log.info("no snapshot of %s, so that listings will be compared: %s", zone.address, error)
        return None


def thaw(zone: Zone, prefix: str, *, but: str = "") -> None:
    """Drop the snapshots whose names begin with ``prefix``; a failure costs space."""
    if not isinstance(zone, Snapshots):
        return
    try:
        for snapshot in zone.snapshots():
            if snapshot.name.startswith(prefix) and snapshot.name != but:
                zone.drop_snapshot(snapshot.name)
    except LiveDataError as error:
        log.warning("a snapshot of %s could not be dropped: %s", zone.address, error)


def close(report: SwitchReport, state: StateFolder, kind: str) -> None:
    """Store and log the report."""
    report.seconds = round((now_ms() - report.started_ms) / 1000, 3)
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(report.started_ms / 1000))
    folder = f"dry-run/{moment}-{os.urandom(4).hex()}/" if report.state == "dry run" else f"{kind}/{moment}-"
    name = f"{folder}{kind}.json" if report.state == "dry run" else f"{folder}{os.urandom(4).hex()}.json"
    state.write(name, report.seal(state.address(name)).encode())
    log.info("%s\n%s", kind, report.table())


def tell(report: SwitchReport, role: Role) -> None:
    """Put what a role says into the report."""
    report.how, report.generation, report.by = role.how, role.generation, role.by
    report.run, report.snapshot, report.as_of_ms = role.run, role.snapshot, role.as_of_ms


def next_generation(*known: Role | None) -> int:
    """Above those of both sides."""
    return max(roles.generation_of(role) for role in known) + 1


def first(items: Iterator[str], kept: list[str], most: int) -> int:
    """Append the first ``most`` items to ``kept``; return how many there were."""
    count = 0
    for item in items:
        count += 1
        if len(kept) < most:
            kept.append(item)
    return count
