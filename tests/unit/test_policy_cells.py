"""Row filters that grants are on: nobody is granted a row that they do not see at the source."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.policies import guard_plan, lake_formation
from airflow_provider_livedata.engine.policies.cells import cells_of, filter_for
from airflow_provider_livedata.engine.policies.filter_expressions import Unsayable
from airflow_provider_livedata.engine.policies.grants import Rows, granted
from airflow_provider_livedata.engine.policies.guard_plan import Function, Standing
from airflow_provider_livedata.engine.policies.guards import Table
from airflow_provider_livedata.engine.policies.model import Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.permissions import Granted, Place
from airflow_provider_livedata.engine.policies.verdicts import Name
from tests.unit.test_policy_guards import ALL, BI, LINES, PEOPLE, at_source, mask, rows, shown

LAKE = replace(lake_formation.LANGUAGE, problem_with=lambda name: "" if name != "eve" else "nobody")
PAY = Place("sales", "pay")
TABLE = Table(
    (("id", "bigint"), ("country", "string"), ("Day", "string"), ("a-b", "string")), partitions=frozenset({"day"})
)
ANN = Who(users=("ann",))


def text_for(name: str, *policies: Policy, many: bool = True, table: Table = TABLE) -> str:
    return filter_for(Name(name, many), policies, PAY, table)


def test_the_first_line_that_fits_all_of_a_name_is_its_filter() -> None:
    policy = rows((BI, "id = 1"), (ALL, "1 = 0"))
    assert text_for("bi", policy) == "(id = 1)"
    with pytest.raises(Unsayable, match="different lines"):
        text_for("ops", policy)
    assert text_for("ann", rows((ANN, ""), (ALL, "id = 1")), many=False) == ""
    assert text_for("ann", rows((Who(users=("bob",)), "id = 1")), many=False) == ""
    assert text_for("ann", rows((ANN, "id = 1"), table="orders"), many=False) == ""
    assert (
        text_for("bi", rows((BI, "id = 1")), rows((ALL, "country = 'it-s'"), name="g"))
        == "(country = 'it-s') AND (id = 1)"
    )
    assert text_for("bi", replace(rows(), allow=(Grant(ALL, ("update",), row_filter="id = 1"),))) == ""


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("upper(country) = 'A'", "not of the few forms"), ("country = current_user()", "by another name"), ("day is null", "whether day is NULL"),
        ("`a-b` = 'x'", "no column that is called a-b"), ("country < 'x'", "another order"), ("true", "to speak of columns"),
        ("1 = 1", "to speak of columns"), (f"id in ({', '.join(['12345678'] * 250)})", "longer than"), ("id = country", "not of one kind"),
        ("country = day", "two columns"),
    ],
)  # fmt: skip
def test_what_lake_formation_does_not_say_is_refused(expression: str, why: str) -> None:
    with pytest.raises(Unsayable, match=why):
        text_for("bi", rows((BI, expression)))


def test_a_view_takes_none_and_neither_does_what_speaks_of_tables_by_who_asks() -> None:
    with pytest.raises(Unsayable, match="a view"):
        text_for("bi", rows((BI, "id = 1")), table=replace(TABLE, refuses="a view"))
    with pytest.raises(Unsayable, match="known only when it is asked"):
        text_for("bi", rows((BI, "id = 1"), table="p_{USER}"))


# ---- what is granted


def lake(*policies: Policy, who: Who = BI, columns: str = "*", **line: Any) -> tuple[Granted, Rows]:
    on = {"database": Values(("sales",)), "table": Values(("*",)), "column": Values((columns,))}
    allow = Policy("a", resources=(resource_of(on),), allow=(Grant(who, ("select", "update"), **line),))
    known = Rows({PAY: TABLE}, "s")
    found = granted([allow, *policies], {"sales": {"pay": ("id", "country")}}, LAKE, (), {}, known)
    return found, known


def shown_as(found: Granted) -> list[str]:
    return sorted(re.sub("livedata_[0-9a-f_]+", "x", str(one)) for one in found.permissions)


def test_a_grant_is_on_the_rows_and_on_the_columns_that_are_shown() -> None:
    found, known = lake(rows((BI, "id = 1")))
    assert shown_as(found) == ["SELECT on sales.pay (rows of x) to bi"]
    assert [(one.uses, one.body) for one in known.wanted] == [((), "(id = 1)")]
    assert [one.access for one in found.lost] == ["update"]
    found, known = lake(rows((BI, "id = 1")), mask((BI, "MASK"), column="country"))
    assert [(one.uses, one.body) for one in known.wanted] == [((("id", ""),), "(id = 1)")]
    (cells,) = known.wanted
    assert str(cells) == f"row filter of sales.pay (rows of {cells.place.rows}) (id): (id = 1)"
    assert {(one.access, str(one.place)) for one in found.lost} == {
        ("update", "sales.pay"),
        ("select", "sales.pay.country"),
    }


def test_a_grant_option_and_who_is_nobody_and_what_cannot_be_said_are_told() -> None:
    found, _ = lake(rows((BI, "id = 1")), may_grant=True)
    assert ("grant option of select", "Lake Formation has none on rows") in {
        (one.access, one.why) for one in found.lost
    }
    assert not any(one.may_grant for one in found.permissions if one.place.rows)
    found, known = lake(rows((Who(users=("eve",)), "id = 1")), who=Who(users=("eve",)))
    assert known.wanted == set()
    assert {one.why for one in found.lost if one.access == "select"} == {"nobody"}
    found, known = lake(rows((BI, "rand() < 1")))
    assert (found.permissions, known.wanted) == (frozenset(), set())
    assert any("the row filter of f (the filter 'rand() < 1' is not" in one.why for one in found.lost)


def test_the_name_of_rows_tells_the_sync_and_what_they_are() -> None:
    one = cells_of(PAY, ("id",), "id = 1", "s")
    assert one.function("s") == one.place.rows
    others = [
        cells_of(PAY, (), "id = 1", "s"),
        cells_of(PAY, ("id",), "id = 2", "s"),
        cells_of(PAY, ("id",), "id = 1", "t"),
    ]
    assert len({other.place.rows for other in [one, *others]}) == 4
    standing = Standing({PAY: TABLE}, {one.place: one.place.rows}, {one.place.rows: Function("", one)})
    assert standing.held("s") == {one.place: one}
    assert standing.held("t") == {}
    recorded = frozenset({(one.place, one.place.rows)})
    assert guard_plan.changed(standing, recorded, "s") == {}
    other = Function("", replace(one, body="id = 2"))
    assert guard_plan.changed(replace(standing, functions={one.place.rows: other}), recorded, "s")


@settings(max_examples=200, deadline=None)
@given(LINES, LINES, st.booleans())
def test_nobody_is_granted_a_row_that_they_do_not_see_at_the_source(one: Any, other: Any, is_alone: bool) -> None:
    policies = [rows(*one)] if is_alone else [rows(*one), rows(*other, name="g")]
    everybody = Who(("ann", "bob"), ("bi", "ops"))
    found, known = lake(*policies, who=everybody)
    texts = {cells.place.rows: cells.body for cells in known.wanted}
    for permission in found.permissions:
        if permission.privilege != "SELECT":
            continue
        for user, groups in PEOPLE:
            if permission.principal in (user, *groups):
                there = shown(texts.get(permission.place.rows, "1 = 1"), user, groups, ())
                for policy in policies:
                    assert there <= shown(
                        at_source(policy, user, groups).replace("current_user", "current_person"), user, groups, ()
                    )
