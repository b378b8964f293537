"""Migrate a location from one zone to another: see the DAG's own documentation, or docs of the package."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.migration import migration_dag

dag = migration_dag()
