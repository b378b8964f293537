"""Uploads to HDFS: parts go one after the other into a staged file."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from airflow_provider_livedata.engine.errors import ChecksumMismatch, LiveDataError, PathMissing
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.hdfs.data import Writer
from airflow_provider_livedata.engine.zones.hdfs.stage import Stage
from airflow_provider_livedata.engine.zones.hdfs.status import Status

SYNCED_FROM_BYTES = 1 << 20  # a smaller file is not worth a DataNode's wait for its disk


class HdfsUpload(Upload):
    """See ``Upload``. ``writer``: of one that was begun here; ``found``: the whole file of one that is taken up."""

    def __init__(
        self, stage: Stage, path: str, target: str, token: str, size_bytes: int, part_bytes: int,
        attributes: Attributes | None, *, writer: Writer | None = None, found: Status | None = None,
    ) -> None:  # fmt: skip
        self.token, self.part_bytes = token, part_bytes
        self._stage, self._path, self._target = stage, path, target
        self._size_bytes, self._attributes = size_bytes, attributes
        self._writer, self._found = writer, found
        self._written: list[Part] = []
        self._written_bytes = 0
        self._staged: Entry | None = None
        self._is_published = False
        self._lock = threading.Lock()

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """See ``Upload.part``. A part that was written already is not written again."""
        with self._lock:
            if self._found is not None:  # all bytes are there
                return Part(index, "", len(data), checksum)
            if index < len(self._written):
                return self._written[index]
            if index > len(self._written):
                raise ChecksumMismatch(
                    "HDFS is written in order", path=self._path, part=index, expected=len(self._written)
                )
            self._write(data)
            self._written.append(Part(index, "", len(data), checksum))
            return self._written[-1]

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``."""
        with self._lock:
            if self._staged is None:
                self._check_whole(parts)
                self._staged = self._finish()
            return self._staged

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``. Repeated on the same object, it says what it said before."""
        staged = self.stage(parts, checksum)
        if not self._is_published:
            self._stage.publish(self.token, self._target, staged, expect)
            self._is_published = True
        return staged

    def abort(self) -> None:
        """See ``Upload.abort``."""
        with self._lock:
            self._writer = None
            if not self._is_published:
                self._stage.discard(self.token)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        if self._writer is None:
            raise PathMissing("the upload is gone; begin it again", path=self._path)
        try:
            self._writer.write(data)
            self._written_bytes += len(data)
            if self._written_bytes == self._size_bytes > SYNCED_FROM_BYTES:
                self._writer.sync()
        except LiveDataError:
            self._writer = None  # nobody knows how far it got
            raise

    def _finish(self) -> Entry:
        if self._found is not None:
            return self._stage.finish_again(self.token, self._path, self._attributes, self._found)
        if self._writer is not None:
            self._writer.close()
        return self._stage.finish(self.token, self._path, self._size_bytes, self._attributes)

    def _check_whole(self, parts: Sequence[Part]) -> None:
        sizes = [part.size_bytes for part in sorted(parts, key=lambda part: part.index)]
        written = [part.size_bytes for part in self._written] if self._found is None else sizes
        if self._found is None and self._writer is None:
            raise PathMissing("the upload is gone; begin it again", path=self._path)
        if not sum(written) == sum(sizes) == self._size_bytes or sizes != written:
            raise ChecksumMismatch("the parts do not make up the file", path=self._path, expected=self._size_bytes,
                                   found=sum(written), claimed=sum(sizes))  # fmt: skip
