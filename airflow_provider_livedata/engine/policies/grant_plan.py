"""What has to be granted and revoked, when grants carry no label: what a sync granted is told by its own record. Pure.

    wanted  there  recorded
      x       x       x        same
      x       x                somebody granted it: it is theirs, and stays when it is not wanted any more
      x               x        somebody revoked it: changed at the target
      x                        grant
              x       x        revoke
              x                theirs
                      x        somebody revoked it; forgotten

What was about to be granted when a run was killed (``pending``) is ours where it is there. "There" is as it was granted: with its grant
option, or without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.policies.guard_plan import GuardStep, Recorded
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Permission, Place
from airflow_provider_livedata.engine.policies.plan import SyncPlan


@dataclass(frozen=True, slots=True)
class GrantStep:
    """One change."""

    action: Literal["grant", "revoke"]
    permission: Permission

    @property
    def name(self) -> str:
        """What people look for."""
        return str(self.permission)


@dataclass(slots=True)
class GrantPlan(SyncPlan[GrantStep | GuardStep]):
    """``kept``: what stays recorded, besides what is granted; ``guards``: which filters and masks stand when it is carried out; ``litter``: functions of no use."""

    what = "grants"
    kept: set[Permission] = field(default_factory=set)
    sync: str = ""
    guards: Recorded = frozenset()
    litter: list[str] = field(default_factory=list)

    def deletes(self) -> int:
        """How many of this sync go, without another of the same privilege for the same principal in the same database."""
        steps = [step for step in self.steps if isinstance(step, GrantStep)]
        come = {_area(step.permission) for step in steps if step.action == "grant"}
        gone = sum(step.action == "revoke" and _area(step.permission) not in come for step in steps)
        return gone + sum(step.action == "unset" for step in self.steps)

    def place_guards(self, sets: Iterable[GuardStep], unsets: Iterable[GuardStep]) -> None:
        """Filters and masks stand before anything is granted, and go when all is granted and revoked."""
        revokes, grants = ([step for step in self.steps if step.action == action] for action in ("revoke", "grant"))
        self.steps = [*revokes, *sets, *grants, *unsets]


@dataclass(frozen=True, slots=True)
class Record:
    """What a sync granted, and what it was about to grant."""

    given: frozenset[Permission] = frozenset()
    pending: frozenset[Permission] = frozenset()
    guards: Recorded = frozenset()

    @property
    def places(self) -> set[Place]:
        """Where that is."""
        return {one.place for one in self.given | self.pending}


def compare(
    wanted: Collection[Permission],
    there: Iterable[Permission],
    record: Record,
    options: PolicySyncOptions,
    plan: GrantPlan,
) -> None:
    """Fill in the steps: all that revokes before all that grants, so that at no time more is allowed than before or after."""
    held = {one.key: one for one in there}
    recorded = {one.key: one for one in record.pending if held.get(one.key) == one}
    recorded |= {one.key: one for one in record.given}
    plan.held += len(recorded)
    asked = {one.key: one for one in wanted}
    revoked, granted = set[Permission](), set[Permission]()
    for key in sorted(asked.keys() | recorded.keys()):
        want, have, mine = asked.get(key), held.get(key), recorded.get(key)
        if want == have and want is not None:
            plan.same += 1
            plan.kept |= {want} if mine else set()
        elif mine and have != mine and want:
            _touched(mine, have, want, options, plan, granted, revoked)
        elif have and not mine:
            if want and want.may_grant:
                plan.lost.append(f"{want}: somebody granted it without the grant option, and it is left as it is")
            plan.same += bool(want)
        elif want:
            revoked |= {have} if have else set()
            granted.add(want)
        elif mine and have == mine:
            _gone(mine, options, plan, revoked)
        elif mine and have:
            plan.notes.append(f"{mine}: somebody changed its grant option since; it is theirs now, and left as it is")
    plan.steps += [GrantStep("revoke", one) for one in sorted(revoked)]
    plan.steps += [GrantStep("grant", one) for one in sorted(granted)]


def _touched(
    mine: Permission, have: Permission | None, want: Permission, options: PolicySyncOptions, plan: GrantPlan,
    granted: set[Permission], revoked: set[Permission],
) -> None:  # fmt: skip
    plan.touched.append(f"{mine}: {'its grant option was changed' if have else 'was revoked'}")
    if options.changed_at_target == "keep":
        plan.kept.add(mine)
        return
    revoked |= {have} if have else set()
    granted.add(want)


def _gone(mine: Permission, options: PolicySyncOptions, plan: GrantPlan, revoked: set[Permission]) -> None:
    if options.deletes == "keep":
        plan.kept.add(mine)
    else:
        revoked.add(mine)


def _area(permission: Permission) -> tuple[str, str, str]:
    return permission.principal, permission.privilege, permission.place.database
