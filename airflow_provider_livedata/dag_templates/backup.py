"""The DAG that backs up one location by its own schedule, proves the backup, and lets older ones go.

backup -> verify -> retention -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, AssetAlias, BaseOperator

from airflow_provider_livedata.dag_templates.backup_outcome import backup_outcome
from airflow_provider_livedata.dag_templates.backup_params import OPTIONS, backup_params
from airflow_provider_livedata.dag_templates.steps import (
    AFTER,
    documented,
    line_dag,
    refuse_unknown_fields,
    timing,
    unless,
)
from airflow_provider_livedata.operators.backup import LiveDataBackupOperator, LiveDataVerifyBackupOperator
from airflow_provider_livedata.operators.backup_values import policy_from
from airflow_provider_livedata.operators.base import failures_pushed
from airflow_provider_livedata.operators.retention import LiveDataRetentionOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

BACKED_UP = "livedata-backed-up"  # schedule a DAG on this asset alias to have it follow each backup
PLACE = "{{ params.place or params.source }}"
DOC = """\
Backs up a location to a designated path, or by snapshots of its own, and lets those older backups go that a policy does not keep. The location
is only read; by snapshots of its own it also gets small records in its folder `.livedata`.

| step | what it does |
|---|---|
| `backup` | brings what is new or changed since the backup before, from a snapshot where the source has them. A backup that was cut off is finished first. A **dry run** writes the plan. |
| `verify` | proves the new backup at the chosen level. |
| `retention` | shows of each backup whether it stays, and why; removes the others. It is not reached where no new backup was made and proved. |
| `report` | says what happened, where the reports lie, and which commands restore the backup without this package. |

Every step can be cleared and run again. See docs/backup-and-recovery.md.
"""
VERIFY_DOC = """\
Proves the newest complete backup of a place; a difference fails the run and is listed. See docs/backup-and-recovery.md.
"""


def backup_dag(
    dag_id: str = "livedata_backup", *,
    defaults: Mapping[str, Any] | None = None, schedule: Any = None, timezone: str = "UTC",
    tags: Collection[str] = ("livedata", "backup"), pool: str | None = None, retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=30), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the backup DAG of one location.

    Args:
        dag_id: Its id.
        defaults: Values of its params in place of their own, for example ``source``, ``place`` and ``retention``.
        schedule: When, as ``airflow.sdk.DAG`` takes it: ``"30 1 * * *"``. Backups that were missed are not made up for.
        timezone: IANA name of the zone by whose clock a cron expression goes, and whose days the retention means.
        tags: Its tags.
        pool: Airflow pool of the tasks that read the source or the place.
        retries: How often a step that failed for a passing reason is tried again.
        retry_delay: Until the first retry; doubled for each further one, up to 2 minutes.
        dag_options: Further arguments of ``airflow.sdk.DAG``.
    """
    params = backup_params(defaults or {}, timezone=timezone)
    return line_dag(
        dag_id, DOC, params, _steps, backup_outcome, tags=tags, pool=pool, retries=retries, retry_delay=retry_delay,
        dag_options={**timing(schedule, timezone), **dag_options},
    )  # fmt: skip


def verify_backup_dag(
    dag_id: str, place: str, *, level: str = "checksum", schedule: Any = None, timezone: str = "UTC",
    tags: Collection[str] = ("livedata", "backup"), retries: int = 3, retry_delay: timedelta = timedelta(seconds=30),
    **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build a DAG that proves the newest backup of a place by a schedule of its own; arguments as for ``backup_dag``."""
    settings = {**timing(schedule, timezone), "catchup": False, "max_active_runs": 1, **documented(VERIFY_DOC)}
    again = {"retries": retries, "retry_delay": retry_delay}
    with DAG(dag_id, tags=list(tags), default_args=again, **{**settings, **dag_options}) as dag:
        LiveDataVerifyBackupOperator(task_id="verify", place=place, level=level)
    return dag


def _steps() -> Sequence[BaseOperator]:
    return (
        LiveDataBackupOperator(
            task_id="backup", source="{{ params.source }}", place="{{ params.place or '' }}", layout="{{ params.layout }}",
            options=OPTIONS, dry_run="{{ params.dry_run }}", outlets=[AssetAlias(BACKED_UP)], pre_execute=_look_through,
        ),
        LiveDataVerifyBackupOperator(
            task_id="verify", place=PLACE, which="{{ ti.xcom_pull(task_ids='backup')['name'] }}", level="{{ params.verify_level }}",
            pre_execute=unless(lambda params: params["dry_run"] or params["verify_level"] == "none", "nobody asked for it"),
        ),
        LiveDataRetentionOperator(
            task_id="retention", place=PLACE, dry_run="{{ params.dry_run }}", trigger_rule=AFTER,
            policy="{{ dict(params.retention or {}, timezone=params.timezone) | tojson }}",
        ),
    )  # fmt: skip


def _look_through(context: Context) -> None:
    """Refuse rules that cannot be used before a backup is made, and not after."""
    refuse_unknown_fields(context)
    params = context["params"]
    with failures_pushed(context):
        policy_from({**(params["retention"] or {}), "timezone": params["timezone"]})
