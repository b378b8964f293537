"""Back up a location and let older backups go: see the DAG's own documentation, or docs/backup-and-recovery.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.backup import backup_dag

dag = backup_dag()
