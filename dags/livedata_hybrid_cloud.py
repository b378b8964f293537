"""Feed the zones of each location in livedata.yaml from its home: see the DAG's own documentation, or docs of the package."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.configured_locations import hybrid_cloud_dags

globals().update({dag.dag_id: dag for dag in hybrid_cloud_dags()})
