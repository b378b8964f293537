"""Replication, migration, backup and restore to Google Cloud Storage and to Azure, on the servers of the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from airflow_provider_livedata.engine import (
    ReplicateOptions,
    backup,
    replicate,
    restore,
    verify,
)
from airflow_provider_livedata.engine import open_zone as open_local
from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import CannotHold
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import StoreChecksum
from airflow_provider_livedata.testing.suite.common import keys, read_all
from tests.airflow.runs import migrate
from tests.services import azure, gs
from tests.services.airflow_home import connection_variable

LEVELS: tuple[Literal["listing", "checksum", "content"], ...] = ("listing", "checksum", "content")
FILES = {
    "a.txt": b"1", "sub/b c.txt": b"22", "sub/ä%20+#='.bin": bytes(range(256)) * 4_000, "empty": b"", "big": os.urandom(18 << 20),
}  # fmt: skip


class Cloud(NamedTuple):
    """A bucket or container of a test: how to open a place in it, its address, and the connection that Airflow needs."""

    open: Callable[[str], Zone]
    address: str
    connection: str
    secret: str


@pytest.fixture(params=["gs", "abfs"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    if request.param == "gs":
        google: gs.GsServer = request.getfixturevalue("gs_server")
        bucket = google.new_bucket()
        return Cloud(
            lambda path: gs.open_zone(google, bucket, path), f"gs://the_lake@{bucket}", google.connection_json(), ""
        )
    microsoft: azure.AzureServer = request.getfixturevalue("azure_server")
    container = microsoft.new_container()
    return Cloud(lambda path: azure.open_zone(microsoft, container, path), f"abfs://the_lake@{container}",
                 microsoft.connection_json(), microsoft.key)  # fmt: skip


def local(path: Path) -> Zone:
    path.mkdir(exist_ok=True)
    return open_local(f"file://{path}")


def write(path: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def contents(path: Path) -> dict[str, bytes]:
    found = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    return {name: data for name, data in found.items() if not name.startswith(".livedata")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "source", FILES)
    (tmp_path / "source" / "nothing in here").mkdir()
    return tmp_path / "source"


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_a_tree_goes_there_and_back_proved_and_a_second_run_copies_only_what_differs(
    source: Path, tmp_path: Path, cloud: Cloud, consistency: Literal["files", "snapshot"]
) -> None:
    options = ReplicateOptions(consistency=consistency)
    assert replicate(local(source), cloud.open("copy"), options).copied_files == len(FILES)
    write(source, {"a.txt": b"changed", "new": b"new", "many/part": os.urandom(9 << 20)})
    (source / "sub" / "b c.txt").unlink()
    report = replicate(local(source), cloud.open("copy"), options)
    assert (report.copied_files, report.deleted, report.failed) == (3, 1, 0)
    for level in LEVELS:
        found = verify(local(source), cloud.open("copy"), level=level)
        assert found.is_same, found.table()
    there = cloud.open("copy")
    if isinstance(there, StoreChecksum):
        for name, data in contents(source).items():
            assert there.store_checksum(name) == f"crc32c:{checksum_of(data).crc32c:08x}"
    replicate(cloud.open("copy"), local(tmp_path / "back"), options)
    assert contents(tmp_path / "back") == contents(source)
    assert (tmp_path / "back" / "nothing in here").is_dir()
    assert os.stat(tmp_path / "back" / "big").st_mtime_ns // 10**6 == os.stat(source / "big").st_mtime_ns // 10**6


def test_bytes_that_somebody_changed_there_are_found(source: Path, cloud: Cloud) -> None:
    replicate(local(source), cloud.open("copy"))
    cloud.open("copy").put("a.txt", b"2")
    assert not verify(local(source), cloud.open("copy"), level="content").is_same
    assert not verify(local(source), cloud.open("copy"), level="checksum").is_same


@pytest.mark.usefixtures("airflow_home")
def test_the_migration_dag_brings_a_location_by_the_connection_alone(
    source: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(connection_variable("the_lake"), cloud.connection)
    run = migrate(f"file://{source}", f"{cloud.address}/copy", verify_level="content")
    assert run.report["outcome"] == "MIGRATED", run.report["text"]
    zone = cloud.open("copy")
    assert {entry.path: read_all(zone, entry.path) for entry in zone.scan() if entry.kind == "file"} == FILES
    assert run.results["final_verify"]["is_same"]
    if cloud.secret:
        state = b"".join(read_all(zone, one.path) for one in zone.scan(".livedata") if one.kind == "file")
        assert cloud.secret not in "".join(capfd.readouterr())
        assert cloud.secret.encode() not in state


def test_backups_are_kept_there_and_restored(source: Path, tmp_path: Path, cloud: Cloud) -> None:
    first = backup(local(source), cloud.open("backups"))
    before = contents(source)
    write(source, {"a.txt": b"changed", "new": b"new"})
    backup(local(source), cloud.open("backups"))
    restore(cloud.open("backups"), first.name, local(tmp_path / "older"))
    assert contents(tmp_path / "older") == before
    restore(cloud.open("backups"), "latest", local(tmp_path / "newer"))
    assert contents(tmp_path / "newer") == contents(source)


def test_names_that_the_store_cannot_hold_stop_the_run_in_its_plan(source: Path, cloud: Cloud) -> None:
    write(source, {"line\nbreak": b"1"})
    target = cloud.open("copy")
    with pytest.raises(CannotHold):
        replicate(local(source), target)
    assert keys(target) == []
