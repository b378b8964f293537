"""Which grants are given and taken back, when a record alone says whose they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, GrantStep, Record, compare
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Permission, Place
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import tell_plan

ONE = Permission(Place("sales", "orders"), "bi", "SELECT")
PASSED = replace(ONE, may_grant=True)
OTHER = Permission(Place("sales", "pay"), "bi", "SELECT")


def plan(wanted: set[Permission], there: set[Permission], given: set[Permission], **more: Any) -> GrantPlan:
    made = GrantPlan(seen=1)
    pending = frozenset(more.pop("pending", ()))
    options = PolicySyncOptions(**{"databases": {"a": "b"}, **more})
    compare(wanted, there, Record(frozenset(given), pending), options, made)
    return made


def steps(made: GrantPlan) -> list[tuple[str, Permission]]:
    return [(step.action, step.permission) for step in made.steps if isinstance(step, GrantStep)]


def test_what_is_wanted_and_not_there_is_granted_and_what_is_ours_and_not_wanted_goes_first() -> None:
    made = plan({OTHER}, {ONE}, {ONE})
    assert steps(made) == [("revoke", ONE), ("grant", OTHER)]
    assert [step.name for step in made.steps] == [str(ONE), str(OTHER)]
    assert (made.totals(), made.kept, made.held) == ({"revokes": 1, "grants": 1}, set(), 1)
    assert made.deletes() == 0  # bi reads on in the same database
    assert plan({replace(OTHER, principal="ops")}, {ONE}, {ONE}).deletes() == 1
    assert steps(plan(set(), {ONE}, {ONE}, deletes="keep")) == []
    assert plan(set(), {ONE}, {ONE}, deletes="keep").kept == {ONE}


def test_what_a_person_granted_is_neither_ours_nor_revoked() -> None:
    made = plan({ONE}, {ONE, OTHER}, set())
    assert (steps(made), made.same, made.kept) == ([], 1, set())
    assert plan({PASSED}, {ONE}, set()).lost == [
        "SELECT on sales.orders to bi with grant option: somebody granted it without the grant option, and it is left as it is"
    ]
    assert steps(plan({ONE}, {PASSED}, set())) == []


def test_what_is_ours_and_as_it_was_stays() -> None:
    made = plan({ONE}, {ONE}, {ONE})
    assert (steps(made), made.same, made.kept) == ([], 1, {ONE})


def test_the_grant_option_alone_is_changed_by_taking_back_and_granting_again() -> None:
    assert steps(plan({PASSED}, {ONE}, {ONE})) == [("revoke", ONE), ("grant", PASSED)]
    assert steps(plan({ONE}, {PASSED}, {PASSED})) == [("revoke", PASSED), ("grant", ONE)]


def test_what_somebody_changed_of_ours_is_told_and_done_as_is_chosen() -> None:
    made = plan({ONE}, set(), {ONE})
    assert (made.touched, steps(made)) == (["SELECT on sales.orders to bi: was revoked"], [("grant", ONE)])
    kept = plan({ONE}, set(), {ONE}, changed_at_target="keep")
    assert (kept.touched, steps(kept), kept.kept) == (made.touched, [], {ONE})
    wider = plan({ONE}, {PASSED}, {ONE})
    assert wider.touched == ["SELECT on sales.orders to bi: its grant option was changed"]
    assert steps(wider) == [("revoke", PASSED), ("grant", ONE)]


def test_what_somebody_changed_of_ours_and_nobody_wants_is_theirs() -> None:
    made = plan(set(), {PASSED}, {ONE})
    assert (steps(made), made.kept, len(made.notes)) == ([], set(), 1)
    gone = plan(set(), set(), {ONE})
    assert (steps(gone), gone.kept, gone.notes) == ([], set(), [])


def test_what_a_killed_run_was_about_to_grant_is_ours_where_it_is_there() -> None:
    assert plan({ONE}, {ONE}, set(), pending={ONE}).kept == {ONE}
    assert steps(plan(set(), {ONE}, set(), pending={ONE})) == [("revoke", ONE)]
    missing = plan({ONE}, set(), set(), pending={ONE})
    assert (missing.touched, steps(missing)) == ([], [("grant", ONE)])


def test_a_record_knows_where_its_grants_are() -> None:
    assert Record(frozenset({ONE}), frozenset({OTHER})).places == {ONE.place, OTHER.place}


def test_a_person_reviews_grants_one_a_line() -> None:
    report = PolicyReport("a", "b")
    tell_plan(report, plan({OTHER}, {ONE}, {ONE}))
    assert report.changes == ["- SELECT on sales.orders to bi", "+ SELECT on sales.pay to bi"]
    assert report.planned == {"revokes": 1, "grants": 1}


SOME = st.sets(st.sampled_from([ONE, PASSED, OTHER, replace(OTHER, principal="ops")])).map(
    lambda found: set({one.key: one for one in found}.values())
)


@given(SOME, SOME, SOME)
def test_after_a_sync_all_that_is_wanted_is_there_and_nothing_of_a_persons_is_gone(
    wanted: set[Permission], there: set[Permission], mine: set[Permission]
) -> None:
    made = plan(wanted, there, mine, changed_at_target="overwrite")
    held = set(there)
    for action, permission in steps(made):
        (held.add if action == "grant" else held.remove)(permission)
    assert {one.key for one in wanted} <= {one.key for one in held}
    ours = {one.key for one in mine}
    assert {one for one in there if one.key not in ours} <= held
    assert made.kept <= held
    assert steps(plan(wanted, held, made.kept | {s.permission for s in made.steps if s.action == "grant"})) == []
