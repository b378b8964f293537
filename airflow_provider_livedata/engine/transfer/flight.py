"""A large file on its way, its parts in the hands of many threads."""

from __future__ import annotations

import threading

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Part, Step
from airflow_provider_livedata.engine.transfer.landing import adopt, hand_over, is_settled, not_brought
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink
from airflow_provider_livedata.engine.zones.base import Upload


class Flight:
    """One file of ``count`` parts; each is brought by a call of ``part``, in any order."""

    def __init__(self, step: Step, route: Route, sink: Sink) -> None:
        self._step, self._route, self._sink = step, route, sink
        self._bytes = route.target.facts.part_bytes(step.entry.size_bytes)
        self.count = -(-step.entry.size_bytes // self._bytes)
        self._lock = threading.Lock()
        self._upload: Upload | None = None
        self._settled = True
        self._parts: dict[int, Part] = {}
        self._left = self.count
        self._error: LiveDataError | None = None
        self._is_adopted = False

    def part(self, index: int) -> None:
        """Bring one part; the last one to end ends the file."""
        try:
            if self._error is None and not self._is_adopted:
                self._bring(index)
        except LiveDataError as error:
            self._error = self._error or error
        finally:
            with self._lock:
                self._left -= 1
                is_last = self._left == 0
        if is_last:
            self._end()

    def _bring(self, index: int) -> None:
        upload = self._begun()
        if upload is None:
            return
        offset = index * upload.part_bytes
        size = min(upload.part_bytes, self._step.entry.size_bytes - offset)
        with self._route.buffers.borrow(upload.part_bytes, beside=self._route.beside(size)) as buffer:
            view = memoryview(buffer)[:size]
            self._route.read(self._step.entry, offset, view)
            self._route.allow()
            self._parts[index] = upload.part(index, view, checksum_of(view))
        self._sink.moved(size)

    def _begun(self) -> Upload | None:
        with self._lock:
            if self._error is not None:
                return None
            if self._upload is None and not self._is_adopted:
                self._begin()
            return self._upload

    def _begin(self) -> None:
        step, route = self._step, self._route
        if step.may_have_landed and adopt(step, route, self._sink):
            self._is_adopted = True
            return
        self._settled = is_settled(step.entry, route, self._sink)
        upload = route.target.begin(step.entry.path, step.entry.size_bytes, attributes=route.attributes(step.entry))
        if upload.part_bytes != self._bytes:
            raise ValueError(f"zone chose parts of {upload.part_bytes} bytes where {self._bytes} follow from its facts")
        self._upload = upload

    def _end(self) -> None:
        if self._is_adopted:
            return
        try:
            if self._error is not None:
                raise self._error
            if self._upload is None:
                raise ValueError("a flight without an upload")
            parts = [self._parts[n] for n in range(self.count)]
            hand_over(self._step, self._route, self._sink, self._upload, parts, settled=self._settled)
        except LiveDataError as error:
            if self._upload is not None:
                self._upload.abort()
            not_brought(self._step, self._route, self._sink, error)
