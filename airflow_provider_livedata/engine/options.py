"""What a user may ask of a replication; every field is checked when it is made. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.choices import refuse_unknown
from airflow_provider_livedata.engine.deciding.filters import DEFAULT_EXCLUDES, Filter
from airflow_provider_livedata.engine.deciding.policy import Foreign
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.timetable import Timetable

BACKUP_LISTS_EVERY_H = 168.0  # of backups: once a night, listings that are due once a day would be all of them
PRIORITY = 10
FindBy = Literal["auto", "listings"]
Consistency = Literal["files", "snapshot"]
PRESERVABLE = frozenset({"owner", "group", "mode", "mtime", "acl", "xattrs"})


@dataclass(frozen=True, slots=True)
class ReplicateOptions:
    """How to replicate.

    Args:
        exclude: Patterns of paths to leave out, in addition to the default ones (engine/deciding/filters.py).
        dry_run: Write the whole plan and change nothing else.
        preserve: Attributes that go along: owner, group, mode, mtime, acl, xattrs. ``xattrs`` costs one NameNode call
            an entry on HDFS, which cannot say which entries have any.
        max_delete_ratio: Share of the target's files, 0 to 1, above which deletions stop the run.
        foreign: What to do about paths of the target that someone else wrote: stop, keep, replace.
        accept_new_filter: Go on although the exclusions differ from those that the target was made with.
        skip_unholdable: Leave out (and report) entries that the target cannot hold, instead of stopping.
        find_by: "auto": changes are found by the source's snapshot difference where that can be; "listings": by comparing
            everything, which also finds what someone else changed at the target where the source did not change.
        list_every_h: Hours after which everything is compared again, since HDFS leaves out of its differences what changed
            neither in length nor in rights: a time that was set, also by closing a file without another byte, a file cut short
            and grown to the same length. Where it does not freeze open files, also what was appended after a snapshot by who had
            opened the file before it; 0: never.
        consistency: "files": each file appears as soon as it has landed; "snapshot": changed files stay invisible until all of
            them are at the target, so that it can be brought to one consistent state at every moment, from itself alone. The
            first copy has no older state to keep, and is always by files.
        keep_removed: Days for which what is replaced or deleted at the target is kept; 0: not at all.
        keep_manifests: Keep the manifest of every checkpoint: backups refer to them (engine/backups/record.py).
        allow_snapshot: Make the source snapshottable where that needs to be and may be done.
        exclusive: Promise that nobody else writes to a target that has no conditional writes.
        bandwidth: ``50MiB/s`` or a timetable such as ``08:00-18:00=50MiB/s, off``; "" is no limit.
        threads: Tasks at once, 1 to 256; 0: as many as suit sizes, distance and memory (engine/deciding/tuning.py).
        max_reads: Reads from the source at once; 0 is as many as threads.
        max_namenode_calls_per_s: Calls of the source's NameNode a second, where it is HDFS, by all threads together
            (engine/zones/hdfs/zone.py says what counts); 0: no limit.
        priority: This run's part of a zone's bandwidth that runs share (docs/pace.md), 1 to 1,000: 20 gets twice what 10 gets.
        memory_mib: Budget of all bytes on their way, in MiB, those in the clients of HDFS and S3 included.
        holder: Who runs this, as another run will be told.
    """

    exclude: tuple[str, ...] = ()
    dry_run: bool = False
    preserve: frozenset[str] = frozenset({"owner", "group", "mode", "mtime", "acl"})
    max_delete_ratio: float = 0.5
    foreign: Foreign = "stop"
    accept_new_filter: bool = False
    skip_unholdable: bool = False
    find_by: FindBy = "auto"
    list_every_h: float = 24
    consistency: Consistency = "files"
    keep_removed: float = 0
    keep_manifests: bool = False
    allow_snapshot: bool = True
    exclusive: bool = False
    bandwidth: str = ""
    threads: int = 0
    max_reads: int = 0
    max_namenode_calls_per_s: int = 0
    priority: int = PRIORITY
    memory_mib: int = 80
    holder: str = ""
    progress_s: float = 5.0
    timetable: Timetable = field(init=False)
    filter: Filter = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclude", _texts(self.exclude, "exclude"))
        object.__setattr__(self, "preserve", frozenset(_texts(self.preserve, "preserve")))
        object.__setattr__(self, "timetable", Timetable.parse(self.bandwidth))
        object.__setattr__(self, "filter", Filter((*DEFAULT_EXCLUDES, *self.exclude)))
        self._check()

    def _check(self) -> None:
        unknown = self.preserve - PRESERVABLE
        if unknown:
            raise BadOption(f"preserve knows {', '.join(sorted(PRESERVABLE))}", preserve=sorted(unknown))
        refuse_unknown("foreign", self.foreign, Foreign)
        refuse_unknown("find_by", self.find_by, FindBy)
        refuse_unknown("consistency", self.consistency, Consistency)
        for name, low, high in (
            ("max_delete_ratio", 0, 1),
            ("threads", 0, 256),
            ("max_reads", 0, 256),
            ("max_namenode_calls_per_s", 0, 1_000_000),
            ("priority", 1, 1000),
            ("memory_mib", 8, 1 << 20),
            ("list_every_h", 0, 1 << 20),
            ("keep_removed", 0, 36_500),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise BadOption(f"{name} is a number from {low} to {high}", **{name: value})


def _texts(value: Iterable[str] | str, name: str) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise BadOption(f"{name} is a list of texts", **{name: value})
    return tuple(value)
