"""HEADs and copies of objects by the parts of a boto3 client: what the client would have answered, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import AlreadyExists, ObjectChanged, ZoneBusy, ZoneUnreachable
from airflow_provider_livedata.engine.model import ABSENT
from airflow_provider_livedata.engine.zones.s3.clients import S3Clients
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from airflow_provider_livedata.testing.suite.common import data_of, put, read_all, stat
from tests.services.s3_zones import open_zone, through

if TYPE_CHECKING:
    from tests.services.proxy import FaultyProxy
    from tests.services.s3 import S3Server

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
