"""Policies by tags, as policies of what bears the tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.policies.model import (
    Broken,
    Condition,
    Facts,
    Grant,
    Policy,
    Resource,
    SecurityZone,
    Tagged,
    Values,
    Who,
    resource_of,
)
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.ranger_json import Malformed, tagged_of
from airflow_provider_livedata.engine.policies.scope import Scope
from airflow_provider_livedata.engine.policies.tags import by_resources
from airflow_provider_livedata.engine.policies.translate import Translator
from tests.unit.policy_answers import Question, is_allowed

SCOPE = Scope({"sales": "sales_dr", "hr": "hr"}, {"/data": "/dr"})
READ = Grant(Who(groups=("bi",)), ("hive:select",))
WRITE = Grant(Who(users=("ann",)), ("hive:update", "hdfs:write"), may_grant=True)
HIVE = Facts(
    "hive",
    frozenset({"select", "update"}),
    frozenset({"database", "table", "column"}),
    frozenset({"MASK"}),
    frozenset({"expression"}),
)


def of(**parts: str) -> Resource:
    return resource_of({name: Values(tuple(values.split())) for name, values in parts.items()})


def bears(*tags: str, for_a_time: Iterable[str] = (), **parts: str) -> Tagged:
    return Tagged(of(**parts), frozenset(tags), frozenset(for_a_time))


def by_tag(*tags: str, **fields: Any) -> Policy:
    return Policy(**{"name": "p", "resources": (of(tag=" ".join(tags)),), "number": 12, "deny": (READ,), **fields})


def made(
    policies: list[Policy | Broken], tagged: list[Tagged], *, kind: str = "hive", zones: list[SecurityZone] | None = None, own: tuple[Policy, ...] = ()
) -> list[Policy | Broken]:  # fmt: skip
    return list(by_resources(policies, tagged, SCOPE, kind=kind, zones=zones or [], own=own))


def said(policies: list[Policy | Broken]) -> list[Any]:
    return [(one.name, {k: v.values for k, v in one.resources[0]}) for one in policies if isinstance(one, Policy)]


SSN = bears("PII", database="sales", table="orders", column="ssn")


def test_a_policy_by_tags_becomes_one_for_the_columns_of_a_table_that_bear_one_of_them() -> None:
    other = bears("PII", "HR", database="sales", table="orders", column="iban")
    elsewhere = bears("PII", database="outside", table="t", column="c")
    policy, denying = made(
        [by_tag("PII", allow=(WRITE,))], [SSN, other, elsewhere, bears("X", database="sales", table="x", column="c")]
    )
    assert isinstance(policy, Policy)
    assert isinstance(denying, Policy)
    assert (denying.name, denying.overrides, denying.allow) == ("p, denials on columns of sales.orders", True, ())
    assert said([policy]) == [
        ("p on columns of sales.orders", {"database": ("sales",), "table": ("orders",), "column": ("iban", "ssn")})
    ]
    assert denying.deny == (Grant(Who(groups=("bi",)), ("select",)),)
    assert (policy.deny, policy.overrides) == ((), False)
    # Who may pass on what a tag gives may do so of the tag.
    assert policy.allow == (Grant(Who(users=("ann",)), ("update",)),)
    assert policy.key.startswith("12-")


def test_each_keeps_its_key_while_columns_and_tables_come_and_go() -> None:
    more = bears("PII", database="sales", table="orders", column="iban")
    before, after = made([by_tag("PII")], [SSN])[0], made([by_tag("PII")], [SSN, more])[0]
    assert before.key == after.key
    tables = [bears("PII", database="sales", table=name) for name in ("a", "b")]
    keys = {one.key for one in made([by_tag("PII")], [SSN, *tables, bears("PII", database="hr")])}
    assert len(keys) == 3


def test_resources_of_which_people_say_the_same_keep_keys_of_their_own() -> None:
    parts = {"table": Values(("t",)), "column": Values(("c",))}
    one, other = (
        resource_of({**parts, "database": Values(("sales", "x"), excludes=excludes)}) for excludes in (False, True)
    )
    found = made([by_tag("PII")], [Tagged(resource, frozenset({"PII"})) for resource in (one, other)])
    assert len({policy.key for policy in found}) == len(found) == 2


def test_a_tag_of_a_table_or_database_denies_on_all_columns_and_allows_nothing_there() -> None:
    tagged = [
        bears("PII", database="sales", table="pay"),
        bears("PII", database="sales", table="staff"),
        bears("PII", database="hr"),
    ]
    found = made([by_tag("PII", allow=(WRITE,))], tagged)
    databases = {"database": ("hr",), "table": ("*",), "column": ("*",)}
    tables = {"database": ("sales",), "table": ("pay", "staff"), "column": ("*",)}
    assert sorted(said(found), key=repr) == sorted([
        ("p on databases, tag of what it lies in", databases), ("p, denials on databases, tag of what it lies in", databases),
        ("p on tables of sales, tag of what it lies in", tables), ("p, denials on tables of sales, tag of what it lies in", tables),
    ], key=repr)  # fmt: skip
    translator = Translator(PolicySyncOptions({"sales": "sales", "hr": "hr"}), HIVE, {}, ())
    for one in found:
        assert isinstance(one, Policy)
        translation = translator.translate(one)
        assert len(translation.policy.deny if translation.policy else ()) == (1 if one.deny else 0)
        assert any("a condition that the target does not know" in text for text in translation.lost)


def test_what_depends_on_the_tag_is_a_condition_that_no_target_knows() -> None:
    timed = bears("HR", for_a_time=("PII",), database="sales", table="orders", column="c")
    asked = Condition("expression", ("TAG.x == 1",))
    policy = by_tag("PII", conditions=(asked,), deny=(Grant(READ.who, READ.accesses, conditions=(asked,)),))
    (found,) = made([policy], [timed])
    assert isinstance(found, Policy)
    assert [one.kind for one in found.conditions] == ["tag expression", "tag for a time"]
    assert found.deny[0].conditions[0].kind == "tag expression"
    both = bears("PII", for_a_time=("PII",), database="sales", table="orders", column="c")
    (found,) = made([by_tag("PII")], [both])
    assert isinstance(found, Policy)
    assert found.conditions == ()


def test_paths_and_functions_bear_tags_as_they_are() -> None:
    below = Tagged(resource_of({"path": Values(("/data/x",), recursive=True)}), frozenset({"PII"}))
    (found,) = made([by_tag("PII", deny=(Grant(READ.who, ("hdfs:read",)),))], [below], kind="hdfs")
    assert isinstance(found, Policy)
    assert (found.name, found.resources, found.deny[0].accesses) == (
        "p on paths and below",
        (below.resource,),
        ("read",),
    )
    flat = bears("PII", path="/data/y")
    assert [one.name for one in made([by_tag("PII", deny=(Grant(READ.who, ("hdfs:read",)),))], [below, flat], kind="hdfs")] == [
        "p on paths", "p on paths and below",
    ]  # fmt: skip
    (function,) = made([by_tag("PII")], [bears("PII", database="sales", udf="f")])
    assert function.name == "p on udfs of sales"
    but = Tagged(
        resource_of({"database": Values(("sales",)), "table": Values(("t",)), "column": Values(("c",), excludes=True)}),
        frozenset({"PII"}),
    )
    assert [one.name for one in made([by_tag("PII")], [but])] == ["p on columns but c of sales.t"]


def test_what_says_nothing_of_the_service_or_of_what_is_replicated_is_nothing() -> None:
    assert made([by_tag("PII", deny=(Grant(READ.who, ("kafka:publish",)),))], [SSN]) == []
    other = Grant(READ.who, ("kafka:publish",))
    assert (
        made([by_tag("PII", deny=(other,), zone="vault")], [SSN]) == []
    )  # though what cannot be said of it could not be
    assert made([by_tag("OTHER")], [SSN]) == []
    assert made([by_tag("PII")], []) == []


MASK = by_tag("PII", kind="mask", deny=(), allow=(Grant(READ.who, READ.accesses, mask="hive:MASK"),))


def test_a_mask_by_tags_is_one_of_the_resource() -> None:
    own = Policy(
        "own",
        "mask",
        (of(database="sales", table="t*", column="*"), of(database="hr", table="orders", column="*")),
        number=1,
    )
    (found,) = made([MASK], [SSN], own=(own,))
    assert isinstance(found, Policy)
    assert (found.kind, found.allow[0].mask) == ("mask", "MASK")


@pytest.mark.parametrize(
    ("policy", "around", "why"),
    [
        (by_tag("P*"), {}, "names its tags"),
        (by_tag("PII", resources=(of(database="sales"),)), {}, "names its tags"),
        (by_tag("PII", denies_all_else=True), {}, "denies all else"),
        (by_tag("PII", deny=(Grant(READ.who, ("select",)),)), {}, "of which service an access is cannot be told: select"),
        (by_tag("PII", kind="row filter", allow=(READ,)), {}, "filters no rows"),
        (by_tag("PII", zone="vault"), {}, "security zone"),
        (by_tag("PII"), {"zones": [SecurityZone("vault", (of(database="s*"),))]}, "security zone"),
        (by_tag("PII", kind="mask", allow=(Grant(READ.who, READ.accesses, mask="CUSTOM", mask_expression="f({col}, TAG.x)"),)), {}, "reads the tag"),
        (MASK, {"own": (Policy("own", "mask", (of(database="*", table="O*", column="SSN"),), number=1),)}, "masked by own"),
        (MASK, {"own": (Policy("all but", "mask", (resource_of({"database": Values(("x",), excludes=True)}),), number=1),)}, "masked by all but"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_resources_is_named(policy: Policy, around: dict[str, Any], why: str) -> None:
    found = made(
        [policy, by_tag("HR", name="other", number=13)],
        [SSN, bears("HR", database="hr", table="t", column="c")],
        **around,
    )
    (broken,) = [one for one in found if isinstance(one, Broken)]
    assert why in broken.why
    assert broken.only_allows is False
    assert [one.name for one in found if isinstance(one, Policy)] == ["other on columns of hr.t"]


def test_two_masks_by_tags_of_one_column_cannot_be_said_and_what_cannot_be_read_stays_so() -> None:
    odd = Broken("odd", "no values", 3)
    found = made([MASK, by_tag("HR", kind="mask", allow=MASK.allow, deny=(), name="q"), odd], [SSN])
    assert [one.name for one in found if isinstance(one, Broken)] == ["p", "odd"]
    only = made([by_tag("P*", deny=(), allow=(READ,))], [SSN])[0]
    assert isinstance(only, Broken)
    assert only.only_allows


def test_zones_of_other_databases_and_patterns_that_meet_nothing_do_not_matter() -> None:
    zones = [SecurityZone("vault", (of(database="hr"), of(database="sales", table="p?y"), of(url="s3a://x")))]
    assert len(made([by_tag("PII")], [SSN], zones=zones[:0] + [SecurityZone("vault", zones[0].resources[:2])])) == 1
    assert isinstance(made([by_tag("PII")], [SSN], zones=zones)[0], Broken)  # of what else is in it nothing is known


TOLD: dict[str, Any] = {
    "tags": {"1": {"type": "PII"}, "2": {"type": "HR", "validityPeriods": [{"endTime": "2027/01/01"}]}, "3": {"type": "OFF", "isEnabled": False}},
    "serviceResources": [
        {"id": 7, "resourceElements": {"database": {"values": ["sales"]}}}, {"id": 8, "isEnabled": False},
        {"id": 9, "resourceElements": {"path": {"values": ["/x"], "isRecursive": True}}},
    ],
    "resourceToTagIds": {"7": [1, 2, 3, 4]},
}  # fmt: skip


def test_tags_are_read_as_ranger_tells_them_to_a_plug_in() -> None:
    assert tagged_of(TOLD) == [
        Tagged(of(database="sales"), frozenset({"PII"}), frozenset({"HR"})),
        Tagged(resource_of({"path": Values(("/x",), recursive=True)}), frozenset()),
    ]
    assert tagged_of({}) == []
    with pytest.raises(Malformed, match="no tags of a service"):
        tagged_of({"serviceResources": [{"id": 1}]})


LINES = st.sampled_from([(), (READ,), (WRITE,), (Grant(Who(users=("ann", "bob")), ("hive:select", "hive:update")),)])
BY_TAGS = st.lists(
    st.builds(
        lambda tags, allow, deny, deny_except: by_tag(*sorted(tags), allow=allow, deny=deny, deny_except=deny_except),
        st.sets(st.sampled_from(["PII", "HR"]), min_size=1), LINES, LINES, LINES,
    ),
    max_size=3,
)  # fmt: skip
TAGGED = st.lists(
    st.builds(
        lambda tags, database, table, column: bears(*tags, database=database, table=table, column=column),
        st.sets(st.sampled_from(["PII", "HR"])), st.sampled_from(["sales", "hr"]), st.sampled_from(["t1", "t2"]), st.sampled_from(["a", "b"]),
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=200)
@given(BY_TAGS, TAGGED)
def test_the_answers_are_those_of_each_tag_of_what_is_asked_for(policies: list[Policy], tagged: list[Tagged]) -> None:
    numbered = [
        Policy(**{name: getattr(one, name) for name in one.__slots__} | {"number": n, "name": f"p{n}"})
        for n, one in enumerate(policies, 1)
    ]
    found = [one for one in made(list(numbered), tagged) if isinstance(one, Policy)]
    assert len({one.key for one in found}) == len(found)
    for user, groups in (("ann", ("bi",)), ("bob", ()), ("zoe", ("bi",))):
        for access in ("select", "update"):
            for resource in {one.resource for one in tagged}:
                asked = tuple((name, values.values[0]) for name, values in resource)
                names = {name for one in tagged if one.resource == resource for name in one.tags}
                holding = [one for one in numbered if names & set(dict(one.resources[0])["tag"].values)]
                expected = is_allowed(
                    [_plain(one) for one in holding], Question(user, groups, (("tag", "x"),), access), {}
                )
                assert is_allowed(found, Question(user, groups, asked, access), {}) == expected


def _plain(policy: Policy) -> Policy:
    """The same policy, of one thing, in the words of the service."""

    def lines(given: tuple[Grant, ...]) -> tuple[Grant, ...]:
        return tuple(Grant(one.who, tuple(access.removeprefix("hive:") for access in one.accesses)) for one in given)

    return Policy(
        policy.name, resources=(of(tag="x"),), allow=lines(policy.allow), deny=lines(policy.deny), deny_except=lines(policy.deny_except),
    )  # fmt: skip
