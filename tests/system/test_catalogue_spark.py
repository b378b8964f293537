"""Spark, which wrote tables at the source, reads the same rows by the target's metastore from the replicated files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from airflow_provider_livedata.engine import (
    CatalogueReport,
    SyncOptions,
    open_catalogue,
    replicate,
    sync_catalogue,
    verify_catalogue,
)
from airflow_provider_livedata.engine.clients.quoting import dotted
from airflow_provider_livedata.engine.metastore.model import Table
from tests.services.hdfs import HdfsCluster
from tests.services.hive import Metastore
from tests.services.spark_sql import SparkSql
from tests.system.conftest import Place, hdfs_place

DATABASE = "spark_s_own"
COLUMNS = "id BIGINT, name STRING, price DECIMAL(9,2)"
VALUES = "(1L, 'ann', 1.50BD, DATE'2024-01-01'), (2L, 'b\u00e9 \\'q\\'', NULL, DATE'2024-01-02'), (3L, NULL, 7.25BD, DATE'2024-01-02')"
FORMATS = {
    "parquet_by_day": f"({COLUMNS}, day DATE) USING PARQUET PARTITIONED BY (day)",
    "orc_of_hive": f"({COLUMNS}, day DATE) STORED AS ORC",
    "text_of_hive": f"({COLUMNS}, day DATE) ROW FORMAT DELIMITED FIELDS TERMINATED BY '|'",
    "json": f"({COLUMNS}, day DATE) USING JSON",
    "delta": f"({COLUMNS}, day DATE) USING DELTA PARTITIONED BY (day)",
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster(hdfs_cluster: HdfsCluster) -> HdfsCluster:
    hdfs_cluster.mkdirs("/spark/source")
    hdfs_cluster.dfsadmin("-allowSnapshot", "/spark/source")
    hdfs_cluster.mkdirs("/spark/target")
    return hdfs_cluster


@pytest.fixture(scope="module")
def written(cluster: HdfsCluster, metastore: Metastore) -> dict[str, list[Any]]:
    """What Spark wrote at the source, as it read it back there."""
    with SparkSql(metastore.uri) as spark:
        spark.run(f"CREATE DATABASE {DATABASE} LOCATION '{cluster.uri}/spark/source/db'")
        for name, definition in FORMATS.items():
            spark.run(f"CREATE TABLE {dotted(DATABASE, name)} {definition}")
            spark.run(f"INSERT INTO {dotted(DATABASE, name)} VALUES {VALUES}")
        spark.run(f"CREATE VIEW {DATABASE}.cheap AS SELECT id FROM {DATABASE}.delta WHERE price < 2")
        return rows(spark)


@pytest.fixture(scope="module")
def at_target(
    written: dict[str, list[Any]], cluster: HdfsCluster, metastore: Metastore, other_metastore: Metastore
) -> Iterator[SparkSql]:
    """Spark at the target, after the data and then the metadata have been replicated, and the source's data are gone."""
    source, target = place(cluster, "source"), place(cluster, "target")
    with closing(source.open()) as one, closing(target.open()) as other:
        replicate(one, other)
    with (
        closing(open_catalogue("hive", uris=metastore.uri)) as one,
        closing(open_catalogue("hive", uris=other_metastore.uri)) as other,
    ):
        sync_catalogue(one, other, options(cluster), state=place(cluster, "state").open())
    cluster.fs("-mv", "/spark/source/db", "/spark/source/away")
    with SparkSql(other_metastore.uri) as spark:
        yield spark


def place(cluster: HdfsCluster, name: str) -> Place:
    return hdfs_place(cluster, f"/spark/{name}")


def options(cluster: HdfsCluster) -> SyncOptions:
    locations = {f"{cluster.uri}/spark/source": f"{cluster.uri}/spark/target"}
    return SyncOptions(locations=locations, databases=(DATABASE,))


def rows(spark: SparkSql) -> dict[str, list[Any]]:
    return {
        name: sorted(spark.run(f"SELECT * FROM {dotted(DATABASE, name)}"), key=repr) for name in (*FORMATS, "cheap")
    }


def test_every_format_has_the_same_rows(at_target: SparkSql, written: dict[str, list[Any]]) -> None:
    assert rows(at_target) == written
    assert [len(found) for found in written.values()] == [3] * len(FORMATS) + [1]


def test_a_verification_counts_rows_by_the_engine_that_reads_them_and_names_the_table_that_lacks_some(
    at_target: SparkSql, cluster: HdfsCluster, metastore: Metastore, other_metastore: Metastore
) -> None:
    count: dict[str, int] = dict.fromkeys(FORMATS, 3)

    def verify() -> CatalogueReport:
        with (
            closing(open_catalogue("hive", uris=metastore.uri)) as one,
            closing(open_catalogue("hive", uris=other_metastore.uri)) as other,
        ):
            return verify_catalogue(
                one, other, options(cluster), state=place(cluster, "state").open(),
                rows_at_target=lambda table: counted(at_target, table), rows_at_source=lambda table: count[table.name],
            )  # fmt: skip

    whole = verify()
    assert (whole.state, whole.compared["tables by their rows"]) == ("same", len(FORMATS)), whole.changes
    at_target.run(f"INSERT INTO {DATABASE}.json VALUES (4L, 'eve', NULL, DATE'2024-01-01')")
    assert verify().changes == [f"rows of {DATABASE}.json: 3 at the source, 4 at the target"]


def counted(spark: SparkSql, table: Table) -> int:
    return int(spark.run(f"SELECT COUNT(*) FROM {dotted(table.database, table.name)}")[0][0])
