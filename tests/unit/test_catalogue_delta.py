"""Which Delta tables are made of others, what a copy is told by, and the statements that make it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_livedata.engine import DeltaOptions
from airflow_provider_livedata.engine.errors import BadOption, PathsOverlap, TooManyDeletes, WrongSide
from airflow_provider_livedata.engine.metastore import databricks_read, delta_plan, delta_read, diff
from airflow_provider_livedata.engine.metastore.compare import Comparison
from airflow_provider_livedata.engine.metastore.delta_plan import Copy, DeltaPlan, FoundDelta
from airflow_provider_livedata.engine.metastore.delta_sql import DeltaStatements
from airflow_provider_livedata.engine.metastore.model import Column, Database, Serde, Storage, Table
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.metastore.wanted import CONVERTED
from tests.crash.memory_catalogue import MemoryCatalogue

ID, DAY = Column("id", "bigint"), Column("day", "date")
PLACE = "s3://lake/data/sales/orders"
SQL = DeltaStatements("main")


def table(**more: Any) -> Table:
    storage = Storage((ID,), PLACE, serde=Serde("parquet"))
    return diff.marked(replace(Table("sales", "orders", "external", storage), **more))


def options(**more: Any) -> DeltaOptions:
    return DeltaOptions(location="s3://lake/delta/", **more)


def copy_of(source: Table | None = None, **more: Any) -> Copy:
    made = Copy(source or table(), "sales_delta", "s3://lake/delta/sales_delta/orders", **more)
    made.mark = delta_plan.mark_of(made, {}, "files")
    return made


def there(copy: Copy, **more: Any) -> FoundDelta:
    """The copy as it is found once it was made."""
    return FoundDelta(**{"kind": "external", "provider": "delta", "place": copy.place, "mark": copy.mark, **more})


# ---- options


def test_the_schema_of_copies_is_told_by_that_of_the_tables_and_back() -> None:
    told = options(schema="lake_{database}_d")
    assert (told.schema_of("Sales"), told.database_of("lake_sales_d")) == ("lake_sales_d", "sales")
    assert [told.database_of(name) for name in ("sales", "lake__d", "lake_d", "lake_sales", "sales_d")] == [None] * 5
    assert options().database_of("sales_delta") == "sales"


def test_options_that_cannot_be_are_refused() -> None:
    for wrong in (
        {"schema": "delta"}, {"schema": "{database}"}, {"schema": "{database}_{database}"}, {"location": "lake/delta"}, {"deletes": "all"},
        {"max_delete_ratio": 2}, {"tables": "a.b"},
    ):  # fmt: skip
        with pytest.raises(BadOption):
            DeltaOptions(**wrong)
    assert (DeltaOptions().location, options().location) == ("", "s3://lake/delta")


# ---- what is to be done


def test_a_copy_is_made_once_and_anew_where_its_mark_is_another_one() -> None:
    copy = copy_of()
    for found, at_place, doing in (
        (None, None, "create"), (None, there(copy), "adopt"), (there(copy), None, "nothing"),
        (there(copy, mark=delta_plan.pending_mark(copy)), None, "refresh"),
    ):  # fmt: skip
        one, plan = copy_of(), DeltaPlan()
        plan.add(one, found, at_place)
        assert (one.doing, plan.taken, len(plan.copies)) == (doing, [], doing != "nothing")
        assert (one.former_place, one.has_former) == ("", doing == "adopt")


def test_a_copy_whose_location_is_another_one_now_is_moved() -> None:
    former = replace_place("s3://lake/before/orders")
    one, plan = copy_of(), DeltaPlan()
    plan.add(one, former, None)
    assert (one.doing, one.former_place, one.has_former) == ("move", former.place, False)
    assert plan.totals() == {"move copies": 1}


def replace_place(place: str) -> FoundDelta:
    """A copy of ours that lies somewhere else."""
    return there(copy_of(), place=place, mark=f"{delta_plan.whose('sales_delta', 'orders', place)}/{'0' * 32}")


def test_a_mark_tells_of_the_definition_the_partitions_and_the_files() -> None:
    copy, other = copy_of(), copy_of(table(parameters={"comment": "other"}))
    marks = {
        copy.mark, other.mark, delta_plan.mark_of(copy, {"day=1": ""}, "files"), delta_plan.mark_of(copy, {"day=1": "s3://x"}, "files"),
        delta_plan.mark_of(copy, {}, "others"),
    }  # fmt: skip
    assert len(marks) == 5
    assert len({one.partition("/")[0] for one in marks}) == 1


@pytest.mark.parametrize(
    "theirs",
    [
        {"mark": ""}, {"mark": f"{'0' * 32}/{'0' * 32}"}, {"kind": "managed"}, {"kind": "view", "provider": "", "mark": ""},
        {"provider": "parquet"}, {"place": "s3://lake/theirs"},
    ],
)  # fmt: skip
def test_what_somebody_else_made_under_the_name_of_a_copy_is_never_replaced_nor_dropped(theirs: dict[str, str]) -> None:
    plan, copy = DeltaPlan(), copy_of()
    found = there(copy, **theirs)
    plan.add(copy, found, None)
    assert plan.copies == []
    assert "somebody else has a table of this name" in plan.taken[0]
    plan.add_gone("sales_delta", "orders", found, options())
    assert (plan.drops, plan.foreign, plan.held) == ([], ["sales_delta.orders"], 0)


def test_a_delta_table_of_somebody_else_at_the_place_of_a_copy_stays() -> None:
    plan, copy = DeltaPlan(), copy_of()
    plan.add(copy, None, there(copy, mark=""))
    assert "lies at s3://lake/delta/sales_delta/orders" in plan.taken[0]


def test_the_place_is_looked_at_where_no_copy_lies_there() -> None:
    copy = copy_of()
    assert delta_plan.needs_place(copy, None)
    assert delta_plan.needs_place(copy, replace_place("s3://lake/before"))
    assert not delta_plan.needs_place(copy, there(copy))


def test_a_copy_that_is_not_proved_carries_a_mark_of_ours_that_no_table_has() -> None:
    copy = copy_of()
    owner, _, what = delta_plan.pending_mark(copy).partition("/")
    assert (owner, what) == (copy.mark.partition("/")[0], "pending")
    assert delta_plan.is_ours(there(copy, mark=delta_plan.pending_mark(copy)), "sales_delta", "orders")


def test_the_copy_of_a_table_that_is_gone_goes_by_choice_and_not_too_many_at_once() -> None:
    plan, keeping, copy = DeltaPlan(), DeltaPlan(), copy_of()
    plan.add_gone("sales_delta", "orders", there(copy), options())
    assert (plan.drops, plan.held) == ([("sales_delta", "orders", copy.place)], 1)
    keeping.add_gone("sales_delta", "orders", there(copy), options(deletes="keep"))
    assert (keeping.drops, keeping.notes) == (
        [], ["sales_delta.orders stays, although the table that it was copied from is gone"],
    )  # fmt: skip
    with pytest.raises(TooManyDeletes, match="1 of 1 copies"):
        delta_plan.guard_drops(plan, options())
    for fits in (options(max_delete_ratio=1),):
        delta_plan.guard_drops(plan, fits)
    plan.held = 2
    delta_plan.guard_drops(plan, options())
    delta_plan.guard_drops(keeping, options(max_delete_ratio=0))


def test_a_plan_tells_its_steps_and_how_many_there_are() -> None:
    plan = DeltaPlan(conversions=[table()], drops=[("a_delta", "b", "s3://x")])
    plan.add(copy_of(), None, None)
    assert plan.totals() == {"create copies": 1, "convert tables": 1, "drop copies": 1}
    assert list(plan.lines()) == [
        {"action": "create", "copy": "sales_delta.orders", "of": "sales.orders", "location": "s3://lake/delta/sales_delta/orders"},
        {"action": "convert", "table": "sales.orders", "location": PLACE}, {"action": "drop", "copy": "a_delta.b"},
    ]  # fmt: skip


# ---- places


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("s3://lake/data/delta", "s3://lake/data"), ("s3://lake/data", "s3a://lake/data/"), ("s3a://lake/data/x", "s3://lake/data"),
        ("s3://lake", "s3://lake/data"), ("abfs://c@a/data/delta", "abfss://c@a/data"), ("/data/delta", "/data"),
        ("file:/data/delta", "file:///data"),
    ],
)  # fmt: skip
def test_copies_neither_lie_in_what_is_replicated_nor_around_it(location: str, place: str) -> None:
    with pytest.raises(PathsOverlap, match="outside of every replicated location"):
        delta_plan.refuse_overlap(location, ["s3://other/x", place])


def test_copies_may_lie_beside_what_is_replicated() -> None:
    delta_plan.refuse_overlap("s3://lake/data_delta", ["s3://lake/data", "s3://other/data_delta"])
    assert delta_plan.place_of(options(), "sales_delta", "orders") == "s3://lake/delta/sales_delta/orders"


def test_a_partition_lies_at_its_usual_place_or_elsewhere() -> None:
    assert delta_plan.usual_place(table(partition_columns=(DAY,)), "day=2024%2F01") == f"{PLACE}/day=2024%2F01"
    assert delta_plan.unusual_places({"a=1": "", "a=2": "s3://x", "a=3": "s3://x"}) == ["s3://x"]


# ---- what may be done


def test_copies_are_made_of_what_a_sync_registered() -> None:
    plain = table()
    assert delta_plan.why_not_copied(plain) == ""
    assert "no sync registered it" in delta_plan.why_not_copied(replace(plain, parameters={}))
    assert "directory" in delta_plan.why_not_copied(replace(plain, name="a/b"))
    assert "directory" in delta_plan.why_not_copied(replace(plain, name=".."))
    assert "no location" in delta_plan.why_not_copied(replace(plain, storage=Storage()))


def test_parquet_in_its_own_directory_is_converted_in_place_and_nothing_else() -> None:
    plain = table()
    assert delta_plan.why_not_converted(plain, {"day=1": ""}) == ""
    orc = replace(plain, storage=replace(plain.storage, serde=Serde("orc")))
    for wrong, partitions, why in (
        (replace(plain, parameters={}), {}, "no sync"), (replace(plain, kind="managed"), {}, "managed"), (orc, {}, "Parquet alone"),
        (plain, {"day=1": "s3://x/y"}, "day=1 at s3://x/y"),
    ):  # fmt: skip
        assert why in delta_plan.why_not_converted(wrong, partitions)


def test_a_conversion_waits_for_the_end_of_the_replication() -> None:
    delta_plan.refuse_not_ended({})
    with pytest.raises(WrongSide, match="end the replication first") as stopped:
        delta_plan.refuse_not_ended({PLACE: "it goes on"})
    assert stopped.value.where["first"] == [f"{PLACE}: it goes on"]


def test_rows_that_differ_are_told() -> None:
    assert delta_plan.differing_rows("a.b", 2, 2) == ""
    assert delta_plan.differing_rows("a.b", 1200, 2) == "a.b: 1,200 rows, but 2 in the Delta table"


# ---- statements


def test_a_copy_is_claimed_empty_and_then_replaced() -> None:
    copy = copy_of(table(partition_columns=(DAY,), parameters={"comment": "it's"}))
    made = (
        "`main`.`sales_delta`.`orders` USING DELTA PARTITIONED BY (`day`) LOCATION 's3://lake/delta/sales_delta/orders' COMMENT 'it\\'s' "
        "TBLPROPERTIES ('livedata.copy' = 'm') AS SELECT * FROM `main`.`sales`.`orders`"
    )
    assert SQL.claim(copy, "m") == f"CREATE TABLE {made} WHERE false"
    assert SQL.copy(copy, "m") == f"CREATE OR REPLACE TABLE {made}"
    plain = copy_of(table(storage=Storage((Column("a b", "int"),), PLACE)))
    assert "PARTITIONED" not in SQL.copy(plain, "m")
    assert "COMMENT" not in SQL.copy(plain, "m")
    assert "TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'livedata.copy' = 'm')" in SQL.copy(plain, "m")


def test_names_and_places_are_quoted_in_every_statement() -> None:
    odd = copy_of(table(name="o`r"))
    odd.place = "s3://lake/it's"
    statements = [
        SQL.described("s", "o`r"), SQL.rows("s", "o`r"), SQL.refresh(odd.source), SQL.claim(odd, "m"), SQL.copy(odd, "m"), SQL.set_mark(odd),
        SQL.drop("s", "o`r"), SQL.convert(odd.source),
    ]  # fmt: skip
    assert [one for one in statements if "`o``r`" not in one] == []
    assert "LOCATION 's3://lake/it\\'s'" in SQL.copy(odd, "m")
    assert SQL.described_at("s3://la`ke") == "DESCRIBE DETAIL `delta`.`s3://la``ke`"
    assert (SQL.tables("s`"), SQL.create_schema("s`")) == (
        "SHOW TABLES IN `main`.`s```", "CREATE SCHEMA IF NOT EXISTS `main`.`s```",
    )  # fmt: skip
    assert SQL.set_mark(odd).endswith(f"SET TBLPROPERTIES ('livedata.copy' = '{odd.mark}')")


# ---- what is told


def test_a_table_is_told_with_its_mark_however_properties_are_written() -> None:
    mark = f"{'a1' * 16}/{'0' * 32}"
    rows = [
        ("id", "bigint", ""), ("# Detailed Table Information", "", ""), ("Type", "EXTERNAL", ""), ("Location", "file:/x/", ""), ("Provider", "delta", ""),
        ("Table Properties", f"[delta.minReaderVersion=1,livedata.copy={mark},x=y]", ""),
    ]  # fmt: skip
    assert delta_read.found_from(rows) == FoundDelta("external", "delta", "file:///x", mark)
    assert delta_read.found_from([]) == FoundDelta("", "", "", "")
    for told in ({"livedata.copy": mark}, [("livedata.copy", mark)], f'{{"livedata.copy":"{mark}"}}'):
        assert delta_read.found_at([("delta", "id", told)], "file:/x") == FoundDelta(
            "external", "delta", "file:///x", mark
        )
    pending = f"{'a1' * 16}/pending"
    found = delta_read.found_at([("delta", {"livedata.copy": pending})], "/x")
    assert found is not None
    assert found.mark == pending


def test_a_place_without_a_delta_table_tells_none() -> None:
    assert delta_read.found_at([], "/x") is None
    assert delta_read.found_at([("parquet", "id")], "/x") is None


# ---- what syncs make of a table that was converted


def test_a_sync_leaves_a_converted_table_alone_and_says_so() -> None:
    assert databricks_read.converted_mark("orders") == {"livedata.delta.orders": CONVERTED}
    assert databricks_read.marks_from(CONVERTED) == {CONVERTED: "true"}
    source, target = MemoryCatalogue("a"), MemoryCatalogue("b")
    for side in (source, target):
        side.create_database(Database("sales"))
    source.create_table(table(parameters={}))
    target.create_table(
        Table("sales", "orders", "external", Storage((), PLACE, serde=Serde("delta")), (), {CONVERTED: "true"})
    )
    plan = Comparison(source, target, SyncOptions(locations={"s3://lake": "s3://lake"})).run()
    assert (plan.tables, plan.touched) == ([], [])
    assert plan.skipped == ["sales.orders: was converted to Delta at the target, so no sync changes it any more"]
