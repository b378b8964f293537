"""The DAG that makes the target of a replication the active side.

rehearse -> bring -> [approve] -> fail_over -> [lift_protection] -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, BaseOperator

from airflow_provider_livedata.dag_templates.protecting import protection_step
from airflow_provider_livedata.dag_templates.steps import AFTER, PLACES, approval, line_dag, unless
from airflow_provider_livedata.dag_templates.switch_outcome import switch_outcome
from airflow_provider_livedata.dag_templates.switch_params import REPLICATING, switch_params
from airflow_provider_livedata.operators.copy import LiveDataCopyOperator
from airflow_provider_livedata.operators.fail_over import LiveDataFailOverOperator

SWITCHED = "livedata-failed-over"  # schedule a DAG on this asset alias to have it follow each fail-over
DOC = """\
Makes the target of a replication the active side. **Planned**: the source is there, and nothing is lost. **Unplanned**: the source
does not answer and is not asked; the target becomes active at its newest checkpoint, and the report says what is lost.

| step | what it does |
|---|---|
| `rehearse` | checks everything and says what would happen. With **Rehearse only** the run ends here. |
| `bring` | planned: brings what is left while the writers are still at work, so that little remains after they have stopped. |
| `approve` | with **Ask before the switch**: waits until somebody confirms that the writers at the source have stopped. |
| `fail_over` | planned: with **Block the writers** closes the source first; brings the rest, then looks once more and must find nothing; then writes the roles. Unplanned: writes the target's role. |
| `lift_protection` | with **Protection of the replica**: lets others than the replication write to the target. |
| `report` | says what happened and where the reports lie, also when a step failed. |

When `fail_over` stops because the source still changes, stop the writers that it lists and clear it. It can be run as often as you like.
Afterwards the replication refuses to run in its old direction; `livedata_failback` brings everything back. See docs/disaster-recovery.md.
"""
APPROVAL = """\
{% set told = ti.xcom_pull(task_ids="rehearse") or {} -%}
`{{ params.target }}` becomes the active side, in place of `{{ params.source }}`: **{{ params.how }}**.

{% if params.how == "unplanned" -%}
The target is at checkpoint {{ told.get("run") }}: up to {{ told.get("lost_seconds") }} s of changes are lost.

1. Make sure that nobody writes to the source any more, should it come back.
{%- else -%}
1. Stop everything that writes to the source.
{%- if params.block_writers %} Its location is closed to everybody but this replication's user: readers too. Programs that have a file open, superusers
and those whom a policy lets in go on.
{%- endif %}
{%- endif %}
2. **Approve**: the target becomes active.
3. When the run has ended as SWITCHED, point readers and writers at the target.

**Reject** ends the run as failed; both sides keep their roles.
"""


def failover_dag(
    dag_id: str = "livedata_failover", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "disaster-recovery"),
    pool: str | None = None, retries: int = 3, retry_delay: timedelta = timedelta(seconds=10), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the fail-over DAG; see ``migration_dag`` for the arguments."""
    return line_dag(
        dag_id, DOC, switch_params(defaults or {}, asks_how=True), _steps, switch_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _steps() -> Sequence[BaseOperator]:
    how, block = "{{ params.how }}", "{{ params.block_writers }}"
    places = {**PLACES, "options": {**PLACES["options"], **REPLICATING}}
    return (
        LiveDataFailOverOperator(task_id="rehearse", how=how, block_writers=block, dry_run=True, **places),
        LiveDataCopyOperator(
            task_id="bring", trigger_rule=AFTER,
            pre_execute=unless(lambda p: p["dry_run"] or p["how"] != "planned", "only a planned fail-over brings anything"),
            **places,
        ),
        approval("approve", "Fail over to {{ params.target }}?", APPROVAL),
        LiveDataFailOverOperator(
            task_id="fail_over", how=how, block_writers=block, trigger_rule=AFTER, outlets=[AssetAlias(SWITCHED)],
            pre_execute=unless(lambda p: p["dry_run"], "rehearsed only"), **places,
        ),
        protection_step("lift_protection", lifted=True),
    )  # fmt: skip
