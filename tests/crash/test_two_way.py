"""Any histories of two sides that are synced again and again, some of the syncs dying: both end the same, and nothing that anybody wrote is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import TwoWayOptions, TwoWayReport, open_zone, two_way_sync
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Attributes, Entry
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryHdfs, MemoryZone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import PART_BYTES, put
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_model import append, delete

HISTORIES = 25
Bytes = dict[str, bytes]
_numbers = itertools.count()
_paths = st.lists(st.sampled_from(["a", "b", "a!", "b0"]), min_size=1, max_size=3).map("/".join)


class Operation(NamedTuple):
    side: int
    kind: str
    path: str
    other: str
    number: int


class Round(NamedTuple):
    """What both sides' users do, and how the sync after it goes; ``calls``: how many calls one side survives, where it dies."""

    operations: list[Operation]
    how: str
    calls: int
    side: int
    when: Literal["before", "after"]
    is_quiet: bool = True  # whether another sync follows before anybody changes anything


KINDS = ["write", "write", "write", "append", "make", "rename", "rename", "delete", "delete", "mode", "same"]
_operations = st.lists(
    st.builds(Operation, st.integers(0, 1), st.sampled_from(KINDS), _paths, _paths, st.integers(0, 7)), max_size=9
)
_rounds = st.builds(
    Round, _operations, st.sampled_from(["run", "run", "dies", "listings"]), st.integers(0, 60), st.integers(0, 1),
    st.sampled_from(["before", "after"]), st.booleans(),
)  # fmt: skip
histories = st.lists(_rounds, min_size=1, max_size=4)


class Sides:
    """Two sides in memory or on disk, and what both held when they last agreed."""

    def __init__(self, likes: tuple[str, str], policy: str, local: Path) -> None:
        self.names = [f"twoway{next(_numbers)}" for _ in likes]
        self.zones = [self._opened(name, like, local) for name, like in zip(self.names, likes, strict=True)]
        self.options = TwoWayOptions(conflicts=policy, how=ReplicateOptions(max_delete_ratio=1.0, threads=2))
        self.agreed: Bytes = {}

    def _opened(self, name: str, like: str, local: Path) -> MemoryZone:
        zone = (
            open_zone(f"file://{local}/{name}") if like == "local"
            else open_zone(f"memory://{name}/s", like=like, part_bytes=PART_BYTES)
        )  # fmt: skip
        zone.make_directory("")
        return cast("MemoryZone", zone)

    def forget(self) -> None:
        for name in self.names:
            memory.forget(name)

    def act(self, operation: Operation) -> None:
        """Do it as far as the store allows it."""
        side, kind, path, other, number = operation
        zone = self.zones[side]
        data = f"{next(_numbers)}.".encode() * (1 if number else 400)
        done: dict[str, Callable[[], object]] = {
            "write": lambda: zone.put(path, data) if number else put(zone, path, data),
            "same": lambda: [one.put(path, data) for one in self.zones],
            "append": lambda: append(cast("MemoryHdfs", zone), path, data),
            "make": lambda: zone.make_directory(path),
            "rename": lambda: zone.rename(path, other),  # type: ignore[attr-defined]
            "delete": lambda: delete(cast("MemoryHdfs", zone), path),
            "mode": lambda: zone.set_attributes(path, Attributes(mode=0o700 + number)),  # type: ignore[attr-defined]
        }
        try:
            done[kind]()
        except (LiveDataError, AttributeError):
            return

    def pass_by(self, one: Round) -> None:
        for operation in one.operations:
            self.act(operation)
        before = [files(zone) for zone in self.zones]
        if one.how == "dies":
            self.dies(one)
        report = self.sync("listings" if one.how == "listings" else "auto")
        self.check(before)
        if not one.is_quiet:
            return
        again = self.sync("auto")
        assert (again.changes, again.conflicts) == (0, 0), again.table()
        assert report.failed == report.left_for_next == 0, report.table()

    def sync(self, find_by: str) -> TwoWayReport:
        how = ReplicateOptions(max_delete_ratio=1.0, threads=2, find_by=find_by)  # type: ignore[arg-type]
        options = TwoWayOptions(conflicts=self.options.conflicts, how=how)
        return two_way_sync(self.zones[0], self.zones[1], options, lease_times=IMPATIENT)

    def dies(self, one: Round) -> None:
        mortal = CrashAfter(self.zones[one.side], one.calls, when=one.when)
        other = mortal.around_zone(self.zones[1 - one.side])
        pair = [Retrying(mortal, RetryPolicy(attempts=1)), other]
        try:
            left, right = pair if one.side == 0 else pair[::-1]
            two_way_sync(left, right, self.options, lease_times=IMPATIENT)
        except Crash:
            return

    def check(self, before: list[Bytes]) -> None:
        left, right = (contents(zone) for zone in self.zones)
        assert left == right
        now = set(left.values())
        kept = {data for zone in self.zones for data in set_aside(zone)}
        for ours, theirs in (before, before[::-1]):
            for path, data in ours.items():
                was_theirs = self.agreed.get(path) == data and theirs.get(path) != data  # they deleted or replaced it
                assert data in now or data in kept or was_theirs, (path, data)
                assert data in now or was_theirs or theirs.get(path) is not None or path in theirs, (path, data)
        assert now - {None} <= {data for each in before for data in each.values()}, "bytes that nobody wrote"
        self.agreed = {path: data for path, data in left.items() if data is not None}


def contents(zone: MemoryZone) -> dict[str, bytes | None]:
    """Bytes by key: in an object store a file and a directory may have one name."""
    return {entry.key: read(zone, entry) if entry.kind == "file" else None for entry in zone.scan()}


def files(zone: MemoryZone) -> Bytes:
    return {key: data for key, data in contents(zone).items() if data is not None}


def read(zone: MemoryZone, entry: Entry) -> bytes:
    buffer = bytearray(entry.size_bytes)
    zone.read_into(entry.path, 0, memoryview(buffer))
    return bytes(buffer)


def set_aside(zone: MemoryZone) -> list[bytes]:
    kept = [*zone.scan(".livedata/conflicts"), *zone.scan(".livedata/removed")]
    return [read(zone, entry) for entry in kept if entry.kind == "file"]


PAIRS = [("hdfs", "hdfs"), ("hdfs", "objects"), ("local", "hdfs"), ("objects", "objects")]


@pytest.mark.parametrize("policy", ["newest", "prefer:right", "keep_both"])
@pytest.mark.parametrize("likes", PAIRS, ids=["-".join(pair) for pair in PAIRS])
@settings(max_examples=HISTORIES, deadline=None)
@given(rounds=histories)
def test_both_sides_end_the_same_and_nothing_that_was_written_is_lost(
    likes: tuple[str, str], policy: str, rounds: list[Round], tmp_path_factory: pytest.TempPathFactory
) -> None:
    sides = Sides(likes, policy, tmp_path_factory.mktemp("two"))
    try:
        for one in rounds:
            sides.pass_by(one)
    finally:
        sides.forget()


def test_of_two_losers_one_below_the_name_of_the_other_both_are_kept(tmp_path: Path) -> None:
    sides = Sides(("objects", "objects"), "prefer:right", tmp_path)
    try:
        written = [Operation(side, "write", path, "", 0) for side in (0, 1) for path in ("a", "a/b")]
        sides.pass_by(Round(written, "run", 0, 0, "before", is_quiet=True))
        assert len(set_aside(sides.zones[0])) == 2
    finally:
        sides.forget()


def test_a_file_that_one_side_renamed_and_the_other_changed_is_there_under_both_names(tmp_path: Path) -> None:
    sides = Sides(("hdfs", "hdfs"), "newest", tmp_path)
    try:
        sides.pass_by(
            Round(
                [Operation(0, "write", "b", "", 0), Operation(0, "make", "a", "", 0)],
                "run",
                0,
                0,
                "before",
                is_quiet=True,
            )
        )
        renamed, changed = Operation(0, "rename", "b", "a/b", 0), Operation(1, "mode", "b", "", 0)
        sides.pass_by(Round([renamed, changed], "run", 0, 0, "before", is_quiet=True))
        assert {path for path, data in contents(sides.zones[1]).items() if data} == {"a/b", "b"}
    finally:
        sides.forget()
