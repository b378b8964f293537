"""A prefix of an object store as a zone, on whatever an ObjectStore gives: what Google Cloud Storage and Azure have in common.

Entries are as those of an S3 zone: a directory is what keys lie below, or a marker; ``mtime_ms`` is what a writer left
in the metadata ``mtime``, else the store's time. Owner, group, mode, ACL and xattrs are not kept; they live in the manifest.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ObjectChanged,
    PathMissing,
    Unsupported,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Failure
from airflow_provider_livedata.engine.zones.base import Zone, file_at
from airflow_provider_livedata.engine.zones.objects import listing
from airflow_provider_livedata.engine.zones.objects.check import PROBES, check
from airflow_provider_livedata.engine.zones.objects.delete import delete
from airflow_provider_livedata.engine.zones.objects.store import NOTHING, ObjectStore
from airflow_provider_livedata.engine.zones.ranges import AHEAD_BYTES, ReadingOn

_STATE = ".livedata"


class ObjectZone(Zone):
    """See the module's text. Thread-safe. Uploads are each store's own."""

    def __init__(self, store: ObjectStore, connections: int) -> None:
        self.address, self.facts, self._store = store.address, store.facts, store
        self._on = ReadingOn()
        self._workers = ThreadPoolExecutor(min(connections, 32), thread_name_prefix=f"livedata-{self.facts.scheme}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.address)!r})"

    @abstractmethod
    def sweep_uploads(self, older_than_ms: int) -> int:
        """Remove what is left of uploads that were begun before; return how many there were."""

    @abstractmethod
    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See Moves: the store copies, and the origin stays."""

    def check(self, *, writable: bool) -> None:
        """See Zone.check; as a target, conditional writes are proved too."""
        check(self._store, writable=writable)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See Zone.scan; one request for a page, the next one always on its way."""
        start = f"{under}/" if under else ""
        pages = listing.pages(lambda token: self._store.page(start, token=token), self._workers,
                              in_order=self._store.lists_in_order)  # fmt: skip
        objects = (one for page in pages for one in page)
        if not start:
            objects = (one for one in objects if not one.key.startswith(_STATE))
        return listing.Directories(start).entries(self._store.in_place(objects))

    def stat(self, path: str) -> Entry | None:
        """See Zone.stat: one request for a file, two for anything else."""
        found = self._store.head(self._store.key(path)) if path else None
        if found is not None and found.is_folder:
            return Entry(path, "directory", mtime_ms=found.mtime_ms)
        return listing.file_of(found) if found is not None else self._stat_directory(path)

    def _stat_directory(self, path: str) -> Entry | None:
        key = f"{path}/" if path else ""
        first = self._store.first(key)
        if not first:
            is_there = not path and (not self._store.prefix or self._store.head_root() is not None)
            return Entry("", "directory") if is_there else None
        if first[0].key != key:
            return Entry(path, "directory", is_implied=True)
        one = first[0]
        return Entry(path, "directory", mtime_ms=one.mtime_ms, note=listing.marker_note(one.size_bytes))

    def read_whole(self, path: str) -> bytes | None:
        """See ReadsWhole."""
        try:
            coming = self._store.read(self._store.key(path), 0, None, "")
        except PathMissing:
            return None
        data = bytearray(coming.left)
        self._refuse_less(path, coming.fill(memoryview(data)), len(data))
        return bytes(data)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See Zone.read_into; a ranged request, conditional on the version, or the open one of a thread that reads on."""
        key = self._store.key(path)
        if not buffer.nbytes:
            return self._read_nothing(key, version)
        ahead = AHEAD_BYTES if version else 0
        filled, promised = self._on.fill(
            (path, version), offset, buffer, ahead, lambda size: self._store.read(key, offset, size, version)
        )
        self._refuse_less(path, filled, promised)
        return filled

    def _read_nothing(self, key: str, version: str) -> int:
        found = self._store.head(key)
        if found is None:
            raise PathMissing(NOTHING, address=str(self.address), path=key)
        if version and found.version != version:
            raise ObjectChanged("it was replaced while being read", address=str(self.address), path=key)
        return 0

    def _refuse_less(self, path: str, filled: int, promised: int) -> None:
        if filled != promised:
            raise ZoneUnreachable("the connection ended before the bytes did; try again", address=str(self.address),
                                  path=path, received=filled, promised=promised)  # fmt: skip

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See Zone.put. A conditional one is asked once: after ZoneUnreachable nobody knows whether it took place. Ask stat."""
        key, size_bytes = self._store.key(path), memoryview(data).nbytes
        if size_bytes > self.facts.max_put_bytes:
            raise Unsupported("larger than the store takes in one piece", path=path, size_bytes=size_bytes)
        return listing.file_of(self._store.put(key, data, checksum=checksum, attributes=attributes, expect=expect))

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See Zone.make_directory: writes a marker, never over what is there."""
        if not path:
            return  # the root is what lies below it
        try:
            self._store.mark(path, attributes)
        except AlreadyExists:
            return

    def keep(self, origin: str, path: str, *, version: str = "") -> None:
        """See KeepsFiles."""
        if file_at(self, path) is None:
            self.move(origin, path, version=version)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See Zone.delete; a request for each, many at a time, and a listing more for each directory."""
        return delete(self._store, entries, self._workers)

    def sweep(self, older_than_ms: int) -> int:
        """See Zone.sweep: uploads, and the probes of ``check``."""
        probes = [one for one in self._store.page(f"{PROBES}/").objects if one.mtime_ms < older_than_ms]
        for one in probes:
            self._store.delete(one.key)
        return self.sweep_uploads(older_than_ms) + len(probes)

    def close(self) -> None:
        """Give back connections and threads."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._store.close()
