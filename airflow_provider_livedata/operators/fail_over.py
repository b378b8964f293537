"""Switching: the target takes over, and the old source comes back.

Both operators are given the places as the replication names them, whichever of them is active.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool
from airflow_provider_livedata.operators.base import ReplicationOperator, opened

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.flows.fail_over import SwitchHow
    from airflow_provider_livedata.engine.zones.base import Zone


class LiveDataFailOverOperator(ReplicationOperator):
    """Make the target the active side, or with ``dry_run`` say what that would mean.

    Args:
        how: ``planned``: what is left is brought, and one more round has to find nothing, else the task fails for good and
            lists the paths. ``unplanned``: the source is not contacted, and its connection is not needed.
        block_writers: Planned: close the source's location to everybody but this user, by its mode, until a fail-back.

    Returns the report's address, digest and totals. It can be run again: a switch that was cut off is completed.
    """

    template_fields: Collection[str] = (*ReplicationOperator.template_fields, "how", "block_writers")
    limited_as = "switch"  # nobody waits for the night to switch over

    def __init__(self, *, how: str = "planned", block_writers: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how, self.block_writers = how, block_writers

    def work(self, context: Context) -> Any:
        """Open the zones that are needed and call the engine."""
        if self.how != "unplanned":
            return super().work(context)
        options = self.chosen(context)
        with opened(self.target, options) as target:
            return self._switch(self.source, target, options)

    def between(self, source: Zone, target: Zone, options: engine.ReplicateOptions) -> dict[str, Any]:
        """See ``engine.fail_over``."""
        return self._switch(source, target, options)

    def _switch(self, source: Zone | str, target: Zone, options: engine.ReplicateOptions) -> dict[str, Any]:
        report = engine.fail_over(
            source, target, options, how=cast("SwitchHow", self.how),
            block_writers=as_bool(self.block_writers, "block_writers"),
        )  # fmt: skip
        return {"source": self.source, "target": self.target, **report.summary()}


class LiveDataFailBackOperator(ReplicationOperator):
    """Make the source the active side again, or with ``dry_run`` say what would be kept aside and what would come back.

    Args:
        switch: False: only bring what changed, while the target stays the active side and goes on being used.

    Returns the report's address, digest and totals. It can be run again: what is done is not done twice.
    """

    template_fields: Collection[str] = (*ReplicationOperator.template_fields, "switch")
    limited_as = "both ways"

    def __init__(self, *, switch: bool | str = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.switch = switch

    def between(self, source: Zone, target: Zone, options: engine.ReplicateOptions) -> dict[str, Any]:
        """See ``engine.fail_back``."""
        report = engine.fail_back(target, source, options, switch=as_bool(self.switch, "switch"))
        return {"source": self.source, "target": self.target, **report.summary()}
