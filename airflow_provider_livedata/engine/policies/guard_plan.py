"""Which row filters and masks are set and removed, when each of ours tells by the comment of its function whose it is. Pure.

wanted  there       recorded
  x     ours                    same
  x     ours, other             set in its place
  x     nothing                 set
  x     nothing        x        somebody removed it: changed at the target
        ours                    removed, after all grants
        theirs                  theirs
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.guards import Guard, Table, rows_prefix
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Place
from airflow_provider_livedata.engine.policies.plan import S, SyncPlan

Recorded = frozenset[tuple[Place, str]]  # where a sync set which function


@dataclass(frozen=True, slots=True)
class GuardStep:
    """One change. ``before``: what of ours is there."""

    action: Literal["set", "unset"]
    guard: Guard
    before: Guard | None = None

    @property
    def name(self) -> str:
        """What people look for."""
        return self.called(self.guard.place)

    @staticmethod
    def called(place: Place) -> str:
        """What a filter or mask is called, by its place."""
        return f"{'mask' if place.column else 'row filter'} of {place}"


@dataclass(frozen=True, slots=True)
class Function:
    """One that a sync made, as it is kept now."""

    sync: str
    guard: Guard

    def is_of(self, sync: str) -> bool:
        """Whether this sync made it; of rows the name alone tells."""
        rows = self.guard.place.rows
        return rows.startswith(rows_prefix(sync)) if rows else self.sync == sync

    def is_as_made(self, name: str, sync: str) -> bool:
        """Its name tells what was made."""
        return self.guard.function(sync) == name


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there.

    Args:
        tables: Of the replicated databases; ``theirs`` is filled in by ``seen_by``.
        asked: The function that each place asks, by its name; "" where it is none of the schema of ours.
        functions: All functions of ours, by name.
        taken: Other functions in that schema.
        groups: Those of the target.
    """

    tables: Mapping[Place, Table] = field(default_factory=dict)
    asked: Mapping[Place, str] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def held(self, sync: str) -> dict[Place, Guard]:
        """What this sync has set."""
        found = {place: self.functions[name] for place, name in self.asked.items() if name in self.functions}
        return {place: one.guard for place, one in found.items() if one.is_of(sync) and one.guard.place == place}

    def seen_by(self, sync: str, kept: Collection[Place]) -> dict[Place, Table]:
        """The tables, with what is not this sync's to change; ``kept``: neither is what somebody changed there."""
        theirs: dict[Place, set[str]] = {}
        for place in {*(self.asked.keys() - self.held(sync).keys()), *kept}:
            theirs.setdefault(Place(place.database, place.table), set()).add(place.column)
        return {place: _with(table, theirs.get(place, set())) for place, table in self.tables.items()}

    def litter(self, sync: str, wanted: Collection[Guard], changing: Collection[Place]) -> list[str]:
        """Functions of this sync that nothing asks any more when these places are changed."""
        needed = {one.function(sync) for one in wanted}
        needed |= {name for place, name in self.asked.items() if place not in changing}
        return sorted(name for name, one in self.functions.items() if one.is_of(sync) and name not in needed)


def _with(table: Table, theirs: set[str]) -> Table:
    return replace(table, theirs=frozenset(theirs)) if theirs else table


def changed(standing: Standing, recorded: Recorded, sync: str) -> dict[Place, str]:
    """What somebody changed of what this sync set, by place."""
    held, found = standing.held(sync), {}
    for place, name in sorted(recorded):
        if Place(place.database, place.table) not in standing.tables:
            continue  # dropped
        if place not in held:
            found[place] = "was removed, or replaced"
        elif not standing.functions[standing.asked[place]].is_as_made(standing.asked[place], sync):
            found[place] = f"its function {name} was changed"
    return found


def compare(
    wanted: Collection[Guard],
    standing: Standing,
    sync: str,
    options: PolicySyncOptions,
    plan: SyncPlan[S],
    *,
    keeps: Collection[Place] = (),
) -> tuple[list[GuardStep], list[GuardStep]]:
    """What is set, before anything is granted, and what is removed, after all grants.

    Args:
        wanted: What has to stand.
        standing: What is there.
        sync: The name of this sync.
        options: See there.
        plan: Gets what is the same, and notes.
        keeps: Tables where what is there stays, though it is not wanted: a policy of theirs cannot be said now.

    Raises:
        BadInput: A function that is not ours has the name of one.
    """
    sets, unsets = list[GuardStep](), list[GuardStep]()
    held, asked = standing.held(sync), {one.place: one for one in wanted}
    if taken := sorted({one.function(sync) for one in wanted} & standing.taken):
        raise BadInput(
            "somebody's own function, or one whose comment was removed, has the name of one of ours; drop or rename it",
            function=taken[0],
        )
    plan.held += len(held)
    for place, guard in sorted(asked.items()):
        before = held.get(place)
        is_asked = before is not None and standing.asked[place] == guard.function(sync)
        if before is not None and is_asked and (before.body, before.uses) == (guard.body, guard.uses):
            plan.same += 1
        else:
            sets.append(GuardStep("set", guard, before))
    for place, guard in sorted(held.items()):
        if place in asked or options.deletes == "keep":
            continue
        if Place(place.database, place.table) in keeps:
            plan.notes.append(f"{GuardStep('unset', guard).name}: stays as an earlier sync has left it")
        else:
            unsets.append(GuardStep("unset", guard, guard))
    return sets, unsets
