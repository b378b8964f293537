"""Bring very many small files in waves: as many as a buffer holds are read, then these are put, a task a file.

read, read, ... read -> put, put, ... put -> the buffer is free

A machine that only reads, or only writes, keeps the code and the connections of one service at hand. With reads and puts mixed each small
request finds those of the other: that costs this process and the servers beside it a sixth of their CPU (docs/benchmarks.md).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import NamedTuple

from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged, PathMissing
from airflow_provider_livedata.engine.model import Entry, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.transfer.copying import bring_whole, put
from airflow_provider_livedata.engine.transfer.landing import adopt, is_settled
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink

MOST_BYTES = 32 << 10  # of a file: of larger ones too few are in a wave
WAVE_BYTES = 2 << 20
WAVE_FILES = 512
WAVES = 2  # one is being read while the last files of the other are put
STOPPED_S = 1.0  # after so long a feeder that waits for a buffer looks whether anybody works any more


class SmallFiles:
    """Feeds ``pool`` with small files; ``sink`` hears of the end of each exactly once. One thread calls."""

    def __init__(self, route: Route, sink: Sink, pool: Pool) -> None:
        self.route, self.sink, self.pool = route, sink, pool
        self._room = threading.Semaphore(WAVES)
        self._free: list[mmap] = []
        self._wave: _Wave | None = None
        self._is_used = False

    def takes(self, entry: Entry) -> bool:
        """Whether the file is small, and appears by one put."""
        return entry.size_bytes <= MOST_BYTES and self.route.publishes and self.route.is_one_part(entry)

    def add(self, step: Step) -> None:
        """Queue one that is taken; waits while too many are on their way.

        Raises:
            BaseException: What stopped the pool.
        """
        size_bytes = step.entry.size_bytes
        if self._wave is None or not self._wave.has_room(size_bytes):
            self.close()
            self._wave = self._begin()
        self._wave.add(step, size_bytes)

    def close(self) -> None:
        """Have what was added so far put, without waiting for more."""
        if self._wave is not None:
            self._wave.close()
            self._wave = None

    def _begin(self) -> _Wave:
        if not self._is_used:
            self.route.buffers.set_aside(WAVES * WAVE_BYTES)
            self._is_used = True
        while not self._room.acquire(timeout=STOPPED_S):
            self.pool.raise_if_stopped()
        buffer = self._free.pop() if self._free else mmap(-1, WAVE_BYTES, flags=MAP_PRIVATE | MAP_ANONYMOUS)
        return _Wave(self.route, self.sink, self.pool, buffer, self._end)

    def _end(self, buffer: mmap) -> None:
        self._free.append(buffer)
        self._room.release()


class _Read(NamedTuple):
    step: Step
    view: memoryview
    is_settled: bool


class _Wave:
    """Files that share a buffer; ``end`` hears when it is free. What ends last of a kind of task starts what comes next."""

    def __init__(self, route: Route, sink: Sink, pool: Pool, buffer: mmap, end: Callable[[mmap], None]) -> None:
        self._route, self._sink, self._pool = route, sink, pool
        self._buffer, self._view, self._end = buffer, memoryview(buffer), end
        self._files = self._used_bytes = 0
        self._lock = threading.Lock()
        self._unread = 1  # reads that have not ended, and one more while files may be added
        self._unput = 0
        self._read: list[_Read] = []

    def has_room(self, size_bytes: int) -> bool:
        return self._files < WAVE_FILES and self._used_bytes + size_bytes <= WAVE_BYTES

    def add(self, step: Step, size_bytes: int) -> None:
        view = self._view[self._used_bytes : self._used_bytes + size_bytes]
        self._files += 1
        self._used_bytes += size_bytes
        with self._lock:
            self._unread += 1
        self._pool.submit(lambda: self._read_one(step, view))

    def close(self) -> None:
        with self._lock:
            self._unread -= 1
            is_last = self._unread == 0
        if is_last:
            self._put_all()

    def _read_one(self, step: Step, view: memoryview) -> None:
        try:
            self._guarded(step, lambda: self._bring(step, view))
        finally:
            self.close()

    def _bring(self, step: Step, view: memoryview) -> None:
        route, sink = self._route, self._sink
        if step.may_have_landed and adopt(step, route, sink):
            return
        settled = is_settled(step.entry, route, sink)
        if view:
            route.read(step.entry, 0, view)
        self._read.append(_Read(step, view, settled))

    def _put_all(self) -> None:
        self._unput = len(self._read)
        if not self._read:
            self._end(self._buffer)
        for one in self._read:
            self._pool.follow(lambda one=one: self._put_one(one))  # type: ignore[misc]

    def _put_one(self, one: _Read) -> None:
        try:
            step, view, settled = one
            self._guarded(step, lambda: put(step, self._route, self._sink, view, settled=settled))
        finally:
            with self._lock:
                self._unput -= 1
                is_last = self._unput == 0
            if is_last:
                self._end(self._buffer)

    def _guarded(self, step: Step, act: Callable[[], None]) -> None:
        try:
            act()
        except (ObjectChanged, PathMissing):  # what is at the source by now counts, which is asked file by file
            bring_whole(step, self._route, self._sink)
        except LiveDataError as error:
            self._sink.failed(step, error)
