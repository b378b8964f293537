"""Have security policies follow the data: see the DAG's own documentation, or docs/security-policies.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.policy_sync import policy_sync_dag

dag = policy_sync_dag()
