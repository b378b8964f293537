"""The DAG of locations with homes: each zone is fed from the one that it follows, proved, and told of as an asset.

each location on its own: home -> replicate -> verify -> announce -> [policies] -> [metadata]; behind verify what follows this zone; report -> outcome
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param, TaskGroup, TriggerRule, chain

from airflow_provider_livedata.configuration import Feed, Located
from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.disaster_recovery_params import DEFAULT_OPTIONS
from airflow_provider_livedata.dag_templates.disaster_recovery_report import LocationEnd, disaster_recovery_report
from airflow_provider_livedata.dag_templates.ends import looked_at, outcome_task
from airflow_provider_livedata.dag_templates.follower_params import FOLLOWERS
from airflow_provider_livedata.dag_templates.followers import follower_operators
from airflow_provider_livedata.dag_templates.outcomes import state_word
from airflow_provider_livedata.dag_templates.steps import (
    AFTER,
    Params,
    documented,
    report_task,
    states_in,
    tries,
    unless,
)
from airflow_provider_livedata.engine.options import PRIORITY
from airflow_provider_livedata.engine.units import human_bytes
from airflow_provider_livedata.operators.base import FAILURE
from airflow_provider_livedata.operators.follow import LiveDataAnnounceOperator, LiveDataFollowOperator
from airflow_provider_livedata.operators.verify import LiveDataVerifyOperator

LEVELS = ("listing", "checksum")  # whose last proofs the report shows
STEPS = ("replicate", "verify", "announce", *FOLLOWERS)
DOC = """\
Feeds the zones of each location of `livedata.yaml` from its home, in one cycle: once a run. The homes are only read.

| step | what it does |
|---|---|
| `location.zone.replicate` | brings the zone to what the one that it follows holds. A zone that follows another follower comes after it has landed and was verified. A **dry run** writes a plan. |
| `location.zone.verify` | compares the zone with its manifest and with what feeds it. |
| `location.zone.announce` | updates the asset `livedata://zone/location` where something new has landed and was verified; else it is skipped. |
| `location.zone.policies`, `location.zone.metadata` | where the follower asks for them: security policies and Hive metadata follow. |
| `report` | says how each location stands in each zone: lag, last proofs, what went wrong. |
| `outcome` | fails the run when a location failed, after all others have gone on to their end. |

Each location goes its own way: one that fails stops no other. See docs/hybrid-cloud.md.
"""


def hybrid_cloud_dag(
    dag_id: str = "livedata_hybrid_cloud", *,
    locations: Sequence[Located] = (), tags: Collection[str] = ("livedata", "hybrid cloud"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=30), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the DAG of locations with homes.

    Args:
        dag_id: Its id.
        locations: As ``configuration.load().locations`` has them.
        tags: Its tags.
        pool: Airflow pool of the tasks that read one zone or write another.
        retries: How often a step that failed for a passing reason is tried again.
        retry_delay: Until the first retry; doubled for each further one, up to 10 minutes.
        dag_options: Further arguments of ``airflow.sdk.DAG``, such as ``schedule``.
    """
    settings = {
        "schedule": None, "catchup": False, "max_active_runs": 1, **documented(DOC),
        "default_args": tries(retries, retry_delay, pool, longest=timedelta(minutes=10)), **dag_options,
    }  # fmt: skip
    feeds = [(feed, one) for one in locations for feed in one.feeds]
    with DAG(dag_id, params=_params([one.name for one in locations]), tags=list(tags), **settings) as dag:
        last = [task for one in locations for task in _location(one)]
        report = report_task(lambda context: _told(feeds, context), trigger_rule=TriggerRule.ALL_DONE)
        chain(*([last] if last else []), report, outcome_task())
    return dag


def _params(names: Sequence[str]) -> dict[str, Param]:
    params = {
        "locations": Param(
            [], type=["array", "null"], items={"type": "string", **({"enum": list(names)} if names else {})}, title="Locations",
            examples=list(names), description="Only these; none chosen: all.",
        ),
        "dry_run": forms.yes_no("Dry run", "Write the plan of each copy and stop: nothing is copied, deleted or snapshotted."),
    }  # fmt: skip
    return forms.form(params, {}, "the hybrid cloud DAG")


def _location(located: Located) -> list[BaseOperator]:
    """The tasks of a location; returns the last ones."""
    landed: dict[str, BaseOperator] = {}
    last: list[BaseOperator] = []
    with TaskGroup(f"location_{located.name}", prefix_group_id=False):
        for feed in located.feeds:
            line = _fed(feed, located)
            chain(*line)
            if feed.upstream in landed:
                landed[feed.upstream] >> line[0]
            landed[feed.zone] = line[1]
            last.append(line[-1])
    return last


def _fed(feed: Feed, located: Located) -> list[BaseOperator]:
    name = _task_prefix(feed)
    options = {**DEFAULT_OPTIONS, **located.options[feed.zone]}
    places: dict[str, Any] = {"source": str(feed.source), "target": str(feed.target), "options": options}
    copies = {
        **places,
        "when_closed": "skip",
        "priority_weight": options.get("priority", PRIORITY),
        **_pool(feed, located),
    }
    is_left_out = _is_left_out(feed.location)
    following = {follower: one.chosen() for follower, one in located.following[feed.zone].items()}
    return [
        LiveDataFollowOperator(
            task_id=f"{name}.replicate", is_home=feed.is_of_home, dry_run="{{ params.dry_run }}", trigger_rule=AFTER,
            pre_execute=unless(is_left_out, "not among the locations that were chosen"), **copies,
        ),
        LiveDataVerifyOperator(
            task_id=f"{name}.verify", level=located.said.verify_level, writers_at_work=True,
            pre_execute=unless(lambda params: params["dry_run"], "dry run: the plan is written"), **places,
        ),
        LiveDataAnnounceOperator(
            task_id=f"{name}.announce", target=str(feed.target), location=feed.location, zone=feed.zone,
        ),
        *follower_operators(f"{name}.", following, is_left_out),
    ]  # fmt: skip


def _pool(feed: Feed, located: Located) -> dict[str, str]:
    pool = located.pools[feed.zone]
    return {"pool": pool} if pool else {}


def _is_left_out(name: str) -> Any:
    def is_left_out(params: Params) -> bool:
        return bool(params["locations"]) and name not in params["locations"]

    return is_left_out


def _task_prefix(feed: Feed) -> str:
    return f"{feed.location}.{feed.zone}"  # the name of a location has no dot


def _told(feeds: Sequence[tuple[Feed, Located]], context: Mapping[str, Any]) -> dict[str, Any]:
    states = states_in(context)
    chosen = [feed for feed, _ in feeds if not _is_left_out(feed.location)(context["params"])]
    return disaster_recovery_report([_end_of(feed, states, context["ti"]) for feed in chosen], LEVELS)


def _end_of(feed: Feed, states: Mapping[str, Any], ti: Any) -> LocationEnd:
    tasks = {step: f"{_task_prefix(feed)}.{step}" for step in STEPS}
    there = {step: task for step, task in tasks.items() if task in states}
    failures = {step: said for step, task in there.items() if (said := ti.xcom_pull(task_ids=task, key=FAILURE))}
    result = ti.xcom_pull(task_ids=tasks["replicate"])
    told = {step: state_word(states[task]) for step, task in there.items()}
    if told.get("replicate") == "upstream_failed":
        failures["replicate"] = {"message": f"not begun, since {feed.upstream} was not fed and verified"}
    end = LocationEnd(
        str(feed.source), str(feed.target), told, result, failures,
        name=f"{feed.location}: {feed.upstream} -> {feed.zone}", did=_did(result, ti.xcom_pull(task_ids=tasks["announce"])),
    )  # fmt: skip
    return looked_at(end)


def _did(result: Mapping[str, Any] | None, event: Mapping[str, Any] | None) -> str:
    if not result or result.get("state") == "dry run":
        return "nothing" if not result else ""
    told = "its asset was updated" if event else "nothing new"
    return f"{result['copied_files']:,} files copied, {human_bytes(result['copied_bytes'])}, {result['deleted']:,} deleted; {told}"
