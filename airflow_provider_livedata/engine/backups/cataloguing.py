"""The backups of a place, from what lies there: nothing else has to survive for them to be found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_livedata.engine.backups.catalogue import Backup, Catalogue, Hold, Verified
from airflow_provider_livedata.engine.backups.layering import commands_of
from airflow_provider_livedata.engine.backups.record import (
    BACKUPS,
    SCRIPT,
    BackupRecord,
    Intent,
    Places,
    file_of,
    number_of,
    record_from,
    stored_from,
)
from airflow_provider_livedata.engine.backups.view import BackupView
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import BackupUnusable, StateDamaged
from airflow_provider_livedata.engine.model import Held, Snapshot
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.manifest_file import ManifestFile
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import ReadOnly

THREADS = 16
RETENTION = "retention"  # folder of the reports of retention, below .livedata


def catalogue(place: Zone | str, *, check: bool = True) -> Catalogue:
    """List the backups of a place: a designated path, or a location with snapshots of its own.

    ``check``: read the manifests and compare them with their records, so that a damaged one is seen; else only their names.

    Raises:
        LiveDataError: The place cannot be read.
    """
    with opened(place) as zone:
        state = StateFolder(zone)
        found = read_catalogue(state, check=check)
        found.reasons = _decided(state)
        newest = found.complete()[-1:]
        if newest and newest[0].record is not None:
            found.commands = commands_of(state, found, newest[0].record)[0]
        return found


def read_catalogue(state: StateFolder, *, check: bool = True) -> Catalogue:
    """As ``catalogue``, of an open place."""
    files = _files(state)
    with ThreadPoolExecutor(THREADS, "livedata-catalogue") as pool:
        backups = list(pool.map(lambda item: _backup(state, *item), sorted(files.items(), key=_by_number)))
        damage = _Damage(state, pool, check=check)
        judged = [damage.judged(one) for one in backups]
    return Catalogue(str(replace(state.zone.address, conn_id=None)), _with_brought(state, judged))


def view_of(zone: Zone, found: Catalogue, backup: Backup) -> Zone:
    """A read-only zone of what a complete backup holds.

    Raises:
        BackupUnusable: It is not complete, or its snapshot is gone.
    """
    record = backup.record
    if record is None or backup.state != "complete":
        raise BackupUnusable("the backup cannot be read", which=backup.name, state=backup.state, why=backup.why)
    state = StateFolder(zone)

    def rows(cover: Cover | None) -> Iterator[Held]:
        return overlay(manifests.runs_of(state, record.generations, cover=cover))

    if record.snapshot:
        frozen = _frozen(zone, record)
        return ReadOnly(BackupView(frozen, rows) if record.generations else frozen)
    if record.layout == "tree":
        return ReadOnly(BackupView(zone, rows, Places([record.name])))
    return ReadOnly(BackupView(zone, rows, found.places(), lambda: read_catalogue(state, check=False).places()))


def rows_of(state: StateFolder, record: BackupRecord) -> Iterator[Held]:
    """The rows of a backup's manifest, in key order, streamed."""
    return overlay(manifests.runs_of(state, record.generations))


def _frozen(zone: Zone, record: BackupRecord) -> Zone:
    if isinstance(zone, Snapshots):
        for one in zone.snapshots():
            if one.name == record.snapshot and one.taken_ms == record.snapshot_ms:
                return zone.at(one)
    raise BackupUnusable("the snapshot of the backup is gone", which=record.name, snapshot=record.snapshot)


def read_backup(state: StateFolder, name: str) -> Backup | None:
    """One backup of an open place, without looking at its manifest; None where there is none of that name."""
    kinds = _files(state, f"{BACKUPS}/{name}").get(name) if number_of(name) else None
    return None if kinds is None else _backup(state, name, kinds)


def _files(state: StateFolder, under: str = BACKUPS) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in state.files(under):
        _, name, *rest = entry.path.split("/")
        if number_of(name) and len(rest) == 1 and (rest[0].endswith(".json") or rest[0] == SCRIPT):
            found.setdefault(name, []).append(rest[0].removesuffix(".json"))
    return found


def _by_number(item: tuple[str, Any]) -> tuple[int, str]:
    return number_of(item[0]), item[0]


def _backup(state: StateFolder, name: str, kinds: list[str]) -> Backup:
    one = Backup(name, "incomplete", _began_ms(name), has_script=SCRIPT in kinds)
    try:
        holds = [_read(state, name, kind, Hold) for kind in kinds if kind.startswith("held-")]
        one = replace(one, holds=tuple(hold for hold in holds if hold))
        if "intent" in kinds:
            one = replace(one, intent=_read(state, name, "intent", Intent))
        if "verified" in kinds and (proof := _read(state, name, "verified", Verified)) is not None:
            one = replace(one, differed=proof) if proof.differences else replace(one, verified=proof)
        if "complete" in kinds:
            value = state.read_json(file_of(name, "complete"))
            record = record_from(value or {}, file=state.address(file_of(name, "complete")))
            one = replace(one, record=record, state="complete")
    except StateDamaged as error:  # what was read until then counts: who holds it, its layout
        one = replace(one, state="damaged", why=str(error))
    return replace(one, state="removing") if "removing" in kinds else one


def _with_brought(state: StateFolder, backups: list[Backup]) -> list[Backup]:
    # A checkpoint since one was begun is its own, as no other backup is begun before it is complete.
    complete = max((number_of(one.name) for one in backups if one.record), default=0)
    waiting = {
        one.name: one.intent.base for one in backups
        if one.state == "incomplete" and one.intent is not None and one.intent.layout in ("increments", "tree")
        and number_of(one.name) > complete
    }  # fmt: skip
    newest = checkpoints.newest(state) if waiting else 0
    return [replace(one, is_brought=waiting.get(one.name, newest) < newest) for one in backups]


def _read(state: StateFolder, name: str, kind: str, of: type[Any]) -> Any:
    value = state.read_json(file_of(name, kind))
    return None if value is None else stored_from(of, value, file=state.address(file_of(name, kind)))


class _Damage:
    """Finds backups whose manifest or snapshot is not there as it was; each manifest file is looked at once."""

    def __init__(self, state: StateFolder, pool: ThreadPoolExecutor, *, check: bool) -> None:
        self._state, self._pool, self._check = state, pool, check
        self._there = {entry.path for entry in state.files("manifest")}
        zone = state.zone
        self._snapshots = {(one.name, one.taken_ms) for one in _snapshots_of(zone)}
        self._bad: dict[ManifestFile, str] = {}

    def judged(self, backup: Backup) -> Backup:
        """The backup, called damaged where it is."""
        record = backup.record
        if record is None or backup.state != "complete":
            return backup
        if record.snapshot and (record.snapshot, record.snapshot_ms) not in self._snapshots:
            return replace(backup, state="damaged", why=f"its snapshot {record.snapshot} is gone")
        unknown = [file for file in record.manifest_files().values() if file not in self._bad]
        self._bad.update(zip(unknown, self._pool.map(self._fault_of, unknown), strict=True))
        fault = next((self._bad[file] for file in record.manifest_files().values() if self._bad[file]), "")
        return replace(backup, state="damaged", why=fault) if fault else backup

    def _fault_of(self, file: ManifestFile) -> str:
        if file.name not in self._there:
            return f"its manifest file {file.name} is gone"
        if not self._check:
            return ""
        data = self._state.read(file.name)
        is_same = data is not None and hashlib.sha256(data).hexdigest() == file.digest
        return "" if is_same else f"its manifest file {file.name} is not what was written"


def _snapshots_of(zone: Zone) -> Iterable[Snapshot]:
    if not isinstance(zone, Snapshots):
        return ()
    return zone.snapshots()


def _decided(state: StateFolder) -> dict[str, str]:
    newest = max((entry.path for entry in state.files(RETENTION)), default="")
    value = state.read_json(newest) if newest else None
    return {
        one["name"]: f"{'kept' if one['keep'] else 'to be removed'}: {'; '.join(one['reasons'])}"
        for one in (value or {}).get("decisions", ())
    }


def _began_ms(name: str) -> int:
    moment = datetime.strptime(name.partition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
