"""What an object at the target is, beside what it should be; what may not be registered; and the guard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadOption, SourceEmpty, TargetTouched, TooManyDeletes
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.locations import Locations
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    ColumnStatistics,
    Constraint,
    Database,
    Event,
    Function,
    Partition,
    Principal,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.plan import KEPT, CataloguePlan, TablePlan, guard, note
from airflow_provider_livedata.engine.metastore.scope import touched
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.metastore.wanted import (
    Refused,
    WantedTable,
    wanted_database,
    wanted_function,
    wanted_partition,
    wanted_table,
)

STORAGE = Storage((Column("id", "int"),), "s3a://lake/t")
TABLE = Table("d", "t", "external", STORAGE, (Column("day", "date"),), {"EXTERNAL": "TRUE"}, Principal("ann"))
PARTITION = Partition(("2024-01-01",), STORAGE, {"a": "b"})
HERE = Locations({"s3a://lake": "s3a://lake"})
THERE = Locations({"s3a://lake": "s3a://copy"})
texts = st.text(max_size=5)


def served(table: Table) -> Table:
    """A table as a server tells it that was given this one."""
    more = {"transient_lastDdlTime": "1", "numFiles": "3"}
    return replace(table, created_s=5, is_rewrite_enabled=False, parameters={**table.parameters, **more})


def test_what_was_written_and_is_told_with_the_servers_own_additions_is_the_same() -> None:
    assert diff.compare_table(TABLE, served(diff.marked(TABLE))) == "same"
    assert diff.compare_partition(PARTITION, diff.marked(PARTITION)) == "same"
    assert diff.compare_table(TABLE, None) == "create"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"owner": Principal("bob")}, "alter"),
        ({"parameters": {"EXTERNAL": "TRUE", "new": "1"}}, "alter"),
        ({"parameters": {"EXTERNAL": "TRUE", "numRows": "7"}}, "alter"),  # statistics are to be carried
        ({"storage": replace(STORAGE, columns=(Column("id", "bigint"),))}, "alter"),
        ({"storage": replace(STORAGE, location="s3a://lake/u")}, "alter"),
        ({"storage": replace(STORAGE, location="s3a://lake//t/")}, "same"),
        ({"partition_columns": (Column("day", "string"),)}, "recreate"),
        ({"kind": "view"}, "recreate"),
        ({"parameters": {"EXTERNAL": "TRUE", "transient_lastDdlTime": "9"}}, "same"),
    ],
)
def test_a_change_at_the_source_alters_what_a_sync_wrote(change: dict[str, Any], difference: str) -> None:
    assert diff.compare_table(replace(TABLE, **change), diff.marked(TABLE)) == difference


def test_what_somebody_else_changed_or_made_is_touched_and_what_is_equal_already_is_taken_over() -> None:
    theirs = replace(diff.marked(TABLE), owner=Principal("eve"))
    assert diff.compare_table(TABLE, theirs) == "touched"
    assert diff.compare_table(TABLE, replace(TABLE, owner=Principal("eve"))) == "touched"
    assert diff.compare_table(TABLE, TABLE) == "alter"
    assert diff.compare_table(replace(TABLE, owner=Principal("eve")), theirs) == "alter"
    assert (
        diff.compare_table(
            replace(TABLE, partition_columns=()), replace(theirs, partition_columns=(Column("x", "int"),))
        )
        == "touched"
    )
    assert diff.needs_recreation(replace(TABLE, partition_columns=()), theirs)
    assert (diff.was_ours(theirs), diff.is_ours(theirs), diff.is_ours(diff.marked(TABLE))) == (True, False, True)


def test_a_copy_under_another_name_does_not_count_as_written_by_a_sync() -> None:
    assert not diff.is_ours(replace(diff.marked(TABLE), name="u"))


def test_constraints_and_statistics_that_have_not_followed_yet_make_the_next_sync_write_again() -> None:
    assert diff.compare_table(TABLE, diff.marked(TABLE, is_pending=True)) == "alter"


def test_of_a_database_the_place_counts_only_where_it_is_not_left_to_the_target() -> None:
    database = Database("d", "c", "s3a://lake/d", None, {"a": "b"})
    found = diff.marked(database)
    assert diff.compare_database(database, found) == "same"
    assert diff.compare_database(replace(database, location=None), replace(found, location="s3a://own/d")) == "same"
    assert diff.compare_database(replace(database, location="s3a://lake/e"), found) == "alter"
    assert diff.compare_database(replace(database, comment="e"), found) == "alter"
    assert diff.compare_database(database, None) == "create"
    assert diff.is_ours(found)


@given(
    parameters=st.dictionaries(texts, texts),
    columns=st.lists(st.tuples(texts, texts, st.none() | texts)),
    values=st.lists(texts),
)
def test_marking_is_stable_and_never_changes_what_is_compared(parameters: Any, columns: Any, values: Any) -> None:
    storage = replace(STORAGE, columns=tuple(Column(*one) for one in columns), parameters=parameters)
    things: tuple[Any, ...] = (
        replace(TABLE, storage=storage, parameters=parameters),
        Partition(tuple(values), storage, parameters),
    )
    for thing in things:
        assert diff.digest_of(diff.marked(thing)) == diff.digest_of(thing)
        assert diff.marked(diff.marked(thing)) == diff.marked(thing)


def test_the_columns_with_statistics_are_those_that_hold() -> None:
    told = {"COLUMN_STATS_ACCURATE": '{"BASIC_STATS":"true","COLUMN_STATS":{"b":"true","a":true,"c":"false"}}'}
    assert diff.columns_with_statistics(told) == ("a", "b")
    assert diff.columns_with_statistics({}) == diff.columns_with_statistics({"COLUMN_STATS_ACCURATE": "true"}) == ()
    assert diff.columns_with_statistics({"COLUMN_STATS_ACCURATE": "{"}) == ()


def test_statistics_are_the_same_whatever_way_distinct_values_were_counted() -> None:
    one = ColumnStatistics("a", "int", "long", {"lowValue": 1, "bitVectors": b"x"})
    assert diff.same_statistics((one,), (replace(one, values={"lowValue": 1, "bitVectors": None}),))
    assert not diff.same_statistics((one,), (replace(one, values={"lowValue": 2}),))


def test_constraints_that_differ_are_dropped_and_added() -> None:
    key, unique = Constraint("primary key", "pk", ("id",)), Constraint("unique", "u", ("id",))
    changed = replace(key, columns=("name",))
    assert diff.constraint_changes([changed, unique], [key, Constraint("check", "c", ())]) == (
        [changed, unique],
        ["pk", "c"],
    )
    assert diff.constraint_changes([key], [key]) == ([], [])


def test_functions_differ_in_more_than_when_they_were_made() -> None:
    function = Function("d", "f", "a.B", created_s=1)
    assert diff.same_function(function, replace(function, created_s=2))
    assert not diff.same_function(function, replace(function, class_name="a.C"))
    assert function.full_name == "d.f"


# ---- what the target should hold


def wanted(table: Table, locations: Locations = THERE, **more: Any) -> Table:
    found = wanted_table(table, locations, **more)
    assert isinstance(found, WantedTable)
    return found.table


def refused(table: Table, locations: Locations = THERE) -> str:
    found = wanted_table(table, locations)
    assert isinstance(found, Refused)
    return found.why


def test_tables_become_external_with_purge_off_and_what_they_were_is_kept() -> None:
    managed = replace(TABLE, kind="managed", parameters={"auto.purge": "TRUE", "external.table.purge": "true"})
    assert wanted(managed).parameters == {
        "auto.purge": "false", "external.table.purge": "false", "EXTERNAL": "TRUE", "livedata.source.kind": "managed",
    }  # fmt: skip
    assert (wanted(managed).kind, wanted(managed).storage.location) == ("external", "s3a://copy/t")
    assert "livedata.source.kind" not in wanted(TABLE).parameters


def test_the_text_of_a_view_is_left_alone() -> None:
    view = Table("d", "v", "view", Storage(), view_text="select 1 from t -- s3a://lake/t")
    assert wanted(view) == view


def test_what_must_not_be_registered_is_refused_with_what_to_do() -> None:
    assert "ACID" in refused(replace(TABLE, parameters={"transactional": "TRUE"}))
    assert "anew" in refused(replace(TABLE, kind="materialized view"))
    assert "Hive 3" in refused(replace(TABLE, kind="index"))
    assert "by hand" in refused(
        replace(TABLE, parameters={"storage_handler": "org.apache.hadoop.hive.hbase.HBaseStorageHandler"})
    )
    assert "rewrite_table_path" in refused(replace(TABLE, parameters={"table_type": "iceberg", "storage_handler": "x"}))
    assert "no mapping" in refused(TABLE, Locations({"s3a://other": "s3a://copy"}))
    assert (
        wanted(replace(TABLE, parameters={"metadata_location": "s3a://lake/t/m.json"}), HERE).storage.location
        == "s3a://lake/t"
    )
    assert wanted(TABLE, Locations({}), keeps_unmapped=True).storage.location == "s3a://lake/t"


def test_partitions_databases_and_functions_are_rewritten_and_say_what_was_not() -> None:
    assert wanted_partition(PARTITION, THERE) == (
        replace(PARTITION, storage=replace(STORAGE, location="s3a://copy/t")),
        (),
    )
    assert isinstance(wanted_partition(PARTITION, Locations({})), Refused)
    database, notes = wanted_database(Database("d", None, "s3a://lake/d", "hdfs://nn9/d"), THERE)
    assert (database.location, database.managed_location, len(notes)) == ("s3a://copy/d", None, 1)
    assert wanted_database(Database("d"), THERE) == (Database("d"), ())
    function, told = wanted_function(
        Function("d", "f", resources=(("jar", "s3a://lake/a.jar"), ("jar", "hdfs://nn9/b.jar"))), THERE
    )
    assert (function.resources[0][1], len(told)) == ("s3a://copy/a.jar", 1)


# ---- options, plan, guard, events


def test_patterns_choose_databases_and_tables_by_any_case() -> None:
    options = SyncOptions(databases=("Sales_*",), tables=("sales_eu.*", "*.orders"), exclude=("*.tmp_*",))
    assert options.takes("SALES_EU", "x")
    assert options.takes("sales_us", "orders")
    assert not options.takes("sales_us", "x")
    assert not options.takes("hr", "orders")
    assert not options.takes("sales_eu", "tmp_1")
    assert options.digest() != SyncOptions().digest()


@pytest.mark.parametrize(
    "bad",
    [
        {"deletes": "all"},
        {"tables": "x"},
        {"exclude": ("",)},
        {"max_delete_ratio": 2},
        {"databases": ()},
        {"tables": []},
    ],
)
def test_options_that_cannot_be_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        SyncOptions(**bad)


def test_the_guard_stops_what_nobody_can_have_meant() -> None:
    plan = CataloguePlan(dropped_tables=[TABLE])
    with pytest.raises(SourceEmpty):
        guard(plan, SyncOptions(), {"tables": 9}, is_whole=True)
    guard(plan, SyncOptions(), {"tables": 2}, is_whole=False)
    plan.compared["tables"] = 1
    guard(plan, SyncOptions(), {"tables": 2}, is_whole=True)
    with pytest.raises(TooManyDeletes):
        guard(plan, SyncOptions(), {}, is_whole=False)
    guard(plan, SyncOptions(max_delete_ratio=1), {}, is_whole=False)
    with pytest.raises(TooManyDeletes, match="partitions"):
        guard(
            CataloguePlan(tables=[TablePlan(TABLE, TABLE, drop=["a", "b"])]),
            SyncOptions(),
            {"partitions": 3},
            is_whole=True,
        )
    with pytest.raises(TargetTouched):
        guard(CataloguePlan(touched=["d.t"]), SyncOptions(), {}, is_whole=True)
    guard(CataloguePlan(touched=["d.t"]), SyncOptions(changed_at_target="keep"), {}, is_whole=True)


def test_a_plan_tells_its_steps_and_how_many_of_each() -> None:
    one = TablePlan(TABLE, TABLE, None, "recreate", ["day=1", "day=2"], ["day=3"], ["day=4"])
    plan = CataloguePlan(
        [("create", Database("d", location="s3a://x"))], [one, TablePlan(TABLE, TABLE)], [("drop", Function("d", "f"))], [TABLE], ["e"]
    )  # fmt: skip
    assert plan.totals() == {
        "add partitions": 2, "alter partitions": 1, "create databases": 1, "drop databases": 1, "drop functions": 1, "drop partitions": 1,
        "drop tables": 1, "recreate tables": 1,
    }  # fmt: skip
    assert [line["action"] for line in plan.lines()] == [
        "create",
        "recreate",
        "add",
        "add",
        "alter",
        "drop",
        "drop",
        "drop",
        "drop",
    ]
    assert (one.is_empty, TablePlan(TABLE, TABLE).is_empty) == (False, True)
    items: list[str] = []
    for number in range(KEPT + 5):
        note(items, str(number))
    assert len(items) == KEPT


def test_events_say_which_databases_tables_and_partitions_may_have_changed() -> None:
    events = [
        Event(1, "CREATE_DATABASE", "D"), Event(2, "CREATE_FUNCTION", "e"), Event(3, "ALTER_TABLE", "d", ("Old", "new")),
        Event(4, "ADD_PARTITION", "d", ("t",), ("day=1",)), Event(5, "DROP_PARTITION", "d", ("t",), ("day=2",)),
        Event(6, "ADD_PARTITION", "d", ("old",), ("day=1",)), Event(7, "ADD_PARTITION", "d", ("u",), ("day=1",)), Event(8, "INSERT", "d", ("u",)),
    ]  # fmt: skip
    found = touched(events)
    assert (found.databases, found.events) == ({"d"}, 8)
    assert found.tables == {
        ("d", "old"): None,
        ("d", "new"): None,
        ("d", "t"): frozenset({"day=1", "day=2"}),
        ("d", "u"): None,
    }


def test_events_of_tables_and_partitions_leave_constraints_alone_and_all_others_may_not() -> None:
    events = [
        Event(1, "ALTER_TABLE", "D", ("A",)), Event(2, "ADD_PARTITION", "d", ("a",), ("day=1",)), Event(3, "INSERT", "d", ("a",)),
        Event(4, "ADD_PRIMARYKEY", "D", ("B",)), Event(5, "CREATE_TABLE", "d", ("c",)), Event(6, "ALTER_TABLE", "d", ("b",)),
    ]  # fmt: skip
    assert touched(events).constrained == {("d", "b"), ("d", "c")}


def test_constraints_are_kept_by_what_changes_no_column_of_a_table_that_was_brought_whole() -> None:
    found = served(diff.marked(TABLE))
    assert diff.keeps_constraints(replace(TABLE, parameters={"new": "1"}), found)
    assert not diff.keeps_constraints(TABLE, None)
    assert not diff.keeps_constraints(TABLE, diff.marked(TABLE, is_pending=True))
    wider = replace(STORAGE, columns=(*STORAGE.columns, Column("n", "int")))
    assert not diff.keeps_constraints(replace(TABLE, storage=wider), found)
