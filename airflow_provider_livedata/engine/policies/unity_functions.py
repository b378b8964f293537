"""Row filters and column masks of Unity Catalog: SQL functions in a schema of ours, which tables ask.

Each function tells in its comment whose it is: the sync, the place, the columns and the policies, as JSON; what it says is in its definition. Its name is a digest of all
that, so what differs is another function, and a table goes from one to the next by one statement. Functions, filters and masks of others are never touched.
Source: the documentation of Databricks, "Manually apply row filters and column masks", ROW FILTER clause, column MASK clause, INFORMATION_SCHEMA (TABLES,
COLUMNS, ROW_FILTERS, COLUMN_MASKS, ROUTINES), SHOW GROUPS: one row filter a table, one mask a column, none on views; owners and who has MANAGE may set them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from airflow_provider_livedata.engine.clients.databricks import DatabricksClient
from airflow_provider_livedata.engine.clients.quoting import dotted, quoted_name, quoted_text
from airflow_provider_livedata.engine.errors import MetastoreRefused, ObjectMissing
from airflow_provider_livedata.engine.policies.guard_plan import Function, Standing
from airflow_provider_livedata.engine.policies.guards import Guard, Table
from airflow_provider_livedata.engine.policies.model import OURS, as_json
from airflow_provider_livedata.engine.policies.permissions import Existing, Place

SCHEMA = "livedata_policies"
_KINDS = frozenset({"MANAGED", "EXTERNAL"})


class FunctionStatements:
    """Every statement that is sent. Pure: names in, one statement out."""

    def __init__(self, catalog: str, schema: str) -> None:
        self.catalog, self.schema = catalog, schema

    def told(
        self, view: str, columns: str, schemas: Iterable[str] = (), *, by: str = "table_schema", order: str = ""
    ) -> str:
        """Rows of a view of the information schema."""
        names = ", ".join(quoted_text(name.lower()) for name in sorted(schemas))
        where = f" WHERE {by} IN ({names})" if names else ""
        return f"SELECT {columns} FROM {quoted_name(self.catalog)}.information_schema.{view}{where}{f' ORDER BY {order}' if order else ''}"

    def make_schema(self) -> str:
        """The schema of ours."""
        comment = quoted_text(
            "Row filters and masks that syncs of security policies (livedata) set; they remove them again"
        )
        return f"CREATE SCHEMA IF NOT EXISTS {dotted(self.catalog, self.schema)} COMMENT {comment}"

    def make(self, guard: Guard, sync: str) -> str:
        """The function of a guard; one that is there is as it was made, since its name tells what it says."""
        given = ", ".join(f"c{number} {type_}" for number, (_, type_) in enumerate(guard.uses))
        returns = guard.uses[0][1] if guard.is_mask else "BOOLEAN"
        return f"CREATE OR REPLACE FUNCTION {self._function(guard, sync)}({given}) RETURNS {returns} COMMENT {quoted_text(comment_of(guard, sync))} RETURN {guard.body}"

    def drop(self, name: str) -> str:
        """Remove a function."""
        return f"DROP FUNCTION IF EXISTS {dotted(self.catalog, self.schema, name)}"

    def set(self, guard: Guard, sync: str) -> str:
        """Have a table ask it, in place of what it asks."""
        if guard.is_mask:
            return f"{self._table(guard.place)} ALTER COLUMN {quoted_name(guard.place.column)} SET MASK {self._function(guard, sync)}"
        columns = ", ".join(quoted_name(name) for name, _ in guard.uses)
        return f"{self._table(guard.place)} SET ROW FILTER {self._function(guard, sync)} ON ({columns})"

    def unset(self, place: Place) -> str:
        """Have it ask none."""
        if place.column:
            return f"{self._table(place)} ALTER COLUMN {quoted_name(place.column)} DROP MASK"
        return f"{self._table(place)} DROP ROW FILTER"

    def _table(self, place: Place) -> str:
        return f"ALTER TABLE {dotted(self.catalog, place.database, place.table)}"

    def _function(self, guard: Guard, sync: str) -> str:
        return dotted(self.catalog, self.schema, guard.function(sync))


class UnityFunctions:
    """See ``base.GuardTarget``."""

    def __init__(self, client: DatabricksClient, catalog: str, schema: str) -> None:
        self._client, self._sql = client, FunctionStatements(catalog, schema)
        self._has_schema = False

    # ---- reading

    def standing(self, existing: Existing) -> Standing:
        """See ``GuardTarget``. Six statements, however many tables."""
        functions, taken = self._functions()
        return Standing(self._tables(existing), self._asked(existing), functions, taken, self._groups())

    def has_guards(self) -> bool:
        """See ``GuardTarget``: whether there are functions of ours."""
        try:
            return bool(self._functions()[0])
        except MetastoreRefused:  # who may not see the information schema has made none
            return False

    def _functions(self) -> tuple[dict[str, Function], frozenset[str]]:
        sql = self._sql.told(
            "routines", "routine_name, comment, routine_definition", [self._sql.schema], by="routine_schema"
        )
        told = {str(name): function_of(comment, definition) for name, comment, definition in self._client.rows(sql)}
        self._has_schema |= bool(told)
        return {name: one for name, one in told.items() if one}, frozenset(
            name for name, one in told.items() if not one
        )

    def _tables(self, existing: Existing) -> dict[Place, Table]:
        kinds = {
            (str(schema), str(table)): str(kind).upper()
            for schema, table, kind in self._client.rows(self._sql.told("tables", "table_schema, table_name, table_type", existing))
        }  # fmt: skip
        order = "table_schema, table_name, ordinal_position"
        columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for schema, table, column, type_ in self._client.rows(
            self._sql.told("columns", "table_schema, table_name, column_name, full_data_type", existing, order=order)
        ):
            columns.setdefault((str(schema), str(table)), []).append((str(column), str(type_)))
        return {
            Place(database, table): Table(tuple(columns.get(key, ())), _refusal(kinds.get(key, "")))
            for database, tables in existing.items() for table in tables for key in [(database.lower(), table.lower())]
        }  # fmt: skip

    def _asked(self, existing: Existing) -> dict[Place, str]:
        found: dict[Place, str] = {}
        places = {
            (database.lower(), table.lower()): Place(database, table)
            for database, tables in existing.items()
            for table in tables
        }
        for view, kind, column in (("row_filters", "filter", "''"), ("column_masks", "mask", "column_name")):
            columns = f"schema_name, table_name, {column}, {kind}_catalog, {kind}_schema, {kind}_name"
            for schema, table, of, *function in self._client.rows(self._sql.told(view, columns)):
                at = places.get((str(schema), str(table)), Place(str(schema), str(table)))
                is_ours = function[:2] == [self._sql.catalog, self._sql.schema]
                found[Place(at.database, at.table, str(of))] = str(function[2]) if is_ours else ""
        return found

    def _groups(self) -> frozenset[str]:
        try:
            return frozenset(str(row[0]) for row in self._client.rows("SHOW GROUPS"))
        except MetastoreRefused:  # then none is known, and no filter that names one is said
            return frozenset()

    # ---- changing

    def set_guard(self, guard: Guard, sync: str) -> None:
        """See ``GuardTarget``."""
        if not self._has_schema:
            self._client.change(self._sql.make_schema())
            self._has_schema = True
        self._client.change(self._sql.make(guard, sync))
        self._client.change(self._sql.set(guard, sync))

    def unset_guard(self, place: Place) -> None:
        """See ``GuardTarget``."""
        try:
            self._client.change(self._sql.unset(place))
        except ObjectMissing:  # dropped, and its filter with it
            return

    def drop_functions(self, names: Sequence[str]) -> None:
        """See ``GuardTarget``."""
        for name in names:
            self._client.change(self._sql.drop(name))


def comment_of(guard: Guard, sync: str) -> str:
    """What the function of a guard tells of itself."""
    place = [guard.place.database, guard.place.table, guard.place.column]
    return as_json(
        {OURS: sync, "place": place, "uses": [list(one) for one in guard.uses], "policies": list(guard.policies)}
    )


def function_of(comment: object, definition: object) -> Function | None:
    """A function of ours, from its comment and definition; None: somebody else's."""
    try:
        told = json.loads(str(comment))
        uses = tuple((str(name), str(type_)) for name, type_ in told["uses"])
        database, table, column = map(str, told["place"])
        policies = tuple(map(str, told["policies"]))
        return Function(str(told[OURS]), Guard(Place(database, table, column), uses, str(definition).strip(), policies))
    except (ValueError, KeyError, TypeError):
        return None


def _refusal(kind: str) -> str:
    if not kind:
        return "it is not known what kind of table it is; let who asks see it in the information schema"
    return "" if kind in _KINDS else f"Unity Catalog takes no row filters and masks on tables of the kind {kind}"
