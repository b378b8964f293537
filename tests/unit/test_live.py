"""The decisions of a live replication: no cycle too early, none too late, none after the end; and what is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.live import (
    LEVELS,
    LiveRun,
    Pace,
    after_cycle,
    after_failure,
    due_level,
    has_failed_too_often,
    is_told_to_stop,
    next_start_ms,
)
from airflow_provider_livedata.engine.errors import BadOption

BEGAN = 1_700_000_000_000
lengths = st.lists(st.integers(0, 60_000), min_size=1, max_size=60)  # ms that cycles take
intervals = st.floats(0.001, 60)


def summary(as_of_ms: int, now_ms: int, **more: int) -> dict[str, Any]:
    counts = {"changes": 0, "copied_files": 0, "copied_bytes": 0, "deleted": 0, **more}
    return {"as_of_ms": as_of_ms, "lag_seconds": (now_ms - as_of_ms) / 1000, **counts}


def starts_of(pace: Pace, lengths: list[int]) -> tuple[list[int], list[int]]:
    """Simulate cycles of these lengths on a clock that jumps; returns when they started and ended."""
    run, now = LiveRun.begin(BEGAN, pace), BEGAN
    starts, ends = list[int](), list[int]()
    for length in lengths:
        start = next_start_ms(run, pace, now)
        if start is None:
            break
        assert start >= now
        now = start + length
        starts.append(start)
        ends.append(now)
        run = after_cycle(run, start, summary(start, now), now)
    return starts, ends


@given(lengths, intervals)
def test_cycles_start_an_interval_apart_and_at_once_after_a_longer_one(lengths: list[int], interval_s: float) -> None:
    starts, ends = starts_of(Pace(interval_s), lengths)
    assert len(starts) == len(lengths)
    for start, end, following in zip(starts, ends, starts[1:], strict=False):
        assert following == max(end, start + round(interval_s * 1000))


@given(lengths, intervals, st.floats(0, 600))
def test_no_cycle_starts_after_the_end_but_the_first_always_does(
    lengths: list[int], interval_s: float, duration_s: float
) -> None:
    starts, ends = starts_of(Pace(interval_s, duration_s), lengths)
    assert starts[0] == BEGAN
    assert all(start < BEGAN + round(duration_s * 1000) for start in starts[1:])
    if len(starts) < len(lengths):  # nothing ended it but the time
        assert max(ends[-1], starts[-1] + round(interval_s * 1000)) >= BEGAN + round(duration_s * 1000)


def test_a_duration_of_nothing_is_one_cycle_and_without_a_duration_there_is_no_end() -> None:
    assert len(starts_of(Pace(1, 0), [10, 10, 10])[0]) == 1
    assert next_start_ms(LiveRun(BEGAN, cycle_began_ms=BEGAN), Pace(1), BEGAN + 10**12) == BEGAN + 10**12


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 6))
def test_only_failures_in_a_row_are_too_many(good: list[bool], most: int) -> None:
    run, pace, in_row = LiveRun(BEGAN), Pace(max_failures_in_row=most), 0
    for number, is_good in enumerate(good):
        now = BEGAN + number * 1000
        run = after_cycle(run, now, summary(now, now), now) if is_good else after_failure(run, now, "no", None, now)
        in_row = 0 if is_good else in_row + 1
        assert has_failed_too_often(run, pace) == (in_row >= most)
    assert (run.cycles, run.failed_cycles) == (len(good), good.count(False))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 999), st.booleans()), max_size=20))
def test_totals_are_the_sums_of_what_cycles_did(cycles: list[tuple[int, int, int, bool]]) -> None:
    run = LiveRun(BEGAN)
    for changes, files, size, is_good in cycles:
        found = summary(BEGAN, BEGAN, changes=changes, copied_files=files, copied_bytes=size)
        run = after_cycle(run, BEGAN, found, BEGAN) if is_good else after_failure(run, BEGAN, "no", found, BEGAN)
    totals = run.totals(BEGAN + 1500)
    assert totals["changes"] == sum(cycle[0] for cycle in cycles if cycle[3])  # others are found again
    assert totals["copied_files"] == sum(cycle[1] for cycle in cycles)
    assert totals["copied_bytes"] == sum(cycle[2] for cycle in cycles)
    assert totals["seconds"] == 1.5


def test_the_worst_lag_is_that_just_before_a_checkpoint_and_grows_while_cycles_fail() -> None:
    run = after_cycle(LiveRun(BEGAN), BEGAN, summary(BEGAN, BEGAN + 1000), BEGAN + 1000)
    assert (run.worst_lag_seconds, run.last_lag_seconds) == (1, 1)
    run = after_failure(run, BEGAN + 15_000, "ZoneUnreachable: gone", None, BEGAN + 20_000)
    assert (run.worst_lag_seconds, run.last_lag_seconds, run.last["lag_seconds"]) == (20, 20, 1)
    run = after_cycle(run, BEGAN + 30_000, summary(BEGAN + 30_000, BEGAN + 32_000), BEGAN + 32_000)
    assert (run.worst_lag_seconds, run.last_lag_seconds, run.failures_in_row) == (32, 2, 0)
    assert run.reason == "ZoneUnreachable: gone"


def test_a_run_survives_the_way_through_json_and_a_newer_version() -> None:
    run = after_cycle(
        LiveRun.begin(BEGAN, Pace(duration_s=3), "mark"), BEGAN, summary(BEGAN, BEGAN + 1, copied_files=3), BEGAN + 1
    )
    assert LiveRun.from_json({**json.loads(json.dumps(run.to_json())), "new": 1}) == run


@pytest.mark.parametrize(("before", "now", "stops"), [("", "", False), ("a", "a", False), ("a", "b", True), ("", "b", True), ("a", "", False)])  # fmt: skip
def test_a_run_stops_when_the_stop_file_is_written_anew(before: str, now: str, stops: bool) -> None:
    assert is_told_to_stop(LiveRun.begin(BEGAN, Pace(), before), now) == stops


@pytest.mark.parametrize(
    "bad",
    [
        {"interval_s": 0}, {"interval_s": float("inf")}, {"interval_s": float("nan")}, {"duration_s": -1},
        {"duration_s": float("inf")}, {"max_failures_in_row": 0},
    ],
)  # fmt: skip
def test_a_pace_that_nobody_can_keep_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match=next(iter(bad))):
        Pace(**bad)


proofs = st.dictionaries(st.sampled_from(LEVELS), st.integers(BEGAN - 10**9, BEGAN))
everies = st.dictionaries(st.sampled_from(LEVELS), st.integers(0, 10**6))


@given(proofs, everies)
def test_what_is_due_is_the_strongest_level_whose_proof_is_too_old(
    proved: dict[str, int], every: dict[str, int]
) -> None:
    def is_due(level: str) -> bool:
        at_least = LEVELS[LEVELS.index(level) :]
        newest = max((proved.get(one, 0) for one in at_least), default=0)
        return every.get(level, 0) > 0 and BEGAN - newest >= every[level] * 1000

    due = [level for level in LEVELS if is_due(level)]
    assert due_level(proved, every, BEGAN) == (due[-1] if due else None)


@given(proofs, everies)
def test_after_the_proof_that_was_due_nothing_is_due(proved: dict[str, int], every: dict[str, int]) -> None:
    level = due_level(proved, every, BEGAN)
    if level is not None:
        assert due_level({**proved, level: BEGAN}, every, BEGAN) is None
