"""Any history of operations and runs, some of which die: the target is what a plain dictionary says that the source is.

``test_difference.py`` compares source and target; here both are compared with a model, what is left out takes part in renames,
files grow in place or are being written, runs die at any call, snapshots get lost.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import ReplicateOptions, Report, open_zone, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryHdfs, MemoryZone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import PART_BYTES, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.tree_model import Tree

LEFT_OUT = "x"
ALL = ReplicateOptions(max_delete_ratio=1.0, threads=1, exclude=(LEFT_OUT,))
HISTORIES = 80  # test_histories.py has thousands of shorter runs, tests/soak/test_model.py thousands of these
_numbers = itertools.count()


class Operation(NamedTuple):
    kind: str
    path: str
    other: str
    number: int


class Cycle(NamedTuple):
    """Operations, and how the run after them goes; ``calls`` is how many it survives, where it dies."""

    operations: list[Operation]
    how: str
    calls: int
    when: Literal["before", "after"]


KINDS = ["write", "write", "append", "make", "rename", "rename", "rename", "delete", "mode"]
HOW = ["run", "run", "run", "run", "dies", "dies", "listings", "snapshots lost", "is written"]
FIRST = ["a/a", "a/b/a!", "a/b/b0", "b/a", "b/x/a", "b0/a!", "x/a"]  # else most operations find nothing to act on
# Few names, so that operations meet; "!" and "0" are beside "/" in the order of keys.
_paths = st.lists(st.sampled_from(["a", "b", "a!", "b0", LEFT_OUT]), min_size=1, max_size=3).map("/".join)
operations = st.lists(st.builds(Operation, st.sampled_from(KINDS), _paths, _paths, st.integers(0, 7)), max_size=8)
_cycles = st.builds(Cycle, operations, st.sampled_from(HOW), st.integers(0, 40), st.sampled_from(["before", "after"]))
histories = st.lists(_cycles, min_size=2, max_size=5)


def act(tree: Tree, zone: MemoryHdfs, operation: Operation) -> None:
    """Do it to both; both must allow it, or neither."""
    kind, path, other, number = operation
    data = f"{next(_numbers)}".encode() * (1 if number else 500)  # some files in parts
    mode = 0o700 + number
    allowed = {
        "write": lambda: tree.write(path, data),
        "append": lambda: tree.append(path, data),
        "make": lambda: tree.make(path),
        "rename": lambda: tree.rename(path, other),
        "delete": lambda: tree.delete(path),
        "mode": lambda: tree.mode(path, mode),
    }[kind]()
    done: Callable[[], object] = {
        "write": lambda: zone.put(path, data),
        "append": lambda: append(zone, path, data),
        "make": lambda: zone.make_directory(path),
        "rename": lambda: zone.rename(path, other),
        "delete": lambda: delete(zone, path),
        "mode": lambda: zone.set_attributes(path, Attributes(mode=mode)),
    }[kind]
    try:
        done()
    except LiveDataError:
        assert not allowed, operation
    else:
        assert allowed, operation


def append(zone: MemoryHdfs, path: str, data: bytes) -> None:
    """Let a file grow in its place, as HDFS does; ``put`` makes another file of the same name."""
    node, store = zone._file(path), zone.store
    grown = replace(node, data=(node.data or b"") + data, version=store.new_version(), written_ms=node.written_ms + 1)
    store._keep(zone.address.join(path).path, grown)


def delete(zone: MemoryHdfs, path: str) -> None:
    entry = zone.stat(path)
    if entry is None:
        raise LiveDataError("nothing is there")
    assert zone.delete([*reversed(list(zone.scan(path))), entry]) == []


class History:
    """One source and one target, and the model of the source."""

    def __init__(self, target_like: str, local: Path) -> None:
        self.names = [f"model{next(_numbers)}" for _ in range(2)]
        source = open_zone(f"memory://{self.names[0]}/s", like="hdfs", part_bytes=PART_BYTES)
        assert isinstance(source, MemoryHdfs)
        self.source, self.tree = source, Tree()
        self.target = cast(
            "MemoryZone",
            open_zone(f"file://{local}/{self.names[1]}") if target_like == "local"
            else open_zone(f"memory://{self.names[1]}/t", like=target_like, part_bytes=PART_BYTES),
        )  # fmt: skip
        self.keeps_modes = target_like != "objects"
        self.may_listen = False  # to a difference: a checkpoint and its snapshot are there
        source.make_directory("")
        for path in FIRST:
            act(self.tree, source, Operation("write", path, path, 1))

    def forget(self) -> None:
        for name in self.names:
            memory.forget(name)

    def pass_by(self, cycle: Cycle) -> None:
        for operation in cycle.operations:
            act(self.tree, self.source, operation)
        if cycle.how == "dies" and self.dies(cycle):
            return
        options = replace(ALL, find_by="listings") if cycle.how == "listings" else ALL
        if cycle.how == "snapshots lost":
            for snapshot in self.source.snapshots():
                self.source.drop_snapshot(snapshot.name)
        if cycle.how == "is written":
            self.source.store.open_paths |= {f"s/{path}" for path, node in self.tree.nodes.items() if node[0]}
        report = replicate(self.source, self.target, options, lease_times=IMPATIENT)
        self.source.store.open_paths.clear()
        expects_listing = not self.may_listen or cycle.how in ("listings", "snapshots lost")
        assert report.found_by.startswith("listings" if expects_listing else "difference"), report.found_by
        self.may_listen = True
        self.check(report)

    def dies(self, cycle: Cycle) -> bool:
        mortal = CrashAfter(self.target, cycle.calls, when=cycle.when)
        source, target = mortal.around_zone(self.source), Retrying(mortal, RetryPolicy(attempts=1))
        try:
            replicate(source, target, ALL, lease_times=IMPATIENT)
        except Crash:
            found = contents(self.target).values()
            assert all(data in self.tree.ever for data in found if data is not None), "a file that never was"
            self.may_listen = checkpoints.latest(StateFolder(self.target)) is not None
            return True
        self.may_listen = True
        return False

    def check(self, report: Report) -> None:
        wanted = self.tree.without(LEFT_OUT)
        assert contents(self.target) == {path: data for path, (data, _) in wanted.items()}
        if self.keeps_modes:
            assert {one.path: one.mode for one in self.target.scan()} == {
                path: mode for path, (_, mode) in wanted.items()
            }
        self.check_records(wanted)
        assert report.failed == 0
        assert len(self.source.snapshots()) == 1

    def check_records(self, wanted: dict[str, tuple[bytes | None, int]]) -> None:
        state = StateFolder(self.target)
        newest = checkpoints.latest(state)
        assert newest is not None
        rows = {row.entry.path: row.entry for row in checkpoints.manifest(state, newest)}
        sizes = {path: (len(data or b""), mode) for path, (data, mode) in wanted.items()}
        assert {path: (entry.size_bytes, entry.mode) for path, entry in rows.items()} == sizes
        files = [data for data, _ in wanted.values() if data is not None]
        assert (newest.files, newest.directories) == (len(files), len(wanted) - len(files))
        assert newest.size_bytes == sum(map(len, files))


def live_through(history: list[Cycle], target_like: str, local: Path) -> None:
    """A whole history, and that nothing is left to do after it."""
    one = History(target_like, local)
    try:
        for cycle in history:
            one.pass_by(cycle)
        one.pass_by(Cycle([], "run", 0, "before"))
        assert verify(one.source, one.target, level="listing").is_same
    finally:
        one.forget()


@settings(max_examples=HISTORIES)
@given(history=histories)
@pytest.mark.parametrize("target_like", ["objects", "hdfs", "files"])
def test_after_any_history_the_target_is_what_the_model_says(
    target_like: str, history: list[Cycle], tmp_path_factory: pytest.TempPathFactory
) -> None:
    live_through(history, target_like, tmp_path_factory.getbasetemp())


@settings(max_examples=HISTORIES // 8)
@given(history=histories)
def test_after_any_history_a_local_target_is_what_the_model_says(
    history: list[Cycle], tmp_path_factory: pytest.TempPathFactory
) -> None:
    live_through(history, "local", tmp_path_factory.getbasetemp())
