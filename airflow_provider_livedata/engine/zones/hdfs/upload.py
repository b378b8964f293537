"""Uploads to HDFS."""

from __future__ import annotations

from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.hdfs.data import Writer
from airflow_provider_livedata.engine.zones.hdfs.stage import Stage
from airflow_provider_livedata.engine.zones.hdfs.status import Status
from airflow_provider_livedata.engine.zones.in_order import InOrderUpload

SYNCED_FROM_BYTES = 1 << 20  # a smaller file is not worth a DataNode's wait for its disk


class HdfsUpload(InOrderUpload):
    """See ``Upload``. ``writer``: of one that was begun here; ``found``: the whole file of one that is taken up."""

    called = "HDFS"

    def __init__(
        self, stage: Stage, path: str, target: str, token: str, size_bytes: int, part_bytes: int,
        attributes: Attributes | None, *, writer: Writer | None = None, found: Status | None = None,
    ) -> None:  # fmt: skip
        super().__init__(path, token, size_bytes, part_bytes, writer)
        self._stage, self._target, self._attributes, self._found = stage, target, attributes, found
        self._written_bytes = 0

    def abort(self) -> None:
        """See ``Upload.abort``."""
        with self._lock:
            self._give_up()
            if not self._is_published:
                self._stage.discard(self.token)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        self._writer.write(data)
        self._written_bytes += len(data)
        if self._written_bytes == self._size_bytes > SYNCED_FROM_BYTES:
            self._writer.sync()

    def _finish(self, checksum: Checksum) -> Entry:
        if self._found is not None:
            return self._stage.finish_again(self.token, self._path, self._attributes, self._found)
        self._writer.close()
        return self._stage.finish(self.token, self._path, self._size_bytes, self._attributes)

    def _publish(self, staged: Entry, expect: Expect) -> None:
        self._stage.publish(self.token, self._target, staged, expect)
