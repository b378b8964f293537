"""What may be moved out of a zone and into it, over all runs: as users write it, and which of these a location lies in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.zones.address import Address

Direction = Literal["reading", "writing"]


@dataclass(frozen=True, slots=True)
class ZonePace:
    """Limits of one zone for all runs together.

    Args:
        reading: Bytes a second out of the zone, as ``Timetable`` reads it; "" is no limit.
        writing: The same into the zone.
        kept_at: Address of the directory in whose ``.livedata/pace`` the runs tell one another of themselves.
    """

    kept_at: str
    reading: str = ""
    writing: str = ""

    def __post_init__(self) -> None:
        Address.parse(self.kept_at)
        for text in (self.reading, self.writing):
            Timetable.parse(text)

    def timetable(self, direction: Direction) -> Timetable:
        """Of one direction."""
        return Timetable.parse(self.reading if direction == "reading" else self.writing)


def zone_paces(value: Any) -> dict[str, ZonePace]:
    """Limits by address of the zone, from plain values: ``{"hdfs://prod@nn1:8020/": {"reading": "50MiB/s"}}``.

    ``kept_at`` is the zone itself where it is not said.

    Raises:
        BadAddress, BadOption: It has another form; the message names what is wrong.
    """
    if not isinstance(value, Mapping):
        raise BadOption("limits of zones are an object of address and limits", found=type(value).__name__)
    return {address: _pace(address, said) for address, said in value.items()}


def pace_at(address: str, paces: Mapping[str, ZonePace]) -> ZonePace | None:
    """The limits of the smallest zone that an address lies in, whatever connection either is reached by."""
    zone = zone_around(address, {zone: zone for zone in paces})
    return paces[zone] if zone else None


def zone_around(address: str, zones: Mapping[str, str]) -> str | None:
    """The name of the smallest zone that an address lies in, of ``zones`` by name with their addresses."""
    place = Address.parse(address)
    around = {name: zone for name, at in zones.items() if place.lies_in(zone := Address.parse(at))}
    return max(around, key=lambda name: len(around[name].path)) if around else None


def _pace(address: str, said: Any) -> ZonePace:
    Address.parse(address)
    known = [field.name for field in fields(ZonePace)]
    if (
        not isinstance(said, Mapping)
        or not set(said) <= set(known)
        or not all(isinstance(one, str) for one in said.values())
    ):
        raise BadOption(f"limits of a zone are texts by the names {', '.join(known)}", zone=address)
    return ZonePace(**{"kept_at": address, **said})
