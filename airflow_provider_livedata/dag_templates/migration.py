"""The DAG that brings a location to another zone for good, while the source goes on being used until the cut-over.

preflight -> plan -> copy -> catch_up -> verify -> [approve_cut_over] -> final_catch_up -> settle -> final_verify
-> [policies] -> [metadata] -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, TriggerRule, chain

from airflow_provider_livedata.dag_templates.follower_params import FOLLOWERS
from airflow_provider_livedata.dag_templates.followers import follower_steps
from airflow_provider_livedata.dag_templates.migration_outcome import migration_outcome
from airflow_provider_livedata.dag_templates.migration_params import migration_params
from airflow_provider_livedata.dag_templates.steps import PLACES, approval, documented, line_report, tries, unless
from airflow_provider_livedata.operators.copy import (
    LiveDataCatchUpOperator,
    LiveDataCopyOperator,
    LiveDataPreflightOperator,
    LiveDataSettleOperator,
)
from airflow_provider_livedata.operators.verify import LiveDataVerifyOperator

MIGRATED = "livedata-migrated"  # schedule a DAG on this asset alias to have it follow each finished migration
STAGES = (
    "preflight", "plan", "copy", "catch_up", "verify", "approve_cut_over", "final_catch_up", "settle", "final_verify", *FOLLOWERS,
)  # fmt: skip
DOC = """\
Copies a location to another zone, proves the copy, and cuts over once the writers have stopped.
The source is only read, and goes on being used until the cut-over.

| step | what it does |
|---|---|
| `preflight` | finds out what would go wrong: addresses, connections, permissions. Makes the source snapshottable where it may. |
| `plan` | writes the whole plan as a file and tells its totals. A **dry run** ends here. |
| `copy` | copies everything that the target lacks. A retry copies only what is missing. |
| `catch_up` | copies again what changed meanwhile, in rounds, until a round finds little. |
| `verify` | compares target, manifest and source at the chosen level. |
| `approve_cut_over` | with **Ask before the cut-over**: waits until somebody confirms that the writers have stopped. |
| `final_catch_up` | copies what came since. |
| `settle` | looks once more. Any change stops the cut-over and is listed: somebody still writes. |
| `final_verify` | proves the target for the last time. |
| `policies`, `metadata` | where they are asked for: give Ranger the policies, and the metastore the tables, of what was copied. |
| `report` | says what happened and where the reports lie, also when a step failed. |

Every step can be cleared and run again: what has landed and is proved is not copied again.
When `settle` stops the cut-over, stop the writers that it lists, then clear `final_catch_up` with what follows.
"""
APPROVAL = """\
`{{ params.source }}` was copied to `{{ params.target }}`
{%- set proof = ti.xcom_pull(task_ids="verify") or {} %} and verified at level {{ proof.get("level") }}:
{{ proof.get("files") }} files.

1. Stop everything that writes to the source.
2. **Approve**: what came since is copied, a last look has to find nothing new, and the target is verified again.

**Reject** ends the run as failed; source and target stay as they are.
"""


def migration_dag(
    dag_id: str = "livedata_migration", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "migration"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=30), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the migration DAG.

    Args:
        dag_id: Its id.
        defaults: Values of its params in place of their own, for example ``source`` and ``target``.
        tags: Its tags.
        pool: Airflow pool of the tasks that read the source or write the target.
        retries: How often a step that failed for a passing reason is tried again.
        retry_delay: Until the first retry; doubled for each further one, up to 10 minutes.
        dag_options: Further arguments of ``airflow.sdk.DAG``.
    """
    again = tries(retries, retry_delay, pool, longest=timedelta(minutes=10))
    settings = {"schedule": None, "catchup": False, **documented(DOC), "default_args": again, **dag_options}
    with DAG(dag_id, params=migration_params(defaults or {}), tags=list(tags), **settings) as dag:
        _steps()
    return dag


def _steps() -> None:
    preflight = LiveDataPreflightOperator(task_id="preflight", dry_run="{{ params.dry_run }}", **PLACES)
    plan = LiveDataCopyOperator(task_id="plan", dry_run=True, **PLACES)
    copy = LiveDataCopyOperator(
        task_id="copy", pre_execute=unless(lambda params: params["dry_run"], "dry run: the plan is written"), **PLACES
    )
    catch_up = LiveDataCatchUpOperator(
        task_id="catch_up", until_changes="{{ params.catch_up_until_changes }}",
        max_rounds="{{ params.catch_up_max_rounds }}", **PLACES,
    )  # fmt: skip
    level = "{{ params.verify_level }}"
    verify = LiveDataVerifyOperator(task_id="verify", level=level, writers_at_work=True, **PLACES)
    approve = approval("approve_cut_over", "Cut over to {{ params.target }}?", APPROVAL)
    # Approval is skipped where nobody asked for it; a dry run skips both that and the verification before it.
    final = LiveDataCopyOperator(
        task_id="final_catch_up", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, **PLACES
    )
    settle = LiveDataSettleOperator(task_id="settle", **PLACES)
    proof = LiveDataVerifyOperator(task_id="final_verify", level=level, outlets=[AssetAlias(MIGRATED)], **PLACES)
    line = (preflight, plan, copy, catch_up, verify, approve, final, settle, proof, *follower_steps())
    chain(*line, line_report(STAGES, migration_outcome))
    verify >> final
