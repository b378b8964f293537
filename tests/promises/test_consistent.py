"""Consistent: the copy of a zone with snapshots is of one instant; elsewhere a file that changes is copied again, never mixed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.errors import RunFailed
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.zones.base import Zone
from tests.crash.conftest import PART_BYTES, Files, Pair, contents
from tests.services.hdfs import HdfsCluster
from tests.system.conftest import Place, hdfs_place, write
from tests.system.hdfs_common import open_file

Make = Callable[[str, str], Pair]


def test_a_zone_with_snapshots_is_read_from_its_snapshot_alone(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"a": b"first", "gone": b"first", "large": b"1" * 3 * PART_BYTES})
    at: Callable[[Snapshot], Zone] = pair.source.at  # type: ignore[attr-defined]

    def then_write_on(snapshot: Snapshot) -> Zone:
        frozen = at(snapshot)
        pair.put({"a": b"second", "new": b"second", "large": b"2" * 3 * PART_BYTES})
        pair.remove("gone")
        return frozen

    pair.source.at = then_write_on  # type: ignore[attr-defined]
    pair.source.read_into = _never  # type: ignore[method-assign]
    report = replicate(pair.source, pair.target)
    assert report.snapshot
    assert contents(pair.target) == {"a": b"first", "gone": b"first", "large": b"1" * 3 * PART_BYTES}


def _never(*_args: Any, **_options: Any) -> int:
    raise AssertionError("the live source was read")


@pytest.mark.parametrize(
    ("target_like", "seen"),
    [("hdfs", {"large": b"2" * 4 * PART_BYTES}), ("objects", {})],  # in order: copied again; part by part: reported
)
def test_a_file_that_changes_before_the_end_of_its_read_is_copied_again_or_reported_and_never_mixed(
    make_pair: Make, target_like: str, seen: Files
) -> None:
    pair = make_pair("objects", target_like)
    pair.put({"large": b"1" * 4 * PART_BYTES})
    read_into, reads = pair.source.read_into, list[int]()

    def change_after_the_second_part(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        reads.append(offset)
        if len(reads) == 3:
            pair.put({"large": b"2" * 4 * PART_BYTES})
        return read_into(path, offset, buffer, version=version)

    pair.source.read_into = change_after_the_second_part  # type: ignore[method-assign]
    with nullcontext() if seen else pytest.raises(RunFailed, match="large"):
        replicate(pair.source, pair.target, ReplicateOptions(threads=1))
    assert contents(pair.target) == seen
    replicate(pair.source, pair.target)
    assert contents(pair.target) == {"large": b"2" * 4 * PART_BYTES}


@pytest.mark.system
def test_a_file_that_hdfs_lets_grow_inside_its_snapshot_is_compared_again_until_it_is_closed(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, target: Place
) -> None:
    source = hdfs_place(hdfs_cluster, hdfs_dir)
    write(source, {"closed": b"closed"})
    with open_file(hdfs_cluster, f"{hdfs_dir}/growing", b"first") as writer:
        assert replicate(source.open(), target.open()).unsettled_paths == ["growing"]
        writer.write(b" second")
    last = replicate(source.open(), target.open())
    assert last.unsettled_paths == []
    assert target.contents() == {"closed": b"closed", "growing": b"first second"}
