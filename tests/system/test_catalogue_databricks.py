"""Syncs from a real Hive Metastore to Databricks, of which Spark 4.0 with Delta is the stand-in: see tests/services/spark_sql.py for what it does not show."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import SyncOptions, sync_catalogue
from airflow_provider_livedata.engine.errors import (
    BadInput,
    MetastoreRefused,
    PlaceNotAllowed,
    RunFailed,
    TargetTouched,
)
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    Constraint,
    Database,
    Function,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from tests.crash.memory_catalogue import MemoryCatalogue
from tests.services.airflow_home import connection_variable
from tests.services.hive import Metastore
from tests.services.spark_sql import CATALOG, SparkSql
from tests.system.catalogue_common import DAY, ID, LAZY, NAME, TEXT
from tests.system.spark_pair import (
    ANN,
    AVRO,
    BOB,
    DAYS,
    JSON,
    LAZY_TEXT,
    OPEN_CSV,
    ORC,
    PARQUET,
    SparkPair,
    spark_pair,
    statements,
    write,
)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSql]:
    """The stand-in of a warehouse."""
    with SparkSql() as server:
        yield server


@pytest.fixture
def pair(metastore: Metastore, spark: SparkSql, tmp_path: Path) -> Iterator[SparkPair]:
    """Hive 3.1 and Spark."""
    yield from spark_pair(metastore, spark, tmp_path)


def test_a_table_arrives_as_an_external_one_that_points_at_the_target_and_is_read(pair: SparkPair) -> None:
    pair.make("plain", parameters={"comment": "it's plain", "made": "by hive"})
    report = pair.sync()
    assert report.done == {"created databases": 1, "created tables": 1}
    assert pair.rows("plain") == [ANN, BOB]
    found = pair.found("plain")
    assert found is not None
    assert (found.kind, found.storage.location) == ("external", f"file://{pair.here}/plain")
    assert (found.storage.columns, found.storage.serde) == ((ID, NAME), Serde("parquet"))
    assert (found.parameters["comment"], found.parameters["made"]) == ("it's plain", "by hive")
    assert found.parameters["livedata.source.kind"] == "managed"


def test_a_second_sync_changes_nothing_whichever_way_it_looks_and_a_verification_agrees(pair: SparkPair) -> None:
    pair.make("plain", LAZY_TEXT)
    pair.make("by_day", days=DAYS)
    assert pair.sync().done == {"created databases": 1, "created tables": 2, "added partitions": 3}
    for find_by in ("full", "auto"):
        assert pair.sync(find_by=find_by).planned == {}
        assert pair.sent == []
    assert pair.verify().state == "same"


@pytest.mark.parametrize("how", [ORC, AVRO, JSON, LAZY_TEXT, OPEN_CSV], ids=["orc", "avro", "json", "text", "csv"])
def test_each_format_is_read_as_hive_reads_it(pair: SparkPair, how: tuple[str, str, Serde]) -> None:
    header = {"skip.header.line.count": "1"} if how is OPEN_CSV else {}
    pair.make("there", how, parameters=header)
    pair.sync()
    assert pair.rows("there") == [ANN, BOB]
    assert pair.sync(find_by="full").planned == {}


def test_a_delta_table_is_registered_by_its_place_and_its_log_is_left_alone(pair: SparkPair) -> None:
    place = pair.there / "changes"
    pair.spark.run(f"CREATE TABLE delta.`{place}` USING DELTA AS SELECT 1L AS id, 'ann' AS name")
    told = Storage(
        (Column("col", "array<string>"),), f"file:{place}", "org.apache.hadoop.mapred.SequenceFileInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
        Serde("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", None, {"path": f"file:{place}", "serialization.format": "1"}),
    )  # fmt: skip
    table = Table(pair.database, "changes", "managed", told, parameters={"spark.sql.sources.provider": "DELTA"})
    pair.source.create_table(table)
    pair.replicate()
    before = pair.files()
    assert pair.sync().done["created tables"] == 1
    assert pair.rows("changes") == [ANN]
    assert pair.sync(find_by="full").planned == {}
    assert pair.files() == before
    pair.source.drop_table(table)
    shutil.copytree(pair.here / "changes", place, dirs_exist_ok=True)  # a managed table's files went with it
    assert pair.sync(max_delete_ratio=1).done == {"dropped tables": 1}
    assert (pair.found("changes"), pair.files()) == (None, before)


def test_partitions_are_added_moved_and_dropped_and_no_file_with_them(pair: SparkPair) -> None:
    table = pair.make("by_day", days=DAYS)
    assert pair.sync().done["added partitions"] == 3
    read = pair.rows("by_day", "id, name, CAST(day AS STRING)", "3 NULLS FIRST, 1")
    assert read == [(*row, day) for day in (None, "2024-01-01", "2024-01-02") for row in (ANN, BOB)]
    assert {name: one.storage.location for name, one in pair.partitions("by_day").items()} == {
        f"day={day}": f"file://{pair.here}/by_day/day={day}" for day in DAYS
    }
    pair.source.add_partitions(table, [pair.part(table, "2024-01-03", at="elsewhere/third one")])
    assert pair.sync().done == {"added partitions": 1}
    moved = pair.part(table, "2024-01-01", at="elsewhere/first")
    pair.source.alter_partitions(table, [moved])
    assert pair.sync().done == {"altered partitions": 1}
    assert pair.partitions("by_day")["day=2024-01-01"].storage.location == f"file://{pair.here}/by_day/elsewhere/first"
    assert len(pair.rows("by_day", "id, name", "1")) == 8
    pair.source.drop_partitions(table, ["day=2024-01-02"])
    before = pair.files()
    assert pair.sync().done == {"dropped partitions": 1}
    assert len(pair.rows("by_day", "id, name", "1")) == 6
    assert pair.files() == before
    assert pair.sync(find_by="full").planned == {}


def test_many_partitions_are_added_a_hundred_a_statement(pair: SparkPair) -> None:
    table = pair.make("by_day", days=("2000-01-01",))
    more = [
        pair.part(table, f"20{year}-0{month}-01", at=f"p{year}{month}")
        for year in range(10, 40)
        for month in range(1, 6)
    ]
    pair.source.add_partitions(table, more)
    assert pair.sync().done["added partitions"] == 151
    assert [one.count(" LOCATION ") for one in pair.sent if " ADD IF NOT EXISTS " in one] == [100, 51]


def test_a_column_is_added_in_place_and_another_type_makes_the_table_anew_with_its_partitions(pair: SparkPair) -> None:
    table = pair.make("by_day", days=DAYS)
    pair.sync()
    more = Column("more", "map<string,struct<a:decimal(5,2)>>", "it's more")
    wider = replace(table, storage=replace(table.storage, columns=(replace(ID, comment="which"), NAME, more)))
    pair.source.alter_table(wider)
    assert pair.sync().done == {"altered tables": 1}
    assert [one.split("`")[-1].split("'")[0] for one in pair.sent if "COLUMN" in one]
    found = pair.found("by_day")
    assert found is not None
    assert found.storage.columns == wider.storage.columns
    assert pair.rows("by_day", "count(*), count(more)") == [(6, 0)]
    narrower = replace(wider, storage=replace(wider.storage, columns=(ID,)), parameters={"comment": "anew"})
    pair.source.alter_table(narrower)
    before = pair.files()
    assert pair.sync().done == {"made anew tables": 1, "added partitions": 3}
    assert pair.rows("by_day", "count(*), max(id)") == [(6, 2)]
    assert pair.files() == before
    assert pair.sync(find_by="full").planned == {}


def test_a_table_that_was_made_again_at_the_source_is_made_anew(pair: SparkPair) -> None:
    table = pair.make("plain", LAZY_TEXT)
    pair.sync()
    pair.source.drop_table(table)
    shutil.rmtree(pair.here / "plain")
    pair.make("plain", days=DAYS)
    assert pair.sync().done == {"made anew tables": 1, "added partitions": 3}
    assert pair.rows("plain", "count(*)", "1") == [(6,)]


def test_properties_and_comments_follow_in_place(pair: SparkPair) -> None:
    table = pair.make("plain", parameters={"a": "1", "b": "2", "comment": "first"})
    pair.sync()
    pair.source.alter_table(replace(table, parameters={"b": "3", "c": "4", "comment": "second"}))
    database = pair.source.database(pair.database)
    assert database is not None
    pair.source.alter_database(replace(database, comment="it's other", parameters={"new": "1"}))
    assert pair.sync().done == {"altered databases": 1, "altered tables": 1}
    found, schema = pair.found("plain"), pair.target.database(pair.database)
    assert found is not None
    assert schema is not None
    assert {name: found.parameters.get(name) for name in ("a", "b", "c", "comment")} == {
        "a": None, "b": "3", "c": "4", "comment": "second",
    }  # fmt: skip
    assert (schema.comment, schema.parameters.get("new"), "made" in schema.parameters) == (None, "1", False)
    assert pair.sync(find_by="full").planned == {}


def test_what_is_dropped_at_the_source_goes_and_no_file_with_it(pair: SparkPair) -> None:
    plain, by_day = pair.make("plain"), pair.make("by_day", days=DAYS)
    pair.sync()
    pair.source.drop_table(plain)
    pair.source.drop_table(by_day)
    pair.source.drop_database(pair.database)
    pair.there.mkdir(parents=True, exist_ok=True)
    before = {name: data for name, data in pair.files().items() if name.startswith("target")}
    assert len(before) == 4
    shown = statements(pair.sync(max_delete_ratio=1, dry_run=True))
    assert [one.split(" ", 2)[:2] for one in shown] == [["DROP", "TABLE"], ["DROP", "TABLE"], ["DROP", "SCHEMA"]]
    assert pair.sync(max_delete_ratio=1).done == {"dropped databases": 1, "dropped tables": 2}
    assert pair.target.database(pair.database) is None
    assert {name: data for name, data in pair.files().items() if name.startswith("target")} == before


def test_a_managed_table_and_a_schema_with_a_directory_of_its_own_are_never_dropped(pair: SparkPair) -> None:
    pair.spark.run(f"CREATE SCHEMA `{pair.database}x` LOCATION 'file:{pair.here}/own'")
    pair.spark.run(f"CREATE TABLE `{pair.database}x`.held USING PARQUET AS SELECT 1 AS id")
    before = pair.files()
    table = Table(f"{pair.database}x", "held", "external", Storage())
    doings: tuple[Callable[[], None], ...] = (
        lambda: pair.target.drop_table(table), lambda: pair.target.drop_partitions(table, ["a=1"]),
    )  # fmt: skip
    for dropping in doings:
        with pytest.raises(MetastoreRefused, match="a managed table at the target"):
            dropping()
    with pytest.raises(MetastoreRefused, match="which Databricks would remove with it"):
        pair.target.drop_database(f"{pair.database}x")
    assert pair.files() == before


def test_a_dry_run_shows_every_statement_and_changes_nothing(pair: SparkPair) -> None:
    pair.make("plain")
    table = pair.make("by_day", days=DAYS)
    pair.replicate()
    before = pair.files()
    report = pair.sync(dry_run=True)
    assert (report.state, pair.sent, pair.files()) == ("dry run", [], before)
    assert pair.target.database(pair.database) is None
    shown = statements(report)
    pair.sync()
    assert shown == pair.sent
    assert [one.split(" ", 2)[:2] for one in shown] == [
        ["CREATE", "SCHEMA"], ["CREATE", "TABLE"], ["ALTER", "TABLE"], ["CREATE", "TABLE"],
    ]  # fmt: skip
    pair.source.alter_table(replace(table, storage=replace(table.storage, columns=(NAME,))))
    pair.source.drop_partitions(table, ["day=2024-01-02"])
    shown = statements(pair.sync(dry_run=True))
    assert pair.sent == []
    pair.sync()
    assert shown == pair.sent
    assert [one.split(" ", 2)[0] for one in shown] == ["DROP", "CREATE", "ALTER"]


def test_unusual_names_and_texts_arrive_as_they_are(pair: SparkPair) -> None:
    odd = 'it\'s `odd` "100%" \\n ${spark:x} ü\n;--'
    columns = (ID, Column("na`me'%s", "string", odd), Column("drop table; --", "struct<`a b`:int>".replace("`", "")))
    place = pair.there / "a b%20'c`d"
    write(place, PARQUET)
    storage = Storage(columns, f"file:{place}", *PARQUET)
    by = (Column("part of", "string", odd),)
    table = Table(pair.database, "odd", "managed", storage, by, {"comment": odd, "k'`%": odd})
    source = MemoryCatalogue("odd source")
    source.create_database(Database(pair.database, odd, None, None, {"why": "it's `odd`"}))
    source.create_table(table)
    values = ("it's", "a/b=c%", "100%", "`x`", "ü", " ")
    for number, value in enumerate(values):
        write(place / f"p{number}", PARQUET)
        source.add_partitions(table, [Partition((value,), replace(storage, location=f"file:{place}/p{number}"))])
    pair.replicate()
    options = pair.options()
    report = sync_catalogue(source, pair.again(), options, state=f"file://{pair.root}/odd")
    assert report.done == {"created databases": 1, "created tables": 1, "added partitions": len(values)}
    found = pair.found("odd")
    assert found is not None
    assert (found.storage.columns, found.partition_columns) == (columns, by)
    assert (found.parameters["comment"], found.parameters["k'`%"]) == (odd, odd)
    assert {one.values[0] for one in pair.partitions("odd").values()} == set(values)
    assert pair.rows("odd", "id, `part of`") == sorted((number, value) for number in (1, 2) for value in values)
    again = sync_catalogue(source, pair.again(), replace(options, find_by="full"), state=f"file://{pair.root}/odd")
    assert again.planned == {}


def test_one_table_that_is_refused_does_not_stop_the_others_nor_one_partition_those_beside_it(pair: SparkPair) -> None:
    source = MemoryCatalogue("broken source")
    source.create_database(Database(pair.database))
    broken = Table(pair.database, "broken", "managed", Storage((ID,), "nowhere://x/y", *PARQUET))
    plain = Table(pair.database, "plain", "managed", Storage((ID,), f"file:{pair.there}/plain", *PARQUET), (DAY,))
    for one in (broken, plain):
        source.create_table(one)
    source.add_partitions(plain, [pair.part(plain, day) for day in ("2024-01-01", "2024-01-02", "no day")])
    pair.replicate()
    with pytest.raises(RunFailed) as failed:
        sync_catalogue(source, pair.again(), pair.options(unmapped="keep"), state=f"file://{pair.root}/broken")
    report = failed.value.report
    assert report.done == {"created databases": 1, "created tables": 1, "added partitions": 2}
    assert [one.partition(": ")[0] for one in report.failures] == [
        f"{pair.database}.broken", f"{pair.database}.plain/day=no day",
    ]  # fmt: skip
    assert pair.rows("plain", "count(*)", "1") == [(4,)]


def test_what_databricks_cannot_take_is_told_for_each_object_with_the_reason(pair: SparkPair) -> None:
    pair.make("plain")
    pair.make("odd_serde", (*TEXT, Serde("com.example.Odd")))
    pair.make("of_kinds", columns=(ID, Column("u", "uniontype<int,string>")))
    by_day = pair.make("by_day", days=DAYS[:1])
    other = pair.part(by_day, DAYS[1], LAZY_TEXT)
    pair.source.add_partitions(
        by_day, [replace(other, storage=replace(other.storage, input_format=TEXT[0], serde=LAZY))]
    )
    view = Table(pair.database, "seen", "view", Storage((ID,)), view_text="select 1", view_expanded_text="select 1")
    pair.source.create_table(view)
    pair.source.add_constraints(pair.table("plain"), [Constraint("primary key", "pk", ("id",))])
    pair.source.put_function(Function(pair.database, "f", "a.B", Principal("ann")))
    report = pair.sync()
    assert report.done == {"created databases": 1, "created tables": 2, "added partitions": 1}
    told = {line.partition(": ")[0].removeprefix(f"{pair.database}."): line for line in report.skipped}
    for name, why in {
        "odd_serde": "no format that reads its files (com.example.Odd)", "of_kinds": "its column u (uniontype", "seen": "a view's text",
        f"by_day/day={DAYS[1]}": "its files are csv, those of the table parquet", f"function {pair.database}.f": "classes in files",
    }.items():  # fmt: skip
        assert why in told[name]
    notes = "\n".join(report.notes)
    for text in ("its owner (group staff) is left out", "its location", "constraints are left out (pk)"):
        assert text in notes


def test_what_somebody_else_changed_at_the_target_stops_the_run(pair: SparkPair) -> None:
    table = pair.make("plain")
    pair.sync()
    pair.spark.run(f"ALTER TABLE `{pair.database}`.plain SET TBLPROPERTIES ('by' = 'eve')")
    pair.source.alter_table(replace(table, parameters={"made": "anew"}))
    with pytest.raises(TargetTouched):
        pair.sync(find_by="full")
    assert pair.sent == []
    assert pair.sync(find_by="full", changed_at_target="overwrite").done == {"altered tables": 1}
    assert pair.sync(find_by="full").planned == {}


def test_unity_catalog_takes_tables_below_an_external_location_alone(pair: SparkPair) -> None:
    pair.is_unity = True
    pair.make("plain")
    table = pair.make("by_day", days=DAYS)
    with pytest.raises(PlaceNotAllowed, match="CREATE EXTERNAL LOCATION") as stopped:
        pair.sync()
    assert f"{pair.here}/by_day" in str(stopped.value)
    assert pair.sent == []
    pair.spark.places[:] = [f"file://{pair.root}/target/"]
    assert pair.sync().done == {"created databases": 1, "created tables": 2, "added partitions": 3}
    assert [one for one in pair.sent if "'partitionMetadataEnabled' = 'true'" in one]
    pair.source.alter_partitions(table, [pair.part(table, DAYS[0], at="elsewhere")])
    assert pair.sync().done == {"altered partitions": 1}
    assert [one.split("`")[6].split()[0] for one in pair.sent] == ["DROP", "ADD"]
    assert pair.sync(find_by="full").planned == {}


def test_databricks_is_no_source(pair: SparkPair) -> None:
    options = SyncOptions(locations={"/a": "/b"}, databases=(pair.database,))
    with pytest.raises(BadInput, match="a target alone"):
        sync_catalogue(pair.again(), pair.source, options, state=f"file://{pair.root}/back")


def test_the_operators_reach_databricks_by_the_providers_connection(
    pair: SparkPair, metastore: Metastore, monkeypatch: pytest.MonkeyPatch, airflow_home: object
) -> None:
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

    from airflow_provider_livedata.operators.metastore import MetastoreSyncOperator, MetastoreVerifyOperator

    hive = {"conn_type": "livedatametastore", "host": "127.0.0.1", "port": metastore.port}
    dbx = {"conn_type": "databricks", "host": "dbx.example", "password": "x", "extra": {"http_path": "/sql/1.0/x"}}
    monkeypatch.setenv(connection_variable("prod_ms"), json.dumps(hive))
    monkeypatch.setenv(connection_variable("dbx"), json.dumps(dbx))
    monkeypatch.setattr(DatabricksSqlHook, "get_conn", lambda _: pair.spark.dbapi())
    pair.make("by_day", days=DAYS)
    pair.replicate()
    chosen: dict[str, Any] = {
        "source": "prod_ms", "target": f"databricks://dbx/{CATALOG}", "state": f"file://{pair.root}/state",
        "options": {"databases": f"{pair.database}*"}, "locations": {f"file:{pair.root}/source": f"file:{pair.root}/target"},
    }  # fmt: skip
    context: Any = {"ti": _Ti(), "outlet_events": {}}
    pair.spark.places[:] = [f"file:{pair.root}/target"]
    done = MetastoreSyncOperator(task_id="sync", **chosen).execute(context)
    assert done["done"]["added partitions"] == 3
    assert done["target"] == "databricks://dbx"
    assert MetastoreVerifyOperator(task_id="verify", **chosen).execute(context)["state"] == "same"


class _Ti:
    dag_id, run_id, task_id = "d", "r", "t"

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed = key, value
