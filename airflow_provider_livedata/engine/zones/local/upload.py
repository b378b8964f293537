"""Uploads to a local zone: parts are written in place, in any order, into a staged file."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import ChecksumMismatch, PathMissing
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.local.attributes import entry_of, xattrs_told
from airflow_provider_livedata.engine.zones.local.errors import engine_errors

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.zones.local.stage import Stage


class LocalUpload(Upload):
    """See ``Upload``. ``staged``: the entry of a file that is sealed already."""

    def __init__(
        self, stage: Stage, names: list[str], token: str, size_bytes: int, part_bytes: int,
        attributes: Attributes | None, *, handle: int = -1, staged: Entry | None = None,
    ) -> None:  # fmt: skip
        self.token, self.part_bytes = token, part_bytes
        self._stage, self._names, self._path = stage, names, "/".join(names)
        self._size_bytes, self._attributes = size_bytes, attributes
        self._handle, self._staged, self._is_published = handle, staged, False
        self._is_resumed = handle < 0
        self._lock = threading.Lock()

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """See ``Upload.part``."""
        with engine_errors(self._path):
            write_at(self._opened(), data, index * self.part_bytes)
        return Part(index, "", len(data), checksum)

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``."""
        if self._staged is None:
            with engine_errors(self._path):
                handle = self._opened()
                self._check_whole(handle, parts)
                found = self._stage.finish(handle, self._attributes)
                self._staged = entry_of(self._path, found, xattrs_told(handle))
                self._stage.seal(self.token)
            self._close()
        return self._staged

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``. Repeated on the same object, it says what it said before."""
        staged = self.stage(parts, checksum)
        if not self._is_published:
            with engine_errors(self._path):
                self._stage.publish(self.token, self._names, expect, is_sealed=True)
            self._is_published = True
        return staged

    def abort(self) -> None:
        """See ``Upload.abort``."""
        self._close()
        with engine_errors(self._path):
            self._stage.discard(self.token)

    def _opened(self) -> int:
        with self._lock:
            if self._handle < 0:
                if self._stage.find(self.token) is None:
                    raise PathMissing("the upload is gone", path=self._path)
                self._handle = self._stage.reopen(self.token)
            return self._handle

    def _close(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _check_whole(self, handle: int, parts: Sequence[Part]) -> None:
        found, claimed = os.fstat(handle).st_size, sum(part.size_bytes for part in parts)
        if not found == claimed == self._size_bytes:
            raise ChecksumMismatch("the parts do not make up the file", path=self._path, expected=self._size_bytes,
                                   found=found, claimed=claimed)  # fmt: skip
        if self._is_resumed:
            self._check_parts(handle, parts)

    def _check_parts(self, handle: int, parts: Sequence[Part]) -> None:
        # Parts are not synced one by one: those of a process that a power cut ended may be holes by now.
        buffer = memoryview(bytearray(min(self.part_bytes, self._size_bytes)))
        for part in parts:
            count = read_at(handle, buffer[: part.size_bytes], part.index * self.part_bytes)
            if checksum_of(buffer[:count]) != part.checksum:
                raise ChecksumMismatch("a part written before the interruption is not intact; send the file again",
                                       path=self._path, part=part.index)  # fmt: skip


def write_at(handle: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of ``data``: one call may take only some of it."""
    left = memoryview(data).cast("B")
    while left:
        count = os.pwrite(handle, left, offset)
        left, offset = left[count:], offset + count


def read_at(handle: int, buffer: memoryview, offset: int) -> int:
    """Fill ``buffer`` as far as the file goes; returns the number of bytes."""
    filled = 0
    while filled < len(buffer):
        count = os.preadv(handle, [buffer[filled:]], offset + filled)
        if count == 0:
            break
        filled += count
    return filled
