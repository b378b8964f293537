"""Roles of the source as roles of the target: exactly who is in the source's, or their members in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import TargetTouched
from airflow_provider_livedata.engine.policies.model import Facts, Grant, Origin, Policy, Role, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import Phase, PolicyPlan, RoleStep, Step, compare, guard
from airflow_provider_livedata.engine.policies.ranger_json import kept_role_of, role_json
from airflow_provider_livedata.engine.policies.review import described
from airflow_provider_livedata.engine.policies.roles import Mirrored, add_roles, mirrored
from airflow_provider_livedata.engine.policies.translate import Translator
from tests.unit.policy_answers import Question, is_allowed

HIVE = Facts("hive", frozenset({"select"}), frozenset({"database"}), frozenset({"MASK", "MASK_NONE"}))
OWNER = "https://ranger-a"
ANALYSTS = Who(users=("ann",), groups=("bi",), roles=("auditors",))
ROLES = {"analysts": ANALYSTS, "auditors": Who(users=("eve",))}


def on(*databases: str) -> Any:
    return (resource_of({"database": Values(databases)}),)


def to(*roles: str, **more: Any) -> tuple[Grant, ...]:
    return (Grant(Who(roles=roles), ("select",), **more),)


def options(**fields: Any) -> PolicySyncOptions:
    return PolicySyncOptions(**{"databases": {"sales": "sales", "hr": "hr"}, "roles_as": "mirror", **fields})


class Target:
    """What a sync leaves there, after each of its steps."""

    def __init__(self) -> None:
        self.policies: dict[int, Policy] = {}
        self.roles: dict[int, Role] = {}
        self.steps: list[Step | RoleStep] = []

    def plan(self, policies: Mapping[str, Policy], roles: Mapping[str, Who], chosen: PolicySyncOptions) -> PolicyPlan:
        mirror, there = mirrored(roles, chosen, self.roles.values(), OWNER), list(self.roles.values())
        translator = Translator(chosen, HIVE, roles, (), mirror.names)
        wanted = {key: made for key, one in policies.items() if (made := translator.translate(one).policy)}
        plan, held = PolicyPlan(seen=len(policies)), list(self.policies.values())
        compare(wanted, held, chosen, "prod", plan)
        add_roles(mirror, there, held, chosen, OWNER, plan)
        return plan

    def sync(self, policies: Mapping[str, Policy], roles: Mapping[str, Who], chosen: PolicySyncOptions) -> None:
        self.steps = self.plan(policies, roles, chosen).steps
        for step in self.steps:
            self.do(step)

    def do(self, step: Step | RoleStep) -> None:
        if isinstance(step, RoleStep):
            _kept(self.roles, step.before, step.after)
        else:
            _kept(self.policies, step.before, step.after)

    def allows(self, question: Question) -> bool:
        return is_allowed(self.policies.values(), question, {one.name: one.who for one in self.roles.values()})


def _kept(there: dict[int, Any], before: Any, after: Any) -> None:
    if after is None:
        del there[before.number]
    elif before is None:
        assert after.name not in {one.name for one in there.values()}
        number = max(there, default=0) + 1
        there[number] = replace(after, number=number)
    else:
        number = next(number for number, one in there.items() if one.name == before.name)
        there[number] = replace(after, number=number)


def told(steps: list[Step | RoleStep]) -> list[tuple[str, str]]:
    return [(one.action, one.name) for one in steps]


def test_roles_that_policies_name_are_made_before_them_and_those_in_a_role_before_it() -> None:
    target = Target()
    target.sync({"7": Policy("p", resources=on("sales"), allow=to("analysts"))}, {**ROLES, "unused": Who()}, options())
    assert told(target.steps) == [("create role", "auditors"), ("create role", "analysts"), ("create", "livedata p")]
    assert [one.who for one in target.roles.values()] == [Who(users=("eve",)), ANALYSTS]
    assert [one.origin and one.origin.policy for one in target.roles.values()] == ["auditors", "analysts"]
    assert next(iter(target.policies.values())).allow == to("analysts")


def test_roles_and_who_is_in_them_have_the_targets_names() -> None:
    target = Target()
    chosen = options(roles={"a*": "dr-a*"}, users={"ann": "anna", "eve": "eva"}, groups={"bi": "grp-bi"})
    target.sync({"7": Policy("p", resources=on("sales"), allow=to("analysts"))}, ROLES, chosen)
    assert {one.name: one.who for one in target.roles.values()} == {
        "dr-auditors": Who(users=("eva",)),
        "dr-analysts": Who(users=("anna",), groups=("grp-bi",), roles=("dr-auditors",)),
    }


OWN = [Role("Auditors", Who(users=("x",)), number=3)]


@pytest.mark.parametrize(
    ("fields", "there", "why"),
    [
        ({}, OWN, "somebody's own role at the target is called auditors"),
        ({}, [replace(OWN[0], origin=Origin("another", "auditors", ""))], "somebody's own role at the target is called auditors"),
        ({"roles": {"analysts": "analysts"}}, [], "it has no name at the target"),
        ({"roles": {"analysts": "x", "auditors": "x"}}, [], "several roles would be called x"),
        ({"users": {"ann": "ann"}}, [], "user eve in it has no name at the target"),
    ],
)  # fmt: skip
def test_a_role_that_cannot_be_one_of_the_target_is_replaced_by_who_is_in_it(
    fields: dict[str, Any], there: list[Role], why: str
) -> None:
    found = mirrored(ROLES, options(**fields), there, OWNER)
    assert found.names == {}
    assert found.why_not["auditors"] == why
    if why != "several roles would be called x":
        assert found.why_not["analysts"] == "the role auditors in it cannot be one of the target"
    translator = Translator(options(**fields), HIVE, ROLES, (), found.names)
    made = translator.translate(Policy("p", resources=on("sales"), deny=to("analysts"))).policy
    assert made is not None
    assert made.deny[0].who == Who(users=("ann", "eve"), groups=("bi",))
    assert translator.flattened == {"analysts"}


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        ({"a": Who(users=("{OWNER}",))}, "user {OWNER} in it has no name at the target"),
        ({"a": Who(roles=("b",)), "b": Who(roles=("a",))}, "it is in itself"),
        ({"a": Who(roles=("gone",))}, "the role gone in it cannot be one of the target"),
    ],
)
def test_roles_that_ranger_would_not_take_are_replaced(roles: dict[str, Who], why: str) -> None:
    assert mirrored(roles, options(), [], OWNER).why_not["a"] == why


def test_a_second_sync_changes_nothing_and_another_service_of_the_same_source_uses_the_same_roles() -> None:
    target, policies = Target(), {"7": Policy("p", resources=on("sales"), allow=to("analysts"))}
    target.sync(policies, ROLES, options())
    assert target.plan(policies, ROLES, options()).steps == []
    files = Target()
    files.roles = target.roles
    assert told(files.plan(policies, ROLES, options()).steps) == [("create", "livedata p")]


@pytest.mark.parametrize(
    ("policy", "phases", "halfway"),
    [
        ({"allow": to("analysts")}, [Phase.ROLES_NARROW, Phase.ROLES_WIDEN], ()),
        ({"deny": to("analysts")}, [Phase.ROLES_NARROW, Phase.ROLES_DENIED_NO_MORE], ("ann", "zoe")),
        ({"allow": to("analysts"), "allow_except": to("analysts")}, [Phase.ROLES_OF_BOTH], ("zoe",)),
        ({"kind": "mask", "allow": to("analysts", mask="MASK")}, [Phase.ROLES_NARROW, Phase.ROLES_DENIED_NO_MORE], ("ann", "zoe")),
        ({"kind": "mask", "allow": to("analysts", mask="MASK_NONE")}, [Phase.ROLES_NARROW, Phase.ROLES_WIDEN], ()),
    ],
)  # fmt: skip
def test_who_joins_and_who_leaves_does_so_when_nobody_may_more_for_it(
    policy: dict[str, Any], phases: list[Phase], halfway: tuple[str, ...]
) -> None:
    target, policies = Target(), {"7": Policy("p", resources=on("sales"), **policy)}
    target.sync(policies, {"analysts": Who(users=("ann",), groups=("bi",))}, options())
    plan = target.plan(policies, {"analysts": Who(users=("zoe",), groups=("bi",))}, options())
    steps = [one for one in plan.steps if isinstance(one, RoleStep)]
    assert [one.phase for one in steps] == phases
    assert steps[0].after is not None
    assert steps[0].after.who.users == halfway
    assert steps[-1].after is not None
    assert steps[-1].after.who == Who(users=("zoe",), groups=("bi",))


@pytest.mark.parametrize(("users", "phase"), [(("ann", "zoe"), Phase.ROLES_WIDEN), ((), Phase.ROLES_NARROW)])
def test_a_role_that_only_gains_or_only_loses_is_changed_once(users: tuple[str, ...], phase: Phase) -> None:
    target, policies = Target(), {"7": Policy("p", resources=on("sales"), allow=to("a"))}
    target.sync(policies, {"a": Who(users=("ann",))}, options())
    (step,) = target.plan(policies, {"a": Who(users=users)}, options()).steps
    assert isinstance(step, RoleStep)
    assert step.phase == phase
    assert list(described(step))[0] == "update role a"


def test_a_role_that_no_policy_names_any_more_goes_last_the_outer_first_or_is_kept() -> None:
    target = Target()
    target.sync({"7": Policy("p", resources=on("sales"), allow=to("analysts"))}, ROLES, options())
    own = replace(next(iter(target.policies.values())), name="own", number=90, origin=None, allow=to("auditors"))
    plan = target.plan({}, ROLES, options())
    assert told(plan.steps) == [("delete", "livedata p"), ("delete role", "analysts"), ("delete role", "auditors")]
    assert target.plan({}, ROLES, options(deletes="keep")).steps == []
    target.policies[90] = own  # somebody's own policy names it
    assert told(target.plan({}, ROLES, options()).steps)[1:] == [("delete role", "analysts")]


def test_roles_that_the_source_has_no_more_go_the_outer_first_too() -> None:
    target, nested = Target(), {"outer": Who(roles=("inner",)), "inner": Who(users=("eve",))}
    target.sync({"7": Policy("p", resources=on("sales"), allow=to("outer"))}, nested, options())
    assert told(target.plan({}, {}, options()).steps)[1:] == [("delete role", "outer"), ("delete role", "inner")]


def test_a_role_that_somebody_changed_is_told_and_by_choice_overwritten_or_kept() -> None:
    target, policies = Target(), {"7": Policy("p", resources=on("sales"), allow=to("auditors"))}
    target.sync(policies, ROLES, options())
    target.roles[1] = replace(target.roles[1], who=Who(users=("mallory",)))
    plan = target.plan(policies, ROLES, options())
    assert (plan.touched, told(plan.steps)) == (["role auditors"], [("update role", "auditors")] * 2)
    with pytest.raises(TargetTouched, match="somebody changed"):
        guard(plan, options())
    kept = target.plan(policies, ROLES, options(changed_at_target="keep"))
    assert (kept.touched, kept.steps) == (["role auditors"], [])
    assert target.plan({}, ROLES, options(changed_at_target="keep")).touched == ["role auditors"]


def test_who_may_put_others_in_goes_on_doing_so_while_they_are_in_it() -> None:
    target, policies = Target(), {"7": Policy("p", resources=on("sales"), allow=to("a"))}
    target.sync(policies, {"a": Who(users=("ann", "eve"))}, options())
    target.roles[1] = replace(target.roles[1], grantors=Who(users=("ann", "eve")))
    target.sync(policies, {"a": Who(users=("ann", "zoe"))}, options())
    assert target.roles[1].grantors == Who(users=("ann",))


def test_a_refused_role_stops_the_sync_only_where_something_is_denied_to_it() -> None:
    policies = {
        "7": Policy("p", resources=on("sales"), allow=to("analysts")),
        "8": Policy("d", resources=on("hr"), deny=to("auditors")),
    }
    steps = [one for one in Target().plan(policies, ROLES, options()).steps if isinstance(one, RoleStep)]
    assert {one.name: one.fails_alone for one in steps} == {"analysts": True, "auditors": False}


def test_a_refused_policy_stops_the_sync_where_it_denies_or_did() -> None:
    allow, deny = Policy("a", allow=to("x")), Policy("d", deny=to("x"))
    alone = [
        Step(None, allow),
        Step(allow, allow),
        Step(None, deny),
        Step(deny, allow),
        Step(allow, deny),
        Step(allow, None),
    ]
    assert [one.fails_alone for one in alone] == [True, True, False, False, False, False]


def test_what_was_done_is_counted_by_its_kind() -> None:
    role = Role("r", Who(), number=3)
    steps = [
        RoleStep(None, role, Phase.ROLES_MADE),
        RoleStep(role, role, Phase.ROLES_WIDEN),
        RoleStep(role, None, Phase.ROLES_GONE),
    ]
    assert [one.done for one in steps] == ["roles created", "roles updated", "roles deleted"]
    assert Step(None, Policy("p")).done == "created"
    assert (role.as_new().number, role.as_new().name) == (0, "r")


def test_what_was_sent_is_known_again_whatever_number_it_has() -> None:
    role, policy = Role("r", Who(), origin=Origin(OWNER, "r")), Policy("p", zone="vault", origin=Origin("prod", "7"))
    assert replace(role, number=9, who=Who(users=("x",))).sent == role.sent
    assert replace(policy, number=9, version=2).sent == policy.sent
    assert replace(role, origin=None).sent != role.sent
    assert replace(policy, zone="").sent != policy.sent


def test_a_role_comes_back_from_ranger_as_it_was_sent() -> None:
    who = Who(users=("ann", "eve"), groups=("bi",), roles=("inner",))
    role = Role("analysts", who, Who(users=("eve",)), 7, Origin(OWNER, "analysts", "abc"))
    assert kept_role_of(role_json(role)) == role
    assert "id" not in role_json(role.as_new())
    own = Role("own", Who(users=("ann",)))
    assert kept_role_of({**role_json(own), "options": {"other": 1}}) == own
    assert kept_role_of({"name": "bare"}) == Role("bare", Who())


PEOPLE = st.sets(st.sampled_from(["ann", "bob", "eve"]))
GROUPS = st.sets(st.sampled_from(["bi", "ops"]))


def _who(users: set[str], groups: set[str], roles: tuple[str, ...] = ()) -> Who:
    return Who(tuple(sorted(users)), tuple(sorted(groups)), roles)


MEMBERS = st.tuples(PEOPLE, GROUPS)
GRAPHS = st.builds(
    lambda a, b, c, outer: {"a": _who(a[0], a[1], ("b",) if outer else ()), "b": _who(b[0], b[1]), "c": _who(c[0], c[1])},
    MEMBERS, MEMBERS, MEMBERS, st.booleans(),
)  # fmt: skip
LINES = st.builds(
    lambda users, roles: (Grant(Who(tuple(sorted(users)), (), tuple(sorted(roles))), ("select",)),) if users or roles else (),
    PEOPLE, st.sets(st.sampled_from(["a", "b", "c"]), max_size=2),
)  # fmt: skip
POLICIES = st.dictionaries(
    st.sampled_from(["7", "8", "9"]),
    st.builds(
        lambda name, tables, is_deny, lines: Policy(name, resources=on(*sorted(tables)), **{"deny" if is_deny else "allow": lines}),
        st.sampled_from(["x", "y", "z"]), st.sets(st.sampled_from(["sales", "hr"]), min_size=1), st.booleans(), LINES,
    ),
)  # fmt: skip
STATES = st.tuples(POLICIES, GRAPHS)
ASKED = [
    Question(user, groups, (("database", database),), "select")
    for user, groups in (("ann", ("bi",)), ("bob", ()), ("eve", ("ops",)), ("zoe", ("bi", "ops"))) for database in ("sales", "hr")
]  # fmt: skip
MAPPED: list[dict[str, Any]] = [{}, {"users": {"ann": "ann", "eve": "eve"}}, {"roles": {"a": "a", "c": "c"}}]


@settings(max_examples=400)
@given(STATES, STATES, st.sampled_from(MAPPED))
def test_after_a_sync_the_answers_are_the_sources_and_at_no_time_is_more_allowed_than_before_or_after(
    first: tuple[dict[str, Policy], dict[str, Who]], then: tuple[dict[str, Policy], dict[str, Who]], mapped: dict[str, Any]
) -> None:  # fmt: skip
    target = Target()
    for policies, roles in (first, then):
        before = [target.allows(one) for one in ASKED]
        steps = target.plan(policies, roles, options(**mapped)).steps
        seen = []
        for step in steps:
            target.do(step)
            seen.append([target.allows(one) for one in ASKED])
        after = [target.allows(one) for one in ASKED]
        for question, allowed in zip(ASKED, after, strict=True):
            expected = is_allowed(policies.values(), question, roles)
            assert not allowed or expected
            if "users" not in mapped:
                assert allowed == expected
        assert target.plan(policies, roles, options(**mapped)).steps == []
        if not any(isinstance(one, RoleStep) and one.phase is Phase.ROLES_OF_BOTH for one in steps) and _is_plain(
            steps
        ):
            for state in seen:
                assert [
                    now for now, was, will in zip(state, before, after, strict=True) if now and not (was or will)
                ] == []


def _is_plain(steps: list[Step | RoleStep]) -> bool:
    """A denial that is of others now, or of something else, narrows and widens at once: that is not roles' matter."""
    updates = [(one.before, one.after) for one in steps if isinstance(one, Step) and one.before and one.after]
    return not any((before.restricts or after.restricts) for before, after in updates)


def test_nothing_is_to_be_done_where_no_policy_names_a_role() -> None:
    plan = PolicyPlan()
    add_roles(Mirrored({}, {}, {}), [], [], options(), OWNER, plan)
    assert plan.steps == []
