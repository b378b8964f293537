"""Atomic: a reader of the target never sees half a file; leftovers of a killed run are cleaned by the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, open_zone, replicate
from airflow_provider_livedata.engine.errors import ObjectChanged, PathMissing
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import PART_BYTES, Files, Pair, contents
from tests.crash.test_crashes import IMPATIENT
from tests.services.s3 import MotoServer, S3Server
from tests.system.conftest import s3_place

Make = Callable[[str, str], Pair]
Result = TypeVar("Result")
OLD: Files = {"small": b"old", "large": b"o" * 3 * PART_BYTES, "deep/er/file": b"old"}
NEW: Files = {"small": b"new!", "large": b"n" * 4 * PART_BYTES, "deep/er/file": b"newer", "more": b"m"}


class Watched(Around):
    """Looks at the target like a reader, before and after every call that reaches it."""

    def __init__(self, zone: Zone, seen: list[Files] | None = None) -> None:
        super().__init__(zone)
        self.seen: list[Files] = [] if seen is None else seen
        self._lock = threading.Lock()

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Look, call, look."""
        self._look()
        try:
            return run()
        finally:
            self._look()

    def _look(self) -> None:
        with self._lock:
            self.seen.append(self._now())

    def _now(self) -> Files:
        while True:
            try:
                return {path: data for path, data in contents(self.inner).items() if data is not None}  # type: ignore[arg-type]
            except (ObjectChanged, PathMissing):  # another thread let a file appear between listing and reading
                continue


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_a_reader_never_sees_half_a_file(make_pair: Make, target_like: str) -> None:
    pair = make_pair("hdfs", target_like)
    pair.put(OLD)
    replicate(pair.source, pair.target)
    pair.put(NEW)
    watched = Watched(pair.target)
    replicate(pair.source, watched, ReplicateOptions(threads=1))
    assert len(watched.seen) > 10
    for found in watched.seen:
        for path, data in found.items():
            assert data in (OLD.get(path), NEW[path]), f"{path} was seen half-written"
    assert watched.seen[-1] == NEW


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs"])
def test_leftovers_of_a_killed_run_are_cleaned_by_the_next(make_pair: Make, target_like: str) -> None:
    pair = make_pair("hdfs", target_like)
    pair.put(NEW)
    with pytest.raises(Crash):
        replicate(pair.source, CrashAtFirst("part", pair.target), ReplicateOptions(threads=1))
    assert isinstance(pair.target, MemoryZone)
    assert pair.target.store.uploads
    replicate(pair.source, pair.target, lease_times=IMPATIENT)
    assert contents(pair.target) == contents(pair.source)
    assert pair.target.store.uploads == {}


def test_leftovers_on_a_local_disk_are_cleaned_by_the_next_run(make_pair: Make, tmp_path: Path) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(NEW)
    target = open_zone(f"file://{tmp_path}/target")
    with pytest.raises(Crash):
        replicate(pair.source, CrashAtFirst("part", target), ReplicateOptions(threads=1))
    stage = tmp_path / "target/.livedata/stage"
    assert [path for path in stage.rglob("*") if path.is_file()]
    replicate(pair.source, target, lease_times=IMPATIENT)
    assert [path for path in stage.rglob("*") if path.is_file()] == []


class CrashAtFirst(CrashAfter):
    """The process dies just after its first call of that name."""

    def __init__(self, name: str, zone: Zone) -> None:
        super().__init__(zone, 0, when="after")
        self._name = name

    def _count(self, name: str) -> bool:
        return super()._count(name) if name == self._name else False


@pytest.mark.system
def test_empty_directories_are_markers_on_object_stores_and_those_of_others_are_read(
    make_pair: Make, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    pair, client, place = make_pair("files", "files"), s3_server.client(), s3_place(s3_server, bucket)
    pair.put({"empty": None, "full/f": b"f"})
    replicate(pair.source, place.open())
    client.head_object(Bucket=bucket, Key="copy/empty/")
    client.put_object(Bucket=bucket, Key="copy/theirs/", Body=b"")
    assert place.contents() == {"empty": None, "full": None, "full/f": b"f", "theirs": None}
