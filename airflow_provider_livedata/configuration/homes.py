"""Locations with homes: which zone is fed from which, and in what order, or why that cannot be. Pure.

home onprem; cloud follows onprem; archive follows cloud      ->  onprem -> cloud, then cloud -> archive
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from airflow_provider_livedata.engine.zones.address import Address


class Follows(NamedTuple):
    """One entry of ``followers``: a zone, and the one that it follows."""

    zone: str
    upstream: str


class Conflict(NamedTuple):
    """Why the followers of a location cannot be; ``number``: of the entry among them that says so."""

    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A zone that follows another one for a location.

    ``depth``: 1 follows the home, 2 one of those, and so on. A feed runs after that of its upstream has landed.
    """

    location: str
    zone: str
    upstream: str
    source: Address
    target: Address
    depth: int

    @property
    def is_of_home(self) -> bool:
        """Whether it is fed by the zone where the location is written."""
        return self.depth == 1


@dataclass(frozen=True, slots=True)
class Claim:
    """A place that something is written to. ``by``: what writes there, for people; ``is_home``: users and jobs do."""

    place: Address
    by: str
    is_home: bool = False


def conflicts(home: str, follows: Sequence[Follows]) -> list[Conflict]:
    """All that forbids these followers; with none, following leads from each of them to the home."""
    found = [conflict for n, one in enumerate(follows) for conflict in _of_one(n, one, home, follows)]
    return [*found, *_cycles(home, follows)]


def _of_one(number: int, one: Follows, home: str, follows: Sequence[Follows]) -> Iterator[Conflict]:
    if one.zone == home:
        yield Conflict(
            number, f"{home} is the home of this location and follows nobody: take it out, or choose another home"
        )
        return
    if any(other.zone == one.zone for other in follows[:number]):
        yield Conflict(number, f"{one.zone} stands among the followers twice; a zone is fed by one other")
    fed = [home, *dict.fromkeys(other.zone for other in follows if other.zone != home)]
    if one.upstream not in fed:
        others = ", ".join(zone for zone in fed if zone != one.zone)
        yield Conflict(
            number,
            f"{one.zone} follows {one.upstream}, which nobody feeds; add it to the followers, or follow one of {others}",
        )


def _cycles(home: str, follows: Sequence[Follows]) -> Iterator[Conflict]:
    upstream = _upstreams(home, follows)
    told: set[str] = set()
    for number, one in enumerate(follows):
        path, zone = [], one.zone
        while zone in upstream and zone not in path:
            path.append(zone)
            zone = upstream[zone]
        if zone == one.zone and path and zone not in told:
            told |= set(path)
            circle = ", ".join(f"{each} follows {upstream[each]}" for each in path)
            yield Conflict(
                number, f"a cycle, which no home feeds: {circle}; one of them has to follow {home}, or what leads there"
            )


def _upstreams(home: str, follows: Sequence[Follows]) -> dict[str, str]:
    """By zone, the first one that is said of each."""
    return {one.zone: one.upstream for one in reversed(follows) if one.zone != home}


def feeds(location: str, home: str, follows: Sequence[Follows], places: Mapping[str, Address]) -> list[Feed]:
    """What has to be replicated, each after what feeds it; ``follows`` has no conflicts, and each zone a place."""
    upstream = _upstreams(home, follows)
    found = [
        Feed(location, zone, above, places[above], places[zone], _depth(zone, upstream))
        for zone, above in ((one.zone, one.upstream) for one in follows)
    ]
    return sorted(found, key=lambda feed: feed.depth)


def _depth(zone: str, upstream: Mapping[str, str]) -> int:
    depth = 0
    while zone in upstream:
        zone, depth = upstream[zone], depth + 1
    return depth


def moved(home: str, to: str, follows: Sequence[Follows]) -> list[Follows]:
    """The followers once the home is ``to``, which followed it: the old home first, then all others; who followed the old one follows the new."""
    others = [Follows(one.zone, to if one.upstream == home else one.upstream) for one in follows if one.zone != to]
    return [Follows(home, to), *others]


def followers_text(home: str, follows: Sequence[Follows]) -> str:
    """What the file says of them: ``[onprem, {zone: archive, follows: cloud}]``."""
    said = (one.zone if one.upstream == home else f"{{zone: {one.zone}, follows: {one.upstream}}}" for one in follows)
    return f"[{', '.join(said)}]"


def collision(claim: Claim, earlier: Sequence[Claim]) -> str:
    """Why a place cannot be written to beside what others write to, "" where it can."""
    place = replace(claim.place, conn_id=None)
    other = next((one for one in earlier if one.place.overlaps(place)), None)
    if other is None:
        return ""
    if claim.is_home and other.is_home and replace(other.place, conn_id=None) == place:
        return f"two homes for one path: {place} is {other.by} as well; make them one location, or give each a path of its own"
    return f"{place} is the same place as {other.by}, or one lies inside the other; each takes one of its own"
