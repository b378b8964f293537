"""The DAG that keeps copies of locations within seconds of their sources, and proves them by a schedule.

locations -> each location on its own: replicate -> due -> verify -> [policies] -> [metadata] -> report -> outcome
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import DAG, TriggerRule, chain, task, task_group

from airflow_provider_livedata import engine
from airflow_provider_livedata.dag_templates.disaster_recovery_params import (
    EVERY,
    disaster_recovery_params,
    every_s,
    locations_of,
)
from airflow_provider_livedata.dag_templates.disaster_recovery_report import LocationEnd, disaster_recovery_report
from airflow_provider_livedata.dag_templates.ends import looked_at, outcome_task
from airflow_provider_livedata.dag_templates.follower_params import FOLLOWERS
from airflow_provider_livedata.dag_templates.followers import follower_tasks
from airflow_provider_livedata.dag_templates.outcomes import state_word
from airflow_provider_livedata.dag_templates.steps import documented, report_task, states_in, tries
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.live import due_level
from airflow_provider_livedata.operators.base import FAILURE, failures_pushed, opened
from airflow_provider_livedata.operators.replicate import LiveDataReplicateOperator
from airflow_provider_livedata.operators.verify import LiveDataVerifyOperator

GROUP = "location"
STEPS = ("replicate", "due", "verify", *FOLLOWERS)
DOC = """\
Keeps copies of locations within seconds of their sources, and proves them by a schedule. The sources are only read.

| step | what it does |
|---|---|
| `locations` | looks through the params. What cannot be used stops the run here, before anything is changed, in one error that names all of it. |
| `location.replicate` | replicates a location cycle after cycle for the given time, out of the worker while it waits. A **dry run** writes a plan. |
| `location.due` | finds out by the target's own reports which proof is due. |
| `location.verify` | compares target, manifest and source at that level. |
| `location.policies`, `location.metadata` | where a location asks for them: give Ranger the policies, and the metastore the tables, of what was replicated. |
| `report` | says how each location stands: lag, last proofs, what went wrong. |
| `outcome` | fails the run when a location failed, after all others have gone on to their end. |

Each location goes its own way: one that fails does not stop the others. To go on for ever, build the DAG with
`schedule="@continuous"` (docs/live.md). To end the live replication of one target early, write `.livedata/stop.json` there.
"""


def disaster_recovery_dag(
    dag_id: str = "livedata_disaster_recovery", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "disaster recovery"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=30), deferrable: bool = True, **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the disaster recovery DAG.

    Args:
        dag_id: Its id.
        defaults: Values of its params in place of their own, for example ``locations``.
        tags: Its tags.
        pool: Airflow pool of the tasks that read a source or write a target.
        retries: How often a step that failed for a passing reason is tried again.
        retry_delay: Until the first retry; doubled for each further one, up to 10 minutes.
        deferrable: Whether waits between cycles free the worker slot; that takes a triggerer.
        dag_options: Further arguments of ``airflow.sdk.DAG``, such as ``schedule``.
    """
    settings = {
        "schedule": None, "catchup": False, "max_active_runs": 1, **documented(DOC),
        "default_args": tries(retries, retry_delay, pool, longest=timedelta(minutes=10)), **dag_options,
    }  # fmt: skip
    macros = {"livedata_time_left": time_left, **settings.pop("user_defined_macros", {})}
    params = disaster_recovery_params(defaults or {})
    with DAG(dag_id, params=params, tags=list(tags), user_defined_macros=macros, **settings) as dag:
        report = report_task(_told, trigger_rule=TriggerRule.ALL_DONE)
        chain(_location(deferrable=deferrable).expand_kwargs(_locations()), report, outcome_task())
    return dag


def time_left(duration_s: float | None, began: datetime | None, now: datetime | None = None) -> str:
    """Seconds that are left of a duration since ``began``, "" where there is no end: so that a retry ends when the first try had."""
    if duration_s is None:
        return ""
    passed_s = ((now or datetime.now(UTC)) - began).total_seconds() if began else 0.0
    return f"{min(max(duration_s - passed_s, 0.0), duration_s):.3f}"


def _locations() -> Any:
    @task(retries=0, multiple_outputs=False)
    def locations(**context: Any) -> list[dict[str, Any]]:
        with failures_pushed(context):
            return locations_of(context["params"])

    return locations()


def _location(*, deferrable: bool) -> Any:
    @task_group(group_id=GROUP)
    def location(
        source: str, target: str, options: dict[str, Any], policies: dict[str, Any], metadata: dict[str, Any]
    ) -> None:
        places: dict[str, Any] = {
            "source": source,
            "target": target,
            "options": options,
            "map_index_template": "{{ task.target }}",
        }
        replicate = LiveDataReplicateOperator(
            task_id="replicate", deferrable=deferrable, dry_run="{{ params.dry_run }}", interval_s="{{ params.interval_s }}",
            duration_s="{{ livedata_time_left(params.duration_s, dag_run.start_date) }}",
            max_failures_in_row="{{ params.max_failures_in_row }}", **places,
        )  # fmt: skip
        level = _due()(target=target)
        verify = LiveDataVerifyOperator(task_id="verify", level=level, writers_at_work=True, **places)
        following = follower_tasks({"policies": policies, "metadata": metadata})
        chain(replicate, level, verify, *following)
        (
            replicate >> following[0]
        )  # what is not due to be verified follows all the same; what was not replicated does not

    return location


def _due() -> Any:
    # Also after a replication that failed: what the target holds by its last checkpoint is what a fail-over would rely on.
    @task(trigger_rule=TriggerRule.ALL_DONE, map_index_template="{{ task.op_kwargs['target'] }}")
    def due(target: str, **context: Any) -> str:
        """The level at which the target is to be verified now."""
        params = context["params"]
        if params["dry_run"]:
            raise AirflowSkipException("dry run: the plan is written")
        with failures_pushed(context), opened(target) as zone:
            if not engine.newest_run(zone):
                raise AirflowSkipException("nothing was copied completely yet, so there is nothing to verify")
            proved = {level: proof.at_ms for level, proof in engine.proofs(zone).items()}
        level = due_level(proved, every_s(params), now_ms())
        if level is None:
            raise AirflowSkipException("no verification is due")
        return level

    return due


def _told(context: Mapping[str, Any]) -> dict[str, Any]:
    ti, states = context["ti"], states_in(context)
    refused = ti.xcom_pull(task_ids="locations", key=FAILURE) or {}
    places = ti.xcom_pull(task_ids="locations") or []
    why = str(refused.get("message") or ("" if places else "see the log of the task locations"))
    ends = [_end_of(number, place, states, context) for number, place in enumerate(places)]
    return disaster_recovery_report(ends, list(EVERY), refused=why)


def _end_of(
    number: int, place: Mapping[str, Any], states: Mapping[str, Any], context: Mapping[str, Any]
) -> LocationEnd:
    def said(step: str, key: str = "return_value") -> Any:
        return context["ti"].xcom_pull(task_ids=f"{GROUP}.{step}", key=key, map_indexes=number)

    told = {step: state_word(states.get(f"{GROUP}.{step}_{number}")) for step in STEPS}
    failures = {step: found for step in STEPS if (found := said(step, FAILURE))}
    return looked_at(
        LocationEnd(place["source"], place["target"], states=told, result=said("replicate"), failures=failures)
    )
