"""Thousands of histories: what the difference tells, the plan and the transfer make the target what a plain dictionary says.

The deciding and the doing are those of a run, without what makes one durable: manifest and journal are lists. ``test_model.py``
lives through whole runs, some of which die.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.deciding.cover import Cover, cover_of
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.deciding.plan import Planner
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.renames import Renames
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Held, Phase, Step
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication.finding import Known, Way, rows_of
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.transfer.phases import Transfer
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryHdfs, MemoryZone
from airflow_provider_livedata.testing.faults import Counting
from tests.crash.conftest import PART_BYTES, contents
from tests.crash.test_model import ALL, FIRST, LEFT_OUT, Operation, act, operations
from tests.crash.tree_model import Tree

HISTORIES = 700  # of each kind of target
_names = itertools.count()
_seen = Counter[str]()
histories = st.lists(operations, min_size=1, max_size=4)


class Rows(Known):
    """A manifest that is a list."""

    def __init__(self) -> None:
        super().__init__(None, None, [], [], [])  # type: ignore[arg-type]
        self.rows: list[Held] = []

    def manifest(self, cover: Cover | None) -> list[SortedRun]:
        rows = [row for row in self.rows if cover is None or cover.holds(row.key)]
        return [SortedRun(rows[0].key, 0, lambda: iter(rows))] if rows else []

    def take(self, written: dict[str, Held]) -> None:
        newer = [written[key] for key in sorted(written)]
        runs = [SortedRun(newer[0].key, 0, lambda: iter(newer))] if newer else []
        older = [SortedRun(run.first, 1, run.rows) for run in self.manifest(None)]
        self.rows = list(overlay([*runs, *older]))


class List:
    """A journal that is a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[str, Held] = {}

    def add(self, row: Held) -> None:
        self.rows[row.key] = row

    def add_now(self, rows: Iterator[Held]) -> None:
        for row in rows:
            self.add(row)

    def flush(self) -> None:
        """Nothing waits."""


class History:
    """One source and one target, and the model of the source."""

    def __init__(self, target_like: str) -> None:
        self.name = f"histories{next(_names)}"
        source = open_zone(f"memory://{self.name}-source/s", like="hdfs", part_bytes=PART_BYTES)
        target = open_zone(f"memory://{self.name}/t", like=target_like, part_bytes=PART_BYTES)
        assert isinstance(source, MemoryHdfs)
        assert isinstance(target, MemoryZone)
        self.source, self.target, self.tree, self.known = source, target, Tree(), Rows()
        self.cycles = 0
        source.make_directory("")
        target.make_directory("")
        for path in FIRST:
            act(self.tree, source, Operation("write", path, path, 1))
        self.bring()

    def forget(self) -> None:
        memory.forget(self.name)
        memory.forget(f"{self.name}-source")

    def pass_by(self, operations: list[Operation]) -> None:
        for operation in operations:
            act(self.tree, self.source, operation)
        self.bring()

    def bring(self) -> None:
        """A cycle."""
        self.cycles += 1
        newest = self.source.snapshot(f"s{self.cycles}")
        way = Way("a listing")
        if self.cycles > 1:
            base = next(one for one in self.source.snapshots() if one.name == f"s{self.cycles - 1}")
            changes = self.source.difference(base, newest, most=10_000).changes
            way = Way("a difference", cover_of(changes), Renames(changes))
        options, counting = ReplicateOptions(exclude=(LEFT_OUT,), progress_s=3600), Counting(self.target)
        planner = Planner(Policy(self.target.facts, max_delete_ratio=1.0))
        with rows_of(way, self.source.at(newest), counting, self.known, options) as rows:
            steps = list(planner.steps(rows))
        self.known.take(self.carry_out(steps, counting).rows)
        _seen["renamed whole"] += counting.counts.calls["rename"]
        _seen["moved"] += counting.counts.calls["move"]
        self.check()

    def carry_out(self, steps: list[Step], target: Any) -> List:
        journal = List()
        source = self.source.at(self.source.snapshots()[-1])
        route = Route(source, target, Buffers(1 << 20), Bandwidth(Timetable.parse("")), None, lambda: None)

        def of(phase: Phase) -> Iterator[Step]:
            chosen = [step for step in steps if step.phase == phase]
            return iter(chosen[::-1] if phase in ("clear", "delete") else chosen)

        with Progress("copy", every_s=3600) as progress:
            tally = Transfer(route, journal, progress, threads=1).run(of)  # type: ignore[arg-type]
        assert tally.failures == []
        return journal

    def check(self) -> None:
        wanted = self.tree.without(LEFT_OUT)
        assert contents(self.target) == {path: data for path, (data, _) in wanted.items()}
        found = {entry.path: entry for entry in self.target.scan()}
        if self.target.facts.has_directories:
            assert {path: entry.mode for path, entry in found.items()} == {p: mode for p, (_, mode) in wanted.items()}
        rows = {row.entry.path: row for row in self.known.rows}
        assert rows.keys() == found.keys()
        for path, entry in found.items():
            assert entry.kind == "directory" or rows[path].target_version == entry.version
            assert rows[path].entry.mode == wanted[path][1]


@settings(max_examples=HISTORIES)
@given(history=histories)
@pytest.mark.parametrize("target_like", ["files", "hdfs", "objects"])
def test_after_each_cycle_of_any_history_the_target_is_what_the_model_says(
    target_like: str, history: list[list[Operation]]
) -> None:
    one = History(target_like)
    try:
        for operations in history:
            one.pass_by(operations)
    finally:
        one.forget()


def test_the_histories_had_directories_that_were_moved_whole_and_files_that_were_moved() -> None:
    assert _seen["renamed whole"] > 50
    assert _seen["moved"] > 50
    assert ALL.exclude == (LEFT_OUT,)
