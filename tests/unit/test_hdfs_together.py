"""Many names of one directory told by pages of its listing: never another answer than each alone, and few pages. What is not there is never told."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import LiveDataError, Unsupported, ZoneError
from airflow_provider_livedata.engine.zones.hdfs.directories import WebDirectories
from airflow_provider_livedata.engine.zones.hdfs.status import Page, Status
from airflow_provider_livedata.engine.zones.hdfs.together import (
    ENTRIES_A_STATUS,
    FEW,
    by_directory,
    order,
    told_by_pages,
)

PAGE = 1000


def signed(name: str) -> list[int]:
    """Source: SignedBytes.lexicographicalComparator in DFSUtilClient.compareBytes of HDFS."""
    return list(array("b", name.encode()))


class Directory:
    """Tells pages as a NameNode does, in its order, and counts them."""

    def __init__(self, names: list[str], page: int = PAGE) -> None:
        in_order = sorted(names, key=signed)
        self.statuses = {name: Status(name, "file", n, n, "o", "g", 0o644) for n, name in enumerate(in_order)}
        self.page, self.calls = page, 0

    def after(self, name: str) -> tuple[Page, bool]:
        self.calls += 1
        further = [status for at, status in self.statuses.items() if signed(at) > signed(name)]
        return further[: self.page], len(further) <= self.page


def told(asked: list[str], directory: Directory) -> list[str]:
    return [status.name for status in told_by_pages(asked, directory.after)]


def names(count: int, step: int = 1, start: int = 0) -> list[str]:
    return [f"f{n:06d}" for n in islice(range(start, 10**6, step), count)]


some_names = st.sets(st.builds("{}{}".format, st.sampled_from("f\u00e9z"), st.integers(0, 400))).map(sorted)


@given(some_names, some_names, st.integers(1, 60))
def test_what_is_told_is_there_and_what_each_would_be_told_alone(
    there: list[str], wanted: list[str], page: int
) -> None:
    directory = Directory(there, page)
    asked = sorted(wanted, key=order)
    told = told_by_pages(asked, directory.after)
    assert told == [directory.statuses[status.name] for status in told]
    assert {status.name for status in told} <= set(asked)
    assert directory.calls <= max(1, len(asked))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1), max_size=20))
def test_names_are_put_in_the_order_of_hdfs(some: list[str]) -> None:
    assert sorted(some, key=order) == sorted(some, key=signed)


def test_one_page_tells_all_but_the_first() -> None:
    directory = Directory(names(200))
    asked = [*names(90, step=2), "g is not there"]
    assert told(asked, directory) == asked[1:-1]
    assert directory.calls == 1


def test_names_in_other_letters_are_told_as_well() -> None:
    asked = [f"{letter}{n}" for letter in ("a", "\u00e9", "\u65e5", "\U0001f600") for n in range(20)]
    directory = Directory(asked)
    in_order = by_directory([f"d/{name}" for name in sorted(asked)])["d"]
    assert told(in_order, directory) == in_order[1:]


def test_a_listing_begins_where_the_names_do_and_skips_what_lies_between_them() -> None:
    directory = Directory(names(100_000))
    asked = names(100, start=40_000) + names(100, start=90_000)
    assert told(asked, directory) == [name for name in asked if name not in (asked[0], asked[100])]
    assert directory.calls == 2


def test_few_names_are_left_to_be_asked_for_alone() -> None:
    directory = Directory(names(10 * FEW))
    assert told(names(FEW), directory) == []
    assert directory.calls == 0
    assert len(told(names(FEW + 1), directory)) == FEW


def test_a_page_that_tells_too_few_is_the_last() -> None:
    directory = Directory(names(100_000))
    assert len(told(names(400, step=25), directory)) == PAGE // 25
    assert PAGE // 25 < PAGE // ENTRIES_A_STATUS
    assert directory.calls == 1
    assert len(told(names(400, step=15), directory)) > 300
    assert directory.calls > 5


def test_a_server_that_does_not_go_on_where_it_is_told_to_is_not_asked_again() -> None:
    directory = Directory(names(200))
    assert told_by_pages(names(90, start=100), lambda _: directory.after("")) == []


def test_names_are_gathered_by_directory_where_there_are_many() -> None:
    few, many = names(FEW), names(FEW + 1)
    paths = sorted([*(f"a/b/{name}" for name in many), *(f"a/{name}" for name in few), *many])
    assert by_directory(paths) == {"a/b": many, "": many}


class Control:
    """Stands in for a NameNode's WebHDFS that refuses to tell pages."""

    def __init__(self, error: LiveDataError) -> None:
        self.error, self.asked = error, list[str]()

    def call(self, op: str, _path: str, **_: str) -> dict[str, Any]:
        self.asked.append(op)
        if op == "LISTSTATUS_BATCH":
            raise self.error
        one = {
            "pathSuffix": "f",
            "type": "FILE",
            "length": 1,
            "modificationTime": 2,
            "owner": "o",
            "group": "g",
            "permission": "644",
        }
        return {"FileStatuses": {"FileStatus": [one]}}


def test_a_namenode_that_knows_no_pages_is_asked_for_them_once() -> None:
    control = Control(ZoneError("no such operation", java_class="IllegalArgumentException"))
    directories = WebDirectories(control)  # type: ignore[arg-type]
    assert [[status.name for status in page] for page in directories.pages("/d")] == [["f"]]
    assert told_by_pages(names(90), lambda name: directories.after("/d", name)) == []
    assert control.asked == ["LISTSTATUS_BATCH", "LISTSTATUS"]


def test_a_page_that_is_refused_for_another_reason_never_ends_a_listing_early() -> None:
    directories = WebDirectories(Control(Unsupported("something else")))  # type: ignore[arg-type]
    with pytest.raises(Unsupported, match="something else"):
        list(directories.pages("/d"))
