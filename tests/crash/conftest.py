"""A source and a target in memory, as every pair of kinds that behaves differently."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_livedata.engine import open_zone, replicate
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone
from airflow_provider_livedata.testing.suite.common import upload_whole

_names = itertools.count()
PART_BYTES = 1 << 10
BUNDLE_BYTES = 160  # files of up to ten bytes lie in bundles
Files = dict[str, bytes | None]


class Pair:
    """A source and a target, and what a test does to them."""

    def __init__(self, source: MemoryZone, target: MemoryZone) -> None:
        self.source, self.target = source, target

    def put(self, files: Files) -> None:
        """Write files (None: directories) into the source."""
        self.source.make_directory("")
        for path, data in files.items():
            if data is None:
                self.source.make_directory(path)
            else:
                put(self.source, path, data)

    def remove(self, *paths: str) -> None:
        """Delete from the source."""
        for path in paths:
            entry = self.source.stat(path)
            assert entry is not None
            assert self.source.delete([entry]) == []


def put(zone: MemoryZone, path: str, data: bytes) -> None:
    """Write a file of any size."""
    if len(data) <= PART_BYTES:
        zone.put(path, data)
    else:
        upload_whole(zone, path, data)


def contents(zone: MemoryZone) -> Files:
    """Everything below the root, with the bytes."""
    found: Files = {}
    for entry in zone.scan():
        data = bytearray(entry.size_bytes)
        found[entry.path] = None
        if entry.kind == "file":
            assert zone.read_into(entry.path, 0, memoryview(data), version=entry.version) == len(data)
            found[entry.path] = bytes(data)
    return found


@pytest.fixture
def make_pair(tmp_path: Path) -> Iterator[Callable[[str, str], Pair]]:
    """Pairs of zones in memory, like "hdfs", "files", "objects" or "bundles" (objects, many in one while they wait), or "local", on the disk."""
    made: list[str] = []

    def make(source_like: str, target_like: str) -> Pair:
        return Pair(one(source_like), one(target_like))

    def one(like: str) -> MemoryZone:
        made.append(f"crash{next(_names)}")
        if like == "local":
            return open_zone(f"file://{tmp_path}/{made[-1]}")  # type: ignore[return-value]  # used as a Zone only
        bundle_bytes = BUNDLE_BYTES if like == "bundles" else 0
        like = "objects" if like == "bundles" else like
        address = f"memory://{made[-1]}/data"
        return open_zone(address, like=like, part_bytes=PART_BYTES, bundle_bytes=bundle_bytes)  # type: ignore[return-value]

    yield make
    for name in made:
        memory.forget(name)


@pytest.fixture(params=["hdfs to objects", "hdfs to hdfs", "objects to files", "files to objects", "objects to hdfs"])
def pair(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    """Each pair of kinds in turn."""
    source_like, target_like = request.param.split(" to ")
    return make_pair(source_like, target_like)


@pytest.fixture(params=["objects", "files", "hdfs", "local"])
def copied(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    """A pair whose target holds a first copy of the module's ``FILES``."""
    pair = make_pair("hdfs", request.param)
    pair.put(request.module.FILES)
    replicate(pair.source, pair.target)
    return pair
