"""Uploads to a store that is written in order: parts go one after the other into a staged file."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_provider_livedata.engine.errors import ChecksumMismatch, LiveDataError, PathMissing
from airflow_provider_livedata.engine.model import Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload


class InOrderUpload(Upload):
    """See ``Upload``. Stores say how bytes go to ``writer``, how the file ends, and how it appears.

    ``writer``: of one that was begun here. None from the start: the whole file is there already; later: nothing more can be written.
    """

    called: ClassVar[str] = "the file"  # what is written in order, in errors

    def __init__(self, path: str, token: str, size_bytes: int, part_bytes: int, writer: Any) -> None:
        self.token, self.part_bytes = token, part_bytes
        self._path, self._size_bytes = path, size_bytes
        self._writer, self._is_taken_up = writer, writer is None
        self._written: list[Part] = []
        self._staged: Entry | None = None
        self._is_published = False
        self._lock = threading.Lock()

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """See ``Upload.part``. A part that was written already is not written again."""
        with self._lock:
            if self._is_taken_up:  # all bytes are there
                return Part(index, "", len(data), checksum)
            if index < len(self._written):
                return self._written[index]
            if index > len(self._written):
                raise ChecksumMismatch(
                    f"{self.called} is written in order", path=self._path, part=index, expected=len(self._written)
                )
            self._write(data)
            self._written.append(Part(index, "", len(data), checksum))
            return self._written[-1]

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``."""
        with self._lock:
            if self._staged is None:
                self._check_whole(parts)
                self._staged = self._finish(checksum)
            return self._staged

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``. Repeated on the same object, it says what it said before."""
        staged = self.stage(parts, checksum)
        if not self._is_published:
            self._publish(staged, expect)
            self._is_published = True
        return staged

    @abstractmethod
    def _send(self, data: bytes | bytearray | memoryview) -> None:
        """Write to the writer, which is there."""

    @abstractmethod
    def _finish(self, checksum: Checksum) -> Entry:
        """End the file, which is whole."""

    @abstractmethod
    def _publish(self, staged: Entry, expect: Expect) -> None:
        """Let it appear."""

    def _give_up(self) -> None:
        """Write nothing more."""
        self._writer = None

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        if self._writer is None:
            raise PathMissing("the upload is gone; begin it again", path=self._path)
        try:
            self._send(data)
        except LiveDataError:
            self._give_up()  # nobody knows how far it got
            raise

    def _check_whole(self, parts: Sequence[Part]) -> None:
        sizes = [part.size_bytes for part in sorted(parts, key=lambda part: part.index)]
        written = sizes if self._is_taken_up else [part.size_bytes for part in self._written]
        if not self._is_taken_up and self._writer is None:
            raise PathMissing("the upload is gone; begin it again", path=self._path)
        if not sum(written) == sum(sizes) == self._size_bytes or sizes != written:
            raise ChecksumMismatch("the parts do not make up the file", path=self._path, expected=self._size_bytes,
                                   found=sum(written), claimed=sum(sizes))  # fmt: skip
