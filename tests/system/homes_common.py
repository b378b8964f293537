"""Four zones and six locations with different homes: random changes in each home, cycle after cycle, and what the followers hold then."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from airflow_provider_livedata.configuration import Located, read
from airflow_provider_livedata.engine import ReplicateOptions, follow, verify
from airflow_provider_livedata.engine.zones.base import Zone

Open = Callable[[str], Zone]  # by address
ALL = ReplicateOptions(max_delete_ratio=1.0)
LOCATIONS = """\
locations:
  a: {home: cluster, path: a, followers: [lake, disk]}
  b: {home: lake, path: b, followers: [cluster, {zone: cloud, follows: cluster}]}
  c: {home: cloud, path: c, followers: [disk, lake]}
  d: {home: disk, path: d, followers: [{zone: cloud, follows: cluster}, cluster]}
  e: {home: cluster, path: e, followers: [{zone: disk, follows: cloud}, {zone: cloud, follows: lake}, lake]}
  f: {home: lake, path: f, followers: [cloud, {zone: disk, follows: cloud}]}
"""
FOLDERS = ["", "day=1/", "day=2/", "deep/er/", "odd %+é/"]
KINDS = ["new", "new", "new", "rewrite", "rewrite", "delete", "move"]


@dataclass
class Homes:
    """The locations, and what was written in each home. ``zones``: address by name of zone."""

    zones: Mapping[str, str]
    opened: Open
    seed: int
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    _names: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        zones = "".join(f'  {name}: {{address: "{address}"}}\n' for name, address in self.zones.items())
        found = read(f"zones:\n{zones}{LOCATIONS}")
        found.raise_problems()
        self.locations = dict(found.locations)

    def cycle(self) -> None:
        """Change all homes, feed all zones, and compare."""
        for location in self.locations.values():
            self._change(location)
        for location in self.locations.values():
            for feed in location.feeds:
                with self.zone(str(feed.source)) as upstream, self.zone(str(feed.target)) as target:
                    report = follow(upstream, target, ALL, is_home=feed.is_of_home)
                    assert report.failed == report.unsettled == 0, report.table()
                    assert verify(upstream, target, level="listing").is_same
            self._compare(location)

    def _change(self, location: Located) -> None:
        files = self.files.setdefault(location.name, {})
        with self.zone(location.places[location.home]) as home:
            if home.facts.has_directories:
                home.make_directory("")
            for _ in range(self.chance.randint(3, 8)):
                self._operate(home, files)

    def _operate(self, home: Zone, files: dict[str, bytes]) -> None:
        kind = self.chance.choice(KINDS) if files else "new"
        path = f"{self.chance.choice(FOLDERS)}{next(self._names)}"
        known = self.chance.choice(sorted(files)) if files else path
        data = self.chance.randbytes(self.chance.randint(0, 3000))
        if kind == "delete" and len(files) > 1:
            _delete(home, known)
            del files[known]
        elif kind == "move":
            home.put(path, files[known])
            _delete(home, known)
            files[path] = files.pop(known)
        else:
            at = known if kind == "rewrite" else path
            home.put(at, data)
            files[at] = data
        self.done[kind] += 1

    def _compare(self, location: Located) -> None:
        for zone, address in location.places.items():
            with self.zone(address) as there:
                assert files_of(there) == self.files[location.name], f"{location.name} in {zone}"

    @contextlib.contextmanager
    def zone(self, address: str) -> Iterator[Zone]:
        """A zone with clients of its own, as another process would have it."""
        zone = self.opened(address)
        try:
            yield zone
        finally:
            zone.close()


def _delete(zone: Zone, path: str) -> None:
    entry = zone.stat(path)
    assert entry is not None
    assert zone.delete([entry]) == []


def files_of(zone: Zone) -> dict[str, bytes]:
    """All files with their bytes, but the engine's."""
    found = {}
    for entry in zone.scan():
        if entry.kind == "file" and not entry.path.startswith(".livedata/"):
            data = bytearray(entry.size_bytes)
            assert not entry.size_bytes or zone.read_into(entry.path, 0, memoryview(data)) == len(data)
            found[entry.path] = bytes(data)
    return found
