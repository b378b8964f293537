"""Security zones of both sides: whether the target's hold what the source's hold. Pure.

In a zone only its own policies hold. So what of a zone is not in its counterpart is under the policies around it there, and what only the
counterpart has is under the zone's: either may allow more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.policies.model import Resource, SecurityZone, Values
from airflow_provider_livedata.engine.policies.patterns import CASELESS, is_literal, matches
from airflow_provider_livedata.engine.policies.scope import Scope, Untold


@dataclass(slots=True)
class Compared:
    """``wrong``: what would allow more; ``notes``: what a person should know."""

    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compared(source: Iterable[SecurityZone], target: Sequence[SecurityZone], scope: Scope) -> Compared:
    """What differs between the zones of both sides, in what is replicated."""
    found = Compared()
    theirs = {zone.name: zone for zone in narrowed(target, scope.of_target())}
    known = {zone.name for zone in target}
    ours = narrowed(source, scope)
    for zone in ours:
        if zone.name not in known:
            found.wrong.append(
                f"security zone {zone.name}: the target has none of this name; create it there, with its resources"
            )
            continue
        there = theirs[zone.name].resources if zone.name in theirs else ()
        found.wrong += _differences(zone, there)
    for name in sorted(theirs.keys() - {zone.name for zone in ours}):
        found.notes.append(
            f"security zone {name} of the target holds what is replicated; policies of this sync do not hold in it"
        )
    return found


def narrowed(zones: Iterable[SecurityZone], scope: Scope) -> list[SecurityZone]:
    """Zones that hold something replicated: that alone, with the target's names."""
    found = []
    for zone in zones:
        resources = tuple(_narrowed(zone.resources, scope))
        if resources:
            found.append(replace(zone, resources=resources))
    return found


def _narrowed(resources: Iterable[Resource], scope: Scope) -> Iterator[Resource]:
    for resource in resources:
        try:
            one = scope.narrowed(resource)
        except Untold:
            one = scope.everything(resource)
        if one is not None:
            yield one


def _differences(zone: SecurityZone, there: Sequence[Resource]) -> Iterator[str]:
    for resource in zone.resources:
        if not any(_covers(one, resource) for one in there):
            yield f"security zone {zone.name}: at the target it lacks {_told(resource)}"
    for resource in there:
        if not any(_covers(one, resource) for one in zone.resources):
            yield f"security zone {zone.name}: at the target it has {_told(resource)}, which the source's has not"


def _covers(one: Resource, other: Resource) -> bool:
    """Whether all of the other is in it, for all that can be told part by part."""
    parts, others = dict(one), dict(other)
    return all(_takes(parts[part], others.get(part, Values(("*",))), part) for part in parts)


def _takes(one: Values, other: Values, part: str) -> bool:
    ignores_case = part in CASELESS
    return all(any(_takes_one(mine, value, ignores_case=ignores_case) for mine in one.values) for value in other.values)


def _takes_one(mine: str, value: str, *, ignores_case: bool) -> bool:
    if is_literal(value):
        return matches(mine, value, ignores_case=ignores_case) or value.startswith(f"{mine.rstrip('/')}/")
    return mine in (value, "*")


def _told(resource: Resource) -> str:
    return ", ".join(f"{part} {' '.join(values.values)}" for part, values in resource)
