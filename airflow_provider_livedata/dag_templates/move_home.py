"""The DAG that moves the home of a location to a zone that follows it, without losing a write.

places -> rehearse -> catch_up -> [approve] -> fail_over -> reverse -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, BaseOperator, Param, task

from airflow_provider_livedata.configuration import Located, load
from airflow_provider_livedata.configuration.homes import Follows, followers_text, moved
from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.disaster_recovery_params import DEFAULT_OPTIONS
from airflow_provider_livedata.dag_templates.failover import SWITCHED
from airflow_provider_livedata.dag_templates.move_home_outcome import PLACES, move_home_outcome
from airflow_provider_livedata.dag_templates.steps import AFTER, approval, line_dag, unless
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.operators.base import failures_pushed
from airflow_provider_livedata.operators.copy import LiveDataCatchUpOperator
from airflow_provider_livedata.operators.fail_over import LiveDataFailBackOperator, LiveDataFailOverOperator

DOC = """\
Moves the home of a location of `livedata.yaml` to a zone that follows it: a planned fail-over, after which the old home follows the new one.

| step | what it does |
|---|---|
| `places` | finds both places in `livedata.yaml`. |
| `rehearse` | checks both zones and their roles, and says what is left to bring. With **Rehearse only** the run ends here. |
| `catch_up` | brings most of it while the writers are still at work. |
| `approve` | with **Ask before the move**: waits until somebody confirms that the writers at the old home have stopped. |
| `fail_over` | closes the old home to its writers where that was asked for, brings the rest, must then find nothing, and writes the roles. |
| `reverse` | turns the direction round: the old home follows the new one from here on. |
| `report` | says what happened, and what `livedata.yaml` is to say now. |

Until the file says so too, `livedata_hybrid_cloud` refuses to replicate the location. Every step can be cleared and run again. See docs/hybrid-cloud.md.
"""
APPROVAL = """\
`{{ params.to }}` becomes the home of `{{ params.location }}`. Stop everything that writes to its present home{% if params.block_writers %} (its directory
is closed to all but this replication's user, readers too){% endif %}, then **Approve**. When the run has ended as SWITCHED, have them write in
`{{ params.to }}`, and change `home:` in livedata.yaml as the report says.

**Reject** ends the run as failed; the home stays where it is.
"""


def move_home_dag(
    dag_id: str = "livedata_move_home", *,
    locations: Sequence[str] = (), tags: Collection[str] = ("livedata", "hybrid cloud"), pool: str | None = None, retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=10), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the DAG; ``locations``: names that the form offers. See ``migration_dag`` for the other arguments."""
    return line_dag(
        dag_id, DOC, _params(locations), _steps, move_home_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _params(locations: Sequence[str]) -> dict[str, Param]:
    params = {
        "location": Param(type="string", title="Location", examples=list(locations), description="By its name in livedata.yaml."),
        "to": Param(type="string", title="New home", description="A zone that follows the home directly."),
        "dry_run": forms.yes_no("Rehearse only", "Check everything and say what would happen.", default=True),
        "approval": forms.yes_no("Ask before the move", "Wait for a person who says that the writers have stopped.", default=True),
        "block_writers": forms.yes_no(
            "Block the writers",
            "From HDFS or a local disk: close the old home to everybody but this user, readers too, until the home comes back or its mode "
            "is set by hand. Needs its owner or a superuser.",
        ),
    }  # fmt: skip
    return forms.form(params, {}, "this DAG")


def places_of(located: Located, to: str) -> dict[str, Any]:
    """Where the location is written and where it is to be, and what the file is to say then.

    Raises:
        BadInput: The zone does not follow the home directly.
    """
    feed = next((one for one in located.feeds if one.zone == to and one.is_of_home), None)
    if feed is None:
        direct = ", ".join(one.zone for one in located.feeds if one.is_of_home) or "none"
        raise BadInput(
            f"the home of {located.name} can move to a zone that follows it directly: {direct}; others after those",
            asked_for=to,
        )
    follows = moved(located.home, to, [Follows(one.zone, one.upstream) for one in located.feeds])
    options = {**DEFAULT_OPTIONS, **located.options[to]}
    change = [f"home: {to}", f"followers: {followers_text(to, follows)}"]
    return {"source": str(feed.source), "target": str(feed.target), "options": options, "change": change}


def _places() -> Any:
    @task(task_id=PLACES, retries=0, multiple_outputs=True)
    def places(**context: Any) -> dict[str, Any]:
        params, found = context["params"], load()
        with failures_pushed(context):
            located = found.locations.get(params["location"])
            if located is None:
                known = ", ".join(found.locations) or "none"
                raise BadInput(
                    f"there is no location {params['location']} in livedata.yaml that can be used; there are: {known}"
                )
            return places_of(located, params["to"])

    return places()


def _steps() -> Sequence[BaseOperator]:
    places = _places()
    asked: Mapping[str, Any] = {name: places[name] for name in ("source", "target", "options")}
    block = "{{ params.block_writers }}"
    is_rehearsal = unless(lambda params: params["dry_run"], "rehearsed only")
    return (
        places.operator,
        LiveDataFailOverOperator(task_id="rehearse", block_writers=block, dry_run=True, **asked),
        LiveDataCatchUpOperator(task_id="catch_up", trigger_rule=AFTER, pre_execute=is_rehearsal, **asked),
        approval("approve", "Move the home of {{ params.location }} to {{ params.to }}?", APPROVAL),
        LiveDataFailOverOperator(
            task_id="fail_over", block_writers=block, trigger_rule=AFTER, pre_execute=is_rehearsal, outlets=[AssetAlias(SWITCHED)], **asked,
        ),
        LiveDataFailBackOperator(task_id="reverse", switch=False, trigger_rule=AFTER, pre_execute=is_rehearsal, **asked),
    )  # fmt: skip
