"""AWS Lake Formation as target: grants on the databases, tables and columns of a Glue Data Catalog. Principals are ARNs.

Grants are sent 20 a call. Each is for one column at most, so that it can be taken back whatever else the same principal has. ``ALL``, which
only others grant here, counts as each privilege. The group IAMAllowedPrincipals is never granted anything; where it has something, Lake Formation
holds nobody back, and that is told.
Source: the API reference of Lake Formation, and "Lake Formation permissions reference" of its developer guide.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from airflow_provider_livedata.engine.clients.aws import BUSY, UNKNOWN, AwsClient, boto_client
from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    ObjectExists,
    ObjectMissing,
    PolicyAccessRefused,
    PolicyStoreBusy,
)
from airflow_provider_livedata.engine.policies.guard_plan import Function, Standing
from airflow_provider_livedata.engine.policies.guards import Guard, Table
from airflow_provider_livedata.engine.policies.permissions import EVERY, Existing, Language, Permission, Place
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy, retry

ENTRIES_A_CALL = 20
ANYBODY = "IAM_ALLOWED_PRINCIPALS"
_ALL_TABLES = "ALL_TABLES"  # how all tables are listed; Glue's own names are in small letters
_NOTHING_THERE = "No permissions revoked"
_SHOWN = 5
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|identitystore|quicksight):[^:]*:[^:]*:.+")
_ON_TABLES = ("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE")
_ON_DATABASES = ("CREATE_TABLE", "ALTER", "DROP", "DESCRIBE")


def _problem_with(name: str) -> str:
    return "" if _ARN.fullmatch(name) else "it is no ARN; map users and groups to those of IAM or of Identity Center"


LANGUAGE = Language(
    "Lake Formation",
    tables={"select": ("SELECT",), "update": ("INSERT", "DELETE"), "alter": ("ALTER",), "drop": ("DROP",)},
    databases={"alter": ("ALTER",), "drop": ("DROP",)}, inside={"create": ("CREATE_TABLE",)},
    grants_columns=True, passes_on=True, grants_rows=True, problem_with=_problem_with,
)  # fmt: skip


class LakeFormation:
    """See ``base.GrantTarget`` and ``base.GuardTarget``: its filters are data cells filters, which grants are on."""

    language = LANGUAGE
    granted_a_call = ENTRIES_A_CALL * 10

    def __init__(self, client: AwsClient, glue: AwsClient, name: str, filters: AwsClient, catalog_id: str = "") -> None:
        self.name = name
        self._client, self._glue, self._filters, self._catalog_id = client, glue, filters, catalog_id
        self._listed: list[dict[str, Any]] | None = None
        self._tables: dict[Place, dict[str, Any]] = {}

    def close(self) -> None:
        """See ``GrantTarget``."""
        self._client.close()
        self._glue.close()

    def calls(self) -> Mapping[str, int]:
        """See ``GrantTarget``."""
        return dict(self._client.calls + self._glue.calls + self._filters.calls)

    # ---- reading

    def existing(self, databases: Iterable[str]) -> Existing:
        """See ``GrantTarget``. Links to tables of others are left out: what may be read is granted on those."""
        self._listed = None
        found = {}
        for database in sorted(databases):
            try:
                tables = list(self._glue.pages("get_tables", "TableList", DatabaseName=database))
                if not tables:
                    self._glue.call("get_database", Name=database)
            except ObjectMissing:
                continue
            found[database] = {one["Name"]: _columns(one) for one in tables if "TargetTable" not in one}
            self._tables |= {Place(database, one["Name"]): one for one in tables if one["Name"] in found[database]}
        return found

    def granted(self, places: Collection[Place]) -> Iterator[Permission]:
        """See ``GrantTarget``. One listing of the whole catalogue, page by page."""
        options: dict[tuple[Place, str, str], bool] = defaultdict(bool)
        for told in self._listing():
            for permission in permissions_from(told):
                if permission.place in places:
                    options[permission.key] |= permission.may_grant
        return (Permission(*key, may_grant) for key, may_grant in options.items())

    def unprotected(self, databases: Iterable[str]) -> Iterable[str]:
        """See ``GrantTarget``."""
        wanted = set(databases)
        open_to_all = {
            one.place for told in self._listing() for one in permissions_from(told)
            if one.principal == ANYBODY and one.place.database in wanted
        }  # fmt: skip
        if open_to_all:
            shown = sorted(map(str, open_to_all))
            more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
            yield (
                f"{', '.join(shown[:_SHOWN])}{more}: Lake Formation holds nobody back there whom IAM lets in, as long as IAMAllowedPrincipals has "
                "privileges; revoke them"
            )

    def _listing(self) -> list[dict[str, Any]]:
        if self._listed is None:
            self._listed = list(self._client.pages("list_permissions", "PrincipalResourcePermissions"))
        return self._listed

    # ---- filters

    def has_guards(self) -> bool:
        """See ``GuardTarget``: no. What a sync set is in its record, and is looked for by that."""
        return False

    def standing(self, existing: Existing) -> Standing:
        """See ``GuardTarget``. One listing of all filters, page by page."""
        told = [
            one
            for one in self._filters.pages("list_data_cells_filter", "DataCellsFilters")
            if one["DatabaseName"] in existing
        ]
        functions = {one["Name"]: Function("", filter_told(one)) for one in told}
        asked = {one.guard.place: name for name, one in functions.items()}
        tables = {place: table_of(one) for place, one in self._tables.items() if place.database in existing}
        return Standing(tables, asked, functions)

    def set_guard(self, guard: Guard, sync: str) -> None:
        """See ``GuardTarget``."""
        data = filter_of(guard, self._account(guard.place))
        try:
            self._filters.call("create_data_cells_filter", TableData=data)
        except ObjectExists:
            self._filters.call("update_data_cells_filter", TableData=data)

    def unset_guard(self, place: Place) -> None:
        """See ``GuardTarget``. One that somebody granted on stays."""
        if any(one.place == place for told in self._listing() for one in permissions_from(told)):
            return
        named = {"DatabaseName": place.database, "TableName": place.table, "Name": place.rows}
        with contextlib.suppress(ObjectMissing):
            self._filters.call("delete_data_cells_filter", TableCatalogId=self._account(place), **named)

    def drop_functions(self, names: Sequence[str]) -> None:
        """See ``GuardTarget``: there are none."""

    def _account(self, place: Place) -> str:
        return self._catalog_id or str(self._tables.get(Place(place.database, place.table), {}).get("CatalogId", ""))

    # ---- changing

    def grant(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """See ``GrantTarget``."""
        return self._sent("batch_grant_permissions", permissions)

    def revoke(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """See ``GrantTarget``."""
        return self._sent("batch_revoke_permissions", permissions)

    def _sent(self, call: str, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        self._listed = None
        entries = [list(group) for _, group in groupby(sorted(permissions), key=_entry_key)]
        refused: dict[Permission, str] = {}
        for start in range(0, len(entries), ENTRIES_A_CALL):
            some = entries[start : start + ENTRIES_A_CALL]
            for number, why in self._failed(call, some).items():
                refused |= dict.fromkeys(some[number], why)
        return refused

    def _failed(self, call: str, entries: Sequence[Sequence[Permission]]) -> dict[int, str]:
        """Why, by the number of the entry. All is sent again where something in it is worth another try: it may be repeated."""

        def once() -> dict[int, str]:
            told = self._client.call(call, Entries=[
                _entry(str(i), one, self._account(one[0].place)) for i, one in enumerate(entries)
            ])  # fmt: skip
            failures = told.get("Failures") or ()
            found = (_failure(call, one) for one in failures)
            return {int(one["RequestEntry"]["Id"]): why for one, why in zip(failures, found, strict=True) if why}

        return retry(once, self._client.policy, is_worth_it=_is_worth_it)


def _is_worth_it(error: LiveDataError) -> bool:
    return isinstance(error, PolicyStoreBusy)  # what the client raises was tried again there


def _failure(call: str, told: Mapping[str, Any]) -> str:
    """Why an entry failed; empty: there is nothing to revoke."""
    error = told.get("Error") or {}
    code, said = error.get("ErrorCode", ""), str(error.get("ErrorMessage", ""))[:500]
    if code in BUSY or code in UNKNOWN:
        raise PolicyStoreBusy(f"Lake Formation throttles, or another writer is at work: {code}: {said}", call=call)
    if code == "AccessDeniedException":
        raise PolicyAccessRefused(f"Lake Formation does not let this principal grant and revoke: {said}", call=call)
    is_gone = code == "EntityNotFoundException" or _NOTHING_THERE in said
    return "" if is_gone and call == "batch_revoke_permissions" else f"{code}: {said}"


def _entry_key(permission: Permission) -> tuple[Place, str, bool]:
    return permission.place, permission.principal, permission.may_grant


def _entry(number: str, permissions: Sequence[Permission], account: str) -> dict[str, Any]:
    """A request for privileges of one principal on one place."""
    first, privileges = permissions[0], [one.privilege for one in permissions]
    entry = {
        "Id": number, "Principal": {"DataLakePrincipalIdentifier": first.principal}, "Resource": resource_of(first.place, account),
        "Permissions": privileges,
    }  # fmt: skip
    return {**entry, "PermissionsWithGrantOption": privileges} if first.may_grant else entry


def resource_of(place: Place, account: str = "") -> dict[str, Any]:
    """A place as Lake Formation names it; ``account``: of the table, for rows of it."""
    named: dict[str, Any]
    if place.rows:
        named = {"DatabaseName": place.database, "TableName": place.table, "Name": place.rows}
        return {"DataCellsFilter": {**named, **({"TableCatalogId": account} if account else {})}}
    if place.column:
        named = {"DatabaseName": place.database, "Name": place.table, "ColumnNames": [place.column]}
        return {"TableWithColumns": named}
    if place.table == EVERY:
        return {"Table": {"DatabaseName": place.database, "TableWildcard": {}}}
    if place.table:
        return {"Table": {"DatabaseName": place.database, "Name": place.table}}
    return {"Database": {"Name": place.database}}


def permissions_from(told: Mapping[str, Any]) -> Iterator[Permission]:
    """What one item of a listing says; nothing where it is of another kind, or holds under a condition."""
    principal = (told.get("Principal") or {}).get("DataLakePrincipalIdentifier", "")
    options = set(told.get("PermissionsWithGrantOption") or ())
    if told.get("Condition"):
        return
    for place in _places(told.get("Resource") or {}):
        for privilege in {*(told.get("Permissions") or ()), *options}:
            every = _ON_TABLES if place.table else _ON_DATABASES
            for one in (privilege, *every) if privilege == "ALL" else (privilege,):
                yield Permission(place, principal, one, one in options or "ALL" in options)


def _places(resource: Mapping[str, Any]) -> Iterator[Place]:
    if "Database" in resource:
        yield Place(resource["Database"]["Name"])
    if cells := resource.get("DataCellsFilter"):
        yield Place(cells["DatabaseName"], cells["TableName"], rows=cells["Name"])
    for kind in ("Table", "TableWithColumns"):
        named = resource.get(kind)
        if not named:
            continue
        is_every = "TableWildcard" in named or named.get("Name") == _ALL_TABLES
        table = Place(named["DatabaseName"], EVERY if is_every else named["Name"])
        columns, wildcard = named.get("ColumnNames") or (), named.get("ColumnWildcard")
        # SELECT on a table is listed as one on all of its columns.
        if kind == "Table" or (wildcard is not None and not wildcard.get("ExcludedColumnNames")):
            yield table
        yield from (Place(table.database, table.table, column) for column in columns)


def filter_of(guard: Guard, account: str) -> dict[str, Any]:
    """Rows as Lake Formation is told them."""
    place, columns = guard.place, [name for name, _ in guard.uses]
    named = {"TableCatalogId": account, "DatabaseName": place.database, "TableName": place.table, "Name": place.rows}
    which: dict[str, Any] = {"ColumnNames": columns} if columns else {"ColumnWildcard": {}}
    return {**named, "RowFilter": {"FilterExpression": guard.body}, **which}


def filter_told(told: Mapping[str, Any]) -> Guard:
    """Rows as Lake Formation tells them. What ours never have (excluded columns, all rows) is said otherwise than any of ours."""
    excluded = (told.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ()
    columns = [*(told.get("ColumnNames") or ()), *(f"-{name}" for name in excluded)]
    place = Place(told["DatabaseName"], told["TableName"], rows=told["Name"])
    return Guard(
        place, tuple((name, "") for name in columns), (told.get("RowFilter") or {}).get("FilterExpression", "")
    )


def table_of(told: Mapping[str, Any]) -> Table:
    """What Glue tells of a table."""
    keys = told.get("PartitionKeys") or ()
    columns = [*((told.get("StorageDescriptor") or {}).get("Columns") or ()), *keys]
    refuses = "Lake Formation filters no rows of a view" if told.get("TableType") == "VIRTUAL_VIEW" else ""
    return Table(
        tuple((one["Name"], one.get("Type", "")) for one in columns), refuses, partitions=frozenset(one["Name"].lower() for one in keys)
    )  # fmt: skip


def _columns(table: Mapping[str, Any]) -> tuple[str, ...]:
    told = [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    return tuple(one["Name"] for one in told)


def open_lake_formation(
    client: Any = None, glue: Any = None, *, catalog_id: str = "", name: str = "", policy: RetryPolicy = DEFAULT_POLICY, **access: str
) -> LakeFormation:  # fmt: skip
    """The grants on the Glue Data Catalog of an account and region.

    Args:
        client: A client of boto3 for "lakeformation", which does not try again by itself; else one is made of ``access``.
        glue: One for "glue", of the same account and region.
        catalog_id: The account whose catalogue it is, where it is not the client's own.
        name: What people call it.
        policy: How often and when what is throttled is tried again.
        access: ``region``, ``endpoint_url``, and keys as ``boto3.client`` takes them.
    """
    made = client if client is not None else boto_client("lakeformation", **access)
    tables = glue if glue is not None else boto_client("glue", **access)
    shown = name or f"lakeformation://{'/' + catalog_id if catalog_id else ''}"
    return LakeFormation(
        AwsClient(made, catalog_id, policy, what="Lake Formation"), AwsClient(tables, catalog_id, policy),
        f"{shown} in {made.meta.region_name}", AwsClient(made, "", policy, what="Lake Formation"), catalog_id,
    )  # fmt: skip
