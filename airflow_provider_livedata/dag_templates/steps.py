"""What the DAGs have in common: how often a step is tried, when it is skipped, who is asked, and the report at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, BaseOperator, Param, TriggerRule, chain, task

from airflow_provider_livedata.dag_templates.migration_params import OPTIONS
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.operators.base import FAILURE, failures_pushed

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
PLACES: dict[str, Any] = {"source": "{{ params.source }}", "target": "{{ params.target }}", "options": OPTIONS}
# A step that was skipped stops nothing; each step decides by the params whether it is due.
AFTER = TriggerRule.NONE_FAILED
Params = Mapping[str, Any]
Steps = Callable[[], Sequence[BaseOperator]]
Outcome = Callable[[Params, Sequence[str], Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def line_dag(
    dag_id: str, doc: str, params: dict[str, Param], steps: Steps, outcome: Outcome, *,
    tags: Collection[str], pool: str | None, retries: int, retry_delay: timedelta, dag_options: Mapping[str, Any],
) -> DAG:  # fmt: skip
    """Build a DAG of ``steps`` in a line, with a report at the end, told by ``outcome``."""
    settings = {
        "schedule": None, "catchup": False, "max_active_runs": 1, **documented(doc),
        "default_args": tries(retries, retry_delay, pool, longest=timedelta(minutes=2)), **dag_options,
    }  # fmt: skip
    with DAG(dag_id, params=params, tags=list(tags), **settings) as dag:
        line = list(steps())
        chain(*line, line_report([step.task_id for step in line], outcome))
    return dag


def documented(doc: str) -> dict[str, str]:
    """The arguments of ``DAG`` for its documentation in Markdown: its first sentence is also what lists of DAGs show."""
    sentence, stop, _ = " ".join(doc.split()).replace("`", "").partition(". ")
    return {"doc_md": doc, "description": sentence + stop.strip()}


def tries(
    retries: int, retry_delay: timedelta, pool: str | None, *, longest: timedelta | None = None
) -> dict[str, Any]:
    """Arguments of tasks that are tried again, each time after twice as long, ``longest`` at most.

    None begins where the run was given a field that its form does not have.
    """
    again: dict[str, Any] = {"retries": retries, "retry_delay": retry_delay, "retry_exponential_backoff": True}
    again["pre_execute"] = refuse_unknown_fields
    return again | ({"max_retry_delay": longest} if longest else {}) | ({"pool": pool} if pool else {})


def timing(schedule: Any, timezone: str) -> dict[str, Any]:
    """The arguments of ``DAG`` for a schedule; a cron expression goes by the clock of ``timezone``, summer time included."""
    start = datetime(2024, 1, 1, tzinfo=ZoneInfo(timezone))  # any day that has passed: nothing is caught up
    return {"schedule": schedule, "start_date": start}


def approval(task_id: str, subject: str, body: str) -> BaseOperator:
    """Wait for a person, unless nobody asked for that or this is a rehearsal; a refusal ends the run as failed."""
    return ApprovalOperator(
        task_id=task_id, subject=subject, body=body, fail_on_reject=True, retries=0, trigger_rule=AFTER,
        pre_execute=unless(lambda params: params["dry_run"] or not params["approval"], "nobody is to be asked"),
    )  # fmt: skip


def refuse_unknown_fields(context: Context) -> None:
    """A ``pre_execute``: Airflow takes any name, and a misspelt ``dry_run`` would have the run change what it was only to look at.

    Raises:
        AirflowFailException: The run was given a field that its form does not have.
    """
    known, given = context["dag"].params, context["dag_run"].conf or {}
    if unknown := sorted(set(given) - set(known)):
        with failures_pushed(context):
            raise BadOption(
                f"the form of this DAG has no such field; nothing was done; its fields are {', '.join(sorted(known))}",
                unknown=unknown,
            )


def unless(is_skipped: Callable[[Params], Any], why: str) -> Callable[[Context], None]:
    """A ``pre_execute`` that skips its task where the params say so."""

    def skip(context: Context) -> None:
        refuse_unknown_fields(context)
        if is_skipped(context["params"]):
            raise AirflowSkipException(why)

    return skip


def line_report(stages: Sequence[str], outcome: Outcome) -> Any:
    """The report of tasks that each ran once, made whatever happens."""

    def tell(context: Mapping[str, Any]) -> dict[str, Any]:
        ti = context["ti"]
        results = {stage: ti.xcom_pull(task_ids=stage) for stage in stages}
        failures = {stage: ti.xcom_pull(task_ids=stage, key=FAILURE) for stage in stages}
        return outcome(dict(context["params"]), stages, states_in(context), results, failures)

    # A teardown: it runs whatever happened before, and does not count towards the state of the run.
    return report_task(tell).as_teardown()


def report_task(tell: Callable[[Mapping[str, Any]], dict[str, Any]], **settings: Any) -> Any:
    """The task ``report``: what ``tell`` says goes to XCom, its ``text`` to the log."""

    @task(retries=0, multiple_outputs=False, pre_execute=None, **settings)
    def report(**context: Any) -> dict[str, Any]:
        told = tell(context)
        log.info("how it ended\n%s", told["text"])
        return told

    return report()


def states_in(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state of each task of the run, as Airflow tells it."""
    ti = context["ti"]
    found: Mapping[str, Any] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return found
