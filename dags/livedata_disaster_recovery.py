"""Keep copies of locations within seconds of their sources: see the DAG's own documentation, or docs of the package."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.configured import configured_locations
from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag

dag = disaster_recovery_dag(defaults=configured_locations())
