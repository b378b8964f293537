"""A pair whose target is Spark with Delta in place of a SQL warehouse (see tests/services/spark_sql.py), and files of each format."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airflow_provider_livedata.engine.metastore.databricks import DatabricksCatalogue, open_databricks
from airflow_provider_livedata.engine.metastore.model import Partition, Serde, Storage, Table
from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from tests.services.hive import Metastore
from tests.services.spark_sql import CATALOG, SparkSql
from tests.system.catalogue_common import DAY, ID, LAZY, NAME, TEXT, Pair, pair_of

HIVE = "org.apache.hadoop.hive.ql.io"
PARQUET = (
    f"{HIVE}.parquet.MapredParquetInputFormat", f"{HIVE}.parquet.MapredParquetOutputFormat",
    Serde(f"{HIVE}.parquet.serde.ParquetHiveSerDe", None, {"serialization.format": "1"}),
)  # fmt: skip
ORC = f"{HIVE}.orc.OrcInputFormat", f"{HIVE}.orc.OrcOutputFormat", Serde(f"{HIVE}.orc.OrcSerde")
AVRO = (
    f"{HIVE}.avro.AvroContainerInputFormat", f"{HIVE}.avro.AvroContainerOutputFormat", Serde("org.apache.hadoop.hive.serde2.avro.AvroSerDe"),
)  # fmt: skip
JSON = *TEXT, Serde("org.apache.hive.hcatalog.data.JsonSerDe")
OPEN_CSV = *TEXT, Serde("org.apache.hadoop.hive.serde2.OpenCSVSerde", None, {"separatorChar": ";"})
LAZY_TEXT = (*TEXT, LAZY)
DAYS = ("2024-01-01", "2024-01-02", "__HIVE_DEFAULT_PARTITION__")
ANN, BOB = (1, "ann"), (2, "bob")
CHANGING = ("CREATE", "ALTER", "DROP", "COMMENT", "MSCK")


@dataclass
class SparkPair(Pair):
    """A pair whose target is Spark in place of a warehouse; ``sent``: the statements of the sync at hand that change something."""

    spark: SparkSql = field(kw_only=True)
    is_unity: bool = False

    def sync(self, **more: Any) -> CatalogueReport:
        """A sync, with clients of its own, after the data."""
        self.replicate()
        self.spark.sent.clear()
        return super().sync(**{**more, "target": more.get("target") or self.again()})

    def again(self) -> DatabricksCatalogue:
        """The target by a client of its own."""
        return open_databricks(self.spark, catalog=CATALOG, is_unity=self.is_unity)

    @property
    def sent(self) -> list[str]:
        return [one for one in self.spark.sent if one.startswith(CHANGING)]

    def replicate(self) -> None:
        """Copy the data, as a replication does."""
        shutil.copytree(self.there, self.here, dirs_exist_ok=True)

    def rows(self, table: str, what: str = "*", order: str = "1, 2") -> list[tuple[Any, ...]]:
        """What Spark reads from a table of the target."""
        name = f"`{CATALOG}`.`{self.database}`.`{table}`"
        self.spark.run(f"REFRESH TABLE {name}")
        return [tuple(row) for row in self.spark.run(f"SELECT {what} FROM {name} ORDER BY {order}")]

    def make(self, name: str, how: tuple[str, str, Serde] = PARQUET, *, days: Sequence[str] = (), **more: Any) -> Table:
        """A managed table of the source with two rows, in each partition where it has some."""
        place = self.there / name
        columns = more.pop("columns", (ID, NAME))
        storage = Storage(columns, f"file:{place}", how[0], how[1], how[2])
        table = Table(
            self.database, name, "managed", storage, (DAY,) if days else (), more.pop("parameters", {}), **more
        )
        self.source.create_table(table)
        if not days:
            write(place, how)
        else:
            self.source.add_partitions(table, [self.part(table, day, how) for day in days])
        return table

    def part(self, table: Table, day: str, how: tuple[str, str, Serde] = PARQUET, at: str = "") -> Partition:
        """A partition with two rows."""
        place = Path(str(table.storage.location).removeprefix("file:")) / (at or f"day={day}")
        write(place, how)
        return Partition((day,), replace(table.storage, location=f"file:{place}"), {})


def write(place: Path, how: tuple[str, str, Serde]) -> None:
    """Two rows in a file of a format."""
    import fastavro
    import pyarrow as pa
    from pyarrow import orc, parquet

    place.mkdir(parents=True, exist_ok=True)
    file, rows = place / "000000_0", [dict(zip(("id", "name"), row, strict=True)) for row in (ANN, BOB)]
    table = pa.table({"id": [1, 2], "name": ["ann", "bob"]})
    if how is PARQUET:
        parquet.write_table(table, file)
    elif how is ORC:
        orc.write_table(table, file)
    elif how is AVRO:
        fields = [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]
        with file.open("wb") as out:
            fastavro.writer(out, {"type": "record", "name": "r", "fields": fields}, rows)
    elif how is JSON:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif how is OPEN_CSV:
        file.write_text('id;name\n"1";"ann"\n"2";"bob"\n')
    else:
        file.write_text("1\x01ann\n2\x01bob\n")


def spark_pair(metastore: Metastore, spark: SparkSql, root: Path) -> Iterator[SparkPair]:
    """Hive 3.1 and Spark."""
    for made in pair_of(metastore.uri, metastore.uri, root):
        made.target.close()
        target: Any = open_databricks(spark, catalog=CATALOG, is_unity=False)
        yield SparkPair(made.source, target, made.root, made.database, spark=spark)


def statements(report: CatalogueReport) -> list[str]:
    """Those that a plan shows."""
    lines = map(json.loads, Path(report.plan.removeprefix("file://")).read_text().splitlines())
    return [line["statement"] for line in lines if "statement" in line]
