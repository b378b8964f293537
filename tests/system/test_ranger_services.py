"""The two services that policies are tested on: Ranger's own engine judges as Ranger documents, the stand-in of Ranger Admin answers as it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.services.py4j import CallFailed
from tests.services.ranger_engine import Question, RangerEngine

Json = dict[str, Any]


@pytest.fixture(scope="module")
def engine() -> Iterator[RangerEngine]:
    with RangerEngine() as started:
        yield started


@pytest.fixture(scope="module")
def hive(engine: RangerEngine) -> Json:
    return engine.service_def("hive")


@pytest.fixture(scope="module")
def hdfs(engine: RangerEngine) -> Json:
    return engine.service_def("hdfs")


def item(
    *accesses: str, users: tuple[str, ...] = (), groups: tuple[str, ...] = (), roles: tuple[str, ...] = ()
) -> Json:
    granted = [{"type": access, "isAllowed": True} for access in accesses]
    return {"users": [*users], "groups": [*groups], "roles": [*roles], "accesses": granted, "delegateAdmin": False}


def on(database: str = "sales", table: str = "*", column: str = "*") -> Json:
    return {name: {"values": [value]} for name, value in (("database", database), ("table", table), ("column", column))}


def on_path(*paths: str, recursive: bool = False) -> Json:
    return {"path": {"values": [*paths], "isRecursive": recursive}}


def policy(name: str = "one", *items: Json, resources: Json | None = None, **more: Any) -> Json:
    wanted = on() if resources is None else resources
    return {"service": "here", "name": name, "policyType": 0, "resources": wanted, "policyItems": [*items], **more}


def to_column(user: str, access: str = "select", *, groups: tuple[str, ...] = (), **where: str) -> Question:
    place = {"database": "sales", "table": "orders", "column": "price", **where}
    return Question(user, groups, tuple(place.items()), access)


def to_path(user: str, path: str, access: str = "read") -> Question:
    return Question(user, (), (("path", path),), access)


def test_what_a_policy_grants_is_allowed_and_nothing_else(engine: RangerEngine, hive: Json) -> None:
    policies = [policy("one", item("select", users=("ann",)), item("update", groups=("clerks",)))]
    questions = [
        to_column("ann"), to_column("ann", "update"), to_column("eve"), to_column("eve", "update", groups=("clerks",)),
        to_column("ann", database="other"),
    ]  # fmt: skip
    assert engine.answers(hive, policies, [], questions) == [True, False, False, True, False]
    assert engine.answers(hive, [{**policies[0], "isEnabled": False}], [], questions) == [False] * 5
    assert engine.answers(hive, [], [], questions) == [False] * 5
    assert engine.answers(hive, policies, [], []) == []


def test_a_denial_wins_but_for_its_exceptions_and_an_allowance_has_exceptions_too(
    engine: RangerEngine, hive: Json
) -> None:
    policies = [
        policy(
            "one", item("select", groups=("public",)),
            denyPolicyItems=[item("select", groups=("guests",))], denyExceptions=[item("select", users=("gus",))],
            allowExceptions=[item("select", users=("max",))],
        )
    ]  # fmt: skip
    users = [
        to_column("ann"),
        to_column("gil", groups=("guests",)),
        to_column("gus", groups=("guests",)),
        to_column("max"),
    ]
    assert engine.answers(hive, policies, [], users) == [True, False, True, False]


def test_all_implies_the_other_accesses_of_hive(engine: RangerEngine, hive: Json) -> None:
    policies = [policy("one", item("all", users=("ann",)))]
    accesses = ("select", "update", "create", "drop", "alter", "index", "lock", "refresh", "tempudfadmin")
    told = engine.answers(hive, policies, [], [to_column("ann", access) for access in accesses])
    assert dict(zip(accesses, told, strict=True)) == {access: access != "tempudfadmin" for access in accesses}


def test_names_match_by_wildcard_and_without_regard_to_case_or_by_exclusion(engine: RangerEngine, hive: Json) -> None:
    places = on("Sal*", "o?ders")
    questions = [to_column("ann"), to_column("ann", table="orders2"), to_column("ann", column="secret")]
    assert engine.answers(hive, [policy("one", item("select", users=("ann",)), resources=places)], [], questions) == [
        True, False, True,
    ]  # fmt: skip
    places = {**on(), "column": {"values": ["secret"], "isExcludes": True}}
    assert engine.answers(hive, [policy("one", item("select", users=("ann",)), resources=places)], [], questions) == [
        True, True, False,
    ]  # fmt: skip


def test_a_path_is_meant_alone_or_with_all_below_it(engine: RangerEngine, hdfs: Json) -> None:
    questions = [to_path("ann", "/data/a"), to_path("ann", "/data/a/b/c"), to_path("ann", "/data/ab")]
    alone = policy("one", item("read", users=("ann",)), resources=on_path("/data/a"))
    below = policy("one", item("read", users=("ann",)), resources=on_path("/data/a", recursive=True))
    assert engine.answers(hdfs, [alone], [], questions) == [True, False, False]
    assert engine.answers(hdfs, [below], [], questions) == [True, True, False]


def test_roles_are_had_by_users_groups_and_other_roles(engine: RangerEngine, hive: Json) -> None:
    roles = [
        {"id": 1, "name": "readers", "users": [{"name": "ann", "isAdmin": False}], "roles": [{"name": "chiefs"}]},
        {"id": 2, "name": "chiefs", "groups": [{"name": "board", "isAdmin": True}]},
    ]
    policies = [policy("one", item("select", roles=("readers",)))]
    questions = [to_column("ann"), to_column("eve"), to_column("eve", groups=("board",))]
    assert engine.answers(hive, policies, roles, questions) == [True, False, True]
    assert engine.answers(hive, policies, [], questions) == [False, False, False]


def test_masks_are_told_by_type_and_custom_ones_with_their_expression(engine: RangerEngine, hive: Json) -> None:
    def masked(user: str, kind: str, **more: str) -> Json:
        return {**item("select", users=(user,)), "dataMaskInfo": {"dataMaskType": kind, **more}}

    items = [
        masked("ann", "MASK_HASH"),
        masked("bob", "CUSTOM", valueExpr="left({col}, 2)"),
        masked("cid", "MASK_NONE"),
    ]
    policies = [policy("one", resources=on(table="orders", column="price"), policyType=1, dataMaskPolicyItems=items)]
    questions = [to_column(user) for user in ("ann", "bob", "cid", "eve")] + [to_column("ann", column="id")]
    told = engine.masks(hive, policies, [], questions)
    assert told == ["MASK_HASH", "CUSTOM:left({col}, 2)", "MASK_NONE", None, None]


def test_row_filters_are_told_by_their_expression(engine: RangerEngine, hive: Json) -> None:
    filtered = {**item("select", groups=("clerks",)), "rowFilterInfo": {"filterExpr": "land = 'ch' -- \\ \n\"é\""}}
    places = {name: value for name, value in on(table="orders").items() if name != "column"}
    policies = [policy("one", resources=places, policyType=2, rowFilterPolicyItems=[filtered])]
    asked = [
        Question("ann", groups, (("database", "sales"), ("table", table)), "select")
        for groups, table in ((("clerks",), "orders"), ((), "orders"), (("clerks",), "other"))
    ]
    assert engine.row_filters(hive, policies, [], asked) == ["land = 'ch' -- \\ \n\"é\"", None, None]


def test_policies_of_a_zone_hold_for_its_resources_and_no_others_do(engine: RangerEngine, hive: Json) -> None:
    zones = [{"id": 1, "name": "z", "services": {"here": {"resources": [{"database": ["sales"]}]}}}]
    inside = policy("one", item("select", users=("ann",)), resources=on("*"), zoneName="z")
    outside = policy("two", item("select", users=("bob",)), resources=on("*"))
    questions = [to_column(user, database=name) for user in ("ann", "bob") for name in ("sales", "other")]
    assert engine.answers(hive, [inside, outside], [], questions, zones=zones) == [True, False, False, True]
    with pytest.raises(ValueError, match="zones that were not given"):
        engine.answers(hive, [inside], [], questions)


def test_policies_that_cannot_be_read_are_refused_by_the_engine_and_it_goes_on(
    engine: RangerEngine, hive: Json
) -> None:
    with pytest.raises(CallFailed, match="policyItems"):
        engine.answers(hive, [policy("one", policyItems="wrong")], [], [to_column("ann")])
    with pytest.raises(ValueError, match="more than one service"):
        engine.answers(hive, [policy("one"), policy("two", service="there")], [], [to_column("ann")])
    assert engine.answers(hive, [policy("one", item("select", users=("ann",)))], [], [to_column("ann")]) == [True]


def test_answers_are_in_the_order_of_many_questions(engine: RangerEngine, hive: Json) -> None:
    policies = [
        policy(f"p{number}", item("select", users=(f"u{number}",)), resources=on(f"db{number}"))
        for number in range(100)
    ]
    pairs = [(user, place) for user in range(40) for place in range(50)]
    questions = [to_column(f"u{user}", database=f"db{place}") for user, place in pairs]
    assert engine.answers(hive, policies, [], questions) == [user == place for user, place in pairs]


def test_the_engine_is_gone_when_its_context_ends() -> None:
    with RangerEngine() as started:
        (pid,) = started.pids
        listening = [
            one for one in psutil.Process(pid).net_connections(kind="inet") if one.status == psutil.CONN_LISTEN
        ]
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    assert not psutil.pid_exists(pid)
