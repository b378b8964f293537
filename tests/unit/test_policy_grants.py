"""What policies become where grants alone can be said: never more than the source allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.policies import lake_formation, unity_catalog
from airflow_provider_livedata.engine.policies.grants import granted, told
from airflow_provider_livedata.engine.policies.model import (
    Condition,
    Facts,
    Grant,
    Policy,
    SecurityZone,
    Values,
    Who,
    resource_of,
)
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import EVERY, Granted, Language, Permission, Place
from airflow_provider_livedata.engine.policies.translate import Translator
from airflow_provider_livedata.engine.policies.verdicts import IMPLIED
from tests.unit.policy_answers import Question, is_allowed

UNITY = unity_catalog.LANGUAGE
LAKE = replace(lake_formation.LANGUAGE, problem_with=lambda name: "")
LANGUAGES = {"unity": UNITY, "lake": LAKE}
COLUMNS = {"unity": (), "lake": ("id", "ssn")}
ANN, BI = Who(users=("ann",)), Who(groups=("bi",))


def reads(who: Who, *accesses: str, **more: Any) -> Grant:
    return Grant(who, accesses or ("select",), **more)


def on(database: str = "sales", table: str = "*", column: str = "*", **excludes: bool) -> Any:
    named = {"database": database, "table": table, "column": column}
    return resource_of({
        part: Values(tuple(name.split(",")), excludes=excludes.get(part, False)) for part, name in named.items()
    })  # fmt: skip


def policy(*resources: Any, **fields: Any) -> Policy:
    return Policy(**{"name": "p", "resources": resources or (on(),), "allow": (reads(BI),), **fields})


def made(*policies: Policy, language: str = "unity", zones: Any = ()) -> Granted:
    tables = {"orders": COLUMNS[language], "pay": COLUMNS[language]}
    return granted(policies, {"sales": tables}, LANGUAGES[language], zones)


def shown(found: Granted) -> list[str]:
    return sorted(map(str, found.permissions))


def test_a_rule_of_all_tables_of_a_database_becomes_one_grant_and_what_leads_there() -> None:
    assert shown(made(policy())) == [
        "SELECT on sales.* to bi", "USE CATALOG on the catalogue to bi", "USE SCHEMA on sales to bi"
    ]  # fmt: skip
    assert shown(made(policy(), language="lake")) == ["SELECT on sales.* to bi"]


@pytest.mark.parametrize("table", ["orders,pay", "o*,pay", "?*"])
def test_any_other_pattern_becomes_grants_on_the_tables_that_are_there_now(table: str) -> None:
    assert shown(made(policy(on(table=table)), language="lake")) == [
        "SELECT on sales.orders to bi", "SELECT on sales.pay to bi"
    ]  # fmt: skip


def test_a_denial_takes_what_it_hits_out_of_the_grants() -> None:
    denied = policy(on(table="pay"), name="no pay", allow=(), deny=(reads(BI),))
    found = made(policy(), denied, language="lake")
    assert shown(found) == ["SELECT on sales.orders to bi"]
    assert found.lost == ()  # the source does not allow it either


def test_a_denial_of_a_group_may_hit_any_user_and_any_other_group() -> None:
    who = Who(users=("ann",), groups=("bi",))
    denied = policy(on(table="pay"), name="no pay", allow=(), deny=(reads(Who(groups=("temps",))),))
    found = made(policy(allow=(reads(who),)), denied, language="lake")
    assert shown(found) == ["SELECT on sales.orders to ann", "SELECT on sales.orders to bi"]
    assert told(found.lost) == [
        "ann gets no select on sales.pay.id, sales.pay.ssn: it may be denied, or changed, to some of them by no pay",
        "bi gets no select on sales.pay.id, sales.pay.ssn: it may be denied, or changed, to some of them by no pay",
    ]


def test_a_denial_of_a_user_hits_that_user_and_all_groups_and_no_other_user() -> None:
    who = Who(users=("ann", "bob"), groups=("bi",))
    found = made(policy(allow=(reads(who),)), policy(name="d", allow=(), deny=(reads(ANN),)))
    assert shown(found) == [
        "SELECT on sales.* to bob", "USE CATALOG on the catalogue to bob", "USE SCHEMA on sales to bob"
    ]  # fmt: skip
    assert {one.principal for one in found.lost} == {"bi"}


def test_an_exception_counts_for_who_surely_is_in_it_where_it_widens_and_for_who_may_be_where_it_narrows() -> None:
    both = reads(Who(users=("ann",), groups=("bi",)))
    temps = reads(Who(groups=("temps",)))
    widens = policy(name="d", allow=(), deny=(both,), deny_except=(temps,))
    assert not made(policy(allow=(both,)), widens).permissions
    spared = replace(widens, deny_except=(both,))
    assert {one.principal for one in made(policy(allow=(both,)), spared).permissions} == {"ann", "bi"}
    narrows = policy(allow=(both,), allow_except=(temps,))
    assert not made(narrows).permissions
    named = made(policy(allow=(both,), allow_except=(reads(Who(users=("eve",))),)))
    assert {one.principal for one in named.permissions} == {"ann"}
    assert {one.principal for one in named.lost} == {"bi"}


def test_a_policy_that_overrides_holds_before_all_others_and_one_that_denies_all_else_denies_the_rest() -> None:
    denied = policy(name="d", allow=(), deny=(reads(Who(groups=("public",))),))
    first = policy(name="o", overrides=True)
    assert "SELECT on sales.* to bi" in shown(made(first, denied))
    against = replace(denied, overrides=True)
    assert not made(policy(), against).permissions
    assert made(policy(), against).lost == ()
    else_denied = policy(name="e", allow=(reads(ANN),), denies_all_else=True)
    found = made(policy(), else_denied)
    assert {one.principal for one in found.permissions} == {"ann"}
    assert {one.principal for one in found.lost} == {"bi"}  # ann may be in bi


def test_a_policy_of_tables_alone_allows_no_columns_and_is_told() -> None:
    table = resource_of({"database": Values(("sales",)), "table": Values(("pay",))})
    found = made(policy(table))
    assert not found.permissions
    assert told(found.lost) == ["bi gets no select on sales.pay: the source allows it on parts, or in cases, alone"]


def test_a_denied_column_leaves_the_others_where_columns_can_be_granted_and_else_nothing() -> None:
    denied = policy(on(table="pay", column="ssn"), name="d", allow=(), deny=(reads(BI),))
    assert shown(made(policy(), denied, language="lake")) == [
        "SELECT on sales.orders to bi", "SELECT on sales.pay.id to bi"
    ]  # fmt: skip
    found = made(policy(), denied)
    assert "SELECT on sales.orders to bi" in shown(found)
    assert not any("pay" in one for one in shown(found))
    assert told(found.lost) == ["bi gets no select on sales.pay: it may be denied, or changed, to some of them by d"]


def test_a_mask_takes_the_column_and_the_right_to_write_and_a_row_filter_takes_the_table() -> None:
    both = reads(BI, "select", "update")
    mask = policy(on(table="pay", column="ssn"), name="m", kind="mask", allow=(reads(BI, mask="MASK"),))
    assert shown(made(policy(allow=(both,)), mask, language="lake")) == [
        "DELETE on sales.orders to bi", "INSERT on sales.orders to bi", "SELECT on sales.orders to bi", "SELECT on sales.pay.id to bi"
    ]  # fmt: skip
    table = resource_of({"database": Values(("sales",)), "table": Values(("pay",))})
    rows = policy(table, name="f", kind="row filter", allow=(reads(BI, row_filter="a = 1"),))
    found = made(policy(allow=(both,)), rows, language="lake")
    assert not any("pay" in one for one in shown(found))
    assert told(found.lost) == [
        f"bi gets no {access} on sales.pay: it may be denied, or changed, to some of them by the row filter of f"
        for access in ("select", "update")
    ]


def test_who_is_surely_not_masked_reads_on() -> None:
    lines = (reads(ANN, mask="MASK_NONE"), reads(Who(groups=("public",)), mask="MASK"))
    mask = policy(on(table="pay"), name="m", kind="mask", allow=lines)
    assert "SELECT on sales.pay to ann" in shown(made(policy(allow=(reads(ANN),)), mask, language="lake"))
    others = replace(mask, allow=(reads(Who(users=("bob",)), mask="MASK"),))
    assert "SELECT on sales.* to ann" in shown(made(policy(allow=(reads(ANN),)), others, language="lake"))
    rows = replace(mask, kind="row filter", allow=(reads(ANN, row_filter=" "), reads(BI, row_filter="a = 1")))
    assert "SELECT on sales.pay to ann" in shown(made(policy(allow=(reads(ANN),)), rows, language="lake"))


def test_everybody_has_a_name_at_unity_catalog_and_none_at_lake_formation() -> None:
    for who in (Who(groups=("public",)), Who(users=("{USER}",))):
        assert "SELECT on sales.* to account users" in shown(made(policy(allow=(reads(who),))))
        found = made(policy(allow=(reads(who),)), language="lake")
        assert not found.permissions
        assert told(found.lost) == [
            "public gets no select on sales.orders, sales.pay: Lake Formation has no name for everybody"
        ]


def test_each_access_becomes_what_the_target_calls_it_and_all_becomes_all_of_these() -> None:
    everything = policy(allow=(reads(BI, "all"),))
    assert shown(made(everything)) == [
        "CREATE TABLE on sales to bi", "MODIFY on sales.* to bi", "SELECT on sales.* to bi", "USE CATALOG on the catalogue to bi",
        "USE SCHEMA on sales to bi",
    ]  # fmt: skip
    assert shown(made(everything, language="lake")) == [
        "ALTER on sales to bi", "ALTER on sales.* to bi", "CREATE_TABLE on sales to bi", "DELETE on sales.* to bi", "DROP on sales to bi",
        "DROP on sales.* to bi", "INSERT on sales.* to bi", "SELECT on sales.* to bi",
    ]  # fmt: skip
    found = made(policy(allow=(reads(BI, "lock", "select"),)))
    assert found.notes == ("p: Unity Catalog has no counterpart of lock",)


def test_the_right_to_create_some_tables_alone_is_told() -> None:
    some = policy(on(table="t*"), allow=(reads(BI, "create"),))
    alone = policy(resource_of({"database": Values(("sales",))}), allow=(reads(BI, "create"),))
    for one in (some, alone):
        found = made(one)
        assert not found.permissions
        assert told(found.lost) == ["bi gets no create on sales: the source allows it on parts, or in cases, alone"]


def test_the_grant_option_comes_where_the_target_has_one() -> None:
    passing = policy(allow=(reads(BI, may_grant=True),))
    assert shown(made(passing, language="lake")) == ["SELECT on sales.* to bi with grant option"]
    found = made(passing)
    assert not any(one.may_grant for one in found.permissions)
    assert told(found.lost) == ["bi gets no grant option of select on sales.*: Unity Catalog has none"]


def test_what_a_policy_has_that_no_grant_can_say_is_told() -> None:
    path = resource_of({"url": Values(("s3://b/x",))})
    found = made(
        policy(validity=("soon",)),
        policy(name="q", zone="z"),
        policy(path, name="r"),
        policy(name="s", is_enabled=False),
    )
    assert not found.permissions
    assert found.notes == (
        "p: what is allowed for a time is not granted; what is denied for a time is denied always",
        "q: nothing is granted by policies of a security zone (z)",
        "r: Unity Catalog grants nothing on URLs and functions of Hive",
    )


def test_nothing_is_granted_in_a_security_zone_where_other_policies_hold() -> None:
    zone = SecurityZone("z", (resource_of({"database": Values(("sales",)), "table": Values(("pay",))}),))
    found = made(policy(allow=(reads(BI, "select", "create"),)), language="lake", zones=[zone])
    assert shown(found) == ["SELECT on sales.orders to bi"]
    assert [one.why for one in found.lost] == [
        "it may be denied, or changed, to some of them by the security zone z"
    ] * 2


def test_a_name_that_is_nobodys_at_the_target_gets_nothing() -> None:
    found = granted([policy()], {"sales": {"orders": ("id",)}}, lake_formation.LANGUAGE)
    assert not found.permissions
    assert told(found.lost) == [
        "bi gets no select on sales.orders: it is no ARN; map users and groups to those of IAM or of Identity Center"
    ]
    arn = "arn:aws:iam::123456789012:role/bi"
    found = granted([policy(allow=(reads(Who(groups=(arn,))),))], {"sales": {"t": ()}}, lake_formation.LANGUAGE)
    assert found.permissions == {Permission(Place("sales", EVERY), arn, "SELECT")}


def test_names_that_are_known_only_when_asked_allow_nothing_and_deny_to_all() -> None:
    owner = Who(users=("{OWNER}",))
    assert not made(policy(allow=(reads(owner),))).permissions
    assert not made(policy(), policy(name="d", allow=(), deny=(reads(owner),))).permissions
    own = policy(on(table="t_{USER}"))
    assert not made(own).permissions
    other = replace(own, name="d", allow=(), deny=(reads(BI),))
    found = made(policy(), other)
    assert {one.principal for one in found.lost} == {"bi"}


def test_a_long_list_is_told_by_its_first() -> None:
    tables = {f"t{i}": () for i in range(5)}
    denied = policy(on(table="t?"), name="d", allow=(), deny=(reads(ANN),))
    found = granted([policy(on(table="t*")), denied], {"sales": tables}, UNITY)
    assert told(found.lost) == [
        "bi gets no select on sales.t0, sales.t1, sales.t2 and 2 more: it may be denied, or changed, to some of them by d"
    ]


# ---- never more than the source allows, and what is not reported is allowed

# Mostly what is common, so that policies often meet: rules of all tables, one name a line, reads.
NAMES = st.sampled_from([(), (), ("ann",), ("ann",), ("bob",), ("eve",), ("ann", "{OWNER}"), ("{USER}",)])
GROUPS = st.sampled_from([(), (), ("bi",), ("bi",), ("ops",), ("public",), ("bi", "ops")])
WHO = st.builds(Who, NAMES, GROUPS, st.sampled_from([(), (), (), (), ("analysts",)]))
ROLES = {"analysts": Who(users=("ann",), groups=("bi",))}
ACCESSES = st.sampled_from([
    ("select",), ("select",), ("select",), ("update",), ("select", "update"), ("all",), ("create", "drop"), ("alter", "fly"),
])  # fmt: skip
LINES = st.lists(st.builds(Grant, WHO, ACCESSES), min_size=1, max_size=2).map(tuple)
FEW = st.one_of(st.just(()), st.just(()), LINES)
SELDOM = st.sampled_from([False, False, False, False, True])
DATABASES = st.builds(
    Values, st.sampled_from([("sales",), ("sales",), ("*",), ("s*",), ("HR", "sales"), ("?r",)]), SELDOM
)
TABLES = st.builds(Values, st.sampled_from([("*",), ("*",), ("*",), ("t1",), ("t?",), ("T1", "x")]), SELDOM)
COLS = st.builds(Values, st.sampled_from([("*",), ("*",), ("*",), ("id",), ("s*",)]), SELDOM)
WHOLE = st.builds(lambda d, t, c: resource_of({"database": d, "table": t, "column": c}), DATABASES, TABLES, COLS)
RESOURCES = st.one_of(
    WHOLE, WHOLE, WHOLE,
    st.builds(lambda d, t: resource_of({"database": d, "table": t}), DATABASES, TABLES),
    st.builds(lambda d: resource_of({"database": d}), DATABASES),
)  # fmt: skip
SOME = st.lists(RESOURCES, min_size=1, max_size=2).map(tuple)
ALLOWING = st.builds(Policy, st.just("p"), resources=SOME, allow=LINES)
ANY = st.builds(
    Policy, st.just("q"), resources=SOME, allow=FEW, deny=FEW, allow_except=FEW, deny_except=FEW,
    is_enabled=SELDOM.map(lambda one: not one), overrides=SELDOM, denies_all_else=SELDOM,
    conditions=st.sampled_from([(), (), (), (), (Condition("moon", ("full",)),)]),
    validity=st.sampled_from([(), (), (), (), ("{}",)]),
)  # fmt: skip
ONE = st.sampled_from([Who(users=("ann",)), Who(users=("eve",)), Who(groups=("bi",)), Who(groups=("ops",))])
MET = st.builds(  # one is allowed what another is denied
    lambda allowed, denied, spared, on_: [
        Policy("a", resources=(on("sales"),), allow=(Grant(allowed, ("select",)),)),
        Policy("d", resources=on_, deny=(Grant(denied, ("select",)),), deny_except=tuple(Grant(one, ("select",)) for one in spared)),
    ], ONE, ONE, st.sampled_from([(), (), (ANN,), (BI,)]), SOME,
)  # fmt: skip
POLICIES = st.one_of(
    MET,
    st.tuples(ALLOWING, st.lists(st.one_of(ALLOWING, ANY, ANY), min_size=0, max_size=3)).map(
        lambda found: [found[0], *found[1]]
    ),
)
PEOPLE = [("ann", ("bi",)), ("ann", ()), ("bob", ()), ("bob", ("ops",)), ("eve", ("bi", "ops")), ("zoe", ())]
FACTS = Facts(
    "hive", frozenset({*IMPLIED["all"], "all", "fly"}), frozenset({"database", "table", "column"}), frozenset({"MASK", "MASK_NONE"})
)  # fmt: skip
EXISTING: dict[str, dict[str, tuple[str, ...]]] = {
    "sales": {"t1": ("id", "ssn"), "x": ("id",)},
    "hr": {"t2": ("id", "ssn")},
}
WORDS = {  # of a privilege: the access, and how deep the question is
    "SELECT": ("select", 3), "MODIFY": ("update", 2), "INSERT": ("update", 2), "DELETE": ("update", 2), "ALTER": ("alter", 2),
    "DROP": ("drop", 2), "CREATE TABLE": ("create", 2), "CREATE_TABLE": ("create", 2),
}  # fmt: skip


def as_ranger_reads(one: Policy) -> Policy:
    """``all`` implies the others; what speaks of all that lies in something speaks of that too: what the written rules leave to the engine."""
    whole = []
    for resource in one.resources:
        parts = dict(resource)
        whole.append(resource)
        for part in ("column", "table"):
            values = parts.pop(part, None)
            if values is None:
                continue
            if values.excludes or "*" not in values.values:
                break
            whole.append(resource_of(parts))

    def lines(found: tuple[Grant, ...]) -> tuple[Grant, ...]:
        return tuple(
            replace(line, accesses=(*line.accesses, *IMPLIED["all"])) if "all" in line.accesses else line
            for line in found
        )

    return replace(
        one, resources=tuple(whole), allow=lines(one.allow), deny=lines(one.deny), allow_except=lines(one.allow_except),
        deny_except=lines(one.deny_except),
    )  # fmt: skip


def grants_of(policies: list[Policy], language: Language) -> tuple[Granted, bool]:
    options = PolicySyncOptions(databases={"sales": "sales", "hr": "hr"})
    translator = Translator(options, FACTS, ROLES, ())
    translated = [translator.translate(one) for one in policies]
    there = [one.policy for one in translated if one.policy is not None]
    is_exact = not any(set(one.lost) - {"nothing of it is left"} for one in translated)
    existing = {
        name: {table: columns if language.grants_columns else () for table, columns in tables.items()}
        for name, tables in EXISTING.items()
    }
    found = granted(there, existing, language)
    return found, is_exact and not found.notes


def questions(permission: Permission) -> list[tuple[tuple[tuple[str, str], ...], str]]:
    """What a grant lets one do: each as the source would be asked. Tables and columns to come included."""
    access, depth = WORDS[permission.privilege]
    place = permission.place
    if not place.table and access != "create":
        depth = 1
    of_database = sorted(EXISTING[place.database])
    tables = [*of_database, "t9", "later"] if place.table in ("", EVERY) else [place.table]
    asked = []
    for table in tables:
        columns = [place.column] if place.column else [*EXISTING[place.database].get(table, ()), "to_come", "s2"]
        for column in columns if depth == 3 else [""]:
            named = {"database": place.database, "table": table, "column": column}
            asked.append((tuple(list(named.items())[:depth]), access))
    return asked


def stands_for(name: str, user: str, groups: tuple[str, ...]) -> bool:
    return name in (user, *groups, "account users", "public")


@settings(max_examples=300, deadline=None)
@given(POLICIES, st.sampled_from(sorted(LANGUAGES)), st.booleans())
def test_no_grant_allows_what_the_source_does_not_allow(policies: list[Policy], language: str, holds: bool) -> None:
    found, _ = grants_of(policies, LANGUAGES[language])
    asked = [as_ranger_reads(one) for one in policies]
    asked = asked if holds else [one for one in asked if not one.validity]
    for permission in found.permissions:
        if permission.privilege.startswith("USE"):
            continue
        for user, groups in PEOPLE:
            if stands_for(permission.principal, user, groups):
                for resource, access in questions(permission):
                    question = Question(user, groups, resource, access)
                    assert is_allowed(asked, question, ROLES, holds=holds), f"{permission}: {question}"


@settings(max_examples=300, deadline=None)
@given(POLICIES, st.sampled_from(sorted(LANGUAGES)))
def test_what_is_not_reported_as_lost_is_allowed(policies: list[Policy], language: str) -> None:
    spoken = LANGUAGES[language]
    found, is_exact = grants_of(policies, spoken)
    if not is_exact:
        return
    asked = [as_ranger_reads(one) for one in policies]
    for place, access, privileges, resource in _askable(spoken):
        for user, groups in PEOPLE:
            if not is_allowed(asked, Question(user, groups, resource, access), ROLES):
                continue
            has = any(
                stands_for(one.principal, user, groups) and one.privilege in privileges and _holds(one.place, place)
                for one in found.permissions
            )
            is_lost = any(
                stands_for(one.principal, user, groups) and one.access == access and _holds(one.place, place)
                for one in found.lost
            )
            assert has or is_lost, f"{user} {groups} {access} {resource}"


MASKS = st.lists(
    st.builds(
        Policy, st.just("m"), st.sampled_from(["mask", "row filter"]),
        resources=st.tuples(WHOLE), is_enabled=SELDOM.map(lambda one: not one),
        allow=st.lists(
            st.builds(Grant, WHO, st.just(("select",)), mask=st.sampled_from(["MASK", "MASK_NONE"]), row_filter=st.sampled_from(["", "a = 1"])),
            min_size=1, max_size=2,
        ).map(tuple),
    ), min_size=1, max_size=2,
)  # fmt: skip


def is_changed(
    policies: list[Policy], user: str, groups: tuple[str, ...], resource: tuple[tuple[str, str], ...]
) -> bool:
    """By a mask or filter: of each policy the first line that speaks of who asks holds. ``{OWNER}`` is whoever owns it: nobody here."""
    for one in policies:
        asked = Question(user, groups, resource, "select")
        lines = [line for line in one.allow if is_allowed([replace(one, kind="access", allow=(line,))], asked, ROLES)]
        if lines and (lines[0].mask != "MASK_NONE" if one.kind == "mask" else lines[0].row_filter):
            return True
    return False


@settings(max_examples=200, deadline=None)
@given(st.lists(ALLOWING, min_size=1, max_size=2), MASKS, st.sampled_from(sorted(LANGUAGES)))
def test_nobody_is_granted_to_read_what_is_masked_or_filtered_for_them(
    policies: list[Policy], masks: list[Policy], language: str
) -> None:
    filtered = [
        replace(one, resources=tuple(tuple(part for part in found if part[0] != "column") for found in one.resources))
        if one.kind == "row filter" else one
        for one in masks
    ]  # fmt: skip
    found, _ = grants_of([*policies, *filtered], LANGUAGES[language])
    for permission in found.permissions:
        if permission.privilege != "SELECT":
            continue
        for user, groups in PEOPLE:
            if stands_for(permission.principal, user, groups):
                for resource, _ in questions(permission):
                    assert not is_changed(masks, user, groups, resource), f"{permission}: {user} {groups} {resource}"


def _holds(outer: Place, inner: Place) -> bool:
    is_same = (outer.database, outer.table) == (inner.database, inner.table)
    is_all = outer == Place(inner.database, EVERY) and bool(inner.table)
    return (is_same and outer.column in ("", inner.column)) or is_all


def _askable(language: Language) -> list[tuple[Place, str, tuple[str, ...], tuple[tuple[str, str], ...]]]:
    found = []
    for database, tables in EXISTING.items():
        for table, columns in tables.items():
            for access, privileges in language.tables.items():
                for column in columns if access == "select" else ("",):
                    named = (("database", database), ("table", table), ("column", column))
                    place = Place(database, table, column)
                    found.append((place, access, privileges, named[: 3 if column else 2]))
        for access, privileges in language.databases.items():
            found.append((Place(database), access, privileges, (("database", database),)))
        for access, privileges in language.inside.items():
            found.append((Place(database), access, privileges, (("database", database), ("table", "later"))))
    return found
