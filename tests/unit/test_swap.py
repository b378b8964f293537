"""A replication turned round, and what the old source has that the turned rows do not say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.model import Entry, Facts, Held
from airflow_provider_livedata.engine.switching.swap import Found, found_in, judge, swapped, with_others

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
    found = {(one.kind, one.entry.path) for one in found_in(rows, NAMES, Facts("memory"))}
    new = {("new", path) for path in now.keys() - known.keys()}
    deleted = {("deleted", path) for path in known.keys() - now.keys()}
    changed = {("changed", path) for path in known.keys() & now.keys() if known[path] != now[path]}
    assert found == new | deleted | changed


def one(
    known: Held | None,
    now: Entry | None,
    *,
    planned: bool = False,
    has_directories: bool = True,
    puts_publish: bool = True,
) -> Found | None:
    facts = Facts("memory", has_directories=has_directories, puts_publish=puts_publish)
    return judge(Row("k", None, known, now, planned), NAMES, facts)


def test_other_rights_are_told_with_those_before() -> None:
    known = held("a", "1", owner="ann", mode=0o640)
    found = one(known, Entry("a", "file", 1, version="1", owner="bob", mode=0o777))
    assert found is not None
    assert (found.kind, found.detail, found.is_in_the_way) == ("attributes", "mode 640 -> 777, owner ann -> bob", False)
    assert one(known, Entry("a", "file", 1, version="1")) is None  # not asked for


def test_what_a_run_of_ours_may_have_touched_and_what_is_only_implied_is_not_found() -> None:
    assert one(held("a", "1"), Entry("a", "file", 1, version="2"), planned=True) is None
    assert one(None, Entry("d", "directory", is_implied=True)) is None


def test_where_files_appear_by_a_rename_a_file_that_no_record_knows_is_somebody_elses() -> None:
    changed = one(held("a", "1"), Entry("a", "file", 1, version="2"), planned=True, puts_publish=False)
    assert changed is not None
    assert changed.kind == "changed"
    assert one(held("a", "1"), None, planned=True, puts_publish=False) is None
    assert one(None, Entry("d", "directory"), planned=True, puts_publish=False) is None


def test_directories_of_object_stores_come_and_go_with_what_they_hold() -> None:
    known = Held(Entry("d", "directory"))
    assert one(known, None, has_directories=False) is None
    gone = one(known, None)
    assert gone is not None
    assert gone.kind == "deleted"
    new = one(None, Entry("d", "directory"))
    assert new is not None
    assert new.is_in_the_way


def test_another_file_of_the_same_version_is_a_changed_one_unless_it_came_back_since() -> None:
    before = [Held(Entry(path, "file", 1, version="1:5"), "t") for path in ("a", "b", "brought", "gone", "same")]
    known = [swapped(row) for row in before]
    known[2] = known[2]._replace(target_version="1:6")  # by a replication back
    now = [
        Entry(path, "file", 1, version="1:6" if path == "brought" else "1:5")
        for path in ("a", "b", "brought", "new", "same")
    ]
    rows = with_others(line_up((), known, now), before, lambda path: path != "same")
    found = {(one.kind, one.entry.path) for one in found_in(rows, NAMES, Facts("memory"))}
    assert found == {("changed", "a"), ("changed", "b"), ("deleted", "gone"), ("new", "new")}
