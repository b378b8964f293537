"""The structures of the Glue Data Catalog from and to the values of ``model``. Pure; what Glue cannot hold is taken out by ``glue_fit`` before.

Lists in places where Glue has one text (values of skewed columns) are written as AWS's own client for Hive does: ``3$abc1$d``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_livedata.engine.metastore.model import (
    Column,
    Database,
    Kind,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)

_KINDS: dict[str, Kind] = {
    "EXTERNAL_TABLE": "external", "MANAGED_TABLE": "managed", "VIRTUAL_VIEW": "view", "MATERIALIZED_VIEW": "materialized view",
    "INDEX_TABLE": "index",
}  # fmt: skip
_TYPES = {kind: name for name, kind in _KINDS.items()}
Told = Mapping[str, Any]


def database_from(told: Told) -> Database:
    """Of ``Database``."""
    return Database(told["Name"], told.get("Description"), told.get("LocationUri"), None, _parameters(told))


def to_database(database: Database) -> dict[str, Any]:
    """To ``DatabaseInput``."""
    return _given(
        Name=database.name, Description=database.comment, LocationUri=database.location, Parameters=dict(database.parameters)
    )  # fmt: skip


def table_from(told: Told, database: str = "") -> Table:
    """Of ``Table``, or of ``TableInput`` in a database."""
    owner = told.get("Owner")
    return Table(
        told.get("DatabaseName") or database, told["Name"], _KINDS.get(told.get("TableType") or "", "external"),
        storage_from(told.get("StorageDescriptor")), _columns(told.get("PartitionKeys")), _parameters(told),
        Principal(owner) if owner else None, told.get("ViewOriginalText"), told.get("ViewExpandedText"), None, told.get("Retention") or 0,
        _seconds(told.get("CreateTime")), _seconds(told.get("LastAccessTime")),
    )  # fmt: skip


def to_table(table: Table) -> dict[str, Any]:
    """To ``TableInput``."""
    return _given(
        Name=table.name, TableType=_TYPES[table.kind], Owner=table.owner.name if table.owner else None, Retention=table.retention,
        StorageDescriptor=to_storage(table.storage), PartitionKeys=_to_columns(table.partition_columns), Parameters=dict(table.parameters),
        ViewOriginalText=table.view_text, ViewExpandedText=table.view_expanded_text, LastAccessTime=_time(table.accessed_s),
    )  # fmt: skip


def partition_from(told: Told) -> Partition:
    """Of ``Partition``."""
    return Partition(
        tuple(told["Values"]), storage_from(told.get("StorageDescriptor")), _parameters(told), _seconds(told.get("CreationTime")),
        _seconds(told.get("LastAccessTime")),
    )  # fmt: skip


def to_partition(partition: Partition) -> dict[str, Any]:
    """To ``PartitionInput``."""
    return _given(
        Values=list(partition.values), StorageDescriptor=to_storage(partition.storage), Parameters=dict(partition.parameters),
        LastAccessTime=_time(partition.accessed_s),
    )  # fmt: skip


def storage_from(told: Told | None) -> Storage:
    """Of ``StorageDescriptor``."""
    if not told:
        return Storage()
    serde, skewed = told.get("SerdeInfo") or {}, told.get("SkewedInfo") or {}
    places = skewed.get("SkewedColumnValueLocationMaps") or {}
    return Storage(
        _columns(told.get("Columns")), told.get("Location"), told.get("InputFormat"), told.get("OutputFormat"),
        Serde(serde.get("SerializationLibrary"), serde.get("Name"), _parameters(serde)), bool(told.get("Compressed")),
        told.get("NumberOfBuckets", -1), tuple(told.get("BucketColumns") or ()),
        tuple((one["Column"], one["SortOrder"]) for one in told.get("SortColumns") or ()), _parameters(told),
        tuple(skewed.get("SkewedColumnNames") or ()), tuple(map(_split, skewed.get("SkewedColumnValues") or ())),
        tuple(sorted((_split(key), place) for key, place in places.items())), bool(told.get("StoredAsSubDirectories")),
    )  # fmt: skip


def to_storage(storage: Storage) -> dict[str, Any]:
    """To ``StorageDescriptor``."""
    serde = storage.serde
    skewed = {
        "SkewedColumnNames": list(storage.skewed_columns), "SkewedColumnValues": list(map(_joined, storage.skewed_values)),
        "SkewedColumnValueLocationMaps": {_joined(values): place for values, place in storage.skewed_locations},
    }  # fmt: skip
    return _given(
        Columns=_to_columns(storage.columns), Location=storage.location, InputFormat=storage.input_format, OutputFormat=storage.output_format,
        Compressed=storage.is_compressed, NumberOfBuckets=storage.buckets, BucketColumns=list(storage.bucket_columns),
        SortColumns=[{"Column": name, "SortOrder": order} for name, order in storage.sort_columns], Parameters=dict(storage.parameters),
        SerdeInfo=_given(SerializationLibrary=serde.library, Name=serde.name, Parameters=dict(serde.parameters)),
        SkewedInfo=skewed if any(skewed.values()) else None, StoredAsSubDirectories=storage.has_subdirectories,
    )  # fmt: skip


def _columns(told: Iterable[Told] | None) -> tuple[Column, ...]:
    return tuple(Column(one["Name"], one.get("Type") or "", one.get("Comment")) for one in told or ())


def _to_columns(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [_given(Name=one.name, Type=one.type, Comment=one.comment) for one in columns]


def _parameters(told: Told) -> dict[str, str]:
    return dict(told.get("Parameters") or {})


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0


def _time(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _joined(texts: Sequence[str]) -> str:
    # Lengths are those of Java: characters beyond the first 65,536 count twice.
    return "".join(f"{len(_utf16(text)) // 2}${text}" for text in texts)


def _split(text: str) -> tuple[str, ...]:
    """The texts in one; a text that is no such list stands for itself."""
    found, rest = [], _utf16(text)
    while rest:
        length, dollar, after = rest.partition(_utf16("$"))
        number = length.decode("utf-16-le", "replace")
        if not dollar or not number.isdecimal() or len(after) < 2 * int(number):
            return (text,)
        found.append(after[: 2 * int(number)].decode("utf-16-le", "surrogatepass"))
        rest = after[2 * int(number) :]
    return tuple(found)


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
