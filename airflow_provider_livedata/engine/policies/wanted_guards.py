"""Which row filters and masks a target has to have, where it can have such. Reads the target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.policies import guard_plan
from airflow_provider_livedata.engine.policies.base import GrantTarget, GuardTarget
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, Record
from airflow_provider_livedata.engine.policies.guard_plan import GuardStep
from airflow_provider_livedata.engine.policies.guards import Around, guarded, me_of
from airflow_provider_livedata.engine.policies.model import Policy
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Existing, Place


@dataclass(frozen=True, slots=True)
class WantedGuards:
    """``said``: masks and filters that stand when ``sets`` is carried out, by table; ``unsets``: what goes."""

    said: Mapping[Place, Collection[Policy]] = field(default_factory=dict)
    sets: Sequence[GuardStep] = ()
    unsets: Sequence[GuardStep] = ()


def guards_at(
    target: GrantTarget, policies: Sequence[Policy], existing: Existing, record: Record, options: PolicySyncOptions, nameless: AbstractSet[str],
    plan: GrantPlan, *, is_clear: bool,
) -> WantedGuards:  # fmt: skip
    """Read what is there, and compare.

    Args:
        target: None are wanted where it takes none.
        policies: Translated ones.
        existing: Tables of the target.
        record: What this sync set.
        options: See there.
        nameless: Policies that speak of somebody who has no name at the target.
        plan: Gets notes, what somebody changed, and what is kept in the record.
        is_clear: All of the source's policies could be read and translated.
    """
    changing = [one for one in policies if one.kind != "access"]
    if not isinstance(target, GuardTarget) or not (changing or record.guards or target.has_guards()):
        return WantedGuards()
    standing, sync = target.standing(existing), plan.sync
    touched = guard_plan.changed(standing, record.guards, sync)
    plan.touched += [f"{GuardStep.called(place)}: {what}" for place, what in touched.items()]
    kept = touched.keys() if options.changed_at_target == "keep" else ()
    found = guarded(changing, standing.seen_by(sync, kept), Around(me_of(options.users), standing.groups, nameless))
    plan.notes += found.notes()
    keeps = found.unsaid.keys() if is_clear else standing.tables.keys()
    sets, unsets = guard_plan.compare(found.guards, standing, sync, options, plan, keeps=[*keeps, *kept])
    gone = {step.guard.place for step in unsets}
    stays = {
        place: name for place, name in standing.asked.items() if place in standing.held(sync) and place not in gone
    }
    plan.guards = frozenset((stays | {one.place: one.function(sync) for one in found.guards}).items())
    plan.litter = standing.litter(sync, found.guards, {step.guard.place for step in (*sets, *unsets)})
    return WantedGuards(found.said, sets, unsets)
