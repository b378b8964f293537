"""What a sync of policies does to the target, in which order, and what stops it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import CannotHold, SourceEmpty, TargetTouched, TooManyDeletes
from airflow_provider_livedata.engine.policies.model import Broken, Condition, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import PolicyPlan, Step, SyncPlan, compare, guard, ordered
from airflow_provider_livedata.engine.policies.report import PolicyReport
from airflow_provider_livedata.engine.policies.review import described, lines_of, tell_plan

SALES = resource_of({"database": Values(("sales",)), "table": Values(("*",))})
READ = Grant(Who(users=("ann",), groups=("bi",)), ("select",))
DENY = Grant(Who(groups=("public",)), ("update",))


def wanted(name: str = "readers", **fields: Any) -> Policy:
    return Policy(**{"name": name, "resources": (SALES,), "allow": (READ,), **fields})


def on(*databases: str) -> Any:
    return (resource_of({"database": Values(databases), "table": Values(("*",))}),)


def planned(
    want: dict[str, Policy], held: list[Policy | Broken], *, unclear: tuple[str, ...] = (), **options: Any
) -> SyncPlan[Step]:
    plan: Any = PolicyPlan(seen=max(1, len(want)))
    chosen = PolicySyncOptions(**{"databases": {"sales": "sales"}, **options})
    compare(want, held, chosen, "prod", plan, frozenset(unclear))
    found: SyncPlan[Step] = plan
    return found


def kept(want: dict[str, Policy], held: list[Policy | Broken] | None = None) -> list[Policy]:
    """What the target holds after a sync."""
    steps = planned(want, held or []).steps
    return [replace(step.after, number=number, version=1) for number, step in enumerate(steps, 1) if step.after]


def test_a_new_policy_is_made_with_label_and_origin() -> None:
    (step,) = planned({"7": wanted(labels=("pii",), number=7, version=3)}, []).steps
    assert (step.action, step.name) == ("create", "readers")
    assert step.after is not None
    assert step.after.labels == ("livedata", "pii")
    assert (step.after.number, step.after.version) == (0, 0)  # those of the source say nothing at the target
    assert step.after.origin is not None
    assert (step.after.origin.sync, step.after.origin.policy) == ("prod", "7")
    assert step.after.origin.digest == step.after.digest()


def test_a_second_run_changes_nothing() -> None:
    want = {"7": wanted(), "8": wanted("others", deny=(DENY,))}
    plan = planned(want, list(kept(want)))
    assert (plan.steps, plan.same, plan.held, plan.touched) == ([], 2, 2, [])


def test_what_changed_at_the_source_is_updated_under_its_number_also_its_name() -> None:
    (there,) = kept({"7": wanted()})
    plan = planned({"7": wanted("renamed", allow=(DENY,))}, [there])
    (step,) = plan.steps
    assert plan.touched == []
    assert (step.action, step.before) == ("update", there)
    assert step.after is not None
    assert (step.after.number, step.after.name) == (1, "renamed")


def test_what_is_gone_at_the_source_is_deleted_or_kept() -> None:
    there = kept({"7": wanted()})
    assert planned({}, list(there)).totals() == {"deletes": 1}
    assert planned({}, list(there), deletes="keep").steps == []


def test_policies_that_this_sync_did_not_make_are_left_alone() -> None:
    person, (other,) = replace(wanted("own"), number=5), kept({"7": wanted()})
    assert other.origin is not None
    another = replace(other, origin=replace(other.origin, sync="another"))
    plan = planned({}, [person, another])
    assert (plan.steps, plan.held) == ([], 0)


def test_a_copy_that_somebody_made_of_a_policy_of_the_sync_is_left_alone() -> None:
    (there,) = kept({"7": wanted()})
    copy = replace(there, name="copy", number=9, resources=on("hr"))
    plan = planned({"7": wanted(), "8": wanted("copy", resources=on("x"))}, [copy, there])
    assert [(step.action, step.name) for step in plan.steps] == [("create", "copy [8]")]
    assert plan.same == 1
    assert "copy: a copy of a policy of this sync" in plan.notes[0]


def test_a_name_that_is_taken_is_never_overwritten() -> None:
    taken: list[Policy | Broken] = [replace(wanted(), number=3, resources=on("hr"))]
    (step,) = planned({"7": wanted()}, taken).steps
    assert (step.action, step.name) == ("create", "readers [7]")
    both: list[Policy | Broken] = [*taken, Broken("readers [7]", "odd")]
    plan = planned({"7": wanted()}, both)
    assert (plan.steps, len(plan.failures), plan.widening) == ([], 1, [])
    assert "choose another prefix" in plan.failures[0]
    assert len(planned({"7": wanted(deny=(DENY,))}, both).widening) == 1
    twins = {"7": wanted(), "8": wanted(resources=on("hr"), zone="vault")}
    assert [step.name for step in planned(twins, []).steps] == ["readers", "readers [8]"]


def test_two_policies_for_the_same_resources_are_told_apart_by_a_value_that_nothing_can_be_called() -> None:
    steps = planned({"7": wanted(), "8": wanted("others")}, [replace(wanted("own"), number=3)]).steps
    assert [step.after.resources for step in steps if step.after] == [
        on("livedata-8", "sales"),
        on("livedata-7", "sales"),
    ]
    files = (resource_of({"path": Values(("/data",), recursive=True)}),)
    path = planned({"7": wanted(resources=files)}, [replace(wanted("own", resources=files), number=3)]).steps[0].after
    assert path is not None
    assert path.resources == (resource_of({"path": Values(("/data", "/livedata:7"), recursive=True)}),)
    more = wanted(resources=(*on("sales"), *on("hr")))
    twice = planned({"7": more, "8": replace(more, name="b")}, []).steps
    assert [step.after.resources for step in twice if step.after] == [
        (*on("livedata-8", "sales"), *on("hr")),
        more.resources,
    ]
    disabled = replace(wanted("own", is_enabled=False), number=3)
    assert [one.after.resources for one in planned({"7": wanted()}, [disabled]).steps if one.after] == [(SALES,)]
    alone = planned({"7": wanted(), "8": wanted("others")}, []).steps
    assert [step.after.resources for step in alone if step.after] == [on("livedata-8", "sales"), (SALES,)]
    masks = planned({"7": wanted(), "8": wanted("m", kind="mask")}, []).steps
    assert [step.after.resources for step in masks if step.after] == [(SALES,), (SALES,)]


def touched() -> Policy:
    return replace(kept({"7": wanted()})[0], allow=(DENY,))


def test_what_allows_as_well_comes_after_and_goes_before_what_denies_or_masks_alone() -> None:
    want = {
        "1": wanted("a", deny=(DENY,)),
        "2": wanted("m", kind="mask"),
        "3": wanted("d", allow=(), deny=(DENY,)),
        "4": wanted("e", allow=(), deny=(DENY,), deny_except=(DENY,)),
    }
    assert [one.name for one in ordered(planned(want, []).steps)] == ["d", "m", "a", "e"]
    gone = planned({}, [*kept(want)]).steps
    assert [one.name for one in ordered(gone)] == ["a", "e", "d", "m"]


def test_what_somebody_changed_is_reported_and_by_choice_overwritten_or_kept() -> None:
    plan = planned({"7": wanted()}, [touched()])
    assert (plan.touched, plan.totals()) == (["readers"], {"updates": 1})
    with pytest.raises(TargetTouched, match="overwrite"):
        guard(plan, PolicySyncOptions({"sales": "sales"}))
    guard(plan, PolicySyncOptions({"sales": "sales"}, changed_at_target="overwrite"))
    keeping = planned({"7": wanted()}, [touched()], changed_at_target="keep")
    assert (keeping.touched, keeping.steps) == (["readers"], [])
    gone = planned({}, [touched()])
    assert (gone.touched, gone.totals()) == (["readers"], {"deletes": 1})


def test_what_narrows_stays_where_the_sources_policy_cannot_be_carried_over_any_more() -> None:
    there = kept({"7": wanted(deny=(DENY,)), "8": wanted("others")})
    plan = planned({}, list(there), unclear=("7", "8"))
    assert [step.name for step in plan.steps] == ["others"]
    assert "readers: stays as an earlier sync has left it" in plan.notes[0]


def test_what_narrows_comes_first_and_goes_last() -> None:
    deny, allow = wanted("a", deny=(DENY,)), wanted("b")
    steps = [
        Step(deny, None),
        Step(None, allow),
        Step(allow, allow),
        Step(None, deny),
        Step(allow, None),
        Step(None, wanted("m", kind="mask")),
    ]
    told = [(one.action, one.name) for one in ordered(steps)]
    assert told == [
        ("delete", "b"),
        ("create", "m"),
        ("create", "a"),
        ("create", "b"),
        ("update", "b"),
        ("delete", "a"),
    ]


def test_what_nobody_can_have_meant_is_stopped() -> None:
    options = PolicySyncOptions({"sales": "sales"}, max_delete_ratio=0.5)
    guard(PolicyPlan(), options)
    with pytest.raises(SourceEmpty, match="no policy at all"):
        guard(PolicyPlan(held=1), options)
    guard(PolicyPlan(seen=0, held=0), options)
    guard(PolicyPlan(seen=1, held=2, steps=[Step(wanted(), None)]), options)
    with pytest.raises(TooManyDeletes, match="max_delete_ratio"):
        guard(PolicyPlan(seen=1, held=3, steps=[Step(wanted(), None)] * 2), options)
    with pytest.raises(CannotHold, match="leave_out"):
        guard(PolicyPlan(seen=1, widening=["x"]), options)
    guard(PolicyPlan(seen=1, widening=["x"]), replace(options, inexpressible="leave_out"))


def test_a_person_sees_what_goes_and_what_comes() -> None:
    before = wanted(deny=(DENY,))
    after = wanted(allow=(replace(READ, may_grant=True, conditions=(Condition("ip", ("10.*",)),)),))
    assert list(described(Step(before, after))) == [
        "update readers",
        "  - allow select to users ann; groups bi",
        "  - deny update to groups public",
        "  + allow select to users ann; groups bi who may pass it on if ip in ['10.*']",
    ]
    assert next(described(Step(before, None))) == "delete readers"


def test_a_plan_is_told_by_the_report_and_each_step_by_itself() -> None:
    plan = PolicyPlan([Step(None, wanted("a")), Step(wanted("b"), None)], 3, 4, 5, ["f"], ["w"], ["l"], ["t"], ["n"])
    report = PolicyReport("a", "b")
    reviews = tell_plan(report, plan)
    assert [review[0] for review in reviews] == ["create a", "delete b"]
    assert report.changes == [*reviews[0], *reviews[1]]
    assert (report.seen, report.same, report.planned) == (5, 3, {"creates": 1, "deletes": 1})
    assert (report.failures, report.widening, report.lost, report.touched, report.notes) == (
        ["f"],
        ["w"],
        ["l"],
        ["t"],
        ["n"],
    )


def test_every_part_of_a_policy_is_told() -> None:
    files = resource_of({"path": Values(("/a", "/b"), recursive=True)})
    mask = wanted(
        kind="mask",
        resources=(files,),
        allow=(replace(READ, who=Who(roles=("r",)), mask="CUSTOM", mask_expression="f({col})"),),
    )
    assert list(lines_of(mask)) == ["on path /a, /b and below", "mask select to roles r with CUSTOM f({col})"]
    rows = wanted(
        kind="row filter", resources=(resource_of({"database": Values(("x",), excludes=True)}),), allow=(replace(READ, row_filter="a = 1"),),
        is_enabled=False, overrides=True, denies_all_else=True, zone="z", validity=("{}",), conditions=(Condition("ip"),), is_audited=False,
    )  # fmt: skip
    assert list(lines_of(rows)) == [
        "on database all but x", "filter select to users ann; groups bi by a = 1", "is disabled", "comes before others", "denies all else",
        "in the security zone z", "valid {}", "if ip in []", "is not audited",
    ]  # fmt: skip


def test_the_report_names_what_was_done_what_was_not_and_why() -> None:
    report = PolicyReport(
        "a",
        "b",
        run=3,
        state="failed",
        failures=["x: no"],
        done={"created": 2},
        seen=9,
        lost=["y: less"],
        plan="file:///p",
    )
    text = report.table()
    for said in (
        "FAILED",
        "9 of the source",
        "2 created",
        "failed:\n  x: no",
        "less than at the source:\n  y: less",
        "file:///p",
    ):
        assert said in text
    assert report.summary()["done"] == {"created": 2}


def test_lines_say_the_same_in_any_order_but_for_masks_and_filters() -> None:
    two, turned = (READ, DENY), (DENY, READ)
    assert wanted(allow=two, deny=two).digest() == wanted(allow=turned, deny=turned).digest()
    assert wanted(kind="mask", allow=two).digest() != wanted(kind="mask", allow=turned).digest()
    assert wanted(allow=two).digest() != wanted(deny=two).digest()


TABLES = st.sampled_from(["a", "b"])
NAMES = st.sampled_from(["x", "y"])
SOURCES = st.dictionaries(
    st.sampled_from(["7", "8", "9", "10"]),
    st.builds(
        lambda name, table, deny: wanted(name, resources=on(table), deny=deny),
        NAMES,
        TABLES,
        st.sampled_from([(), (DENY,)]),
    ),
)


@given(st.lists(SOURCES, min_size=1, max_size=3), st.booleans())
def test_no_step_needs_a_name_or_resources_that_only_a_later_one_sets_free(
    sources: list[dict[str, Policy]], has_own: bool
) -> None:
    there: dict[int, Policy] = {99: replace(wanted("x", resources=on("a")), number=99)} if has_own else {}
    for source in sources:
        for step in planned(source, list(there.values())).steps:
            if step.before is not None:
                del there[step.before.number]
            if step.after is not None:
                number = step.after.number or max([0, *there]) + 100
                assert step.after.name not in {one.name for one in there.values()}
                assert step.after.resources not in {one.resources for one in there.values()}
                there[number] = replace(step.after, number=number)
        assert planned(source, list(there.values())).steps == []
