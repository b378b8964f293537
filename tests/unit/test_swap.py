"""A replication turned round, and what the old source has that the turned rows do not say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.diff import Row, line_up
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.swap import Found, found_in, judge, swapped

NAMES = frozenset({"owner", "mode"})
_held = st.builds(
    lambda path, kind, a, b, gone: Held(
        Entry(path, kind, 3, version="" if kind == "directory" else a, owner="ann", crc32c=1),
        "" if kind == "directory" else b, is_gone=gone,
    ),
    st.sampled_from(["a", "b", "c/d"]), st.sampled_from(["file", "directory"]), st.text(max_size=3), st.text(max_size=3),
    st.booleans(),
)  # fmt: skip


@given(_held)
def test_a_row_turned_twice_is_the_row(held: Held) -> None:
    assert swapped(swapped(held)) == held
    assert swapped(held).key == held.key


def held(path: str, version: str, **more: object) -> Held:
    return Held(Entry(path, "file", 1, version=f"t-{version}", **more), version)  # type: ignore[arg-type]


_trees = st.dictionaries(st.sampled_from(["a", "a!", "b", "c"]), st.sampled_from(["1", "2"]))


@given(known=_trees, now=_trees)
def test_everything_that_differs_is_found_and_nothing_else(known: dict[str, str], now: dict[str, str]) -> None:
    rows = line_up(
        (),
        [held(path, version) for path, version in sorted(known.items())],
        [Entry(path, "file", 1, version=version) for path, version in sorted(now.items())],
    )
    found = {(one.kind, one.entry.path) for one in found_in(rows, NAMES, has_directories=True)}
    new = {("new", path) for path in now.keys() - known.keys()}
    deleted = {("deleted", path) for path in known.keys() - now.keys()}
    changed = {("changed", path) for path in known.keys() & now.keys() if known[path] != now[path]}
    assert found == new | deleted | changed


def one(known: Held | None, now: Entry | None, *, planned: bool = False, has_directories: bool = True) -> Found | None:
    return judge(Row("k", None, known, now, planned), NAMES, has_directories=has_directories)


def test_other_rights_are_told_with_those_before() -> None:
    known = held("a", "1", owner="ann", mode=0o640)
    found = one(known, Entry("a", "file", 1, version="1", owner="bob", mode=0o777))
    assert found is not None
    assert (found.kind, found.detail, found.is_in_the_way) == ("attributes", "mode 640 -> 777, owner ann -> bob", False)
    assert one(known, Entry("a", "file", 1, version="1")) is None  # not asked for


def test_what_a_run_of_ours_may_have_touched_and_what_is_only_implied_is_not_found() -> None:
    assert one(held("a", "1"), Entry("a", "file", 1, version="2"), planned=True) is None
    assert one(None, Entry("d", "directory", is_implied=True)) is None


def test_directories_of_object_stores_come_and_go_with_what_they_hold() -> None:
    known = Held(Entry("d", "directory"))
    assert one(known, None, has_directories=False) is None
    gone = one(known, None)
    assert gone is not None
    assert gone.kind == "deleted"
    new = one(None, Entry("d", "directory"))
    assert new is not None
    assert new.is_in_the_way
