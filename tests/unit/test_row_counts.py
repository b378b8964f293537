"""Rows at the target beside those of the source: counted on both sides, or told by the source's statistics where they hold."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_livedata.engine.errors import MetastoreRefused, MetastoreUnreachable
from airflow_provider_livedata.engine.metastore.model import Column, Database, Partition, Storage, Table
from airflow_provider_livedata.engine.metastore.row_counts import Rows, told_rows
from tests.crash.memory_catalogue import MemoryCatalogue

HOLDS = {"COLUMN_STATS_ACCURATE": '{"BASIC_STATS":"true"}'}


def table(rows: str = "", by: tuple[Column, ...] = ()) -> Table:
    parameters = {**HOLDS, "numRows": rows} if rows else {}
    return Table("d", "t", "external", Storage((Column("id", "int"),), "file:/t"), by, parameters)


@pytest.mark.parametrize(
    ("parameters", "rows"),
    [
        ([{**HOLDS, "numRows": "7"}], 7),
        ([{**HOLDS, "numRows": "7"}, {**HOLDS, "numRows": "0"}], 7),
        ([], 0),
        ([{"numRows": "7"}], None),
        ([{"numRows": "7", "COLUMN_STATS_ACCURATE": "true"}], None),
        ([{"numRows": "7", "COLUMN_STATS_ACCURATE": "not JSON"}], None),
        ([{"numRows": "7", "COLUMN_STATS_ACCURATE": '{"BASIC_STATS":"false"}'}], None),
        ([{**HOLDS, "numRows": "-1"}], None),
        ([{**HOLDS}], None),
        ([{**HOLDS, "numRows": "7"}, {"numRows": "1"}], None),
    ],
)
def test_statistics_tell_rows_only_where_the_metastore_says_that_they_hold(parameters: Any, rows: int | None) -> None:
    assert told_rows(parameters) == rows


def test_rows_that_differ_are_named_and_those_that_nobody_knows_are_noted() -> None:
    rows = Rows(MemoryCatalogue("source"), lambda _: 6)
    assert list(rows.differences(table("6"), table())) == []
    assert list(rows.differences(table("1234"), table())) == ["rows of d.t: 1,234 at the source, 6 at the target"]
    assert list(rows.differences(table(), table())) == []
    assert rows.notes == ["rows of d.t: 6 at the target; the source does not tell how many it has"]
    assert rows.counted == 3


def test_rows_of_partitions_are_added_up_in_batches() -> None:
    source, days = MemoryCatalogue("source"), table(by=(Column("n", "int"),))
    source.create_database(Database("d"))
    source.create_table(days)
    source.add_partitions(
        days, [Partition((str(n),), Storage((), "file:/t"), {**HOLDS, "numRows": "2"}) for n in range(5)]
    )
    assert list(Rows(source, lambda _: 10).differences(days, days)) == []
    assert list(Rows(source, lambda _: 9).differences(days, days)) == ["rows of d.t: 10 at the source, 9 at the target"]


def test_both_sides_are_counted_where_both_have_an_engine() -> None:
    asked: list[Table] = []

    def count(one: Table) -> int:
        asked.append(one)
        return len(asked)

    theirs, ours = table(), table("1")
    assert list(Rows(MemoryCatalogue("source"), count, count).differences(theirs, ours)) == [
        "rows of d.t: 2 at the source, 1 at the target"
    ]
    assert asked == [ours, theirs]


def test_a_count_that_fails_is_a_difference_and_an_engine_that_is_away_ends_the_verification() -> None:
    def refuses(_: Table) -> int:
        raise MetastoreRefused("no such table")

    def is_away(_: Table) -> int:
        raise MetastoreUnreachable("no answer")

    rows = Rows(MemoryCatalogue("source"), refuses)
    assert list(rows.differences(table(), table())) == ["rows of d.t: not counted: no such table"]
    assert rows.counted == 0
    with pytest.raises(MetastoreUnreachable):
        list(Rows(MemoryCatalogue("source"), is_away).differences(table(), table()))
