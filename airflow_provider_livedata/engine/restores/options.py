"""What a user may ask of a restore and of a restore drill; every field is checked when it is made. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.choices import refuse_unknown
from airflow_provider_livedata.engine.deciding.filters import DEFAULT_EXCLUDES, Filter
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.options import PRESERVABLE
from airflow_provider_livedata.engine.restores.choosing import checked
from airflow_provider_livedata.engine.timetable import Timetable

RestoreMode = Literal["fail", "merge", "mirror"]
ProofLevel = Literal["checksum", "content", "none"]


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """How to restore.

    Args:
        paths: What to bring back, relative to the location: files, directories with all below them, or patterns
            (engine/restores/choosing.py). None: everything. Each has to be in the backup.
        mode: "fail": nothing may be at the chosen paths of the destination. "merge": what the backup has is brought, everything
            else stays. "mirror": the chosen paths become exactly what the backup holds, what it does not hold is deleted.
        dry_run: Write the whole plan and change nothing else.
        overwrite_newer: Replace and delete also what is newer than the backup, or was changed since.
        max_delete_ratio: With "mirror": share of the files at the chosen paths, 0 to 1, above which deletions stop the restore.
        may_lack: With "mirror": a chosen path that the backup does not hold is deleted, instead of stopping the restore.
        into_replica: Restore into the target of a replication, which takes it for someone else's, and stops where it meets it.
        keep_replaced: Keep what is replaced or deleted, so that the restore can be undone.
        allow_snapshot: Make the destination snapshottable for that where it needs to be and may be done.
        preserve: Attributes that come back: owner, group, mode, mtime, acl, xattrs.
        exclude: Patterns of paths to leave alone on both sides, in addition to the default ones (engine/deciding/filters.py).
        skip_unholdable: Leave out (and report) entries that the destination cannot hold, instead of stopping.
        verify: "checksum": each restored file is compared by the checksums of its store where they can be compared, else it is read;
            "content": each is read, and what is taken for the same as in the backup too; "none": nothing is compared.
        exclusive: Promise that nobody else writes to a destination that has no conditional writes.
        bandwidth: ``50MiB/s`` or a timetable such as ``08:00-18:00=50MiB/s, off``; "" is no limit.
        threads: Tasks at once, 1 to 256; 0: as many as suit sizes, distance and memory (engine/deciding/tuning.py).
        memory_mib: Budget of all bytes on their way, in MiB.
        holder: Who runs this, as another run will be told.
    """

    paths: tuple[str, ...] = ()
    mode: RestoreMode = "fail"
    dry_run: bool = False
    overwrite_newer: bool = False
    max_delete_ratio: float = 0.5
    may_lack: bool = False
    into_replica: bool = False
    keep_replaced: bool = True
    allow_snapshot: bool = True
    preserve: frozenset[str] = frozenset({"owner", "group", "mode", "mtime", "acl"})
    exclude: tuple[str, ...] = ()
    skip_unholdable: bool = False
    verify: ProofLevel = "checksum"
    exclusive: bool = False
    bandwidth: str = ""
    threads: int = 0
    memory_mib: int = 80
    holder: str = ""
    progress_s: float = 5.0
    timetable: Timetable = field(init=False)
    filter: Filter = field(init=False)

    def __post_init__(self) -> None:
        for name in ("paths", "exclude"):
            object.__setattr__(self, name, _texts(getattr(self, name), name))
        object.__setattr__(self, "preserve", frozenset(_texts(self.preserve, "preserve")))
        object.__setattr__(self, "timetable", Timetable.parse(self.bandwidth))
        object.__setattr__(self, "filter", Filter((*DEFAULT_EXCLUDES, *self.exclude)))
        for path in self.paths:
            checked(path)
        refuse_unknown("mode", self.mode, RestoreMode)
        refuse_unknown("verify", self.verify, ProofLevel)
        if unknown := self.preserve - PRESERVABLE:
            raise BadOption(f"preserve knows {', '.join(sorted(PRESERVABLE))}", preserve=sorted(unknown))
        if self.may_lack and self.mode != "mirror":
            raise BadOption("may_lack is for mode mirror, where what the backup does not hold is deleted", mode=self.mode)  # fmt: skip
        _number(self, "max_delete_ratio", 0, 1)
        _number(self, "threads", 0, 256)
        _number(self, "memory_mib", 8, 1 << 20)


@dataclass(frozen=True, slots=True)
class DrillOptions:
    """How a restore is tried.

    Args:
        sample_files: Files that are restored at most, 1 to 100,000, chosen at random; 0: all of the backup.
        sample_bytes: Bytes that they may have together; the first file of the sample is restored whatever its size.
        seed: Makes the choice the same again on the same backup; None: another one each time, which the report tells.
        threads: As for ``RestoreOptions``.
        memory_mib: As for ``RestoreOptions``.
        bandwidth: As for ``RestoreOptions``.
        holder: As for ``RestoreOptions``.
    """

    sample_files: int = 100
    sample_bytes: int = 1 << 30
    seed: int | None = None
    threads: int = 0
    memory_mib: int = 80
    bandwidth: str = ""
    holder: str = ""
    progress_s: float = 5.0

    def __post_init__(self) -> None:
        _number(self, "sample_files", 0, 100_000)
        _number(self, "sample_bytes", 1, 1 << 60)
        _number(self, "threads", 0, 256)
        _number(self, "memory_mib", 8, 1 << 20)
        Timetable.parse(self.bandwidth)
        if self.seed is not None and (isinstance(self.seed, bool) or not isinstance(self.seed, int)):
            raise BadOption("seed is a whole number", seed=self.seed)


def _texts(value: Iterable[str] | str, name: str) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise BadOption(f"{name} is a list of texts", **{name: value})
    return tuple(value)


def _number(options: object, name: str, low: float, high: float) -> None:
    value = getattr(options, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BadOption(f"{name} is a number from {low} to {high}", **{name: value})
