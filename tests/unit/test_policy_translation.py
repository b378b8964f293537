"""A policy as the target has to have it: never wider than the source's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.policies.model import Condition, Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.translate import Inexpressible, Translation, Translator
from tests.unit.policy_answers import Question, is_allowed

HIVE = Facts(
    "hive",
    frozenset({"select", "update", "all"}),
    frozenset({"database", "table", "column"}),
    frozenset({"MASK"}),
    frozenset({"ip"}),
)
ROLES = {
    "analysts": Who(users=("ann",), groups=("bi",), roles=("auditors",)),
    "auditors": Who(users=("eve",), roles=("analysts",)),  # in each other, as Ranger allows
}
SALES = resource_of({"database": Values(("sales",)), "table": Values(("*",))})
READ = Grant(Who(users=("ann",), groups=("bi",)), ("select",))


def translated(policy: Policy, facts: Facts = HIVE, **options: Any) -> Translation:
    chosen = PolicySyncOptions(**{"databases": {"sales": "sales_dr"}, **options})
    return Translator(chosen, facts, ROLES, {"secret"}).translate(policy)


def policy(**fields: Any) -> Policy:
    return Policy(**{"name": "p", "resources": (SALES,), "allow": (READ,), **fields})


def test_a_policy_comes_with_the_targets_names_of_databases_users_and_groups() -> None:
    made = translated(policy(), users={"ann": "anna"}, groups={"b*": "grp-b*"}, prefix="dr ").policy
    assert made == policy(
        name="dr p", resources=(resource_of({"database": Values(("sales_dr",)), "table": Values(("*",))}),),
        allow=(Grant(Who(users=("anna",), groups=("grp-bi",)), ("select",)),),
    )  # fmt: skip


@pytest.mark.parametrize(
    "fields", [{"is_enabled": False}, {"resources": (resource_of({"database": Values(("hr",))}),)}]
)
def test_what_is_disabled_or_not_of_what_is_replicated_is_no_matter_of_the_target(fields: dict[str, Any]) -> None:
    assert translated(policy(**fields)) == Translation()


def test_who_is_not_mapped_gets_nothing_and_is_reported() -> None:
    made = translated(policy(), users={"bob": "bob"}, groups={"bi": "bi"})
    assert made.policy is not None
    assert made.policy.allow == (replace(READ, who=Who(groups=("bi",))),)
    assert made.lost == ["user ann has no name at the target: they get nothing"]
    nobody = translated(policy(), users={"bob": "bob"}, groups={"x": "y"})
    assert nobody.policy is None
    assert nobody.lost[-1] == "nothing of it is left"


def test_what_is_denied_stays_denied_to_who_is_not_mapped() -> None:
    other = Grant(Who(users=("cid",)), ("select",))
    made = translated(
        policy(deny=(READ,), allow_except=(READ,), deny_except=(other,)), users={"bob": "bob"}, groups={"bi": "b"}
    )
    assert made.policy is not None
    kept = replace(READ, who=Who(users=("ann",), groups=("b",)))
    assert (made.policy.deny, made.policy.allow_except, made.policy.deny_except) == ((kept,), (kept,), ())
    assert "user ann has no name at the target: what is denied to them is denied to that name" in made.lost


def test_everybody_and_what_is_filled_in_later_need_no_name() -> None:
    line = Grant(Who(users=("{OWNER}",), groups=("public",)), ("select",))
    made = translated(policy(allow=(line,)), users={"a": "b"}, groups={"a": "b"}).policy
    assert made is not None
    assert made.allow == (line,)


def test_a_role_becomes_the_users_and_groups_in_it_also_of_roles_in_it() -> None:
    made = translated(policy(allow=(Grant(Who(roles=("analysts",)), ("select",)),))).policy
    assert made is not None
    assert made.allow[0].who == Who(users=("ann", "eve"), groups=("bi",))
    with pytest.raises(Inexpressible, match="who is in the role nobody"):
        translated(policy(allow=(Grant(Who(roles=("nobody",)), ("select",)),)))


def test_roles_can_be_kept_under_the_targets_names() -> None:
    line = Grant(Who(roles=("analysts", "x")), ("select",))
    made = translated(policy(allow=(line,)), roles_as="keep", roles={"analysts": "readers"})
    assert made.policy is not None
    assert made.policy.allow[0].who == Who(roles=("readers",))
    assert made.lost == ["role x has no name at the target: they get nothing"]


def test_accesses_that_the_target_does_not_know_are_left_out() -> None:
    made = translated(
        policy(allow=(replace(READ, accesses=("select", "fly")),), deny=(replace(READ, accesses=("fly",)),))
    )
    assert made.policy is not None
    assert (made.policy.allow, made.policy.deny) == ((READ,), ())
    assert made.lost == ["the target knows no access fly"]


def test_conditions_that_the_target_does_not_know_allow_nothing_and_deny_always() -> None:
    known, unknown = (Condition("ip", ("10.*",)),), (Condition("moon", ("full",)),)
    made = translated(
        policy(
            allow=(replace(READ, conditions=known), replace(READ, conditions=unknown)),
            deny=(replace(READ, conditions=unknown),),
        )
    )
    assert made.policy is not None
    assert made.policy.allow == (replace(READ, conditions=known),)
    assert made.policy.deny == (READ,)
    assert len(made.lost) == 2
    whole = translated(policy(conditions=unknown, deny=(READ,)))
    assert whole.policy is not None
    assert (whole.policy.allow, whole.policy.deny, whole.policy.conditions) == ((), (READ,), ())
    same = translated(policy(conditions=known)).policy
    assert same is not None
    assert (same.conditions, same.allow) == (known, (READ,))


def test_of_a_resource_known_only_when_asked_what_denies_holds_for_everything() -> None:
    own = resource_of({"database": Values(("db_{USER}",))})
    made = translated(policy(resources=(own,), deny=(READ,)))
    assert made.policy is not None
    assert made.policy.resources == (resource_of({"database": Values(("sales_dr",))}),)
    assert (made.policy.allow, made.policy.deny) == ((), (READ,))
    assert "only known when the question is asked" in made.lost[0]


def test_masks_and_filters_come_in_their_order_and_for_everybody_named() -> None:
    lines = (replace(READ, mask="MASK"), replace(READ, who=Who(users=("zoe",)), mask="MASK"))
    made = translated(policy(kind="mask", allow=lines), users={"bob": "bob"}, groups={"bi": "bi"}).policy
    assert made is not None
    assert made.allow == lines
    filtered = translated(policy(kind="row filter", allow=(replace(READ, row_filter="a = 1"),))).policy
    assert filtered is not None
    assert filtered.allow[0].row_filter == "a = 1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "mask", "allow": (replace(READ, mask="SMEAR"),)}, "no mask SMEAR"),
        ({"resources": (resource_of({"database": Values(("sales",)), "moon": Values(("x",))}),)}, "no moon"),
        ({"zone": "other"}, "no security zone other"),
    ],
)
def test_what_the_target_cannot_have_is_said(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Inexpressible, match=said):
        translated(policy(**fields))
    assert translated(policy(zone="secret")).policy is not None


@pytest.mark.parametrize("wrong", [{"deletes": "x"}, {"max_delete_ratio": 2}, {"databases": {}}, {"roles_as": "users"}])
def test_options_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        PolicySyncOptions(**{"databases": {"a": "b"}, **wrong})


def test_options_that_make_the_same_have_the_same_digest() -> None:
    one = PolicySyncOptions({"a": "b", "c": "d"})
    assert one.digest() == PolicySyncOptions({"c": "d", "a": "b"}, dry_run=True, holder="x").digest()
    assert one.digest() != PolicySyncOptions({"a": "b"}).digest()


NAMES = st.lists(st.sampled_from(["ann", "bob", "eve", "{USER}"]), max_size=2, unique=True).map(
    lambda names: tuple(sorted(names))
)
GROUPS = st.lists(st.sampled_from(["bi", "ops", "public"]), max_size=2, unique=True).map(
    lambda names: tuple(sorted(names))
)
WHO = st.builds(Who, NAMES, GROUPS, st.sampled_from([(), ("analysts",), ("auditors",)]))
ACCESSES = st.sampled_from([("select",), ("update",), ("select", "update"), ("fly", "select"), ("fly",)])
LINES = st.lists(st.builds(Grant, WHO, ACCESSES), max_size=2).map(tuple)
DATABASES = st.builds(
    Values, st.sampled_from([("sales",), ("s*",), ("*",), ("hr", "sales"), ("db_{USER}",), ("?r",)]), st.booleans()
)
TABLES = st.builds(Values, st.sampled_from([("*",), ("t1",), ("t?",)]), st.booleans())
RESOURCES = st.builds(lambda database, table: (resource_of({"database": database, "table": table}),), DATABASES, TABLES)
POLICIES = st.lists(
    st.builds(
        Policy, st.just("p"), resources=RESOURCES, allow=LINES, deny=LINES, allow_except=LINES, deny_except=LINES,
        is_enabled=st.booleans(), overrides=st.booleans(), denies_all_else=st.booleans(),
        conditions=st.sampled_from([(), (Condition("moon", ("full",)),)]),
    ), max_size=4,
)  # fmt: skip
QUESTIONS = [
    Question(user, groups, (("database", database), ("table", table)), access)
    for user, groups in (("ann", ("bi",)), ("bob", ()), ("eve", ("ops",)), ("zoe", ("bi", "ops")))
    for database in ("sales", "hr") for table in ("t1", "x") for access in ("select", "update")
]  # fmt: skip
MAPPED = [{}, {"users": {"ann": "ann", "eve": "eve"}}, {"groups": {"bi": "bi"}}]


@settings(max_examples=300)
@given(POLICIES, st.sampled_from(MAPPED), st.sampled_from(["members", "keep"]))
def test_nothing_is_allowed_that_the_source_does_not_allow(
    policies: list[Policy], mapped: dict[str, Any], roles_as: str
) -> None:
    options = {"databases": {"sales": "sales", "hr": "hr"}, "roles_as": roles_as, **mapped}
    there = [made for one in policies if (made := translated(one, **options).policy) is not None]
    for question in QUESTIONS:
        if is_allowed(there, question, ROLES):
            assert is_allowed(policies, question, ROLES, holds=True)
            assert is_allowed(policies, question, ROLES, holds=False)


@settings(max_examples=300)
@given(POLICIES)
def test_what_can_be_said_exactly_gives_the_same_answers(policies: list[Policy]) -> None:
    made = [translated(one, databases={"sales": "sales", "hr": "hr"}) for one in policies]
    lost = {text for one in made for text in one.lost}
    assume(lost <= {"the target knows no access fly", "nothing of it is left"})
    there = [one.policy for one in made if one.policy is not None]
    for question in QUESTIONS:
        assert is_allowed(there, question, ROLES) == is_allowed(policies, question, ROLES)


MASKED = Grant(Who(groups=("bi",)), ("select",), mask="MASK")
NOT_MASKED = Grant(Who(users=("ann",)), ("select",), mask="MASK_NONE")
MOON = (Condition("moon", ("full",)),)
MASKS = replace(HIVE, masks=frozenset({"MASK", "MASK_NONE"}))


@pytest.mark.parametrize(
    "fields",
    [
        {"allow": (replace(NOT_MASKED, conditions=MOON), MASKED)}, {"allow": (replace(MASKED, conditions=MOON), MASKED)},
        {"allow": (MASKED, replace(NOT_MASKED, conditions=MOON))}, {"allow": (NOT_MASKED, MASKED), "conditions": MOON},
    ],
)  # fmt: skip
def test_a_line_that_would_stand_before_others_without_its_condition_cannot_be_carried_over(
    fields: dict[str, Any],
) -> None:
    with pytest.raises(Inexpressible, match="hold in their order"):
        translated(policy(kind="mask", **fields), MASKS)


def test_the_last_line_of_a_mask_masks_without_its_condition() -> None:
    made = translated(policy(kind="mask", allow=(NOT_MASKED, replace(MASKED, conditions=MOON))), MASKS)
    assert made.policy is not None
    assert made.policy.allow == (NOT_MASKED, MASKED)


def test_nobody_is_spared_a_mask_by_a_name_that_is_somebody_elses_at_the_target() -> None:
    made = translated(policy(kind="mask", allow=(NOT_MASKED, MASKED)), MASKS, users={"bob": "ann"})
    assert made.policy is not None
    assert made.policy.allow == (MASKED,)
    translator = Translator(PolicySyncOptions(databases={"sales": "x"}, groups={"a": "b"}), MASKS, ROLES, ())
    translator.translate(policy(kind="mask", allow=(NOT_MASKED, MASKED)))
    assert translator.nameless == {"p"}
