"""The powers that only some zones have. Ask ``isinstance(zone, Snapshots)``, never the scheme.

Each is a Protocol of few methods; ``zones/around.py`` gives a wrapper those of the zone inside. A new power is a class here and
methods in the zones that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from airflow_provider_livedata.engine.limits import Pace
from airflow_provider_livedata.engine.model import (
    Attributes,
    Checksum,
    Difference,
    Entry,
    Expect,
    Failure,
    Snapshot,
)
from airflow_provider_livedata.engine.zones.base import Zone


@runtime_checkable
class Snapshots(Protocol):
    """A zone that can freeze itself."""

    def snapshot(self, name: str, *, root: str = "") -> Snapshot:
        """Take the snapshot ``name``, or return it when it is there already.

        Args:
            name: Of the snapshot.
            root: The snapshottable directory, where that is known from before; saves asking for it.

        Raises:
            SnapshotRefused: Not snapshottable; the message holds the command that an administrator has to run.
        """
        ...

    def prepare_snapshots(self, *, allow: bool) -> str:
        """Check that snapshots can be taken here, before anything is changed; return the snapshottable root's path.

        With ``allow`` and the rights to do so, a location that is not snapshottable is made so; the caller reports it.

        Raises:
            SnapshotRefused: It cannot be done; says why (not allowed, nested, limit reached, quota) and what to do.
        """
        ...

    def snapshots(self) -> list[Snapshot]:
        """The snapshots of the snapshottable root, oldest first, other people's too."""
        ...

    def drop_snapshot(self, name: str) -> None:
        """Remove a snapshot; one that is gone is no error."""
        ...

    def at(self, snapshot: Snapshot) -> Zone:
        """A read-only view of this zone as the snapshot holds it."""
        ...


@runtime_checkable
class SnapshotDifference(Protocol):
    """A zone that can tell what changed between two of its snapshots, at a cost that follows the change."""

    def difference(self, old: Snapshot, new: Snapshot, *, most: int) -> Difference:
        """What changed from ``old`` to ``new``, in no order; something may be told twice.

        ``new`` may be one of no name: what is there now.

        Raises:
            PathMissing: One of the snapshots is gone.
            Unsupported: This server cannot tell, or there are more than ``most`` changes.
        """
        ...


@runtime_checkable
class Peeks(Protocol):
    """A zone that tells what is at a path for less than ``stat`` costs."""

    def peek(self, path: str, *, for_file: bool = False) -> Entry | None:
        """As ``stat``, but no more than a listing may tell: kind, size and version, and a time that need not be the writer's.

        Args:
            path: What is asked for.
            for_file: A file belongs there: an empty directory that would not be in its way need not be told.
        """
        ...


@runtime_checkable
class StatsMany(Protocol):
    """A zone that tells of many paths together for less than a ``stat`` of each costs."""

    def stat_many(self, paths: Sequence[str]) -> dict[str, Entry]:
        """What ``stat`` tells, of those of ``paths`` that are cheaper told together; all others are left out.

        So is what is not there: ``stat`` alone says that.
        """
        ...


@runtime_checkable
class ReadsWhole(Protocol):
    """A zone that hands over a small file by one request."""

    def read_whole(self, path: str) -> bytes | None:
        """All bytes of a file; None where there is none."""
        ...


@runtime_checkable
class ListsNames(Protocol):
    """A zone that can list a directory without looking below it."""

    def names_in(self, path: str) -> list[str] | None:
        """The names of what lies directly in a directory, in no order; none where there is no directory.

        None where a listing of all that lies below has to tell.
        """
        ...


@runtime_checkable
class ListsPast(Protocol):
    """A zone that can list on where it may not look into a directory."""

    def listing_past(self) -> Zone:
        """The same zone, whose listings yield a directory that may not be listed with a ``note`` that says why, and nothing below it.

        Of the directory that a listing is asked for they raise, as ever.
        """
        ...


@runtime_checkable
class LooksInside(Protocol):
    """A zone that tells whether a directory holds something without listing what lies below it."""

    def holds_any(self, path: str, counts: Callable[[str], bool]) -> bool:
        """Whether an entry of the directory at ``path`` has a path that ``counts``; not of one that is gone or a file."""
        ...


@runtime_checkable
class PacesCalls(Protocol):
    """A zone whose server many depend on, and which can ask it less often."""

    def paced(self, pace: Pace) -> Zone:
        """The same zone, each call of whose server waits for ``pace`` first; so do those of its views.

        One that keeps to that many calls a second already is given back as it is: all of a run share one pace.
        """
        ...


@runtime_checkable
class OpenFiles(Protocol):
    """A zone whose snapshots may hold files that go on growing (HDFS by default)."""

    def freezes_open_files(self) -> bool:
        """Whether they do not, since the store freezes what is open.

        Else a difference lacks what was appended after its older snapshot by who had opened the file before that, unless it had grown by then.
        """
        ...

    def may_have_open_files(self) -> bool:
        """Ask once, after the snapshot and before the scan: False when no file can be open in it, or it freezes them."""
        ...

    def is_open(self, entry: Entry) -> bool:
        """Whether the live file behind ``entry`` is being written, is no longer what ``entry`` says, or is not there to tell."""
        ...


@runtime_checkable
class Rename(Protocol):
    """A zone that moves a file or directory without copying it."""

    def rename(self, old: str, new: str) -> None:
        """Move ``old`` to ``new``; parents of ``new`` are made.

        Raises:
            PathMissing: ``old`` is not there.
            AlreadyExists: Something is at ``new``.
        """
        ...


@runtime_checkable
class Moves(Protocol):
    """A zone that gives a file of its own another name without sending its bytes."""

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """Let the file at ``origin`` appear at ``path``, whole or not at all; parents are made.

        Whether anything stays at ``origin`` is the zone's business: object stores copy, others rename.

        Args:
            origin: A file of this zone.
            path: Another one, which is replaced as ``expect`` allows.
            version: When given, what ``origin`` must still be.
            checksum: When given, a store that keeps checksums must find this one.
            attributes: What the file is to have from now on; None: what it has.
            expect: See ``Zone.put``.

        Raises:
            PathMissing: Nothing is at ``origin``.
            ObjectChanged: Something else is there, or at ``path``.
            AlreadyExists, ChecksumMismatch, IsADirectory, NameRefused: See ``Zone.put``.
        """
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """A zone that lets the bytes of a file be found at a second place as well, without sending them."""

    def keep(self, origin: str, path: str, *, version: str = "") -> None:
        """Let the file at ``origin`` be found at ``path`` too, where it stays when ``origin`` is replaced or deleted.

        A file that is at ``path`` already is left there; a name below ``path``, as an object store has it beside a file, is none. Parents are
        made.

        Raises:
            PathMissing: Nothing is at ``origin``.
            ObjectChanged: Not ``version``, where that is given.
        """
        ...


@runtime_checkable
class SetAttributes(Protocol):
    """A zone that can change attributes of what is there."""

    def set_attributes(self, path: str, attributes: Attributes) -> Entry:
        """Set those attributes that are not None; return the entry afterwards."""
        ...


@runtime_checkable
class LeavesAttributes(Protocol):
    """A zone that writes on when it may not set an attribute, such as an owner that only the superuser sets."""

    def attributes_left(self) -> list[Failure]:
        """The first attributes that could not be set since the zone was opened, and why."""
        ...


@runtime_checkable
class StreamedPuts(Protocol):
    """A zone that takes a file of up to ``Facts.max_stream_bytes`` in one request, without having all of it first."""

    def put_stream(
        self,
        path: str,
        size_bytes: int,
        piece_bytes: int,
        pieces: Iterator[memoryview],
        checksum: Callable[[], Checksum],
        *,
        attributes: Attributes | None = None,
        expect: Expect = None,
    ) -> Entry:
        """Write a file as ``Zone.put`` does; the store refuses it when its bytes have another checksum.

        Args:
            path: Of the file.
            size_bytes: Of the whole file.
            piece_bytes: Of every piece but the last, 8 KiB or more.
            pieces: The bytes in order, taken once; what they raise passes, and nothing is written then.
            checksum: Asked for after the last piece.
            attributes: See ``Zone.put``.
            expect: See ``Zone.put``.

        Raises:
            As ``Zone.put``. It is not tried again: the pieces are gone.
        """
        ...


@runtime_checkable
class StoreChecksum(Protocol):
    """A zone that can tell a checksum of a file without sending its bytes."""

    def store_checksum(self, path: str) -> str:
        """The store's own checksum as ``kind:value`` (``crc64nvme:0a..``, ``MD5-of-0MD5-of-512CRC32C:..``), "" if none.

        Equal text means equal bytes; unequal text of one kind means different bytes (for HDFS: or another block size);
        different kinds are not comparable.
        """
        ...


@runtime_checkable
class Cautions(Protocol):
    """A zone that promises less than others, and says so before it is used."""

    def cautions(self, *, as_target: bool) -> list[str]:
        """What a person should know, a line each."""
        ...


@runtime_checkable
class HoldsAsRecorded(Protocol):
    """A zone where writing replaces and removes nothing: it holds what its manifest says, and what the newest run brings."""

    def is_begun(self) -> bool:
        """Whether an earlier attempt may have left something that no manifest tells of."""
        ...

    def is_certain(self, version: str) -> bool:
        """Whether a file of that version is there because a record says so; else a listing has to tell."""
        ...
