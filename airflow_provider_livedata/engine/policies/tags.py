"""Policies by tags, as policies of the resources that bear the tags now: the target needs neither the tags nor who tells them. Pure.

PII: deny select to bi; on sales.orders.ssn        sales.orders.ssn: deny select to bi
PII: deny select to bi; on the table sales.pay     sales.pay, all columns: deny select to bi; what it allows is left out

Asked again at each sync, so a tag that comes or goes does so here. Ranger asks policies by tags first, and no policy of a resource lifts
what they deny, not even one that overrides; so their denials override here, and stand apart from what they allow. Narrower here, and rare:
a denial by one tag that a policy of another tag overrides; and a denial by a policy of a resource of what a tag allows, which Ranger's engine
skips if a policy that denies nothing comes to be asked before it. Ranger's engine does not take a tag of a table to be
one of the columns in it, as its users do; so what is denied holds for both here, and what is allowed for neither.
What depends on the tag itself (its attributes, a time for which it holds) is a condition that the target does not know.
Source: Ranger 2.6, ``RangerPolicyEngineImpl`` and ``RangerTagEnricher``, and what the engine answers.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from airflow_provider_livedata.engine.policies.model import (
    Broken,
    Condition,
    Grant,
    Policy,
    Resource,
    SecurityZone,
    Tagged,
    Values,
    as_json,
    resource_of,
)
from airflow_provider_livedata.engine.policies.patterns import CASELESS, is_literal, matches
from airflow_provider_livedata.engine.policies.scope import Scope

TAG = "tag"  # the part of a resource by which such a policy names its tags
FOR_A_TIME = Condition("tag for a time")
FROM_ABOVE = Condition("tag of what it lies in")


class _NotByResources(Exception):
    """A policy by tags that cannot be said of resources."""


def by_resources(
    policies: Iterable[Policy | Broken], tagged: Iterable[Tagged], scope: Scope, *, kind: str, zones: Sequence[SecurityZone],
    own: Iterable[Policy | Broken],
) -> Iterator[Policy | Broken]:  # fmt: skip
    """Policies of resources that say what those by tags say of what is replicated; or why they cannot be.

    Args:
        policies: Those by tags.
        tagged: All resources of the service that bear tags.
        scope: What is replicated.
        kind: That of the service.
        zones: Security zones of the source.
        own: The service's policies of resources.
    """
    near = [(one, _whole(one.resource, kind)) for one in tagged]
    near = [(one, whole) for one, whole in near if scope.touches(whole)]
    known = list(policies)
    masks = [one for one in (*own, *known) if isinstance(one, Policy) and one.kind == "mask" and one.is_enabled]
    for policy in known:
        if isinstance(policy, Broken):
            yield policy
            continue
        try:
            yield from _of(policy, near, kind, zones, [one for one in masks if one is not policy])
        except _NotByResources as error:
            yield Broken(policy.name, f"a policy by tags; {error}", policy.number, only_allows=not policy.restricts)


def _of(
    policy: Policy, near: Iterable[tuple[Tagged, Resource]], kind: str, zones: Iterable[SecurityZone], masks: Iterable[Policy]
) -> Iterator[Policy]:  # fmt: skip
    names = _names(policy)
    made = _for_service(policy, kind)
    groups: dict[tuple[Condition, ...], list[Resource]] = defaultdict(list)
    for one, whole in near:
        if names & (one.tags | one.for_a_time):
            groups[_doubts(one, whole, names)].append(whole)
    if not made or not groups:
        return
    _refuse(policy, [one for found in groups.values() for one in found], zones, masks)
    for doubts, resources in sorted(groups.items(), key=repr):
        said = "".join(f", {one.kind}" for one in doubts)
        for shape, identity, resource in _grouped(resources):
            for side, half in made.items():
                part = hashlib.sha256(f"{identity}{said}{side}".encode()).hexdigest()[:8]
                yield replace(
                    half, name=f"{policy.name}{side} on {shape}{said}", resources=(resource,), part=part,
                    conditions=(*half.conditions, *doubts),
                )  # fmt: skip


def _doubts(tagged: Tagged, whole: Resource, names: set[str]) -> tuple[Condition, ...]:
    """What makes it unsure whether the tag holds for all of the resource, at all times."""
    is_timed, is_above = not names & tagged.tags, whole != tagged.resource
    return (*((FOR_A_TIME,) if is_timed else ()), *((FROM_ABOVE,) if is_above else ()))


def _names(policy: Policy) -> set[str]:
    parts = [dict(resource) for resource in policy.resources]
    if any(set(one) != {TAG} or one[TAG].excludes or not all(map(is_literal, one[TAG].values)) for one in parts):
        raise _NotByResources("it names its tags in a way that is not known here")
    return {name for one in parts for name in one[TAG].values}


# ---- what it says


def _for_service(policy: Policy, kind: str) -> dict[str, Policy]:
    """What of it speaks of services of a kind: what it denies, and what it allows or masks, each with what it is called."""
    allow, deny, allow_except, deny_except = (
        tuple(_lines(lines, kind)) for lines in (policy.allow, policy.deny, policy.allow_except, policy.deny_except)
    )
    both = replace(policy, conditions=tuple(_conditions(policy.conditions)))
    allowing = replace(both, allow=allow, allow_except=allow_except, deny=(), deny_except=())
    denying = replace(both, allow=(), allow_except=(), deny=deny, deny_except=deny_except, overrides=True)
    return {**({"": allowing} if allow else {}), **({", denials" if allow else "": denying} if deny else {})}


def _lines(lines: Iterable[Grant], kind: str) -> Iterator[Grant]:
    for line in lines:
        if not all(":" in one for one in line.accesses):
            raise _NotByResources(f"of which service an access is cannot be told: {', '.join(line.accesses)}")
        accesses = tuple(sorted(one.partition(":")[2] for one in line.accesses if one.startswith(f"{kind}:")))
        if accesses:
            # Who may pass it on may do so of the tag, which is no leave to do so of the resource.
            yield replace(
                line, accesses=accesses, may_grant=False, mask=line.mask.removeprefix(f"{kind}:"),
                conditions=tuple(_conditions(line.conditions)),
            )  # fmt: skip


def _conditions(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Under names that no target knows: they are asked of the tag."""
    return (replace(one, kind=f"tag {one.kind}") for one in conditions)


def _refuse(
    policy: Policy, resources: Sequence[Resource], zones: Iterable[SecurityZone], masks: Iterable[Policy]
) -> None:
    if policy.denies_all_else:
        raise _NotByResources("it denies all else")
    if policy.kind == "row filter":
        raise _NotByResources("Ranger filters no rows by tags")
    texts = [text for line in policy.allow for text in (line.mask_expression, line.mask_condition)]
    if any("TAG" in text for text in texts):
        raise _NotByResources("its mask reads the tag")
    if policy.zone or any(_may_meet(one, other) for zone in zones for one in zone.resources for other in resources):
        raise _NotByResources("which policies by tags hold in a security zone is not worked out")
    if policy.kind == "mask":
        others = [one.name for one in masks if any(_meets(one, resource) for resource in resources)]
        if others:
            raise _NotByResources(
                f"what it masks may be masked by {others[0]} too, and which of the two holds is not known here"
            )


def _meets(mask: Policy, resource: Resource) -> bool:
    return any(TAG in dict(one) or _may_meet(one, resource) for one in mask.resources)


def _may_meet(one: Resource, other: Resource) -> bool:
    """Whether something may be in both, for all that is looked at."""
    parts, others = dict(one), dict(other)
    return all(_may_share(parts[part], others[part]) for part in CASELESS if part in parts and part in others)


def _may_share(one: Values, other: Values) -> bool:
    if one.excludes or other.excludes:
        return True
    return any(_may_equal(a, b) for a in one.values for b in other.values)


def _may_equal(one: str, other: str) -> bool:
    if is_literal(one):
        return matches(other, one, ignores_case=True)
    return not is_literal(other) or matches(one, other, ignores_case=True)


# ---- what it speaks of


def _whole(resource: Resource, kind: str) -> Resource:
    """With all that lies below, for which a tag holds as well."""
    parts = dict(resource)
    if kind == "hive" and "database" in parts and "udf" not in parts:
        below = {name: Values(("*",)) for name in ("table", "column") if name not in parts}
        return resource_of({**parts, **below})
    return resource


def _grouped(resources: Collection[Resource]) -> Iterator[tuple[str, str, Resource]]:
    """Few resources that together are all of them, each with what people call it, and with what tells it apart at each run."""
    groups: dict[tuple[Resource, str, Values], set[str]] = defaultdict(set)
    for resource in resources:
        parts = dict(resource)
        joined = _joined(parts)
        rest = resource_of({name: values for name, values in parts.items() if name != joined})
        values = parts[joined]
        # "All but a" and "all but b" are not "all but a and b".
        groups[rest, joined, values if values.excludes else replace(values, values=())].update(values.values)
    for (rest, joined, flags), found in sorted(groups.items(), key=repr):
        made = replace(flags, values=tuple(sorted(found)))
        yield (
            _called(dict(rest), joined, flags),
            as_json([asdict(flags), joined, [[name, asdict(values)] for name, values in rest]]),
            resource_of({**dict(rest), joined: made}),
        )


def _joined(parts: Mapping[str, Values]) -> str:
    """The part of which one policy takes many values: the innermost that is not all there is."""
    order = [name for name in ("column", "udf", "table", "database") if name in parts] or list(parts)
    return next((name for name in order if parts[name].values != ("*",)), order[0])


def _called(rest: Mapping[str, Values], joined: str, flags: Values) -> str:
    if joined not in CASELESS:
        return f"{joined}s and below" if flags.recursive else f"{joined}s"
    around = [
        ",".join(rest[name].values) for name in ("database", "table") if name in rest and rest[name].values != ("*",)
    ]
    but = f" but {', '.join(flags.values)}" if flags.excludes else ""
    return f"{joined}s{but}{' of ' if around else ''}{'.'.join(around)}"
