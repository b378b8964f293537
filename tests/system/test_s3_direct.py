"""HEADs, copies and streamed writes of objects by the parts of a boto3 client: what the client would have answered, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    LiveDataError,
    ObjectChanged,
    ZoneBusy,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.s3.clients import S3Clients
from airflow_provider_livedata.engine.zones.s3.stream import TrailedBody, announce_trailer
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from airflow_provider_livedata.testing.suite.common import data_of, put, read_all, stat
from tests.services.s3_zones import open_zone, through

if TYPE_CHECKING:
    from tests.services.proxy import FaultyProxy
    from tests.services.s3 import S3Server

PIECE = 64 << 10
ODD = ["a b+c%20", "\u00fc/\u00e9", "x?y&z=1", "q#'()*!$,;:@=", "~._-", "back\\slash", "t\u2028u"]
HEADERS: dict[str, Any] = {
    "ContentType": "text/csv",
    "CacheControl": "no-cache",
    "ContentLanguage": "de",
    "Expires": "Wed, 21 Oct 2099 07:28:00 GMT",
    "Metadata": {"mine": "yes", "mtime": "1.000"},
    "Tagging": "team=data&cost=low",
}


@pytest.fixture
def zone(s3_server: S3Server, bucket: str) -> Iterator[S3Zone]:
    zone = open_zone(s3_server, bucket, "p")
    yield zone
    zone.close()


@pytest.fixture
def faulty(s3_proxy: FaultyProxy, s3_server: S3Server, bucket: str) -> Iterator[S3Zone]:
    """Behind the proxy, trying nothing twice."""
    zone = through(s3_proxy, s3_server, bucket, "p")
    yield zone
    zone.close()


@pytest.fixture
def patient(s3_proxy: FaultyProxy, s3_server: S3Server, bucket: str) -> Iterator[S3Zone]:
    """Behind the proxy, trying harmless requests again."""
    zone = through(s3_proxy, s3_server, bucket, "p", retries=2)
    yield zone
    zone.close()


def ask(zone: S3Zone, operation: str, **given: Any) -> dict[str, Any] | None:
    direct = zone._bucket.clients.direct
    assert direct is not None
    return direct.ask(operation, given)


def pieces_of(data: bytes) -> Iterator[memoryview]:
    return (memoryview(data)[start : start + PIECE] for start in range(0, len(data), PIECE))


def body_of(data: bytes) -> TrailedBody:
    return TrailedBody(len(data), PIECE, pieces_of(data), lambda: checksum_of(data), "crc32c")


def written_by_stream(
    zone: S3Zone, path: str, data: bytes, *, checksum: Checksum | None = None, expect: Expect = None
) -> Entry:
    whole = checksum or checksum_of(data)
    return zone.put_stream(path, len(data), PIECE, pieces_of(data), lambda: whole, expect=expect)


def _plain(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in {"ResponseMetadata", "ExpiresString"}}


@pytest.mark.parametrize("odd", ODD)
def test_a_head_tells_what_the_client_tells(zone: S3Zone, bucket: str, odd: str) -> None:
    client = zone._bucket.clients.steady
    client.put_object(Bucket=bucket, Key=odd, Body=data_of(odd), ChecksumAlgorithm="CRC64NVME", **HEADERS)
    told = ask(zone, "head_object", Key=odd, ChecksumMode="ENABLED")
    assert told is not None
    assert _plain(told) == _plain(client.head_object(Bucket=bucket, Key=odd, ChecksumMode="ENABLED"))
    assert told["ChecksumCRC64NVME"]
    assert told["Metadata"]["mine"] == "yes"


@pytest.mark.parametrize("odd", ODD)
def test_a_copy_is_the_one_that_the_client_makes(zone: S3Zone, bucket: str, odd: str) -> None:
    client = zone._bucket.clients.steady
    client.put_object(Bucket=bucket, Key=odd, Body=data_of(odd), **HEADERS)
    origin = {"CopySource": {"Bucket": bucket, "Key": odd}, "MetadataDirective": "REPLACE", "ChecksumAlgorithm": "CRC32C",
              "ContentType": "text/plain", "Metadata": {"n": "1"}}  # fmt: skip
    told = ask(zone, "copy_object", Key=f"direct {odd}", **origin)
    other = client.copy_object(Bucket=bucket, Key=f"client {odd}", **origin)  # type: ignore[arg-type]
    assert told is not None
    assert told["CopyObjectResult"]["ETag"] == other["CopyObjectResult"]["ETag"]
    heads = [
        client.head_object(Bucket=bucket, Key=f"{by} {odd}", ChecksumMode="ENABLED") for by in ("direct", "client")
    ]
    made, expected = ({k: v for k, v in _plain(head).items() if k != "LastModified"} for head in heads)
    assert made == expected
    assert made["ChecksumCRC32C"]


def test_what_is_absent_or_refused_is_left_to_the_client(zone: S3Zone, bucket: str, s3_server: S3Server) -> None:
    put(zone, "f", b"1")
    origin = {"CopySource": {"Bucket": bucket, "Key": "p/f"}}
    assert ask(zone, "head_object", Key="p/absent") is None
    assert ask(zone, "copy_object", Key="p/g", **origin, IfNoneMatch="*", CopySourceIfMatch='"another"') is None
    assert ask(zone, "copy_object", Key="p/g", CopySource={"Bucket": bucket, "Key": "p/absent"}) is None
    assert ask(zone, "copy_object", Key="p/g", **origin, Metadata={"n": "\u00fc"}) is None
    assert zone.stat("g") is None
    wrong = open_zone(s3_server, bucket, "p", secret_access_key="another")
    assert ask(wrong, "head_object", Key="p/f") is None
    wrong.close()


def test_a_header_that_is_no_time_is_left_to_the_client(zone: S3Zone, bucket: str) -> None:
    client = zone._bucket.clients.once
    client.meta.events.register("before-sign.s3.PutObject", _expires_never, unique_id="never")
    client.put_object(Bucket=bucket, Key="p/f", Body=b"1")
    client.meta.events.unregister("before-sign.s3.PutObject", unique_id="never")
    assert ask(zone, "head_object", Key="p/f") is None
    assert stat(zone, "f").size_bytes == 1


def _expires_never(request: Any, **_: object) -> None:
    request.headers["Expires"] = "never"


def test_a_request_that_fails_is_asked_again_only_where_that_does_no_harm(
    faulty: S3Zone, patient: S3Zone, s3_proxy: FaultyProxy
) -> None:
    put(faulty, "f", b"12345")
    s3_proxy.refuse(1)
    with pytest.raises(ClientError):
        ask(faulty, "head_object", Key="p/f")
    s3_proxy.lose_reply(1)
    with pytest.raises(HTTPClientError):
        ask(faulty, "head_object", Key="p/f")
    s3_proxy.refuse(1)
    assert stat(patient, "f").size_bytes == 5
    s3_proxy.refuse(1)
    with pytest.raises(ZoneBusy):
        faulty.stat("f")


def test_a_conditional_copy_whose_answer_is_lost_is_not_made_twice(
    patient: S3Zone, faulty: S3Zone, s3_proxy: FaultyProxy
) -> None:
    version = put(faulty, "f", b"12345").version
    faulty._bucket.head("p/f", "f")  # connects
    s3_proxy.lose_reply(1, method="PUT")
    with pytest.raises(ZoneUnreachable):  # not AlreadyExists, though it is there
        patient.move("f", "g", version=version, checksum=checksum_of(b"12345"), expect=ABSENT)
    assert read_all(faulty, "g") == b"12345"
    with pytest.raises(AlreadyExists):
        patient.move("f", "g", version=version, expect=ABSENT)
    with pytest.raises(ObjectChanged):
        patient.move("f", "g", version=version, expect="another")


@pytest.mark.parametrize("odd", ODD)
def test_a_streamed_object_is_the_one_that_the_client_writes(zone: S3Zone, bucket: str, odd: str) -> None:
    clients, data = zone._bucket.clients, data_of(odd, 3 * PIECE + 1)
    assert clients.direct is not None
    heads, tags = [], []
    for by in ("direct", "client"):
        body, key = body_of(data), f"{by} {odd}"
        given: dict[str, Any] = {"Key": key, "Body": body, "ContentLength": body.length, "ContentEncoding": "aws-chunked",
                                 "Metadata": {"mtime": "1.000"}, "IfNoneMatch": "*"}  # fmt: skip
        told: Any
        if by == "direct":
            told = clients.direct.put(given, announce_trailer)
        else:
            told = clients.once.put_object(Bucket=bucket, **given)
        tags.append(told["ETag"])
        heads.append(_plain(clients.steady.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")))
    made, expected = ({k: v for k, v in head.items() if k != "LastModified"} for head in heads)
    assert made == expected
    assert made["ChecksumCRC32C"]
    assert tags == [made["ETag"]] * 2


def test_a_stream_that_is_refused_says_why_and_writes_nothing(zone: S3Zone, s3_server: S3Server, bucket: str) -> None:
    data = data_of("f", 3 * PIECE)
    wrong, missing = (
        open_zone(s3_server, bucket, "p", secret_access_key="another"),
        open_zone(s3_server, "missing", "p"),
    )
    try:
        with pytest.raises(CredentialsRefused):
            written_by_stream(wrong, "f", data)
        with pytest.raises(BucketMissing):
            written_by_stream(missing, "f", data)
        with pytest.raises(ChecksumMismatch):
            written_by_stream(zone, "f", data, checksum=checksum_of(b"other"))
        assert zone.stat("f") is None
    finally:
        wrong.close()
        missing.close()


def test_a_stream_whose_attributes_need_the_client_is_left_to_it_whole(zone: S3Zone) -> None:
    direct, body = zone._bucket.clients.direct, body_of(b"1")
    assert direct is not None
    given = {"Key": "p/f", "Body": body, "ContentLength": body.length, "Metadata": {"n": "\u00fc"}}
    assert direct.put(given, announce_trailer) is None
    assert body.tell() == 0
    assert zone.stat("f") is None


def test_the_store_is_asked_whether_it_wants_a_stream(faulty: S3Zone, s3_proxy: FaultyProxy) -> None:
    written_by_stream(faulty, "f", data_of("f", PIECE))
    assert [seen.expects for seen in s3_proxy.requests if seen.method == "PUT"] == ["100-continue"]


def test_a_stream_is_sent_once_whatever_becomes_of_it(patient: S3Zone, s3_proxy: FaultyProxy) -> None:
    data = data_of("f", 3 * PIECE)
    faults: list[tuple[Any, type[LiveDataError]]] = [
        (lambda: s3_proxy.refuse(1, method="PUT"), ZoneBusy),
        (lambda: s3_proxy.cut(after_bytes=PIECE, method="PUT", side="request"), ZoneUnreachable),
        (lambda: s3_proxy.corrupt(1, at_byte=PIECE, method="PUT"), ChecksumMismatch),
        (lambda: s3_proxy.lose_reply(1, method="PUT"), ZoneUnreachable),  # not AlreadyExists, though it is there
    ]
    for number, (fault, expected) in enumerate(faults, 1):
        fault()
        with pytest.raises(expected):
            written_by_stream(patient, "f", data, expect=ABSENT)
        assert s3_proxy.count("PUT") == number
    assert read_all(patient, "f") == data


@pytest.mark.parametrize(("name", "is_plain"), [("bucket", True), ("a.b-c_D", True), ("b--use1-az4--x-s3", False),
                                                ("arn:aws:s3:eu-west-1:1:accesspoint/a", False)])  # fmt: skip
def test_only_buckets_that_are_signed_for_in_the_usual_way_are_asked_directly(
    s3_server: S3Server, name: str, *, is_plain: bool
) -> None:
    zone = open_zone(s3_server, "bucket", "p")
    address, options = replace(zone.address, authority=name), zone._bucket.options
    zone.close()
    clients = S3Clients(address, options)
    assert (clients.direct is not None) is is_plain
    clients.close()
