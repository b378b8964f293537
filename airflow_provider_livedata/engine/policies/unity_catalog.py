"""Unity Catalog of Databricks as target: grants on a catalogue, its schemas and tables; row filters and masks (``unity_functions``).

``SHOW GRANTS`` is asked of each object: the views of the information schema show a user with MANAGE but their own grants. A grant on a schema holds for
all its tables, those to come included.
Source: the documentation of Databricks, "Unity Catalog privileges and securable objects", GRANT, REVOKE, SHOW GRANTS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from airflow_provider_livedata.engine.clients.databricks import DatabricksClient, Sender
from airflow_provider_livedata.engine.clients.quoting import dotted, quoted_name
from airflow_provider_livedata.engine.errors import BadInput, MetastoreRefused, ObjectMissing
from airflow_provider_livedata.engine.policies.permissions import EVERY, Existing, Language, Permission, Place
from airflow_provider_livedata.engine.policies.unity_functions import SCHEMA, UnityFunctions
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy

LANGUAGE = Language(
    "Unity Catalog", tables={"select": ("SELECT",), "update": ("MODIFY",)}, databases={}, inside={"create": ("CREATE TABLE",)},
    grants_columns=False, passes_on=False, everybody="account users",
    opens_database=("USE SCHEMA",), opens_catalogue=("USE CATALOG",),
)  # fmt: skip
_OF_TABLES = frozenset({"SELECT", "MODIFY"})
_OLD = "hive_metastore"


class Statements:
    """Every statement that is sent. Pure: names in, one statement out."""

    def __init__(self, catalog: str) -> None:
        self.catalog = catalog

    def schemas(self) -> str:
        """All schemas."""
        return f"SHOW SCHEMAS IN {quoted_name(self.catalog)}"

    def tables(self, database: str) -> str:
        """All tables and views of a schema."""
        return f"SHOW TABLES IN {dotted(self.catalog, database)}"

    def grants(self, place: Place) -> str:
        """All that is granted on an object, by others above it too."""
        return f"SHOW GRANTS ON {self._object(place)}"

    def grant(self, place: Place, principal: str, privileges: Iterable[str]) -> str:
        """Give somebody privileges on an object."""
        return f"GRANT {', '.join(privileges)} ON {self._object(place)} TO {quoted_name(principal)}"

    def revoke(self, place: Place, principal: str, privileges: Iterable[str]) -> str:
        """Take them back."""
        return f"REVOKE {', '.join(privileges)} ON {self._object(place)} FROM {quoted_name(principal)}"

    def _object(self, place: Place) -> str:
        if not place.database:
            return f"CATALOG {quoted_name(self.catalog)}"
        if place.table in ("", EVERY):
            return f"SCHEMA {dotted(self.catalog, place.database)}"
        return f"TABLE {dotted(self.catalog, place.database, place.table)}"


class UnityCatalog(UnityFunctions):
    """See ``base.GrantTarget`` and ``base.GuardTarget``."""

    language = LANGUAGE
    granted_a_call = 20

    def __init__(self, client: DatabricksClient, catalog: str, functions: str = SCHEMA) -> None:
        super().__init__(client, catalog, functions)
        self.name = f"{client.sender.name}, catalogue {catalog}"
        self._grants = Statements(catalog)

    def close(self) -> None:
        """See ``GrantTarget``."""
        self._client.sender.close()

    def calls(self) -> Mapping[str, int]:
        """See ``GrantTarget``: statements, by their first two words."""
        return dict(self._client.calls)

    # ---- reading

    def existing(self, databases: Iterable[str]) -> Existing:
        """See ``GrantTarget``."""
        there = {str(row[0]).lower(): str(row[0]) for row in self._client.rows(self._grants.schemas())}
        return {
            name: {str(row[1]): () for row in self._client.rows(self._grants.tables(name)) if not _is_temporary(row)}
            for name in sorted(databases) if name.lower() in there
        }  # fmt: skip

    def granted(self, places: Collection[Place]) -> Iterator[Permission]:
        """See ``GrantTarget``. One statement an object."""
        for place in sorted({_object_of(one) for one in places}):
            try:
                rows = self._client.rows(self._grants.grants(place))
            except ObjectMissing:  # dropped, and its grants with it
                continue
            yield from permissions_from(rows, place)

    def unprotected(self, databases: Iterable[str]) -> Iterable[str]:
        """See ``GrantTarget``: nothing. What is in Unity Catalog is open to whom it is granted alone."""
        return ()

    # ---- changing

    def grant(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """See ``GrantTarget``. One statement a principal and object."""
        refused: dict[Permission, str] = {}
        for some in _grouped(permissions):
            try:
                self._client.change(
                    self._grants.grant(some[0].place, some[0].principal, [one.privilege for one in some])
                )
            except (MetastoreRefused, ObjectMissing) as error:
                refused |= dict.fromkeys(some, str(error))
        return refused

    def revoke(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """See ``GrantTarget``. What was dropped, or nobody has, is no error at Databricks either."""
        refused: dict[Permission, str] = {}
        for some in _grouped(permissions):
            try:
                self._client.change(
                    self._grants.revoke(some[0].place, some[0].principal, [one.privilege for one in some])
                )
            except ObjectMissing:
                continue
            except MetastoreRefused as error:
                refused |= dict.fromkeys(some, str(error))
        return refused


def permissions_from(rows: Iterable[Sequence[object]], place: Place) -> Iterator[Permission]:
    """What SHOW GRANTS answers (principal, privilege, kind and name of the object), of the object itself."""
    kind = "CATALOG" if not place.database else "TABLE" if place.table else "SCHEMA"
    for principal, privilege, of_kind, *_ in rows:
        if str(of_kind).upper() == kind:
            said = str(privilege).upper().replace("_", " ")
            is_for_tables = kind == "SCHEMA" and said in _OF_TABLES
            yield Permission(Place(place.database, EVERY) if is_for_tables else place, str(principal), said)


def _object_of(place: Place) -> Place:
    return Place(place.database) if place.table == EVERY else place


def _grouped(permissions: Iterable[Permission]) -> Iterator[list[Permission]]:
    def target(one: Permission) -> tuple[Place, str]:
        return one.place, one.principal

    return (list(group) for _, group in groupby(sorted(permissions), key=target))


def _is_temporary(row: Sequence[object]) -> bool:
    return len(row) > 2 and str(row[2]).lower() == "true"


def open_unity_catalog(
    sender: Sender, *, catalog: str, functions: str = SCHEMA, policy: RetryPolicy = DEFAULT_POLICY
) -> UnityCatalog:
    """The grants of a catalogue.

    Args:
        sender: Runs one statement at a time, on a SQL warehouse or a cluster.
        catalog: The name of one of Unity Catalog.
        functions: A schema in it, of the sync's own, for the functions of row filters and masks; it is made when one is needed.
        policy: How often and when what got no answer is tried again.

    Raises:
        BadInput: It is the old one of the workspace.
    """
    if catalog == _OLD:
        raise BadInput(
            f"the grants of {_OLD}, the old catalogue of a workspace, are not those of Unity Catalog; name a catalogue"
        )
    return UnityCatalog(DatabricksClient(sender, policy), catalog, functions)
