"""Delta tables made of tables that syncs registered: on Spark 4.0 with Delta, a stand-in of a SQL warehouse (tests/services/spark_sql.py)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import (
    DeltaOptions,
    convert_to_delta,
    copy_to_delta,
    fail_over,
    open_catalogue,
    replicate,
)
from airflow_provider_livedata.engine.errors import (
    BadInput,
    BadOption,
    PathsOverlap,
    PlaceNotAllowed,
    RunFailed,
    TargetIsActive,
    TooManyDeletes,
    WrongSide,
)
from airflow_provider_livedata.engine.metastore.databricks import open_databricks
from airflow_provider_livedata.engine.metastore.model import Column, Serde
from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from tests.services.airflow_home import connection_variable
from tests.services.hive import Metastore
from tests.services.spark_sql import CATALOG, SparkSql
from tests.system.catalogue_common import ID, NAME
from tests.system.spark_pair import (
    ANN,
    AVRO,
    BOB,
    DAYS,
    JSON,
    LAZY_TEXT,
    ORC,
    SparkPair,
    spark_pair,
    statements,
)

MAKING = ("CREATE", "ALTER", "DROP", "REFRESH", "CONVERT")
Rows = list[tuple[Any, ...]]


@dataclass
class DeltaPair(SparkPair):
    """A pair whose data are really replicated, and copied to Delta tables."""

    def replicate(self) -> None:
        """One cycle of the replication."""
        replicate(f"file://{self.root}/source", f"file://{self.root}/target")

    @property
    def data(self) -> dict[str, Any]:
        """The replication that brings the files."""
        return {f"file:{self.root}/target": f"file://{self.root}/target"}

    @property
    def schema(self) -> str:
        """Of the copies."""
        return f"{self.database}_delta"

    def chosen(self, **more: Any) -> DeltaOptions:
        """Options of copies."""
        given = {"location": f"file:{self.root}/delta", "databases": (self.database,)}
        return DeltaOptions(**{**given, **more})

    def copy(self, *, sender: Any = None, **more: Any) -> CatalogueReport:
        """A run that copies, with clients of its own."""
        self.spark.sent.clear()
        target = open_databricks(sender or self.spark, catalog=CATALOG, is_unity=self.is_unity)
        return copy_to_delta(target, self.chosen(**more), state=f"file://{self.root}/delta-state", data=self.data)

    def convert(self, **more: Any) -> CatalogueReport:
        """A run that converts."""
        self.spark.sent.clear()
        options = self.chosen(**{"location": "", **more})
        return convert_to_delta(self.again(), options, state=f"file://{self.root}/delta-state", data=self.data)

    def drop_source(self, name: str) -> None:
        """A table of the source is gone."""
        table = self.found(name, at="source")
        assert table is not None
        self.source.drop_table(table)

    @property
    def made(self) -> list[str]:
        """Statements of the newest run that change something."""
        return [one for one in self.spark.sent if one.startswith(MAKING)]

    def copied(self, table: str, what: str = "*") -> Rows:
        """The rows of a copy."""
        name = f"`{CATALOG}`.`{self.schema}`.`{table}`"
        return sorted(map(tuple, self.spark.run(f"SELECT {what} FROM {name}")), key=str)

    def replicated(self) -> dict[str, bytes]:
        """The target's files, but for what the replication keeps of itself."""
        return {name: data for name, data in self.files().items() if "/.livedata" not in name and name[0] == "t"}


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSql]:
    """The stand-in of a warehouse."""
    with SparkSql() as server:
        yield server


@pytest.fixture
def pair(metastore: Metastore, spark: SparkSql, tmp_path: Path) -> Iterator[DeltaPair]:
    """Hive 3.1 and Spark."""
    for one in spark_pair(metastore, spark, tmp_path):
        yield DeltaPair(one.source, one.target, one.root, one.database, spark=spark)


def test_a_copy_has_the_rows_and_partitions_of_its_table_and_lies_beside_what_is_replicated(pair: DeltaPair) -> None:
    pair.make("plain", parameters={"comment": "it's plain"})
    pair.make("by_day", days=DAYS)
    pair.sync()
    before = pair.replicated()
    report = pair.copy()
    assert report.done == {"made copies": 2}
    assert report.rows == [
        f"{pair.schema}.by_day: 6 rows, as many as {pair.database}.by_day",
        f"{pair.schema}.plain: 2 rows, as many as {pair.database}.plain",
    ]
    assert pair.copied("plain") == [ANN, BOB]
    days = [None, "2024-01-01", "2024-01-02"]
    assert pair.copied("by_day", "id, name, CAST(day AS STRING)") == sorted(
        ((*row, day) for row in (ANN, BOB) for day in days), key=str
    )
    detail = pair.spark.run(f"DESCRIBE DETAIL `{CATALOG}`.`{pair.schema}`.by_day")[0]
    assert ("delta" in detail, ["day"] in detail) == (True, True)
    assert {one.name for one in (pair.root / "delta" / pair.schema / "by_day").iterdir()} > {"_delta_log"}
    assert pair.replicated() == before


def test_a_copy_is_made_of_each_format(pair: DeltaPair) -> None:
    formats = {"orc": ORC, "avro": AVRO, "json": JSON, "texts": LAZY_TEXT}
    for name, how in formats.items():
        pair.make(name, how)
    pair.sync()
    assert pair.copy().done == {"made copies": len(formats)}
    assert {name: pair.copied(name) for name in formats} == dict.fromkeys(formats, [ANN, BOB])


def test_where_nothing_has_changed_nothing_is_copied_nor_any_manifest_read(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.make("by_day", days=DAYS)
    pair.sync()
    pair.copy()
    assert (pair.copy().planned, pair.made) == ({}, [])
    manifests = pair.root / "target" / ".livedata" / "manifest"
    manifests.rename(pair.root / "aside")
    assert pair.copy().planned == {}
    (pair.root / "aside").rename(manifests)
    shutil.rmtree(pair.root / "delta-state")  # what copies are made of is told by themselves
    assert (pair.copy().planned, pair.made) == ({}, [])


def test_a_copy_is_made_anew_where_its_files_have_changed_and_no_other_is(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.make("by_day", days=DAYS[:1])
    pair.sync()
    pair.copy()
    shutil.copy(pair.there / "plain" / "000000_0", pair.there / "plain" / "000001_0")
    pair.sync()
    assert pair.copy().done == {"refreshed copies": 1}
    assert [one for one in pair.made if "by_day" in one] == []
    assert pair.copied("plain") == [ANN, ANN, BOB, BOB]
    pair.sync()
    assert pair.copy().planned == {}


def test_a_copy_follows_partitions_and_columns(pair: DeltaPair) -> None:
    table = pair.make("by_day", days=DAYS[:1])
    pair.sync()
    pair.copy()
    pair.source.add_partitions(table, [pair.part(table, "2024-01-02", at="elsewhere/second")])
    pair.sync()
    assert pair.copy().done == {"refreshed copies": 1}
    assert len(pair.copied("by_day")) == 4
    shutil.copy(pair.there / "by_day/elsewhere/second/000000_0", pair.there / "by_day/elsewhere/second/000001_0")
    pair.sync()
    assert pair.copy().done == {"refreshed copies": 1}
    assert len(pair.copied("by_day")) == 6
    wider = replace(table, storage=replace(table.storage, columns=(ID, NAME, Column("more", "int"))))
    pair.source.alter_table(wider)
    pair.source.drop_partitions(table, ["day=2024-01-01"])
    pair.sync()
    assert pair.copy().done == {"refreshed copies": 1}
    assert pair.copied("by_day", "id, name, more") == [(*row, None) for row in (ANN, ANN, BOB, BOB)]


def test_a_location_among_the_replicated_files_is_refused_before_anything_is_changed(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.sync()
    for location in (f"file:{pair.root}/target/delta", f"file:{pair.root}", f"file:{pair.here}/plain"):
        with pytest.raises(PathsOverlap, match="outside of every replicated location"):
            pair.copy(location=location)
        assert pair.made == []
    with pytest.raises(BadOption, match="need a location"):
        pair.copy(location="")


def test_a_table_that_a_person_made_under_the_name_of_a_copy_is_never_replaced(pair: DeltaPair) -> None:
    for name in ("plain", "other", "placed"):
        pair.make(name)
    pair.sync()
    mine = f"`{CATALOG}`.`{pair.schema}`"
    pair.spark.run(f"CREATE SCHEMA {mine}")
    pair.spark.run(f"CREATE TABLE {mine}.plain USING DELTA LOCATION 'file:{pair.root}/hers' AS SELECT 7 AS seven")
    pair.spark.run(f"CREATE TABLE delta.`{pair.root}/delta/{pair.schema}/placed` USING DELTA AS SELECT 8 AS eight")
    with pytest.raises(RunFailed) as failed:
        pair.copy()
    report = failed.value.report
    assert report.done == {"made copies": 1}
    assert [one.partition(":")[0] for one in report.failures] == [f"{pair.schema}.placed", f"{pair.schema}.plain"]
    assert (pair.copied("plain"), pair.copied("other")) == ([(7,)], [ANN, BOB])
    assert pair.spark.run(f"SELECT * FROM delta.`{pair.root}/delta/{pair.schema}/placed`") == [(8,)]
    pair.drop_source("plain")
    pair.sync()
    with pytest.raises(RunFailed):
        pair.copy(max_delete_ratio=1)
    assert pair.copied("plain") == [(7,)]


def test_one_table_that_cannot_be_read_does_not_stop_the_others(pair: DeltaPair) -> None:
    pair.make("broken")
    pair.make("whole")
    good = (pair.there / "broken" / "000000_0").read_bytes()
    (pair.there / "broken" / "000000_0").write_bytes(b"no parquet at all")
    pair.sync()
    with pytest.raises(RunFailed, match="some tables failed") as failed:
        pair.copy()
    assert failed.value.report.done == {"made copies": 1}
    assert [one.partition(":")[0] for one in failed.value.report.failures] == [f"{pair.schema}.broken"]
    (pair.there / "broken" / "000000_0").write_bytes(good)
    pair.sync()
    assert sum(pair.copy().done.values()) == 1
    assert pair.copied("broken") == [ANN, BOB]


class Killed(BaseException):
    """The run is gone at this statement."""


class Killing:
    """Sends statements until the ``at``-th that changes something, which it sends (``after``) or not, and then is gone."""

    def __init__(self, spark: SparkSql, at: int, *, after: bool) -> None:
        self.name, self._spark, self._left, self._after = spark.name, spark, at, after

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        self._left -= statement.startswith(MAKING)
        if self._left or not statement.startswith(MAKING):
            return self._spark.run(statement)
        if self._after:
            self._spark.run(statement)
        raise Killed

    def close(self) -> None:
        """The session stays."""


# To be gone before a statement is to be gone after the one before it.
@pytest.mark.parametrize(("at", "after"), [(1, False), (1, True), (2, True), (3, True), (4, True), (5, True)])
def test_a_run_that_was_killed_at_any_statement_is_ended_by_the_next(pair: DeltaPair, at: int, after: bool) -> None:
    pair.make("by_day", days=DAYS[:2])
    pair.sync()
    with pytest.raises(Killed):
        pair.copy(sender=Killing(pair.spark, at, after=after))
    report = pair.copy()
    assert report.failures == []
    assert report.planned == {} if (at, after) == (5, True) else sum(report.done.values()) == 1
    assert len(pair.copied("by_day")) == 4
    assert (pair.copy().planned, pair.made) == ({}, [])


def test_the_copy_of_a_table_that_is_gone_goes_and_its_files_stay(pair: DeltaPair) -> None:
    for name in ("one", "two", "three"):
        pair.make(name)
    pair.sync()
    pair.copy()
    pair.drop_source("one")
    pair.sync()
    assert pair.copy(deletes="keep").planned == {}
    with pytest.raises(TooManyDeletes, match="1 of 3 copies"):
        pair.copy(max_delete_ratio=0.1)
    assert pair.made == []
    assert pair.copy(exclude=(f"{pair.database}.one",)).planned == {}
    report = pair.copy()
    assert report.done == {"dropped copies": 1}
    assert "its files stay" in report.notes[0]
    assert (pair.root / "delta" / pair.schema / "one" / "_delta_log").is_dir()
    shutil.rmtree(pair.there / "one", ignore_errors=True)
    pair.make("one")
    pair.sync()
    assert pair.copy().done == {"made copies": 1}  # over the files of the former copy
    assert pair.copied("one") == [ANN, BOB]


def test_copies_move_to_another_location_and_the_former_files_stay(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.sync()
    pair.copy()
    report = pair.copy(location=f"file:{pair.root}/delta2")
    assert report.done == {"moved copies": 1}
    assert "the files of the former copy stay at" in report.notes[0]
    assert pair.copied("plain") == [ANN, BOB]
    assert (pair.root / "delta" / pair.schema / "plain" / "_delta_log").is_dir()
    assert pair.copy(location=f"file:{pair.root}/delta2").planned == {}


def test_a_dry_run_shows_every_statement_and_changes_nothing(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.make("by_day", days=DAYS)
    pair.sync()
    report = pair.copy(dry_run=True)
    assert (report.state, pair.made, pair.again().database(pair.schema)) == ("dry run", [], None)
    shown = statements(report)
    pair.copy()
    assert shown == pair.made
    assert [one.split(" ")[0] for one in shown] == ["CREATE", "CREATE", "REFRESH", "CREATE", "ALTER"] * 2


def test_rows_that_are_not_as_many_fail_the_table_and_it_is_copied_again(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.sync()
    with pytest.raises(RunFailed) as failed:
        pair.copy(sender=Losing(pair.spark))
    assert "2 rows, but 1 in the Delta table" in failed.value.report.failures[0]
    assert pair.copy().done == {"refreshed copies": 1}
    assert pair.copied("plain") == [ANN, BOB]


class Losing:
    """A warehouse that loses a row of each copy."""

    def __init__(self, spark: SparkSql) -> None:
        self.name, self._spark = spark.name, spark

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        is_copy = statement.startswith("CREATE OR REPLACE")
        return self._spark.run(f"{statement} LIMIT 1" if is_copy else statement)

    def close(self) -> None:
        """The session stays."""


def test_names_with_signs_arrive_as_they_are(pair: DeltaPair) -> None:
    columns = (ID, Column("name", "string", "it's"), Column("of it; --", "int"))
    pair.make("plain", columns=columns)
    pair.sync()
    pair.copy()
    assert pair.copied("plain", "id, name, `of it; --`") == [(*ANN, None), (*BOB, None)]


def test_what_has_no_checkpoint_waits_and_what_no_sync_registered_is_left_alone(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.sync()
    pair.spark.run(
        f"CREATE TABLE `{pair.database}`.hers USING PARQUET LOCATION 'file:{pair.root}/hers' AS SELECT 1 AS a"
    )
    shutil.rmtree(pair.root / "target" / ".livedata")
    report = pair.copy()
    assert (report.planned, pair.made) == ({}, [])
    assert report.waiting[0].startswith(f"{pair.database}.plain: no checkpoint")
    assert report.skipped[0].startswith(f"{pair.database}.hers: no sync registered it")


def test_unity_catalog_takes_copies_below_an_external_location_alone(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.sync()
    pair.is_unity = True
    pair.spark.places[:] = [f"file://{pair.root}/target/"]
    with pytest.raises(PlaceNotAllowed, match="CREATE EXTERNAL LOCATION"):
        pair.copy()
    assert pair.made == []
    pair.spark.places[:] = [f"file://{pair.root}/"]
    assert pair.copy().done == {"made copies": 1}


def test_another_kind_of_catalogue_makes_no_delta_tables(pair: DeltaPair) -> None:
    catalogue = open_catalogue("hive", uris="thrift://127.0.0.1:1")
    with pytest.raises(BadInput, match="'hive' makes no Delta tables"):
        copy_to_delta(catalogue, pair.chosen(), state=f"file://{pair.root}/x", data=pair.data)


# ---- in place


def test_nothing_is_converted_in_place_while_its_replication_goes_on(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.sync()
    before = pair.replicated()
    for is_dry in (True, False):
        with pytest.raises(WrongSide, match="end the replication first") as stopped:
            pair.convert(dry_run=is_dry)
        assert (pair.made, pair.replicated()) == ([], before)
        assert "was not made active" in str(stopped.value.where["first"])
    with pytest.raises(BadOption, match="takes no location"):
        pair.convert(location=f"file:{pair.root}/delta")


def test_a_table_is_converted_in_place_after_a_fail_over_and_syncs_leave_it_alone(pair: DeltaPair) -> None:
    pair.make("plain")
    by_day = pair.make("by_day", days=DAYS)
    pair.make("texts", LAZY_TEXT)
    moved = pair.make("moved", days=DAYS[:1])
    pair.source.add_partitions(moved, [pair.part(moved, "2024-01-02", at="elsewhere")])
    pair.sync()
    fail_over(None, f"file://{pair.root}/target", how="unplanned")
    before = pair.replicated()
    shown = statements(pair.convert(dry_run=True))
    assert (pair.made, pair.replicated()) == ([], before)
    report = pair.convert()
    assert shown == pair.made
    assert report.done == {"converted tables": 2}
    assert report.rows[0] == f"{pair.database}.by_day: 6 rows, as many as before"
    assert [one.partition(":")[0] for one in report.skipped] == [f"{pair.database}.moved", f"{pair.database}.texts"]
    assert [one for one in before if pair.replicated().get(one) != before[one]] == []
    assert (pair.rows("plain"), len(pair.rows("by_day", "id, day"))) == ([ANN, BOB], 6)
    detail = pair.spark.run(f"DESCRIBE DETAIL `{CATALOG}`.`{pair.database}`.by_day")[0]
    assert ("delta" in detail, ["day"] in detail) == (True, True)
    with pytest.raises(TargetIsActive):
        pair.replicate()
    assert (pair.convert().planned, pair.made) == ({}, [])
    pair.source.alter_table(replace(by_day, parameters={"made": "anew"}))
    later = SparkPair(pair.source, pair.target, pair.root, pair.database, spark=pair.spark)
    later.replicate = lambda: None  # type: ignore[method-assign]  # nothing is replicated any more
    synced = later.sync(find_by="full")
    assert (synced.planned, later.sent) == ({}, [])
    assert sum("was converted to Delta at the target" in one for one in synced.skipped) == 2
    pair.source.drop_table(by_day)
    assert later.sync(find_by="full", max_delete_ratio=1).planned == {}
    assert len(pair.rows("by_day", "id, day")) == 6


def test_a_conversion_that_was_refused_leaves_the_table_to_the_syncs(pair: DeltaPair) -> None:
    pair.make("plain")
    pair.make("whole")
    (pair.there / "plain" / "000001_0").write_bytes(b"no parquet at all")
    pair.sync()
    fail_over(None, f"file://{pair.root}/target", how="unplanned")
    with pytest.raises(RunFailed) as failed:
        pair.convert(count_rows=False)
    report = failed.value.report
    assert report.done == {"converted tables": 1}
    assert [one.partition(":")[0] for one in report.failures] == [f"{pair.database}.plain"]
    found = pair.found("plain")
    assert found is not None
    assert found.storage.serde == Serde("parquet")
    (pair.here / "plain" / "000001_0").unlink()
    assert pair.convert().done == {"converted tables": 1}
    assert pair.rows("plain") == [ANN, BOB]


# ---- from Airflow


@pytest.fixture
def connected(
    pair: DeltaPair, metastore: Metastore, monkeypatch: pytest.MonkeyPatch, airflow_home: object
) -> DeltaPair:
    """The pair, whose two sides are reached by Airflow connections."""
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

    hive = {"conn_type": "livedatametastore", "host": "127.0.0.1", "port": metastore.port}
    dbx = {"conn_type": "databricks", "host": "dbx.example", "password": "x", "extra": {"http_path": "/sql/1.0/x"}}
    monkeypatch.setenv(connection_variable("prod_ms"), json.dumps(hive))
    monkeypatch.setenv(connection_variable("dbx"), json.dumps(dbx))
    monkeypatch.setattr(DatabricksSqlHook, "get_conn", lambda _: pair.spark.dbapi())
    pair.spark.places[:] = [f"file:{pair.root}"]
    pair.make("plain")
    return pair


def test_the_operators_copy_and_convert_by_the_providers_connection(connected: DeltaPair) -> None:
    from airflow.providers.common.compat.sdk import AirflowFailException

    from airflow_provider_livedata.operators.delta import DeltaConvertOperator, DeltaCopyOperator

    pair = connected
    pair.sync()
    chosen: dict[str, Any] = {
        "target": f"databricks://dbx/{CATALOG}", "state": f"file://{pair.root}/delta-state", "data": json.dumps(pair.data),
        "options": {"databases": pair.database, "count_rows": "yes"},
    }  # fmt: skip
    context: Any = {"ti": _Ti(), "outlet_events": {}}
    copy = DeltaCopyOperator(task_id="copy", location=f"file:{pair.root}/delta", **chosen)
    assert copy.execute(context)["done"] == {"made copies": 1}
    assert pair.copied("plain") == [ANN, BOB]
    with pytest.raises(AirflowFailException, match="end the replication first"):
        DeltaConvertOperator(task_id="convert", **chosen).execute(context)


def test_the_dag_of_metadata_syncs_makes_copies_at_its_end_where_that_is_asked_for(connected: DeltaPair) -> None:
    from airflow_provider_livedata.dag_templates.metastore_sync import metastore_sync_dag
    from tests.airflow.runs import run

    pair = connected
    pair.replicate()
    source, target = (f"file:{pair.root}/{side}" for side in ("source", "target"))
    conf = {
        "source": "prod_ms", "target": f"databricks://dbx/{CATALOG}", "state": f"file://{pair.root}/state", "locations": {source: target},
        "databases": [pair.database], "dry_run": False, "data": {source: f"file://{pair.root}/target"},
    }  # fmt: skip
    without = run(metastore_sync_dag(), conf=conf, mark_success="approve")
    assert (without.report["outcome"], without.states["delta"]) == ("SYNCED", "skipped"), without.report["text"]
    asked = {"delta_location": f"file:{pair.root}/delta", "delta_schema": "copies_of_{database}"}
    done = run(metastore_sync_dag(), conf=conf | asked, mark_success="approve")
    assert done.report["outcome"] == "SYNCED", done.report["text"]
    assert done.results["delta"]["done"] == {"made copies": 1}
    assert pair.spark.run(f"SELECT COUNT(*) FROM `{CATALOG}`.`copies_of_{pair.database}`.plain") == [(2,)]


class _Ti:
    dag_id, run_id, task_id = "d", "r", "t"

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed = key, value
