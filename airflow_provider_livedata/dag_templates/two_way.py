"""The DAG that keeps two locations in step which are both written to.

preview -> [approve] -> sync -> report
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.dag_templates.forms import option_texts
from airflow_provider_livedata.dag_templates.steps import AFTER, approval, line_dag, unless
from airflow_provider_livedata.dag_templates.two_way_outcome import two_way_outcome
from airflow_provider_livedata.dag_templates.two_way_params import two_way_params
from airflow_provider_livedata.operators.two_way import LiveDataTwoWaySyncOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

DOC = """\
Gives each of two locations what the other one changed since they last agreed. The first run merges both and deletes nothing.

| step | what it does |
|---|---|
| `preview` | compares both sides, writes what would be done to each and every conflict, and changes nothing. With **Preview only** the run ends here. |
| `approve` | with **Ask before the sync**: shows that, and waits until somebody has looked at it. |
| `sync` | does it. Losers of conflicts and what is deleted are kept on their side for some days. |
| `report` | says what was done to either side, which conflicts there were and how each was settled, also when a step failed. |

It can be run as often as you like; give it a schedule once **Preview only** is off. See docs/two-way-sync.md.
"""
APPROVAL = """\
{% set told = ti.xcom_pull(task_ids="preview") or {} -%}
{% for side in ("left", "right") -%}
- to {{ told.get(side, {}).get("name") }} (`{{ told.get(side, {}).get("address") }}`): {{ told.get(side, {}).get("planned") or "nothing to do" }}
{% endfor %}
{{ told.get("conflicts") }} conflicts{{ ": " ~ told.get("why") if told.get("why") else "" }}

```
{{ (told.get("changed_examples") or []) | join("\\n") }}
```

All conflicts: `{{ told.get("conflicts_at") }}`. **Reject** ends the run as failed, and nothing is changed.
"""
_POLICY = (
    "{{ 'prefer:' ~ params.left_name if params.conflicts == 'prefer_left' "
    "else 'prefer:' ~ params.right_name if params.conflicts == 'prefer_right' else params.conflicts }}"
)
_PLACES: dict[str, Any] = {
    "left": "{{ params.left }}", "right": "{{ params.right }}", "names": "{{ [params.left_name, params.right_name] | tojson }}", "conflicts": _POLICY,
    "keep_conflicts": "{{ params.keep_conflicts }}", "keep_removed": "{{ params.keep_removed }}", "start_over": "{{ params.start_over }}",
    "options": option_texts(
        "exclude", "preserve", "bandwidth", "threads", "max_reads", "max_namenode_calls_per_s", "priority", "max_delete_ratio",
        "skip_unholdable",
        "allow_snapshot", "accept_new_filter", "find_by",
    ),
}  # fmt: skip


def two_way_dag(
    dag_id: str = "livedata_two_way_sync", *,
    defaults: Mapping[str, Any] | None = None, tags: Collection[str] = ("livedata", "hybrid cloud"), pool: str | None = None,
    retries: int = 3, retry_delay: timedelta = timedelta(seconds=30), **dag_options: Any,
) -> DAG:  # fmt: skip
    """Build the DAG of two-way syncs; see ``migration_dag`` for the arguments, and give ``schedule`` to have it run by itself."""
    return line_dag(
        dag_id, DOC, two_way_params(defaults or {}), _steps, two_way_outcome,
        tags=tags, pool=pool, retries=retries, retry_delay=retry_delay, dag_options=dag_options,
    )  # fmt: skip


def _steps() -> Sequence[BaseOperator]:
    is_due = unless(lambda p: not p["dry_run"] and not p["approval"], "nobody is to look at it")
    return (
        LiveDataTwoWaySyncOperator(task_id="preview", dry_run=True, pre_execute=is_due, **_PLACES),
        approval("approve", "Sync {{ params.left }} and {{ params.right }}?", APPROVAL),
        LiveDataTwoWaySyncOperator(
            task_id="sync", trigger_rule=AFTER, pre_execute=unless(lambda p: p["dry_run"], "previewed only"), **_PLACES,
        ),
    )  # fmt: skip
