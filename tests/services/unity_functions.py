"""A STAND-IN of row filters, column masks, functions and the information schema of Unity Catalog; see ``unity_catalog``. It evaluates none of them.

It keeps the rules of the documentation: one row filter a table, one mask a column, none on views, a function that is asked is there, and has as many
arguments as columns that it is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.errors import MetastoreRefused

_NAME = r"`(?:[^`]|``)+`"
_NAMES = rf"{_NAME}(?:\.{_NAME})*"
_TEXT = r"'(?:[^'\\]|\\.)*'"
_TOLD = re.compile(
    rf"SELECT ([a-z_, ']+) FROM ({_NAME})\.information_schema\.([a-z_]+)(?: WHERE ([a-z_]+) IN \(([^)]*)\))?(?: ORDER BY [a-z_, ]+)?"
)
_SCHEMA = re.compile(rf"CREATE SCHEMA IF NOT EXISTS ({_NAMES}) COMMENT ({_TEXT})")
_FUNCTION = re.compile(
    rf"CREATE OR REPLACE FUNCTION ({_NAMES})\((.*?)\) RETURNS ([A-Za-z_]+(?:\([0-9, ]+\))?) COMMENT ({_TEXT}) RETURN (.+)",
    re.DOTALL,
)
_DROP = re.compile(rf"DROP FUNCTION IF EXISTS ({_NAMES})")
_FILTER = re.compile(rf"ALTER TABLE ({_NAMES}) (?:SET ROW FILTER ({_NAMES}) ON \((.*)\)|DROP ROW FILTER)")
_MASK = re.compile(rf"ALTER TABLE ({_NAMES}) ALTER COLUMN ({_NAME}) (?:SET MASK ({_NAMES})|DROP MASK)")
Names = tuple[str, ...]


@dataclass
class Made:
    """A function."""

    arguments: tuple[str, ...]
    returns: str
    comment: str
    body: str


@dataclass
class UnityFunctionsStandIn:
    """``columns``: of a table, each with its type; ``kinds``: of tables that are not MANAGED; ``rows``, ``masks``: the function that each table or column asks."""

    catalog: str
    schemas: dict[str, list[str]]
    columns: dict[Names, list[tuple[str, str]]] = field(default_factory=dict)
    kinds: dict[Names, str] = field(default_factory=dict)
    made: dict[Names, Made] = field(default_factory=dict)
    rows: dict[Names, tuple[Names, tuple[str, ...]]] = field(default_factory=dict)
    masks: dict[Names, Names] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)

    def run(self, statement: str) -> Sequence[Sequence[Any]] | None:
        """What it answers; None: no statement of these."""
        if statement == "SHOW GROUPS":
            return [(name, True) for name in self.groups]
        for pattern, does in (
            (_TOLD, self._told), (_SCHEMA, self._schema), (_FUNCTION, self._function), (_DROP, self._drop), (_FILTER, self._filter), (_MASK, self._mask)
        ):  # fmt: skip
            if found := pattern.fullmatch(statement):
                return does(*found.groups())
        return None

    def body_of(self, *place: str) -> str:
        """What the function says that a table, or a column, asks."""
        asked = self.rows[place][0] if place in self.rows else self.masks[place]
        return self.made[asked].body

    # ---- the information schema

    def _told(self, columns: str, catalog: str, view: str, by: str | None, names: str | None) -> list[tuple[str, ...]]:
        views = {
            "tables": self._tables, "columns": self._columns, "row_filters": self._row_filters, "column_masks": self._column_masks, "routines": self._routines
        }  # fmt: skip
        wanted = set(re.findall(r"'([^']*)'", names or ""))
        found = [one for one in views[view]() if not by or one[by] in wanted]
        return [tuple(one.get(name, "") for name in columns.replace("''", "").split(", ")) for one in found]

    def _tables(self) -> list[dict[str, str]]:
        return [
            {"table_schema": schema, "table_name": table, "table_type": self.kinds.get((schema, table), "MANAGED")}
            for schema, tables in self.schemas.items() for table in tables
        ]  # fmt: skip

    def _columns(self) -> list[dict[str, str]]:
        return [
            {"table_schema": schema, "table_name": table, "column_name": name, "full_data_type": type_}
            for (schema, table), columns in self.columns.items() for name, type_ in columns
        ]  # fmt: skip

    def _row_filters(self) -> list[dict[str, str]]:
        return [
            {"schema_name": place[0], "table_name": place[1], "filter_catalog": name[0], "filter_schema": name[1], "filter_name": name[2]}
            for place, (name, _) in self.rows.items()
        ]  # fmt: skip

    def _column_masks(self) -> list[dict[str, str]]:
        return [
            {
                "schema_name": place[0], "table_name": place[1], "column_name": place[2], "mask_catalog": name[0], "mask_schema": name[1],
                "mask_name": name[2],
            } for place, name in self.masks.items()
        ]  # fmt: skip

    def _routines(self) -> list[dict[str, str]]:
        return [
            {"routine_schema": name[1], "routine_name": name[2], "comment": one.comment, "routine_definition": one.body}
            for name, one in self.made.items()
        ]

    # ---- changes

    def _schema(self, names: str, comment: str) -> list[Any]:
        self.schemas.setdefault(_split(names)[1], [])
        return []

    def _function(self, names: str, arguments: str, returns: str, comment: str, body: str) -> list[Any]:
        name = _split(names)
        if name[1] not in self.schemas:
            raise MetastoreRefused(f"[SCHEMA_NOT_FOUND] {names}")
        types = tuple(one.split(" ", 1)[1] for one in re.split(r", (?=c\d)", arguments) if one)
        self.made[name] = Made(types, returns, _unquoted(comment), body)
        return []

    def _drop(self, names: str) -> list[Any]:
        name = _split(names)
        if name in {one for one, _ in self.rows.values()} | set(self.masks.values()):
            raise MetastoreRefused(
                f"[FUNCTION_IN_USE] {names}"
            )  # Databricks would drop it, and the table could not be read any more
        self.made.pop(name, None)
        return []

    def _filter(self, names: str, function: str | None, columns: str | None) -> list[Any]:
        place = self._table(names)
        if function is None:
            self.rows.pop(place, None)
            return []
        given = _split(columns or "")
        self._asks(function, [dict(self.columns[place])[name] for name in given], "BOOLEAN")
        self.rows[place] = (_split(function), given)
        return []

    def _mask(self, names: str, column: str, function: str | None) -> list[Any]:
        place, (name,) = self._table(names), _split(column)
        if function is None:
            self.masks.pop((*place, name), None)
            return []
        type_ = dict(self.columns[place])[name]
        self._asks(function, [type_], type_)
        self.masks[*place, name] = _split(function)
        return []

    def _asks(self, function: str, types: list[str], returns: str) -> None:
        made = self.made.get(_split(function))
        if made is None:
            raise MetastoreRefused(f"[ROUTINE_NOT_FOUND] {function}")
        if list(made.arguments) != types or made.returns != returns:
            raise MetastoreRefused(
                f"[DATATYPE_MISMATCH] {function}: {made.arguments} {made.returns}, {types} {returns}"
            )

    def _table(self, names: str) -> Names:
        _, schema, table = _split(names)
        if table not in self.schemas.get(schema, []):
            raise MetastoreRefused(f"[TABLE_OR_VIEW_NOT_FOUND] {names}")
        if (schema, table) in self.kinds:
            raise MetastoreRefused(f"[UNSUPPORTED_FEATURE] {names}")
        return schema, table


def _split(names: str) -> Names:
    return tuple(one[1:-1].replace("``", "`") for one in re.findall(_NAME, names))


def _unquoted(text: str) -> str:
    codes = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text[1:-1])
    return re.sub(r"\\(.)", r"\1", codes)
