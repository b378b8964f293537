"""A catalogue of Databricks as target: ``hive_metastore``, or one of Unity Catalog. Nothing in it ever touches data.

What it lacks is in ``facts``. Marks are properties of tables; those of Delta tables are properties of their schema, since properties of a
Delta table are written among its files. Partitions have no properties: those of a table that a sync registered are all taken for its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from airflow_provider_livedata.engine.clients.databricks import DatabricksClient, Sender
from airflow_provider_livedata.engine.errors import MetastoreRefused, ObjectExists, ObjectMissing, PartitionsRefused
from airflow_provider_livedata.engine.metastore import databricks_read as read
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.base import CatalogueFacts, LacksDetails
from airflow_provider_livedata.engine.metastore.databricks_fit import DatabricksFit
from airflow_provider_livedata.engine.metastore.databricks_sql import DELTA, EXTERNAL_LOCATIONS, Statements
from airflow_provider_livedata.engine.metastore.delta_tables import DeltaTables
from airflow_provider_livedata.engine.metastore.locations import canonical
from airflow_provider_livedata.engine.metastore.model import (
    Database,
    Partition,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.names import partition_name, values_of
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy

HIVE_METASTORE = "hive_metastore"
WRITTEN_A_CALL = 100
_LACKS = {
    "constraints": "those of Databricks are promises to its optimizer, and are not written",
    "statistics": "statistics of columns are made at Databricks, by ANALYZE TABLE",
    "functions": "functions of Hive are classes in files, which Databricks does not load",
}


class DatabricksCatalogue(LacksDetails):
    """See ``base.Catalogue``, ``base.CatalogueTarget``, ``base.NamesMissingPlaces``, ``base.Rehearses`` and ``delta_tables.MakesDelta``."""

    def __init__(self, client: DatabricksClient, catalog: str, *, is_unity: bool) -> None:
        self.name = f"{client.sender.name}, catalogue {catalog}"
        self._client, self._sql, self._is_unity = client, Statements(catalog), is_unity
        fit = DatabricksFit(is_unity)
        self.facts = CatalogueFacts(
            "databricks", frozenset(), partitions_a_call=WRITTEN_A_CALL, lacks=_LACKS, fit=fit, refuses=fit.refuses, is_source=False
        )  # fmt: skip

    def close(self) -> None:
        """See ``Catalogue``."""
        self._client.sender.close()

    def calls(self) -> Mapping[str, int]:
        """See ``Catalogue``: statements, by their first two words."""
        return dict(self._client.calls)

    # ---- before anything is changed

    def missing_places(self, places: Iterable[str]) -> list[str]:
        """See ``NamesMissingPlaces``: under no external location of Unity Catalog that this user may see."""
        if not self._is_unity:
            return []
        held = [canonical(str(row[1])) for row in self._client.rows(EXTERNAL_LOCATIONS)]
        plain = {canonical(place) for place in places}
        return sorted(one for one in plain if not any(f"{one}/".startswith(f"{place}/") for place in held))

    def rehearsal(self) -> tuple[DatabricksCatalogue, list[str]]:
        """See ``Rehearses``."""
        told: list[str] = []
        client = DatabricksClient(self._client.sender, self._client.policy, told=told)
        return DatabricksCatalogue(client, self._sql.catalog, is_unity=self._is_unity), told

    def delta(self) -> DeltaTables:
        """See ``delta_tables.MakesDelta``."""
        return DeltaTables(self._client, self._sql.catalog)

    # ---- reading

    def database_names(self) -> list[str]:
        """See ``Catalogue``."""
        return [str(row[0]) for row in self._client.rows(self._sql.schemas())]

    def database(self, name: str) -> Database | None:
        """See ``Catalogue``."""
        return self._schema(name)[0]

    def table_names(self, database: str) -> list[str]:
        """See ``Catalogue``."""
        try:
            names = [str(row[1]) for row in self._client.rows(self._sql.tables(database))]
        except ObjectMissing:
            return []
        dropped = set(self._client.told or ())  # a rehearsal has dropped nothing, and goes on as if it had
        return [name for name in names if self._sql.drop_table(database, name) not in dropped]

    def tables(self, database: str, names: Sequence[str]) -> Iterator[Table]:
        """See ``Catalogue``. One statement a table, and one for the marks of Delta tables."""
        marks: dict[str, str] | None = None
        for name in names:
            table = self._described(database, name)
            if table and table.storage.serde.library == DELTA:
                marks = self._schema(database)[1] if marks is None else marks
                table = Table(
                    database, name, table.kind, table.storage, parameters=read.marks_from(marks.get(name, ""))
                )
            if table:
                yield table

    def partition_names(self, table: Table) -> list[str]:
        """See ``Catalogue``."""
        if not table.partition_columns:
            return []
        return [_name(table, values_of(str(row[0]))) for row in self._client.rows(self._sql.partitions(table))]

    def partitions(self, table: Table, names: Sequence[str]) -> dict[str, Partition]:
        """See ``Catalogue``. One statement a partition: no other tells where it lies."""
        found = ((name, self._partition(table, values_of(name))) for name in names)
        return {name: partition for name, partition in found if partition}

    # ---- writing

    def create_database(self, database: Database) -> None:
        """See ``CatalogueTarget``."""
        try:
            self._client.change(self._sql.create_schema(database))
        except ObjectExists:
            # A statement that was repeated may have taken place the first time.
            there = self.database(database.name)
            if not there or there.parameters != database.parameters:
                raise

    def alter_database(self, database: Database) -> None:
        """See ``CatalogueTarget``."""
        there, _ = self._schema(database.name)
        if there is None:
            raise ObjectMissing("the schema is gone", database=database.name)
        if (there.comment or "") != (database.comment or ""):
            self._client.change(self._sql.comment_schema(database.name, database.comment))
        gone = set(there.parameters) - set(database.parameters)
        if gone:
            self._client.change(self._sql.unset_schema(database.name, gone))
        self._client.change(self._sql.set_schema(database.name, database.parameters))

    def drop_database(self, name: str) -> None:
        """See ``CatalogueTarget``."""
        there, usual = self.database(name), self.database("default")
        if there and not self._is_unity and not _is_usual(there, usual):
            # The old catalogue removes the directory of a schema with it, whatever lies there.
            raise MetastoreRefused(
                f"the schema has a directory of its own ({there.location}), which Databricks would remove with it: drop it by hand",
                database=name,
            )  # fmt: skip
        self._client.change(self._sql.drop_schema(name))

    def create_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        try:
            self._client.change(self._sql.create_table(table))
        except ObjectExists:
            found = self._described(table.database, table.name)
            if not found or diff.digest_of(found) != diff.digest_of(table):
                raise
        self._mark(table)

    def alter_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        found = self._described(table.database, table.name)
        if found is None:
            raise ObjectMissing("the table is gone", table=table.full_name)
        statements = (
            None
            if self._is_unity and found.storage.columns != table.storage.columns
            else self._sql.alter_table(found, table)
        )
        if statements is None:
            raise MetastoreRefused(
                "no statement of Databricks makes this change: it is made anew", table=table.full_name
            )
        for statement in statements if table.storage.serde.library != DELTA else ():
            self._client.change(statement)
        self._mark(table)

    def drop_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        found = self._external(table)
        self._client.change(self._sql.drop_table(table.database, table.name))
        if found.storage.serde.library == DELTA:
            unmarked = Table(table.database, table.name, "external", found.storage)
            self._mark(unmarked)

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """See ``CatalogueTarget``."""
        self._told(table, self._added(table, list(partitions)))

    def alter_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """See ``CatalogueTarget``. In Unity Catalog it is dropped and added."""
        refused: dict[str, str] = {}
        for one in partitions:
            try:
                if self._is_unity:
                    self._external(table)
                    self._client.change(self._sql.drop_partitions(table, [one.values]))
                    self._client.change(self._sql.add_partitions(table, [one]))
                else:
                    self._client.change(self._sql.move_partition(table, one))
            except (MetastoreRefused, ObjectMissing) as error:
                refused[_name(table, one.values)] = str(error.args[0])
        self._told(table, refused)

    def drop_partitions(self, table: Table, names: Sequence[str]) -> None:
        """See ``CatalogueTarget``."""
        self._external(table)
        for start in range(0, len(names), WRITTEN_A_CALL):
            some = [values_of(name) for name in names[start : start + WRITTEN_A_CALL]]
            self._client.change(self._sql.drop_partitions(table, some))

    # ---- statements

    def _schema(self, name: str) -> tuple[Database | None, dict[str, str]]:
        try:
            return read.schema_from(name, self._client.rows(self._sql.schema(name)))
        except ObjectMissing:
            return None, {}

    def _described(self, database: str, name: str) -> Table | None:
        try:
            ((text, *_),) = self._client.rows(self._sql.table(database, name))
            return read.table_from(str(text), database, name)
        except ObjectMissing:
            return None
        except MetastoreRefused:
            # Spark tells no JSON of tables that it knows by another interface, such as Delta's.
            table = read.table_from_rows(self._client.rows(self._sql.table_in_rows(database, name)), database, name)
            if table.storage.serde.library != DELTA:
                raise
            return table

    def _external(self, table: Table) -> Table:
        """The table as it is there.

        Raises:
            MetastoreRefused: It is one whose files Databricks would delete.
        """
        found = self._described(table.database, table.name)
        if found is None:
            raise ObjectMissing("the table is gone", table=table.full_name)
        if found.kind != "external":
            raise MetastoreRefused(
                f"it is a {found.kind} table at the target, whose files Databricks would delete: drop it there by hand", table=table.full_name
            )  # fmt: skip
        return found

    def _mark(self, table: Table) -> None:
        if table.storage.serde.library == DELTA:
            self._client.change(self._sql.set_schema(table.database, read.delta_mark(table)))

    def _partition(self, table: Table, values: tuple[str, ...]) -> Partition | None:
        try:
            place = read.place_from(self._client.rows(self._sql.partition(table, values)))
        except ObjectMissing:
            return None
        usual = f"{table.storage.location}/{_name(table, values)}"
        return diff.marked(Partition(values, Storage(location=place or canonical(usual))))

    def _added(self, table: Table, partitions: list[Partition]) -> dict[str, str]:
        """Add them in one statement; where it is refused in halves, so that the others are there. Why some were refused, by name."""
        try:
            if partitions:
                self._client.change(self._sql.add_partitions(table, partitions))
        except MetastoreRefused as error:
            if len(partitions) == 1:
                return {_name(table, partitions[0].values): str(error.args[0])}
            half = len(partitions) // 2
            return self._added(table, partitions[:half]) | self._added(table, partitions[half:])
        return {}

    def _told(self, table: Table, refused: dict[str, str]) -> None:
        if refused:
            raise PartitionsRefused(f"{len(refused)} partitions were refused", table=table.full_name, refused=refused)


def _name(table: Table, values: Sequence[str]) -> str:
    return partition_name(dict(zip((column.name for column in table.partition_columns), values, strict=False)))


def _is_usual(there: Database, usual: Database | None) -> bool:
    """Whether a schema lies where the catalogue puts schemas by itself."""
    warehouse = canonical(usual.location) if usual and usual.location else ""
    return bool(warehouse) and canonical(there.location or "") == f"{warehouse}/{there.name}.db"


def open_databricks(
    sender: Sender, *, catalog: str = HIVE_METASTORE, is_unity: bool | None = None, policy: RetryPolicy = DEFAULT_POLICY
) -> DatabricksCatalogue:
    """A catalogue of a workspace.

    Args:
        sender: Runs one statement at a time, on a SQL warehouse or a cluster.
        catalog: Which catalogue: ``hive_metastore``, or the name of one of Unity Catalog.
        is_unity: Whether it is one of Unity Catalog, where the name does not tell.
        policy: How often and when what got no answer is tried again.
    """
    of_unity = catalog != HIVE_METASTORE if is_unity is None else is_unity
    return DatabricksCatalogue(DatabricksClient(sender, policy), catalog, is_unity=of_unity)
