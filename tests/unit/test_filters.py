"""What takes part in a replication and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.filters import DEFAULT_EXCLUDES, Filter
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.testing.strategies import listings, names


@pytest.mark.parametrize(
    ("pattern", "path", "is_excluded"),
    [
        ("_temporary", "a/_temporary/0/part", True),
        ("_temporary", "a/_temporary2", False),
        ("*.tmp", "a/b.tmp", True),
        ("*.tmp", "a/b.tmp/c", True),
        ("*.tmp", "a/b.tmpx", False),
        ("?", "a", True),
        ("?", "ab", False),
        ("logs/raw", "logs/raw/x", True),
        ("logs/raw", "old/logs/raw", False),
        ("/logs/raw/", "logs/raw", True),
        ("logs/*/raw", "logs/a/raw", True),
        ("logs/*/raw", "logs/a/b/raw", False),
        ("logs/**/raw", "logs/a/b/raw", True),
        ("a.b", "aXb", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("Tmp", "tmp", False),
    ],
)
def test_patterns_mean_what_they_say(pattern: str, path: str, is_excluded: bool) -> None:
    assert Filter([pattern]).excludes(path) is is_excluded


@pytest.mark.parametrize(
    "path", [".Trash/x", "u/.Trash/x", ".snapshot", "t/_temporary/0", "t/.hive-staging_hive_1", ".livedata/lease"]
)
def test_what_nobody_wants_replicated_is_left_out_by_default(path: str) -> None:
    assert Filter(DEFAULT_EXCLUDES).excludes(path)


@pytest.mark.parametrize("pattern", ["", "/", "a\0b"])
def test_a_pattern_that_can_match_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(BadOption, match="exclusion"):
        Filter([pattern])


@given(listings(), st.lists(names(), max_size=3))
def test_filtering_a_listing_agrees_with_asking_for_each_path(listing: list[Entry], patterns: list[str]) -> None:
    chosen = Filter(pattern.replace("*", "").replace("?", "") or "x" for pattern in patterns)
    assert list(chosen.keep(listing)) == [entry for entry in listing if not chosen.excludes(entry.path)]


def test_equal_patterns_in_any_order_have_the_same_digest() -> None:
    assert Filter(["a", "b"]).digest == Filter(["b", "a", "b"]).digest != Filter(["a"]).digest
