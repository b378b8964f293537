"""Keep two locations in step that are both written to: see the DAG's own documentation, or docs/two-way-sync.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.two_way import two_way_dag

dag = two_way_dag()
