"""Have Hive metadata follow the data: see the DAG's own documentation, or docs/hive-metadata.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.metastore_sync import metastore_sync_dag

dag = metastore_sync_dag()
