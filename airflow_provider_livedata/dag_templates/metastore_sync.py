"""The DAG that has Hive metadata follow the data.

preview -> [approve] -> sync -> [verify] -> [delta] -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, BaseOperator

from airflow_provider_livedata.dag_templates.forms import option_texts
from airflow_provider_livedata.dag_templates.metastore_outcome import metastore_outcome
from airflow_provider_livedata.dag_templates.metastore_params import metastore_params
from airflow_provider_livedata.dag_templates.steps import AFTER, approval, line_dag, unless
from airflow_provider_livedata.operators.delta import DeltaCopyOperator
from airflow_provider_livedata.operators.metastore import MetastoreSyncOperator, MetastoreVerifyOperator

SYNCED = "livedata-metadata-synced"  # schedule a DAG on this asset alias to have it follow each sync
DOC = """\
Registers databases, tables, partitions, functions, statistics and constraints of one Hive Metastore in another, pointing at the place to which
their data are replicated. Never touches a file.

| step | what it does |
|---|---|
| `preview` | compares, writes the plan, and changes nothing. With **Preview only** the run ends here. |
| `approve` | with **Ask before the sync**: waits until somebody has looked at the plan. |
| `sync` | carries it out. What one table's failure stops is that table alone; the run fails at its end and names it. |
| `verify` | with **Verify**: compares everything again, constraints and statistics included; rows too, where it is told by what to count them. |
| `delta` | with **Copies in Delta lie at**: makes, at Databricks, a copy in Delta of each table whose files have changed. |
| `report` | says what happened and where the reports lie, also when a step failed. |

It can be run as often as you like; from the second time on it asks the source's notification log what has changed. See docs/hive-metadata.md.
"""
APPROVAL = """\
{% set told = ti.xcom_pull(task_ids="preview") or {} -%}
From `{{ params.source }}` to `{{ params.target }}`: {{ told.get("planned") or "nothing to do" }}.

The plan: `{{ told.get("plan") }}`. **Reject** ends the run as failed, and nothing is changed.
"""
_PLACES: dict[str, Any] = {
    "source": "{{ params.source }}", "target": "{{ params.target }}", "state": "{{ params.state }}",
    "locations": "{{ params.locations | tojson }}",
    "options": option_texts(
        "databases", "tables", "exclude", "deletes", "max_delete_ratio", "changed_at_target", "unmapped", "details", "find_by"
    ),
}  # fmt: skip
_COPIES = option_texts("databases", "tables", "exclude", "deletes", "max_delete_ratio") | {
    "schema": "{{ params.delta_schema }}"
}


def metastore_sync_dag(
    dag_id: str = "livedata_metastore_sync", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "metadata"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=30), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the DAG of metadata syncs; see ``migration_dag`` for the arguments, and give ``schedule`` to have it run by itself."""
    return line_dag(
        dag_id, DOC, metastore_params(defaults or {}), _steps, metastore_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _steps() -> Sequence[BaseOperator]:
    data = {
        "data": "{{ (params.data or {}) | tojson }}",
        "after_data": "{{ params.after_data }}",
        "up_to": "{{ params.up_to }}",
    }
    return (
        MetastoreSyncOperator(task_id="preview", dry_run=True, **data, **_PLACES),
        approval("approve", "Sync metadata to {{ params.target }}?", APPROVAL),
        MetastoreSyncOperator(
            task_id="sync", trigger_rule=AFTER, outlets=[AssetAlias(SYNCED)],
            pre_execute=unless(lambda p: p["dry_run"], "previewed only"), **data, **_PLACES,
        ),
        MetastoreVerifyOperator(
            task_id="verify", trigger_rule=AFTER,
            pre_execute=unless(lambda p: p["dry_run"] or not p["verify"], "not asked for"),
            rows_at_target="{{ params.rows_at_target or '' }}", rows_at_source="{{ params.rows_at_source or '' }}", **_PLACES,
        ),
        DeltaCopyOperator(
            task_id="delta", trigger_rule=AFTER, pre_execute=unless(lambda p: p["dry_run"] or not p["delta_location"], "not asked for"),
            target="{{ params.target }}", state="{{ params.state }}", location="{{ params.delta_location or '' }}", data=data["data"],
            locations="{{ params.locations | tojson }}", options=_COPIES,
        ),
    )  # fmt: skip
