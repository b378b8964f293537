"""DAGs of the locations with homes in ``livedata.yaml``: all in ``livedata_hybrid_cloud``, but those with a schedule of their own.

with schedule       livedata_hybrid_cloud_<name>
without             in livedata_hybrid_cloud
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_livedata.configuration import Configuration, Located, load
from airflow_provider_livedata.configuration.fields import HOME
from airflow_provider_livedata.dag_templates.hybrid_cloud import hybrid_cloud_dag
from airflow_provider_livedata.dag_templates.steps import timing
from airflow_provider_livedata.operators.follow import location_asset

if TYPE_CHECKING:
    from airflow.sdk import DAG


def hybrid_cloud_dags(configuration: Configuration | None = None) -> Iterator[DAG]:
    """Yield the DAGs; without an argument those of the file that Airflow's configuration names."""
    locations = (configuration or load()).locations.values()
    yield hybrid_cloud_dag(locations=[one for one in locations if one.said.schedule is None])
    yield from (_own(one) for one in locations if one.said.schedule is not None)


def _own(located: Located) -> DAG:
    said = located.said
    when = [location_asset(located.name, located.home)] if said.schedule == HOME else said.schedule
    return hybrid_cloud_dag(f"livedata_hybrid_cloud_{located.name}", locations=[located], **timing(when, said.timezone))
