"""Uploads by fsspec: parts go one after the other into a staged file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from airflow_provider_livedata.engine.errors import ChecksumMismatch, LiveDataError, PathMissing
from airflow_provider_livedata.engine.model import Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.any_fsspec.errors import engine_errors
from airflow_provider_livedata.engine.zones.any_fsspec.stage import Stage
from airflow_provider_livedata.engine.zones.base import Upload


class FsspecUpload(Upload):
    """See ``Upload``. ``writer``: of one that was begun here; without it the whole file is there already."""

    def __init__(
        self, stage: Stage, path: str, token: str, size_bytes: int, part_bytes: int, writer: Any = None
    ) -> None:
        self.token, self.part_bytes = token, part_bytes
        self._stage, self._path, self._size_bytes = stage, path, size_bytes
        self._writer, self._is_taken_up = writer, writer is None
        self._written: list[Part] = []
        self._staged: Entry | None = None
        self._is_published = False
        self._lock = threading.Lock()

    def __del__(self) -> None:
        _let_go(self._writer)

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """See ``Upload.part``. A part that was written already is not written again."""
        with self._lock:
            if self._is_taken_up:
                return Part(index, "", len(data), checksum)
            if index < len(self._written):
                return self._written[index]
            if index > len(self._written):
                raise ChecksumMismatch(
                    "the file is written in order", path=self._path, part=index, expected=len(self._written)
                )
            self._write(data)
            self._written.append(Part(index, "", len(data), checksum))
            return self._written[-1]

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``: read back and compared."""
        with self._lock:
            if self._staged is None:
                self._end(parts)
                self._staged = self._stage.proved(self.token, self._path, self._size_bytes, checksum)
            return self._staged

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``. Repeated on the same object, it says what it said before."""
        staged = self.stage(parts, checksum)
        if not self._is_published:
            self._stage.publish(self.token, staged, expect)
            self._is_published = True
        return staged

    def abort(self) -> None:
        """See ``Upload.abort``."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                with suppress(LiveDataError), engine_errors(self._path):
                    writer.close()
            if not self._is_published:
                self._stage.discard(self.token)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        if self._writer is None:
            raise PathMissing("the upload is gone; begin it again", path=self._path)
        try:
            with engine_errors(self._path):
                self._writer.write(data)
        except LiveDataError:
            _let_go(self._writer)  # nobody knows how far it got
            self._writer = None
            raise

    def _end(self, parts: Sequence[Part]) -> None:
        sizes = [part.size_bytes for part in sorted(parts, key=lambda part: part.index)]
        written = sizes if self._is_taken_up else [part.size_bytes for part in self._written]
        if not self._is_taken_up and self._writer is None:
            raise PathMissing("the upload is gone; begin it again", path=self._path)
        if not sum(written) == sum(sizes) == self._size_bytes or sizes != written:
            raise ChecksumMismatch("the parts do not make up the file", path=self._path, expected=self._size_bytes,
                                   found=sum(written), claimed=sum(sizes))  # fmt: skip
        if self._writer is not None:
            with engine_errors(self._path):
                self._writer.close()


def _let_go(writer: Any) -> None:
    """Have a file that is thrown away write nothing more: fsspec would send what it holds, whenever that is, to a file that may be gone."""
    if writer is not None:
        with suppress(AttributeError):  # of a local file, which holds nothing back
            writer.closed = True
