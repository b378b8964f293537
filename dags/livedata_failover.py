"""Make the target of a replication the active side: see the DAG's own documentation, or docs/disaster-recovery.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.failover import failover_dag

dag = failover_dag()
