"""Copying: before, while and until what is left to copy is small enough to cut over."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_int
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.operators.base import ReplicationOperator

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.zones.base import Zone


class LiveDataPreflightOperator(ReplicationOperator):
    """Find out whether a copy could start; returns ``{"notes": [...]}``.

    Nothing is changed, but that the source is made snapshottable where it has to be, ``allow_snapshot`` is on and
    ``dry_run`` is not.
    """

    def between(self, source: Zone, target: Zone, options: ReplicateOptions) -> dict[str, Any]:
        """See ``engine.preflight``."""
        notes = engine.preflight(source, target, options)
        for note in notes:
            self.log.info("%s", note)
        return {"source": self.source, "target": self.target, "notes": notes}


class LiveDataCopyOperator(ReplicationOperator):
    """Bring the target to what the source holds, or with ``dry_run`` say what that would take.

    Only what differs is copied; where something failed, the task fails, and its retry copies only what is missing.
    Returns the report's address, digest and totals.
    """

    def between(self, source: Zone, target: Zone, options: ReplicateOptions) -> dict[str, Any]:
        """See ``engine.replicate``."""
        return engine.replicate(source, target, options).summary()


class LiveDataCatchUpOperator(ReplicationOperator):
    """Copy in rounds until a round finds at most ``until_changes`` changes, or ``max_rounds`` rounds were made.

    Returns the totals of the last round, with ``round_changes``: what each round found.
    """

    template_fields: Collection[str] = (*ReplicationOperator.template_fields, "until_changes", "max_rounds")

    def __init__(self, *, until_changes: int | str = 100, max_rounds: int | str = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.until_changes = until_changes
        self.max_rounds = max_rounds

    def between(self, source: Zone, target: Zone, options: ReplicateOptions) -> dict[str, Any]:
        """See ``engine.catch_up``."""
        until_changes = as_int(self.until_changes, "until_changes")
        max_rounds = as_int(self.max_rounds, "max_rounds")
        reports = engine.catch_up(source, target, options, until_changes=until_changes, max_rounds=max_rounds)
        return {**reports[-1].summary(), "round_changes": [report.changes for report in reports]}


class LiveDataSettleOperator(ReplicationOperator):
    """One more round, which must find nothing: else the task fails for good and lists the paths that still change.

    With ``dry_run`` it tells what the round would bring, and proves nothing.
    """

    limited_as = "switch"

    def between(self, source: Zone, target: Zone, options: ReplicateOptions) -> dict[str, Any]:
        """See ``engine.settle``."""
        round_ = engine.replicate if options.dry_run else engine.settle
        return round_(source, target, options).summary()
