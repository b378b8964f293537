"""Policies and what is done to them, in words that a person can review. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from airflow_provider_livedata.engine.policies.grant_plan import GrantStep
from airflow_provider_livedata.engine.policies.guard_plan import GuardStep
from airflow_provider_livedata.engine.policies.model import Condition, Grant, Policy, Role, Values, Who
from airflow_provider_livedata.engine.policies.plan import RoleStep, Step, SyncPlan
from airflow_provider_livedata.engine.policies.report import PolicyReport


def tell_plan(report: PolicyReport, plan: SyncPlan[Any]) -> list[list[str]]:
    """Have a report say what is planned, and what is not; returns each step as a person would review it."""
    reviews = [list(described(step)) for step in plan.steps]
    report.seen, report.same, report.planned = plan.seen, plan.same, plan.totals()
    report.failures, report.widening, report.lost = plan.failures, plan.widening, plan.lost
    report.touched, report.notes = plan.touched, plan.notes
    report.changes = [text for review in reviews for text in review]
    return reviews


def described(step: Step | RoleStep | GrantStep | GuardStep) -> Iterator[str]:
    """A step, as a person would review it: ``-`` what goes, ``+`` what comes."""
    if isinstance(step, GrantStep):
        yield f"{'+' if step.action == 'grant' else '-'} {step.permission}"
        return
    if isinstance(step, GuardStep):
        if step.before:
            yield f"- {step.before}"
        if step.action == "set":
            yield f"+ {step.guard}"
        return
    yield f"{step.action} {step.name}"
    before = list(lines_of(step.before)) if step.before else []
    after = list(lines_of(step.after)) if step.after else []
    yield from (f"  - {line}" for line in before if line not in after)
    yield from (f"  + {line}" for line in after if line not in before)


def lines_of(policy: Policy | Role) -> Iterator[str]:
    """What a policy or role says, one thing a line."""
    if isinstance(policy, Role):
        yield from (f"has in it {one}" for one in _people(policy.who))
        return
    for resource in policy.resources:
        yield f"on {', '.join(_part(name, values) for name, values in resource)}"
    verbs = {"access": "allow", "mask": "mask", "row filter": "filter"}
    groups = (
        (verbs[policy.kind], policy.allow),
        ("but not", policy.allow_except),
        ("deny", policy.deny),
        ("deny not", policy.deny_except),
    )
    for verb, lines in groups:
        for line in lines:
            yield f"{verb} {_line(line)}"
    facts = {
        "is disabled": not policy.is_enabled, "comes before others": policy.overrides, "denies all else": policy.denies_all_else,
        f"in the security zone {policy.zone}": policy.zone, f"valid {', '.join(policy.validity)}": policy.validity,
        f"if {_conditions(policy.conditions)}": policy.conditions, "is not audited": not policy.is_audited,
    }  # fmt: skip
    yield from (text for text, holds in facts.items() if holds)


def _part(name: str, values: Values) -> str:
    return f"{name} {'all but ' if values.excludes else ''}{', '.join(values.values)}{' and below' if values.recursive else ''}"


def _line(line: Grant) -> str:
    people = _people(line.who)
    more = [
        line.mask and f"with {line.mask} {line.mask_expression} {line.mask_condition}".rstrip(),
        line.row_filter and f"by {line.row_filter}", line.may_grant and "who may pass it on",
        line.conditions and f"if {_conditions(line.conditions)}",
    ]  # fmt: skip
    return " ".join(str(one) for one in [f"{', '.join(line.accesses)} to {'; '.join(people)}", *more] if one)


def _people(who: Who) -> list[str]:
    named = (("users", who.users), ("groups", who.groups), ("roles", who.roles))
    return [f"{kind} {', '.join(names)}" for kind, names in named if names]


def _conditions(conditions: Iterable[Condition]) -> str:
    return "; ".join(f"{one.kind} in {list(one.values)}" for one in conditions)
