"""A catalogue in memory, whose connection can break at any call, before or after the call took place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_livedata.engine.errors import MetastoreUnreachable, ObjectExists, ObjectMissing
from airflow_provider_livedata.engine.metastore.base import CatalogueFacts
from airflow_provider_livedata.engine.metastore.model import (
    ColumnStatistics,
    Constraint,
    Database,
    Event,
    Function,
    Partition,
    Table,
)
from airflow_provider_livedata.engine.metastore.names import partition_name

EVERYTHING = frozenset({"functions", "constraints", "statistics", "views", "owners"})


@dataclass
class MemoryCatalogue:
    """See ``base.CatalogueTarget`` and ``base.TellsChanges``; ``breaks_at``: number of the changing call that fails, from 1."""

    name: str
    facts: CatalogueFacts = CatalogueFacts("memory", EVERYTHING, 2, 2)
    databases: dict[str, Database] = field(default_factory=dict)
    all_tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    all_partitions: dict[tuple[str, str], dict[str, Partition]] = field(default_factory=dict)
    all_functions: dict[tuple[str, str], Function] = field(default_factory=dict)
    all_constraints: dict[tuple[str, str], dict[str, Constraint]] = field(default_factory=dict)
    all_statistics: dict[tuple[str, str, str | None], tuple[ColumnStatistics, ...]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    breaks_at: int = 0
    breaks_after: bool = False
    changed: int = 0

    def contents(self) -> Any:
        """All that it holds."""
        partitions = {key: found for key, found in self.all_partitions.items() if found}
        constraints = {key: found for key, found in self.all_constraints.items() if found}
        return self.databases, self.all_tables, partitions, self.all_functions, constraints, self.all_statistics

    def close(self) -> None:
        """Nothing to close."""

    def calls(self) -> Mapping[str, int]:
        """Of those that change something."""
        return {"changes": self.changed}

    def database_names(self) -> list[str]:
        return list(self.databases)

    def database(self, name: str) -> Database | None:
        return self.databases.get(name)

    def table_names(self, database: str) -> list[str]:
        return [table for where, table in self.all_tables if where == database]

    def tables(self, database: str, names: Sequence[str]) -> Iterator[Table]:
        return (self.all_tables[database, name] for name in names if (database, name) in self.all_tables)

    def partition_names(self, table: Table) -> list[str]:
        return list(self.all_partitions.get(_key(table), {}))

    def partitions(self, table: Table, names: Sequence[str]) -> dict[str, Partition]:
        assert len(names) <= self.facts.partitions_a_call + 18  # the least batch is 20
        found = self.all_partitions.get(_key(table), {})
        return {name: found[name] for name in names if name in found}

    def functions(self) -> list[Function]:
        return list(self.all_functions.values())

    def constraints(self, table: Table) -> list[Constraint]:
        return sorted(self.all_constraints.get(_key(table), {}).values(), key=lambda one: one.name)

    def statistics(
        self, table: Table, columns: Sequence[str], partitions: Sequence[str] | None
    ) -> dict[str | None, tuple[ColumnStatistics, ...]]:
        names: Sequence[str | None] = [None] if partitions is None else partitions
        return {name: self.all_statistics.get((*_key(table), name), ()) for name in names}

    def position(self) -> int:
        return len(self.events)

    def tells_constraints(self) -> bool:
        return True

    def changes(self, after: int, up_to: int) -> Iterator[Event]:
        return iter(self.events[after:up_to])

    def create_database(self, database: Database) -> None:
        self._change("CREATE_DATABASE", database.name)
        if database.name in self.databases:
            raise ObjectExists("there is one")
        self.databases[database.name] = database
        self._after()

    def alter_database(self, database: Database) -> None:
        self._change("ALTER_DATABASE", database.name)
        self.databases[database.name] = database
        self._after()

    def drop_database(self, name: str) -> None:
        self._change("DROP_DATABASE", name)
        assert not self.table_names(name)
        del self.databases[name]
        self._after()

    def create_table(self, table: Table) -> None:
        self._change("CREATE_TABLE", table.database, table.name)
        if table.database not in self.databases:
            raise ObjectMissing("no database")
        if _key(table) in self.all_tables:
            raise ObjectExists("there is one")
        self.all_tables[_key(table)] = table
        self._after()

    def alter_table(self, table: Table) -> None:
        self._change("ALTER_TABLE", table.database, table.name)
        self.all_tables[_key(table)] = table
        self._after()

    def drop_table(self, table: Table) -> None:
        self._change("DROP_TABLE", table.database, table.name)
        if self.all_tables.pop(_key(table), None) is None:
            raise ObjectMissing("no table")
        self.all_partitions.pop(_key(table), None)
        self.all_constraints.pop(_key(table), None)
        self.all_statistics = {key: found for key, found in self.all_statistics.items() if key[:2] != _key(table)}
        self._after()

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        self._put("ADD_PARTITION", table, partitions, keeps=True)

    def alter_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        self._put("ALTER_PARTITION", table, partitions, keeps=False)

    def drop_partitions(self, table: Table, names: Sequence[str]) -> None:
        self._change("DROP_PARTITION", table.database, table.name, tuple(names))
        for name in names:
            self.all_partitions[_key(table)].pop(name, None)
            self.all_statistics.pop((*_key(table), name), None)
        self._after()

    def put_function(self, function: Function) -> None:
        self._change("CREATE_FUNCTION", function.database)
        self.all_functions[function.database, function.name] = function
        self._after()

    def drop_function(self, function: Function) -> None:
        self._change("DROP_FUNCTION", function.database)
        del self.all_functions[function.database, function.name]
        self._after()

    def add_constraints(self, table: Table, constraints: Sequence[Constraint]) -> None:
        for one in constraints:
            self._change("ADD_CONSTRAINT", table.database, table.name)
            if one.references and (one.references[0], one.references[1]) not in self.all_tables:
                raise ObjectMissing("no parent")
            self.all_constraints.setdefault(_key(table), {})[one.name] = one
            self._after()

    def drop_constraint(self, table: Table, name: str) -> None:
        self._change("DROP_CONSTRAINT", table.database, table.name)
        del self.all_constraints[_key(table)][name]
        self._after()

    def put_statistics(self, table: Table, statistics: Mapping[str | None, tuple[ColumnStatistics, ...]]) -> None:
        self._change("", table.database, table.name)
        for name, found in statistics.items():
            self.all_statistics[(*_key(table), name)] = found
        self._after()

    def _put(self, kind: str, table: Table, partitions: Iterable[Partition], *, keeps: bool) -> None:
        columns = [column.name for column in table.partition_columns]
        named = {partition_name(dict(zip(columns, one.values, strict=True))): one for one in partitions}
        self._change(kind, table.database, table.name, tuple(named))
        if _key(table) not in self.all_tables:
            raise ObjectMissing("no table")
        held = self.all_partitions.setdefault(_key(table), {})
        self.all_partitions[_key(table)] = {**named, **held} if keeps else {**held, **named}
        self._after()

    def _change(self, kind: str, database: str, table: str = "", partitions: tuple[str, ...] | None = None) -> None:
        self.changed += 1
        if self.changed == self.breaks_at and not self.breaks_after:
            raise MetastoreUnreachable("broken before")
        if kind:
            tables = (table,) if table else ()
            self.events.append(Event(len(self.events) + 1, kind, database, tables, partitions))

    def _after(self) -> None:
        if self.changed == self.breaks_at and self.breaks_after:
            raise MetastoreUnreachable("broken after")


def healthy(catalogue: MemoryCatalogue) -> MemoryCatalogue:
    """The same catalogue, mended."""
    return replace(catalogue, breaks_at=0)


def _key(table: Table) -> tuple[str, str]:
    return table.database, table.name
