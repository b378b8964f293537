"""Many names of one directory told by pages of its listing: never another answer than each alone, and few pages."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.zones.hdfs.status import Page, Status
from airflow_provider_livedata.engine.zones.hdfs.together import (
    ENTRIES_A_STATUS,
    FEW,
    by_directory,
    told_by_pages,
)

PAGE = 1000


class Directory:
    """Tells pages as a NameNode does, and counts them."""

    def __init__(self, names: list[str], page: int = PAGE) -> None:
        self.statuses = {name: Status(name, "file", n, n, "o", "g", 0o644) for n, name in enumerate(sorted(names))}
        self.page, self.calls = page, 0

    def after(self, name: str) -> tuple[Page, bool]:
        self.calls += 1
        further = [status for at, status in self.statuses.items() if at > name]
        return further[: self.page], len(further) <= self.page


def names(count: int, step: int = 1, start: int = 0) -> list[str]:
    return [f"f{n:06d}" for n in islice(range(start, 10**6, step), count)]


@given(st.sets(st.integers(0, 400)), st.sets(st.integers(0, 400)), st.integers(1, 60))
def test_what_is_told_is_what_each_would_be_told_alone(there: set[int], wanted: set[int], page: int) -> None:
    directory = Directory([f"f{n}" for n in there], page)
    asked = sorted(f"f{n}" for n in wanted)
    told = told_by_pages(asked, directory.after)
    assert told == {name: directory.statuses.get(name) for name in told}
    assert told.keys() <= set(asked)
    assert directory.calls <= max(1, len(asked))


def test_one_page_tells_all_but_the_first() -> None:
    directory = Directory(names(200))
    asked = [*names(90, step=2), "f9 is not there"]
    assert told_by_pages(asked, directory.after).keys() == set(asked[1:])
    assert directory.calls == 1


def test_a_listing_begins_where_the_names_do_and_skips_what_lies_between_them() -> None:
    directory = Directory(names(100_000))
    asked = names(100, start=40_000) + names(100, start=90_000)
    told = told_by_pages(asked, directory.after)
    assert directory.calls == 2
    assert told.keys() == set(asked) - {asked[0], asked[100]}


def test_few_names_are_left_to_be_asked_for_alone() -> None:
    directory = Directory(names(10))
    assert told_by_pages(names(FEW), directory.after) == {}
    assert directory.calls == 0
    assert len(told_by_pages(names(FEW + 1), directory.after)) == FEW


def test_a_page_that_tells_too_few_is_the_last() -> None:
    directory = Directory(names(100_000))
    assert len(told_by_pages(names(400, step=25), directory.after)) == PAGE // 25
    assert PAGE // 25 < PAGE // ENTRIES_A_STATUS
    assert directory.calls == 1
    often = names(400, step=15)
    assert len(told_by_pages(often, directory.after)) > 300
    assert directory.calls > 5


def test_a_server_that_does_not_go_on_where_it_is_told_to_is_not_believed() -> None:
    directory = Directory(names(200))
    assert told_by_pages(names(90, start=100), lambda _: directory.after("")) == {}


def test_names_are_gathered_by_directory_where_there_are_many() -> None:
    few, many = names(FEW), names(FEW + 1)
    paths = sorted([*(f"a/b/{name}" for name in many), *(f"a/{name}" for name in few), *many])
    assert by_directory(paths) == {"a/b": many, "": many}
