"""The fault proxy is transparent until told otherwise, and does exactly the faults that it is told."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    ResponseStreamingError,
)

from tests.services import proxy
from tests.services.proxy import FaultyProxy
from tests.services.s3 import MotoServer, S3Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Server = S3Server | MotoServer
BROKEN = (ConnectionClosedError, ResponseStreamingError, IncompleteReadError)


@pytest.fixture
def client(s3_proxy: FaultyProxy, s3_server: Server) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=s3_proxy.endpoint,
        region_name=s3_server.region,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def test_it_is_transparent_and_counts(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    body = bytes(range(256)) * 40_000
    client.put_object(Bucket=bucket, Key="a b+ü", Body=body)
    assert client.get_object(Bucket=bucket, Key="a b+ü")["Body"].read() == body
    client.head_object(Bucket=bucket, Key="a b+ü")
    client.delete_object(Bucket=bucket, Key="a b+ü")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert [s3_proxy.count(method) for method in ("PUT", "GET", "HEAD", "DELETE", None)] == [1, 2, 1, 1, 5]
    assert s3_proxy.count("GET", r"list-type=2") == 1
    s3_proxy.reset()
    assert s3_proxy.count() == 0


def test_it_refuses_the_requests_that_match_and_no_others(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    s3_proxy.refuse(2, method="PUT", path="/b$")
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    for _ in range(2):
        with pytest.raises(ClientError, match="SlowDown"):
            client.put_object(Bucket=bucket, Key="b", Body=b"x" * 3_000_000)
    client.put_object(Bucket=bucket, Key="b", Body=b"1")
    assert s3_proxy.count("PUT", "/b$") == 3


def test_it_cuts_an_answer_in_the_middle_once(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=b"x" * 1_000_000)
    s3_proxy.cut(after_bytes=300_000, method="GET")
    with pytest.raises(BROKEN):
        client.get_object(Bucket=bucket, Key="a")["Body"].read()
    assert len(client.get_object(Bucket=bucket, Key="a")["Body"].read()) == 1_000_000


def test_it_cuts_an_upload_in_the_middle_and_nothing_is_stored(
    client: S3Client, s3_proxy: FaultyProxy, s3_server: Server, bucket: str
) -> None:
    s3_proxy.cut(after_bytes=300_000, method="PUT", side="request")
    with pytest.raises((*BROKEN, EndpointConnectionError)):
        client.put_object(Bucket=bucket, Key="a", Body=b"x" * 20_000_000)
    assert s3_server.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_lost_reply_leaves_the_work_done(
    client: S3Client, s3_proxy: FaultyProxy, s3_server: Server, bucket: str
) -> None:
    s3_proxy.lose_reply(method="PUT")
    with pytest.raises(BROKEN):
        client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert s3_server.client().get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_it_delays_and_skips(
    client: S3Client, s3_proxy: FaultyProxy, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept, after_each = list[float](), list[int]()
    monkeypatch.setattr(proxy, "time", SimpleNamespace(sleep=slept.append))
    s3_proxy.delay(0.5, method="PUT", skip=1)
    for _ in range(3):
        client.put_object(Bucket=bucket, Key="a", Body=b"1")
        after_each.append(len(slept))
    assert (slept, after_each) == ([0.5], [0, 1, 1])


def test_it_calls_back_before_a_request_goes_on(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    called = threading.Event()
    s3_proxy.call(called.set, method="PUT")
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert called.is_set()


def test_a_closed_proxy_refuses_connections(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    client.list_objects_v2(Bucket=bucket)
    s3_proxy.close()
    with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
        client.list_objects_v2(Bucket=bucket)


@pytest.mark.usefixtures("s3_integrity")
def test_it_flips_one_bit_of_a_request(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    body = bytes(200_000)
    s3_proxy.corrupt(at_byte=150_000, method="PUT")
    with pytest.raises(ClientError, match="BadDigest|Mismatch"):
        client.put_object(Bucket=bucket, Key="a", Body=body)
    client.put_object(Bucket=bucket, Key="a", Body=body)
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == body


@pytest.mark.usefixtures("s3_integrity")
def test_it_drops_a_header(client: S3Client, s3_proxy: FaultyProxy, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=b"12")
    s3_proxy.drop_header("Range", method="GET")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.get_object(Bucket=bucket, Key="a", Range="bytes=0-0")
    assert client.get_object(Bucket=bucket, Key="a", Range="bytes=0-0")["Body"].read() == b"1"
