"""The DAG that makes the old source of a replication the active side again.

rehearse -> bring -> [approve] -> fail_back -> [protect] -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, BaseOperator

from airflow_provider_livedata.dag_templates.protecting import protection_step
from airflow_provider_livedata.dag_templates.steps import AFTER, PLACES, approval, line_dag, unless
from airflow_provider_livedata.dag_templates.switch_outcome import switch_outcome
from airflow_provider_livedata.dag_templates.switch_params import switch_params
from airflow_provider_livedata.operators.fail_over import LiveDataFailBackOperator

SWITCHED = "livedata-failed-back"  # schedule a DAG on this asset alias to have it follow each fail-back
DOC = """\
Brings what changed on the active side back to the old source, and makes that the active side again. **Source** and **Target** are those of
the replication, as in `livedata_failover`. What had been written to the old source after the switch is listed and kept aside
in its `.livedata/aside`, never dropped.

| step | what it does |
|---|---|
| `rehearse` | lists what would be kept aside and what would come back. With **Rehearse only** the run ends here. |
| `bring` | keeps aside and brings back, while the target goes on being used. |
| `approve` | with **Ask before the switch**: waits until somebody confirms that the writers at the target have stopped. |
| `fail_back` | brings the rest, must then find nothing, compares both sides, and writes the roles. |
| `protect` | with **Protection of the replica**: lets nobody but the replication write to the target, which is a replica again. |
| `report` | says what happened and where the reports lie, also when a step failed. |

When `fail_back` stops because the target still changes, stop the writers that it lists and clear it. Afterwards the replication runs in its old
direction as before. See docs/disaster-recovery.md.
"""
APPROVAL = """\
{% set told = ti.xcom_pull(task_ids="bring") or {} -%}
`{{ params.source }}` becomes the active side again, in place of `{{ params.target }}`. {{ told.get("copied_files") }} files have come back;
{{ told.get("kept_aside") }} files that had been written there after the switch are kept aside{% if told.get("kept_aside") %} in
`{{ told.get("aside") }}`{% endif %}.

1. Stop everything that writes to the target.
2. **Approve**: the rest comes back, and the source becomes active.
3. When the run has ended as SWITCHED, point readers and writers at the source, and look through what was kept aside.

**Reject** ends the run as failed; the target stays the active side.
"""


def failback_dag(
    dag_id: str = "livedata_failback", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "disaster-recovery"),
    pool: str | None = None, retries: int = 3, retry_delay: timedelta = timedelta(seconds=10), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the fail-back DAG; see ``migration_dag`` for the arguments."""
    return line_dag(
        dag_id, DOC, switch_params(defaults or {}, asks_how=False), _steps, switch_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _steps() -> Sequence[BaseOperator]:
    is_rehearsal = unless(lambda params: params["dry_run"], "rehearsed only")
    return (
        LiveDataFailBackOperator(task_id="rehearse", dry_run=True, **PLACES),
        LiveDataFailBackOperator(
            task_id="bring", switch=False, trigger_rule=AFTER, pre_execute=is_rehearsal, **PLACES
        ),
        approval("approve", "Fail back to {{ params.source }}?", APPROVAL),
        LiveDataFailBackOperator(
            task_id="fail_back", trigger_rule=AFTER, pre_execute=is_rehearsal, outlets=[AssetAlias(SWITCHED)], **PLACES
        ),
        protection_step("protect", lifted=False),
    )  # fmt: skip
