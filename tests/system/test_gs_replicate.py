"""Files from local disks to Google Cloud Storage and back, and what the zone refuses or finds out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine import open_zone as open_local
from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    CannotHold,
    ChecksumMismatch,
    PathMissing,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.gs.upload import AT_ONCE, STAGE
from airflow_provider_livedata.testing.suite.common import data_of, keys, read_all, send, stat
from tests.airflow.runs import migrate
from tests.services.airflow_home import connection_variable
from tests.services.gs import open_zone
from tests.services.processes import free_ports

if TYPE_CHECKING:
    from tests.services.gs import GsServer

LEVELS: tuple[Literal["listing", "checksum", "content"], ...] = ("listing", "checksum", "content")
FILES = {
    "a.txt": b"1",
    "sub/b c.txt": b"22",
    "sub/ä%20+#='.bin": bytes(range(256)) * 40_000,
    "empty": b"",
    "big": os.urandom(20 << 20),
}


def local(path: Path) -> Zone:
    return open_local(f"file://{path}")


def write(path: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def contents(path: Path) -> dict[str, bytes]:
    found = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    return {name: data for name, data in found.items() if not name.startswith(".livedata")}


@pytest.fixture
def bucket(gs_server: GsServer) -> str:
    return gs_server.new_bucket()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "source", FILES)
    (tmp_path / "source" / "nothing in here").mkdir()
    return tmp_path / "source"


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_a_tree_goes_there_and_back_proved_and_a_second_run_copies_only_what_differs(
    source: Path, tmp_path: Path, gs_server: GsServer, bucket: str, consistency: Literal["files", "snapshot"]
) -> None:
    options = ReplicateOptions(consistency=consistency)
    assert replicate(local(source), open_zone(gs_server, bucket, "copy"), options).copied_files == len(FILES)
    write(source, {"a.txt": b"changed", "new": b"new", "many/part": os.urandom(9 << 20)})
    report = replicate(local(source), open_zone(gs_server, bucket, "copy"), options)
    assert (report.copied_files, report.failed) == (3, 0)
    for level in LEVELS:
        found = verify(local(source), open_zone(gs_server, bucket, "copy"), level=level)
        assert found.is_same, found.table()
    for name, data in contents(source).items():
        assert open_zone(gs_server, bucket, "copy").store_checksum(name) == f"crc32c:{checksum_of(data).crc32c:08x}"
    (tmp_path / "back").mkdir()
    replicate(open_zone(gs_server, bucket, "copy"), local(tmp_path / "back"), options)
    assert contents(tmp_path / "back") == contents(source)
    assert (tmp_path / "back" / "nothing in here").is_dir()
    assert os.stat(tmp_path / "back" / "big").st_mtime_ns // 10**6 == os.stat(source / "big").st_mtime_ns // 10**6


@pytest.mark.usefixtures("airflow_home")
def test_the_migration_dag_brings_a_location_by_the_connection_alone(
    source: Path, gs_server: GsServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(connection_variable("the_lake"), gs_server.connection_json())
    run = migrate(f"file://{source}", f"gs://the_lake@{bucket}/copy", verify_level="content")
    assert run.report["outcome"] == "MIGRATED", run.report["text"]
    zone = open_zone(gs_server, bucket, "copy")
    assert {entry.path: read_all(zone, entry.path) for entry in zone.scan() if entry.kind == "file"} == FILES
    assert run.results["final_verify"]["is_same"]


def test_names_that_the_store_cannot_hold_stop_the_run_in_its_plan(
    source: Path, gs_server: GsServer, bucket: str
) -> None:
    write(source, {"line\nbreak": b"1"})
    target = open_zone(gs_server, bucket, "copy")
    with pytest.raises(CannotHold):
        replicate(local(source), target)
    assert keys(target) == []


def test_more_parts_than_the_store_puts_together_at_once_become_one_file(gs_server: GsServer, bucket: str) -> None:
    zone = open_zone(gs_server, bucket, "copy", part_bytes=1 << 20)
    data = data_of("many parts", (AT_ONCE + 3) << 20)
    upload = zone.begin("f", len(data), attributes=Attributes(mtime_ms=1_500_000_000_123, source_version="7"))
    parts = send(upload, data)
    assert len(parts) == AT_ONCE + 3
    entry = upload.complete(parts, checksum_of(data))
    assert entry == stat(zone, "f")
    assert (entry.crc32c, entry.mtime_ms, entry.source_version) == (checksum_of(data).crc32c, 1_500_000_000_123, "7")
    assert read_all(zone, "f") == data
    assert keys(zone, STAGE) == []


def test_parts_that_were_lost_or_changed_at_the_store_never_become_a_file_that_stays(
    gs_server: GsServer, bucket: str
) -> None:
    zone = open_zone(gs_server, bucket)
    upload = zone.begin("f", 5)
    parts = send(upload, b"12345")
    name = quote(next(key for key in keys(zone, STAGE) if not key.endswith("/")), safe="")
    gs_server.ask("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}", b"other")
    with pytest.raises(ChecksumMismatch):
        upload.complete(parts, checksum_of(b"12345"))
    assert zone.stat("f") is None
    upload.abort()
    with pytest.raises(PathMissing):
        upload.complete(parts, checksum_of(b"12345"))


def test_headers_and_metadata_of_others_stay_with_a_file_that_is_moved(gs_server: GsServer, bucket: str) -> None:
    zone = open_zone(gs_server, bucket)
    zone.put("f", b"data")
    told = {"contentType": "text/plain", "metadata": {"theirs": "kept"}}
    gs_server.ask("PATCH", f"/storage/v1/b/{bucket}/o/f", json.dumps(told).encode())
    zone.move("f", "g", attributes=Attributes(mtime_ms=1_500_000_000_123))
    found = json.loads(gs_server.ask("GET", f"/storage/v1/b/{bucket}/o/g"))
    assert found["metadata"] == {"theirs": "kept", "mtime": "1500000000.123"}
    assert found["contentType"] == "text/plain"


def test_a_bucket_or_server_that_is_not_there_is_named(gs_server: GsServer, bucket: str) -> None:
    for writable in (True, False):
        with pytest.raises(BucketMissing, match=f"no-such-{bucket}"):
            open_zone(gs_server, f"no-such-{bucket}", "copy").check(writable=writable)
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(ZoneUnreachable, match="does not answer"):
        open_zone(gs_server, bucket, endpoint_url=nowhere, retries=0).check(writable=True)
