"""Merging what successive runs wrote down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.overlay import Rows, SortedRun, overlay
from airflow_provider_livedata.engine.model import Entry, Held

generations = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.booleans(), min_size=1), max_size=5)


def runs_of(history: list[dict[str, bool]], opened: list[int] | None = None) -> list[SortedRun]:
    def run(age: int, rows: dict[str, bool]) -> SortedRun:
        held = [Held(Entry(key), f"age {age}", is_gone=gone) for key, gone in sorted(rows.items())]

        def rows_of() -> object:
            if opened is not None:
                opened.append(age)
            return iter(held)

        return SortedRun(held[0].key, age, rows_of)  # type: ignore[arg-type]

    return [run(len(history) - 1 - n, rows) for n, rows in enumerate(history)]


@given(generations)
def test_the_newest_row_of_a_key_holds_and_what_is_gone_is_gone(history: list[dict[str, bool]]) -> None:
    expected: dict[str, str] = {}
    for n, rows in enumerate(history):
        for key, gone in rows.items():
            expected.pop(key, None)
            if not gone:
                expected[key] = f"age {len(history) - 1 - n}"
    assert {held.key: held.target_version for held in overlay(runs_of(history))} == expected


@given(generations)
def test_tombstones_are_kept_when_a_delta_is_made(history: list[dict[str, bool]]) -> None:
    rows = list(overlay(runs_of(history), with_gone=True))
    assert [row.key for row in rows] == sorted({key for rows in history for key in rows})


def test_a_run_is_opened_only_when_its_first_key_is_reached() -> None:
    opened: list[int] = []
    rows = overlay(runs_of([{"a": False, "b": False}, {"g": False}, {"h": False}], opened))
    assert next(rows).key == "a"
    assert opened == [2]
    assert [row.key for row in rows] == ["b", "g", "h"]


def test_few_rows_are_read_once_and_many_each_time() -> None:
    opened: list[int] = []
    rows = Rows(3)
    few, many = (rows.kept(run) for run in runs_of([{"a": False, "b": False}, {"g": False, "h": False}], opened))
    for _ in range(3):
        assert [held.key for held in overlay([few, many])] == ["a", "b", "g", "h"]
    assert (opened.count(1), opened.count(0)) == (1, 3)


def test_rows_that_were_not_read_to_their_end_are_read_again() -> None:
    opened: list[int] = []
    (run,) = (Rows(10).kept(run) for run in runs_of([{"a": False, "b": False}], opened))
    assert next(overlay([run])).key == "a"
    assert [held.key for held in overlay([run])] == ["a", "b"]
    assert [held.key for held in overlay([run])] == ["a", "b"]
    assert opened == [0, 0]
