"""Roles of the source as roles of the target: which can be, and what has to be done for them. Pure.

A role has in it exactly who is in the source's. Where that cannot be (somebody in it has no name at the target, somebody's own role has its
name), policies name its members in its place, as with ``roles_as="members"``: nobody gets more, and nobody less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from airflow_provider_livedata.engine.policies.model import Broken, Grant, Origin, Policy, Role, Who
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.plan import Phase, PolicyPlan, RoleStep, ordered
from airflow_provider_livedata.engine.policies.scope import MACRO


@dataclass(frozen=True, slots=True)
class Mirrored:
    """``names``: roles of the source, each with the target's; ``whole``: those of the target as they have to be; ``why_not``: of others."""

    names: Mapping[str, str]
    whole: Mapping[str, Role]
    why_not: Mapping[str, str]


def mirrored(roles: Mapping[str, Who], options: PolicySyncOptions, there: Iterable[Role], owner: str) -> Mirrored:
    """Which roles the target can have.

    Args:
        roles: Who is in each role of the source.
        options: Names.
        there: The target's roles.
        owner: Whose roles they are, see ``PolicySource.home``; only roles that were made for it are changed.
    """
    names = {name: options.names["roles"].target_of(name) or "" for name in roles}
    others = {role.name.casefold() for role in there if not _is_ours(role, owner)}
    shared = Counter(name.casefold() for name in names.values())
    why = {
        name: problem
        for name, who in roles.items()
        if (problem := _problem(names[name], who, options, others, shared) or _circle(name, roles))
    }
    while more := {
        name: f"the role {inner} in it cannot be one of the target"
        for name, who in roles.items() if name not in why
        for inner in who.roles if inner in why or inner not in roles
    }:  # fmt: skip
        why |= more
    found = {name: target for name, target in names.items() if name not in why}
    whole = {
        target: _sealed(target, _mapped(roles[name], options, found), owner, name) for name, target in found.items()
    }
    return Mirrored(found, whole, why)


def add_roles(
    mirror: Mirrored, there: Collection[Role], held: Iterable[Policy | Broken], options: PolicySyncOptions, owner: str, plan: PolicyPlan
) -> None:  # fmt: skip
    """Fill in the steps of roles, after those of policies.

    Args:
        mirror: What the target can have.
        there: The target's roles.
        held: Policies of the target, as they are.
        options: See there.
        owner: See ``mirrored``.
        plan: Gets the steps and what was touched.
    """
    ours = {role.name: role for role in there if _is_ours(role, owner)}
    graph, wanted = {role.name: role.who for role in there}, {name: role.who for name, role in mirror.whole.items()}
    before = [one for one in held if isinstance(one, Policy)]
    after = _after(before, plan)
    sides = _sides([*before, *after], graph, wanted)
    needed = set().union(*_sides(after, wanted)) & wanted.keys()
    steps: list[RoleStep] = []
    for name in sorted(needed):
        steps += _kept(ours.get(name), mirror.whole[name], sides, _depth(name, wanted), options, plan)
    if options.deletes == "mirror":
        later = graph | {name: wanted[name] for name in needed}
        used = set().union(*_sides(after, later))
        gone = [ours[name] for name in sorted(ours.keys() - needed - used) if _may(ours[name], options, plan)]
        steps += [RoleStep(role, None, Phase.ROLES_GONE, -_depth(role.name, graph)) for role in gone]
    plan.steps = ordered([*plan.steps, *steps])


# ---- which can be


def _is_ours(role: Role, owner: str) -> bool:
    return role.origin is not None and role.origin.sync == owner


def _problem(
    target: str, who: Who, options: PolicySyncOptions, others: Collection[str], shared: Mapping[str, int]
) -> str:
    if not target:
        return "it has no name at the target"
    if target.casefold() in others:
        return f"somebody's own role at the target is called {target}"
    if shared[target.casefold()] > 1:
        return f"several roles would be called {target}"
    for kind, names in (("users", who.users), ("groups", who.groups)):
        for name in names:
            if MACRO in name or options.names[kind].target_of(name) is None:
                return f"{kind[:-1]} {name} in it has no name at the target"
    return ""


def _circle(name: str, roles: Mapping[str, Who]) -> str:
    return "it is in itself" if name in _below(roles.get(name, Who()).roles, roles) else ""


def _mapped(who: Who, options: PolicySyncOptions, names: Mapping[str, str]) -> Who:
    users, groups = (
        tuple(sorted({options.names[kind].target_of(name) or name for name in given}))
        for kind, given in (("users", who.users), ("groups", who.groups))
    )
    return Who(users, groups, tuple(sorted(names[name] for name in who.roles)))


def _sealed(name: str, who: Who, owner: str, key: str) -> Role:
    made = Role(name, who)
    return replace(made, origin=Origin(owner, key, made.digest()))


# ---- what has to be done


def _kept(
    before: Role | None, after: Role, sides: tuple[set[str], set[str]], rank: int, options: PolicySyncOptions, plan: PolicyPlan
) -> Iterator[RoleStep]:  # fmt: skip
    allows, denies = (after.name in side for side in sides)
    if before is None:
        yield RoleStep(None, after, Phase.ROLES_MADE, rank, fails_alone=not denies)
        return
    after = replace(after, number=before.number, grantors=_common(before.grantors, after.who))
    if before.digest() == after.digest() or not _may(before, options, plan):
        return
    if allows and denies:
        yield RoleStep(before, after, Phase.ROLES_OF_BOTH, rank)
        return
    first, last = (Phase.ROLES_NARROW, Phase.ROLES_DENIED_NO_MORE if denies else Phase.ROLES_WIDEN)
    halfway = _joined(before.who, after.who) if denies else _common(before.who, after.who)
    between = replace(after, who=halfway, grantors=_common(before.grantors, halfway))
    between = replace(between, origin=after.origin and replace(after.origin, digest=between.digest()))
    if between.digest() not in (before.digest(), after.digest()):
        yield RoleStep(before, between, first, rank)
        yield RoleStep(between, after, last, rank)
    else:  # it only gains, or only loses
        yield RoleStep(before, after, first if between.digest() == after.digest() else last, rank)


def _may(role: Role, options: PolicySyncOptions, plan: PolicyPlan) -> bool:
    """Whether a role may be changed; what somebody changed of it is told."""
    if role.origin is None or role.digest() == role.origin.digest:
        return True
    plan.touched.append(f"role {role.name}")
    return options.changed_at_target != "keep"


def _common(one: Who, other: Who) -> Who:
    return Who(*(tuple(sorted(set(a) & set(b))) for a, b in zip(_parts(one), _parts(other), strict=True)))


def _joined(one: Who, other: Who) -> Who:
    return Who(*(tuple(sorted({*a, *b})) for a, b in zip(_parts(one), _parts(other), strict=True)))


def _parts(who: Who) -> tuple[tuple[str, ...], ...]:
    return who.users, who.groups, who.roles


def _after(before: Iterable[Policy], plan: PolicyPlan) -> list[Policy]:
    """The target's policies once the plan is done."""
    steps = [step for step in plan.steps if not isinstance(step, RoleStep)]
    gone = {step.before.number for step in steps if step.before}
    return [one for one in before if one.number not in gone] + [step.after for step in steps if step.after]


def _sides(policies: Iterable[Policy], *graphs: Mapping[str, Who]) -> tuple[set[str], set[str]]:
    """Roles by which something is allowed, and those by which something is denied, masked, filtered or excepted, those in them included."""
    allows: set[str] = set()
    denies: set[str] = set()
    for policy in policies:
        for widens, lines in _parted(policy):
            (allows if widens else denies).update(name for line in lines for name in line.who.roles)
    return _all_below(allows, graphs), _all_below(denies, graphs)


def _parted(policy: Policy) -> Iterator[tuple[bool, Iterable[Grant]]]:
    """Lines, by whether more is allowed to who is in them."""
    if policy.kind == "access":
        yield True, (*policy.allow, *policy.deny_except)
        yield False, (*policy.deny, *policy.allow_except)
    else:
        for line in policy.allow:
            yield line.changes_nothing(policy.kind), (line,)


def _all_below(names: set[str], graphs: Iterable[Mapping[str, Who]]) -> set[str]:
    return names.union(*(_below(names, graph) for graph in graphs))


def _below(names: Iterable[str], graph: Mapping[str, Who]) -> set[str]:
    seen: set[str] = set()
    ahead = set(names)
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= set(graph.get(name, Who()).roles) - seen
    return seen


def _depth(name: str, graph: Mapping[str, Who], above: frozenset[str] = frozenset()) -> int:
    """0 of a role that has none in it; a role comes after those in it. Circles, which somebody may have made, end."""
    inner = [one for one in graph.get(name, Who()).roles if one not in above]
    return 1 + max((_depth(one, graph, above | {name}) for one in inner), default=-1)
