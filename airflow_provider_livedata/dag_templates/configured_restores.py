"""DAGs that bring back the backups in ``livedata.yaml``, each a DAG of its own.

livedata_restore_<name>          its form filled in
livedata_restore_drill_<name>    where the entry has a drill, by its schedule
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_livedata.configuration import Backup, Configuration, load
from airflow_provider_livedata.dag_templates.restore import restore_dag
from airflow_provider_livedata.dag_templates.restore_drill import restore_drill_dag
from airflow_provider_livedata.dag_templates.restore_params import restore_params
from airflow_provider_livedata.dag_templates.steps import timing

if TYPE_CHECKING:
    from airflow.sdk import DAG


def restore_dags(configuration: Configuration | None = None) -> Iterator[DAG]:
    """Yield the DAGs of each backup; without an argument those of the file that Airflow's configuration names."""
    for name, entry in (configuration or load()).backups.items():
        yield _restore(name, entry)
        if entry.drill is not None:
            yield _drill(name, entry)


def _restore(name: str, entry: Backup) -> DAG:
    known = restore_params({})
    options = {
        key: value for key, value in entry.options.chosen().items() if key in known and key != "max_delete_ratio"
    }
    into = entry.source if entry.target else ""  # snapshots of the location itself come back into it
    defaults = {**options, "place": entry.target or entry.source, "destination": into}
    return restore_dag(f"livedata_restore_{name}", defaults=defaults)


def _drill(name: str, entry: Backup) -> DAG:
    if entry.drill is None:
        raise ValueError("a backup without a drill")
    drills = [{"place": entry.target or entry.source, "scratch": entry.drill.target}]
    defaults = {"drills": drills, "sample_files": entry.drill.files}
    settings = timing(entry.drill.schedule, entry.timezone)
    return restore_drill_dag(f"livedata_restore_drill_{name}", defaults=defaults, **settings)
