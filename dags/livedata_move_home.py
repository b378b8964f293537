"""Move the home of a location in livedata.yaml to another zone: see the DAG's own documentation, or docs of the package."""

from __future__ import annotations

from airflow_provider_livedata.configuration import load
from airflow_provider_livedata.dag_templates.move_home import move_home_dag

dag = move_home_dag(locations=list(load().locations))
