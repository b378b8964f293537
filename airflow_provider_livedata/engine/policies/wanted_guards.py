"""Which row filters and masks a target has to have, where it can have such. Reads the target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

from airflow_provider_livedata.engine.policies import guard_plan
from airflow_provider_livedata.engine.policies.base import GrantTarget, GuardTarget
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, Record
from airflow_provider_livedata.engine.policies.grants import Rows
from airflow_provider_livedata.engine.policies.guard_plan import GuardStep, Standing
from airflow_provider_livedata.engine.policies.guards import Around, Guarding, guarded, me_of
from airflow_provider_livedata.engine.policies.model import Policy
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.permissions import Existing, Place


class GuardsAt:
    """The filters and masks of a target, from what is there to the steps. ``said``: those that tables ask; ``rows``: those that grants are on."""

    def __init__(
        self, target: GrantTarget, existing: Existing, record: Record, options: PolicySyncOptions, plan: GrantPlan
    ) -> None:
        self._options, self._plan, self._record = options, plan, record
        self._target, self._existing = target, existing
        self._standing = Standing()
        self._touched: Mapping[Place, str] = {}
        self._kept: Collection[Place] = ()
        self._found = Guarding()
        self._by_rows = target.language.grants_rows
        self.rows = Rows(sync=plan.sync)

    @property
    def said(self) -> Mapping[Place, Collection[Policy]]:
        """Masks and filters that stand when the steps are done, by table."""
        return self._found.said

    def read(self, policies: Sequence[Policy], nameless: AbstractSet[str]) -> None:
        """Read what is there, and decide what tables ask.

        Args:
            policies: Translated ones.
            nameless: Those of them that speak of somebody who has no name at the target.
        """
        changing = [one for one in policies if one.kind != "access"]
        target, sync = self._target, self._plan.sync
        if not isinstance(target, GuardTarget) or not (changing or self._record.guards or target.has_guards()):
            return
        self._standing = target.standing(self._existing)
        self._touched = guard_plan.changed(self._standing, self._record.guards, sync)
        self._kept = self._touched.keys() if self._options.changed_at_target == "keep" else ()
        tables = self._standing.seen_by(sync, self._kept)
        if self._by_rows:
            self.rows.tables = tables
            return
        around = Around(me_of(self._options.users), self._standing.groups, nameless)
        self._found = guarded(changing, tables, around)
        self._plan.notes += self._found.notes()

    def place_steps(self, *, is_clear: bool) -> None:
        """Have the plan set what has to stand, before its grants, and remove what does not, after them.

        Args:
            is_clear: All of the source's policies could be read and translated.
        """
        standing, sync, plan = self._standing, self._plan.sync, self._plan
        wanted = self.rows.wanted or self._found.guards
        places = {one.place for one in wanted}
        for place, what in self._touched.items():  # what nobody wants any more is theirs
            if place in places or Place(place.database, place.table) in self._found.unsaid:
                plan.touched.append(f"{GuardStep.called(place)}: {what}")
        keeps = {*self._found.unsaid, *self._kept} if is_clear or self._by_rows else standing.tables.keys()
        sets, unsets = guard_plan.compare(wanted, standing, sync, self._options, plan, keeps=keeps)
        plan.place_guards(sets, unsets)
        changing = {step.guard.place for step in (*sets, *unsets)}
        stays = {(place, standing.asked[place]) for place in standing.held(sync).keys() - changing}
        plan.guards = frozenset(stays | {(one.place, one.function(sync)) for one in wanted})
        plan.litter = standing.litter(sync, wanted, changing)
