"""Make the old source of a replication the active side again: see the DAG's own documentation, or docs/disaster-recovery.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.failback import failback_dag

dag = failback_dag()
