"""Uploads by fsspec."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.any_fsspec.errors import engine_errors
from airflow_provider_livedata.engine.zones.any_fsspec.stage import Stage
from airflow_provider_livedata.engine.zones.in_order import InOrderUpload


class FsspecUpload(InOrderUpload):
    """See ``Upload``. ``writer``: of one that was begun here; without it the whole file is there already."""

    def __init__(
        self, stage: Stage, path: str, token: str, size_bytes: int, part_bytes: int, writer: Any = None
    ) -> None:
        super().__init__(path, token, size_bytes, part_bytes, writer)
        self._stage = stage

    def __del__(self) -> None:
        self._give_up()

    def abort(self) -> None:
        """See ``Upload.abort``."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                with suppress(LiveDataError), engine_errors(self._path):
                    writer.close()
            if not self._is_published:
                self._stage.discard(self.token)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        with engine_errors(self._path):
            self._writer.write(data)

    def _finish(self, checksum: Checksum) -> Entry:
        """Read back and compared."""
        if self._writer is not None:
            with engine_errors(self._path):
                self._writer.close()
        return self._stage.proved(self.token, self._path, self._size_bytes, checksum)

    def _publish(self, staged: Entry, expect: Expect) -> None:
        self._stage.publish(self.token, staged, expect)

    def _give_up(self) -> None:
        """Have what is thrown away write nothing more: fsspec would send what it holds, whenever that is, to a file that may be gone."""
        if self._writer is not None:
            with suppress(AttributeError):  # of a local file, which holds nothing back
                self._writer.closed = True
        super()._give_up()
