"""Between Ranger's JSON and the model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.exported import ExportedPolicies
from airflow_provider_livedata.engine.policies.model import (
    Broken,
    Condition,
    Grant,
    Origin,
    Policy,
    SecurityZone,
    Values,
    Who,
    as_json,
    resource_of,
)
from airflow_provider_livedata.engine.policies.ranger_json import facts_of, json_of, policy_of, role_of, zone_of
from airflow_provider_livedata.engine.policies.registry import open_policies

WHOLE: dict[str, Any] = {
    "id": 7, "guid": "g", "version": 3, "createdBy": "Admin", "createTime": 1, "service": "cl1_hive", "name": "readers", "policyType": 0,
    "policyPriority": 1, "description": "of sales", "isAuditEnabled": False, "isEnabled": True, "isDenyAllElse": True,
    "resources": {"table": {"values": ["*"]}, "database": {"values": ["b", "a"], "isExcludes": True, "isRecursive": False}},
    "additionalResources": [{"database": {"values": ["c"]}}],
    "policyItems": [{
        "users": ["zoe", "ann"], "groups": ["bi"], "roles": ["r"], "delegateAdmin": True, "conditions": [{"type": "ip", "values": ["10.*"]}],
        "accesses": [{"type": "update", "isAllowed": True}, {"type": "select"}, {"type": "drop", "isAllowed": False}],
    }],
    "denyPolicyItems": [{"groups": ["public"], "accesses": [{"type": "drop"}]}], "allowExceptions": [], "denyExceptions": None,
    "validitySchedules": [{"startTime": "2026/01/01 00:00:00", "endTime": "", "recurrences": None}], "policyLabels": ["pii"], "zoneName": "z",
    "conditions": [{"type": "expr", "values": None}], "dataMaskPolicyItems": [], "rowFilterPolicyItems": [], "options": {"x": "y"},
}  # fmt: skip


def test_a_policy_of_ranger_is_read_whole() -> None:
    assert policy_of(WHOLE) == Policy(
        "readers", "access",
        (
            resource_of({"database": Values(("a", "b"), excludes=True), "table": Values(("*",))}),
            resource_of({"database": Values(("c",))}),
        ),
        allow=(Grant(Who(("ann", "zoe"), ("bi",), ("r",)), ("select", "update"), may_grant=True, conditions=(Condition("ip", ("10.*",)),)),),
        deny=(Grant(Who(groups=("public",)), ("drop",)),), description="of sales", is_audited=False, overrides=True, denies_all_else=True,
        conditions=(Condition("expr"),), validity=('{"startTime": "2026/01/01 00:00:00"}',), labels=("pii",), zone="z", number=7, version=3,
    )  # fmt: skip


def test_where_a_policy_comes_from_holds_with_the_label_alone() -> None:
    options = {"livedata": {"sync": "prod", "policy": "7", "digest": "d"}}
    ours = policy_of({**WHOLE, "options": options, "policyLabels": ["livedata"]})
    assert isinstance(ours, Policy)
    assert ours.origin == Origin("prod", "7", "d")
    changes: list[dict[str, Any]] = [
        {"policyLabels": []},
        {"options": {"livedata": {"sync": "", "policy": "7"}}},
        {"options": {"livedata": "x"}},
    ]
    for change in changes:
        other = policy_of({**WHOLE, "options": options, "policyLabels": ["livedata"], **change})
        assert isinstance(other, Policy)
        assert other.origin is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"policyType": 3}, "of type 3"),
        ({"policyType": "x"}, "of type 'x'"),
        ({"resources": {"database": {"values": []}}}, "its database has no values"),
        ({"resources": {"database": {"values": "sales"}}}, "a text where there should be a list"),
        ({"resources": {"database": {}}}, "KeyError"),
        ({"policyItems": [{"users": [7], "accesses": []}]}, "no text: 7"),
        (
            {"policyItems": [{"users": ["a"], "accesses": [], "forbids": True}]},
            "part of a line that is not known here: forbids",
        ),
        ({"denyEverything": True}, "field that is not known here: denyEverything"),
        ({"name": None}, "no text"),
    ],
)
def test_a_policy_that_cannot_be_read_is_named_with_its_reason(change: dict[str, Any], said: str) -> None:
    broken = policy_of({**WHOLE, **change})
    assert isinstance(broken, Broken)
    assert broken.name in ("readers", "7")
    assert broken.number == 7
    assert said in broken.why


def test_lines_of_masks_stay_in_their_order_and_all_others_are_sorted() -> None:
    lines = [
        {"users": [name], "accesses": [{"type": "select"}], "dataMaskInfo": {"dataMaskType": "M"}} for name in "ba"
    ]
    masks = policy_of({**WHOLE, "policyType": 1, "policyItems": [], "dataMaskPolicyItems": lines})
    plain = policy_of({**WHOLE, "policyItems": [{"users": [name], "accesses": []} for name in "ba"]})
    assert isinstance(masks, Policy)
    assert isinstance(plain, Policy)
    assert [line.who.users for line in masks.allow] == [("b",), ("a",)]
    assert [line.who.users for line in plain.allow] == [("a",), ("b",)]


def test_fields_that_are_not_known_and_empty_are_no_matter() -> None:
    assert isinstance(policy_of({**WHOLE, "newField": None, "another": []}), Policy)
    assert policy_of({"id": "x"}) == Broken("x", "KeyError: 'name'")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
NAMES = st.lists(TEXTS, max_size=2, unique=True).map(lambda names: tuple(sorted(names)))
CONDITIONS = st.lists(st.builds(Condition, TEXTS, NAMES), max_size=1).map(tuple)
GRANTS = st.builds(Grant, st.builds(Who, NAMES, NAMES, NAMES), NAMES, st.booleans(), CONDITIONS)
MASKS = st.builds(
    Grant, st.builds(Who, NAMES), NAMES, mask=TEXTS, mask_expression=st.just("") | TEXTS, mask_condition=st.just("") | TEXTS
)  # fmt: skip
FILTERS = st.builds(Grant, st.builds(Who, NAMES), NAMES, row_filter=TEXTS)
SORTED = st.lists(GRANTS, max_size=2).map(lambda lines: tuple(sorted(lines, key=repr)))
VALUES = st.builds(Values, NAMES.filter(bool), st.booleans(), st.booleans())
RESOURCES = st.lists(
    st.dictionaries(TEXTS, VALUES, min_size=1, max_size=2).map(resource_of), min_size=1, max_size=2
).map(tuple)
BASE = {
    "resources": RESOURCES, "description": TEXTS, "is_enabled": st.booleans(), "is_audited": st.booleans(), "overrides": st.booleans(),
    "denies_all_else": st.booleans(), "conditions": CONDITIONS, "labels": st.just(("livedata",)), "zone": st.just("") | TEXTS,
    "validity": st.just(('{"endTime": "x"}',)), "number": st.integers(0, 9), "version": st.integers(0, 9),
    "origin": st.builds(Origin, TEXTS, TEXTS, TEXTS),
}  # fmt: skip
POLICIES = st.one_of(
    st.builds(
        Policy, TEXTS, st.just("access"), allow=SORTED, deny=SORTED, allow_except=SORTED, deny_except=SORTED, **BASE
    ),
    st.builds(Policy, TEXTS, st.just("mask"), allow=st.lists(MASKS, max_size=2).map(tuple), **BASE),
    st.builds(Policy, TEXTS, st.just("row filter"), allow=st.lists(FILTERS, max_size=2).map(tuple), **BASE),
)


@given(POLICIES)
def test_what_is_written_is_read_back_the_same(policy: Policy) -> None:
    assert policy_of(json.loads(json.dumps(json_of(policy, "s", "hive")))) == policy


def test_what_is_sent_names_service_and_kind() -> None:
    made = json_of(Policy("p", resources=(resource_of({"path": Values(("/a",))}),)), "cl1_hdfs", "hdfs")
    assert (made["service"], made["serviceType"], made["policyType"]) == ("cl1_hdfs", "hdfs", 0)
    assert {"id", "version", "zoneName", "options", "additionalResources"} & set(made) == set()


def test_a_service_definition_tells_what_the_service_knows() -> None:
    facts = facts_of({
        "name": "hive", "accessTypes": [{"name": "select"}], "resources": [{"name": "database"}],
        "dataMaskDef": {"maskTypes": [{"name": "MASK"}]}, "policyConditions": [{"name": "ip"}],
    })  # fmt: skip
    assert (facts.kind, set(facts.accesses), set(facts.parts)) == ("hive", {"select"}, {"database"})
    assert (set(facts.masks), set(facts.conditions)) == ({"MASK"}, {"ip"})
    assert facts_of({"name": "hdfs"}).masks == frozenset()


def test_roles_and_security_zones_are_read() -> None:
    role = {"name": "r", "users": [{"name": "b"}, {"name": "a"}], "groups": [{"name": "g"}], "roles": None}
    assert role_of(role) == ("r", Who(("a", "b"), ("g",), ()))
    zone = {"name": "z", "services": {"cl1_hive": {"resources": [{"database": ["sales"]}]}, "x": {}}}
    assert zone_of(zone, "cl1_hive") == SecurityZone("z", (resource_of({"database": Values(("sales",))}),))
    assert (zone_of(zone, "x"), zone_of({"name": "z"}, "y")) == (None, None)


def test_an_exported_file_gives_the_policies_of_one_service() -> None:
    other = {**WHOLE, "service": "cl1_hdfs", "resources": {"path": {"values": ["/a"]}}, "additionalResources": []}
    data = json.dumps({"policies": [WHOLE, {"service": "cl1_hive", "name": "odd"}, other], "metaDataInfo": {}}).encode()
    found = open_policies("exported", data=data, service="cl1_hive", name="file:///e.json")
    names = [one.name for one in found.policies()]
    assert (found.name, names) == ("file:///e.json/cl1_hive", ["readers", "odd"])
    assert (found.facts().kind, "select" in found.facts().accesses) == ("hive", True)
    assert (found.roles(), found.zones(), found.tag_policies(), found.version(), dict(found.calls())) == (
        {},
        [],
        [],
        "",
        {},
    )
    found.close()
    assert ExportedPolicies(data, "cl1_hdfs", "e").facts().kind == "hdfs"
    typed = json.dumps({"policies": [{**other, "serviceType": "x"}]}).encode()
    assert ExportedPolicies(typed, "cl1_hdfs", "e").facts().kind == "x"


@pytest.mark.parametrize("data", [b"", b"[]", b'{"x": 1}', b'{"policies": 7}', b'{"policies": [{"service": "other"}]}'])
def test_a_file_that_ranger_did_not_export_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        ExportedPolicies(data, "cl1_hive", "e")


def test_kinds_that_are_not_known_are_refused() -> None:
    with pytest.raises(BadInput, match="ranger, exported, sentry, sentry service"):
        open_policies("moon")
    assert as_json({"b": "ä", "a": 1}) == '{"a": 1, "b": "ä"}'
