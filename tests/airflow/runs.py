"""Runs of the migration DAG in this process, as ``airflow dags test`` makes them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_MOMENTS = itertools.count()


@dataclass
class Run:
    """How a run ended: its state, that of each task, and what the tasks pushed."""

    state: str
    states: dict[str, str]
    results: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, Any] = field(default_factory=dict)

    @property
    def report(self) -> dict[str, Any]:
        """What the last step says."""
        return dict(self.results["report"])


def migrate(source: str, target: str, *, mark_success: str | None = None, **params: Any) -> Run:
    """Run the shipped DAG from source to target; retries follow at once."""
    from airflow_provider_livedata.dag_templates.migration import migration_dag

    dag = migration_dag(retry_delay=timedelta(seconds=0))
    dag.fileloc = str(Path(__file__).parents[2] / "dags" / "livedata_migration.py")
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_MOMENTS))
    conf = {"source": source, "target": target, **params}
    return ended(dag.test(logical_date=moment, run_conf=conf, mark_success_pattern=mark_success))


def ended(dag_run: Any) -> Run:
    """Read from the database how a run ended."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    states = {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in dag_run.get_task_instances()}
    run = Run(str(getattr(dag_run.state, "value", dag_run.state)), states)
    with create_session() as session:
        query = XComModel.get_many(run_id=dag_run.run_id, dag_ids=[dag_run.dag_id])
        for row in session.execute(query.with_only_columns(XComModel.task_id, XComModel.key, XComModel.value)):
            where = {"return_value": run.results, "failure": run.failures}.get(row.key)
            if where is not None:
                where[row.task_id] = XComModel.deserialize_value(row)
    return run


def make_tree(root: Path, files: dict[str, bytes]) -> str:
    """Write files below a directory and return its address."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return f"file://{root}"


def read_tree(root: Path) -> dict[str, bytes]:
    """Read all files below a directory but those of the engine."""
    paths = (path for path in root.rglob("*") if path.is_file())
    tree = {str(path.relative_to(root)): path.read_bytes() for path in paths}
    return {name: data for name, data in tree.items() if not name.startswith(".livedata/")}
