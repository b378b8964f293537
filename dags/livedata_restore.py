"""Bring a backup back: one DAG to trigger by hand, and for each backup in livedata.yaml one with its form filled in, and its drill.

See the DAG's own documentation, or docs/restore.md. Entries that are not right are left out.
"""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.configured_restores import restore_dags
from airflow_provider_livedata.dag_templates.restore import restore_dag

dag = restore_dag()
globals().update({one.dag_id: one for one in restore_dags()})
