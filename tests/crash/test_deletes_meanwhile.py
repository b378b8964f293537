"""What somebody else writes at the target where a run is to delete, with consistency "files": it stays, and the run says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.errors import RunFailed, TargetTouched
from airflow_provider_livedata.engine.zones.around import Around
from tests.crash.conftest import Files, Pair, contents, put

OPTIONS = ReplicateOptions(max_delete_ratio=1.0, threads=1)
FILES: Files = {"d/gone": b"gone", "keep": b"keep", "x": b"a file"}
KINDS = ["objects", "files", "hdfs", "local"]


class BeforeReading(Around):
    """Acts before the bytes of one path are read for the first time."""

    def __init__(self, zone: Any, path: str, act: Callable[[], None]) -> None:
        super().__init__(zone)
        self.path, self.act = path, act

    def around_zone(self, zone: Any) -> Any:
        return BeforeReading(zone, self.path, self.act)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == self.path:
            act, self.act = self.act, lambda: None
            act()
        return super().read_into(path, offset, buffer, version=version)


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    made = make_pair("hdfs", request.param)
    made.put(FILES)
    replicate(made.source, made.target, OPTIONS)
    return made


def test_what_is_written_after_the_plan_is_not_deleted(pair: Pair) -> None:
    pair.remove("d/gone", "x")
    pair.put({"new": b"new"})
    source = BeforeReading(pair.source, "new", lambda: put(pair.target, "d/gone", b"theirs"))
    with pytest.raises(RunFailed, match="d/gone") as failed:
        replicate(source, pair.target, OPTIONS)
    assert [one.path for one in failed.value.report.failures] == ["d/gone"]
    assert "someone else wrote this" in failed.value.report.failures[0].reason
    now = contents(pair.target)
    assert (now["d/gone"], now["new"], "x" in now) == (b"theirs", b"new", False)
    with pytest.raises(TargetTouched, match="d/gone"):  # nor by the next run, which had meant to delete there before
        replicate(pair.source, pair.target, OPTIONS)
    assert contents(pair.target)["d/gone"] == b"theirs"
    replicate(pair.source, pair.target, ReplicateOptions(max_delete_ratio=1.0, foreign="replace"))
    assert contents(pair.target) == contents(pair.source)


def test_what_went_meanwhile_is_deleted_already(pair: Pair) -> None:
    pair.remove("d/gone", "x")
    pair.put({"new": b"new"})

    def remove() -> None:
        entry = pair.target.stat("x")
        assert entry is not None
        assert pair.target.delete([entry]) == []

    report = replicate(BeforeReading(pair.source, "new", remove), pair.target, OPTIONS)
    assert (report.deleted, report.failed) == (2, 0)
    assert contents(pair.target) == contents(pair.source)
