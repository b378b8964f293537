"""What the real policy service of Apache Sentry grants comes to Ranger: the answers are asked of Ranger's real policy engine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import thriftpy2.transport

from airflow_provider_livedata.engine import PolicySyncOptions, open_policies, sync_policies
from airflow_provider_livedata.engine.errors import BadInput, PolicyAccessRefused, PolicyStoreUnreachable
from airflow_provider_livedata.engine.policies.base import PolicyTarget
from airflow_provider_livedata.engine.policies.model import Policy, Who
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.hooks.ranger import policies_at
from airflow_provider_livedata.hooks.sentry import SentryHook, access_of
from tests.services.airflow_home import connection_variable
from tests.services.ranger_admin import RangerAdmin
from tests.services.ranger_engine import Question, RangerEngine
from tests.services.sentry import ADMIN, SentryService

ONCE = RetryPolicy(attempts=1)
GRANTED = {
    "reader": (["analysts", "ops"], ["server=server1->db=sales->action=select", "server=server1->db=hr->table=t->column=c->action=select"]),
    "writer": (["etl"], ["server=server1->db=sales->table=t->action=insert->grantoption=true", "server=server1->uri=hdfs://nn1/data/in"]),
    "owner": (["etl"], ["server=server1->db=hr"]),
    "idle": ([], ["server=server1->db=sales->action=create"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def sentry() -> Iterator[SentryService]:
    with SentryService() as started:
        for role, (groups, privileges) in GRANTED.items():
            started.grant(role, groups, privileges)
        yield started


@pytest.fixture
def source(sentry: SentryService) -> Iterator[Any]:
    with closing(opened(sentry)) as found:
        yield found


def opened(sentry: SentryService, user: str = ADMIN) -> Any:
    return open_policies("sentry service", host="127.0.0.1", port=sentry.port, user=user, policy=ONCE)


def test_all_roles_their_groups_and_what_they_grant_are_read(source: Any) -> None:
    assert source.roles() == {role: Who(groups=tuple(sorted(groups))) for role, (groups, _) in GRANTED.items()}
    found = list(source.policies())
    assert all(isinstance(one, Policy) for one in found)
    told = {one.name: [(line.who.roles, line.accesses, line.may_grant) for line in one.allow] for one in found}
    assert told == {
        "sentry sales.*.*": [(("idle",), ("create",), False), (("reader",), ("select",), False)],
        "sentry hr.t.c": [(("reader",), ("select",), False)], "sentry sales.t.*": [(("writer",), ("update",), True)],
        "sentry hr.*.*": [(("owner",), ("all",), False)], "sentry url hdfs://nn1/data/in": [(("writer",), ("read", "write"), False)],
    }  # fmt: skip
    assert source.calls()["list_sentry_privileges_by_role"] == len(GRANTED)


def test_members_of_the_groups_may_in_ranger_what_sentry_grants_them(source: Any, tmp_path: Path) -> None:
    options = PolicySyncOptions(
        {"sales": "sales_dr", "hr": "hr"},
        {"hdfs://nn1/data": "hdfs://nn2/dr"},
        groups={"analysts": "grp-bi", "etl": "etl"},
    )
    with RangerEngine() as engine, RangerAdmin(service_defs={"hive": engine.service_def("hive")}) as admin:
        admin.add_service("hive", "hive")
        target = open_policies("ranger", service="hive", url=admin.url, user=admin.user, password=admin.password)
        assert isinstance(target, PolicyTarget)
        report = sync_policies(source, target, options, state=f"file://{tmp_path}/state")
        assert "group ops has no name at the target: they get nothing" in " ".join(report.lost)

        def may(group: str, access: str, **parts: str) -> bool:
            question = Question("ann", (group,), tuple(parts.items()), access)
            return engine.answers(engine.service_def("hive"), admin.policies("hive"), [], [question])[0]

        sales, hr = {"database": "sales_dr", "table": "t"}, {"database": "hr", "table": "t"}
        assert [may("grp-bi", access, **sales, column="c") for access in ("select", "update", "create")] == [
            True,
            False,
            False,
        ]
        assert [may("grp-bi", "select", **hr, column=column) for column in ("c", "d")] == [True, False]
        assert [may("etl", access, **sales, column="c") for access in ("select", "update")] == [False, True]
        assert [may("etl", access, **hr, column="c") for access in ("select", "drop")] == [True, True]
        assert [may("etl", "write", url=f"hdfs://nn2/dr/{place}") for place in ("in/x", "out")] == [True, False]
        assert not may("ops", "select", **sales, column="c")
        assert sync_policies(source, target, options, state=f"file://{tmp_path}/state").planned == {}


def test_who_may_not_see_all_roles_and_a_service_that_is_not_there_are_told_apart(sentry: SentryService) -> None:
    with closing(opened(sentry, user="ann")) as other, pytest.raises(PolicyAccessRefused):
        other.roles()
    gone = open_policies("sentry service", host="127.0.0.1", port=1, user=ADMIN, policy=ONCE)
    with pytest.raises(PolicyStoreUnreachable, match="Sentry does not answer"):
        gone.roles()


def test_a_connection_that_broke_is_opened_anew(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class Noted(thriftpy2.transport.TSocket):
        def open(self) -> None:
            super().open()  # type: ignore[no-untyped-call]
            made.append(self.sock)

    monkeypatch.setattr(thriftpy2.transport, "TSocket", Noted)
    assert len(source.roles()) == len(GRANTED)
    made[0].shutdown(socket.SHUT_RDWR)
    with pytest.raises(PolicyStoreUnreachable):
        source.roles()
    assert len(source.roles()) == len(GRANTED)
    assert len(made) == 2


def test_the_service_is_named_by_an_airflow_connection(
    sentry: SentryService, airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {
        "conn_type": "livedatasentry",
        "host": "127.0.0.1",
        "port": sentry.port,
        "login": ADMIN,
        "extra": {"timeout_s": "30"},
    }
    for name, told in (
        ("sentry_x", whole),
        ("http_x", {"conn_type": "http"}),
        ("empty_x", {"conn_type": "livedatasentry"}),
    ):
        monkeypatch.setenv(connection_variable(name), json.dumps(told))
    assert SentryHook("sentry_x").test_connection() == (True, f"{len(GRANTED)} roles")
    with closing(policies_at("sentry://sentry_x")) as found:
        assert set(found.roles()) == set(GRANTED)
    for name, said in (
        ("nowhere", "there is no Airflow connection"),
        ("http_x", "takes one of type"),
        ("empty_x", "needs a host"),
    ):
        with pytest.raises(BadInput, match=said):
            SentryHook(name).get_conn()
        assert SentryHook(name).test_connection()[0] is False
    assert access_of(SentryHook.get_connection("sentry_x"))["timeout_s"] == 30.0
