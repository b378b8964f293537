"""Every statement that is sent to Databricks. Pure: names and texts in, one statement out.

Tables have LOCATION, so that they are external: no statement here makes Databricks the owner of a file. A schema is given no LOCATION,
since dropping the schema would remove the directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from airflow_provider_livedata.engine.clients.quoting import (
    dotted,
    quoted_name,
    quoted_pairs,
    quoted_text,
)
from airflow_provider_livedata.engine.metastore.databricks_types import in_sql, parsed
from airflow_provider_livedata.engine.metastore.model import Column, Database, Partition, Table
from airflow_provider_livedata.engine.metastore.names import DEFAULT_PARTITION

COMMENT = "comment"  # the parameter in which metastores keep the comment of a table
EXTERNAL_LOCATIONS = "SHOW EXTERNAL LOCATIONS"
DELTA = "delta"


class Statements:
    """The statements of one catalogue."""

    def __init__(self, catalog: str) -> None:
        self.catalog = catalog

    # ---- reading

    def schemas(self) -> str:
        """All schemas."""
        return f"SHOW SCHEMAS IN {quoted_name(self.catalog)}"

    def schema(self, database: str) -> str:
        """What is known of a schema."""
        return f"DESCRIBE SCHEMA EXTENDED {self._schema(database)}"

    def tables(self, database: str) -> str:
        """All tables and views of a schema."""
        return f"SHOW TABLES IN {self._schema(database)}"

    def table(self, database: str, name: str) -> str:
        """What is known of a table, as JSON."""
        return f"DESCRIBE TABLE EXTENDED {dotted(self.catalog, database, name)} AS JSON"

    def table_in_rows(self, database: str, name: str) -> str:
        """The same in rows, for kinds of tables of which no JSON is told."""
        return f"DESCRIBE TABLE EXTENDED {dotted(self.catalog, database, name)}"

    def partitions(self, table: Table) -> str:
        """All partitions of a table."""
        return f"SHOW PARTITIONS {self._table(table)}"

    def partition(self, table: Table, values: Sequence[str]) -> str:
        """Where a partition lies."""
        return f"DESCRIBE TABLE EXTENDED {self._table(table)} {_partition(table, values)}"

    # ---- schemas

    def create_schema(self, database: Database) -> str:
        """A schema at the catalogue's own place."""
        comment = f" COMMENT {quoted_text(database.comment)}" if database.comment else ""
        properties = f" WITH DBPROPERTIES {quoted_pairs(database.parameters)}" if database.parameters else ""
        return f"CREATE SCHEMA {self._schema(database.name)}{comment}{properties}"

    def comment_schema(self, database: str, comment: str | None) -> str:
        """Another comment."""
        return f"COMMENT ON SCHEMA {self._schema(database)} IS {quoted_text(comment or '')}"

    def set_schema(self, database: str, properties: Mapping[str, str]) -> str:
        """Set some properties; the others stay."""
        return f"ALTER SCHEMA {self._schema(database)} SET DBPROPERTIES {quoted_pairs(properties)}"

    def unset_schema(self, database: str, names: Iterable[str]) -> str:
        """Take some properties away."""
        shown = ", ".join(map(quoted_text, sorted(names)))
        return f"ALTER SCHEMA {self._schema(database)} UNSET DBPROPERTIES ({shown})"

    def drop_schema(self, database: str) -> str:
        """Refused by Databricks where it holds something."""
        return f"DROP SCHEMA {self._schema(database)} RESTRICT"

    # ---- tables

    def create_table(self, table: Table) -> str:
        """A table on files that are there. Of Delta its log tells all else: what is said here would be written to it."""
        serde = table.storage.serde
        location = f"LOCATION {quoted_text(table.storage.location or '')}"
        if serde.library == DELTA:
            return f"CREATE TABLE {self._table(table)} USING DELTA {location}"
        columns = ", ".join(map(_column, (*table.storage.columns, *table.partition_columns)))
        parts = [f"CREATE TABLE {self._table(table)} ({columns})", f"USING {(serde.library or '').upper()}"]
        parts += [f"OPTIONS {quoted_pairs(serde.parameters)}"] if serde.parameters else []
        names = ", ".join(quoted_name(column.name) for column in table.partition_columns)
        parts += [f"PARTITIONED BY ({names})"] if names else []
        parts.append(location)
        comment = table.parameters.get(COMMENT)
        parts += [f"COMMENT {quoted_text(comment)}"] if comment else []
        properties = {name: value for name, value in table.parameters.items() if name != COMMENT}
        parts += [f"TBLPROPERTIES {quoted_pairs(properties)}"] if properties else []
        return " ".join(parts)

    def drop_table(self, database: str, name: str) -> str:
        """Whoever sends this has made sure that the table is external."""
        return f"DROP TABLE {dotted(self.catalog, database, name)}"

    def alter_table(self, found: Table, wanted: Table) -> list[str] | None:
        """What makes one table the other, the properties with the marks last; None where no statements do.

        Columns can be added at the end, and comments be changed; other columns, formats, options and places make another table.
        """
        if _kept(found) != _kept(wanted):
            return None
        before, after = found.storage.columns, wanted.storage.columns
        if [(one.name, one.type) for one in before] != [(one.name, one.type) for one in after[: len(before)]]:
            return None
        added = after[len(before) :]
        if added and wanted.storage.serde.library == "avro":  # Spark adds none to it
            return None
        statements = (
            [f"ALTER TABLE {self._table(wanted)} ADD COLUMNS ({', '.join(map(_column, added))})"] if added else []
        )
        statements += [
            f"ALTER TABLE {self._table(wanted)} ALTER COLUMN {quoted_name(new.name)} COMMENT {quoted_text(new.comment or '')}"
            for old, new in zip(before, after, strict=False)
            if (old.comment or "") != (new.comment or "")
        ]
        return statements + self._properties(found, wanted)

    def _properties(self, found: Table, wanted: Table) -> list[str]:
        old, new = dict(found.parameters), dict(wanted.parameters)
        comments = old.pop(COMMENT, ""), new.pop(COMMENT, "")
        table, statements = self._table(wanted), []
        if comments[0] != comments[1]:
            statements.append(f"COMMENT ON TABLE {table} IS {quoted_text(comments[1])}")
        gone = ", ".join(map(quoted_text, sorted(set(old) - set(new))))
        if gone:
            statements.append(f"ALTER TABLE {table} UNSET TBLPROPERTIES IF EXISTS ({gone})")
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        if changed:
            statements.append(f"ALTER TABLE {table} SET TBLPROPERTIES {quoted_pairs(changed)}")
        return statements

    # ---- partitions

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> str:
        """Those that are there stay as they are."""
        shown = (
            f"{_partition(table, one.values)} LOCATION {quoted_text(one.storage.location or '')}" for one in partitions
        )
        return f"ALTER TABLE {self._table(table)} ADD IF NOT EXISTS {' '.join(shown)}"

    def move_partition(self, table: Table, partition: Partition) -> str:
        """Another place."""
        place = quoted_text(partition.storage.location or "")
        return f"ALTER TABLE {self._table(table)} {_partition(table, partition.values)} SET LOCATION {place}"

    def drop_partitions(self, table: Table, values: Iterable[Sequence[str]]) -> str:
        """Of an external table: the files stay."""
        shown = ", ".join(_partition(table, one) for one in values)
        return f"ALTER TABLE {self._table(table)} DROP IF EXISTS {shown}"

    def _schema(self, database: str) -> str:
        return dotted(self.catalog, database)

    def _table(self, table: Table) -> str:
        return dotted(self.catalog, table.database, table.name)


def _column(column: Column) -> str:
    comment = f" COMMENT {quoted_text(column.comment)}" if column.comment else ""
    return f"{quoted_name(column.name)} {in_sql(parsed(column.type))}{comment}"


def _partition(table: Table, values: Sequence[str]) -> str:
    pairs = zip(table.partition_columns, values, strict=True)
    shown = (f"{quoted_name(column.name)} = {_value(value)}" for column, value in pairs)
    return f"PARTITION ({', '.join(shown)})"


def _value(value: str) -> str:
    return "NULL" if value == DEFAULT_PARTITION else quoted_text(value)


def _kept(table: Table) -> object:
    """What no statement changes."""
    by = [(one.name, one.type, one.comment or "") for one in table.partition_columns]
    return table.storage.location, table.storage.serde, by
