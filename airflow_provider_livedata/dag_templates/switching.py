"""What the fail-over, fail-back and restore DAGs have in common: rehearse -> ... -> [approve] -> the step itself -> report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, BaseOperator, Param, TriggerRule, chain, task

from airflow_provider_livedata.dag_templates.migration_params import OPTIONS
from airflow_provider_livedata.dag_templates.switch_outcome import switch_outcome
from airflow_provider_livedata.operators.base import FAILURE

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
PLACES: dict[str, Any] = {"source": "{{ params.source }}", "target": "{{ params.target }}", "options": OPTIONS}
AFTER = (
    TriggerRule.NONE_FAILED
)  # a step that was skipped stops nothing; each step decides by the params whether it is due
Steps = Callable[[], Sequence[BaseOperator]]
Outcome = Callable[
    [Mapping[str, Any], Sequence[str], Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], dict[str, Any]
]


def switch_dag(
    dag_id: str, doc: str, params: dict[str, Param], steps: Steps, *,
    tags: Collection[str], pool: str | None, retries: int, retry_delay: timedelta, dag_options: Mapping[str, Any],
    outcome: Outcome = switch_outcome,
) -> DAG:  # fmt: skip
    """Build a DAG of ``steps`` in a line, with a report at the end, told by ``outcome``, that is made whatever happens."""
    again = {"retries": retries, "retry_delay": retry_delay, "retry_exponential_backoff": True}
    defaults = again | {"max_retry_delay": timedelta(minutes=2)} | ({"pool": pool} if pool else {})
    settings = {"schedule": None, "catchup": False, "doc_md": doc, "default_args": defaults, "max_active_runs": 1}
    with DAG(dag_id, params=params, tags=list(tags), **{**settings, **dag_options}) as dag:
        line = list(steps())
        chain(*line, _report([step.task_id for step in line], outcome))
    return dag


def approval(task_id: str, subject: str, body: str) -> BaseOperator:
    """Wait for a person, unless nobody asked for that or this is a rehearsal; a refusal ends the run as failed."""
    return ApprovalOperator(
        task_id=task_id, subject=subject, body=body, fail_on_reject=True, retries=0, trigger_rule=AFTER,
        pre_execute=unless(lambda params: params["dry_run"] or not params["approval"], "nobody is to be asked"),
    )  # fmt: skip


def unless(is_skipped: Callable[[Mapping[str, Any]], Any], why: str) -> Callable[[Context], None]:
    """A ``pre_execute`` that skips its task where the params say so."""

    def skip(context: Context) -> None:
        if is_skipped(context["params"]):
            raise AirflowSkipException(why)

    return skip


def _report(stages: Sequence[str], tell: Outcome) -> Any:
    @task(retries=0, multiple_outputs=False)
    def report(**context: Any) -> dict[str, Any]:
        ti = context["ti"]
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        results = {stage: ti.xcom_pull(task_ids=stage) for stage in stages}
        failures = {stage: ti.xcom_pull(task_ids=stage, key=FAILURE) for stage in stages}
        outcome = tell(dict(context["params"]), stages, states, results, failures)
        log.info("how it ended\n%s", outcome["text"])
        return outcome

    # A teardown: it runs whatever happened before, and does not count towards the state of the run.
    return report().as_teardown()
