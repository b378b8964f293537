"""Locations of the file with addresses, as far as what they say of homes and followers can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_livedata.configuration.homes import Claim, Feed, Follows, collision, conflicts, feeds
from airflow_provider_livedata.configuration.lines import Document
from airflow_provider_livedata.configuration.location import Follower, Location, Somewhere
from airflow_provider_livedata.configuration.places import Places
from airflow_provider_livedata.configuration.problems import Path, dotted
from airflow_provider_livedata.configuration.two_way import Shared, TwoWayLocation
from airflow_provider_livedata.engine.zones.address import Address


@dataclass(frozen=True, slots=True)
class Located:
    """A location with all that the file says of it.

    ``places``: its address by zone. ``feeds``: what is replicated, each after what feeds it. ``options``, ``following``: of each
    follower, those of its upstream zone, of the location and its own; policies and metadata, with addresses. ``pools``: of its tasks.
    """

    name: str
    home: str
    places: Mapping[str, str]
    feeds: tuple[Feed, ...]
    options: Mapping[str, Mapping[str, Any]]
    following: Mapping[str, Mapping[str, Any]]
    pools: Mapping[str, str | None]
    said: Location


class Locating:
    """The locations of one file, and what they write to."""

    def __init__(self, document: Document, places: Places) -> None:
        self._document, self._places = document, places
        self._claims = [Claim(place, f"the place that {self._where(by)} writes to") for place, by in places.taken]

    def settled(self, path: Path, entry: Location | TwoWayLocation) -> Located | Shared | None:
        """The location with addresses; None where it cannot be."""
        return self._shared(path, entry) if isinstance(entry, TwoWayLocation) else self._located(path, entry)

    def _located(self, path: Path, entry: Location) -> Located | None:
        if not self._is_named(path) or not self._is_led_home(path, entry):
            return None
        found = self._found(path, entry)
        if found is None or not self._has_places_of_its_own(path, entry, found):
            return None
        told = self._following(path, entry, found)
        if told is None:
            return None
        follows = _follows(entry)
        made = feeds(str(path[-1]), entry.home, follows, found)
        options = {one.zone: self._options(entry, one) for one in entry.followers}
        places = {zone: str(place) for zone, place in found.items()}
        pools = {feed.zone: self._places.pool_between(str(feed.source), str(feed.target)) for feed in made}
        return Located(str(path[-1]), entry.home, places, tuple(made), options, told, pools, entry)

    def _shared(self, path: Path, entry: TwoWayLocation) -> Shared | None:
        asked = {zone: (*path, "zones", n) for n, zone in enumerate(entry.zones)}
        found = self._places_of(asked, entry)
        if found is None or not self._is_named(path) or not self._may_be_written(path, found):
            return None
        left, right = entry.zones
        options = {**self._places.options_of(right), **self._places.options_of(left), **entry.options.chosen()}
        places = {zone: str(place) for zone, place in found.items()}
        pool = self._places.pool_between(places[left], places[right])
        return Shared(str(path[-1]), places, options, pool, entry)

    def _is_named(self, path: Path) -> bool:
        if "." in str(path[-1]):  # tasks are named location.zone.step
            self._document.problem(path, "the name of a location has no '.'")
            return False
        return True

    def _is_led_home(self, path: Path, entry: Location) -> bool:
        found = conflicts(entry.home, _follows(entry))
        for one in found:
            self._document.problem((*path, "followers", one.number), one.message)
        return not found

    def _found(self, path: Path, entry: Location) -> dict[str, Address] | None:
        asked = {entry.home: (*path, "home")}
        asked |= {one.zone: (*path, "followers", n) for n, one in enumerate(entry.followers)}
        return self._places_of(asked, entry)

    def _places_of(self, asked: Mapping[str, Path], entry: Somewhere) -> dict[str, Address] | None:
        found = {
            zone: place
            for zone, where in asked.items()
            if (place := self._places.in_zone(where, zone, entry.path_in(zone))) is not None
        }
        return found if set(found) == set(asked) else None

    def _has_places_of_its_own(self, path: Path, entry: Location, found: Mapping[str, Address]) -> bool:
        claims = {
            f"home {zone}" if zone == entry.home else f"follower {zone}": Claim(
                place,
                f"{'the home of' if zone == entry.home else f'what {zone} holds of'} {self._where(path)}",
                zone == entry.home,
            )
            for zone, place in found.items()
        }
        return self._are_free(path, claims)

    def _may_be_written(self, path: Path, found: Mapping[str, Address]) -> bool:
        return self._are_free(
            path,
            {
                f"zone {zone}": Claim(place, f"what {zone} writes of {self._where(path)}", is_home=True)
                for zone, place in found.items()
            },
        )

    def _are_free(self, path: Path, claims: Mapping[str, Claim]) -> bool:
        taken: list[Claim] = []
        for said, claim in claims.items():
            if why := collision(claim, [*self._claims, *taken]):
                self._document.problem(path, f"{said}: {why}")
                return False
            taken.append(claim)
        self._claims += taken
        return True

    def _following(self, path: Path, entry: Location, found: Mapping[str, Address]) -> dict[str, Any] | None:
        told = {
            one.zone: self._places.followers((*path, "followers", n), one, found[one.zone])
            for n, one in enumerate(entry.followers)
        }
        return None if any(one is None for one in told.values()) else told

    def _options(self, entry: Location, one: Follower) -> dict[str, Any]:
        upstream = self._places.options_of(one.follows or entry.home)
        return {**upstream, **entry.options.chosen(), **one.options.chosen()}

    def _where(self, path: Path) -> str:
        return f"{dotted(path)} in line {self._document.line(path)}"


def _follows(entry: Location) -> list[Follows]:
    return [Follows(one.zone, one.follows or entry.home) for one in entry.followers]
