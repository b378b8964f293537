"""Row filters and masks as functions of a table: nobody sees more than at the source, and who is under none sees all."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies import guard_plan
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, GrantStep
from airflow_provider_livedata.engine.policies.grants import granted
from airflow_provider_livedata.engine.policies.guard_plan import Function, GuardStep, Standing
from airflow_provider_livedata.engine.policies.guards import Around, Guard, Guarding, Table, guarded
from airflow_provider_livedata.engine.policies.model import Condition, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Permission, Place
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import tell_plan
from airflow_provider_livedata.engine.policies.unity_catalog import LANGUAGE

PAY = Place("sales", "pay")
TABLE = Table((("Id", "bigint"), ("country", "STRING"), ("ssn", "string")))
GROUPS = frozenset({"bi", "ops"})
AROUND = Around("session_user()", GROUPS)
BI, ANN, ALL = Who(groups=("bi",)), Who(users=("Ann",)), Who(groups=("public",))


def rows(*lines: tuple[Who, str], name: str = "f", table: str = "pay", **more: Any) -> Policy:
    on = resource_of({"database": Values(("sales",)), "table": Values((table,))})
    allow = tuple(Grant(who, ("select",), row_filter=text) for who, text in lines)
    return Policy(name, "row filter", (on,), **{"allow": allow, **more})


def mask(*lines: tuple[Who, str], name: str = "m", column: str = "ssn", excludes: bool = False) -> Policy:
    on = resource_of({"database": Values(("sales",)), "table": Values(("*",)), "column": Values((column,), excludes)})
    return Policy(name, "mask", (on,), allow=tuple(Grant(who, ("select",), mask=kind) for who, kind in lines))


def found(*policies: Policy, table: Table = TABLE, around: Around = AROUND) -> Guarding:
    return guarded(policies, {PAY: table}, around)


def why(*policies: Policy, **more: Any) -> str:
    made = found(*policies, **more)
    assert (made.guards, made.said.get(PAY)) == (set(), frozenset())
    (text,) = made.notes()
    return text


def test_the_first_line_that_fits_holds_and_who_is_in_none_sees_all() -> None:
    made = found(rows((ANN, ""), (BI, "country = 'EU'"), (Who(users=("bob",), groups=("ops",)), "id > 5")))
    (guard,) = made.guards
    assert guard.uses == (("country", "string"), ("Id", "bigint"))
    assert guard.body == (
        "CASE WHEN lower(session_user()) IN ('ann') THEN TRUE WHEN is_account_group_member('bi') OR is_member('bi') THEN coalesce((c0 = 'EU'), FALSE) "
        "WHEN lower(session_user()) IN ('bob') OR is_account_group_member('ops') OR is_member('ops') THEN coalesce((c1 > 5), FALSE) ELSE TRUE END"
    )
    assert str(guard).startswith("row filter of sales.pay: CASE")
    assert not guard.is_mask


def test_two_filters_of_a_table_both_hold() -> None:
    (guard,) = found(rows((BI, "id = 1")), rows((ALL, "id = 2"), name="g")).guards
    assert guard.body == (
        "(CASE WHEN is_account_group_member('bi') OR is_member('bi') THEN coalesce((c0 = 1), FALSE) ELSE TRUE END) AND (CASE WHEN TRUE THEN coalesce((c0 = 2), FALSE) ELSE TRUE END)"
    )
    assert guard.policies == ("f", "g")


def test_a_mask_is_a_function_of_its_column() -> None:
    (guard,) = found(mask((ANN, "MASK_NONE"), (ALL, "MASK_NULL"), column="ID")).guards
    assert (guard.place, guard.uses) == (Place("sales", "pay", "Id"), (("Id", "bigint"),))
    assert (
        guard.body
        == "CASE WHEN lower(session_user()) IN ('ann') THEN c0 WHEN TRUE THEN CAST(NULL AS bigint) ELSE c0 END"
    )


def test_lines_that_do_not_speak_of_reading_fit_nobody() -> None:
    other = replace(rows(), allow=(Grant(ALL, ("update",), row_filter="id = 1"),))
    (guard,) = found(other).guards
    assert guard.body == "TRUE"
    assert read(other) == {"SELECT bi", "SELECT ann", "MODIFY bi", "MODIFY ann"}


OWNER = Who(users=("{OWNER}",))


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (rows((BI, "upper(country) = 'A'")), "not of the few forms"), (rows((BI, "id = 'a'")), "not of one kind"),
        (rows((OWNER, "id = 1")), "known only when it is asked"), (rows((BI, "id = 1"), table="p_{USER}"), "of which tables it speaks"),
        (rows((Who(groups=("temps", "bi")), "id = 1")), "there is no group temps at the target"),
        (rows(allow=(Grant(BI, ("select",), conditions=(Condition("ip"),), row_filter="id = 1"),)), "under a condition"),
        (mask((BI, "MASK"), column="*"), "by a pattern"), (mask((BI, "MASK"), column="id", excludes=True), "by a pattern"),
        (mask((BI, "MASK"), column="ssn_{USER}"), "by a pattern"), (mask((BI, "MASK"), column="later"), "there is no column later"),
        (mask((BI, "MASK"), column="id"), "no exact counterpart"),
        (replace(mask((BI, "MASK")), resources=(resource_of({"database": Values(("sales",))}),)), "by a pattern"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_told_and_stands_nowhere(policy: Policy, text: str) -> None:
    assert text in why(policy)


def test_what_is_somebody_elses_or_takes_none_or_has_no_name_is_left_alone() -> None:
    both = (rows((BI, "id = 1")), mask((BI, "MASK")))
    assert "somebody else's" in why(both[0], table=replace(TABLE, theirs=frozenset({""})))
    assert "somebody else's" in why(both[1], table=replace(TABLE, theirs=frozenset({"SSN"})))
    assert "a view" in why(both[0], table=replace(TABLE, refuses="a view"))
    assert "no name" in why(both[1], around=replace(AROUND, nameless={"m"}))
    assert "by another name" in why(rows((BI, "country = current_user()")), around=replace(AROUND, me=""))


def test_two_masks_of_a_column_and_a_filter_of_a_masked_column_are_not_said() -> None:
    made = found(mask((BI, "MASK")), mask((ANN, "MASK"), name="n"))
    assert (made.guards, len(made.notes())) == (set(), 2)
    made = found(mask((BI, "MASK")), rows((BI, "ssn = 'x'")))
    assert [one.is_mask for one in made.guards] == [True]
    assert "which is masked itself" in made.notes()[0]


def test_policies_of_other_tables_and_those_that_are_disabled_say_nothing() -> None:
    url = resource_of({"url": Values(("s3://b",))})
    made = found(
        replace(rows((BI, "id = 1")), resources=(url,)),
        rows((BI, "id = 1"), table="orders"),
        replace(rows((BI, "id = 1")), is_enabled=False),
    )
    assert (made.guards, made.said, made.unsaid) == (set(), {}, {})


def test_a_name_tells_all_that_a_function_says() -> None:
    one = Guard(PAY, (("id", "int"),), "c0 = 1")
    others = [replace(one, place=Place("sales", "x")), replace(one, uses=(("b", "int"),)), replace(one, body="c0 = 2")]
    assert len({guard.function("s") for guard in [one, *others]} | {one.function("t")}) == 5
    assert one.function("s") == replace(one, policies=("p",)).function("s")


# ---- who is granted what under them


def read(*policies: Policy) -> set[str]:
    allow = Policy("a", resources=(resource_of({"database": Values(("sales",)), "table": Values(("*",)), "column": Values(("*",))}),),
                   allow=(Grant(Who(users=("ann",), groups=("bi",)), ("select", "update")),))  # fmt: skip
    said = found(*policies).said
    made = granted([allow, *policies], {"sales": {"pay": ()}}, LANGUAGE, (), said)
    return {f"{one.privilege} {one.principal}" for one in made.permissions if one.place.table}


def test_who_is_under_a_filter_reads_what_it_leaves_and_writes_nothing() -> None:
    assert read(rows((BI, "id = 1"))) == {"SELECT bi", "SELECT ann"}
    assert read(rows((BI, "rand() < 1"))) == set()
    assert read(mask((BI, "MASK"))) == {"SELECT bi", "SELECT ann"}
    assert read(rows((Who(users=("eve",)), "rand() < 1"))) == {"SELECT ann", "MODIFY ann"}  # eve may be in bi


# ---- in a database that evaluates the functions

WHO = st.sampled_from(
    [
        ALL,
        BI,
        Who(groups=("ops",)),
        Who(users=("ann",)),
        Who(users=("bob", "eve")),
        Who(users=("{USER}",)),
        Who(("ann",), ("ops",)),
    ]
)
TEXTS = st.sampled_from(
    [
        "",
        "id = 1",
        "id > 1",
        "country = 'EU'",
        "not (country = 'EU')",
        "country = current_user()",
        "1 = 0",
        "id is null",
    ]
)
LINES = st.lists(st.tuples(WHO, TEXTS), min_size=1, max_size=3)
PEOPLE = [("ann", ("bi",)), ("ann", ()), ("bob", ("ops",)), ("eve", ("bi", "ops")), ("zoe", ())]
DATA = [(1, "EU"), (2, "US"), (None, "ann"), (2, None), (1, "bob"), (None, None)]


def fits(who: Who, user: str, groups: tuple[str, ...]) -> bool:
    return user in who.users or "{USER}" in who.users or "public" in who.groups or bool(set(groups) & set(who.groups))


def at_source(policy: Policy, user: str, groups: tuple[str, ...]) -> str:
    """The filter of the first line that fits."""
    return next((line.row_filter for line in policy.allow if fits(line.who, user, groups)), "") or "1 = 1"


def shown(
    where: str, user: str, groups: tuple[str, ...], given_as: tuple[str, ...], local: tuple[str, ...] = ()
) -> set[int]:
    """Rows of which a text holds; ``given_as``: what the function calls c0, c1; ``local``: groups that the workspace alone has."""
    with sqlite3.connect(":memory:") as db:
        db.create_function("session_user", 0, lambda: user)
        db.create_function("current_person", 0, lambda: user)
        db.create_function("is_account_group_member", 1, lambda group: group in groups)
        db.create_function("is_member", 1, lambda group: group in (*groups, *local))
        db.execute("CREATE TABLE t (id INT, country TEXT, c0, c1)")
        for id_, country in DATA:
            by_name = {"Id": id_, "country": country}
            more = [by_name[name] for name in given_as] + [None] * (2 - len(given_as))
            db.execute("INSERT INTO t VALUES (?, ?, ?, ?)", (id_, country, *more))
        return {number for (number,) in db.execute(f"SELECT rowid FROM t WHERE {where}")}


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_each_sees_the_rows_that_they_see_at_the_source(lines: list[tuple[Who, str]]) -> None:
    policy = rows(*lines)
    (guard,) = found(policy).guards
    for user, groups in PEOPLE:
        there = shown(guard.body, user, groups, tuple(name for name, _ in guard.uses))
        assert there == shown(
            at_source(policy, user, groups).replace("current_user", "current_person"), user, groups, ()
        )


@settings(max_examples=100, deadline=None)
@given(LINES, LINES)
def test_of_two_policies_nobody_sees_more_than_by_either(
    one: list[tuple[Who, str]], other: list[tuple[Who, str]]
) -> None:
    policies = rows(*one), rows(*other, name="g")
    (guard,) = found(*policies).guards
    for user, groups in PEOPLE:
        there = shown(guard.body, user, groups, tuple(name for name, _ in guard.uses))
        for policy in policies:
            assert there <= shown(
                at_source(policy, user, groups).replace("current_user", "current_person"), user, groups, ()
            )


# ---- what is set and removed

ONE = Guard(PAY, (("Id", "bigint"),), "c0 = 1", ("f",))
OTHER = replace(ONE, body="c0 = 2")
NAME = ONE.function("s")


def standing(guard: Guard | None = ONE, *, sync: str = "s", **more: Any) -> Standing:
    if guard is None:
        return Standing({PAY: TABLE}, **more)
    name = ONE.function(sync)
    return Standing({PAY: TABLE}, {guard.place: name}, {name: Function(sync, guard)}, **more)


def steps(wanted: set[Guard], there: Standing, **more: Any) -> tuple[list[GuardStep], list[GuardStep]]:
    keeps = more.pop("keeps", ())
    return guard_plan.compare(
        wanted, there, "s", PolicySyncOptions(databases={"a": "b"}, **more), GrantPlan(), keeps=keeps
    )


def test_what_is_wanted_is_set_and_what_is_not_is_removed_where_it_is_ours() -> None:
    assert steps({ONE}, standing()) == ([], [])
    assert steps({ONE}, standing(None)) == ([GuardStep("set", ONE)], [])
    assert steps({OTHER}, standing()) == ([GuardStep("set", OTHER, ONE)], [])
    assert steps(set(), standing()) == ([], [GuardStep("unset", ONE, ONE)])
    assert steps(set(), standing(), deletes="keep") == ([], [])
    assert steps(set(), standing(), keeps=[PAY]) == ([], [])
    assert steps(set(), standing(sync="other")) == ([], [])
    with pytest.raises(BadInput, match="has the name of one of ours"):
        steps({ONE}, standing(None, taken=frozenset({NAME})))


def test_what_somebody_changed_of_ours_is_known() -> None:
    recorded = frozenset({(PAY, NAME)})
    assert guard_plan.changed(standing(), recorded, "s") == {}
    assert guard_plan.changed(standing(None), recorded, "s") == {PAY: "was removed, or replaced"}
    assert guard_plan.changed(standing(OTHER), recorded, "s") == {PAY: f"its function {NAME} was changed"}
    assert guard_plan.changed(Standing(), recorded, "s") == {}  # the table is gone


def test_what_is_not_this_syncs_is_somebody_elses() -> None:
    assert standing().seen_by("s", ()) == {PAY: TABLE}
    assert standing(sync="other").seen_by("s", ())[PAY].theirs == {""}
    assert standing().seen_by("s", [Place("sales", "pay", "ssn")])[PAY].theirs == {"ssn"}


def test_what_is_somebody_elses_of_a_table_hides_nothing_else_that_is_known_of_it() -> None:
    table = replace(TABLE, partitions=frozenset({"country"}))
    seen = Standing({PAY: table}, {PAY: "theirs"}).seen_by("s", ())[PAY]
    assert seen == replace(table, theirs=frozenset({""}))


def test_functions_that_nothing_asks_are_litter() -> None:
    assert standing().litter("s", {ONE}, [PAY]) == []
    assert standing().litter("s", {OTHER}, [PAY]) == [NAME]
    assert standing().litter("s", set(), []) == []
    assert standing().litter("other", set(), [PAY]) == []


def test_filters_stand_before_grants_and_go_after_them_and_a_removal_is_a_delete() -> None:
    plan = GrantPlan()
    grant, revoke = (GrantStep(action, Permission(PAY, "bi", "SELECT")) for action in ("grant", "revoke"))
    plan.steps = [revoke, grant]
    plan.place_guards([GuardStep("set", OTHER, ONE)], [GuardStep("unset", ONE, ONE)])
    assert [step.action for step in plan.steps] == ["revoke", "set", "grant", "unset"]
    assert plan.deletes() == 1
    report = PolicyReport("a", "b")
    tell_plan(report, plan)
    assert report.changes == [
        "- SELECT on sales.pay to bi", "- row filter of sales.pay: c0 = 1", "+ row filter of sales.pay: c0 = 2", "+ SELECT on sales.pay to bi",
        "- row filter of sales.pay: c0 = 1",
    ]  # fmt: skip
    plan.steps = [GuardStep("set", ONE)]
    tell_plan(report, plan)
    assert report.changes == ["+ row filter of sales.pay: c0 = 1"]
    plan.place_guards([GuardStep("set", OTHER, ONE)], [])
    assert plan.steps[0].name == "row filter of sales.pay"


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_groups_that_the_workspace_alone_has_are_under_lines_that_hide_as_those_of_the_account(
    lines: list[tuple[Who, str]],
) -> None:
    policy = rows(*lines)
    (guard,) = found(policy).guards
    names = tuple(name for name, _ in guard.uses)
    spared = {group for line in policy.allow if not line.row_filter.strip() for group in line.who.groups}
    for user, groups in PEOPLE:
        if not spared & set(groups):
            assert shown(guard.body, user, (), names, local=groups) == shown(guard.body, user, groups, names)


def test_a_group_that_the_workspace_alone_has_is_hidden_from_and_not_spared() -> None:
    (guard,) = found(rows((Who(groups=("ops",)), ""), (BI, "id = 1"))).guards
    names = tuple(name for name, _ in guard.uses)
    assert shown(guard.body, "eve", ("ops",), names) == set(range(1, len(DATA) + 1))
    hidden = {number for number, (id_, _) in enumerate(DATA, 1) if id_ == 1}
    assert shown(guard.body, "eve", (), names, local=("bi",)) == hidden
    assert shown(guard.body, "eve", (), names, local=("ops", "bi")) == hidden
