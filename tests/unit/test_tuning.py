"""How many tasks at once are chosen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.tuning import LEAST, MOST, threads_for, threads_to_ask

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PART = 8 * MIB


@pytest.mark.parametrize(
    ("files", "file_bytes", "round_trip_s", "commit_s", "threads"),
    [
        (10_000, 4 * KIB, 0.001, 0.0, LEAST),  # the same machine: the processor is the limit
        (10_000, 4 * KIB, 0.010, 0.0, 46),
        (500, 4 * MIB, 0.001, 0.25, 30),
        (10, 10 * GIB, 0.001, 0.25, 14),
        (10_000, 4 * KIB, 0.050, 0.0, MOST),  # another continent
        (10_000, 4 * KIB, 0.001, 0.25, MOST),  # files that are slow to become durable
        (500, 4 * MIB, 0.001, 0.0, 14),
        (10, 10 * GIB, 0.001, 0.0, 14),
        (10, 10 * GIB, 0.030, 0.0, 25),
        (0, 0, 0.030, 0.25, LEAST),
        (5, 0, 0.0, 0.0, LEAST),
    ],
)
def test_tasks_at_once_follow_sizes_and_distance(
    files: int, file_bytes: int, round_trip_s: float, commit_s: float, threads: int
) -> None:
    chosen = threads_for(files, files * file_bytes, PART, round_trip_s=round_trip_s, commit_s=commit_s)
    assert chosen == threads


@given(
    st.integers(0, 10**9), st.integers(0, 10**15), st.integers(1, 5 * GIB), st.floats(0, 100), st.floats(0, 100),
    st.floats(0, 10),
)  # fmt: skip
def test_more_distance_never_means_fewer(
    files: int, size_bytes: int, part_bytes: int, near_s: float, commit_s: float, more_s: float
) -> None:
    near = threads_for(files, size_bytes, part_bytes, round_trip_s=near_s, commit_s=commit_s)
    far = threads_for(files, size_bytes, part_bytes, round_trip_s=near_s + more_s, commit_s=commit_s)
    assert LEAST <= near <= far <= MOST


@given(st.integers(1, 10**6), st.integers(0, 10**12), st.integers(0, 1 << 30), st.integers(0, 20 * MIB))
def test_no_more_than_find_memory(files: int, size_bytes: int, memory_bytes: int, beside_bytes: int) -> None:
    chosen = threads_for(
        files, size_bytes, PART, round_trip_s=1.0, memory_bytes=memory_bytes, beside_bytes=beside_bytes
    )
    task_bytes = min(size_bytes / files, PART)
    each_bytes = task_bytes + min(beside_bytes, task_bytes)
    assert chosen == LEAST or chosen * each_bytes <= memory_bytes


@pytest.mark.parametrize(
    ("answer_s", "threads"), [(0.0, LEAST), (0.001, LEAST), (0.01, 20), (0.0204, 41), (0.1, MOST), (30.0, MOST)]
)
def test_the_farther_a_zone_the_more_threads_ask(answer_s: float, threads: int) -> None:
    assert threads_to_ask(answer_s) == threads
