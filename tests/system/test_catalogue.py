"""Syncs between two real metastores: what arrives, what is left alone, and that no file is ever touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_livedata.engine.metastore.model import (
    Column,
    ColumnStatistics,
    Constraint,
    Function,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from tests.services.hive import Metastore
from tests.system.catalogue_common import DAY, ID, LAZY, NAME, TEXT, Pair, pair_of

DAYS = ("2024-01-01", "2024-01-02", "__HIVE_DEFAULT_PARTITION__")
LONG = {"lowValue": 1, "highValue": 5, "numNulls": 0, "numDVs": 3, "bitVectors": None}


@pytest.fixture
def pair(metastore: Metastore, other_metastore: Metastore, tmp_path: Path) -> Iterator[Pair]:
    """The two of this run."""
    yield from pair_of(metastore.uri, other_metastore.uri, tmp_path)


def test_a_database_arrives_with_its_tables_which_are_external_and_point_at_the_target(pair: Pair) -> None:
    pair.create("plain")
    pair.create("by_day", days=DAYS)
    report = pair.sync()
    assert report.done == {"created databases": 1, "created tables": 2, "added partitions": 3}
    database = pair.target.database(pair.database)
    assert database is not None
    assert (database.comment, database.owner) == ("of a test", Principal("staff", "group"))
    assert (database.location, database.parameters["made"]) == (f"file:{pair.here}", "by a test")
    plain = pair.found("plain")
    assert plain is not None
    assert (plain.kind, plain.storage.location) == ("external", f"file:{pair.here}/plain")
    assert (plain.parameters["EXTERNAL"], plain.parameters["external.table.purge"]) == ("TRUE", "false")
    assert (plain.owner, plain.storage.columns, plain.parameters["bucketing_version"]) == (
        Principal("ann"),
        (ID, NAME),
        "2",
    )
    assert plain.parameters["livedata.source.kind"] == "managed"
    partitions = pair.partitions("by_day")
    assert {one.values: one.storage.location for one in partitions.values()} == {
        (day,): f"file:{pair.here}/by_day/day={day}" for day in DAYS
    }
    assert all(one.parameters["made"] == "by hive" for one in partitions.values())


def test_a_second_sync_finds_nothing_to_do_whichever_way_it_looks(pair: Pair) -> None:
    pair.create("plain")
    pair.create("by_day", days=DAYS)
    pair.sync()
    assert pair.sync(find_by="full").planned == {}
    by_log = pair.sync()
    assert by_log.planned == {}
    assert by_log.found_by == "0 events of the source's log"


def test_a_dry_run_writes_the_plan_and_changes_nothing(pair: Pair) -> None:
    pair.create("by_day", days=DAYS)
    report = pair.sync(dry_run=True)
    assert report.planned == {"create databases": 1, "create tables": 1, "add partitions": 3}
    steps = [json.loads(line) for line in Path(report.plan.removeprefix("file://")).read_text().splitlines()]
    assert [(one["action"], one.get("table"), one.get("partition")) for one in steps[1:3]] == [
        ("create", f"{pair.database}.by_day", None), ("add", f"{pair.database}.by_day", "day=2024-01-01"),
    ]  # fmt: skip
    assert pair.target.database(pair.database) is None
    assert pair.sync().done == {"created databases": 1, "created tables": 1, "added partitions": 3}


def test_statistics_constraints_and_functions_follow(pair: Pair) -> None:
    plain, parent = pair.create("plain"), pair.create("parent")
    by_day = pair.create("by_day", days=DAYS)
    pair.source.put_statistics(plain, {None: (ColumnStatistics("id", "bigint", "long", LONG),)})
    pair.source.put_statistics(by_day, {"day=2024-01-01": (ColumnStatistics("id", "bigint", "long", LONG),)})
    pair.source.add_constraints(parent, [Constraint("primary key", f"pk_{pair.database}", ("id",), is_relied_on=True)])
    keys = [
        Constraint("foreign key", f"fk_{pair.database}", ("id",), (pair.database, "parent", ("id",))),
        Constraint("not null", f"nn_{pair.database}", ("name",)),
        Constraint("default", f"df_{pair.database}", ("name",), value="'nobody'"),
        Constraint("check", f"ck_{pair.database}", ("id",), value="id > 0"),
        Constraint("unique", f"uq_{pair.database}", ("id", "name")),
    ]
    pair.source.add_constraints(plain, keys)
    jar = Function(
        pair.database, "shout", "org.example.Shout", Principal("ann"), (("jar", f"file:{pair.there}/shout.jar"),)
    )
    pair.source.put_function(jar)
    pair.sync()
    assert pair.target.statistics(plain, ["id"], None)[None][0].values == LONG
    assert pair.target.statistics(by_day, ["id"], ["day=2024-01-01"])["day=2024-01-01"][0].values == LONG
    assert pair.target.constraints(plain) == pair.source.constraints(plain)
    assert len(pair.target.constraints(plain)) == 5
    assert pair.target.constraints(parent)[0].is_relied_on
    (function,) = [one for one in pair.target.functions() if one.database == pair.database]
    assert (function.class_name, function.resources) == (
        "org.example.Shout",
        (("jar", f"file:{pair.here}/shout.jar"),),
    )
    assert pair.sync(find_by="full", details="all").planned == {}
    pair.source.drop_function(jar)
    pair.source.drop_constraint(plain, f"nn_{pair.database}")
    pair.sync(find_by="full", details="all")
    assert [one for one in pair.target.functions() if one.database == pair.database] == []
    assert pair.target.constraints(plain) == pair.source.constraints(plain)


def test_locations_are_rewritten_wherever_they_hide(pair: Pair) -> None:
    there, here = f"file:{pair.there}", f"file:{pair.here}"
    serde = Serde("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", None, {"path": f"{there}/spark"})
    spark = Table(
        pair.database, "spark", "managed", Storage((ID,), f"{there}/spark-__PLACEHOLDER__", *TEXT, serde),
        parameters={"spark.sql.sources.provider": "parquet", "avro.schema.url": f"{there}/schema.avsc", "comment": f"see {there}"},
    )  # fmt: skip
    skewed = Storage(
        (ID,), f"{there}/skewed", *TEXT, LAZY, skewed_columns=("id",), skewed_values=(("1",),),
        skewed_locations=((("1",), f"{there}/skewed/id=1"),),
    )  # fmt: skip
    view = Table(
        pair.database, "seen", "view", Storage((ID,)), view_text=f"select id from spark -- {there}",
        view_expanded_text=f"select `id` from `{pair.database}`.`spark` -- {there}",
    )  # fmt: skip
    for table in (spark, Table(pair.database, "skewed", "external", skewed, parameters={"EXTERNAL": "TRUE"}), view):
        pair.source.create_table(table)
    pair.sync()
    made, of_skewed, seen = pair.found("spark"), pair.found("skewed"), pair.found("seen")
    assert made is not None
    assert of_skewed is not None
    assert seen is not None
    assert made.storage.location == f"{here}/spark-__PLACEHOLDER__"
    assert made.storage.serde.parameters["path"] == f"file:{pair.here}/spark"
    assert made.parameters["avro.schema.url"] == f"{here}/schema.avsc"
    assert made.parameters["comment"] == f"see {there}"
    assert of_skewed.storage.skewed_locations == ((("1",), f"{here}/skewed/id=1"),)
    assert (seen.kind, seen.view_text) == ("view", f"select id from spark -- {there}")
    assert (seen.view_expanded_text, seen.storage.location) == (view.view_expanded_text, None)
    assert pair.sync(find_by="full").planned == {}


def test_tables_that_must_not_be_registered_are_named_with_what_to_do_and_the_others_arrive(pair: Pair) -> None:
    pair.create("plain")
    acid = {"transactional": "true", "transactional_properties": "insert_only"}
    pair.source.create_table(pair.table("acid", parameters=acid))
    pair.source.create_table(
        replace(
            pair.table(
                "ice",
                parameters={
                    "table_type": "ICEBERG",
                    "metadata_location": f"file:{pair.there}/ice/m.json",
                    "EXTERNAL": "TRUE",
                },
            ),
            kind="external",
        )
    )
    elsewhere = pair.table("elsewhere")
    pair.source.create_table(
        replace(elsewhere, storage=replace(elsewhere.storage, location=f"file:{pair.root}/nowhere"))
    )
    by_day = pair.create("by_day", days=DAYS[:1])
    pair.source.add_partitions(
        by_day, [Partition(("2025-01-01",), replace(by_day.storage, location=f"file:{pair.root}/nowhere/p"))]
    )
    report = pair.sync()
    told = {line.partition(":")[0].removeprefix(f"{pair.database}."): line for line in report.skipped}
    assert set(told) == {"acid", "ice", "elsewhere", "by_day/day=2025-01-01"}
    assert "CREATE TABLE AS SELECT" in told["acid"]
    assert "rewrite_table_path" in told["ice"]
    assert "no mapping" in told["elsewhere"]
    assert sorted(pair.target.table_names(pair.database)) == ["by_day", "plain"]
    assert set(pair.partitions("by_day")) == {"day=2024-01-01"}
    kept = pair.sync(unmapped="keep")
    assert kept.done == {"created tables": 1, "added partitions": 1}
    found = pair.found("elsewhere")
    assert found is not None
    assert found.storage.location == f"file:{pair.root}/nowhere"


def test_odd_names_values_and_sizes_arrive_as_they_are(pair: Pair) -> None:
    columns = tuple(Column(f"c{number}", "decimal(38,10)", None) for number in range(1998))
    wide = (
        *columns,
        Column("long_one", "struct<a:array<int>,b:map<string,double>>", "x" * 250),
        Column("é", "string", "Grüße, 世界"),
    )
    pair.create("wide", columns=wide)
    by = (Column("amount", "decimal(10,2)"), DAY, Column("what", "string"))
    odd = pair.table("t/odd_1", by=by)
    pair.source.create_table(odd)
    values = [
        ("1.50", "2024-02-29", "a/b%c=d e"),
        ("-0.01", "1970-01-01", "__HIVE_DEFAULT_PARTITION__"),
        ("2", "2024-01-01", "ünï'\"{}[]^#?*:\\"),
    ]
    pair.source.add_partitions(odd, [pair.partition(odd, *one, at=f"p{number}") for number, one in enumerate(values)])
    pair.sync()
    found = pair.found("wide")
    assert found is not None
    assert found.storage.columns == wide
    assert {one.values for one in pair.partitions("t/odd_1").values()} == set(values)
    assert set(pair.partitions("t/odd_1")) == set(pair.source.partition_names(odd))
    assert pair.sync(find_by="full").planned == {}
    pair.source.drop_partitions(odd, [name for name in pair.source.partition_names(odd) if "a%2Fb" in name])
    assert pair.sync(find_by="full").done == {"dropped partitions": 1}
    assert {one.values for one in pair.partitions("t/odd_1").values()} == set(values[1:])


def test_a_verification_names_what_differs_and_nothing_where_nothing_does(pair: Pair) -> None:
    plain, by_day = pair.create("plain"), pair.create("by_day", days=DAYS)
    pair.source.put_statistics(plain, {None: (ColumnStatistics("id", "bigint", "long", LONG),)})
    pair.sync()
    assert pair.verify().changes == []
    found, partitions = pair.found("plain"), pair.partitions("by_day")
    assert found is not None
    pair.target.alter_table(replace(found, owner=Principal("eve")))
    pair.target.drop_partitions(by_day, ["day=2024-01-01"])
    pair.target.alter_partitions(by_day, [replace(partitions["day=2024-01-02"], parameters={})])
    pair.target.put_statistics(plain, {None: (ColumnStatistics("id", "bigint", "long", {**LONG, "highValue": 9}),)})
    pair.source.add_constraints(plain, [Constraint("unique", f"uq_{pair.database}", ("id",))])
    report = pair.verify()
    name = pair.database
    assert report.state == "different"
    assert sorted(report.changes) == [
        f"constraint uq_{name} of {name}.plain: differs", f"partition {name}.by_day/day=2024-01-01: missing",
        f"partition {name}.by_day/day=2024-01-02: differs", f"statistics of columns of {name}.plain: differ", f"table {name}.plain: differs",
    ]  # fmt: skip
