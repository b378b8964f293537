"""A STAND-IN of a Databricks SQL warehouse: Spark 4.0.1 with Delta 4.0.0, which runs the very statements that a warehouse is sent.

What it does not show: Unity Catalog (its one catalogue is ``spark_catalog``, like the old ``hive_metastore`` of a workspace), permissions, external
locations (``places`` answers for them), throttling, and where Databricks's dialect differs from Spark's. Statements go by Py4J's gateway, which
Spark brings for Python (see py4j.py).

with SparkSql() as spark:                             with SparkSql("thrift://...") as spark:       # no stand-in: Spark on a metastore
    spark.run("SHOW SCHEMAS")
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Self

from airflow_provider_livedata.engine.clients.databricks import Sender
from airflow_provider_livedata.engine.errors import MetastoreRefused
from airflow_provider_livedata.engine.metastore.databricks_sql import EXTERNAL_LOCATIONS
from tests.services import fetch
from tests.services.py4j import CallFailed, JvmService, quoted
from tests.services.scratch import Scratch

CATALOG = "spark_catalog"
_OPENED = [
    f"--add-opens=java.base/{name}=ALL-UNNAMED"
    for name in (
        "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
        "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar",
    )
]  # fmt: skip


class SparkSql(JvmService):
    """One server and one session; gone, data included, when the context ends. See ``clients.databricks.Sender``."""

    name = "spark (in place of a SQL warehouse)"

    what = "Spark"

    def __init__(self, metastore: str = "") -> None:
        """``metastore``: the address of the one that holds the catalogue, in place of one inside Spark."""
        super().__init__(Scratch("spark", need_bytes=1 << 30), fetch.spark_lib())
        self._metastore = metastore
        self.options = ["-Xmx800m", *_OPENED, *(f"-D{name}={value}" for name, value in self._settings().items())]
        self.sent: list[str] = []
        self.places: list[str] = []  # of external locations, which Spark has none of
        self._session = ""

    def close(self) -> None:
        """The session stays for the next test."""

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        """See ``Sender``."""
        self.sent.append(statement)
        if statement == EXTERNAL_LOCATIONS:
            return [(f"place{number}", place, "") for number, place in enumerate(self.places)]
        found = self._call(self._call(self._session, "sql", quoted(statement)), "toJSON")
        rows = self._call(found, "collectAsList")
        count = int(self._call(rows, "size"))
        return [tuple(json.loads(self._call(rows, "get", f"i{number}")).values()) for number in range(count)]

    def dbapi(self) -> Dbapi:
        """A connection as the Databricks provider's hook returns one."""
        return Dbapi(self)

    def _open(self) -> None:
        builder = self._call("z:org.apache.spark.sql.SparkSession", "builder")
        self._session = self._call(self._call(builder, "enableHiveSupport"), "getOrCreate")

    def _call(self, target: str, method: str, *arguments: str) -> str:
        try:
            return self.gateway.call(target, method, *arguments)
        except CallFailed as error:
            raise MetastoreRefused(str(error)) from None

    def _settings(self) -> dict[str, str]:
        return {
            "spark.master": "local[1]", "spark.app.name": "tests", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1", "spark.local.dir": f"{self.data_dir}/local", "spark.sql.shuffle.partitions": "1",
            "spark.sql.warehouse.dir": f"file:{self.data_dir}/warehouse",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "1", "spark.sql.jsonGenerator.ignoreNullFields": "false",
            "derby.stream.error.file": f"{self.data_dir}/derby.log", "java.io.tmpdir": str(self.data_dir), **self._catalogue(),
        }  # fmt: skip

    def _catalogue(self) -> dict[str, str]:
        if self._metastore:
            return {"spark.hadoop.hive.metastore.uris": self._metastore}
        return {
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={self.data_dir}/db;create=true",
            "spark.hadoop.datanucleus.schema.autoCreateAll": "true", "spark.hadoop.hive.metastore.schema.verification": "false",
        }  # fmt: skip


class Dbapi:
    """As much of a connection and its cursor as is used of them."""

    def __init__(self, spark: Sender) -> None:
        self._spark = spark
        self._rows: Sequence[Sequence[Any]] = []
        self.description: Any = None

    def cursor(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.description = None

    def execute(self, statement: str) -> None:
        from databricks.sql.exc import ServerOperationError

        try:
            self._rows = self._spark.run(statement)
        except MetastoreRefused as error:
            raise ServerOperationError(str(error)) from None  # type: ignore[no-untyped-call]
        self.description = [("column",)] if self._rows else None

    def fetchall(self) -> Sequence[Sequence[Any]]:
        return self._rows

    def close(self) -> None:
        """The session stays."""
