"""The structures of Hive's Thrift interface from and to the values of ``model``. Pure; the one place that knows both."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any

from hive_metastore import ttypes

from airflow_provider_livedata.engine.metastore.model import (
    Column,
    ColumnStatistics,
    Constraint,
    Database,
    Event,
    Function,
    Kind,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.names import partition_name

_KINDS: dict[str, Kind] = {
    "MANAGED_TABLE": "managed", "EXTERNAL_TABLE": "external", "VIRTUAL_VIEW": "view",
    "MATERIALIZED_VIEW": "materialized view", "INDEX_TABLE": "index",
}  # fmt: skip
_TYPES = {kind: name for name, kind in _KINDS.items()}
_PRINCIPALS = {1: "user", 2: "role", 3: "group"}
_PRINCIPAL_TYPES = {kind: number for number, kind in _PRINCIPALS.items()}
_OF_PARTITIONS = frozenset({"ADD_PARTITION", "ALTER_PARTITION", "DROP_PARTITION"})
_STATISTICS = ("boolean", "long", "double", "string", "binary", "decimal", "date", "timestamp")
_SERIALIZED_KEY = {"Decimal": ("unscaled", "scale"), "Date": ("daysSinceEpoch",), "Timestamp": ("secondsSinceEpoch",)}


def _let_skewed_keys_be_tuples() -> None:
    # The generated code reads the keys of this map as lists, which no dictionary takes: a table with skewed locations would be unreadable.
    names = [field[3] if field else None for field in ttypes.StorageDescriptor.thrift_spec]
    kind = ttypes.SkewedInfo
    number, wire, name, (key, (text, how, _), *rest), default = kind.thrift_spec[3]
    kind.thrift_spec = (*kind.thrift_spec[:3], (number, wire, name, (key, (text, how, True), *rest), default))
    for shared in names:
        if isinstance(shared, list) and shared[0] is kind:
            shared[1] = kind.thrift_spec


_let_skewed_keys_be_tuples()


def database_from(told: Any) -> Database:
    """Of ``Database``."""
    owner = _owner(told.ownerName, told.ownerType)
    return Database(
        told.name, told.description, told.locationUri, told.managedLocationUri, dict(told.parameters or {}), owner
    )


def to_database(database: Database) -> Any:
    """To ``Database``."""
    return ttypes.Database(
        name=database.name, description=database.comment, locationUri=database.location,
        managedLocationUri=database.managed_location, parameters=dict(database.parameters), **_to_owner(database.owner, "ownerName"),
    )  # fmt: skip


def table_from(told: Any) -> Table:
    """Of ``Table``."""
    return Table(
        told.dbName, told.tableName, _KINDS.get(told.tableType or "MANAGED_TABLE", "managed"), storage_from(told.sd),
        _columns(told.partitionKeys), dict(told.parameters or {}), _owner(told.owner, told.ownerType), told.viewOriginalText,
        told.viewExpandedText, told.rewriteEnabled, told.retention or 0, told.createTime or 0, told.lastAccessTime or 0,
    )  # fmt: skip


def to_table(table: Table) -> Any:
    """To ``Table``."""
    return ttypes.Table(
        tableName=table.name, dbName=table.database, tableType=_TYPES[table.kind], sd=to_storage(table.storage),
        partitionKeys=_to_columns(table.partition_columns), parameters=dict(table.parameters), viewOriginalText=table.view_text,
        viewExpandedText=table.view_expanded_text, rewriteEnabled=table.is_rewrite_enabled, retention=table.retention,
        createTime=table.created_s, lastAccessTime=table.accessed_s, **_to_owner(table.owner, "owner"),
    )  # fmt: skip


def partition_from(told: Any) -> Partition:
    """Of ``Partition``."""
    storage, parameters = storage_from(told.sd), dict(told.parameters or {})
    return Partition(tuple(told.values), storage, parameters, told.createTime or 0, told.lastAccessTime or 0)


def to_partition(table: Table, partition: Partition) -> Any:
    """To ``Partition``."""
    return ttypes.Partition(
        values=list(partition.values), dbName=table.database, tableName=table.name, createTime=partition.created_s,
        lastAccessTime=partition.accessed_s, sd=to_storage(partition.storage), parameters=dict(partition.parameters),
    )  # fmt: skip


def storage_from(told: Any) -> Storage:
    """Of ``StorageDescriptor``."""
    if told is None:
        return Storage()
    serde, skewed = told.serdeInfo or ttypes.SerDeInfo(), told.skewedInfo or ttypes.SkewedInfo()
    return Storage(
        _columns(told.cols), told.location, told.inputFormat, told.outputFormat,
        Serde(serde.serializationLib, serde.name, dict(serde.parameters or {})), bool(told.compressed),
        -1 if told.numBuckets is None else told.numBuckets, tuple(told.bucketCols or ()),
        tuple((one.col, one.order) for one in told.sortCols or ()), dict(told.parameters or {}),
        tuple(skewed.skewedColNames or ()), tuple(map(tuple, skewed.skewedColValues or ())),
        tuple(sorted((_skewed_key(key), at) for key, at in (skewed.skewedColValueLocationMaps or {}).items())),
        bool(told.storedAsSubDirectories),
    )  # fmt: skip


def to_storage(storage: Storage) -> Any:
    """To ``StorageDescriptor``."""
    serde = storage.serde
    return ttypes.StorageDescriptor(
        cols=_to_columns(storage.columns), location=storage.location, inputFormat=storage.input_format, outputFormat=storage.output_format,
        compressed=storage.is_compressed, numBuckets=storage.buckets, bucketCols=list(storage.bucket_columns),
        serdeInfo=ttypes.SerDeInfo(name=serde.name, serializationLib=serde.library, parameters=dict(serde.parameters)),
        sortCols=[ttypes.Order(col=name, order=order) for name, order in storage.sort_columns], parameters=dict(storage.parameters),
        skewedInfo=ttypes.SkewedInfo(
            skewedColNames=list(storage.skewed_columns), skewedColValues=list(map(list, storage.skewed_values)),
            skewedColValueLocationMaps=dict(storage.skewed_locations),
        ),
        storedAsSubDirectories=storage.has_subdirectories,
    )  # fmt: skip


def function_from(told: Any) -> Function:
    """Of ``Function``."""
    kinds = {1: "jar", 2: "file", 3: "archive"}
    resources = tuple((kinds.get(one.resourceType, "file"), one.uri) for one in told.resourceUris or ())
    owner = _owner(told.ownerName, told.ownerType)
    return Function(told.dbName, told.functionName, told.className, owner, resources, told.createTime or 0)


def to_function(function: Function) -> Any:
    """To ``Function``."""
    kinds = {"jar": 1, "file": 2, "archive": 3}
    return ttypes.Function(
        functionName=function.name, dbName=function.database, className=function.class_name, functionType=1, createTime=function.created_s,
        resourceUris=[ttypes.ResourceUri(resourceType=kinds[kind], uri=uri) for kind, uri in function.resources],
        **_to_owner(function.owner, "ownerName"),
    )  # fmt: skip


def statistics_from(told: Iterable[Any]) -> tuple[ColumnStatistics, ...]:
    """Of a list of ``ColumnStatisticsObj``."""
    found = []
    for one in told:
        kind = next((kind for kind in _STATISTICS if getattr(one.statsData, f"{kind}Stats", None) is not None), None)
        if kind is not None:
            values = {name: _plain(value) for name, value in vars(getattr(one.statsData, f"{kind}Stats")).items()}
            found.append(ColumnStatistics(one.colName, one.colType, kind, values))
    return tuple(sorted(found, key=lambda one: one.column))


def to_statistics(
    table: Table, statistics: Mapping[str | None, Iterable[ColumnStatistics]], analyzed_s: int
) -> list[Any]:
    """To a list of ``ColumnStatistics``, by partition name; None is the table itself."""
    return [
        ttypes.ColumnStatistics(
            statsDesc=ttypes.ColumnStatisticsDesc(
                isTblLevel=partition is None, dbName=table.database, tableName=table.name, partName=partition, lastAnalyzed=analyzed_s
            ),
            statsObj=[_statistic(one) for one in columns],
        )
        for partition, columns in statistics.items()
    ]  # fmt: skip


def event_from(told: Any) -> Event:
    """Of ``NotificationEvent``. What its message cannot be asked for is taken as a change of the whole table."""
    message = _message(told.message, told.messageFormat)
    names = [told.tableName] if told.tableName else []
    if told.eventType == "ALTER_TABLE":
        names += [*_named(message, "tableObjBeforeJson"), *_named(message, "tableObjAfterJson")]
    is_renamed = _values(message, "partitionObjBeforeJson") != _values(message, "partitionObjAfterJson")
    # Of a partition that got other values the event names those before alone.
    partitions = _partitions_in(message) if told.eventType in _OF_PARTITIONS and not is_renamed else None
    return Event(told.eventId, told.eventType, told.dbName or "", tuple(dict.fromkeys(names)), partitions)


def _message(text: str | None, form: str | None) -> dict[str, Any]:
    try:
        if (form or "").startswith("gzip"):
            text = gzip.decompress(base64.b64decode(text or "")).decode()
        found = json.loads(text or "{}")
    except (ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(message: dict[str, Any], which: str) -> list[str]:
    # Under which name the event of a renamed table is filed depends on the version; the table itself is JSON within the JSON message.
    told = _message(message.get(which), "")
    name = (told.get("1") or {}).get("str")  # field 1 of Table: its name
    return [str(name)] if name else []


def _values(message: dict[str, Any], which: str) -> Any:
    return (_message(message.get(which), "").get("1") or {}).get("lst")  # field 1 of Partition: its values


def _partitions_in(message: dict[str, Any]) -> tuple[str, ...] | None:
    told = message.get("partitions") or [message.get("keyValues")]
    if not all(isinstance(one, dict) and one for one in told):
        return None
    return tuple(partition_name(one) for one in told)


def constraint_rows(kind: str, rows: Iterable[Any]) -> list[Constraint]:
    """Constraints of rows that a metastore tells one a column, in the order of their columns."""
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        grouped.setdefault(getattr(row, _NAME[kind]), []).append(row)
    return [_constraint(kind, name, group) for name, group in grouped.items()]


def to_constraint(table: Table, constraint: Constraint) -> list[Any]:
    """The rows of a constraint, one a column."""
    flags = {
        "enable_cstr": constraint.is_enabled,
        "validate_cstr": constraint.is_validated,
        "rely_cstr": constraint.is_relied_on,
    }
    named = {_NAME[constraint.kind]: constraint.name, **flags}
    kind = _ROW[constraint.kind]
    return [
        kind(**named, **_place(table, constraint, number, column), **_value(constraint))
        for number, column in enumerate(constraint.columns, start=1)
    ]


_NAME = {
    "primary key": "pk_name", "foreign key": "fk_name", "unique": "uk_name", "not null": "nn_name", "default": "dc_name", "check": "dc_name",
}  # fmt: skip
_ROW: dict[str, Any] = {
    "primary key": ttypes.SQLPrimaryKey, "foreign key": ttypes.SQLForeignKey, "unique": ttypes.SQLUniqueConstraint,
    "not null": ttypes.SQLNotNullConstraint, "default": ttypes.SQLDefaultConstraint, "check": ttypes.SQLCheckConstraint,
}  # fmt: skip


def _constraint(kind: Any, name: str, rows: list[Any]) -> Constraint:
    ordered = sorted(rows, key=lambda row: getattr(row, "key_seq", 0) or 0)
    first = ordered[0]
    column = "fkcolumn_name" if kind == "foreign key" else "column_name"
    references = None
    rules = (0, 0)
    if kind == "foreign key":
        references = (first.pktable_db, first.pktable_name, tuple(row.pkcolumn_name for row in ordered))
        rules = (first.update_rule or 0, first.delete_rule or 0)
    value = getattr(first, "default_value", None) or getattr(first, "check_expression", None)
    flags = (bool(first.enable_cstr), bool(first.validate_cstr), bool(first.rely_cstr))
    return Constraint(kind, name, tuple(getattr(row, column) for row in ordered), references, value, *flags, rules)


def _place(table: Table, constraint: Constraint, number: int, column: str) -> dict[str, Any]:
    if constraint.kind == "foreign key":
        database, parent, columns = constraint.references or ("", "", constraint.columns)
        update, delete = constraint.rules
        return {
            "fktable_db": table.database, "fktable_name": table.name, "fkcolumn_name": column, "key_seq": number,
            "pktable_db": database, "pktable_name": parent, "pkcolumn_name": columns[number - 1],
            "update_rule": update, "delete_rule": delete,
        }  # fmt: skip
    where: dict[str, Any] = {"table_db": table.database, "table_name": table.name, "column_name": column}
    return where | ({"key_seq": number} if constraint.kind in {"primary key", "unique"} else {})


def _value(constraint: Constraint) -> dict[str, Any]:
    name = {"default": "default_value", "check": "check_expression"}.get(constraint.kind)
    return {name: constraint.value} if name else {}


def _statistic(one: ColumnStatistics) -> Any:
    kind = getattr(ttypes, f"{one.kind.capitalize()}ColumnStatsData")
    data = kind(**{name: _to_thrift(value) for name, value in one.values.items()})
    held = ttypes.ColumnStatisticsData(**{f"{one.kind}Stats": data})
    return ttypes.ColumnStatisticsObj(colName=one.column, colType=one.type, statsData=held)


def _plain(value: Any) -> Any:
    """A date, decimal or timestamp becomes (name of the structure, its fields)."""
    name = type(value).__name__
    return (name, *(getattr(value, one) for one in _SERIALIZED_KEY[name])) if name in _SERIALIZED_KEY else value


def _to_thrift(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    name, *fields = value
    return getattr(ttypes, name)(**dict(zip(_SERIALIZED_KEY[name], fields, strict=True)))


def _columns(told: Iterable[Any] | None) -> tuple[Column, ...]:
    return tuple(Column(one.name, one.type, one.comment) for one in told or ())


def _to_columns(columns: Iterable[Column]) -> list[Any]:
    return [ttypes.FieldSchema(name=one.name, type=one.type, comment=one.comment) for one in columns]


def _owner(name: str | None, kind: int | None) -> Principal | None:
    return Principal(name, _PRINCIPALS.get(kind or 1, "user")) if name else None  # type: ignore[arg-type]


def _to_owner(owner: Principal | None, field: str) -> dict[str, Any]:
    return {field: owner.name, "ownerType": _PRINCIPAL_TYPES[owner.kind]} if owner else {}


def _skewed_key(key: Any) -> tuple[str, ...]:
    # Servers tell the values as a list; in a mapping Thrift's Python can only hold tuples, and some tell one text.
    return tuple(key) if isinstance(key, list | tuple) else (str(key),)
