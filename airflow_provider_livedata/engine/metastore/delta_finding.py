"""Find out which tables take part in making Delta tables, and what each is made of. Reads alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
from airflow_provider_livedata.engine.metastore.databricks_sql import DELTA
from airflow_provider_livedata.engine.metastore.delta_options import DeltaOptions
from airflow_provider_livedata.engine.metastore.delta_plan import unusual_places, usual_place
from airflow_provider_livedata.engine.metastore.delta_stored import KnownTable, read_known
from airflow_provider_livedata.engine.metastore.model import Table
from airflow_provider_livedata.engine.stored.state import StateFolder

HOUR_MS = 3_600_000


@dataclass(slots=True)
class Looked:
    """A table, what is known of it now, and what was before."""

    table: Table
    known: KnownTable
    before: KnownTable

    @property
    def places(self) -> list[str]:
        """Where its files lie: the directory of the table, and of partitions those that lie elsewhere."""
        return [str(self.table.storage.location), *unusual_places(self.known.partitions)]


class Finding:
    """Looks at the tables of a catalogue; ``now_ms`` is the time of the run."""

    def __init__(self, target: CatalogueTarget, options: DeltaOptions, state: StateFolder, now_ms: int) -> None:
        self.target, self.options, self.state, self.now_ms = target, options, state, now_ms
        self.databases = sorted(name.lower() for name in target.database_names())

    def names(self, database: str) -> list[str]:
        """All tables of a database, those that take no part too."""
        return [name.lower() for name in self.target.table_names(database)] if database in self.databases else []

    def tables(self) -> Iterator[Table]:
        """Those that take part and are not of Delta. Views are none."""
        takes = self.options.selection
        for database in filter(takes.takes_database, self.databases):
            names = [name for name in self.names(database) if takes.takes(database, name)]
            for batch in batches(sorted(names), self.target.facts.tables_a_call):
                for table in self.target.tables(database, batch):
                    if table.kind in {"external", "managed"} and table.storage.serde.library != DELTA:
                        yield table

    def look(self, table: Table, *, asks_all: bool = False) -> Looked:
        """With the places of its partitions, of which those are asked for that are new, or all of them once in a while."""
        before = read_known(self.state, table.full_name)
        known = replace(before, partitions={})
        names = self.target.partition_names(table)
        if asks_all or self._is_due(before):
            known.asked_ms, asked = self.now_ms, names
        else:
            asked = [name for name in names if name not in before.partitions]
        known.partitions = {name: before.partitions.get(name, "") for name in names}
        known.partitions.update(self._places(table, asked))
        return Looked(table, known, before)

    def copies(self) -> Iterator[tuple[str, str]]:
        """Schemas that hold copies by their names, each with the database that they are of."""
        for schema in self.databases:
            database = self.options.database_of(schema)
            if database is not None and self.options.selection.takes_database(database):
                yield schema, database

    def _is_due(self, before: KnownTable) -> bool:
        overdue_ms = self.options.compare_every_h * HOUR_MS
        return not before.asked_ms or 0 < overdue_ms <= self.now_ms - before.asked_ms

    def _places(self, table: Table, names: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        asked: Sequence[str]
        for asked in batches(list(names), self.target.facts.partitions_a_call):
            for name, partition in self.target.partitions(table, asked).items():
                place = partition.storage.location or ""
                found[name] = "" if place == usual_place(table, name) else place
        return found
