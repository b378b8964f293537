"""Ranges of files: readers are kept while parts of one file are asked for, and never beyond its version.

A file read in one piece costs the NameNode one call; a live one whose version is to be checked costs two. HDFS never
changes bytes under a reader: it adds to the end, or puts another file in the place. So a version that is right after the
file was opened was right when it was opened, and each reader is checked once. A thread that reads on where it stopped is given the
bytes of one longer request, which stays open between its calls.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import OrderedDict
from contextlib import suppress

from airflow_provider_livedata.engine.errors import CorruptSource, LiveDataError, ObjectChanged, ZoneUnreachable
from airflow_provider_livedata.engine.zones.hdfs.data import Data, NoReplica, Reader
from airflow_provider_livedata.engine.zones.ranges import AHEAD_BYTES, OpenRange, ReadingOn

KEPT_READERS = 64
READ_AT_ONCE = 64 << 10  # files up to here are one packet of HDFS: a stream of it would only cost time
PROBE_SECONDS = 5.0
PAUSE_SECONDS = 1.0


class Reading:
    """Reads the files of one zone. ``is_frozen``: in a snapshot, where only files that are still open can change."""

    def __init__(self, data: Data, *, is_frozen: bool) -> None:
        self._data, self._is_frozen = data, is_frozen
        self._kept: OrderedDict[tuple[str, str], Reader] = OrderedDict()
        self._lock = threading.Lock()
        self._has_read = False
        self._on = ReadingOn()

    def read_into(self, path: str, offset: int, buffer: memoryview, version: str) -> int:
        """See ``Zone.read_into``; ``path`` is absolute."""
        key = (path, version)
        reader, was_kept = self._reader(key)
        size_bytes = self._size_bytes(reader, version)
        count = max(0, min(len(buffer), size_bytes - offset))
        if not count:
            return 0
        try:
            self._fill(reader, path, offset, buffer[:count])
        except ZoneUnreachable:
            self._forget(key)
            if not was_kept:
                self._again(key, offset, buffer[:count])
            else:  # blocks may have moved since it was opened
                return self.read_into(path, offset, buffer, version)
        if version and (offset or count < size_bytes):
            self._keep(key, reader)
        return count

    def _again(self, key: tuple[str, str], offset: int, buffer: memoryview) -> None:
        # A block that was cut short or grown a moment ago is refused by DataNodes for a while, as a damaged one is for ever.
        try:
            self._fill(self._opened(*key), key[0], offset, buffer)
        except NoReplica as first:
            time.sleep(PAUSE_SECONDS)
            self._for_the_last_time(key, offset, buffer, first)

    def _for_the_last_time(self, key: tuple[str, str], offset: int, buffer: memoryview, first: NoReplica) -> None:
        reader = self._opened(*key)
        try:
            self._fill(reader, key[0], offset, buffer)
        except NoReplica as error:
            # By now the NameNode may have struck off the DataNodes that were found without the block.
            said = error if error.nodes or error.nodes is None else first
            raise self._cause(said, reader, offset, len(buffer)) from error

    def _fill(self, reader: Reader, path: str, offset: int, buffer: memoryview) -> None:
        if offset == 0 and len(buffer) == reader.size_bytes <= READ_AT_ONCE:
            data = reader.whole()
            filled = len(data)
            buffer[:filled] = data
        else:
            ahead = min(AHEAD_BYTES, reader.size_bytes - offset)
            filled, _ = self._on.fill(
                reader, offset, buffer, ahead, lambda size: OpenRange(size, reader.stream(offset, size))
            )
        if filled != len(buffer):
            raise ObjectChanged(
                "the file became shorter while it was read", path=path, expected=len(buffer), found=filled
            )
        self._has_read = True

    def _reader(self, key: tuple[str, str]) -> tuple[Reader, bool]:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept, True
        return self._opened(*key), False

    def _opened(self, path: str, version: str) -> Reader:
        reader = self._data.read(path)
        if version and self._is_frozen:
            # A file that was open when the snapshot was taken may have grown in it; what was listed of it is still there.
            if reader.size_bytes < _listed(version):
                raise ObjectChanged("shorter than it was listed", path=path, expected=version, found=reader.size_bytes)
        elif version:
            self._check_live(path, version, reader)
        return reader

    def _check_live(self, path: str, version: str, reader: Reader) -> None:
        status = self._data.directories.status(path)
        found = "" if status is None else f"{status.size_bytes}:{status.mtime_ms}"
        if found != version:
            raise ObjectChanged("changed since it was listed", path=path, expected=version, found=found)
        if reader.size_bytes != _listed(version):
            raise ObjectChanged(
                "the file is being written: its last block cannot be read yet", path=path, version=version
            )

    def _size_bytes(self, reader: Reader, version: str) -> int:
        return min(reader.size_bytes, _listed(version)) if self._is_frozen and version else reader.size_bytes

    def _keep(self, key: tuple[str, str], reader: Reader) -> None:
        with self._lock:
            self._kept[key] = reader
            while len(self._kept) > KEPT_READERS:
                self._kept.popitem(last=False)

    def _forget(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def _cause(self, error: NoReplica, reader: Reader, offset: int, size_bytes: int) -> LiveDataError:
        """Damaged, or out of reach? The client does not tell, so the DataNodes are tried."""
        if error.nodes is not None and not error.nodes:
            return ZoneUnreachable("no DataNode that holds a block is alive", **error.where)
        silent = [f"{host}:{port}" for host, port in error.nodes or () if not _answers(host, port)]
        if silent:
            return ZoneUnreachable("DataNodes that hold a block do not answer", nodes=silent, **error.where)
        if self._has_read or any(
            self._gives(reader, at) for at in (offset, offset + size_bytes // 2, offset + size_bytes - 1)
        ):
            return CorruptSource(
                "no intact replica of a block is left: its DataNodes answer, and none gives bytes that pass HDFS's own "
                "checksums; look with 'hdfs fsck <path> -files -blocks -locations' and restore the file",
                offset=offset, **error.where)  # fmt: skip
        return ZoneUnreachable("DataNodes answer and give no bytes; check dfs.data.transfer.protection", **error.where)

    def _gives(self, reader: Reader, offset: int) -> bool:
        with suppress(LiveDataError):
            return b"".join(reader.stream(offset, 1)) != b""
        return False


def _listed(version: str) -> int:
    """The size in a version."""
    size = version.partition(":")[0]
    return int(size) if size.isdigit() else 1 << 62


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False
