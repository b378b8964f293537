"""The end of DAGs with many locations: how each target stands by what it remembers, and whether the run has failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import TriggerRule, task

from airflow_provider_livedata import engine
from airflow_provider_livedata.dag_templates.disaster_recovery_report import LocationEnd
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.operators.base import opened


def looked_at(end: LocationEnd) -> LocationEnd:
    """The end with lag and proofs, which its target is asked for."""
    try:
        with opened(end.target) as zone:
            lag, proofs = engine.lag(zone), engine.proofs(zone)
    except LiveDataError as error:
        return replace(end, unread=str(error))
    proved = {level: proof.at_ms for level, proof in proofs.items()}
    return replace(end, lag_s=lag.lag_s, as_of_ms=lag.as_of_ms, proved_ms=proved)


def outcome_task() -> Any:
    """The task ``outcome``, which fails the run where the report says so."""

    @task(retries=0, trigger_rule=TriggerRule.ALL_DONE)
    def outcome(**context: Any) -> str:
        """Fails the run where the report says so."""
        found = context["ti"].xcom_pull(task_ids="report") or {"outcome": "FAILED", "why": "there is no report"}
        if found["outcome"] in {"FAILED", "REFUSED"}:
            raise AirflowFailException(f"{found['outcome']}: {found['why']}")
        return str(found["outcome"])

    return outcome()
