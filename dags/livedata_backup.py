"""Back up locations and let older backups go: one DAG to trigger by hand, and one for each backup in livedata.yaml.

See the DAG's own documentation, or docs/backup-and-recovery.md. Entries that are not right are left out.
"""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.backup import backup_dag
from airflow_provider_livedata.dag_templates.configured_backups import backup_dags

dag = backup_dag()
globals().update({one.dag_id: one for one in backup_dags()})
