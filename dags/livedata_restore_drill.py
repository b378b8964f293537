"""Try on a schedule whether backups can be restored: see the DAG's own documentation, or docs/restore.md."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.restore_drill import restore_drill_dag

dag = restore_drill_dag()
