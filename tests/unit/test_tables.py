"""Rows survive Parquet exactly, and nothing else is taken for them."""

from __future__ import annotations

import random
import subprocess
import sys
from bisect import bisect_left
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.cover import Cover, cover_of
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Change, Entry, Held, Step
from airflow_provider_livedata.engine.stored import lookup
from airflow_provider_livedata.engine.stored.lookup import decoded, held_in, rows_in
from airflow_provider_livedata.engine.stored.tables import (
    held_from_parquet,
    held_to_parquet,
    steps_from_parquet,
    steps_to_parquet,
)
from airflow_provider_livedata.testing.strategies import paths

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
entries = st.builds(
    Entry,
    path=texts, kind=st.sampled_from(["file", "directory"]), size_bytes=st.integers(0, 1 << 62), mtime_ms=st.integers(-1, 1 << 52),
    version=texts, owner=st.none() | texts, group=st.none() | texts, mode=st.none() | st.integers(0, 0o7777), acl=st.none() | texts,
    xattrs=st.none() | st.lists(st.tuples(texts, st.binary(max_size=8)), max_size=2).map(tuple),
    crc32c=st.none() | st.integers(0, (1 << 32) - 1), crc64nvme=st.none() | st.integers(0, (1 << 64) - 1),
    is_implied=st.just(False), note=st.just(""), source_version=st.just(""),
)  # fmt: skip
rows = st.builds(Held, entries, texts, texts, st.booleans(), st.booleans())
steps = st.builds(Step, st.sampled_from(["copy", "delete"]), st.sampled_from(["write", "delete"]), entries, texts, st.none() | texts,
                  st.booleans())  # fmt: skip


@given(st.lists(rows, max_size=5))
def test_manifest_rows_come_back_as_they_were(given_rows: list[Held]) -> None:
    assert list(held_from_parquet(held_to_parquet(given_rows), name="m")) == given_rows


@pytest.mark.parametrize("count", [3, 100])  # few rows of a group are taken one by one
def test_the_rows_of_a_cover_are_found_among_others_as_they_were(count: int) -> None:
    paths = [f"d/{n:04d}" for n in range(2500)]
    rows_there = [
        Held(Entry(path, size_bytes=n, version=f"v{n}", xattrs=(("user.a", b"1"),)), path)
        for n, path in enumerate(paths)
    ]
    wanted = set(paths[:: len(paths) // count])
    cover = cover_of(Change("modify", path) for path in wanted)
    found = list(held_in(held_to_parquet(rows_there), cover, name="m"))
    assert found == [row for row in rows_there if row.entry.path in wanted]


def test_a_column_of_one_value_is_told_as_it_was_where_it_is_not_decoded() -> None:
    def row(n: int, **more: Any) -> Held:
        return Held(Entry(f"d/{n:04d}", **more), is_settled=True)

    alike = [row(n, owner="ann", mode=0o640) for n in range(1000)]
    nothing = [row(n, kind="directory") for n in range(1000, 2000)]
    mixed = [row(n, owner="ann" if n % 2 else None, mode=n % 3 or None, acl="user:b:r--") for n in range(2000, 3000)]
    there = [*alike, *nothing, *mixed]
    for wanted in (there[10:12], there[1500:1502], there[2500:2504], there[::500], there[2000:2001]):
        cover = cover_of(Change("modify", one.entry.path) for one in wanted)
        assert list(held_in(held_to_parquet(there), cover, name="m")) == wanted


@given(st.lists(rows, max_size=8), st.lists(paths(), min_size=8, max_size=8, unique=True))
def test_rows_that_are_looked_up_are_as_they_were(given_rows: list[Held], names: list[str]) -> None:
    named = [row._replace(entry=row.entry._replace(path=name)) for row, name in zip(given_rows, names, strict=False)]
    named.sort(key=lambda row: row.key)
    wanted = [row.entry.path for row in named][::2]
    data = held_to_parquet(named)
    expected = [row for row in named if row.entry.path in wanted]
    assert list(held_in(data, Cover(wanted, ()), name="m")) == expected
    assert list(rows_in(decoded(data, name="m"), Cover(wanted, ()))) == expected


@given(
    names=st.lists(paths(), max_size=40, unique=True),
    kinds=st.randoms(use_true_random=False),
    others=st.lists(paths(), max_size=5),
)
@pytest.mark.parametrize("marked_every", [1, 3, 64])
def test_a_key_is_found_as_in_a_list_of_all(
    marked_every: int, names: list[str], kinds: random.Random, others: list[str]
) -> None:
    there = sorted(
        (Held(Entry(name, kinds.choice(["file", "directory", "other"]))) for name in names), key=lambda row: row.key
    )
    data, keys = held_to_parquet(there), [row.key for row in there]
    with mock.patch.object(lookup, "MARKED_EVERY", marked_every):
        told = decoded(data, name="m").keys
        assert [told[row] for row in range(len(told))] == keys
        for key in {*keys, *names, *others, *(f"{name}/" for name in others), "", "\U0010ffff"}:
            assert told.first(key) == bisect_left(keys, key)


def test_writing_and_reading_rows_does_not_import_pandas() -> None:
    code = """
import sys
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.stored import lookup
from airflow_provider_livedata.engine.stored.lookup import decoded, held_in, rows_in
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.stored.tables import held_from_parquet, held_to_parquet
rows = [Held(Entry("a", size_bytes=1, crc32c=2)), Held(Entry("d", "directory", mode=0o755), is_gone=True)]
assert list(held_from_parquet(held_to_parquet(rows), name="m")) == rows
assert list(held_in(held_to_parquet(rows), Cover({"a"}, {"d"}), name="m")) == rows
assert "pandas" not in sys.modules, "pandas costs a second and 60 MiB of every start"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@given(st.lists(steps, max_size=5))
def test_steps_come_back_as_they_were_and_backwards(given_steps: list[Step]) -> None:
    data = steps_to_parquet(given_steps)
    assert list(steps_from_parquet(data, name="p")) == given_steps
    assert list(steps_from_parquet(data, name="p", backwards=True)) == given_steps[::-1]


def test_order_is_kept_over_many_row_groups_in_both_directions() -> None:
    many = [Step("copy", "write", Entry(f"{n:06d}"), "new") for n in range(2500)]
    data = steps_to_parquet(many)
    assert list(steps_from_parquet(data, name="p", backwards=True)) == many[::-1]


@pytest.mark.parametrize("damaged", [b"", b"PAR1", b"not parquet at all", held_to_parquet([])[:-20]])
def test_a_damaged_file_is_an_error_that_names_it(damaged: bytes) -> None:
    with pytest.raises(StateDamaged, match="m-000"):
        list(held_from_parquet(damaged, name="m-000"))


def test_a_plan_is_not_taken_for_a_manifest() -> None:
    with pytest.raises(StateDamaged, match="another format"):
        list(held_from_parquet(steps_to_parquet([]), name="m"))
