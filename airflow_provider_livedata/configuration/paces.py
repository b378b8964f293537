"""What zones let all runs together move, as the file says it: the limits that tasks read, and the Airflow pools that cap how many work at once. Pure.

zones.onprem.pace.reading.bandwidth     the Airflow Variable livedata_paces
zones.onprem.pace.reading.tasks         the pool livedata_onprem_reading
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from airflow_provider_livedata.configuration.fields import Bandwidth, Place
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.engine.sharing.zone_pace import Direction
from airflow_provider_livedata.engine.zones.address import Address

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


def pools(paces: Mapping[str, Pace]) -> Iterator[Pool]:
    """The pools that zones ask for, by name of the zone."""
    for zone, pace in paces.items():
        for direction in DIRECTIONS:
            if tasks := pace.of(direction).tasks:
                yield Pool(f"{POOL_PREFIX}{zone}_{direction}", tasks, zone, direction)


def pool_between(source: str, target: str, paces: Mapping[str, Pace], addresses: Mapping[str, str]) -> str | None:
    """The pool of a task that copies: of that zone, of both, which lets fewer of them work; Airflow gives a task one pool.

    Args:
        source: Address.
        target: Address.
        paces: By name of the zone.
        addresses: Of the zones, by name.
    """
    reads, writes = zone_of(source, addresses), zone_of(target, addresses)
    meant = {(reads, "reading"), (writes, "writing")}
    found = [pool for pool in pools(paces) if (pool.zone, pool.direction) in meant]
    return min(found, key=lambda pool: pool.slots).name if found else None


def zone_of(address: str, addresses: Mapping[str, str]) -> str | None:
    """The smallest zone that an address lies in."""
    place = Address.parse(address)
    around = [zone for zone, at in addresses.items() if place.lies_in(Address.parse(at))]
    return max(around, key=lambda zone: len(Address.parse(addresses[zone]).path)) if around else None


def limits(paces: Mapping[str, Pace], addresses: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the Variable holds, by address of the zone; see ``engine.sharing.zone_pace.zone_paces``."""
    told = {
        addresses[zone]: {
            **{name: text for name in DIRECTIONS if (text := pace.of(name).bandwidth)},
            "kept_at": pace.kept_at or addresses[zone],
        }
        for zone, pace in paces.items()
    }
    return {address: said for address, said in told.items() if len(said) > 1}
