"""Files that get another name within a bucket: what the copy keeps, and how large ones are copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import ChecksumMismatch
from airflow_provider_livedata.engine.model import ABSENT, Attributes
from airflow_provider_livedata.engine.zones.s3 import copy as s3_copy
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from airflow_provider_livedata.testing.suite.common import data_of, read_all, stat, upload_whole
from tests.services.s3_zones import open_zone

if TYPE_CHECKING:
    from tests.services.s3 import S3Server

MIB = 1 << 20
TIMES = Attributes(mtime_ms=1_600_000_000_123, source_version="3:5")


@pytest.fixture
def zone(s3_server: S3Server, bucket: str) -> Iterator[S3Zone]:
    zone = open_zone(s3_server, bucket, "p")
    yield zone
    zone.close()


@pytest.mark.parametrize("by_parts", [False, True])
def test_a_copy_keeps_headers_metadata_and_tags(
    zone: S3Zone, bucket: str, monkeypatch: pytest.MonkeyPatch, *, by_parts: bool
) -> None:
    if by_parts:
        monkeypatch.setattr(s3_copy, "MAX_COPY_BYTES", 1)
    client, data = zone._bucket.clients.once, data_of("kept")
    client.put_object(Bucket=bucket, Key="p/f", Body=data, ContentType="text/csv", CacheControl="no-cache",
                      Metadata={"mine": "yes", "mtime": "1.000"}, Tagging="team=data&cost=low",
                      ChecksumAlgorithm="CRC64NVME")  # fmt: skip
    zone.move("f", "g", version=stat(zone, "f").version, checksum=checksum_of(data), attributes=TIMES, expect=ABSENT)
    head = client.head_object(Bucket=bucket, Key="p/g")
    tags = client.get_object_tagging(Bucket=bucket, Key="p/g")["TagSet"]
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]["mine"]) == ("text/csv", "no-cache", "yes")
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("cost", "low"), ("team", "data")]
    assert (stat(zone, "g").mtime_ms, stat(zone, "g").source_version) == (TIMES.mtime_ms, TIMES.source_version)
    assert read_all(zone, "g") == data


def test_a_large_file_is_copied_by_parts_with_its_checksum(zone: S3Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_copy, "MAX_COPY_BYTES", MIB)
    monkeypatch.setattr(s3_copy, "PART_BYTES", 5 * MIB)
    data = data_of("large", 12 * MIB + 1)
    entry = upload_whole(zone, "f", data)
    landed = zone.move("f", "g", version=entry.version, checksum=checksum_of(data), attributes=TIMES, expect=ABSENT)
    found = stat(zone, "g")
    assert read_all(zone, "g") == data
    assert (found.version, found.crc64nvme) == (landed.version, checksum_of(data).crc64nvme)


def test_a_large_copy_with_another_checksum_leaves_nothing(
    zone: S3Zone, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_copy, "MAX_COPY_BYTES", MIB)
    monkeypatch.setattr(s3_copy, "PART_BYTES", 5 * MIB)
    data = data_of("large", 6 * MIB)
    upload_whole(zone, "f", data)
    with pytest.raises(ChecksumMismatch):
        zone.move("f", "g", checksum=checksum_of(b"other"), expect=ABSENT)
    assert zone.stat("g") is None
    assert zone._bucket.clients.once.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


@pytest.mark.parametrize("odd", ["a b+c%20", "\u00fc/\u00e9", "x?y&z=1", "a//b".replace("//", "/\u2028")])
def test_odd_names_are_copied(zone: S3Zone, odd: str) -> None:
    zone.put(f"old {odd}", b"odd", checksum=checksum_of(b"odd"))
    zone.move(f"old {odd}", f"new {odd}", checksum=checksum_of(b"odd"), expect=ABSENT)
    assert read_all(zone, f"new {odd}") == b"odd"
