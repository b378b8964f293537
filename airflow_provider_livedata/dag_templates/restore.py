"""The DAG that brings a backup back.

rehearse -> [approve] -> restore -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, BaseOperator

from airflow_provider_livedata.dag_templates.restore_outcome import restore_outcome
from airflow_provider_livedata.dag_templates.restore_params import RESTORE_OPTIONS, restore_params
from airflow_provider_livedata.dag_templates.steps import AFTER, approval, line_dag, unless
from airflow_provider_livedata.operators.restore import LiveDataRestoreOperator

RESTORED = "livedata-restored"  # schedule a DAG on this asset alias to have it follow each restore
WHAT: dict[str, Any] = {
    "place": "{{ params.place }}",
    "which": "{{ params.which or 'latest' }}",
    "destination": "{{ params.destination or '' }}",
    "options": RESTORE_OPTIONS,
}
DOC = """\
Brings a backup back: all of it, or some paths; into the place where it was made of, or elsewhere.

| step | what it does |
|---|---|
| `rehearse` | finds the backup, checks everything and writes the plan: what would be restored, replaced and deleted. With **Rehearse only** the run ends here. |
| `approve` | with **Ask before the restore**: waits until somebody has looked at the plan. |
| `restore` | keeps what is replaced or deleted, restores, and compares every restored file with the backup. |
| `report` | says what was done, how to undo it, and where the reports lie, also when a step failed. |

A run that broke off is cleared, or started again with the same params: what has landed is not copied again. See docs/restore.md.
"""
APPROVAL = """\
{% set told = ti.xcom_pull(task_ids="rehearse") or {} -%}
{% if told.get("why") -%}
**As things are, {{ told.why }}**

{% endif -%}
Backup `{{ told.get("backup") }}` of `{{ params.place }}` into `{{ told.get("destination") }}`, mode **{{ params.mode }}**,
{{ "paths " ~ (params.paths | join(", ")) if params.paths else "everything" }}.

- restored: {{ told.get("planned_files") }} files, {{ told.get("planned_bytes") }} bytes
- deleted: {{ told.get("planned_deletes") }}
- replaced or deleted though newer than the backup: {{ told.get("newer") }}
- plan: `{{ told.get("plan") }}`

**Approve**: the restore begins. **Reject** ends the run as failed, with nothing changed.
"""


def restore_dag(
    dag_id: str = "livedata_restore", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "backup"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=10), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the restore DAG; see ``migration_dag`` for the arguments."""
    return line_dag(
        dag_id, DOC, restore_params(defaults or {}), _steps, restore_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _steps() -> Sequence[BaseOperator]:
    return (
        LiveDataRestoreOperator(task_id="rehearse", dry_run=True, **WHAT),
        approval("approve", "Restore into {{ params.destination or params.place }}?", APPROVAL),
        LiveDataRestoreOperator(
            task_id="restore", trigger_rule=AFTER, outlets=[AssetAlias(RESTORED)],
            pre_execute=unless(lambda params: params["dry_run"], "rehearsed only"), **WHAT,
        ),
    )  # fmt: skip
