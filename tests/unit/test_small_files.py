"""Small files in waves: each ends once and by itself, reads come before puts, and nobody waits for a pool that has stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.errors import LeaseLost, LiveDataError, PermissionRefused, StoreFull, ZoneBusy
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Entry, Held, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.transfer import small_files
from airflow_provider_livedata.engine.transfer.publisher import Staged
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.small_files import SmallFiles
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone

WAVE_BYTES, MOST_BYTES, FILE_BYTES = 100, 90, 10
OF_A_WAVE = 5  # files of 10 bytes
FAULTS = [None, None, None, "read", "put", "changed", "gone"]


class Ends:
    """A sink that remembers how each file ended."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.size_bytes = 0
        self._lock = threading.Lock()

    def _hear(self, how: str, step: Step) -> None:
        with self._lock:
            self.heard.append((step.entry.path, how))

    def landed(self, step: Step, row: Held, *, adopted: bool) -> None:
        self._hear("adopted" if adopted else "landed", step)

    def staged(self, step: Step, staged: Staged) -> None:
        raise AssertionError("nothing is staged")

    def failed(self, step: Step, error: LiveDataError) -> None:
        if isinstance(error, LeaseLost):
            raise error
        self._hear(type(error).__name__, step)

    def vanished(self, step: Step) -> None:
        self._hear("vanished", step)

    def open_at_source(self, entry: Entry) -> None:
        raise AssertionError("nothing is open")

    def moved(self, size_bytes: int) -> None:
        with self._lock:
            self.size_bytes += size_bytes


class Source(Around):
    """Refuses to read, or has something else by now, where a path says so. Remembers what was called."""

    def __init__(self, zone: Zone, faults: dict[str, str | None], calls: list[tuple[str, str]]) -> None:
        super().__init__(zone)
        self.faults, self.calls = faults, calls

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        self.calls.append(("read", path))
        if self.faults[path] == "read":
            raise PermissionRefused("no", path=path)
        return super().read_into(path, offset, buffer, version=version)


class Target(Around):
    """Refuses to write where a path says so. Remembers what was called."""

    def __init__(self, zone: Zone, faults: dict[str, str | None], calls: list[tuple[str, str]]) -> None:
        super().__init__(zone)
        self.faults, self.calls = faults, calls

    def put(self, path: str, data: Any, **how: Any) -> Entry:
        self.calls.append(("put", path))
        if self.faults[path] == "put":
            raise ZoneBusy("no", path=path)
        return super().put(path, data, **how)


class Case:
    """Files to be copied from one zone in memory to another, and what is to go wrong with each."""

    def __init__(self, sizes: Sequence[int], faults: Sequence[str | None], name: str) -> None:
        paths = [f"f{n:03d}" for n in range(len(sizes))]
        self.faults = dict(zip(paths, faults, strict=True))
        self.data = {path: bytes([n % 251]) * size for n, (path, size) in enumerate(zip(paths, sizes, strict=True))}
        self.calls: list[tuple[str, str]] = []
        source, target = (open_zone(f"memory://{name}-{side}/x", like="objects") for side in ("source", "target"))
        for zone in (source, target):
            zone.delete(list(zone.scan()))
        self.source, self.target = Source(source, self.faults, self.calls), Target(target, self.faults, self.calls)
        self.steps = [self._step(path) for path in paths]
        for path, fault in self.faults.items():
            if fault == "changed":
                self.data[path] = b"another" + self.data[path]
                source.put(path, self.data[path])
            elif fault == "gone":
                source.delete([entry for entry in source.scan() if entry.path == path])
        self.sink = Ends()

    def _step(self, path: str) -> Step:
        return Step("copy", "write", self.source.inner.put(path, self.data[path]), "new")

    def route(self, allow: Any = lambda: None, budget: int = 1 << 20) -> Route:
        return Route(self.source, self.target, Buffers(budget), Bandwidth(Timetable.parse("")), None, allow)

    def run(self, route: Route, threads: int) -> None:
        with Pool(threads, "test") as pool:
            small = SmallFiles(route, self.sink, pool)
            for step in self.steps:
                assert small.takes(step.entry)
                small.add(step)
            small.close()
            pool.wait()

    def arrived(self) -> dict[str, bytes]:
        return dict(self._read())

    def _read(self) -> Iterator[tuple[str, bytes]]:
        for entry in self.target.inner.scan():
            buffer = bytearray(entry.size_bytes)
            if buffer:
                self.target.inner.read_into(entry.path, 0, memoryview(buffer))
            yield entry.path, bytes(buffer)


@pytest.fixture(autouse=True)
def short_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_files, "WAVE_BYTES", WAVE_BYTES)
    monkeypatch.setattr(small_files, "MOST_BYTES", MOST_BYTES)
    monkeypatch.setattr(small_files, "FILE_BYTES", FILE_BYTES)
    monkeypatch.setattr(small_files, "STOPPED_S", 0.01)


HOW = {None: "landed", "changed": "landed", "read": "PermissionRefused", "put": "ZoneBusy", "gone": "vanished"}


@settings(max_examples=150, deadline=None)
@given(
    files=st.lists(st.tuples(st.integers(1, MOST_BYTES), st.sampled_from(FAULTS)), max_size=25),
    threads=st.integers(1, 6),
)
def test_each_file_ends_once_whatever_befalls_the_others(files: list[tuple[int, str | None]], threads: int) -> None:
    case = Case([size for size, _ in files], [fault for _, fault in files], "ends")
    case.run(case.route(), threads)
    assert sorted(case.sink.heard) == [(path, HOW[fault]) for path, fault in case.faults.items()]
    brought = {path: case.data[path] for path, fault in case.faults.items() if HOW[fault] == "landed"}
    assert case.arrived() == brought
    assert case.sink.size_bytes == sum(map(len, brought.values()))


def test_empty_files_are_in_a_wave_by_their_number() -> None:
    case = Case([0] * 7, [None] * 7, "empty")
    case.run(case.route(), 2)
    assert case.arrived() == dict.fromkeys(case.faults, b"")
    assert case.calls[0][0] == "put", "of an empty file nothing is read"


def test_all_of_a_wave_is_read_before_any_of_it_is_put() -> None:
    case = Case([10] * 4 * OF_A_WAVE, [None] * 4 * OF_A_WAVE, "order")
    case.run(case.route(), 1)
    for first in range(0, 4 * OF_A_WAVE, OF_A_WAVE):
        wave = [f"f{n:03d}" for n in range(first, first + OF_A_WAVE)]
        of_wave = [kind for kind, path in case.calls if path in wave]
        assert of_wave == ["read"] * OF_A_WAVE + ["put"] * OF_A_WAVE


def test_no_more_is_read_ahead_than_the_buffers_hold() -> None:
    case = Case([40] * 40, [None] * 40, "bounded")
    case.run(case.route(), 1)
    ahead = 0
    for kind, _ in case.calls:
        ahead += 1 if kind == "read" else -1
        assert 0 <= ahead <= 2 * WAVE_BYTES // 50


@pytest.mark.parametrize("slow", ["read", "put"])
def test_nobody_waits_for_a_file_that_takes_long(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_files, "MOST_BYTES", 10)  # the least room that there may be
    case = Case([10] * 60, [None] * 60, f"slow-{slow}")
    go_on, others = threading.Event(), threading.Event()

    def stall(kind: str, path: str) -> None:
        if (kind, path) == (slow, "f000"):
            go_on.wait(60)

    class Watching(Ends):
        def landed(self, step: Step, row: Held, *, adopted: bool) -> None:
            super().landed(step, row, adopted=adopted)
            if len(self.heard) == 59:
                others.set()

    case.sink = Watching()
    case.source.calls = case.target.calls = Calls(stall)
    running = threading.Thread(target=lambda: case.run(case.route(), 2))
    running.start()
    arrived_without = others.wait(10)
    go_on.set()
    running.join(60)
    assert arrived_without
    assert len(case.arrived()) == 60


class Calls(list[tuple[str, str]]):
    """Has ``then`` hear of each call as it begins."""

    def __init__(self, then: Callable[[str, str], None]) -> None:
        super().__init__()
        self.then = then

    def append(self, call: tuple[str, str]) -> None:
        self.then(*call)


def test_what_no_file_survives_ends_the_feeder_that_waits_for_a_buffer() -> None:
    case, calls = Case([10] * 40, [None] * 40, "stopped"), [0]

    def allow() -> None:
        calls[0] += 1
        if calls[0] > 2:
            raise LeaseLost("another run has it")

    with pytest.raises(LeaseLost):
        case.run(case.route(allow), 2)
    assert len(case.arrived()) == 2


def test_the_buffers_come_out_of_the_budget() -> None:
    case = Case([10] * 20, [None] * 20, "budget")
    route, left = case.route(budget=10 * WAVE_BYTES), 8 * WAVE_BYTES
    case.run(route, 1)
    had = threading.Event()

    def borrow() -> None:
        with route.buffers.borrow(1):
            had.set()

    with route.buffers.borrow(left):
        other = threading.Thread(target=borrow)
        other.start()
        assert not had.wait(0.2), "all that was left is lent"
    other.join(30)
    assert had.is_set()
    with route.buffers.borrow(left - 1), route.buffers.borrow(1):
        pass


def test_only_what_appears_by_one_put_is_taken() -> None:
    case = Case([10], [None], "taken")
    files = open_zone("memory://taken-files/x", like="files")
    with Pool(1, "test") as pool:
        entry = case.steps[0].entry
        small = SmallFiles(case.route(), case.sink, pool)
        assert small.takes(entry)
        assert not small.takes(entry._replace(size_bytes=MOST_BYTES + 1))
        to_files = Route(case.source, files, Buffers(1 << 20), Bandwidth(Timetable.parse("")), None, lambda: None)
        assert not SmallFiles(to_files, case.sink, pool).takes(entry)


def test_a_full_store_is_told_of_each_file_that_found_it_full() -> None:
    case = Case([10] * 5, ["full"] * 5, "full")

    class Full(Target):
        def put(self, path: str, data: Any, **how: Any) -> Entry:
            raise StoreFull("no room", path=path)

    case.target = Full(case.target.inner, case.faults, case.calls)
    case.run(case.route(), 2)
    assert sorted(case.sink.heard) == [(path, "StoreFull") for path in case.faults]
    assert case.arrived() == {}
