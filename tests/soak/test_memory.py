"""The memory of a copy does not grow with the number or size of files: the engine's process tells its own peak."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import verify
from airflow_provider_livedata.engine.checksums import checksum_of, combine
from tests.services.engine_process import finish, start
from tests.services.hdfs import HdfsCluster
from tests.system.conftest import Place, hdfs_place, s3_place

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.zones.base import Zone
    from tests.services.s3 import MotoServer, S3Server

COPYING_MIB, PLANNING_MIB = 250, 400
MIB = 1 << 20
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def cluster() -> Iterator[HdfsCluster]:
    """One replica, and a new cluster for each test, so that large files fit a memory disk."""
    with HdfsCluster(1, replication=1) as cluster:
        yield cluster


def test_a_hundred_thousand_entries(cluster: HdfsCluster, s3_server: S3Server | MotoServer, bucket: str) -> None:
    cluster.mkdirs("/many")
    source, target = hdfs_place(cluster, "/many"), s3_place(s3_server, bucket)
    zone = source.open()
    with ThreadPoolExecutor(16) as pool:  # empty files have no blocks, so that they are made quickly
        list(pool.map(lambda n: zone.put(f"d{n % 100:02d}/f{n:06d}", b""), range(100_000)))
    first = finish(start(source, target))
    assert (first["copied_files"], first["failed"]) == (100_000, 0)
    second = finish(start(source, target))
    assert second["changes"] == 0
    print(f"\npeak of the first run {first['peak_mib']:.0f} MiB, of the second {second['peak_mib']:.0f} MiB")  # noqa: T201
    assert max(first["peak_mib"], second["peak_mib"]) < COPYING_MIB


def test_a_million_entries_are_planned(tmp_path: Path) -> None:
    target = Place(f"file://{tmp_path}/target", {})
    result = finish(start(Place("many://1000000/warehouse", {}), target, dry_run=True))
    assert (result["planned_files"], result["scanned_files"], result["state"]) == (1_000_000, 1_000_000, "dry run")
    print(f"\npeak {result['peak_mib']:.0f} MiB")  # noqa: T201
    assert result["peak_mib"] < PLANNING_MIB


def test_one_file_of_four_gibibytes(cluster: HdfsCluster, s3_server: S3Server | MotoServer, bucket: str) -> None:
    cluster.mkdirs("/large")
    source, target = hdfs_place(cluster, "/large"), s3_place(s3_server, bucket)
    zone, size = source.open(), 4 << 30
    upload = zone.begin("file", size)
    piece = os.urandom(upload.part_bytes)
    parts = [upload.part(n, piece, checksum_of(piece)) for n in range(size // len(piece))]
    upload.stage(parts, combine(parts))
    upload.complete(parts, combine(parts))
    result = finish(start(source, target))
    assert (result["copied_bytes"], result["failed"]) == (size, 0)
    print(f"\npeak {result['peak_mib']:.0f} MiB")  # noqa: T201
    assert result["peak_mib"] < COPYING_MIB
    report = verify(source.open(), target.open(), level="checksum")
    assert report.is_same
    assert report.files == 1


@pytest.mark.parametrize(("files", "size_bytes"), [(12, 128 * MIB), (250, 4 * MIB), (4_000, 4096)])
def test_files_from_s3_to_hdfs(
    cluster: HdfsCluster, s3_server: S3Server | MotoServer, bucket: str, files: int, size_bytes: int
) -> None:
    cluster.mkdirs(f"/back-{files}")
    source, target = s3_place(s3_server, bucket), hdfs_place(cluster, f"/back-{files}")
    zone, piece = source.open(), os.urandom(min(size_bytes, 8 * MIB))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: _put(zone, f"d{n % 10}/f{n:06d}", piece, size_bytes), range(files)))
    result = finish(start(source, target))
    assert (result["copied_files"], result["copied_bytes"], result["failed"]) == (files, files * size_bytes, 0)
    print(f"\npeak {result['peak_mib']:.0f} MiB")  # noqa: T201
    assert result["peak_mib"] < COPYING_MIB


def _put(zone: Zone, path: str, piece: bytes, size_bytes: int) -> None:
    if size_bytes <= len(piece):
        zone.put(path, piece[:size_bytes])
        return
    upload = zone.begin(path, size_bytes)
    parts = [upload.part(n, piece, checksum_of(piece)) for n in range(size_bytes // len(piece))]
    upload.complete(parts, combine(parts))
