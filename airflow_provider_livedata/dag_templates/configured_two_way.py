"""DAGs of two-way syncs: the one whose form asks for both sides, and ``livedata_two_way_sync_<name>`` for each location of ``livedata.yaml`` with ``mode: two_way``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.configuration import Configuration, Shared, load
from airflow_provider_livedata.dag_templates.steps import timing
from airflow_provider_livedata.dag_templates.two_way import two_way_dag
from airflow_provider_livedata.engine.two_way.settling import PREFER

if TYPE_CHECKING:
    from airflow.sdk import DAG


def two_way_dags(configuration: Configuration | None = None) -> Iterator[DAG]:
    """Yield the DAGs; without an argument those of the file that Airflow's configuration names."""
    yield two_way_dag()
    yield from (_own(one) for one in (configuration or load()).shared.values())


def _own(shared: Shared) -> DAG:
    return two_way_dag(
        f"livedata_two_way_sync_{shared.name}", defaults=_defaults(shared), pool=shared.pool, max_active_runs=1,
        **timing(shared.said.schedule, shared.said.timezone),
    )  # fmt: skip


def _defaults(shared: Shared) -> dict[str, Any]:
    """The form, filled in; what is scheduled does not wait for somebody to have looked."""
    said, (left, right) = shared.said, shared.said.zones
    preferred = said.conflicts.removeprefix(PREFER)
    conflicts = (
        said.conflicts if preferred == said.conflicts else "prefer_left" if preferred == left else "prefer_right"
    )
    return {
        "left": shared.places[left], "right": shared.places[right], "left_name": left, "right_name": right, "conflicts": conflicts,
        "keep_conflicts": said.keep_conflicts, "keep_removed": said.keep_removed, "approval": said.approval, "dry_run": False,
        **shared.options,
    }  # fmt: skip
