"""What a system that knows grants alone can be told: somebody has a privilege on a place. Pure.

No denial, no pattern: a place is the catalogue, a database, a table, a column, some rows of a table, or all tables of a database, those to come included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

EVERY = "*"  # as a table: all of the database, those to come included; no table can be called that
Existing = Mapping[
    str, Mapping[str, tuple[str, ...]]
]  # columns by table, by database; () where the target grants no columns


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Names from the outside in; empty ones are not named. All empty: the catalogue."""

    database: str = ""
    table: str = ""
    column: str = ""
    rows: str = ""  # a filter of the table, where it is a thing of its own

    def __str__(self) -> str:
        named = ".".join(name for name in (self.database, self.table, self.column) if name) or "the catalogue"
        return f"{named} (rows of {self.rows})" if self.rows else named


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """Somebody has one privilege on one place; ``may_grant``: and may pass it on."""

    place: Place
    principal: str
    privilege: str
    may_grant: bool = False

    @property
    def key(self) -> tuple[Place, str, str]:
        """What a target keeps one of."""
        return self.place, self.principal, self.privilege

    def __str__(self) -> str:
        option = " with grant option" if self.may_grant else ""
        return f"{self.privilege} on {self.place} to {self.principal}{option}"


@dataclass(frozen=True, slots=True)
class Language:
    """What a target can say, by accesses of Hive in Ranger.

    Args:
        name: The product, for people.
        tables: Privileges on a table, or on all of a database, by access. ``select`` is asked of columns.
        databases: Privileges on a database, by access to the database itself.
        inside: Privileges on a database, by access to any table in it, whatever it is going to be called.
        grants_columns: Whether ``select`` can be granted on columns.
        grants_rows: Whether it can be granted on some rows of a table.
        passes_on: Whether a grant can have a grant option.
        everybody: What all users are called; empty: nothing.
        opens_database: What whoever has something in a database needs on it besides.
        opens_catalogue: The same on the catalogue.
        problem_with: Why a name can be nobody's there; empty where it can.
    """

    name: str
    tables: Mapping[str, tuple[str, ...]]
    databases: Mapping[str, tuple[str, ...]]
    inside: Mapping[str, tuple[str, ...]]
    grants_columns: bool
    passes_on: bool
    grants_rows: bool = False
    everybody: str = ""
    opens_database: tuple[str, ...] = ()
    opens_catalogue: tuple[str, ...] = ()
    problem_with: Callable[[str], str] = lambda name: ""

    @property
    def accesses(self) -> frozenset[str]:
        """Those that have a counterpart somewhere."""
        return frozenset(self.tables) | frozenset(self.databases) | frozenset(self.inside)


@dataclass(frozen=True, slots=True, order=True)
class Lost:
    """What the source may allow and the target does not, and why."""

    principal: str
    access: str
    place: Place
    why: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What the target has to have, and what it cannot have."""

    permissions: frozenset[Permission]
    lost: tuple[Lost, ...] = ()
    notes: tuple[str, ...] = ()
