"""A file that was opened for append before a snapshot and grows after it: where HDFS does not freeze open files, differences lack it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hdfs_native
import pytest

from airflow_provider_livedata.engine import fail_over, replicate, settle
from airflow_provider_livedata.engine.errors import StillChanging
from tests.system.conftest import Place, hdfs_place, write

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster

OLD, APPENDED = b"a" * 1000, b"b" * 1000


@contextmanager
def appended_across_a_snapshot(cluster: HdfsCluster, path: str, tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    """A source and its copy, which lacks what a writer appended who had opened the file before the snapshot of the newest run."""
    source, target = hdfs_place(cluster, path), Place(f"file://{tmp_path}/copy", {})
    write(source, {"log": OLD, "other": b"o"})
    replicate(source.open(), target.open())
    writer = hdfs_native.Client(cluster.uri).append(f"{path}/log")
    write(source, {"more": b"m"})
    report = replicate(source.open(), target.open())
    assert report.found_by.startswith("difference of snapshots")
    assert target.contents()["log"] == OLD
    writer.write(APPENDED)
    writer.close()
    yield source, target


def test_the_proof_that_writers_have_stopped_finds_and_brings_what_differences_lack(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    with appended_across_a_snapshot(hdfs_cluster, f"{hdfs_dir}/source", tmp_path) as (source, target):
        with pytest.raises(StillChanging, match="log"):
            settle(source.open(), target.open())
        assert target.contents()["log"] == OLD + APPENDED
        assert settle(source.open(), target.open()).found_by.startswith("listings")


def test_a_planned_fail_over_does_not_switch_without_it(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    with appended_across_a_snapshot(hdfs_cluster, f"{hdfs_dir}/source", tmp_path) as (source, target):
        with pytest.raises(StillChanging, match="log"):
            fail_over(source.open(), target.open())
        report = fail_over(source.open(), target.open())
        assert (report.state, target.contents()["log"]) == ("switched", OLD + APPENDED)


def test_where_open_files_are_frozen_every_difference_has_it(
    hdfs_cluster_freezing: HdfsCluster, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = "/" + re.sub(r"\W+", "-", request.node.name)
    hdfs_cluster_freezing.mkdirs(path)
    with appended_across_a_snapshot(hdfs_cluster_freezing, path, tmp_path) as (source, target):
        report = replicate(source.open(), target.open())
        assert report.found_by.startswith("difference of snapshots")
        assert target.contents()["log"] == OLD + APPENDED
        assert settle(source.open(), target.open()).found_by.startswith("difference of snapshots")
