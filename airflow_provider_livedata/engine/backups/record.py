"""What is stored of a backup, and where the versions of its files lie. Pure: no I/O, no clock, no zone.

    <place>/<name>/<path>                            increments: files that were new or changed in it; tree: all of them
    <place>/.livedata/backups/<name>/intent.json     it was begun
    <place>/.livedata/backups/<name>/complete.json   all of it is there: written last, create-only
    <place>/.livedata/backups/<name>/verified.json   its newest verification, and what that found
    <place>/.livedata/backups/<name>/held-<id>.json  who needs it, and why
    <place>/.livedata/backups/<name>/removing.json   it is on its way out, and no backup any more
    <place>/.livedata/backups/<name>/restore.sh      Hadoop's own commands that bring it back

Numbers order backups, whatever the clock did. A version of a file has the name of the backup that brought it, and lies in the
oldest backup from that one on which is still there: retention carries what is still needed forward before one goes.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.stored.manifest_file import Generations, ManifestFile

FORMAT = 1
BACKUPS = "backups"  # folder below .livedata
SCRIPT = "restore.sh"
SNAPSHOT = "livedata-backup-"  # begins the names of snapshots that are backups
Layout = Literal["in place", "snapshots", "increments", "tree"]
_NAME = re.compile(r"(\d{6,})-\d{8}T\d{6}Z")
_STAMP = "%Y%m%dT%H%M%SZ"


def name_of(number: int, at_ms: int) -> str:
    """The name of a backup: its number, and when it was begun, UTC."""
    return f"{number:06d}-{datetime.fromtimestamp(at_ms / 1000, UTC).strftime(_STAMP)}"


def number_of(name: str) -> int:
    """The number in a name, 0 where it is no name of a backup."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else 0


def file_of(name: str, kind: str) -> str:
    """The file of that kind of a backup, below ``.livedata``."""
    return f"{BACKUPS}/{name}/{kind}.json"


def hold_name(by: str, why: str) -> str:
    """The name of a hold: the same for the same person and reason, so that holding twice is holding once."""
    return hashlib.sha256(f"{by}\0{why}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Intent:
    """A backup that was begun. ``base``: the number of the checkpoint that it started from, 0 for none."""

    name: str
    layout: Layout
    source: str
    begun_ms: int
    base: int
    by: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class BackupRecord:
    """A backup that is complete, and what it holds.

    ``snapshot``, ``snapshot_root``, ``snapshot_ms``: of the place, in the layouts that are snapshots. ``files`` and the other sums are None
    where nothing was counted (snapshots in place). ``changed_files``, ``changed_bytes``: new or changed since the backup before.
    ``generations``: the files of its manifest, as of a checkpoint. ``exclude``, ``preserve``: see ``ReplicateOptions``.
    """

    name: str
    layout: Layout
    source: str
    place: str
    as_of_ms: int  # the instant that it is of, epoch milliseconds
    begun_ms: int
    finished_ms: int
    run: int = 0
    source_snapshot: str = ""
    snapshot: str = ""
    snapshot_root: str = ""
    snapshot_ms: int = 0
    files: int | None = None
    directories: int | None = None
    size_bytes: int | None = None
    changed_files: int | None = None
    changed_bytes: int | None = None
    unsettled: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    preserve: tuple[str, ...] = ()
    generations: Generations = ()
    format: int = FORMAT

    @property
    def number(self) -> int:
        """Orders backups of one place."""
        return number_of(self.name)

    def manifest_files(self) -> dict[str, ManifestFile]:
        """All files of its manifest by name."""
        return {file.name: file for generation in self.generations for file in generation}


def sealed(record: BackupRecord) -> dict[str, Any]:
    """As stored: with the SHA-256 of everything else, so that a record that was cut or edited is noticed."""
    value = asdict(record)
    return value | {"seal": _seal(value)}


def record_from(value: dict[str, Any], *, file: str) -> BackupRecord:
    """As read.

    Raises:
        StateDamaged: Of a newer format, or not what was written.
    """
    value = dict(value)
    seal = value.pop("seal", "")
    if value.get("format") != FORMAT:
        raise StateDamaged(
            f"the record of a backup has format {value.get('format')!r}, not {FORMAT}; use the version that wrote it",
            file=file,
        )
    if seal != _seal(value):
        raise StateDamaged("the record of a backup is not what was written", file=file)
    generations = tuple(tuple(ManifestFile(**one) for one in generation) for generation in value["generations"])
    lists = {name: tuple(value[name]) for name in ("unsettled", "exclude", "preserve")}
    return BackupRecord(**{**value, **lists, "generations": generations})


_Stored = TypeVar("_Stored")


def stored_from(kind: type[_Stored], value: dict[str, Any], *, file: str) -> _Stored:
    """An ``Intent`` or another small value, as read.

    Raises:
        StateDamaged: It holds something else.
    """
    try:
        return kind(**value)
    except TypeError as error:
        raise StateDamaged(f"a file of a backup holds something else: {error}", file=file) from error


def _seal(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class Places:
    """Where versions lie among the backups that are there."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names, key=number_of)
        self._numbers = [number_of(name) for name in self.names]

    def of(self, born: str) -> str:
        """The backup that holds what ``born`` brought, for those that need it; "" where none is left."""
        found = bisect_left(self._numbers, number_of(born))
        return self.names[found] if found < len(self.names) else ""

    def with_one(self, name: str) -> Places:
        """The same and one more."""
        return Places({*self.names, name})


def version_in(born: str, version: str) -> str:
    """A version of a file, with the name of the backup that brought it."""
    return f"{born}:{version}"


def split_version(text: str) -> tuple[str, str]:
    """The two parts of ``version_in``; the first is "" in any other text."""
    born, _, version = text.partition(":")
    return (born, version) if number_of(born) else ("", text)
