"""The DAG that has security policies follow the data.

preview -> [approve] -> sync -> [verify] -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.dag_templates.forms import option_texts
from airflow_provider_livedata.dag_templates.policy_outcome import policy_outcome
from airflow_provider_livedata.dag_templates.policy_params import policy_params
from airflow_provider_livedata.dag_templates.steps import AFTER, approval, line_dag, unless
from airflow_provider_livedata.operators.policies import MAPPINGS, PolicySyncOperator, PolicyVerifyOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

DOC = """\
Gives a service of Apache Ranger (Hive or HDFS) the policies of another one, for the databases and directories that are replicated: narrowed to
them, with the target's names of databases, paths, users and groups. Or gives AWS Lake Formation or Unity Catalog the grants that say the same.
Never allows more than the source does.

| step | what it does |
|---|---|
| `preview` | compares, writes what would change as a person would review it, and changes nothing. With **Preview only** the run ends here. |
| `approve` | with **Ask before the sync**: shows the changes, and waits until somebody has looked at them. |
| `sync` | carries them out. If it fails half-way, the target is put back to what it was. |
| `verify` | with **Verify**: compares all policies again. |
| `report` | says what happened, what could not be carried over and why, also when a step failed. |

It can be run as often as you like. Policies and grants that it did not make are never changed. See docs/security-policies.md.
"""
APPROVAL = """\
{% set told = ti.xcom_pull(task_ids="preview") or {} -%}
From `{{ params.source }}` to `{{ params.target }}`: {{ told.get("planned") or "nothing to do" }}.

```
{{ (told.get("changes") or []) | join("\\n") }}
```

All changes: `{{ told.get("plan") }}`. **Reject** ends the run as failed, and nothing is changed.
"""
_PLACES: dict[str, Any] = {
    "source": "{{ params.source }}", "target": "{{ params.target }}", "state": "{{ params.state }}",
    **{name: f"{{{{ (params.{name} or {{}}) | tojson }}}}" for name in MAPPINGS},
    "options": option_texts("roles_as", "deletes", "max_delete_ratio", "changed_at_target", "inexpressible", "tags", "prefix"),
}  # fmt: skip


def policy_sync_dag(
    dag_id: str = "livedata_policy_sync", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "security"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=30), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the DAG of policy syncs; see ``migration_dag`` for the arguments, and give ``schedule`` to have it run by itself."""
    return line_dag(
        dag_id, DOC, policy_params(defaults or {}), _steps, policy_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _steps() -> Sequence[BaseOperator]:
    return (
        PolicySyncOperator(task_id="preview", dry_run=True, **_PLACES),
        approval("approve", "Sync policies to {{ params.target }}?", APPROVAL),
        PolicySyncOperator(
            task_id="sync", trigger_rule=AFTER, pre_execute=unless(lambda p: p["dry_run"], "previewed only"), **_PLACES,
        ),
        PolicyVerifyOperator(
            task_id="verify", trigger_rule=AFTER,
            pre_execute=unless(lambda p: p["dry_run"] or not p["verify"], "not asked for"), **_PLACES,
        ),
    )  # fmt: skip
