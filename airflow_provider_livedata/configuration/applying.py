"""Give Airflow the limits that the file has of zones: the Variable that tasks read, and pools. Run where Airflow's own commands run."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_livedata.configuration.loading import Configuration
from airflow_provider_livedata.configuration.paces import POOL_PREFIX, VARIABLE, Pool, limits, pools

_SAID = "Limits of zones for all runs together, from the file that config_file of [livedata] names"


def apply(configuration: Configuration) -> Iterator[str]:
    """Set them in Airflow's database, and say each that was set, a line each. Pools that the file no longer asks for stay, and are said."""
    from airflow.models.pool import Pool as AirflowPool
    from airflow.models.variable import Variable

    asked, said = list(pools(configuration.zones)), limits(configuration.zones)
    before = Variable.get(VARIABLE, default_var={}, deserialize_json=True)
    Variable.set(VARIABLE, said, description=_SAID, serialize_json=True)
    yield f"variable {VARIABLE}: limits of {len(said)} zones, {'as before' if said == before else 'set'}"
    for pool in asked:
        known = AirflowPool.get_pool(pool.name)
        AirflowPool.create_or_update_pool(pool.name, pool.slots, _description(pool), include_deferred=False)
        yield f"pool {pool.name}: {pool.slots} slots, {_change(known.slots if known else None, pool)}"
    names = {pool.name for pool in asked}
    for name in (one.pool or "" for one in AirflowPool.get_pools()):
        if name.startswith(POOL_PREFIX) and name not in names:
            yield f"pool {name}: not asked for by the file; it stays, delete it in Airflow when no DAG names it"


def _description(pool: Pool) -> str:
    return f"Tasks that copy {'out of' if pool.direction == 'reading' else 'into'} the zone {pool.zone}"


def _change(slots: int | None, pool: Pool) -> str:
    if slots is None:
        return "made"
    return "as before" if slots == pool.slots else f"{slots} before"
