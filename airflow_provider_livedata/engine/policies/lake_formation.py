"""AWS Lake Formation as target: grants on the databases, tables and columns of a Glue Data Catalog. Principals are ARNs.

Grants are sent 20 a call. Each is for one column at most, so that it can be taken back whatever else the same principal has. ``ALL``, which
only others grant here, counts as each privilege. The group IAMAllowedPrincipals is never granted anything; where it has something, Lake Formation
holds nobody back, and that is told.
Source: the API reference of Lake Formation, and "Lake Formation permissions reference" of its developer guide.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from airflow_provider_livedata.engine.clients.aws import BUSY, UNKNOWN, AwsClient, boto_client
from airflow_provider_livedata.engine.errors import LiveDataError, ObjectMissing, PolicyAccessRefused, PolicyStoreBusy
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
    grants_columns=True, passes_on=True, problem_with=_problem_with,
)  # fmt: skip


class LakeFormation:
    """See ``base.GrantTarget``."""

    language = LANGUAGE
    granted_a_call = ENTRIES_A_CALL * 10

    def __init__(self, client: AwsClient, glue: AwsClient, name: str) -> None:
        self.name = name
        self._client, self._glue = client, glue
        self._listed: list[dict[str, Any]] | None = None

    def close(self) -> None:
        """See ``GrantTarget``."""
        self._client.close()
        self._glue.close()

    def calls(self) -> Mapping[str, int]:
        """See ``GrantTarget``."""
        return dict(self._client.calls + self._glue.calls)

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
            told = self._client.call(call, Entries=[_entry(str(i), one) for i, one in enumerate(entries)])
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


def _entry(number: str, permissions: Sequence[Permission]) -> dict[str, Any]:
    """A request for privileges of one principal on one place."""
    first, privileges = permissions[0], [one.privilege for one in permissions]
    entry = {
        "Id": number, "Principal": {"DataLakePrincipalIdentifier": first.principal}, "Resource": resource_of(first.place),
        "Permissions": privileges,
    }  # fmt: skip
    return {**entry, "PermissionsWithGrantOption": privileges} if first.may_grant else entry


def resource_of(place: Place) -> dict[str, Any]:
    """A place as Lake Formation names it."""
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
        f"{shown} in {made.meta.region_name}",
    )  # fmt: skip
