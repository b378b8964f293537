"""A STAND-IN of a Databricks SQL warehouse: Spark 4.0.1 with Delta 4.0.0, which runs the very statements that a warehouse is sent.

What it does not show: Unity Catalog (its one catalogue is ``spark_catalog``, like the old ``hive_metastore`` of a workspace), permissions, external
locations (``places`` answers for them), throttling, and where Databricks's dialect differs from Spark's. Statements go by Py4J's gateway, which
Spark brings for Python, in its line protocol.

with SparkSql() as spark:
    spark.run("SHOW SCHEMAS")
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from airflow_provider_livedata.engine.errors import MetastoreRefused
from airflow_provider_livedata.engine.metastore.databricks_sql import EXTERNAL_LOCATIONS
from tests.services import fetch
from tests.services.processes import ServerFailed, ServerProcess, accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch

CATALOG = "spark_catalog"
_MAIN = "py4j.GatewayServer"
_QUICK = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Xmx800m",
]
_OPENED = [
    f"--add-opens=java.base/{name}=ALL-UNNAMED"
    for name in (
        "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
        "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar",
    )
]  # fmt: skip
_WAIT_S = 120


class SparkSql:
    """One server and one session; gone, data included, when the context ends. See ``databricks_client.Sender``."""

    name = "spark (in place of a SQL warehouse)"

    def __init__(self) -> None:
        self._lib = fetch.spark_lib()
        self._scratch = Scratch("spark", need_bytes=1 << 30)
        self.data_dir, self.port = self._scratch.path, free_ports(1)[0]
        self.sent: list[str] = []
        self.places: list[str] = []  # of external locations, which Spark has none of
        self._process: ServerProcess | None = None
        self._gateway: Gateway | None = None
        self._session = ""

    def __enter__(self) -> Self:
        log = self.data_dir / "spark.log"
        settings = [f"-D{name}={value}" for name, value in self._settings().items()]
        main = ["-cp", f"{self._lib}/*", _MAIN, "--enable-auth", str(self.port)]
        self._process = start_process(["java", *_QUICK, *_OPENED, *settings, *main], log=log, cwd=self.data_dir)
        try:
            up = lambda: accepts(self.port) and len(log.read_text().splitlines()) > 1  # noqa: E731
            wait_until(up, what="Spark", seconds=60, processes=[self._process])
            self._open(log)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Process id of the server, none while it is stopped."""
        return [self._process.pid] if self._process else []

    def stop(self) -> None:
        """End the server and remove its data. Idempotent."""
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._scratch.remove()

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

    def _open(self, log: Path) -> None:
        token = log.read_text().splitlines()[1].strip()  # the first line is the port
        self._gateway = Gateway(self.port, token)
        builder = self._call("z:org.apache.spark.sql.SparkSession", "builder")
        self._session = self._call(self._call(builder, "enableHiveSupport"), "getOrCreate")

    def _call(self, target: str, method: str, *arguments: str) -> str:
        if self._gateway is None:
            raise ServerFailed("Spark is stopped")
        return self._gateway.call(target, method, *arguments)

    def _settings(self) -> dict[str, str]:
        return {
            "spark.master": "local[1]", "spark.app.name": "tests", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1", "spark.local.dir": f"{self.data_dir}/local", "spark.sql.shuffle.partitions": "1",
            "spark.sql.warehouse.dir": f"file:{self.data_dir}/warehouse",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "1", "spark.sql.jsonGenerator.ignoreNullFields": "false",
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={self.data_dir}/db;create=true",
            "spark.hadoop.datanucleus.schema.autoCreateAll": "true", "spark.hadoop.hive.metastore.schema.verification": "false",
            "derby.stream.error.file": f"{self.data_dir}/derby.log", "java.io.tmpdir": str(self.data_dir),
        }  # fmt: skip


class Dbapi:
    """As much of a connection and its cursor as is used of them."""

    def __init__(self, spark: SparkSql) -> None:
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


class Gateway:
    """Calls of methods in the server: a target is a class (``z:name``) or an object (``o5``), as an answer names it.

    Source: the protocol of Py4J (py4j/protocol.py): a command's lines, each part with a letter for its type, ended by ``e``.
    """

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_WAIT_S)
        self._lines = self._socket.makefile("rw", encoding="utf-8", newline="\n")
        self._ask("A", token, end="")

    def close(self) -> None:
        """Let go of the connection."""
        self._lines.close()
        self._socket.close()

    def call(self, target: str, method: str, *arguments: str) -> str:
        """What the method returns: the name of an object, a text, or a number as text.

        Raises:
            MetastoreRefused: It failed; the message is Spark's.
        """
        told = self._ask("c", target, method, *arguments)
        if told.startswith("!x"):
            failed = told.removeprefix("!xr")
            raise MetastoreRefused(unquoted(self._ask("c", failed, "toString").removeprefix("!ys")))
        return unquoted(re.sub("^!y[rsil]", "", told))

    def _ask(self, *parts: str, end: str = "e\n") -> str:
        self._lines.write("".join(f"{part}\n" for part in parts) + end)
        self._lines.flush()
        return self._lines.readline().rstrip("\n")


def quoted(text: str) -> str:
    """A text as an argument."""
    return "s" + text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def unquoted(text: str) -> str:
    """A text of an answer."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)
