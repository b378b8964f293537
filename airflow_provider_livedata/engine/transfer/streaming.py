"""Bring a file in one request, each piece sent as it is read."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    LeaseLost,
    LiveDataError,
    ObjectChanged,
    Unsupported,
)
from airflow_provider_livedata.engine.model import Entry, Step
from airflow_provider_livedata.engine.transfer.landing import as_listed, held
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink

log = logging.getLogger(__name__)
PIECE_BYTES = 1 << 20


def stream(step: Step, route: Route, sink: Sink, *, settled: bool) -> bool:
    """Bring the file in one request; False where that did not work and parts may."""
    with route.buffers.borrow(PIECE_BYTES, beside=route.beside(PIECE_BYTES)) as buffer:
        pieces = _Pieces(step.entry, route, sink, memoryview(buffer))
        try:
            landed = route.target.put_stream(  # type: ignore[attr-defined]
                step.entry.path, step.entry.size_bytes, PIECE_BYTES, iter(pieces), lambda: pieces.checksum,
                attributes=route.attributes(step.entry), expect=route.expect(step),
            )  # fmt: skip
        except LiveDataError as error:
            sink.moved(-pieces.size_bytes)
            if pieces.error is not None or not _may_parts_work(error):
                raise
            log.info("%s: sent in parts instead, since: %s", step.entry.path, error)
            return False
    sink.landed(step, held(step.entry, pieces.checksum, landed, settled=settled), adopted=False)
    return True


def _may_parts_work(error: LiveDataError) -> bool:
    verdicts = (AlreadyExists, ObjectChanged, LeaseLost)
    return not isinstance(error, verdicts) and (error.retryable or isinstance(error, (ChecksumMismatch, Unsupported)))


class _Pieces:
    """The bytes of a file in order, each piece in the same buffer, with the checksum of those that were handed out."""

    def __init__(self, entry: Entry, route: Route, sink: Sink, buffer: memoryview) -> None:
        self._entry, self._route, self._sink, self._buffer = entry, route, sink, buffer
        self.checksum, self.size_bytes = EMPTY, 0
        self.error: LiveDataError | None = None

    def __iter__(self) -> Iterator[memoryview]:
        try:
            for offset in range(0, self._entry.size_bytes, len(self._buffer)):
                view = self._buffer[: min(len(self._buffer), self._entry.size_bytes - offset)]
                self._route.read(self._entry, offset, view)
                self._route.allow()
                self.checksum = checksum_of(view, self.checksum)
                if offset + len(view) == self._entry.size_bytes:  # after it the store may have all that it waits for
                    as_listed(self._entry, self.checksum)
                yield view
                self.size_bytes += len(view)
                self._sink.moved(len(view))
        except LiveDataError as error:
            self.error = error
            raise
