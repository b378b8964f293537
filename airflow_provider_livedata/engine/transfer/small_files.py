"""Bring very many small files in waves: some hundred are read, then these are put, a task a file.

read, read, ... read, put, put, ... put, read, ...

A machine that only reads, or only writes, keeps the code and the connections of one service at hand. With reads and puts mixed each small
request finds those of the other: that costs this process and servers beside it a sixth of their CPU (docs/benchmarks.md). Nobody waits for a file
that takes long: the puts of a wave begin when no more of it are being read than there are threads, and these are put by whoever reads them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged
from airflow_provider_livedata.engine.model import Entry, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.transfer.copying import bring_whole, put
from airflow_provider_livedata.engine.transfer.landing import adopt, is_settled, not_brought
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink

MOST_BYTES = 32 << 10  # of a file: of larger ones too few are in a wave
WAVE_BYTES = 5 << 19  # 512 files of 4 KiB, each with FILE_BYTES
FILE_BYTES = 1 << 10  # about what a file takes beside its bytes
STOPPED_S = 1.0  # after so long a feeder that waits for room looks whether anybody works any more

Result = TypeVar("Result")


class SmallFiles:
    """Feeds ``pool`` with small files; ``sink`` hears of the end of each exactly once. One thread calls."""

    def __init__(self, route: Route, sink: Sink, pool: Pool) -> None:
        self.route, self.sink, self.pool = route, sink, pool
        self.room = _Room(2 * max(WAVE_BYTES, pool.threads * (MOST_BYTES + FILE_BYTES)), pool)
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
        if not self._is_used:
            self.route.buffers.set_aside(self.room.bytes)
            self._is_used = True
        needed = step.entry.size_bytes + FILE_BYTES
        if not self.room.take(needed):
            self.close()  # what is read of the wave must not wait for what waits for it
            self.room.wait(needed)
        if self._wave is None or not self._wave.has_room(needed):
            self.close()
            self._wave = _Wave(self)
        self._wave.add(step, needed)

    def close(self) -> None:
        """Have what was added so far put, without waiting for more."""
        if self._wave is not None:
            self._wave.close()
            self._wave = None


class _Room:
    """Bytes for all files on their way. Only the feeder takes, and where it has to wait, until half of them are free."""

    def __init__(self, size_bytes: int, pool: Pool) -> None:
        self.bytes, self._free, self._pool = size_bytes, size_bytes, pool
        self._is_awaited = False
        self._lock = threading.Lock()  # taken as it is, which takes half as long as through the condition
        self._changed = threading.Condition(self._lock)

    def take(self, size_bytes: int) -> bool:
        """Whether there was room."""
        with self._lock:
            if size_bytes > self._free:
                return False
            self._free -= size_bytes
            return True

    def wait(self, size_bytes: int) -> None:
        """Take once much is free; raises what stopped the pool."""
        with self._lock:
            self._is_awaited = True
            while self._free < self.bytes // 2:
                self._pool.raise_if_stopped()
                self._changed.wait(STOPPED_S)
            self._is_awaited = False
            self._free -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        with self._lock:
            self._free += size_bytes
            if self._is_awaited and self._free >= self.bytes // 2:
                self._changed.notify()


class _Read(NamedTuple):
    step: Step
    data: bytearray
    is_settled: bool
    taken_bytes: int


class _Wave:
    """Files that are put when those of them have been read that do not take long."""

    def __init__(self, small: SmallFiles) -> None:
        self._route, self._sink, self._pool, self._room = small.route, small.sink, small.pool, small.room
        self._free = WAVE_BYTES
        self._lock = threading.Lock()
        self._is_closed = self._is_being_put = False
        self._unread = 0
        self._read: list[_Read] = []

    def has_room(self, size_bytes: int) -> bool:
        return size_bytes <= self._free

    def add(self, step: Step, taken_bytes: int) -> None:
        self._free -= taken_bytes
        with self._lock:
            self._unread += 1
        self._pool.submit(lambda: self._bring(step, taken_bytes))

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            ready = self._ready()
        self._put_all(ready)

    def _bring(self, step: Step, taken_bytes: int) -> None:
        one = self._guarded(step, lambda: self._read_one(step, taken_bytes))
        with self._lock:
            self._unread -= 1
            is_late = self._is_being_put
            if one is not None and not is_late:
                self._read.append(one)
            ready = self._ready()
        self._put_all(ready)
        if one is None:
            self._room.give_back(taken_bytes)
        elif is_late:
            self._put_one(one)

    def _read_one(self, step: Step, taken_bytes: int) -> _Read | None:
        route, sink = self._route, self._sink
        if step.may_have_landed and adopt(step, route, sink):
            return None
        settled = is_settled(step.entry, route, sink)
        data = bytearray(step.entry.size_bytes)
        if data:
            route.read(step.entry, 0, memoryview(data))
        return _Read(step, data, settled, taken_bytes)

    def _ready(self) -> list[_Read]:
        """What is to be put from now on; asked with the lock held."""
        if not self._is_closed or self._is_being_put or self._unread > self._pool.threads:
            return []
        self._is_being_put = True
        ready, self._read = self._read, []
        return ready

    def _put_all(self, ready: list[_Read]) -> None:
        for one in ready:
            self._pool.follow(lambda one=one: self._put_one(one))  # type: ignore[misc]

    def _put_one(self, one: _Read) -> None:
        step, view = one.step, memoryview(one.data)
        self._guarded(step, lambda: put(step, self._route, self._sink, view, settled=one.is_settled))
        self._room.give_back(one.taken_bytes)

    def _guarded(self, step: Step, act: Callable[[], Result]) -> Result | None:
        """What ``act`` returns; None where ``sink`` has heard how it ended instead."""
        try:
            return act()
        except ObjectChanged:  # what is at the source by now counts, which is asked file by file
            bring_whole(step, self._route, self._sink)
        except LiveDataError as error:
            not_brought(step, self._route, self._sink, error)
        return None
