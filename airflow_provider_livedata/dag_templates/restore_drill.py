"""The DAG that tries, on a schedule, whether backups can be restored and how long that takes.

drills -> each on its own: drill
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_livedata.bridge import options_of
from airflow_provider_livedata.dag_templates.forms import refuse
from airflow_provider_livedata.dag_templates.restore_params import drill_params
from airflow_provider_livedata.dag_templates.steps import documented, tries
from airflow_provider_livedata.engine import DrillOptions
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.operators.base import failures_pushed
from airflow_provider_livedata.operators.restore import LiveDataRestoreDrillOperator

DOC = """\
Tries whether backups can be restored: a backup that nobody has restored is no backup.

| step | what it does |
|---|---|
| `drills` | looks through the params; what cannot be used stops the run here, in one error that names all of it. |
| `drill` | for each place: restores a random sample of a random backup to a folder of its own at the scratch place, compares it by content, measures, and removes the folder. |

The report of each tells the pace, what restoring everything would take, and the seed that repeats the drill. It lies in `.livedata/drills` of
the scratch place. Without any drills in the params nothing is done. See docs/restore.md.
"""
SAMPLE = ("sample_files", "sample_bytes", "seed")


def restore_drill_dag(
    dag_id: str = "livedata_restore_drill", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "backup"), pool: str | None = None,
    retries: int = 2, retry_delay: timedelta = timedelta(minutes=5), schedule: Any = "@weekly", **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the restore drill DAG.

    Args:
        dag_id: Its id.
        defaults: Values of its params in place of their own: ``drills``, what is drilled on schedule.
        tags: Its tags.
        pool: Airflow pool of the drills.
        retries: How often a drill that failed for a passing reason is tried again.
        retry_delay: Until the first retry; doubled for each further one.
        schedule: When; None: by hand alone.
        dag_options: Further arguments of ``airflow.sdk.DAG``.
    """
    again = tries(retries, retry_delay, pool)
    settings = {"catchup": False, "max_active_runs": 1, **documented(DOC), "default_args": again, **dag_options}
    with DAG(dag_id, params=drill_params(defaults or {}), tags=list(tags), schedule=schedule, **settings) as dag:
        LiveDataRestoreDrillOperator.partial(task_id="drill").expand_kwargs(_drills())
    return dag


def drills_of(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is drilled, each with ``place``, ``scratch``, ``which`` and all its ``options``.

    Raises:
        BadInput: One error that names everything that is wrong with the params.
    """
    found, problems = [], []
    usual = {name: params[name] for name in SAMPLE if params.get(name) is not None}
    for number, one in enumerate(params.get("drills") or (), start=1):
        options = {**usual, **(one.get("options") or {})}
        try:
            if Address.parse(one["place"]).overlaps(Address.parse(one["scratch"])):
                raise BadInput("the scratch place and that of the backups lie inside each other; choose one outside")
            options_of(DrillOptions, options)
        except BadInput as error:
            problems.append(f"drill {number} ({one.get('place')}): {error}")
        else:
            found.append({
                "place": one["place"], "scratch": one["scratch"], "which": one.get("which") or "random", "options": options
            })  # fmt: skip
    refuse(problems)
    return found


def _drills() -> Any:
    @task(retries=0)
    def drills(**context: Any) -> list[dict[str, Any]]:
        with failures_pushed(context):
            return drills_of(dict(context["params"]))

    return drills()
