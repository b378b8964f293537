"""Zones by fsspec on a real server: WebHDFS as fsspec speaks it, against the HDFS of the tests. The suite, copies there and back, faults."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import open_zone, replicate, verify
from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    PathMissing,
    PermissionRefused,
    RunFailed,
    Unsupported,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import keys, put, read, read_all, send, stat
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.airflow.runs import migrate
from tests.services.airflow_home import connection_variable
from tests.services.hdfs import HdfsCluster
from tests.services.processes import free_ports
from tests.system.conftest import Place, s3_place

if TYPE_CHECKING:
    from tests.services.s3 import MotoServer, S3Server

FILES = {
    "a.txt": b"1",
    "sub/b c.txt": b"22",
    "sub/\u00e4%20+#=?'.bin": bytes(range(256)) * 60_000,
    "empty": b"",
    "sub/\\\u0301": b"accent",
}
# fsspec's client leaves some sockets of failed requests to the garbage collector; they are collected here, and not in somebody else's test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
LARGE_BYTES = 12 << 20
ALONE = ReplicateOptions(exclusive=True)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


def by_fsspec(cluster: HdfsCluster, path: str, **options: Any) -> Zone:
    """A directory of the cluster, as fsspec reaches it."""
    asked = {"user": cluster.superuser, **options.pop("storage_options", {})}
    return open_zone(
        f"fsspec+webhdfs://{cluster.http}/{path.strip('/')}", storage_options=asked, **{"exclusive": True, **options}
    )


class TestWebHdfs(ZoneSuite):
    """The whole suite."""

    @pytest.fixture
    def zone(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[Zone]:
        zone = by_fsspec(hdfs_cluster, hdfs_dir)
        yield zone
        zone.close()

    @pytest.fixture
    def open_at(self, hdfs_cluster: HdfsCluster, zone: Zone) -> OpenAt:
        return lambda path: by_fsspec(hdfs_cluster, zone.address.join(path).path)

    @pytest.fixture
    def refused_names(self) -> Collection[str]:
        return ("a:b",)

    @pytest.fixture
    def many(self) -> int:
        return 200  # a file takes some ten requests

    def test_old_leftovers_of_killed_writers_go_and_nothing_else(self, zone: Zone, open_at: OpenAt) -> None:
        """As in the suite, of a file so large that the client does not hold all of it in memory."""
        put(zone, "d/f", b"data")
        left = zone.begin("d/g", LARGE_BYTES)
        send(left, bytes(LARGE_BYTES))
        later = int(time.time() * 1000) + 3_600_000
        assert open_at("").sweep(later) == 1
        assert keys(zone) == ["d/", "d/f"]
        assert open_at("").resume("d/g", left.token, LARGE_BYTES) is None
        assert zone.sweep(later) == 0


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_bytes(data)
    return tmp_path / "source"


@pytest.fixture
def lake(s3_server: S3Server | MotoServer, bucket: str) -> Place:
    return s3_place(s3_server, bucket)


def files(zone: Zone) -> dict[str, bytes]:
    return {entry.path: read_all(zone, entry.path) for entry in zone.scan() if entry.kind == "file"}


def test_a_tree_goes_there_and_on_to_a_bucket_proved_and_only_what_differs_goes_again(
    here: Path, hdfs_cluster: HdfsCluster, hdfs_dir: str, lake: Place
) -> None:
    there = by_fsspec(hdfs_cluster, f"{hdfs_dir}/copy")
    assert replicate(f"file://{here}", there, ALONE).copied_files == len(FILES)
    assert files(there) == FILES
    source = by_fsspec(hdfs_cluster, f"{hdfs_dir}/copy", exclusive=False)
    assert replicate(source, lake.open()).copied_files == len(FILES)
    (here / "a.txt").write_bytes(b"changed")
    (here / "sub" / "b c.txt").unlink()
    (here / "new").write_bytes(b"new")
    report = replicate(f"file://{here}", there, ALONE)
    assert (report.copied_files, report.deleted, report.failed) == (2, 1, 0)
    report = replicate(source, lake.open())
    assert (report.copied_files, report.deleted, report.failed) == (2, 1, 0)
    assert replicate(source, lake.open()).changes == 0
    for level in ("listing", "checksum", "content"):
        assert verify(f"file://{here}", there, level=level).is_same
        assert verify(source, lake.open(), level=level).is_same
    assert {path: data for path, data in lake.contents().items() if data is not None} == files(there)
    hdfs_cluster.fs("-test", "-f", f"{hdfs_dir}/copy/new")


def test_bytes_that_somebody_changed_there_are_found(here: Path, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
    there = by_fsspec(hdfs_cluster, f"{hdfs_dir}/copy")
    replicate(f"file://{here}", there, ALONE)
    put(there, "a.txt", b"2")
    assert not verify(f"file://{here}", there, level="content").is_same


def test_what_a_datanode_says_of_its_failure_is_never_taken_for_the_bytes(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    # The text of the error is longer than the file: cut to its size it would pass.
    hdfs_cluster.fs("-mkdir", "-p", f"{hdfs_dir}/source")
    (tmp_path / "small").write_bytes(b"ten bytes!")
    hdfs_cluster.fs("-put", tmp_path / "small", f"{hdfs_dir}/source/small")
    zone = by_fsspec(hdfs_cluster, f"{hdfs_dir}/source")
    assert read_all(zone, "small") == b"ten bytes!"
    for index in (0, 1):
        for block in hdfs_cluster.block_files(index):
            if block.read_bytes() == b"ten bytes!":
                block.unlink()
    with pytest.raises(LiveDataError):
        read(zone, "small", 0, 10)
    with pytest.raises(RunFailed):
        replicate(zone, f"file://{tmp_path}/copy")
    assert not (tmp_path / "copy" / "small").exists()


def test_a_server_that_is_gone_is_named_and_nothing_is_deleted(tmp_path: Path, here: Path) -> None:
    (nobody,) = free_ports(1)
    zone = open_zone(f"fsspec+webhdfs://127.0.0.1:{nobody}/data", exclusive=True)
    for check in (lambda: zone.check(writable=False), lambda: zone.check(writable=True), lambda: list(zone.scan())):
        with pytest.raises(ZoneUnreachable):
            check()


def test_what_may_not_be_read_or_written_is_refused(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
    mine = by_fsspec(hdfs_cluster, hdfs_dir)
    put(mine, "closed/f", b"1")
    hdfs_cluster.fs("-chmod", "700", f"{hdfs_dir}/closed")
    theirs = by_fsspec(hdfs_cluster, hdfs_dir, storage_options={"user": "somebody"})
    with pytest.raises(PermissionRefused):
        list(theirs.scan())
    with pytest.raises(PermissionRefused):
        theirs.check(writable=True)
    with pytest.raises(PermissionRefused):
        put(theirs, "new", b"1")
    assert keys(mine) == ["closed/", "closed/f"]


def test_a_file_that_is_gone_says_so(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
    zone = by_fsspec(hdfs_cluster, hdfs_dir)
    version = put(zone, "f", b"1").version
    assert zone.delete([stat(zone, "f")]) == []
    with pytest.raises(PathMissing):
        read(zone, "f", 0, 1, version=version)


@pytest.fixture
def connection(hdfs_cluster: HdfsCluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """Any type will do: its fields are the filesystem's arguments."""
    host, port = hdfs_cluster.http.split(":")
    told = {"conn_type": "generic", "host": host, "port": int(port), "login": hdfs_cluster.superuser}
    monkeypatch.setenv(connection_variable("the_files"), json.dumps(told))
    return "the_files"


@pytest.mark.usefixtures("airflow_home")
def test_the_migration_dag_brings_a_location_by_a_connection_alone_and_back_where_that_is_promised(
    here: Path, hdfs_cluster: HdfsCluster, hdfs_dir: str, connection: str, s3_server: S3Server | MotoServer, lake: Place,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    replicate(f"file://{here}", by_fsspec(hdfs_cluster, f"{hdfs_dir}/source"), ALONE)
    hdfs_cluster.fs("-rm", "-r", "-skipTrash", f"{hdfs_dir}/source/.livedata")
    monkeypatch.setenv(connection_variable("the_lake"), s3_server.connection_json())
    there = f"fsspec+webhdfs://{connection}@{hdfs_cluster.http}{hdfs_dir}"
    bucket = lake.address.removeprefix("s3://")
    run = migrate(f"{there}/source", f"s3://the_lake@{bucket}", verify_level="content")
    assert run.report["outcome"] == "MIGRATED", run.report["text"]
    assert {path: data for path, data in lake.contents().items() if data is not None} == FILES
    assert any("source by fsspec (webhdfs): no snapshots" in line for line in run.results["preflight"]["notes"])
    run = migrate(f"s3://the_lake@{bucket}", f"{there}/back", verify_level="content")
    assert run.state == "failed"
    assert "exclusive=True" in run.report["text"]
    run = migrate(f"s3://the_lake@{bucket}", f"{there}/back", verify_level="content", exclusive=True)
    assert run.report["outcome"] == "MIGRATED", run.report["text"]
    assert any(
        "target by fsspec (webhdfs): the store compares no" in line for line in run.results["preflight"]["notes"]
    )
    assert files(by_fsspec(hdfs_cluster, f"{hdfs_dir}/back")) == FILES


@pytest.mark.usefixtures("airflow_home")
def test_a_connection_that_is_not_there_stops_the_run_by_its_name(tmp_path: Path) -> None:
    run = migrate("fsspec+webhdfs://no_such@host:1/path", f"file://{tmp_path}/copy")
    assert run.state == "failed"
    assert "no Airflow connection 'no_such'" in run.report["text"]


def test_the_promise_is_asked_for(hdfs_cluster: HdfsCluster, hdfs_dir: str, here: Path) -> None:
    with pytest.raises(Unsupported, match="exclusive=True"):
        replicate(f"file://{here}", by_fsspec(hdfs_cluster, f"{hdfs_dir}/copy", exclusive=False))
    assert hdfs_cluster.fs("-test", "-e", f"{hdfs_dir}/copy", check=False).returncode != 0
