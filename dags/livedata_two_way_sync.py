"""Keep two locations in step that are both written to: see the DAG's own documentation, or docs/two-way-sync.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.configured_two_way import two_way_dags

globals().update({dag.dag_id: dag for dag in two_way_dags()})
