"""What zones let all runs together move, as the file says it: the limits that tasks read, and the Airflow pools that cap how many work at once. Pure.

zones.onprem.pace.reading.bandwidth     the Airflow Variable livedata_paces
zones.onprem.pace.reading.tasks         the pool livedata_onprem_reading
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from airflow_provider_livedata.configuration.fields import Bandwidth, Place
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.engine.sharing.zone_pace import Direction, zone_around

DIRECTIONS: tuple[Direction, ...] = ("reading", "writing")
POOL_PREFIX = "livedata_"
VARIABLE = "livedata_paces"


class DirectionPace(Part):
    """Limits of one direction."""

    bandwidth: Bandwidth = ""
    tasks: Annotated[int, Field(ge=0, le=10_000, description="tasks at once; 0: any number")] = 0


class Pace(Part):
    """What all runs together may do to a zone at one time."""

    reading: DirectionPace = DirectionPace()
    writing: DirectionPace = DirectionPace()
    kept_at: Annotated[
        Place | None, Field(description="where runs tell one another of themselves; absent: in the zone itself")
    ] = None

    def of(self, direction: Direction) -> DirectionPace:
        """One direction."""
        return self.reading if direction == "reading" else self.writing


class Pool(NamedTuple):
    """An Airflow pool of the tasks in one direction of a zone."""

    name: str
    slots: int
    zone: str
    direction: Direction


class _Zone(Protocol):
    """A zone of the file."""

    @property
    def address(self) -> str: ...
    @property
    def pace(self) -> Pace: ...


def pools(zones: Mapping[str, _Zone]) -> Iterator[Pool]:
    """The pools that zones ask for, by name of the zone."""
    for name, zone in zones.items():
        for direction in DIRECTIONS:
            if tasks := zone.pace.of(direction).tasks:
                yield Pool(f"{POOL_PREFIX}{name}_{direction}", tasks, name, direction)


def pool_between(source: str, target: str, zones: Mapping[str, _Zone]) -> str | None:
    """The pool of a task that copies: of that zone, of both, which lets fewer of them work; Airflow gives a task one pool.

    Args:
        source: Address.
        target: Address.
        zones: By name.
    """
    addresses = {name: zone.address for name, zone in zones.items()}
    meant = {(zone_around(source, addresses), "reading"), (zone_around(target, addresses), "writing")}
    found = [pool for pool in pools(zones) if (pool.zone, pool.direction) in meant]
    return min(found, key=lambda pool: pool.slots).name if found else None


def limits(zones: Mapping[str, _Zone]) -> dict[str, dict[str, str]]:
    """What the Variable holds, by address of the zone; see ``engine.sharing.zone_pace.zone_paces``."""
    told = {
        zone.address: {
            **{name: text for name in DIRECTIONS if (text := zone.pace.of(name).bandwidth)},
            "kept_at": zone.pace.kept_at or zone.address,
        }
        for zone in zones.values()
    }
    return {address: said for address, said in told.items() if len(said) > 1}
