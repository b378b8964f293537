"""What the fail-over and fail-back DAGs have in common: rehearse -> bring -> [approve] -> switch -> report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_livedata.dag_templates.in_line import AFTER, Steps, dag_in_line, unless
from airflow_provider_livedata.dag_templates.migration_params import OPTIONS
from airflow_provider_livedata.dag_templates.switch_outcome import switch_outcome

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator, Param

PLACES: dict[str, Any] = {"source": "{{ params.source }}", "target": "{{ params.target }}", "options": OPTIONS}


def switch_dag(
    dag_id: str, doc: str, params: dict[str, Param], steps: Steps, *,
    tags: Collection[str], pool: str | None, retries: int, retry_delay: timedelta, dag_options: Mapping[str, Any],
) -> DAG:  # fmt: skip
    """Build a DAG of ``steps`` in a line, with a report at the end that is made whatever happens."""
    return dag_in_line(
        dag_id, doc, params, steps, switch_outcome, tags=tags, pool=pool, retries=retries, retry_delay=retry_delay,
        max_retry_delay=timedelta(minutes=2), dag_options=dag_options,
    )  # fmt: skip


def approval(task_id: str, subject: str, body: str) -> BaseOperator:
    """Wait for a person, unless nobody asked for that or this is a rehearsal; a refusal ends the run as failed."""
    return ApprovalOperator(
        task_id=task_id, subject=subject, body=body, fail_on_reject=True, retries=0, trigger_rule=AFTER,
        pre_execute=unless(lambda params: params["dry_run"] or not params["approval"], "nobody is to be asked"),
    )  # fmt: skip
