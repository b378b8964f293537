"""Where a snapshot difference says that files went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.deciding.renames import Renames, moved_with
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Change
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryFiles

_paths = st.lists(st.sampled_from(["a", "b", "a!", "b0"]), min_size=1, max_size=3).map("/".join)
_operations = st.lists(st.tuples(st.sampled_from(["write", "rename", "rename", "delete"]), _paths, _paths), max_size=12)


def renamed(*pairs: tuple[str, str], deleted: tuple[str, ...] = (), created: tuple[str, ...] = ()) -> Renames:
    return Renames(
        [
            *(Change("rename", old, new) for old, new in pairs),
            *(Change("delete", path) for path in deleted),
            *(Change("create", path) for path in created),
        ]
    )


@pytest.mark.parametrize(
    ("renames", "old", "new"),
    [
        (renamed(("a", "b")), "a", "b"),
        (renamed(("a", "b")), "a/f", "b/f"),
        (renamed(("a", "b")), "ab/f", None),
        (renamed(("a", "b")), "b/f", None),
        (renamed(("a", "b"), ("a/c", "d")), "a/c/f", "d/f"),
        (renamed(("a", "b"), ("a/c", "b/e/c")), "a/c/f", "b/e/c/f"),
        (renamed(("a", "b"), ("b", "a")), "b/f", "a/f"),
        (renamed(("a", "b"), deleted=("a/f",)), "a/f", None),
        (renamed(("a", "b"), deleted=("a/d",)), "a/d/f", None),
        (renamed(("a/d/f", "g"), deleted=("a/d",)), "a/d/f", "g"),
        (Renames([Change("rename", "a", "")]), "a/f", None),
    ],
)
def test_the_longest_old_path_decides(renames: Renames, old: str, new: str | None) -> None:
    assert renames.new_of(old) == new


@pytest.mark.parametrize(
    ("renames", "path", "is_other"),
    [
        (renamed(("a", "b")), "b", True),
        (renamed(("a", "b")), "b/f", True),
        (renamed(("a", "b")), "a", False),
        (renamed(created=("a",)), "a/f", True),
        (renamed(created=("a/f",)), "a", False),
        (renamed(deleted=("a",)), "a", False),
        (Renames([Change("modify", "a")]), "a", False),
    ],
)
def test_what_came_to_a_place_is_another_file(renames: Renames, path: str, is_other: bool) -> None:
    assert renames.is_other(path) is is_other


@pytest.mark.parametrize(
    ("renames", "old", "is_contested"),
    [
        (renamed(("a", "b")), "a/f", False),
        (renamed(("a", "b"), created=("a",)), "a/f", True),
        (renamed(("a", "b"), created=("a/f",)), "a/g", False),
        (renamed(("a/d", "b"), created=("a",)), "a/d/f", True),
        (renamed(("a", "b"), created=("ab",)), "a/f", False),
        (renamed(("a", "b"), ("c", "a")), "a/f", True),
        (renamed(("a", "b"), ("c", "a")), "c/f", False),
        (renamed(("a", "a/b")), "a/f", True),
        (renamed(("a", "b")), "c", False),
    ],
)
def test_an_old_place_that_someone_has_taken_is_contested(renames: Renames, old: str, *, is_contested: bool) -> None:
    assert renames.is_contested(old) == is_contested


def test_without_a_rename_it_is_false() -> None:
    assert not Renames([Change("create", "a"), Change("delete", "b"), Change("rename", "c", "")])
    assert renamed(("a", "b"))
    assert renamed(("a", "b"), ("c", "d")).old_paths == ["a", "c"]


@given(before=_operations, after=_operations)
def test_every_file_of_any_history_is_found_where_it_went(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    zone = open_zone("memory://renames/s", like="files")
    assert isinstance(zone, MemoryFiles)
    try:
        zone.make_directory("")
        operate(zone, before)
        old, was = zone.snapshot("old"), files_of(zone)
        operate(zone, after)
        new, now = zone.snapshot("new"), files_of(zone)
        renames = Renames(zone.difference(old, new, most=10_000).changes)
        places = {inode: path for path, inode in now.items()}
        for path, inode in was.items():
            place = places.get(inode)
            assert renames.new_of(path) == (None if place == path else place)
            if place not in (None, path) and path in now:
                assert renames.is_contested(path)
    finally:
        memory.forget("renames")


@pytest.mark.parametrize(
    ("renames", "whole"),
    [
        (renamed(("a", "b")), {"a": "b"}),
        (renamed(("a", "c/b"), created=("c",)), {"a": "c/b"}),
        (renamed(("a", "b"), deleted=("a/f",), created=("a/g",)), {"a": "b"}),  # inside, and told by the name before
        (renamed(("a/c", "d"), ("a", "b")), {"a/c": "d"}),
        (renamed(("x", "b/x"), ("a", "b")), {}),
        (renamed(("a", "b"), ("c", "a")), {"c": "a"}),  # whose place is free is seen at the target
        (renamed(("a", "b"), created=("a",)), {}),
        (renamed(("a", "b"), ("ab", "bb")), {"a": "b", "ab": "bb"}),
        (Renames([Change("rename", "a", "")]), {}),
    ],
)
def test_what_nothing_else_left_or_entered_is_moved_in_one_piece(renames: Renames, whole: dict[str, str]) -> None:
    assert renames.whole == whole


@pytest.mark.parametrize(("path", "old"), [("a", "a"), ("a/b/c", "a"), ("ab", None), ("x/y/z", "x/y"), ("x", None)])
def test_what_is_moved_whole_takes_all_below_it_along(path: str, old: str | None) -> None:
    assert moved_with(path, {"a": "b", "x/y": "z"}) == old


@given(before=_operations, after=_operations)
def test_of_any_history_what_is_moved_in_one_piece_holds_nothing_from_elsewhere_and_all_that_is_left(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    zone = open_zone("memory://renames/s", like="files")
    assert isinstance(zone, MemoryFiles)
    try:
        zone.make_directory("")
        operate(zone, before)
        old, was = zone.snapshot("old"), inodes_of(zone)
        operate(zone, after)
        new, now = zone.snapshot("new"), inodes_of(zone)
        places = {inode: path for path, inode in now.items()}
        for origin, place in Renames(zone.difference(old, new, most=10_000).changes).whole.items():
            assert origin not in now
            assert places[was[origin]] == place
            for path, inode in was.items():
                is_inside, is_now = path.startswith(f"{origin}/"), places.get(inode, "")
                if is_inside:
                    assert is_now in ("", place + path[len(origin) :])
                elif path != origin:
                    assert not is_now.startswith(f"{place}/")
    finally:
        memory.forget("renames")


def operate(zone: MemoryFiles, operations: list[tuple[str, str, str]]) -> None:
    for number, (kind, path, other) in enumerate(operations):
        try:
            if kind == "write" and zone.stat(path) is None:
                zone.put(path, b"%d" % number)
            elif kind == "rename":
                zone.rename(path, other)
            elif (entry := zone.stat(path)) is not None:
                zone.delete([*reversed(list(zone.scan(path))), entry])
        except LiveDataError:
            continue


def files_of(zone: MemoryFiles) -> dict[str, int]:
    nodes = zone.store.nodes()
    return {key.removeprefix("s/"): node.inode for key, node in nodes.items() if not key.endswith("/")}


def inodes_of(zone: MemoryFiles) -> dict[str, int]:
    """Of files and directories."""
    return {key.removeprefix("s/").rstrip("/"): node.inode for key, node in zone.store.nodes().items() if key != "s/"}
