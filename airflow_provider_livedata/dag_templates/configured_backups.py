"""DAGs of the backups in ``livedata.yaml``: those of each entry its own, so that changing one leaves the others as they are.

each backup                  livedata_backup_<name>
with a schedule of verify    livedata_verify_backup_<name> as well
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.configuration import Backup, Configuration, load
from airflow_provider_livedata.dag_templates.backup import backup_dag, verify_backup_dag

if TYPE_CHECKING:
    from airflow.sdk import DAG


def backup_dags(configuration: Configuration | None = None) -> Iterator[DAG]:
    """Yield the DAGs of each entry; without an argument those of the file that Airflow's configuration names."""
    known = configuration or load()
    for name, entry in known.backups.items():
        yield backup_dag(
            f"livedata_backup_{name}", defaults=_defaults(entry), schedule=entry.schedule, timezone=entry.timezone,
            pool=known.pool_between(entry.source, entry.target),
        )  # fmt: skip
        if entry.verify.schedule is not None:
            yield verify_backup_dag(
                f"livedata_verify_backup_{name}", entry.target or entry.source, level=entry.verify.level,
                schedule=entry.verify.schedule, timezone=entry.timezone,
            )  # fmt: skip


def _defaults(entry: Backup) -> dict[str, Any]:
    """The form of an entry's DAG, filled in; with a schedule of its own for proofs a backup is not proved at once."""
    return {
        "source": entry.source, "place": entry.target or "", "layout": entry.layout, "exclude": entry.exclude,
        "retention": entry.retention.chosen(), **entry.options.chosen(),
        "verify_level": "none" if entry.verify.schedule is not None else entry.verify.level,
    }  # fmt: skip
