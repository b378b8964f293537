"""What Apache Sentry grants, as policies of Ranger's kind."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.registry import open_policies
from airflow_provider_livedata.engine.policies.sentry import Unclear, policies_of, privilege_of
from airflow_provider_livedata.engine.policies.translate import Translator

HIVE = Facts(
    "hive", frozenset({"select", "update", "create", "refresh", "all", "read", "write", "alter", "drop", "index", "lock"}),
    frozenset({"database", "table", "column", "url"}),
)  # fmt: skip
FILE = b"""
# written by hand
[groups]
Analysts = reader, writer
ops = admin
[roles]
reader = server=server1->db=Sales->action=select, \\
  server=server1->db=sales->table=orders->column=id->action=select
writer = server=server1->db=sales->table=orders->action=insert->grantoption=true
admin = server=server1
odd = server=server1->moon=full
[users]
ann = Analysts
"""


def columns(database: str, table: str = "*", column: str = "*") -> Any:
    return resource_of({"database": Values((database,)), "table": Values((table,)), "column": Values((column,))})


def url(place: str) -> Any:
    return resource_of({"url": Values((place,), recursive=True)})


@pytest.mark.parametrize(
    ("text", "resources", "accesses", "may_grant"),
    [
        ("server=s->db=Sales->action=SELECT", (columns("sales"),), ("select",), False),
        ("server=s->db=sales->table=T->action=insert", (columns("sales", "t"),), ("update",), False),
        ("server=s->db=a->table=t->column=C->action=select", (columns("a", "t", "c"),), ("select",), False),
        ("server=s->db=a->action=create", (columns("a"),), ("create",), False),
        ("server=s->db=a->action=refresh", (columns("a"),), ("refresh",), False),
        ("server=s->db=a", (columns("a"),), ("all",), False),
        ("server=s->db=a->action=*", (columns("a"),), ("all",), False),
        ("server=s->db=a->table=t->action=all->grantOption=TRUE", (columns("a", "t"),), ("all",), True),
        ("server=s->db=a->table=t->action=owner", (columns("a", "t"),), ("all",), True),
        ("server=s->db=a->action=select->grantoption=false", (columns("a"),), ("select",), False),
        ("server=s", (columns("*"), url("*")), ("all",), False),
        ("server=s->uri=hdfs://nn1/in/", (url("hdfs://nn1/in"),), ("read", "write"), False),
        ("server=s->uri=/->action=*", (url("/"),), ("read", "write"), False),
    ],
)
def test_a_privilege_grants(text: str, resources: Any, accesses: tuple[str, ...], may_grant: bool) -> None:
    found = privilege_of(text)
    assert (found.resources, found.accesses, found.may_grant) == (resources, accesses, may_grant)


@pytest.mark.parametrize(
    "text",
    [
        "", "db=a", "server=", "server=s->db=", "server=s->moon=x", "server=s->db=a->db=b", "server=s->action=fly", "server=s->table=t",
        "server=s->db=a->column=c", "server=s->uri=/a->db=b", "server=s->uri=/a->action=select",
    ],
)  # fmt: skip
def test_what_is_no_privilege_of_hive_is_said(text: str) -> None:
    with pytest.raises(Unclear):
        privilege_of(text)


def test_grants_on_one_resource_become_one_policy_with_a_line_for_each_kind() -> None:
    granted = {
        "a": ["server=s->db=x->action=select"],
        "b": ["server=s->db=x->action=select", "server=s->db=x->action=insert"],
    }
    (policy,) = policies_of(granted)
    assert policy == Policy(
        "sentry x.*.*", resources=(columns("x"),), allow=(Grant(Who(roles=("a", "b")), ("select",)), Grant(Who(roles=("b",)), ("update",))),
    )  # fmt: skip
    assert isinstance(policy, Policy)
    assert (policy.key, policy.restricts) == ("sentry x.*.*", False)


def test_a_policy_file_is_read_with_its_groups_roles_and_what_cannot_be_told() -> None:
    source = open_policies("sentry", data=FILE + b"[databases]\nhr = hdfs://nn1/hr.ini\n", name="file:///p.ini")
    assert source.roles() == {
        "reader": Who(groups=("Analysts",)), "writer": Who(groups=("Analysts",)), "admin": Who(groups=("ops",)), "odd": Who(),
    }  # fmt: skip
    found = list(source.policies())
    broken = [one for one in found if isinstance(one, Broken)]
    assert [(one.key, one.only_allows) for one in broken] == [
        ("database file hdfs://nn1/hr.ini", True),
        ("role odd", True),
    ]
    names = [one.name for one in found if isinstance(one, Policy)]
    assert names == [
        "sentry *.*.*",
        "sentry sales.*.*",
        "sentry sales.orders.*",
        "sentry sales.orders.id",
        "sentry url *",
    ]
    assert (source.facts().kind, source.zones(), source.tag_policies(), source.version(), dict(source.calls())) == (
        "hive",
        [],
        [],
        "",
        {},
    )
    source.close()


@pytest.mark.parametrize("roles_as", ["members", "keep"])
def test_roles_become_their_groups_or_are_kept(roles_as: Any) -> None:
    source = open_policies("sentry", data=FILE, name="p.ini")
    options = PolicySyncOptions({"sales": "sales_dr"}, roles_as=roles_as, groups={"Analysts": "grp-bi", "ops": "ops"})
    translator = Translator(options, HIVE, source.roles(), ())
    made = [translator.translate(one).policy for one in source.policies() if isinstance(one, Policy)]
    told = [(one.name, one.allow[0].who, one.allow[0].may_grant) for one in made if one is not None]
    bi, ops = (
        (Who(groups=("grp-bi",)), Who(groups=("ops",)))
        if roles_as == "members"
        else (Who(roles=("reader",)), Who(roles=("admin",)))
    )
    writers = bi if roles_as == "members" else Who(roles=("writer",))
    assert told == [
        ("livedata sentry *.*.*", ops, False), ("livedata sentry sales.*.*", bi, False), ("livedata sentry sales.orders.*", writers, True),
        ("livedata sentry sales.orders.id", bi, False),
    ]  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"[groups]\na = b\n", b"x", b"\xff", b"[groups]\n[roles]\nx"])
def test_a_file_that_is_no_policy_file_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match="no policy file of Sentry"):
        open_policies("sentry", data=data, name="p.ini")
