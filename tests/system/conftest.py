"""A location on the real HDFS, a prefix on the real S3, and what both hold."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.hdfs import identity as hdfs_identity
from airflow_provider_livedata.testing.suite.common import upload_whole

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

WRITERS = 16
Contents = dict[str, bytes | None]
_opened: weakref.WeakSet[Zone] = weakref.WeakSet()


@dataclass
class Place:
    """An address and the options that open it; every call opens a zone of its own, as another process would."""

    address: str
    options: dict[str, Any]

    def open(self, **more: Any) -> Zone:
        """A zone with clients of its own."""
        zone = open_zone(self.address, **{**self.options, **more})
        _opened.add(zone)
        return zone

    def contents(self) -> Contents:
        """Everything below the root with its bytes; directories that only keys imply count as directories."""
        zone, found = self.open(), Contents()
        for entry in zone.scan():
            data = bytearray(entry.size_bytes)
            found[entry.path] = None if entry.kind == "directory" else bytes(data)
            if entry.kind == "file" and entry.size_bytes:
                assert zone.read_into(entry.path, 0, memoryview(data)) == len(data)
                found[entry.path] = bytes(data)
        zone.close()
        return found


def hdfs_place(cluster: HdfsCluster, path: str, **options: Any) -> Place:
    """A directory of a test cluster."""
    web = [f"http://{cluster.http}"]
    return Place(f"hdfs://{cluster.rpc}{path}", {"webhdfs": web, "user": cluster.superuser, **options})


def s3_place(server: S3Server | MotoServer, bucket: str, path: str = "copy", **options: Any) -> Place:
    """A prefix of a test bucket."""
    given = {"endpoint_url": server.endpoint, "region": server.region, "access_key_id": server.access_key}
    return Place(f"s3://{bucket}/{path}", {**given, "secret_access_key": server.secret_key, **options})


def write(place: Place, files: Contents) -> None:
    """Write files (None: directories) of any size, several at a time: HDFS may take half a second to close one."""
    zone = place.open()
    for path in ("", *(path for path, data in files.items() if data is None)):
        zone.make_directory(path)
    with ThreadPoolExecutor(WRITERS) as pool:
        written = [pool.submit(upload_whole, zone, path, data) for path, data in files.items() if data is not None]
    for one in written:
        one.result()
    zone.close()


@pytest.fixture
def source(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Place:
    """An empty location on HDFS."""
    return hdfs_place(hdfs_cluster, hdfs_dir)


@pytest.fixture
def target(s3_server: S3Server | MotoServer, bucket: str) -> Place:
    """An empty prefix on S3."""
    return s3_place(s3_server, bucket)


@pytest.fixture
def files() -> Contents:
    """A small tree with what goes wrong: names, empty things, a file of several parts."""
    return {
        "a.txt": b"alpha", "dir": None, "dir/a": b"1", "dir/a.b": b"2", "dir/a!": b"3", "empty": None, "empty/nested": None,
        "zero": b"", "big.bin": os.urandom(20 << 20), "names": None,
        "names/with space %25 + # = '\" \u00e9e\u0301 \U0001f600": b"odd", "names/line\nbreak": b"newline",
    }  # fmt: skip


@pytest.fixture(autouse=True)
def zones_are_let_go() -> Iterator[None]:
    """Zones that a test left open end with it: by RPC a process is one HDFS user at a time."""
    yield
    for zone in list(_opened):
        zone.close()
    if hdfs_identity._process.holders:  # else it is not worth its quarter of a second
        gc.collect()
