"""Delta tables in a catalogue of Databricks: those that are there, and how one is made of another table.

A new copy is claimed first, empty and with its mark, by a statement that never replaces anything; only what is ours is replaced. So a table that
somebody makes at the same moment stays, and files of a copy that was cut off lie below a table of ours.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from airflow_provider_livedata.engine.clients.databricks import DatabricksClient
from airflow_provider_livedata.engine.errors import MetastoreRefused, ObjectExists, ObjectMissing
from airflow_provider_livedata.engine.metastore import delta_read as read
from airflow_provider_livedata.engine.metastore.databricks_read import converted_mark
from airflow_provider_livedata.engine.metastore.databricks_sql import Statements
from airflow_provider_livedata.engine.metastore.delta_plan import (
    Copy,
    FoundDelta,
    differing_rows,
    is_ours,
    pending_mark,
)
from airflow_provider_livedata.engine.metastore.delta_sql import DeltaStatements
from airflow_provider_livedata.engine.metastore.model import Table


class DeltaTables:
    """Of one catalogue."""

    def __init__(self, client: DatabricksClient, catalog: str) -> None:
        self._client, self._sql, self._schemas = client, DeltaStatements(catalog), Statements(catalog)

    # ---- what is there

    def found(self, schema: str, name: str) -> FoundDelta | None:
        """A table of any kind."""
        try:
            return read.found_from(self._client.rows(self._sql.described(schema, name)))
        except ObjectMissing:
            return None

    def at(self, place: str) -> FoundDelta | None:
        """The Delta table of which the files lie at a place, whether it has a name or not."""
        try:
            return read.found_at(self._client.rows(self._sql.described_at(place)), place)
        except ObjectMissing:
            return None

    def names(self, schema: str) -> list[str]:
        """Of all tables of a schema."""
        try:
            return [str(row[1]).lower() for row in self._client.rows(self._sql.tables(schema))]
        except ObjectMissing:
            return []

    def rows(self, schema: str, name: str) -> int:
        """How many a table has."""
        return int(self._client.rows(self._sql.rows(schema, name))[0][0])

    # ---- copies

    def make(self, copy: Copy, *, counts: bool) -> int | None:
        """Make a copy, or make it anew; how many rows it has, where they are counted.

        Raises:
            MetastoreRefused: It was not made, or has other rows than its table; the next run does it again.
        """
        mark = pending_mark(copy)
        self._client.change(self._sql.create_schema(copy.schema))
        if copy.doing == "move":
            self.drop(copy.schema, copy.source.name)
        if copy.doing == "create" or (copy.doing == "move" and not copy.has_former):
            self._claim(copy, mark)
        self._client.change(self._sql.refresh(copy.source))
        self._client.change(self._sql.copy(copy, mark))
        found = self._counted(copy) if counts and not self._is_rehearsal else None
        self._client.change(self._sql.set_mark(copy))
        return found

    def drop(self, schema: str, name: str) -> None:
        """Drop a copy; its files stay.

        Raises:
            MetastoreRefused: It is none of ours any more.
        """
        found = self.found(schema, name)
        if found is None:
            return
        if not is_ours(found, schema, name):
            raise MetastoreRefused("somebody else made a table of this name meanwhile", table=f"{schema}.{name}")
        self._client.change(self._sql.drop(schema, name))

    # ---- in place

    def convert(self, table: Table, *, counts: bool) -> int | None:
        """Convert a table where it lies. What tells syncs to leave it alone is written first.

        Raises:
            MetastoreRefused: It was refused, or has other rows than before.
        """
        database, name = table.database, table.name
        told = counts and not self._is_rehearsal
        self._client.change(self._sql.refresh(table))
        before = self.rows(database, name) if told else None
        self._client.change(self._schemas.set_schema(database, converted_mark(name)))
        self._client.change(self._sql.convert(table))
        after = self.rows(database, name) if told else None
        if before is not None and after is not None and before != after:
            raise MetastoreRefused(differing_rows(table.full_name, before, after))
        return after

    @property
    def _is_rehearsal(self) -> bool:
        return self._client.told is not None

    def _claim(self, copy: Copy, mark: str) -> None:
        try:
            self._client.change(self._sql.claim(copy, mark))
        except ObjectExists:
            # A statement that was repeated may have taken place the first time.
            found = self.found(copy.schema, copy.source.name)
            if found is None or found.mark != mark:
                raise

    def _counted(self, copy: Copy) -> int:
        theirs = self.rows(copy.source.database, copy.source.name)
        ours = self.rows(copy.schema, copy.source.name)
        why = differing_rows(copy.full_name, theirs, ours)
        if why:
            raise MetastoreRefused(f"{why}; it is copied again by the next run", table=copy.source.full_name)
        return ours


@runtime_checkable
class MakesDelta(Protocol):
    """It can make Delta tables of the tables that it holds."""

    def delta(self) -> DeltaTables:
        """What makes them, and tells of those that are there."""
