"""What Databricks can hold of an object, and of each thing that it cannot, why. Pure; to fit twice changes nothing.

A table becomes columns, a format with its options, a place, and parameters. Of a Delta table the place alone: all else is in its log, among
the files, where a sync never writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from airflow_provider_livedata.engine.metastore.base import Thing
from airflow_provider_livedata.engine.metastore.databricks_formats import (
    PROVIDER,
    format_of,
    is_of_spark,
    options_of,
    unreadable,
)
from airflow_provider_livedata.engine.metastore.databricks_sql import COMMENT, DELTA
from airflow_provider_livedata.engine.metastore.databricks_types import UnknownType, in_hive, parsed, without_lengths
from airflow_provider_livedata.engine.metastore.diff import STATISTICS, VOLATILE
from airflow_provider_livedata.engine.metastore.locations import canonical, data_location
from airflow_provider_livedata.engine.metastore.model import Column, Database, Partition, Serde, Storage, Table
from airflow_provider_livedata.engine.metastore.names import DEFAULT_PARTITION

RECORDED = (
    "partitionMetadataEnabled"  # Unity Catalog then knows the partitions that are registered, and lists no directories
)
DELTA_MARK = "livedata.delta."  # a property of a schema: the marks of a Delta table of it
_HIDDEN = re.compile("url|secret|password|token|access[.]?key", re.IGNORECASE)
_RESERVED = frozenset({"external", "location", "owner", "provider", "is_managed_location", "path"})
_SEPARATES = re.compile(r"\), ?\(")  # between the properties of a schema, as they are told
_WHOLE = {"tinyint", "smallint", "int", "bigint"}
_PLACEHOLDER = [("col", "array<string>")]


@dataclass(frozen=True, slots=True)
class DatabricksFit:
    """Of the old catalogue of a workspace, ``hive_metastore``, or of one of Unity Catalog."""

    is_unity: bool

    def __call__(self, thing: Thing) -> tuple[Thing, tuple[str, ...]]:
        """See ``base.Fit``."""
        notes: list[str] = []
        if isinstance(thing, Database):
            return _database(thing, notes, keeps_comment=self.is_unity), tuple(notes)
        if isinstance(thing, Partition):
            return _partition(thing, notes), tuple(notes)
        return self._table(thing, notes), tuple(notes)

    def refuses(self, table: Table, partition: Partition | None = None) -> str:
        """See ``base.Refuses``."""
        return _refuses_partition(table, partition) if partition else _refuses(table)

    def _table(self, table: Table, notes: list[str]) -> Table:
        kind = format_of(table.storage, table.parameters)
        database, name = table.database.lower(), table.name.lower()
        _left_out(table, notes)
        told = data_location(table)
        place = canonical(told) if told else None
        if kind == DELTA:
            if _own(table.parameters):
                notes.append("its parameters and comments are those in the log of the Delta table")
            return Table(database, name, "external", Storage((), place, serde=Serde(DELTA)))
        columns = tuple(_column(one, notes) for one in table.storage.columns)
        by = tuple(_column(one, notes) for one in table.partition_columns)
        parameters = _parameters(table.parameters, "parameter", notes)
        if self.is_unity and by:
            parameters[RECORDED] = "true"
        serde = Serde(kind, None, _parameters(options_of(table), "option", notes))
        storage = Storage(columns, place, serde=serde)
        return Table(database, name, "external", storage, by, parameters)


def _database(database: Database, notes: list[str], *, keeps_comment: bool) -> Database:
    if database.owner:
        notes.append(
            f"its owner ({database.owner.kind} {database.owner.name}) is left out: grants are Databricks's own"
        )
    if database.comment and not keeps_comment:
        notes.append("its comment is left out: the catalogue of Hive never changes that of a schema")
    places = filter(None, (database.location, database.managed_location))
    notes += [
        f"its location ({place}) is left out: Databricks would remove the directory of a schema with it"
        for place in places
    ]
    parameters = _parameters(database.parameters, "parameter", notes)
    for name in [name for name, value in parameters.items() if "," in name or _SEPARATES.search(f"{name},{value}")]:
        notes.append(f"parameter {name} is left out: Databricks tells it in a way that cannot be read back")
        del parameters[name]
    return replace(
        database, name=database.name.lower(), comment=(database.comment or None) if keeps_comment else None, location=None, managed_location=None, owner=None,
        parameters=parameters,
    )  # fmt: skip


def _partition(partition: Partition, notes: list[str]) -> Partition:
    own = sorted(name for name in partition.parameters if name not in VOLATILE | STATISTICS)
    if own:
        notes.append(f"parameters of partitions are left out ({', '.join(own)}): no statement of Databricks sets them")
    place = partition.storage.location
    return Partition(partition.values, Storage(location=canonical(place) if place else None))


def _left_out(table: Table, notes: list[str]) -> None:
    storage = table.storage
    if table.owner and table.owner.name:
        notes.append(f"its owner ({table.owner.kind} {table.owner.name}) is left out: grants are Databricks's own")
    if storage.bucket_columns:
        notes.append("that it is bucketed is left out: Spark spreads rows over buckets in another way than Hive")
    elif storage.sort_columns:
        notes.append("that its files are sorted is left out: Databricks knows this of bucketed tables alone")
    if storage.skewed_columns:
        notes.append("its skewed columns are left out: Databricks knows none")
    if table.retention > 0:
        notes.append(f"its retention ({table.retention}) is left out: Databricks knows none")
    if STATISTICS & set(table.parameters):
        notes.append("its statistics are left out: ANALYZE TABLE makes them there")
    if not is_of_spark(table) and format_of(storage, table.parameters) == "csv":
        notes.append("Databricks reads empty texts of it as NULL")


def _parameters(parameters: Mapping[str, str], what: str, notes: list[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in _own(parameters).items():
        lower = name.lower()
        if name == COMMENT and not value:
            continue
        if lower in _RESERVED or lower.startswith("option.") or not name:
            notes.append(f"{what} {name} is left out: Databricks keeps that name for itself")
        elif name != COMMENT and (_HIDDEN.search(name) or _HIDDEN.search(value)):
            notes.append(
                f"{what} {name} is left out: Databricks hides it, so that nobody could tell whether it is right"
            )
        else:
            kept[name] = value
    return kept


def _own(parameters: Mapping[str, str]) -> dict[str, str]:
    """Without what Spark and servers set by themselves, and what is said in other ways (EXTERNAL)."""
    left_out = VOLATILE | STATISTICS | {"EXTERNAL"}
    return {
        name: value
        for name, value in parameters.items()
        if name not in left_out and not name.startswith(("spark.sql.", DELTA_MARK))
    }


def _column(column: Column, notes: list[str]) -> Column:
    kind = parsed(column.type)
    plain = without_lengths(kind)
    if plain != kind:
        notes.append(
            f"the length of {in_hive(kind)} of column {column.name} is left out: Databricks tells it as string"
        )
    return Column(column.name, in_hive(plain), column.comment or None)


def _refuses(table: Table) -> str:
    if table.kind == "view":
        return "a view's text is Hive's own: write it for Databricks, and create it there"
    kind, storage = format_of(table.storage, table.parameters), table.storage
    if not kind:
        told = table.parameters.get(PROVIDER) or storage.serde.library or storage.input_format or "none is told"
        return f"Databricks has no format that reads its files ({told})"
    if not data_location(table):
        return "it has no location, and Databricks would make a place of its own, and a managed table"
    if kind == DELTA:
        return ""
    if [(one.name, one.type) for one in storage.columns] == _PLACEHOLDER and PROVIDER in table.parameters:
        return "its columns are told by Spark's own parameters alone, which are not read: create it at the target"
    why = unreadable(table)
    if why:
        return f"{why}, and no option of Databricks says so"
    is_text = kind == "csv" and not is_of_spark(table)
    return next(
        filter(None, (_refuses_column(one, is_text) for one in (*storage.columns, *table.partition_columns))), ""
    )


def _refuses_column(column: Column, is_text: bool) -> str:  # noqa: FBT001 - of this module alone
    try:
        kind = parsed(column.type)
    except UnknownType:
        return f"Databricks has no type like that of its column {column.name} ({column.type})"
    if kind.parts and is_text:
        return f"Databricks reads no {kind.name} from text, such as its column {column.name}"
    if "${" in column.name + column.type:
        return f"Spark would replace a part of the name of its column {column.name}"
    return ""


def _refuses_partition(table: Table, partition: Partition) -> str:
    ours, theirs = format_of(table.storage, table.parameters), format_of(partition.storage, {})
    if ours == DELTA:
        return "the log of a Delta table tells its partitions"
    if theirs and ours != theirs:
        return f"its files are {theirs}, those of the table {ours}: Databricks reads all partitions in one format"
    for column, value in zip(table.partition_columns, partition.values, strict=False):
        if in_hive(parsed(column.type)) in _WHOLE and value != DEFAULT_PARTITION and value != _whole(value):
            return f"Databricks would register {column.name}={value} as {column.name}={_whole(value) or 'NULL'}"
    return ""


def _whole(value: str) -> str:
    try:
        return str(int(value))
    except ValueError:
        return ""
