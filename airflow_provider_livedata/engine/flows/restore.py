"""Restore a backup that a place holds, or try how it would be restored: found in the catalogue, held meanwhile, brought back.

place -> catalogue -> backup by name or time -> its view -> bring_back, or drill
"""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_provider_livedata.engine.backups.catalogue import Catalogue
from airflow_provider_livedata.engine.backups.cataloguing import read_catalogue, view_of
from airflow_provider_livedata.engine.backups.record import BackupRecord, number_of
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BackupMissing, BackupUnusable, BadOption, LiveDataError
from airflow_provider_livedata.engine.flows.drilling import drill
from airflow_provider_livedata.engine.flows.restoring import bring_back
from airflow_provider_livedata.engine.flows.retaining import hold, release
from airflow_provider_livedata.engine.replication.opening import opened, patient
from airflow_provider_livedata.engine.restores.options import DrillOptions, RestoreOptions
from airflow_provider_livedata.engine.restores.report import DrillReport, RestoreReport
from airflow_provider_livedata.engine.stored.lease import LeaseTimes, holder_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)
HELD_MS = 7 * 86_400_000  # a restore that was killed lets go of its backup by itself after that


def restore(
    place: Zone | str,
    which: str | int | datetime = "latest",
    destination: Zone | str | None = None,
    options: RestoreOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
) -> RestoreReport:
    """Bring a backup back; a restore that was cut off is gone on with.

    Args:
        place: Where the backups are: the designated path, or a location with snapshots of its own.
        which: The name of a backup, "latest", or a time (epoch ms, aware, ISO 8601): the newest complete one not after it.
        destination: Where to. None: into the location itself, where its backups are snapshots of its own.
        options: What, and how; what was excluded from the backup is left alone.
        lease_times: Of the destination's lease.

    Raises:
        BackupMissing, BackupUnusable: There is no such backup, or it is incomplete or damaged; lists those that can be restored.
        LiveDataError: As ``bring_back``.
    """
    chosen = options or RestoreOptions()
    with opened(place) as zone, _chosen(zone, which, by=holder_of(chosen), is_dry=chosen.dry_run) as backup:
        record = backup.record
        if destination is None and record.layout != "in place":
            raise BadOption("name the destination: this backup is no snapshot of the location itself",
                            place=record.place, backed_up=record.source)  # fmt: skip
        chosen = replace(chosen, exclude=(*chosen.exclude, *record.exclude))
        return bring_back(
            backup.view, zone if destination is None else destination, chosen,
            taken_ms=record.as_of_ms, label=record.name, origin=record.source, lease_times=lease_times, notes=backup.notes,
        )  # fmt: skip


def restore_drill(
    place: Zone | str,
    scratch: Zone | str,
    which: str | int | datetime = "random",
    options: DrillOptions | None = None,
    *,
    lease_times: LeaseTimes | None = None,
) -> DrillReport:
    """Restore a random sample of a backup to a scratch place, compare, measure and clean up.

    Args:
        place: Where the backups are.
        scratch: Where to, outside of them.
        which: As for ``restore``, or "random": any of the complete ones.
        options: How much; its ``seed`` chooses the backup as well.
        lease_times: Of the lease at the scratch place.

    Raises:
        BackupMissing, BackupUnusable: As ``restore``.
        LiveDataError: As ``drill``.
    """
    given = options or DrillOptions()
    chosen = replace(given, seed=secrets.randbelow(1 << 31) if given.seed is None else given.seed)
    with opened(place) as zone:
        name = _at_random(zone, chosen.seed or 0) if which == "random" else which
        with _chosen(zone, name, by=holder_of(chosen), is_dry=False) as backup:
            record = backup.record
            return drill(
                backup.view, scratch, chosen, taken_ms=record.as_of_ms, label=record.name, lease_times=lease_times
            )


@dataclass(frozen=True, slots=True)
class _Chosen:
    view: Zone
    record: BackupRecord
    notes: list[str]


@contextlib.contextmanager
def _chosen(zone: Zone, which: str | int | datetime, *, by: str, is_dry: bool) -> Generator[_Chosen]:
    """A backup that retention leaves alone meanwhile."""
    found = read_catalogue(StateFolder(zone))
    one = found.find(which)
    if one.record is None:
        raise BackupUnusable("the backup cannot be restored", which=one.name, state=one.state, why=one.why)
    log.info("backup %s", one.name)
    with contextlib.nullcontext() if is_dry else _held(zone, one.name, by):
        view = patient(view_of(zone, found, one))
        yield _Chosen(view, one.record, _notes(found, which, one.record))


def _notes(found: Catalogue, which: str | int | datetime, record: BackupRecord) -> list[str]:
    notes = list(found.notes)
    unusable = [one for one in found.backups if one.state == "damaged" and number_of(one.name) > record.number]
    if unusable and which != record.name:
        names = ", ".join(one.name for one in unusable[-5:])
        notes.append(f"backups that are newer are damaged and were passed over: {names}")
    if record.unsettled:
        first = record.unsettled[0]
        notes.append(f"{len(record.unsettled)} files were being written when they were backed up, first {first}")
    return notes


@contextlib.contextmanager
def _held(zone: Zone, name: str, by: str) -> Generator[None]:
    try:
        mark = hold(zone, name, "it is being restored", by=by, until_ms=now_ms() + HELD_MS)
    except BackupMissing:
        raise
    except LiveDataError as error:  # who restores need not be allowed to write to the place
        log.warning("the backup is not held while it is restored, so retention may remove it meanwhile: %s", error)
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(LiveDataError):
            release(zone, name, mark)


def _at_random(zone: Zone, seed: int) -> str:
    names = [one.name for one in read_catalogue(StateFolder(zone), check=False).complete()]
    if not names:
        raise BackupMissing("there is no complete backup yet", place=str(zone.address))
    return random.Random(seed).choice(names)
