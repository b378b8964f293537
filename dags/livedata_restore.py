"""Bring a backup back: see the DAG's own documentation, or docs/restore.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.restore import restore_dag

dag = restore_dag()
