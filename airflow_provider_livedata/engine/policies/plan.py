"""What has to be done at the target, and what is stopped. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import ClassVar, Generic, Protocol, TypeVar

from airflow_provider_livedata.engine.errors import CannotHold, SourceEmpty, TargetTouched, TooManyDeletes
from airflow_provider_livedata.engine.policies.model import (
    OURS,
    Broken,
    Item,
    Origin,
    Policy,
    Role,
    resource_of,
    whole_key,
)
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions

_TAKEN = "somebody's own policies at the target have its name; rename them, or choose another prefix"
# Ranger takes one policy of a kind for the same resources. What no database and no path can be called tells others apart.
APART = {"database": "livedata-{0}", "path": "/livedata:{0}", "url": "livedata:/{0}"}


class Phase(IntEnum):
    """When a step is done."""

    ROLES_MADE = 0
    ROLES_NARROW = 1
    ALLOWED_NO_MORE = 2
    DENIED = 3
    ROLES_OF_BOTH = 4
    ALLOWED = 5
    ROLES_WIDEN = 6
    DENIED_NO_MORE = 7
    ROLES_DENIED_NO_MORE = 8
    ROLES_GONE = 9


class Named(Protocol):
    """A change at the target."""

    @property
    def action(self) -> str:
        """Its verb."""

    @property
    def name(self) -> str:
        """What people look for."""


S = TypeVar("S", bound=Named)


@dataclass(frozen=True, slots=True)
class Change(Generic[Item]):
    """One change at the target: ``before`` is there, ``after`` has to be. None: nothing."""

    before: Item | None
    after: Item | None

    @property
    def verb(self) -> str:
        """What is done."""
        return "create" if self.before is None else "delete" if self.after is None else "update"

    @property
    def name(self) -> str:
        """What people look for."""
        item = self.after or self.before
        return item.name if item else ""


def _allows(policy: Policy | None) -> bool:
    return policy is not None and policy.kind == "access" and bool(policy.allow or policy.deny_except)


@dataclass(frozen=True, slots=True)
class Step(Change[Policy]):
    """One change of a policy."""

    @property
    def action(self) -> str:
        """Its verb."""
        return self.verb

    @property
    def done(self) -> str:
        """What is counted once it is done."""
        return f"{self.verb}d"

    @property
    def order(self) -> tuple[int, int, str]:
        """What narrows comes first, and what narrowed goes last, so that at no time more is allowed than before or after.

        Of policies that narrow, those that allow something too come after the others and go before them. Two of these that concern each other
        have no order that is right for both.
        """
        if self.after is None:
            phase = Phase.ALLOWED_NO_MORE if self.before is None or not self.before.restricts else Phase.DENIED_NO_MORE
            return phase, int(not _allows(self.before)), self.name
        phase = Phase.DENIED if self.after.restricts else Phase.ALLOWED
        return phase, int(_allows(self.after)), self.name

    @property
    def fails_alone(self) -> bool:
        """Whether nothing more is allowed where it is refused."""
        return self.after is not None and not self.after.restricts and not (self.before and self.before.restricts)


@dataclass(slots=True)
class SyncPlan(Generic[S]):
    """``failures``: what cannot be carried over, and only allows; ``widening``: what cannot, and restricts. ``what``: what is counted."""

    what: ClassVar[str] = "policies"
    steps: list[S] = field(default_factory=list)
    same: int = 0
    held: int = 0  # policies of this sync at the target
    seen: int = 0  # policies of the source
    failures: list[str] = field(default_factory=list)
    widening: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # what is less at the target than at the source, and why
    touched: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def totals(self) -> dict[str, int]:
        """Steps by their verb."""
        return dict(Counter(f"{step.action}s" for step in self.steps))

    def deletes(self) -> int:
        """How many of this sync go."""
        return self.totals().get("deletes", 0)


@dataclass(frozen=True, slots=True)
class RoleStep(Change[Role]):
    """One change of a role. ``rank``: of those of one phase the lower come first."""

    phase: Phase
    rank: int = 0
    fails_alone: bool = False

    @property
    def action(self) -> str:
        """Its verb."""
        return f"{self.verb} role"

    @property
    def done(self) -> str:
        """What is counted once it is done."""
        return f"roles {self.verb}d"

    @property
    def order(self) -> tuple[int, int, str]:
        """See ``Step``."""
        return self.phase, self.rank, self.name


T = TypeVar("T", Step, Step | RoleStep)


class PolicyPlan(SyncPlan[Step | RoleStep]):
    """Of a target that keeps policies."""

    __slots__ = ()


def compare(
    wanted: Mapping[str, Policy],
    held: Iterable[Policy | Broken],
    options: PolicySyncOptions,
    sync: str,
    plan: PolicyPlan,
    unclear: frozenset[str] = frozenset(),
) -> None:
    """Fill in the steps.

    Args:
        wanted: What the target has to have, by the source's policy.
        held: All policies of the target's service.
        options: See there.
        sync: The name of this sync.
        plan: Gets the steps, what was touched, and what fails.
        unclear: Policies of the source that cannot be carried over: what narrows of them at the target stays.
    """
    there = list(held)
    ours, others = _parted((one for one in there if isinstance(one, Policy)), sync, plan)
    plan.held = len(ours)
    # Also what is there of ours, under other keys: no step may need what a later one sets free.
    taken = {one.name for one in there}
    signatures = {_signature(one) for one in (*ours.values(), *others) if one.is_enabled}
    for key, policy in sorted(wanted.items()):
        before = ours.get(key)
        named = _named(policy, before, taken, key)
        if not named:
            (plan.widening if policy.restricts else plan.failures).append(f"{policy.name}: {_TAKEN}")
            continue
        made = _sealed(_told_apart(replace(policy, name=named), before, signatures, key), sync, key)
        signatures.add(_signature(made))
        taken.add(made.name)
        _step(ours.pop(key, None), made, options, plan)
    if options.deletes == "mirror":
        _delete(ours, unclear, options, plan)
    plan.steps = ordered(plan.steps)


def _delete(ours: Mapping[str, Policy], unclear: frozenset[str], options: PolicySyncOptions, plan: PolicyPlan) -> None:
    for key, policy in ours.items():
        if policy.restricts and not unclear.isdisjoint({key, whole_key(key)}):
            plan.notes.append(
                f"{policy.name}: stays as an earlier sync has left it, since the source's cannot be carried over now"
            )
        else:
            _step(policy, None, options, plan)


def guard(plan: SyncPlan[S], options: PolicySyncOptions) -> None:
    """Stop what nobody can have meant.

    Raises:
        RunRefused: Says why, and how to go on.
    """
    if not plan.seen and plan.held:
        raise SourceEmpty(
            f"the source tells no policy at all while the target has {plan.what} of this sync; check the service's name and who asks",
            held=plan.held,
        )
    if plan.widening and options.inexpressible == "stop":
        raise CannotHold(
            "policies that deny, mask or filter cannot be carried over, and without them more would be allowed; change them, or set "
            "inexpressible='leave_out'", count=len(plan.widening), first=plan.widening[:5],
        )  # fmt: skip
    if plan.touched and options.changed_at_target == "fail":
        raise TargetTouched(
            f"somebody changed {plan.what} of this sync at the target; set changed_at_target to 'overwrite' or 'keep'",
            count=len(plan.touched), first=plan.touched[:5],
        )  # fmt: skip
    deletes = plan.deletes()
    if plan.held and deletes > options.max_delete_ratio * plan.held:
        raise TooManyDeletes(
            f"more {plan.what} of this sync would be deleted than max_delete_ratio allows; raise it for one run if that is meant",
            deletes=deletes, of=plan.held, max_delete_ratio=options.max_delete_ratio,
        )  # fmt: skip


def ordered(steps: Iterable[T]) -> list[T]:
    """Steps, as they have to be done."""
    return sorted(steps, key=lambda step: step.order)


def _parted(held: Iterable[Policy], sync: str, plan: PolicyPlan) -> tuple[dict[str, Policy], list[Policy]]:
    """Policies of this sync by the source's policy, and all others."""
    ours: dict[str, Policy] = {}
    others: list[Policy] = []
    for policy in sorted(held, key=lambda one: one.number):
        if policy.origin is None or policy.origin.sync != sync:
            others.append(policy)
        elif policy.origin.policy in ours:
            others.append(policy)
            plan.notes.append(f"{policy.name}: a copy of a policy of this sync that somebody made; it is left alone")
        else:
            ours[policy.origin.policy] = policy
    return ours, others


def _step(before: Policy | None, after: Policy | None, options: PolicySyncOptions, plan: PolicyPlan) -> None:
    is_touched = before is not None and before.origin is not None and before.digest() != before.origin.digest
    if before is not None and after is not None and before.digest() == after.digest():
        plan.same += 1
        return
    if before is not None and is_touched:
        plan.touched.append(before.name)
        if options.changed_at_target == "keep":
            return
    plan.steps.append(Step(before, replace(after, number=before.number) if after and before else after))


def _sealed(policy: Policy, sync: str, key: str) -> Policy:
    made = replace(policy.as_new(), labels=tuple(sorted({*policy.labels, OURS})), origin=None)
    return replace(made, origin=Origin(sync, key, made.digest()))


def _named(policy: Policy, before: Policy | None, taken: set[str], key: str) -> str:
    """Its own name, or with its key where that is taken; what it is called already, it goes on being called. Empty: both are taken."""
    names = (policy.name, f"{policy.name} [{key}]")
    if before is not None and before.name in names:
        return before.name
    return next((one for one in names if one not in taken), "")


def _told_apart(policy: Policy, before: Policy | None, signatures: set[object], key: str) -> Policy:
    """A policy for resources of which there is one already gets a value that nothing can be called, and says the same; it keeps that."""
    parts = dict(policy.resources[0])
    part = next(one for one in APART if one in parts)
    value = APART[part].format(key)
    signature = _signature(policy)
    if before is not None and _signature(before) == signature:
        return policy
    has_it = before is not None and any(
        value in values.values for resource in before.resources for _, values in resource
    )
    if not has_it and signature not in signatures:
        return policy
    apart = replace(parts[part], values=tuple(sorted({*parts[part].values, value})))
    return replace(policy, resources=(resource_of({**parts, part: apart}), *policy.resources[1:]))


def _signature(policy: Policy) -> object:
    return policy.kind, policy.zone, frozenset(policy.resources)
