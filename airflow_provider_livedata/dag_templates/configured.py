"""DAGs of the replications in ``livedata.yaml``: one or more for each entry, so that changing one leaves the others as they are.

migration           livedata_migration_<name>
disaster_recovery   livedata_failover_<name>, livedata_failback_<name>, and
                    with a schedule livedata_disaster_recovery_<name>, else a location of livedata_disaster_recovery
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.configuration import Configuration, DisasterRecovery, Migration, load
from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag
from airflow_provider_livedata.dag_templates.failback import failback_dag
from airflow_provider_livedata.dag_templates.failover import failover_dag
from airflow_provider_livedata.dag_templates.migration import migration_dag
from airflow_provider_livedata.dag_templates.steps import timing
from airflow_provider_livedata.dag_templates.switch_params import switch_params

if TYPE_CHECKING:
    from airflow.sdk import DAG

_PACE = ("interval_s", "duration_s", "max_failures_in_row", "verify_listing_every_h", "verify_checksum_every_h")
_MIGRATION = ("verify_level", "approval", "catch_up_until_changes", "catch_up_max_rounds")


def replication_dags(configuration: Configuration | None = None) -> Iterator[DAG]:
    """Yield the DAGs of each entry; without an argument those of the file that Airflow's configuration names."""
    known = configuration or load()
    for name, entry in known.replications.items():
        pool = known.pool_between(entry.source, entry.target)
        if isinstance(entry, Migration):
            yield _migration(name, entry, pool)
            continue
        yield from _switches(name, entry)
        if entry.schedule is not None:
            yield _recovery(name, entry, pool)


def configured_locations(configuration: Configuration | None = None) -> dict[str, Any]:
    """Defaults for the params of ``livedata_disaster_recovery``: the entries that have no DAG of their own."""
    entries = (configuration or load()).replications.values()
    locations = [_location(one) for one in entries if isinstance(one, DisasterRecovery) and one.schedule is None]
    return {"locations": locations} if locations else {}


def _timing(entry: Migration | DisasterRecovery) -> dict[str, Any]:
    return {**timing(entry.schedule, entry.timezone), "max_active_runs": 1}


def _migration(name: str, entry: Migration, pool: str | None) -> DAG:
    said = entry.chosen()
    defaults = {
        **_places(entry),
        **_followers(entry),
        **entry.options.chosen(),
        **{key: said[key] for key in _MIGRATION if key in said},
    }
    return migration_dag(f"livedata_migration_{name}", defaults=defaults, pool=pool, **_timing(entry))


def _recovery(name: str, entry: DisasterRecovery, pool: str | None) -> DAG:
    said = entry.chosen()
    pace = {key: said[key] for key in _PACE if key in said}
    defaults = {"locations": [_location(entry)], **pace}
    return disaster_recovery_dag(f"livedata_disaster_recovery_{name}", defaults=defaults, pool=pool, **_timing(entry))


def _switches(name: str, entry: DisasterRecovery) -> Iterator[DAG]:
    said = entry.options.chosen()
    protection = {"protection": entry.protection.chosen()} if entry.protection else {}
    for step, dag, asks_how in (("failover", failover_dag, True), ("failback", failback_dag, False)):
        known = switch_params({}, asks_how=asks_how)
        options = {key: value for key, value in said.items() if key in known}
        yield dag(f"livedata_{step}_{name}", defaults={**_places(entry), **options, **protection})


def _location(entry: DisasterRecovery) -> dict[str, Any]:
    return {**_places(entry), **_followers(entry), "options": entry.options.chosen()}


def _followers(entry: Migration | DisasterRecovery) -> dict[str, Any]:
    asked = {"policies": entry.policies, "metadata": entry.metadata}
    return {name: one.chosen() for name, one in asked.items() if one is not None}


def _places(entry: Migration | DisasterRecovery) -> dict[str, Any]:
    return {"source": entry.source, "target": entry.target}
