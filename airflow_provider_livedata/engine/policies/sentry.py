"""What Apache Sentry grants on Hive, as policies of Ranger's kind: one for each resource, a line for each kind of grant. Pure.

server=server1->db=sales->table=orders->column=id->action=select     on a column; shorter ones on a table, a database, the server
server=server1->uri=hdfs://nn1:8020/data/in                          on a directory and what lies below

Sentry only allows. Sources: the Apache Sentry wiki, "Sentry Privileges" (what each action grants), and the Cloudera documentation, "Migrating
Sentry permissions to Ranger" (SELECT to select, INSERT to update, ALL to all, a grant option to delegate admin, URI to read and write).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from airflow_provider_livedata.engine.policies.model import Broken, Grant, Policy, Resource, Values, Who, resource_of

ACCESSES = {
    "select": ("select",), "insert": ("update",), "create": ("create",), "refresh": ("refresh",), "alter": ("alter",), "drop": ("drop",),
    "index": ("index",), "lock": ("lock",), "all": ("all",), "*": ("all",), "owner": ("all",),
}  # fmt: skip
URI_ACCESSES = {"all": ("read", "write"), "*": ("read", "write"), "owner": ("read", "write")}
PARTS = frozenset({"database", "table", "column", "url"})  # of Ranger, that policies from Sentry use
_PARTS = frozenset({"server", "db", "table", "column", "uri", "action", "grantoption"})


class Unclear(Exception):
    """A privilege that cannot be told."""


@dataclass(frozen=True, slots=True)
class Privilege:
    """What one privilege grants: the same accesses on each of the resources."""

    resources: tuple[Resource, ...]
    accesses: tuple[str, ...]
    may_grant: bool


def privilege_of(text: str) -> Privilege:
    """A privilege as Sentry writes it.

    Raises:
        Unclear: It is none, or of a kind that is not known here.
    """
    pairs = [one.partition("=") for one in text.strip().split("->")]
    parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
    unknown = sorted(set(parts) - _PARTS)
    if unknown or len(parts) < len(pairs) or not parts.get("server") or not all(parts.values()):
        raise Unclear(f"no privilege of Hive: {text.strip()}")
    action = parts.get("action", "all").lower()
    known = URI_ACCESSES if "uri" in parts else ACCESSES
    if action not in known:
        raise Unclear(f"an action that is not known here: {text.strip()}")
    may_grant = action == "owner" or parts.get("grantoption", "").lower() == "true"
    return Privilege(_resources(parts, text), known[action], may_grant)


def _resources(parts: Mapping[str, str], text: str) -> tuple[Resource, ...]:
    if "uri" in parts:
        if "db" in parts:
            raise Unclear(f"a URI and a database at once: {text.strip()}")
        return (resource_of({"url": Values((parts["uri"].rstrip("/") or "/",), recursive=True)}),)
    if ("table" in parts and "db" not in parts) or ("column" in parts and "table" not in parts):
        raise Unclear(f"a table without its database, or a column without its table: {text.strip()}")
    if "db" not in parts:  # of the whole server
        return (_columns("*", "*", "*"), resource_of({"url": Values(("*",), recursive=True)}))
    return (_columns(parts["db"].lower(), parts.get("table", "*").lower(), parts.get("column", "*").lower()),)


def _columns(database: str, table: str, column: str) -> Resource:
    return resource_of({"database": Values((database,)), "table": Values((table,)), "column": Values((column,))})


def policies_of(granted: Mapping[str, Iterable[str]]) -> Iterator[Policy | Broken]:
    """Policies, of the privileges of each role; first what cannot be told, one by one."""
    lines: dict[Resource, dict[tuple[tuple[str, ...], bool], set[str]]] = defaultdict(lambda: defaultdict(set))
    for role, privileges in sorted(granted.items()):
        for text in privileges:
            try:
                found = privilege_of(text)
            except Unclear as error:
                yield Broken(f"role {role}", str(error), only_allows=True)
                continue
            for resource in found.resources:
                lines[resource][found.accesses, found.may_grant].add(role)
    for resource, grants in sorted(lines.items(), key=lambda one: repr(one[0])):
        made = [
            Grant(Who(roles=tuple(sorted(roles))), accesses, may_grant)
            for (accesses, may_grant), roles in grants.items()
        ]
        yield Policy(_name(resource), resources=(resource,), allow=tuple(sorted(made, key=repr)))


def _name(resource: Resource) -> str:
    parts = dict(resource)
    if "url" in parts:
        return f"sentry url {parts['url'].values[0]}"
    return f"sentry {'.'.join(parts[part].values[0] for part in ('database', 'table', 'column'))}"
