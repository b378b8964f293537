"""Every statement by which Delta tables are made of others. Pure: names and texts in, one statement out."""

from __future__ import annotations

import re

from airflow_provider_livedata.engine.clients.quoting import dotted, quoted_name, quoted_pairs, quoted_text
from airflow_provider_livedata.engine.metastore.databricks_sql import COMMENT
from airflow_provider_livedata.engine.metastore.delta_plan import Copy
from airflow_provider_livedata.engine.metastore.model import Table

MARK = "livedata.copy"
_NEEDS_MAPPING = re.compile(r"[ ,;{}()\n\t=]")  # in names of columns, which Parquet does not take as they are


class DeltaStatements:
    """The statements of one catalogue."""

    def __init__(self, catalog: str) -> None:
        self.catalog = catalog

    def described(self, schema: str, name: str) -> str:
        """What is known of a table."""
        return f"DESCRIBE TABLE EXTENDED {dotted(self.catalog, schema, name)}"

    def described_at(self, place: str) -> str:
        """What is known of a Delta table that has no name, by its place."""
        return f"DESCRIBE DETAIL {dotted('delta', place)}"

    def tables(self, schema: str) -> str:
        """All tables of a schema."""
        return f"SHOW TABLES IN {dotted(self.catalog, schema)}"

    def rows(self, schema: str, name: str) -> str:
        """How many there are."""
        return f"SELECT COUNT(*) FROM {dotted(self.catalog, schema, name)}"

    def create_schema(self, schema: str) -> str:
        """At the catalogue's own place."""
        return f"CREATE SCHEMA IF NOT EXISTS {dotted(self.catalog, schema)}"

    def refresh(self, table: Table) -> str:
        """Have the engine forget which files a table had."""
        return f"REFRESH TABLE {dotted(self.catalog, table.database, table.name)}"

    def claim(self, copy: Copy, mark: str) -> str:
        """An empty copy. Refused where a table of the name is there, or where the place is not empty."""
        return f"CREATE TABLE {self._made(copy, mark)} WHERE false"

    def copy(self, copy: Copy, mark: str) -> str:
        """The copy with all rows, in place of the one that is there: readers see the one or the other."""
        return f"CREATE OR REPLACE TABLE {self._made(copy, mark)}"

    def set_mark(self, copy: Copy) -> str:
        """What the copy is made of."""
        return (
            f"ALTER TABLE {dotted(self.catalog, copy.schema, copy.source.name)} "
            f"SET TBLPROPERTIES {quoted_pairs({MARK: copy.mark})}"
        )

    def drop(self, schema: str, name: str) -> str:
        """Whoever sends this has made sure that the table is external: its files stay."""
        return f"DROP TABLE {dotted(self.catalog, schema, name)}"

    def convert(self, table: Table) -> str:
        """In place: a log beside the files of the table."""
        return f"CONVERT TO DELTA {dotted(self.catalog, table.database, table.name)}"

    def _made(self, copy: Copy, mark: str) -> str:
        table, name = copy.source, copy.source.name
        by = ", ".join(quoted_name(column.name) for column in table.partition_columns)
        properties = {MARK: mark}
        if any(_NEEDS_MAPPING.search(column.name) for column in (*table.storage.columns, *table.partition_columns)):
            properties["delta.columnMapping.mode"] = "name"
        comment = table.parameters.get(COMMENT)
        parts = [f"{dotted(self.catalog, copy.schema, name)} USING DELTA"]
        parts += [f"PARTITIONED BY ({by})"] if by else []
        parts.append(f"LOCATION {quoted_text(copy.place)}")
        parts += [f"COMMENT {quoted_text(comment)}"] if comment else []
        parts.append(f"TBLPROPERTIES {quoted_pairs(properties)}")
        parts.append(f"AS SELECT * FROM {dotted(self.catalog, table.database, name)}")
        return " ".join(parts)
