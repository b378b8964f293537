"""What DAGs have in common whose steps stand in one line: each is tried again, and a report is made whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import DAG, BaseOperator, Param, TriggerRule, chain, task

from airflow_provider_livedata.operators.base import FAILURE

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
AFTER = (
    TriggerRule.NONE_FAILED
)  # a step that was skipped stops nothing; each step decides by the params whether it is due
Steps = Callable[[], Sequence[BaseOperator]]
Results = Mapping[str, Any]
Outcome = Callable[[Mapping[str, Any], Sequence[str], Mapping[str, Any], Results, Results], dict[str, Any]]


def dag_in_line(
    dag_id: str, doc: str, params: dict[str, Param], steps: Steps, outcome: Outcome, *,
    tags: Collection[str], pool: str | None, retries: int, retry_delay: timedelta, max_retry_delay: timedelta,
    dag_options: Mapping[str, Any],
) -> DAG:  # fmt: skip
    """Build a DAG of ``steps`` in a line; ``outcome`` makes the report of params, task ids, states, results and failures."""
    again = {"retries": retries, "retry_delay": retry_delay, "retry_exponential_backoff": True}
    defaults = again | {"max_retry_delay": max_retry_delay} | ({"pool": pool} if pool else {})
    settings = {"schedule": None, "catchup": False, "doc_md": doc, "default_args": defaults, "max_active_runs": 1}
    with DAG(dag_id, params=params, tags=list(tags), **{**settings, **dag_options}) as dag:
        line = list(steps())
        chain(*line, _report([step.task_id for step in line], outcome))
    return dag


def unless(is_skipped: Callable[[Mapping[str, Any]], Any], why: str) -> Callable[[Context], None]:
    """A ``pre_execute`` that skips its task where the params say so."""

    def skip(context: Context) -> None:
        if is_skipped(context["params"]):
            raise AirflowSkipException(why)

    return skip


def _report(stages: Sequence[str], outcome: Outcome) -> Any:
    @task(retries=0, multiple_outputs=False)
    def report(**context: Any) -> dict[str, Any]:
        ti = context["ti"]
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        results = {stage: ti.xcom_pull(task_ids=stage) for stage in stages}
        failures = {stage: ti.xcom_pull(task_ids=stage, key=FAILURE) for stage in stages}
        told = outcome(dict(context["params"]), stages, states, results, failures)
        log.info("how it ended\n%s", told["text"])
        return told

    # A teardown: it runs whatever happened before, and does not count towards the state of the run.
    return report().as_teardown()
