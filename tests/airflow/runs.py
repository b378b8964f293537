"""Runs of the shipped DAGs in this process, as ``airflow dags test`` makes them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BUNDLE = "dags-folder"
_MOMENTS = itertools.count()


@dataclass
class Run:
    """How a run ended: its state, that of each task, and what the tasks pushed."""

    state: str
    states: dict[str, str]
    tries: dict[str, int]
    results: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, Any] = field(default_factory=dict)

    @property
    def report(self) -> dict[str, Any]:
        """What the last step says."""
        return dict(self.results["report"])


def migrate(source: str, target: str, *, mark_success: str | None = None, **params: Any) -> Run:
    """Run the shipped DAG from source to target."""
    from airflow_provider_livedata.dag_templates.migration import migration_dag

    conf = {"source": source, "target": target, **params}
    return run(migration_dag(), conf=conf, mark_success=mark_success)


def recover(*locations: dict[str, Any], **params: Any) -> Run:
    """Run the shipped disaster recovery DAG: one cycle of each location unless told otherwise."""
    from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag

    conf = {"locations": list(locations), "duration_s": 0, **params}
    return run(disaster_recovery_dag(deferrable=False), conf=conf)


def run_dag(dag: Any, *, conf: dict[str, Any] | None = None) -> Run:
    """Run a DAG that a test made, which is in no DAG folder."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name=BUNDLE))
        session.flush()
        known = LazyDeserializedDAG.from_dag(dag)
        SerializedDAG.bulk_write_to_db(BUNDLE, None, [known], session=session)
        SerializedDagModel.write_dag(known, BUNDLE, session=session)
    return run(dag, conf=conf)


def run(dag: Any, *, conf: dict[str, Any] | None = None, mark_success: str | None = None) -> Run:
    """Run a DAG at a moment of its own; retries follow at once."""
    for task in dag.tasks:
        task.retry_delay = timedelta(0)
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_MOMENTS))
    return ended(dag.test(logical_date=moment, run_conf=conf, mark_success_pattern=mark_success))


def ended(dag_run: Any) -> Run:
    """Read from the database how a run ended."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    tasks = {_name(ti.task_id, ti.map_index): ti for ti in dag_run.get_task_instances()}
    states = {name: str(getattr(ti.state, "value", ti.state)) for name, ti in tasks.items()}
    tries = {name: ti.try_number for name, ti in tasks.items()}
    run = Run(str(getattr(dag_run.state, "value", dag_run.state)), states, tries)
    with create_session() as session:
        query = XComModel.get_many(run_id=dag_run.run_id, dag_ids=[dag_run.dag_id])
        columns = XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value
        for row in session.execute(query.with_only_columns(*columns)):
            where = {"return_value": run.results, "failure": run.failures}.get(row.key)
            if where is not None:
                where[_name(row.task_id, row.map_index)] = XComModel.deserialize_value(row)
    return run


def _name(task_id: str, map_index: int) -> str:
    """Of a mapped task: with its number, ``location.verify[0]``."""
    return task_id if map_index < 0 else f"{task_id}[{map_index}]"


def asset_events(uri: str) -> list[dict[str, Any]]:
    """What came with the events of an asset, oldest first."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        asset_id = session.scalar(select(AssetModel.id).where(AssetModel.uri == uri))
        rows = session.scalars(select(AssetEvent).where(AssetEvent.asset_id == asset_id).order_by(AssetEvent.id))
        return [dict(row.extra) for row in rows]


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
