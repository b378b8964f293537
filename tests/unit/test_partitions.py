"""Which partitions a plan touches, and what is told of several runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.fresh import ADDED, ALL, LAST, fresh, partition_keys
from airflow_provider_livedata.engine.deciding.partitions import MOST, Partitions, merged, partition_of
from airflow_provider_livedata.engine.model import Entry, From, Step


@pytest.mark.parametrize(
    ("path", "partition"),
    [
        ("part-0", ""), ("orders/part-0", ""), ("day=1/part-0", "day=1"), ("orders/y=1/m=2/part=0", "orders/y=1/m=2"),
        ("orders/y=1/_tmp/x", "orders/y=1"), ("a=b", ""), ("=b/x", ""), ("a=/x", "a="), ("a=b=c/x", "a=b=c"), ("", ""),
    ],
)  # fmt: skip
def test_a_partition_ends_with_the_last_directory_that_is_named_so(path: str, partition: str) -> None:
    assert partition_of(path) == partition


def test_a_directory_may_be_a_partition_itself() -> None:
    assert partition_of("orders/day=1", is_directory=True) == "orders/day=1"
    assert partition_of("orders", is_directory=True) == ""


def step(kind: Any, path: str, reason: str = "new", origin: str = "") -> Step:
    is_directory = path.endswith("/")
    entry = Entry(path.rstrip("/"), "directory" if is_directory else "file", 0)
    return Step(kind, "write", entry, reason, origin=From(origin) if origin else None)


def counted(*steps: Step) -> Partitions:
    found = Partitions()
    for one in steps:
        found.count(one)
    return found


def test_what_brings_moves_and_deletes_touches_and_what_only_notes_does_not() -> None:
    found = counted(
        step("copy", "a=1/x"), step("delete", "a=2/x", "gone"), step("move", "a=4/x", origin="a=3/x"), step("rename", "a=6/", origin="a=5"),
        step("record", "a=7/x", "carried"), step("record", "a=8/x"), step("set_attributes", "a=9/x"), step("delete", "dir/"),
    )  # fmt: skip
    assert found.names == [f"a={n}" for n in range(1, 8)]
    assert not found.elsewhere


def test_files_in_no_partition_are_told_as_elsewhere() -> None:
    assert counted(step("copy", "orders/x")).elsewhere
    assert not counted(step("make_directory", "orders/")).elsewhere


@example(list(range(MOST + 1)))
@given(st.lists(st.integers(0, 2 * MOST), max_size=3 * MOST))
def test_never_more_are_named_than_an_event_may_hold(days: list[int]) -> None:
    found = counted(*(step("copy", f"day={day}/x") for day in days))
    distinct = {f"day={day}" for day in days}
    assert set(found.names) <= distinct
    assert len(found.names) == min(MOST, len(distinct))
    assert found.has_more == (len(distinct) > MOST)
    assert merged([sorted(distinct), []]) == (sorted(distinct)[:MOST], len(distinct) > MOST)


def run(number: int, changes: int | None = 1, **more: Any) -> dict[str, Any]:
    said = dict.fromkeys(LAST) | dict.fromkeys(ADDED, changes)
    return (
        said
        | {"run": number, "partitions": [f"run={number}"], "has_more_partitions": False, "changes_elsewhere": False}
        | more
    )


@given(st.lists(st.sampled_from([0, 1, 5, None]), max_size=8), st.integers(0, 9), st.integers(0, 9))
def test_what_is_told_is_all_that_changed_since_the_last_time_as_far_as_it_is_proved(
    changes: list[int | None], told: int, proved: int
) -> None:
    runs = [run(n, one) for n, one in enumerate(changes, start=1)]
    found = fresh(runs, told=told, proved=proved)
    new = [one for one in runs if told < one["run"] <= proved]
    assert (found is None) == all(one["changes"] == 0 for one in new)
    if found is not None:
        assert found["run"] == new[-1]["run"]
        assert found["changes"] == sum(one["changes"] or 0 for one in new)
        assert found["partitions"] == [f"run={one['run']}" for one in new]


def test_what_is_not_known_of_a_run_is_told_as_that() -> None:
    found = fresh([run(1), run(2, has_more_partitions=True), run(3, changes_elsewhere=True)], told=0, proved=3)
    assert found is not None
    assert (found["has_more_partitions"], found["changes_elsewhere"]) == (True, True)
    many = [run(n, partitions=[f"day={n}-{m}" for m in range(MOST)]) for n in (1, 2)]
    found = fresh(many, told=0, proved=2)
    assert found is not None
    assert (len(found["partitions"]), found["has_more_partitions"]) == (MOST, True)


@pytest.mark.parametrize(
    ("names", "has_more", "keys"),
    [([], False, []), (["a=1"], False, ["a=1"]), (["a=1"], True, ["a=1", ALL]), (["a=1", "a=" + "x" * 249], False, ["a=1", ALL]), ([], True, [ALL])],
)  # fmt: skip
def test_a_partition_that_cannot_be_told_by_itself_is_told_as_all(
    names: list[str], has_more: bool, keys: list[str]
) -> None:
    assert partition_keys({"partitions": names, "has_more_partitions": has_more}) == keys
