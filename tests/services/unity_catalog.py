"""A STAND-IN of the grants of Unity Catalog, of which there is no server to be had: it takes the very statements that a SQL warehouse is sent.

It knows the shapes of SHOW SCHEMAS, SHOW TABLES, SHOW GRANTS, GRANT and REVOKE that the documentation of Databricks gives, each name in back-quotes, those of row filters
and masks (``UnityFunctionsStandIn``), and refuses all else. What it does not show: who may grant, workspaces, group membership, and where the real thing answers otherwise than its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from airflow_provider_livedata.engine.errors import LiveDataError, MetastoreRefused
from tests.services.unity_functions import UnityFunctionsStandIn

_NAME = r"`(?:[^`]|``)+`"
_NAMES = rf"{_NAME}(?:\.{_NAME})*"
_CHANGE = re.compile(rf"(GRANT|REVOKE) ([A-Z ,]+) ON (CATALOG|SCHEMA|TABLE) ({_NAMES}) (TO|FROM) ({_NAME})")
_SHOW = re.compile(rf"SHOW GRANTS ON (CATALOG|SCHEMA|TABLE) ({_NAMES})")
_LIST = re.compile(rf"SHOW (SCHEMAS|TABLES) IN ({_NAMES})")
_PRIVILEGES = {
    "CATALOG": {"USE CATALOG", "USE SCHEMA", "SELECT", "MODIFY", "CREATE TABLE"}, "SCHEMA": {"USE SCHEMA", "SELECT", "MODIFY", "CREATE TABLE"},
    "TABLE": {"SELECT", "MODIFY"},
}  # fmt: skip
_DEPTH = {"CATALOG": 1, "SCHEMA": 2, "TABLE": 3}
Object = tuple[str, ...]


class UnityCatalogStandIn:
    """One catalogue. See ``clients.databricks.Sender``. ``fails``: what is raised in place of the next statements that begin so."""

    name = "unity catalog (a stand-in)"

    def __init__(self, catalog: str, schemas: dict[str, list[str]]) -> None:
        self.catalog, self.schemas = catalog, schemas
        self.held: set[tuple[Object, str, str]] = set()  # object, principal, privilege
        self.nobody: set[str] = set()  # principals that are not there
        self.sent: list[str] = []
        self.fails: dict[str, LiveDataError] = {}
        self.functions = UnityFunctionsStandIn(catalog, schemas)

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        """See ``Sender``."""
        self.sent.append(statement)
        if error := self.fails.pop(statement.partition(" ")[0], None) or self.fails.pop(statement, None):
            raise error
        if found := _CHANGE.fullmatch(statement):
            return self._change(*found.groups())
        if found := _SHOW.fullmatch(statement):
            return self._grants(self._object(found[1], found[2]))
        if found := _LIST.fullmatch(statement):
            return self._list(found[1], _split(found[2]))
        if (rows := self.functions.run(statement)) is not None:
            return rows
        raise MetastoreRefused(f"[PARSE_SYNTAX_ERROR] {statement}")

    def close(self) -> None:
        """See ``Sender``."""

    def changes(self) -> list[str]:
        """The statements that change something."""
        return [one for one in self.sent if not one.startswith(("SHOW", "SELECT"))]

    def dbapi(self) -> Any:
        """A connection as the Databricks provider's hook returns one."""
        from tests.services.spark_sql import Dbapi

        return Dbapi(self)

    def _change(self, verb: str, privileges: str, kind: str, names: str, word: str, principal: str) -> list[Any]:
        what, who = self._object(kind, names), _split(principal)[0]
        asked = privileges.split(", ")
        if word != {"GRANT": "TO", "REVOKE": "FROM"}[verb] or not set(asked) <= _PRIVILEGES[kind]:
            raise MetastoreRefused(f"[PARSE_SYNTAX_ERROR] {verb} {privileges} ON {kind} {word}")
        if who in self.nobody:
            raise MetastoreRefused(f"[PRINCIPAL_DOES_NOT_EXIST] Could not find principal with name {who}.")
        for privilege in asked:
            (self.held.add if verb == "GRANT" else self.held.discard)((what, who, privilege))
        return []

    def _grants(self, what: Object) -> list[Any]:
        kinds = {depth: kind for kind, depth in _DEPTH.items()}
        return [
            (who, privilege, kinds[len(place)], ".".join(place))
            for place, who, privilege in sorted(self.held) if what[: len(place)] == place
        ]  # fmt: skip

    def _list(self, what: str, names: Object) -> list[Any]:
        if what == "SCHEMAS":
            return [(name,) for name in self.schemas]
        return [(names[1], table, False) for table in self.schemas[self._object("SCHEMA", _joined(names))[1]]]

    def _object(self, kind: str, names: str) -> Object:
        found = _split(names)
        if len(found) != _DEPTH[kind] or found[0] != self.catalog:
            raise MetastoreRefused(f"[PARSE_SYNTAX_ERROR] {kind} {names}")
        if kind != "CATALOG" and found[1] not in self.schemas:
            raise MetastoreRefused(f"[SCHEMA_NOT_FOUND] {names}")
        if kind == "TABLE" and found[2] not in self.schemas[found[1]]:
            raise MetastoreRefused(f"[TABLE_OR_VIEW_NOT_FOUND] {names}")
        return found


def _split(names: str) -> Object:
    return tuple(one[1:-1].replace("``", "`") for one in re.findall(_NAME, names))


def _joined(names: Object) -> str:
    return ".".join("`" + one.replace("`", "``") + "`" for one in names)
