"""What a catalogue holds, in values that belong to no vendor: all that a Hive Metastore tells of an object. Pure.

Catalogue > Database > Table (or view) > Partition, and beside them functions, constraints and statistics. ``None`` is kept apart
from an empty text, since metastores do. Names are as the catalogue keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["managed", "external", "view", "materialized view", "index"]
ConstraintKind = Literal["primary key", "foreign key", "unique", "not null", "default", "check"]
Parameters = Mapping[str, str]
NO_PARAMETERS: Parameters = {}


@dataclass(frozen=True, slots=True)
class Principal:
    """An owner."""

    name: str
    kind: Literal["user", "group", "role"] = "user"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``type`` in the words of Hive: ``decimal(10,2)``, ``struct<a:int>``."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Serde:
    """How rows become bytes."""

    library: str | None = None
    name: str | None = None
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the files of a table or partition lie, and how to read them. ``skewed_locations``: values to a location."""

    columns: tuple[Column, ...] = ()
    location: str | None = None
    input_format: str | None = None
    output_format: str | None = None
    serde: Serde = Serde()
    is_compressed: bool = False
    buckets: int = -1
    bucket_columns: tuple[str, ...] = ()
    sort_columns: tuple[tuple[str, int], ...] = ()
    parameters: Parameters = field(default_factory=dict)
    skewed_columns: tuple[str, ...] = ()
    skewed_values: tuple[tuple[str, ...], ...] = ()
    skewed_locations: tuple[tuple[tuple[str, ...], str], ...] = ()
    has_subdirectories: bool = False


@dataclass(frozen=True, slots=True)
class Database:
    """A database, also called a schema."""

    name: str
    comment: str | None = None
    location: str | None = None
    managed_location: str | None = None
    parameters: Parameters = field(default_factory=dict)
    owner: Principal | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view. ``created_s``, ``accessed_s``: epoch seconds."""

    database: str
    name: str
    kind: Kind
    storage: Storage
    partition_columns: tuple[Column, ...] = ()
    parameters: Parameters = field(default_factory=dict)
    owner: Principal | None = None
    view_text: str | None = None
    view_expanded_text: str | None = None
    is_rewrite_enabled: bool | None = None
    retention: int = 0
    created_s: int = 0
    accessed_s: int = 0

    @property
    def full_name(self) -> str:
        """``database.table``."""
        return f"{self.database}.{self.name}"


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, by its values in the order of the table's partition columns."""

    values: tuple[str, ...]
    storage: Storage
    parameters: Parameters = field(default_factory=dict)
    created_s: int = 0
    accessed_s: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """A function that users made, of classes in files."""

    database: str
    name: str
    class_name: str | None = None
    owner: Principal | None = None
    resources: tuple[tuple[str, str], ...] = ()  # kind (jar, file, archive) and where it lies
    created_s: int = 0

    @property
    def full_name(self) -> str:
        """``database.function``."""
        return f"{self.database}.{self.name}"


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a table promises. ``references``: (database, table, columns) of a foreign key; ``value``: of a default or a check."""

    kind: ConstraintKind
    name: str
    columns: tuple[str, ...]
    references: tuple[str, str, tuple[str, ...]] | None = None
    value: str | None = None
    is_enabled: bool = False
    is_validated: bool = False
    is_relied_on: bool = False
    rules: tuple[int, int] = (0, 0)  # of a foreign key: on update, on delete, as the metastore numbers them


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What is known of a column's values; ``kind`` says which of ``values`` there are (long, decimal, string, ...)."""

    column: str
    type: str
    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a catalogue says was changed; without a table it was the database (or function) itself.

    ``partitions``: the names of those that were changed; None: the table itself, or it is not told.
    """

    number: int
    kind: str
    database: str
    tables: tuple[str, ...] = ()
    partitions: tuple[str, ...] | None = None
