"""What every catalogue can do, and the powers that only some have: ask ``isinstance(catalogue, TellsChanges)``, not its kind.

A new catalogue is one file that has these methods, one line in ``registry``, one test class. Reads of something that is not there
answer nothing (None, no items); what changes something raises what the catalogue says. No method ever touches data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from airflow_provider_livedata.engine.errors import MetastoreRefused
from airflow_provider_livedata.engine.metastore.model import (
    ColumnStatistics,
    Constraint,
    Database,
    Event,
    Function,
    Partition,
    Table,
)

Thing = TypeVar("Thing", Table, Partition, Database)


class Fit(Protocol):
    """Tells what a catalogue can hold of an object, and of each thing that it cannot, why. Pure; to fit twice changes nothing."""

    def __call__(self, thing: Thing) -> tuple[Thing, tuple[str, ...]]: ...  # noqa: D102 - the class says it


class Refuses(Protocol):
    """Why a catalogue cannot hold a table, or one of its partitions, at all; empty where it can. Pure; asked before the fit, and after it."""

    def __call__(self, table: Table, partition: Partition | None = None) -> str: ...  # noqa: D102 - the class says it


def nothing_refused(table: Table, partition: Partition | None = None) -> str:
    """Of a catalogue that holds whatever there is."""
    return ""


def as_it_is(thing: Thing) -> tuple[Thing, tuple[str, ...]]:
    """The fit of a catalogue that holds all of it."""
    return thing, ()


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """What holds for a catalogue whatever is asked of it.

    ``takes``: of "functions", "constraints", "statistics", "views", "owners"; what is missing is reported with the reason that ``lacks``
    has for it, never dropped silently. ``fit``: the same for parts of an object; ``refuses``: for objects that it cannot hold at all. Batches: how many objects one call may carry.
    ``makes_anew``: it refuses to alter some tables that it would take if they were new. ``is_source``: what it tells of a table is enough to
    make it elsewhere.
    """

    kind: str
    takes: frozenset[str]
    tables_a_call: int = 100
    partitions_a_call: int = 1000
    lacks: Mapping[str, str] = field(default_factory=dict)
    fit: Fit = as_it_is
    makes_anew: bool = True
    refuses: Refuses = nothing_refused
    is_source: bool = True


class Catalogue(Protocol):
    """Reading."""

    name: str  # for people: where it is, without secrets
    facts: CatalogueFacts

    def close(self) -> None:
        """Let go of connections. Idempotent."""

    def calls(self) -> Mapping[str, int]:
        """How often each call was made so far."""

    def database_names(self) -> list[str]:
        """Of all databases."""

    def database(self, name: str) -> Database | None:
        """A database."""

    def table_names(self, database: str) -> list[str]:
        """Of all tables and views of a database."""

    def tables(self, database: str, names: Sequence[str]) -> Iterator[Table]:
        """Those of the named tables that are there, in any order."""

    def partition_names(self, table: Table) -> list[str]:
        """Of all partitions: ``year=2024/month=1``, values escaped, in any order."""

    def partitions(self, table: Table, names: Sequence[str]) -> dict[str, Partition]:
        """Those of the named partitions that are there; at most ``facts.partitions_a_call`` names."""

    def functions(self) -> list[Function]:
        """All functions that users made."""

    def constraints(self, table: Table) -> list[Constraint]:
        """Of a table."""

    def statistics(
        self, table: Table, columns: Sequence[str], partitions: Sequence[str] | None
    ) -> dict[str | None, tuple[ColumnStatistics, ...]]:
        """What is known of columns: of the table itself (partition None), or of each of some partitions."""


class CatalogueTarget(Catalogue, Protocol):
    """Writing. Tables arrive as external ones; nothing here moves or deletes a file."""

    def create_database(self, database: Database) -> None: ...  # noqa: D102 - the name says it
    def alter_database(self, database: Database) -> None: ...  # noqa: D102
    def drop_database(self, name: str) -> None:
        """Of an empty database; one that still holds something is refused."""

    def create_table(self, table: Table) -> None: ...  # noqa: D102
    def alter_table(self, table: Table) -> None: ...  # noqa: D102
    def drop_table(self, table: Table) -> None:
        """With its partitions; files stay."""

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """Those that are there already stay as they are.

        Raises:
            PartitionsRefused: Of this and the next two calls: it names those that were refused, the others are done.
        """

    def alter_partitions(self, table: Table, partitions: Iterable[Partition]) -> None: ...  # noqa: D102
    def drop_partitions(self, table: Table, names: Sequence[str]) -> None:
        """Those that are there; files stay."""

    def put_function(self, function: Function) -> None:
        """Create it, or alter the one that is there."""

    def drop_function(self, function: Function) -> None: ...  # noqa: D102
    def add_constraints(self, table: Table, constraints: Sequence[Constraint]) -> None: ...  # noqa: D102
    def drop_constraint(self, table: Table, name: str) -> None: ...  # noqa: D102
    def put_statistics(self, table: Table, statistics: Mapping[str | None, tuple[ColumnStatistics, ...]]) -> None:
        """Of the table itself (None) or its partitions, in place of those that are there."""


@runtime_checkable
class TellsChanges(Protocol):
    """It keeps a log of what was changed."""

    def position(self) -> int:
        """The number of the newest event; 0 where there is none yet."""

    def changes(self, after: int, up_to: int) -> Iterator[Event]:
        """The events after one number up to another, in order.

        Raises:
            ChangesLost: Some of them are no longer in the log.
        """

    def tells_constraints(self) -> bool:
        """Whether changes of constraints are in the log."""


@runtime_checkable
class NamesMissingPlaces(Protocol):
    """It takes tables at places alone that somebody has allowed."""

    def missing_places(self, places: Iterable[str]) -> list[str]:
        """Those of the places that nobody has allowed."""


@runtime_checkable
class Rehearses(Protocol):
    """It can say which statements it would send."""

    def rehearsal(self) -> tuple[CatalogueTarget, list[str]]:
        """A catalogue that reads as this one does, and the list to which it adds each statement that it would send."""


class LacksDetails:
    """What a target does that has neither functions nor constraints nor statistics of columns: ``facts.lacks`` says why."""

    facts: CatalogueFacts

    def functions(self) -> list[Function]:
        """None are read."""
        return []

    def constraints(self, table: Table) -> list[Constraint]:
        """None are read."""
        return []

    def statistics(
        self, table: Table, columns: Sequence[str], partitions: Sequence[str] | None
    ) -> dict[str | None, tuple[ColumnStatistics, ...]]:
        """None are read."""
        return {}

    def put_function(self, function: Function) -> None:
        """Refused: see ``facts``."""
        raise MetastoreRefused(self.facts.lacks["functions"], function=function.full_name)

    def drop_function(self, function: Function) -> None:
        """Refused: see ``facts``."""
        raise MetastoreRefused(self.facts.lacks["functions"], function=function.full_name)

    def add_constraints(self, table: Table, constraints: Sequence[Constraint]) -> None:
        """Refused: see ``facts``."""
        if constraints:
            raise MetastoreRefused(self.facts.lacks["constraints"], table=table.full_name)

    def drop_constraint(self, table: Table, name: str) -> None:
        """Refused: see ``facts``."""
        raise MetastoreRefused(self.facts.lacks["constraints"], table=table.full_name)

    def put_statistics(self, table: Table, statistics: Mapping[str | None, tuple[ColumnStatistics, ...]]) -> None:
        """Refused: see ``facts``."""
        raise MetastoreRefused(self.facts.lacks["statistics"], table=table.full_name)
