"""A mistake in each field of each form: it is refused before anything is written, and the error says where it is and what would do."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.exceptions import ParamValidationError

from airflow_provider_livedata import engine
from airflow_provider_livedata.dag_templates.backup import backup_dag
from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag
from airflow_provider_livedata.dag_templates.failback import failback_dag
from airflow_provider_livedata.dag_templates.failover import failover_dag
from airflow_provider_livedata.dag_templates.migration import migration_dag
from airflow_provider_livedata.dag_templates.restore import restore_dag
from airflow_provider_livedata.dag_templates.restore_drill import restore_drill_dag
from tests.airflow.runs import make_tree

if TYPE_CHECKING:
    from airflow.sdk import DAG

FORMS: tuple[Callable[[], DAG], ...] = (
    migration_dag, backup_dag, restore_dag, restore_drill_dag, failover_dag, failback_dag,
    functools.partial(disaster_recovery_dag, deferrable=False),
)  # fmt: skip
FIELDS = [
    pytest.param(dag, name, id=f"{dag.dag_id}-{name}") for dag in (form() for form in FORMS) for name in dag.params
]
WRONG = {"array": "no list", "boolean": "maybe", "integer": "many", "number": "many", "object": "no rules"}
GOOD = {
    "source": "file:///a",
    "target": "file:///b",
    "place": "file:///c",
    "locations": [{"source": "file:///a", "target": "file:///b"}],
}


@pytest.mark.parametrize(("dag", "name"), FIELDS)
def test_a_value_that_a_field_cannot_have_is_refused_when_the_dag_is_triggered(dag: DAG, name: str) -> None:
    params = copy.deepcopy(dag.params)
    schema = params.get_param(name).schema
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    params.update({key: value for key, value in GOOD.items() if key in params})
    params.validate()  # the mistake that follows is the only one
    wrong = WRONG.get(kind, "nonsense" if {"enum", "pattern"} & set(schema) else 7)
    with pytest.raises(ParamValidationError) as refused:
        params[name] = wrong
    said = str(refused.value)
    assert said.startswith(f"Invalid input for param {name}: ")
    assert "'help'" in said or "is not one of" in said or "is not of type" in said


MISTAKES: list[tuple[Callable[[], DAG], dict[str, Any], str, str]] = [
    (migration_dag, {"source": "file:///nowhere/a"}, "/nowhere/a", "check the path"),
    (migration_dag, {"target": "s3://nobody@bucket/a"}, "'nobody'", "create it with type 'aws'"),
    (migration_dag, {"bandwidth": "fast"}, "bandwidth='fast'", "50MiB/s"),
    (migration_dag, {"preserve": ["owners"]}, "preserve=['owners']", "owner"),
    (migration_dag, {"exclude": ["/"]}, "exclude='/'", "write a name such as"),
    (backup_dag, {"timezone": "Europe/Berln"}, "timezone='Europe/Berln'", "Europe/Berlin"),
    (backup_dag, {"place": ""}, "location='file:///", "name a place"),
    (restore_dag, {"which": "yesterday"}, "which='yesterday'", "2024-05-17T08:30"),
    (restore_dag, {"paths": ["../a"]}, "path='../a'", "relative to the location"),
    (restore_dag, {"paths": [""]}, "paths='[\"\"]'", "say what is meant"),
    (FORMS[-1], {"options": {"dry_run": True}}, "options=['dry_run']", "fields of their own"),
    (FORMS[-1], {"options": {"band_width": "50MiB/s"}}, "unknown=['band_width']", "bandwidth"),
    (restore_drill_dag, {"drills": [{"place": "file:///a", "scratch": "file:///a/b"}]}, "drill 1", "choose one outside"),
    (failover_dag, {"target": "file:///nowhere/b"}, "/nowhere/b", "nothing was ever copied to it"),
    *((form, {"dryrun": True}, "unknown=['dryrun']", "its fields are") for form in FORMS),
]  # fmt: skip


@pytest.mark.usefixtures("airflow_home")
@pytest.mark.parametrize(("form", "mistake", "names", "way_out"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_value_that_only_the_engine_can_judge_is_refused_before_anything_is_written(
    form: Callable[[], DAG], mistake: dict[str, Any], names: str, way_out: str, tmp_path: Path
) -> None:
    dag = form()
    source = make_tree(tmp_path / "source", {"a": b"1"})
    places = {"source": source, "target": f"file://{tmp_path}/target", "place": f"file://{tmp_path}/place"}
    conf = {key: value for key, value in places.items() if key in dag.params} | mistake
    if "locations" in dag.params:
        conf |= {"locations": [{"source": source, "target": places["target"]}], "duration_s": 0}
    if "destination" in dag.params:
        engine.backup(source, places["place"])
        conf["destination"] = places["target"]
    before = contents(tmp_path)
    with pytest.raises(AirflowException) as refused:
        begin(dag, conf)
    said = str(refused.value)
    assert names in said
    assert way_out in said
    assert contents(tmp_path) == before


def begin(dag: DAG, conf: dict[str, Any]) -> None:
    """Run the first step of a DAG with these params, as a worker would."""
    params = copy.deepcopy(dag.params)
    params.update(conf)
    ti = SimpleNamespace(dag_id=dag.dag_id, run_id="a_run", task_id="a_task", xcom_push=lambda **pushed: None)
    context: Any = {"params": params.validate(), "ti": ti, "dag": dag, "dag_run": SimpleNamespace(conf=conf)}
    task: Any = dag.roots[0]
    if task._pre_execute_hook:
        task._pre_execute_hook(context)
    if hasattr(task, "python_callable"):
        task.python_callable(**context)
    task.render_template_fields(context)
    task.execute(context)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"" for path in root.rglob("*")}
