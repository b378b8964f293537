"""What Databricks answers, in the values of ``model``. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_provider_livedata.engine.metastore.databricks_fit import DELTA_MARK
from airflow_provider_livedata.engine.metastore.databricks_sql import COMMENT, DELTA
from airflow_provider_livedata.engine.metastore.databricks_types import from_json, in_hive
from airflow_provider_livedata.engine.metastore.locations import canonical
from airflow_provider_livedata.engine.metastore.model import Column, Database, Kind, Serde, Storage, Table
from airflow_provider_livedata.engine.metastore.wanted import CONVERTED, MARK, STATISTICS_MARK

Rows = Iterable[Sequence[Any]]
_KINDS: dict[str, Kind] = {
    "EXTERNAL": "external",
    "MANAGED": "managed",
    "VIEW": "view",
    "MATERIALIZED_VIEW": "materialized view",
}
_NOT_OPTIONS = frozenset({"path", "serialization.format"})
_DETAILS = "# Detailed Table Information"
_OF_PARTITION = "# Detailed Partition Information"


def schema_from(name: str, rows: Rows) -> tuple[Database, dict[str, str]]:
    """Of DESCRIBE SCHEMA EXTENDED: the database, and the marks of its Delta tables, by name."""
    told = {str(row[0]): str(row[1] or "") for row in rows}
    properties = _pairs(told.get("Properties", ""))
    marks = {
        key.removeprefix(DELTA_MARK): properties.pop(key) for key in list(properties) if key.startswith(DELTA_MARK)
    }
    location = told.get("Location") or told.get("RootLocation") or None
    return Database(name, told.get("Comment") or None, location, None, properties), marks


def delta_mark(table: Table) -> dict[str, str]:
    """The property of a schema that keeps the marks of a Delta table."""
    marks = (table.parameters.get(name, "") for name in (MARK, STATISTICS_MARK))
    return {f"{DELTA_MARK}{table.name}": "/".join(marks)}


def converted_mark(name: str) -> dict[str, str]:
    """The property of a schema that says of a table that it became one of Delta where it lies."""
    return {f"{DELTA_MARK}{name}": CONVERTED}


def marks_from(mark: str) -> dict[str, str]:
    """The marks in such a property; an empty one is of a table that was dropped."""
    definition, _, statistics = mark.partition("/")
    if definition == CONVERTED:
        return {CONVERTED: "true"}
    return {MARK: definition, STATISTICS_MARK: statistics} if definition else {}


def table_from(text: str, database: str, name: str) -> Table:
    """Of DESCRIBE TABLE EXTENDED AS JSON."""
    told = json.loads(text)
    provider = str(told.get("provider") or "").lower()
    kind = _KINDS.get(str(told.get("type") or "").upper(), "external")
    place = canonical(told["location"]) if told.get("location") else None
    if provider == DELTA:
        return Table(database, name, kind, Storage((), place, serde=Serde(DELTA)))
    by = [str(one).lower() for one in told.get("partition_columns") or ()]
    columns = [_column(one) for one in told.get("columns") or ()]
    options = {key: value for key, value in _mapping(told, "storage_properties").items() if key not in _NOT_OPTIONS}
    parameters = _mapping(told, "table_properties")
    if told.get("comment"):
        parameters[COMMENT] = str(told["comment"])
    plain = tuple(one for one in columns if one.name.lower() not in by)
    parts = tuple(one for one in columns if one.name.lower() in by)
    return Table(
        database, name, kind, Storage(plain, place, serde=Serde(provider or None, None, options)), parts, parameters
    )


def table_from_rows(rows: Rows, database: str, name: str) -> Table:
    """Of DESCRIBE TABLE EXTENDED in rows: kind, format and place alone, which is all that is compared of a Delta table."""
    told = described(rows)
    kind = _KINDS.get(told.get("Type", "").upper(), "external")
    place = canonical(told["Location"]) if told.get("Location") else None
    return Table(database, name, kind, Storage((), place, serde=Serde(told.get("Provider", "").lower() or None)))


def described(rows: Rows) -> dict[str, str]:
    """Of DESCRIBE TABLE EXTENDED: what it tells below its heading of details."""
    return _details(rows, _DETAILS)


def place_from(rows: Rows) -> str | None:
    """Of DESCRIBE TABLE EXTENDED ... PARTITION: where the partition lies."""
    place = _details(rows, _OF_PARTITION).get("Location")
    return canonical(place) if place else None


def _details(rows: Rows, after: str) -> dict[str, str]:
    """The rows below a heading, up to the next one."""
    found: dict[str, str] = {}
    is_below = False
    for row in rows:
        name = str(row[0] or "")
        if name.startswith("# "):
            is_below = name.strip() == after
        elif is_below and name:
            found[name] = str(row[1] or "")
    return found


def _column(told: Mapping[str, Any]) -> Column:
    return Column(str(told["name"]), in_hive(from_json(told["type"])), told.get("comment") or None)


def _mapping(told: Mapping[str, Any], name: str) -> dict[str, str]:
    return {str(key): str(value) for key, value in (told.get(name) or {}).items()}


def _pairs(text: str) -> dict[str, str]:
    """``((a,1), (b,2))``."""
    inner = text.strip().removeprefix("((").removesuffix("))")
    pairs = (one.partition(",") for one in inner.replace("), (", "),(").split("),(")) if inner else ()
    return {key: value for key, _, value in pairs}
