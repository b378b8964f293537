"""What a snapshot difference makes worth looking at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.cover import Cover, cover_of
from airflow_provider_livedata.engine.model import Change, Entry, Held
from airflow_provider_livedata.engine.stored.lookup import held_in
from airflow_provider_livedata.engine.stored.tables import held_to_parquet
from airflow_provider_livedata.testing.strategies import paths

_short = st.lists(st.sampled_from(["a", "b", "a!", "a0", "\u00e9"]), min_size=1, max_size=3).map("/".join)
_some = st.frozensets(_short | paths(), max_size=6)


def is_held(key: str, alone: frozenset[str], trees: frozenset[str]) -> bool:
    """The same, said as simply as can be."""
    path = key.rstrip("/")
    return path in alone or any(path == tree or path.startswith(f"{tree}/") for tree in trees)


@given(alone=_some, trees=_some, keys=st.frozensets(_short | _short.map(lambda path: f"{path}/"), max_size=30))
def test_a_cover_holds_the_paths_alone_and_all_of_the_trees(
    alone: frozenset[str], trees: frozenset[str], keys: frozenset[str]
) -> None:
    cover = Cover(alone, trees)
    for key in keys | {f"{path}{end}" for path in alone | trees for end in ("", "/", "/x", "0", "!")}:
        assert cover.holds(key) == is_held(key, alone, trees)


@given(alone=_some, trees=_some)
def test_paths_are_in_order_and_none_lies_in_a_tree(alone: frozenset[str], trees: frozenset[str]) -> None:
    cover = Cover(alone, trees)
    assert cover.paths == sorted(set(cover.paths))
    for path in cover.paths:
        assert not any(path.startswith(f"{tree}/") for tree in trees)
        assert cover.is_whole(path) == (path in trees)


@given(alone=_some, trees=_some, keys=st.lists(_short, min_size=1, max_size=20, unique=True))
def test_what_is_passed_over_holds_nothing(alone: frozenset[str], trees: frozenset[str], keys: list[str]) -> None:
    cover, ordered = Cover(alone, trees), sorted(keys)
    for first, end in zip(ordered, [*ordered[1:], None], strict=True):
        between = [key for key in ordered if key >= first and (end is None or key < end)]
        if not cover.touches(first, end):
            assert not any(map(cover.holds, between))
        if not cover.touches_paths(between[0], between[-1]):
            assert not any(map(cover.holds, between))


@given(alone=_some, trees=_some, keys=st.frozensets(_short, max_size=30))
def test_the_rows_of_a_manifest_that_a_cover_holds_are_found(
    alone: frozenset[str], trees: frozenset[str], keys: frozenset[str]
) -> None:
    cover = Cover(alone, trees)
    directories = {path for path in keys if any(other.startswith(f"{path}/") for other in keys)}
    rows = sorted(
        (Held(Entry(path, "directory" if path in directories else "file")) for path in keys), key=lambda row: row.key
    )
    found = list(held_in(held_to_parquet(rows), cover, name="test"))
    assert found == [row for row in rows if is_held(row.key, alone, trees)]


@pytest.mark.parametrize(
    ("change", "alone", "trees"),
    [
        (Change("modify", "a/f"), {"a", "a/f"}, set()),
        (Change("create", "a/b/new"), {"a/b"}, {"a/b/new"}),
        (Change("delete", "old"), set(), {"old"}),
        (Change("rename", "a/x", "b/y"), {"a", "b"}, {"a/x", "b/y"}),
        (Change("rename", "a", "a/in"), set(), {"a"}),
    ],
)
def test_each_kind_of_change_and_the_directory_that_it_is_in(change: Change, alone: set[str], trees: set[str]) -> None:
    cover = cover_of([change])
    assert (set(cover.paths) - cover.trees, set(cover.trees)) == (alone, trees)


def test_paths_in_doubt_are_looked_at_whatever_the_difference_says() -> None:
    assert cover_of([], ["a/open"]).paths == ["a", "a/open"]
    assert len(cover_of([])) == 0
