"""The DAGs of locations of livedata.yaml that two zones write to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.dag_templates.configured_two_way import two_way_dags
from tests.airflow.runs import run_dag

pytestmark = pytest.mark.usefixtures("airflow_home")


def dags(tmp_path: Path, **said: Any) -> dict[str, Any]:
    more = "".join(f", {name}: {value}" for name, value in said.items())
    text = f"""\
zones:
  onprem: {{address: "file://{tmp_path}/onprem"}}
  cloud: {{address: "file://{tmp_path}/cloud", pace: {{writing: {{tasks: 3}}}}}}
locations:
  models: {{mode: two_way, zones: [onprem, cloud], path: models{more}}}
"""
    found = read(text)
    assert found.problems == ()
    return {dag.dag_id: dag for dag in two_way_dags(found)}


@pytest.mark.parametrize(
    ("conflicts", "chosen"),
    [("newest", "newest"), ("'prefer:onprem'", "prefer_left"), ("'prefer:cloud'", "prefer_right")],
)
def test_an_entry_fills_in_the_form_of_a_dag_of_its_own(tmp_path: Path, conflicts: str, chosen: str) -> None:
    made = dags(
        tmp_path, conflicts=conflicts, keep_conflicts=5, options="{threads: 3, priority: 30}", schedule="'@daily'"
    )
    assert set(made) == {"livedata_two_way_sync", "livedata_two_way_sync_models"}
    dag = made["livedata_two_way_sync_models"]
    dag.validate()
    values = {
        name: dag.params[name]
        for name in ("left_name", "right_name", "conflicts", "keep_conflicts", "threads", "priority", "dry_run")
    }
    assert values == {
        "left_name": "onprem", "right_name": "cloud", "conflicts": chosen, "keep_conflicts": 5, "threads": 3, "priority": 30, "dry_run": False,
    }  # fmt: skip
    assert dag.params["right"] == f"file://{tmp_path}/cloud/models".replace("file:///", "file:///")
    assert {task.pool for task in dag.tasks} == {"livedata_cloud_writing"}


def test_both_sides_are_the_same_after_a_run_that_nobody_filled_in(tmp_path: Path) -> None:
    for side in ("onprem", "cloud"):
        (tmp_path / side / "models").mkdir(parents=True)
        (tmp_path / side / "models" / f"of-{side}").write_text(side)
    dag = dags(tmp_path)["livedata_two_way_sync_models"]
    for task in dag.tasks:
        task.pool = "default_pool"
    assert run_dag(dag).state == "success"
    for side in ("onprem", "cloud"):
        assert {one.name for one in (tmp_path / side / "models").glob("of-*")} == {"of-onprem", "of-cloud"}
