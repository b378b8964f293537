"""The backups of a place, from what lies there: nothing else has to survive for them to be found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from airflow_provider_livedata.engine import checkpoint as checkpoints
from airflow_provider_livedata.engine.backup_record import (
    BACKUPS,
    BackupRecord,
    Intent,
    Places,
    file_of,
    number_of,
    record_from,
    stored_from,
)
from airflow_provider_livedata.engine.cover import Cover
from airflow_provider_livedata.engine.errors import BackupMissing, BackupUnusable, StateDamaged
from airflow_provider_livedata.engine.flows.backup_view import BackupView
from airflow_provider_livedata.engine.flows.opening import opened
from airflow_provider_livedata.engine.manifest_file import ManifestFile
from airflow_provider_livedata.engine.model import Held, Snapshot
from airflow_provider_livedata.engine.overlay import overlay
from airflow_provider_livedata.engine.state import FORMAT, StateFolder
from airflow_provider_livedata.engine.units import human_bytes
from airflow_provider_livedata.engine.zones.base import Snapshots, Zone
from airflow_provider_livedata.engine.zones.wrappers import ReadOnly

THREADS = 16
RETENTION = "retention"  # folder of the reports of retention, below .livedata
State = Literal["complete", "incomplete", "damaged", "removing"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a backup must not go. ``until_ms``: from then on it may (0: never by itself)."""

    hold: str
    why: str
    by: str
    since_ms: int
    until_ms: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Verified:
    """The newest verification of a backup: how many differences it found, at which level. None: the backup is proved."""

    at_ms: int
    level: str
    report: str = ""
    differences: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup of a place.

    ``why``: of one that cannot be used. ``record`` is None unless it was completed. ``verified``: its newest verification, if that
    found it intact; ``differed``: if it did not.
    """

    name: str
    state: State
    began_ms: int
    record: BackupRecord | None = None
    intent: Intent | None = None
    verified: Verified | None = None
    holds: tuple[Hold, ...] = ()
    why: str = ""
    differed: Verified | None = None

    @property
    def as_of_ms(self) -> int:
        """The instant that it is of, or when it was begun."""
        return self.record.as_of_ms if self.record else self.began_ms

    def is_held(self, now_ms: int) -> bool:
        """Whether something still needs it."""
        return any(not hold.until_ms or hold.until_ms > now_ms for hold in self.holds)


@dataclass(slots=True)
class Catalogue:
    """What a place holds, oldest first.

    ``notes``: what a person should know. ``reasons``: why the newest decision of a policy keeps a backup or lets it go, by its name.
    """

    place: str
    backups: list[Backup]
    notes: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def complete(self) -> list[Backup]:
        """Those that can be restored."""
        return [one for one in self.backups if one.state == "complete"]

    def find(self, which: str | int | datetime = "latest") -> Backup:
        """A complete backup: by its name, "latest", or the newest one that is not after a time (epoch ms, aware, or ISO 8601).

        Raises:
            BackupMissing: There is none; lists those that are there.
            BackupUnusable: It is not complete, or damaged.
        """
        if isinstance(which, str) and number_of(which):
            return self._usable(which)
        at_ms = _epoch_ms(which)
        found = [one for one in self.complete() if at_ms is None or one.as_of_ms <= at_ms]
        if not found:
            raise BackupMissing(
                "there is no complete backup of that time; choose one of those that are there",
                place=self.place, which=str(which), there=[one.name for one in self.complete()][-20:],
            )  # fmt: skip
        return max(found, key=lambda one: (one.as_of_ms, number_of(one.name)))

    def records(self) -> list[BackupRecord]:
        """Of those that were completed and are not on their way out, oldest first."""
        return [one.record for one in self.backups if one.record is not None and one.state != "removing"]

    def places(self) -> Places:
        """Where versions lie: in all that were completed and are not on their way out, damaged ones too."""
        return Places(one.name for one in self.backups if one.state in ("complete", "damaged"))

    def table(self) -> str:
        """For the log and the terminal."""
        head = f"{'name':<24}{'as of':<21}{'state':<12}{'layout':<12}{'files':>12}{'size':>12}{'changed':>12}  verified, held, why kept"
        lines = [_line(one) + self._because(one) for one in self.backups]
        return "\n".join([f"backups of {self.place}", head, *lines, *self.notes])

    def _because(self, one: Backup) -> str:
        return f", {self.reasons[one.name]}" if one.name in self.reasons else ""

    def _usable(self, name: str) -> Backup:
        found = next((one for one in self.backups if one.name == name), None)
        if found is None:
            raise BackupMissing("there is no backup of that name; choose one of those that are there", place=self.place,
                                which=name, there=[one.name for one in self.complete()][-20:])  # fmt: skip
        if found.state != "complete":
            raise BackupUnusable(
                f"the backup is {found.state} and cannot be restored; choose another one", place=self.place, which=name,
                why=found.why, there=[one.name for one in self.complete()][-20:],
            )  # fmt: skip
        return found


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
        return found


def read_catalogue(state: StateFolder, *, check: bool = True) -> Catalogue:
    """As ``catalogue``, of an open place."""
    files = _files(state)
    with ThreadPoolExecutor(THREADS, "livedata-catalogue") as pool:
        backups = list(pool.map(lambda item: _backup(state, *item), sorted(files.items(), key=_by_number)))
        damage = _Damage(state, pool, check=check)
        judged = [damage.judged(one) for one in backups]
    return Catalogue(str(replace(state.zone.address, conn_id=None)), judged)


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
        return overlay(checkpoints.runs_of(state, record.generations, cover=cover))

    if record.snapshot:
        frozen = _frozen(zone, record)
        return ReadOnly(BackupView(frozen, rows) if record.generations else frozen)
    if record.layout == "tree":
        return ReadOnly(BackupView(zone, rows, lambda: Places([record.name])))
    return ReadOnly(BackupView(zone, rows, lambda: read_catalogue(state, check=False).places()))


def rows_of(state: StateFolder, record: BackupRecord) -> Iterator[Held]:
    """The rows of a backup's manifest, in key order, streamed."""
    return overlay(checkpoints.runs_of(state, record.generations))


def _frozen(zone: Zone, record: BackupRecord) -> Zone:
    if isinstance(zone, Snapshots):
        for one in zone.snapshots():
            if one.name == record.snapshot and one.taken_ms == record.snapshot_ms:
                return zone.at(one)
    raise BackupUnusable("the snapshot of the backup is gone", which=record.name, snapshot=record.snapshot)


def _files(state: StateFolder) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in state.files(BACKUPS):
        _, name, *rest = entry.path.split("/")
        if number_of(name) and len(rest) == 1 and rest[0].endswith(".json"):
            found.setdefault(name, []).append(rest[0].removesuffix(".json"))
    return found


def _by_number(item: tuple[str, Any]) -> tuple[int, str]:
    return number_of(item[0]), item[0]


def _backup(state: StateFolder, name: str, kinds: list[str]) -> Backup:
    began_ms = _began_ms(name)
    try:
        intent = _read(state, name, "intent", Intent) if "intent" in kinds else None
        holds = [_read(state, name, kind, Hold) for kind in kinds if kind.startswith("held-")]
        proof = _read(state, name, "verified", Verified) if "verified" in kinds else None
        one = Backup(name, "incomplete", began_ms, None, intent, None, tuple(hold for hold in holds if hold))
        if proof is not None:
            one = replace(one, differed=proof) if proof.differences else replace(one, verified=proof)
        if "complete" in kinds:
            value = state.read_json(file_of(name, "complete"))
            one = replace(one, record=record_from(value or {}, file=state.address(file_of(name, "complete"))))
            one = replace(one, state="complete")
        return replace(one, state="removing") if "removing" in kinds else one
    except StateDamaged as error:
        return Backup(name, "damaged", began_ms, why=str(error))


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


def _epoch_ms(which: str | int | datetime) -> int | None:
    if which == "latest":
        return None
    if isinstance(which, int):
        return which
    try:
        moment = datetime.fromisoformat(which) if isinstance(which, str) else which
    except ValueError:
        raise BackupMissing("neither a name of a backup, 'latest', nor a time in ISO 8601", which=which) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def utc(at_ms: int) -> str:
    """For people."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _line(one: Backup) -> str:
    record = one.record
    files = f"{record.files:,}" if record and record.files is not None else ""
    size = human_bytes(record.size_bytes) if record and record.size_bytes is not None else ""
    changed = human_bytes(record.changed_bytes) if record and record.changed_bytes is not None else ""
    proved = f"{one.verified.level} {utc(one.verified.at_ms)}" if one.verified else "not verified"
    if one.differed:
        proved = f"{one.differed.differences:,} DIFFERENCES {utc(one.differed.at_ms)}: {one.differed.report}"
    held = "".join(f", held by {hold.by}: {hold.why}" for hold in one.holds)
    layout = record.layout if record else one.intent.layout if one.intent else ""
    return (
        f"{one.name:<24}{utc(one.as_of_ms):<21}{one.state:<12}{layout:<12}{files:>12}{size:>12}{changed:>12}  "
        f"{proved}{held}{': ' + one.why if one.why else ''}"
    )
