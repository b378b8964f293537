"""The one interface of all stores, and the powers that only some have.

A zone is rooted at an address; every path given to it or got from it is relative to that root. Zones are used by many
threads at once. Every failure of a store arrives as one of the engine's errors: foreign exceptions never pass. A zone
does not retry on its own beyond what its client does within one call: callers retry what ``retryable`` says
(``zones/wrappers.py``). Ask ``isinstance(zone, Snapshots)``, never the scheme.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from airflow_provider_livedata.engine.errors import LiveDataError, NotADirectory
from airflow_provider_livedata.engine.model import (
    Attributes,
    Checksum,
    Entry,
    Expect,
    Facts,
    Failure,
    Part,
)
from airflow_provider_livedata.engine.zones.address import Address

RECORDS = ("checkpoint", "lease", "manifest", "role", "runs")  # folders of `.livedata` that hold nothing of the user's


class Zone(ABC):
    """One directory of a store, with everything below it."""

    address: Address
    facts: Facts

    @abstractmethod
    def check(self, *, writable: bool) -> None:
        """Prove that the zone can be used, changing nothing that stays.

        As a source (``writable`` False) the root must be a readable directory; as a target it may be absent, but what
        is there must be a directory, and writing must be allowed.

        Raises:
            PathMissing, BucketMissing, NotADirectory, PermissionRefused, CredentialsRefused, ZoneUnreachable: naming
                the address and what to do.
        """

    @abstractmethod
    def scan(self, under: str = "") -> Iterator[Entry]:
        """Yield every entry below the directory ``under``, in the order of ``Entry.key``, paged from the store.

        Paths are relative to the zone's root, whatever ``under`` is; ``under`` itself is not yielded, and an absent
        ``under`` yields nothing. Directories come before what they hold, empty ones too. Names that begin with
        ``.livedata`` directly below the root are left out unless ``under`` names them. A listing that cannot be completed raises: it never ends early.

        Raises:
            PermissionRefused, ZoneBusy, ZoneUnreachable.
        """

    @abstractmethod
    def stat(self, path: str) -> Entry | None:
        """The entry at ``path`` ("" is the root), or None where nothing is. Files carry the checksums that the store keeps."""

    @abstractmethod
    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """Fill ``buffer`` with the bytes of ``path`` from ``offset``; return how many there were (fewer only at the end).

        Args:
            path: A file.
            offset: First byte wanted, in bytes, 0 or more.
            buffer: Writable, one-dimensional, of bytes; filled from its start.
            version: When given, the version that the bytes must belong to.

        Raises:
            PathMissing: Nothing is there.
            ObjectChanged: The file is not of ``version`` any more; nothing read so far counts.
            CorruptSource: No intact replica.
        """

    @abstractmethod
    def put(
        self,
        path: str,
        data: bytes | bytearray | memoryview,
        *,
        checksum: Checksum | None = None,
        attributes: Attributes | None = None,
        expect: Expect = None,
    ) -> Entry:
        """Write a file in one piece, visible whole or not at all; parents are made.

        With ``checksum`` the store itself refuses other bytes where it can. With ``expect=ABSENT`` exactly one of many
        writers wins, and what appears is whole; with a version, only that version is replaced.

        Raises:
            AlreadyExists: ``expect`` is ABSENT and something is there.
            ObjectChanged: ``expect`` is a version and something else is there.
            ChecksumMismatch: The store received other bytes.
            NameRefused, PermissionRefused, StoreFull.
        """

    @abstractmethod
    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """Start writing a file of ``size_bytes`` that stays invisible until ``complete``."""

    @abstractmethod
    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """Take up an upload of another process by its token; None when it is gone or cannot be taken up."""

    @abstractmethod
    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """Make a directory and its parents; one that is there already is left as it is.

        On an object store this writes the marker ``path/``.
        """

    @abstractmethod
    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """Delete files and empty directories, in the order given; what is gone already counts as deleted.

        Returns those that could not be deleted; one failure does not stop the others. A directory that is not empty is
        a failure with error ``NotEmpty``. On an object store a directory's marker goes.
        """

    @abstractmethod
    def sweep(self, older_than_ms: int) -> int:
        """Remove what killed writers left behind: temporary files and unfinished uploads begun before that time (epoch ms).

        Returns how many were removed. Only the zone's own leftovers are touched.
        """

    def close(self) -> None:  # noqa: B027 - most zones hold nothing
        """Give back connections and threads. The zone is not used afterwards."""


class Upload(ABC):
    """A file being written in parts, invisible until ``complete``. Thread-safe where ``Facts.in_order`` is False.

    ``token`` survives the process. ``part_bytes`` is the size of every part but the last: what ``Facts.part_bytes`` says for
    the file's size. An empty file has one empty part.
    """

    token: str
    part_bytes: int

    @abstractmethod
    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """Write part ``index`` (from 0), in any order and idempotent; in index order where ``Facts.in_order``."""

    @abstractmethod
    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """All bytes are there: make them durable, with their attributes, still invisible.

        Returns the entry as it will be once published; its version is already the one that it will
        have where ``Facts.puts_publish`` is False (the journal is written from it), else "".
        """

    @abstractmethod
    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """Make the file visible under its name, replacing what is there: the only visible step.

        ``checksum`` is that of the whole file; a store that keeps checksums refuses other bytes. Idempotent after a
        lost reply as far as the store allows.

        Raises:
            ChecksumMismatch, ObjectChanged, AlreadyExists (as in ``Zone.put``), PathMissing (the upload is gone).
        """

    @abstractmethod
    def abort(self) -> None:
        """Forget the upload and free its space; never raises for one that is gone."""


def file_at(zone: Zone, path: str) -> Entry | None:
    """The file at a path; None where nothing is, or a directory, as an object store has it where others lie below the name."""
    found = None
    with suppress(NotADirectory):  # a file stands above it
        found = zone.stat(path)
    return found if found is not None and found.kind == "file" else None


def delete_each(entries: Sequence[Entry], delete: Callable[[Entry], None]) -> list[Failure]:
    """``Zone.delete`` of a store that deletes one by one: the failure of one does not stop the others."""
    failures = []
    for entry in entries:
        try:
            delete(entry)
        except LiveDataError as error:
            failures.append(Failure.of(entry.path, error))
    return failures
