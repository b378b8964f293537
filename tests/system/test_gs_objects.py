"""What is particular to Google Cloud Storage: parts put together, headers that stay, what the zone refuses or finds out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    ChecksumMismatch,
    PathMissing,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.gs.upload import AT_ONCE, STAGE
from airflow_provider_livedata.testing.suite.common import data_of, keys, read_all, send, stat
from tests.services.gs import open_zone
from tests.services.processes import free_ports

if TYPE_CHECKING:
    from tests.services.gs import GsServer


@pytest.fixture
def bucket(gs_server: GsServer) -> str:
    return gs_server.new_bucket()


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
