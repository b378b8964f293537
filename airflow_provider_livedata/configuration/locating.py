"""Locations of the file with addresses, as far as what they say of homes and followers can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_livedata.configuration.homes import Claim, Feed, Follows, collision, conflicts, feeds
from airflow_provider_livedata.configuration.lines import Document
from airflow_provider_livedata.configuration.location import Follower, Location
from airflow_provider_livedata.configuration.places import Places
from airflow_provider_livedata.configuration.problems import Path, dotted
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

    def settled(self, path: Path, entry: Location | None) -> Located | None:
        """The location with addresses; None where it cannot be."""
        if entry is None or not self._is_named(path) or not self._is_led_home(path, entry):
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
        found = {
            zone: place
            for zone, where in asked.items()
            if (place := self._places.in_zone(where, zone, entry.path_in(zone))) is not None
        }
        return found if set(found) == set(asked) else None

    def _has_places_of_its_own(self, path: Path, entry: Location, found: Mapping[str, Address]) -> bool:
        claims: list[Claim] = []
        for zone, place in found.items():
            is_home = zone == entry.home
            said = "the home of" if is_home else f"what {zone} holds of"
            claim = Claim(place, f"{said} {self._where(path)}", is_home)
            if why := collision(claim, [*self._claims, *claims]):
                self._document.problem(path, f"{'home' if is_home else 'follower'} {zone}: {why}")
                return False
            claims.append(claim)
        self._claims += claims
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
