"""The two services that policies are tested on: Ranger's own engine judges as Ranger documents, the stand-in of Ranger Admin answers as it does."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import psutil
import pytest
import requests

from tests.services.py4j import CallFailed, quoted, unquoted
from tests.services.ranger_admin import API, RangerAdmin
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


def masked(kind: str, user: str = "ann", access: str = "select", **more: str) -> Json:
    return {**item(access, users=(user,)), "dataMaskInfo": {"dataMaskType": kind, **more}}


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
    items = [masked("MASK_HASH"), masked("CUSTOM", "bob", valueExpr="left({col}, 2)"), masked("MASK_NONE", "cid")]
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


def test_a_text_is_one_line_on_its_way_to_the_jvm() -> None:
    text = 'a\n\\n\r"é\\'
    assert "\n" not in quoted(text)
    assert (quoted(text)[0], unquoted(quoted(text)[1:])) == ("s", text)


def test_the_engine_is_gone_when_its_context_ends() -> None:
    with RangerEngine() as started:
        (pid,) = started.pids
        listening = [
            one for one in psutil.Process(pid).net_connections(kind="inet") if one.status == psutil.CONN_LISTEN
        ]
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    assert not psutil.pid_exists(pid)


@pytest.fixture
def admin() -> Iterator[RangerAdmin]:
    with RangerAdmin() as started:
        started.add_service("here", "hive", description="of the tests")
        yield started


@pytest.fixture(scope="module")
def ranger() -> Any:
    """The client of the Ranger project, which has no types."""
    return importlib.import_module("apache_ranger.client.ranger_client")


@pytest.fixture
def client(ranger: Any, admin: RangerAdmin) -> Iterator[Any]:
    made = ranger.RangerClient(admin.url, (admin.user, admin.password))
    with made.session:
        yield made


def refusal(client: Any, method: str, *arguments: Any) -> tuple[int, str]:
    """The status and the message with which a call of the client is refused."""
    refused = import_module("apache_ranger.exceptions").RangerServiceException
    with pytest.raises(refused) as caught:
        getattr(client, method)(*arguments)
    return caught.value.statusCode, caught.value.msgDesc


def test_the_client_of_ranger_sees_services_and_their_definitions(admin: RangerAdmin, client: Any, ranger: Any) -> None:
    made = client.create_service(ranger.RangerService({"name": "files", "type": "hdfs", "configs": {"username": "x"}}))
    assert (made.id, made.name, made.isEnabled, made.version) == (2, "files", True, 1)
    assert client.get_service("here").description == "of the tests"
    assert client.get_service_by_id(2).name == "files"
    assert [one.name for one in client.find_services()] == ["here", "files"]
    assert [one.name for one in client.find_services({"serviceType": "hdfs"})] == ["files"]
    assert client.get_service("nowhere") is None  # the client's answer to 404
    assert client.get_service_def("hdfs").accessTypes[2].name == "execute"
    assert refusal(client, "create_service", ranger.RangerService({"name": "here", "type": "hive"}))[0] == 400
    assert refusal(client, "create_service", ranger.RangerService({"name": "new", "type": "other"}))[0] == 400


def test_a_policy_is_made_changed_and_deleted_as_ranger_admin_does(
    admin: RangerAdmin, client: Any, ranger: Any
) -> None:
    made = client.create_policy(
        ranger.RangerPolicy(policy("one", item("select", users=("ann",)), notKnown={"kept": 1}))
    )
    assert (made.id, made.version, made.isEnabled, made.serviceType) == (1, 1, True, "hive")
    assert made.guid
    assert made.createTime == made.updateTime
    changed = client.update_policy_by_id(1, ranger.RangerPolicy(policy("two", item("update", users=("ann",)))))
    assert (changed.id, changed.guid, changed.version, changed.name) == (1, made.guid, 2, "two")
    assert changed.createTime == made.createTime
    assert changed.updateTime > made.updateTime
    assert client.get_policy_by_id(1).policyItems[0].accesses[0].type == "update"
    assert client.get_policy("here", "two").id == 1
    assert client.update_policy_by_id(1, ranger.RangerPolicy(policy("two", item("all", users=("ann",))))).version == 3
    client.delete_policy_by_id(1)
    assert admin.policies("here") == []
    assert client.create_policy(ranger.RangerPolicy(policy("one", item("select", users=("ann",))))).id == 2


def test_what_is_left_out_of_a_policy_is_filled_in_and_what_is_not_known_is_kept(admin: RangerAdmin) -> None:
    made = admin.add_policy({**policy("one", item("select", users=("ann",))), "notKnown": {"kept": 1}})
    assert made["notKnown"] == {"kept": 1}
    assert made["resources"]["table"] == {"values": ["*"], "isExcludes": False, "isRecursive": False}
    assert made["policyItems"][0]["conditions"] == made["denyPolicyItems"] == made["validitySchedules"] == []
    assert (made["zoneName"], made["policyPriority"], made["isDenyAllElse"]) == ("", 0, False)
    made["resources"].clear()
    admin.policies("here")[0]["resources"].clear()
    assert admin.policies("here")[0]["resources"] != {}  # a test holds copies


def test_policies_come_in_pages_of_200_until_there_are_no_more(admin: RangerAdmin, client: Any) -> None:
    admin.add_service("there", "hive")
    for number in range(450):
        admin.add_policy(policy(f"p{number}", item("select", users=("ann",)), resources=on(f"db{number}")))
    admin.add_policy(policy("other", item("select", users=("ann",)), service="there"))
    pages = [client.find_policies({"serviceName": "here", "startIndex": start}) for start in (0, 200, 400, 600)]
    assert [len(page) for page in pages] == [200, 200, 50, 0]
    assert [one.name for page in pages for one in page] == [f"p{number}" for number in range(450)]
    assert len(client.find_policies({"serviceName": "here", "pageSize": 451})) == 450
    assert len(client.get_policies_in_service("here")) == 200
    second = client.get_policies_in_service("here", {"startIndex": "448", "pageSize": "7"})
    assert [one.name for one in second] == ["p448", "p449"]
    assert [one.name for one in client.find_policies({"policyNamePartial": "the"})] == ["other"]
    assert refusal(client, "get_policies_in_service", "nowhere") == (400, "service does not exist - name=nowhere")
    assert admin.requests[1] == ("GET", f"{API}/policy?serviceName=here&startIndex=200")


def test_a_name_or_a_resource_that_is_taken_is_refused(admin: RangerAdmin, client: Any) -> None:
    admin.add_policy(policy("one", item("select", users=("ann",)), resources=on("a")))
    second = policy("two", item("select", users=("ann",)), resources=on("b"))
    assert refusal(client, "create_policy", {**second, "name": "one"}) == (
        400,
        "(0)  Validation failure: error code[3006], reason[Another policy already exists for this name: policy-id=[1], "
        "service=[here]], field[policy name], subfield[null], type[semantically incorrect]",
    )
    status, message = refusal(client, "create_policy", {**second, "resources": on("a")})
    assert (status, "Another policy already exists for matching resource: policy-name=[one]" in message) == (400, True)
    for more in ({"isEnabled": False}, {"policyPriority": 1}):
        client.create_policy({**second, "name": f"{more}", "resources": on("a"), **more})
    client.create_policy(second)
    number = client.get_policy("here", "two").id
    assert "3010" in refusal(client, "update_policy_by_id", number, {**second, "resources": on("a")})[1]
    assert "3006" in refusal(client, "update_policy_by_id", number, {**second, "name": "one"})[1]
    assert [one["version"] for one in admin.policies("here")] == [1, 1, 1, 1]  # nothing was changed


WRONG: list[tuple[Json, int]] = [
    ({"service": "nowhere"}, 3007),
    ({"policyItems": [item("fly", users=("ann",))]}, 3022),
    ({"policyItems": [item("select")]}, 3020),
    ({"policyItems": [item(users=("ann",))]}, 3002),
    ({"resources": {"path": {"values": ["/"]}}}, 3011),
    ({"resources": {"database": {"values": ["a"]}, "column": {"values": ["c"]}}}, 3025),
    ({"resources": {"database": {"values": []}}}, 3026),
    ({"resources": {"database": {"values": ["a", "a"]}}}, 3056),
    ({"resources": {"database": {"values": ["a"], "isRecursive": True}}}, 3017),
    ({"resources": {"url": {"values": ["a"], "isExcludes": True}}}, 3015),
    ({"zoneName": "nowhere"}, 3033),
    ({"policyType": 2}, 3024),
    ({"policyType": 1, "policyItems": [], "dataMaskPolicyItems": [masked("MASK", access="update")]}, 3022),
    ({"policyType": 1, "policyItems": [], "dataMaskPolicyItems": [item("select", users=("ann",))]}, 3019),
]
OF_THE_STORE = {3007, 3033}  # codes that need what Ranger Admin keeps


@pytest.mark.parametrize(("change", "code"), WRONG)
def test_a_policy_that_does_not_fit_its_service_is_refused(
    admin: RangerAdmin, client: Any, change: Json, code: int
) -> None:
    good = policy("one", item("select", users=("ann",)))
    status, message = refusal(client, "create_policy", {**good, **change})
    assert (status, f"error code[{code}]" in message, message.count("error code")) == (400, True, 1)
    assert admin.policies("here") == []
    assert client.create_policy(good).id == 1


@pytest.mark.parametrize(("change", "code"), [case for case in WRONG if case[1] not in OF_THE_STORE])
def test_what_the_stand_in_refuses_ranger_itself_refuses_with_the_same_code(
    engine: RangerEngine, hive: Json, change: Json, code: int
) -> None:
    good = policy("one", item("select", users=("ann",)))
    assert engine.invalid(hive, good) == []
    (told,) = engine.invalid(hive, {**good, **change})
    assert f"error code[{code}]" in told


def test_policies_are_on_a_database_a_table_a_column_a_url_or_below_a_mask(admin: RangerAdmin) -> None:
    for number, names in enumerate((("database",), ("database", "table"), ("database", "udf"), ("url",), ("global",))):
        resources = {name: {"values": ["a"]} for name in names}
        admin.add_policy(policy(f"p{number}", item("all", users=("ann",)), resources=resources))
    rows = {name: {"values": ["a"]} for name in ("database", "table")}
    admin.add_policy(
        policy("rows", resources=rows, policyType=2, rowFilterPolicyItems=[item("select", users=("ann",))])
    )
    admin.add_policy(policy("mask", policyType=1, dataMaskPolicyItems=[masked("MASK")]))
    assert len(admin.policies("here")) == 7


def test_zones_keep_names_and_resources_apart(admin: RangerAdmin, client: Any) -> None:
    admin.add_zone({"name": "z", "services": {"here": {"resources": [{"database": ["sales"]}]}}})
    admin.add_policy(policy("one", item("select", users=("ann",))))
    admin.add_policy(policy("one", item("select", users=("bob",)), zoneName="z"))
    assert [one.name for one in client.find_security_zones()] == ["z"]
    assert client.get_policy_by_name_zone("here", "one", "z").id == 2
    assert client.get_policy("here", "one").id == 1
    assert [one.id for one in client.find_policies({"serviceName": "here", "zoneName": "z"})] == [2]
    moved = policy("one", item("select", users=("bob",)))
    assert "3032" in refusal(client, "update_policy_by_id", 2, moved)[1]


def test_roles_are_listed_made_and_changed(admin: RangerAdmin, client: Any, ranger: Any) -> None:
    admin.add_role({"name": "readers", "users": [{"name": "ann", "isAdmin": False}]})
    made = client.create_role(
        "here", ranger.RangerRole({"name": "chiefs", "groups": [{"name": "board", "isAdmin": True}]})
    )
    assert (made.id, made.version) == (2, 1)
    changed = client.update_role(2, ranger.RangerRole({"name": "chiefs", "users": [{"name": "eve", "isAdmin": False}]}))
    assert (changed.version, changed.users[0]["name"], changed.groups) == (2, "eve", [])
    assert [one.name for one in client.find_roles()] == ["readers", "chiefs"]
    assert refusal(client, "create_role", "here", ranger.RangerRole({"name": "chiefs"}))[0] == 400
    assert [one["version"] for one in admin.roles()] == [1, 2]


def test_policies_are_exported_by_service_and_an_export_of_nothing_has_no_content(admin: RangerAdmin) -> None:
    admin.add_service("there", "hive")
    url, who = f"{admin.url}/service/plugins/policies/exportJson", (admin.user, admin.password)
    assert requests.get(url, {"serviceName": "here"}, auth=who, timeout=9).status_code == 204
    admin.add_policy(policy("one", item("select", users=("ann",))))
    told = requests.get(url, {"serviceName": "here"}, auth=who, timeout=9).json()
    assert told["policies"] == admin.policies("here")
    assert "metaDataInfo" in told
    assert requests.get(url, {"serviceName": "there"}, auth=who, timeout=9).status_code == 204


def test_wrong_passwords_ids_paths_and_bodies_are_refused(admin: RangerAdmin, client: Any, ranger: Any) -> None:
    who = (admin.user, admin.password)
    for auth in ((admin.user, "wrong"), None):
        assert requests.get(f"{admin.url}{API}/policy", auth=auth, timeout=9).status_code == 401
    good = policy("one", item("select", users=("ann",)))
    for method, path, body, status in (
        ("GET", "/policy/7", None, 404), ("PUT", "/policy/7", good, 404), ("DELETE", "/policy/7", None, 404),
        ("PUT", "/roles/7", {"name": "x"}, 404), ("GET", "/nothing", None, 404), ("PATCH", "/policy", None, 501),
        ("DELETE", "/zones", None, 405), ("GET", "/policy?pageSize=x", None, 400), ("POST", "/policy", [], 400),
    ):  # fmt: skip
        answered = requests.request(method, f"{admin.url}{API}{path}", json=body, auth=who, timeout=9)
        assert (method, path, answered.status_code) == (method, path, status)
    told = requests.post(f"{admin.url}{API}/policy", data="{", auth=who, timeout=9)
    assert (told.status_code, told.json()["statusCode"]) == (400, 1)
    assert client.update_policy_by_id(7, ranger.RangerPolicy(good)) is None
    admin.add_policy(good)
    assert refusal(client, "update_policy_by_id", 1, {**good, "id": 2}) == (400, "policyID mismatch")


def test_faults_come_when_they_are_asked_for(admin: RangerAdmin, client: Any) -> None:
    def create(name: str) -> int:
        sent = json.dumps(policy(name, item("select", users=("ann",)), resources=on(name)))
        who = (admin.user, admin.password)
        return requests.post(f"{admin.url}{API}/policy", data=sent, auth=who, timeout=9).status_code

    admin.fail("POST", 503, after=1, times=2)
    assert [create("a"), create("b"), create("b"), create("b")] == [200, 503, 503, 200]
    admin.fail("DELETE", 500)
    assert create("c") == 200  # a fault is for the requests that it is meant for
    admin.fail(f"POST {API}/policy", 0)
    with pytest.raises(requests.ConnectionError, match="without response"):
        create("d")
    admin.fail("POST", 0, is_done=True)
    with pytest.raises(requests.ConnectionError):
        create("e")
    assert [one["name"] for one in admin.policies("here")] == ["a", "b", "c", "e"]
    assert refusal(client, "delete_policy_by_id", 1)[0] == 500
    client.delete_policy_by_id(1)
    assert [method for method, _ in admin.requests] == ["POST"] * 7 + ["DELETE"] * 2


def test_the_engine_judges_what_the_stand_in_gives(admin: RangerAdmin, engine: RangerEngine, hive: Json) -> None:
    admin.add_role({"name": "readers", "users": [{"name": "ann", "isAdmin": False}]})
    admin.add_policy(policy("one", item("select", roles=("readers",))))
    assert engine.answers(hive, admin.policies("here"), admin.roles(), [to_column("ann"), to_column("eve")]) == [
        True, False,
    ]  # fmt: skip


def test_the_stand_in_ends_with_connections_open_and_listens_on_loopback(client: Any, ranger: Any) -> None:
    with RangerAdmin() as admin:
        assert admin.url.startswith("http://127.0.0.1:")
        kept = ranger.RangerClient(admin.url, (admin.user, admin.password))
        assert kept.find_services() == []
    with kept.session, pytest.raises(requests.ConnectionError):
        kept.find_services()
