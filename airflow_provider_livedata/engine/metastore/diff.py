"""What an object at the target is, beside what it should be. Pure.

definition of the target       = wanted           same (or only its statistics are to be carried)
                               = its own mark     the sync wrote it, and the source has changed: alter, or make anew
                               else               somebody else changed it, or it is somebody else's: touched
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from airflow_provider_livedata.engine.metastore.locations import canonical, is_location
from airflow_provider_livedata.engine.metastore.model import (
    ColumnStatistics,
    Constraint,
    Database,
    Function,
    Partition,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.wanted import MARK, STATISTICS_MARK

Difference = Literal["same", "create", "alter", "recreate", "touched"]
Marked = TypeVar("Marked", Table, Partition, Database)
PENDING = "pending"  # in place of the mark of statistics, until constraints and statistics have followed
STATISTICS = frozenset(
    {"numFiles", "totalSize", "numRows", "rawDataSize", "COLUMN_STATS_ACCURATE", "numFilesErasureCoded"}
)
# What servers set by themselves; it goes along, and is not compared.
VOLATILE = frozenset(
    {"transient_lastDdlTime", "last_modified_time", "last_modified_by", "numPartitions", "STATS_GENERATED"}
)
_MARKS = frozenset({MARK, STATISTICS_MARK})


def keeps_constraints(wanted: Table, found: Table | None) -> bool:
    """Whether a table is altered in a way that leaves its constraints as they are, and an earlier sync has brought them all."""
    return (
        found is not None
        and found.parameters.get(STATISTICS_MARK) != PENDING
        and found.storage.columns == wanted.storage.columns
    )


def compare_table(wanted: Table, found: Table | None) -> Difference:
    """Of a table or view."""
    difference = _compare(wanted, found, table_digest)
    if difference in {"alter", "touched"} and found is not None and not _can_become(found, wanted):
        return "recreate" if difference == "alter" else "touched"
    return difference


def compare_partition(wanted: Partition, found: Partition | None) -> Difference:
    """Of a partition."""
    return _compare(wanted, found, partition_digest)


def compare_database(wanted: Database, found: Database | None) -> Difference:
    """Of a database; a location that is left to the target is not compared."""
    difference = _compare(wanted, found, database_digest)
    moved = found is not None and wanted.location and canonical(wanted.location) != canonical(found.location or "")
    return "alter" if difference == "same" and moved else difference


def needs_recreation(wanted: Table, found: Table) -> bool:
    """Whether no alteration makes one the other: other partition columns, or a view in place of a table."""
    return not _can_become(found, wanted)


def _can_become(found: Table, wanted: Table) -> bool:
    same_columns = [(c.name, c.type) for c in found.partition_columns] == [
        (c.name, c.type) for c in wanted.partition_columns
    ]
    return found.kind == wanted.kind and same_columns


def _compare(wanted: Any, found: Any, digest: Any) -> Difference:
    if found is None:
        return "create"
    is_ours = found.parameters.get(MARK) == digest(found)
    if digest(wanted) != digest(found):
        return "alter" if is_ours else "touched"
    statistics = found.parameters.get(STATISTICS_MARK) == statistics_digest(wanted.parameters)
    return "same" if is_ours and statistics else "alter"


def is_ours(found: Table | Partition | Database) -> bool:
    """Whether a sync wrote it, and nobody has changed it since."""
    return MARK in found.parameters and found.parameters[MARK] == digest_of(found)


def was_ours(found: Table | Partition | Database) -> bool:
    """Whether a sync wrote it, whatever became of it."""
    return MARK in found.parameters


def marked(wanted: Marked, *, is_pending: bool = False) -> Marked:
    """With the marks of a sync."""
    statistics = PENDING if is_pending else statistics_digest(wanted.parameters)
    marks = {MARK: digest_of(wanted), STATISTICS_MARK: statistics}
    return replace(wanted, parameters={**wanted.parameters, **marks})


def digest_of(thing: Table | Partition | Database) -> str:
    """The digest of a definition: what servers set by themselves, statistics and marks left out."""
    if isinstance(thing, Table):
        return table_digest(thing)
    return partition_digest(thing) if isinstance(thing, Partition) else database_digest(thing)


def table_digest(table: Table) -> str:
    """Of a table; its name is part of it, so that a copy made by CREATE TABLE LIKE is not taken for ours."""
    return _digest([
        table.database, table.name, table.kind, _storage(table.storage), [_column(c) for c in table.partition_columns], _parameters(table.parameters),
        _text(table.owner), table.view_text or "", table.view_expanded_text or "", bool(table.is_rewrite_enabled), table.retention,
    ])  # fmt: skip


def partition_digest(partition: Partition) -> str:
    """Of a partition."""
    return _digest([partition.values, _storage(partition.storage), _parameters(partition.parameters)])


def database_digest(database: Database) -> str:
    """Of a database; its places are compared apart, since servers choose them."""
    return _digest([database.name, database.comment or "", _parameters(database.parameters), _text(database.owner)])


def statistics_digest(parameters: Mapping[str, str]) -> str:
    """Of the statistics in the parameters of a table or partition."""
    return _digest(sorted((name, value) for name, value in parameters.items() if name in STATISTICS))


def same_function(one: Function, other: Function) -> bool:
    """Whether two functions differ in nothing but when they were made."""
    return replace(one, created_s=0) == replace(other, created_s=0)


def columns_with_statistics(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The columns of which a metastore says that it has statistics that hold."""
    try:
        told = json.loads(parameters.get("COLUMN_STATS_ACCURATE") or "{}")
        return tuple(
            sorted(name for name, holds in (told.get("COLUMN_STATS") or {}).items() if str(holds).lower() == "true")
        )
    except (ValueError, AttributeError):
        return ()


def same_statistics(one: tuple[ColumnStatistics, ...], other: tuple[ColumnStatistics, ...]) -> bool:
    """Whether two sets of statistics say the same; how distinct values were counted (bit vectors) is not compared."""
    return [_statistics(s) for s in one] == [_statistics(s) for s in other]


def constraint_changes(wanted: list[Constraint], found: list[Constraint]) -> tuple[list[Constraint], list[str]]:
    """The constraints to add and the names of those to drop first; one that differs is dropped and added."""
    want, have = {c.name: c for c in wanted}, {c.name: c for c in found}
    dropped = [name for name, one in have.items() if want.get(name) != one]
    return [one for name, one in want.items() if have.get(name) != one], dropped


def _statistics(one: ColumnStatistics) -> Any:
    kept = sorted((name, value) for name, value in one.values.items() if name != "bitVectors")
    return one.column, one.type, one.kind, kept


def _storage(storage: Storage) -> Any:
    serde = storage.serde
    return [
        [_column(c) for c in storage.columns], canonical(storage.location or ""), storage.input_format or "", storage.output_format or "",
        serde.library or "", serde.name or "", _parameters(serde.parameters), storage.is_compressed, storage.buckets,
        storage.bucket_columns, storage.sort_columns, _parameters(storage.parameters), storage.skewed_columns, storage.skewed_values,
        [(values, canonical(at)) for values, at in storage.skewed_locations], storage.has_subdirectories,
    ]  # fmt: skip


def _column(column: Any) -> Any:
    return column.name, column.type, column.comment or ""


def _parameters(parameters: Mapping[str, str]) -> Any:
    left_out = VOLATILE | STATISTICS | _MARKS
    return sorted(
        (name, canonical(value) if value and is_location(value) else value)
        for name, value in parameters.items()
        if name not in left_out
    )


def _text(owner: Any) -> str:
    return f"{owner.kind} {owner.name}" if owner else ""


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()[:24]
