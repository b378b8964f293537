"""Keys, markers and batches of S3Zone: what other tools left in a bucket, and what a request may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import NameRefused, NotADirectory, PathMissing
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Entry
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from airflow_provider_livedata.testing.suite.common import keys, listed, put, read, read_all, stat
from tests.services.proxy import FaultyProxy
from tests.services.s3 import MotoServer, S3Server
from tests.services.s3_zones import Server, open_zone, through

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    """A server that holds any key, also those that versitygw's directories cannot."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def client(s3_server: Server) -> S3Client:
    return s3_server.client()


@pytest.fixture
def zone(s3_server: Server, bucket: str) -> Iterator[S3Zone]:
    zone = open_zone(s3_server, bucket, "p")
    yield zone
    zone.close()


def test_large_reads_give_their_connections_back_and_bring_every_byte(s3_server: Server, zone: S3Zone) -> None:
    data = bytes(range(256)) * (3 << 12)
    put(zone, "large", data)
    stat(zone, "large")  # so that there is a connection

    def connections() -> int:
        ends = [
            one.raddr for one in psutil.Process().net_connections(kind="tcp") if one.status == psutil.CONN_ESTABLISHED
        ]
        return sum(bool(end) and end.port == s3_server.port for end in ends)

    before, buffer = connections(), memoryview(bytearray(len(data)))
    for _ in range(3):
        assert zone.read_into("large", 0, buffer) == len(data)
        assert buffer == data
    assert connections() == before


def test_a_file_is_kept_though_one_below_its_name_was_kept_before(moto: MotoServer) -> None:
    with closing(open_zone(moto, moto.new_bucket("kept"), "p")) as zone:
        put(zone, "a", b"above")
        put(zone, "a/b", b"below")
        zone.keep("a/b", "kept/a/b")
        zone.keep("a", "kept/a")
        assert (read_all(zone, "kept/a"), read_all(zone, "kept/a/b")) == (b"above", b"below")
        put(zone, "a", b"replaced")
        zone.keep("a", "kept/a")
        assert read_all(zone, "kept/a") == b"above"


@pytest.mark.parametrize("content_type", ["application/x-directory", "httpd/unix-directory", "binary/octet-stream"])
def test_markers_of_any_content_type_are_directories(
    zone: S3Zone, client: S3Client, bucket: str, content_type: str
) -> None:
    client.put_object(Bucket=bucket, Key="p/made/elsewhere/", ContentType=content_type)
    assert [(entry.path, entry.kind, entry.is_implied) for entry in zone.scan()] == [
        ("made", "directory", True), ("made/elsewhere", "directory", False)]  # fmt: skip
    assert not stat(zone, "made/elsewhere").is_implied
    assert stat(zone, "made").is_implied


def test_folder_markers_of_old_hadoop_are_directories_too(zone: S3Zone, client: S3Client, bucket: str) -> None:
    for key in ("p/empty_$folder$", "p/full_$folder$", "p/full/f", "p/a/b/deep_$folder$", "p_$folder$"):
        client.put_object(Bucket=bucket, Key=key)
    assert listed(zone.scan()) == [
        ("a", "directory"), ("a/b", "directory"), ("a/b/deep", "directory"), ("empty", "directory"),
        ("full", "directory"), ("full/f", "file")]  # fmt: skip
    assert [(path, zone.peek(path) is not None, zone.peek(path, for_file=True) is not None) for path in ("empty", "full", "a/b")] == [
        ("empty", True, False), ("full", True, True), ("a/b", True, True)]  # fmt: skip
    empty = stat(zone, "empty")
    assert (empty.kind, empty.is_implied) == ("directory", False)
    assert zone.delete([empty, stat(zone, "a/b/deep")]) == []
    assert keys(zone) == ["full/", "full/f"]
    assert zone.stat("empty") is None


def test_a_prefix_that_only_a_marker_makes_is_a_source(s3_server: Server, client: S3Client, bucket: str) -> None:
    for key, path in (("marked/", "marked"), ("older_$folder$", "older")):
        client.put_object(Bucket=bucket, Key=key)
        zone = open_zone(s3_server, bucket, path)
        zone.check(writable=False)
        assert stat(zone, "").kind == "directory"
        assert list(zone.scan()) == []


def test_an_object_beside_its_keys_is_not_in_the_way(moto: MotoServer) -> None:
    bucket = moto.new_bucket()
    for key in ("p", "p/f"):
        moto.client().put_object(Bucket=bucket, Key=key, Body=b"1")
    open_zone(moto, bucket, "p").check(writable=False)
    moto.client().delete_object(Bucket=bucket, Key="p/f")
    with pytest.raises(NotADirectory, match="object stands"):
        open_zone(moto, bucket, "p").check(writable=False)


def test_keys_that_are_no_paths_are_listed_in_order_as_other_and_can_be_deleted(moto: MotoServer) -> None:
    bucket = moto.new_bucket()
    odd = ["/lead", "a/../b", "a/./b", "a//b", "double//", "z/."]
    for key in [*odd, "a/b", "good"]:
        moto.client().put_object(Bucket=bucket, Key=key, Body=b"1")
    zone = open_zone(moto, bucket)
    assert [entry.key for entry in zone.scan()] == [
        "/lead", "a/", "a/../b", "a/./b", "a//b", "a/b", "double/", "double//", "good", "z/", "z/."]  # fmt: skip
    others = [entry for entry in zone.scan() if entry.kind == "other"]
    assert [entry.path for entry in others] == odd
    assert zone.delete(others) == []
    assert keys(zone) == ["a/", "a/b", "good"]


def test_a_name_that_xml_cannot_hold_is_kept_where_listings_are_encoded_and_refused_where_not(
    moto: MotoServer, s3_integrity: S3Server, bucket: str
) -> None:
    zone = open_zone(moto, moto.new_bucket())
    put(zone, "d/a\x01b", b"1")
    assert keys(zone) == ["d/", "d/a\x01b"]
    assert read_all(zone, "d/a\x01b") == b"1"
    assert zone.delete([stat(zone, "d/a\x01b")]) == []
    assert keys(zone) == []
    with pytest.raises(NameRefused, match="plain XML"):
        put(open_zone(s3_integrity, bucket), "d/a\x01b", b"1")


def test_a_long_prefix_leaves_less_for_paths(s3_server: Server, bucket: str) -> None:
    zone = open_zone(s3_server, bucket, "é" * 100)
    assert zone.facts.max_key_bytes == 1024 - 201
    with pytest.raises(NameRefused):
        zone.make_directory("/".join("n" * 205 for _ in range(4)))  # 823 bytes: the file would fit, its marker does not


def test_2500_keys_are_deleted_in_three_requests(s3_server: Server, s3_proxy: FaultyProxy, bucket: str) -> None:
    zone = through(s3_proxy, s3_server, bucket, "p")
    entries = [put(zone, f"d/{number:04d}") for number in range(30)]
    entries += [Entry(f"d/{number:04d}") for number in range(30, 2500)]
    s3_proxy.reset()
    assert zone.delete(entries) == []
    assert s3_proxy.count("POST", r"\?delete") == 3
    assert s3_proxy.count("DELETE") == 0
    assert keys(zone) == []


def test_a_folder_without_records_takes_one_request_once_the_store_has_listed_any(
    s3_server: Server, s3_proxy: FaultyProxy, bucket: str
) -> None:
    zone = through(s3_proxy, s3_server, bucket, "p")
    s3_proxy.reset()
    assert list(zone.scan(".livedata/role")) == []
    assert s3_proxy.count("GET") == 2  # what does not speak S3 looks empty to the first
    put(zone, ".livedata/lease/1.json", b"{}")
    assert [entry.path for entry in zone.scan(".livedata/lease")] == [".livedata/lease/1.json"]
    s3_proxy.reset()
    assert list(zone.scan(".livedata/role")) == []
    assert s3_proxy.count("GET") == 1


def test_what_may_not_be_deleted_is_named_and_the_rest_goes(s3_integrity: S3Server, bucket: str) -> None:
    root = open_zone(s3_integrity, bucket)
    entries = [put(root, path, b"1") for path in ("free/a", "kept/b", "kept/new\nline", "free/c")]
    access, secret = s3_integrity.new_user()
    _allow(s3_integrity.client(), bucket, access, "free")
    failures = open_zone(s3_integrity, bucket, access_key_id=access, secret_access_key=secret).delete(entries)
    assert [(failure.path, failure.error, failure.retryable) for failure in failures] == [
        ("kept/b", "PermissionRefused", False), ("kept/new\nline", "PermissionRefused", False)]  # fmt: skip
    assert all("s3:DeleteObject" in failure.reason for failure in failures)
    assert [key for key in keys(root) if not key.endswith("/")] == ["kept/b", "kept/new\nline"]


def _allow(client: S3Client, bucket: str, access: str, prefix: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": [access]}, "Action": ["s3:DeleteObject"],
                 "Resource": [f"arn:aws:s3:::{bucket}/{prefix}/*"]}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_directories_are_deleted_only_when_they_are_empty_and_after_what_is_in_them(
    s3_server: Server, s3_proxy: FaultyProxy, bucket: str
) -> None:
    zone = through(s3_proxy, s3_server, bucket)
    for path in ("full", "a/b", "a"):
        zone.make_directory(path)
    put(zone, "full/f", b"1")
    put(zone, "a/b/f", b"1")
    failures = zone.delete([stat(zone, path) for path in ("full", "a/b/f", "a/b", "a")])
    assert [(failure.path, failure.error) for failure in failures] == [("full", "NotEmpty")]
    assert keys(zone) == ["full/", "full/f"]


def test_mtime_and_source_version_are_kept_as_metadata_that_other_tools_read(
    zone: S3Zone, client: S3Client, bucket: str
) -> None:
    attributes = Attributes(mtime_ms=-1_500, source_version="id 7:é/%", owner="ann", mode=0o640)
    given = zone.put("f", b"1", attributes=attributes)
    zone.make_directory("d", attributes=attributes)
    upload = zone.begin("large", 1, attributes=attributes)
    part = upload.part(0, b"1", checksum_of(b"1"))
    completed = upload.complete([part], checksum_of(b"1"))
    for entry in (given, stat(zone, "f"), completed, stat(zone, "large"), stat(zone, "d")):
        assert (entry.mtime_ms, entry.source_version, entry.owner, entry.mode) == (-1_500, "id 7:é/%", None, None)
    metadata = client.head_object(Bucket=bucket, Key="p/f")["Metadata"]
    assert metadata == {"mtime": "-1.500", "livedata-version": "id%207:%C3%A9/%25"}


def test_a_versioned_bucket_is_used_like_any_other(s3_server: Server) -> None:
    zone = open_zone(s3_server, s3_server.new_bucket(versioned=True), "p")
    zone.check(writable=True)
    first = put(zone, "f", b"first", expect=ABSENT)
    second = put(zone, "f", b"other", expect=first.version)
    assert [(entry.path, entry.version) for entry in zone.scan()] == [("f", second.version)]
    assert stat(zone, "f").version == second.version
    assert zone.delete([second]) == []
    assert (zone.stat("f"), list(zone.scan())) == (None, [])
    with pytest.raises(PathMissing):
        read(zone, "f", 0, 1)
    put(zone, "f", b"again")  # not create-only: versitygw, unlike AWS, takes a delete marker for something
    assert read_all(zone, "f") == b"again"
