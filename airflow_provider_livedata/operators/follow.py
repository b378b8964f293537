"""Locations with homes: feeding one zone from another, and telling Airflow what has arrived."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, Asset

from airflow_provider_livedata import engine
from airflow_provider_livedata.engine.deciding.fresh import fresh, partition_keys
from airflow_provider_livedata.engine.errors import NoCheckpoint
from airflow_provider_livedata.operators.base import LiveDataOperator, ReplicationOperator, opened

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.zones.base import Zone

LOOKED_AT = 20  # events
BRIEF = ("location", "zone", "run", "checkpoint", "target")


def location_asset(location: str, zone: str) -> Asset:
    """The asset of a location in a zone, ``livedata://zone/location``, whatever its place is called."""
    uri = f"livedata://{zone}/{location}"
    return Asset(name=uri, uri=uri)


def partitions_asset(location: str, zone: str) -> Asset:
    """The asset that has an event a partition."""
    uri = f"{location_asset(location, zone).uri}/partitions"
    return Asset(name=uri, uri=uri)


def has_partition_events() -> bool:
    """Whether this Airflow has events of partitions."""
    from airflow.sdk.execution_time.context import OutletEventAccessor

    return hasattr(OutletEventAccessor, "add_partitions")


class LiveDataFollowOperator(ReplicationOperator):
    """Bring a zone to what the one that it follows holds, or with ``dry_run`` say what that would take.

    Args:
        is_home: Whether ``source`` is where the location is written. Else it is a copy itself: it is read while it is complete, under
            its own lease, so that nothing is written to it meanwhile.

    By the roles that the zones keep the task fails for good where the home is another zone. Returns the report's address, digest and totals.
    """

    def __init__(self, *, is_home: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_home = is_home

    def between(self, source: Zone, target: Zone, options: engine.ReplicateOptions) -> dict[str, Any]:
        """See ``engine.follow``."""
        try:
            return engine.follow(source, target, options, is_home=self.is_home).summary()
        except NoCheckpoint as error:
            if options.dry_run:
                raise AirflowSkipException(f"nothing can be planned yet: {error}") from None
            raise


class LiveDataAnnounceOperator(LiveDataOperator):
    """Update the asset of a location in a zone, where new data have landed completely and were verified; else the task is skipped.

    What was told of is known by the asset's last event, so that nothing is lost where a run ends between copy and event. The event has
    ``location``, ``zone``, ``run``, ``checkpoint`` and ``report`` (addresses), ``source``, ``target``, ``snapshot``, ``as_of_ms``, ``lag_seconds``,
    ``verified`` (level, time and report of the proof), the counts of all that is new, and ``partitions``: the ``key=value`` directories
    that it lies in, 200 at most; ``has_more_partitions``: there are others; ``changes_elsewhere``: files in no such directory changed too.

    Where Airflow has events of partitions (3.3), the asset ``livedata://zone/location/partitions`` has one for each of these, for DAGs with a
    ``PartitionedAssetTimetable``; with the key ``*`` where there are others. Other DAGs are not started by such events.

    Args:
        target: Address of the location in the zone.
        location, zone: Names, of which the asset's is made.
    """

    template_fields: Collection[str] = ("target",)

    def __init__(self, *, target: str, location: str, zone: str, **kwargs: Any) -> None:
        asset = location_asset(location, zone)
        outlets = [asset, partitions_asset(location, zone)] if has_partition_events() else [asset]
        super().__init__(inlets=[asset], outlets=outlets, **kwargs)
        self.target, self.location, self.zone = target, location, zone

    def execute(self, context: Context) -> Any:
        """See ``work``; the events of partitions say where to look, and no more."""
        result = super().execute(context)
        for outlet in self.outlets[1:]:
            event = context["outlet_events"][outlet]
            event.extra = {name: result[name] for name in BRIEF}
            event.add_partitions(partition_keys(result))
        return result

    def work(self, context: Context) -> dict[str, Any]:
        """Look at what the target remembers."""
        with opened(self.target) as zone:
            newest, proofs = engine.newest_run(zone), engine.proofs(zone)
            told = self._told(context)
            told = told if told <= newest else 0  # the target was started over
            proof = max(proofs.values(), key=lambda one: one.checkpoint, default=None)
            new = fresh(engine.completed(zone, after=told), told=told, proved=proof.checkpoint if proof else 0)
        if new is None or proof is None:
            raise AirflowSkipException(f"nothing new was verified since run {told}")
        if not partition_keys(new):
            self.outlets = self.outlets[:1]
        verified = {"level": proof.level, "at_ms": proof.at_ms, "report": proof.report}
        return {"location": self.location, "zone": self.zone, **new, "verified": verified}

    def _told(self, context: Context) -> int:
        """The run that the asset's last event is about, 0 where there is none."""
        newest_first = context["inlet_events"][self.outlets[0]].ascending(ascending=False).limit(LOOKED_AT)
        runs = ((event.extra or {}).get("run") for event in newest_first)
        return next((run for run in runs if isinstance(run, int)), 0)  # somebody may have made an event by hand
