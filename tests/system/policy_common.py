"""Policies for tests of syncs: one by one, and at random; and questions about them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.services.ranger_engine import Question

Json = dict[str, Any]
USERS = {"ann": ("bi",), "bob": (), "eve": ("ops", "bi"), "hdfs_etl": ("etl",), "zoe": ("guests",)}
ROLES: list[Json] = [
    {"name": "analysts", "users": [{"name": "bob"}], "groups": [{"name": "bi"}], "roles": [{"name": "auditors"}]},
    {"name": "auditors", "users": [{"name": "eve"}], "groups": [], "roles": []},
]
DATABASES = ("sales", "hr", "other")


def line(accesses: str, *, users: str = "", groups: str = "", roles: str = "", **more: Any) -> Json:
    """A line of a policy; names and accesses are separated by blanks."""
    types = [{"type": one, "isAllowed": True} for one in accesses.split()]
    return {"accesses": types, "users": users.split(), "groups": groups.split(), "roles": roles.split(), **more}


def table(database: str, tables: str = "*", columns: str = "*", **flags: Any) -> Json:
    """The resource of columns of Hive; ``flags`` are of the database."""
    return {
        "database": {"values": database.split(), **flags}, "table": {"values": tables.split()}, "column": {"values": columns.split()},
    }  # fmt: skip


def path(paths: str, *, recursive: bool = True) -> Json:
    """The resource of paths of HDFS."""
    return {"path": {"values": paths.split(), "isRecursive": recursive}}


def some_policies(
    chance: random.Random, count: int, resource: Callable[[random.Random], Json], accesses: Sequence[str]
) -> Iterator[Json]:
    """Policies at random, with the names of ``USERS`` and ``ROLES``."""

    def lines(most: int) -> list[Json]:
        return [
            line(
                " ".join(chance.sample(accesses, chance.randint(1, 2))), users=chance.choice([*USERS, "{USER}"]),
                groups=chance.choice(["", "bi", "ops", "etl", "public"]), roles=chance.choice(["", "", "analysts", "auditors"]),
            )
            for _ in range(chance.randint(0, most))
        ]  # fmt: skip

    seen: set[str] = set()
    for number in range(count):
        where = resource(chance)
        if repr(where) in seen:  # Ranger takes one policy for the same resources
            continue
        seen.add(repr(where))
        yield {
            "name": f"p{number}", "resources": where, "policyItems": lines(2), "denyPolicyItems": lines(1) if chance.random() < 0.4 else [],
            "allowExceptions": lines(1) if chance.random() < 0.3 else [], "denyExceptions": lines(1) if chance.random() < 0.3 else [],
            "policyPriority": int(chance.random() < 0.2), "isEnabled": chance.random() < 0.9,
        }  # fmt: skip


def some_table(chance: random.Random) -> Json:
    """A resource of Hive."""
    database = chance.choice(["sales", "hr", "*", "s*", "sales hr", "?r", "other"])
    flags: Json = {"isExcludes": True} if chance.random() < 0.2 and database != "*" else {}
    return table(database, chance.choice(["*", "t1", "t*", "t1 t2"]), **flags)


def some_path(chance: random.Random) -> Json:
    """A resource of HDFS."""
    paths = [
        "/data",
        "/data/sales",
        "/data/sales/x",
        "/data/*",
        "/data/*/x",
        "/data/s*/x/?",
        "*",
        "/",
        "/data/sales/x*",
        "/other",
        "/data/sale?",
    ]
    return path(" ".join(chance.sample(paths, chance.randint(1, 2))), recursive=chance.random() < 0.5)


def hive_questions(named: Mapping[str, str] = {}, databases: Mapping[str, str] = {}) -> list[Question]:
    """About every user, database and table; with the target's names of groups and databases where they have others."""
    return [
        Question(
            user, tuple(named.get(one, one) for one in groups),
            (("database", databases.get(database, database)), ("table", name), ("column", "c")), access,
        )
        for user, groups in USERS.items() for database in DATABASES[:2] for name in ("t1", "t2", "x") for access in ("select", "update", "drop")
    ]  # fmt: skip


def path_questions(root: str) -> list[Question]:
    """About every user, and paths in and beside a directory."""
    paths = ["", "/x", "/x/1", "/x/1/2", "/y", "/y/x", "/y/x/1", "/xx", "/x/22"]
    return [
        Question(user, groups, (("path", f"{root}{one}"),), access)
        for user, groups in USERS.items() for one in paths for access in ("read", "write")
    ]  # fmt: skip
