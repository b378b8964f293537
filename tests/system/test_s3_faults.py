"""S3Zone when the server or the network fails: the right error, no lie, and nothing half written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    ObjectChanged,
    PathMissing,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.suite.common import data_of, keys, put, read, read_all, send, stat, upload_whole
from tests.services.proxy import FaultyProxy
from tests.services.s3 import S3Server
from tests.services.s3_zones import Server, open_zone, through

ODD = "tab\there"  # boto3 serves this name, obstore the others


@pytest.fixture
def direct(s3_server: Server, bucket: str) -> Iterator[S3Zone]:
    zone = open_zone(s3_server, bucket, "p")
    yield zone
    zone.close()


@pytest.fixture
def zone(s3_proxy: FaultyProxy, s3_server: Server, bucket: str) -> Iterator[S3Zone]:
    """Behind the proxy, trying nothing twice."""
    zone = through(s3_proxy, s3_server, bucket, "p")
    yield zone
    zone.close()


@pytest.fixture
def patient(s3_proxy: FaultyProxy, s3_server: Server, bucket: str) -> Iterator[S3Zone]:
    """Behind the proxy, trying harmless requests again."""
    zone = through(s3_proxy, s3_server, bucket, "p", retries=2)
    yield zone
    zone.close()


def calls(zone: S3Zone) -> dict[str, Callable[[], object]]:
    """One of each kind of request; ``f`` and ``ODD`` are there."""
    upload = zone.begin("u", 5)
    part = upload.part(0, b"12345", checksum_of(b"12345"))
    return {
        "scan": lambda: list(zone.scan()),
        "stat": lambda: zone.stat("f"),
        "store_checksum": lambda: zone.store_checksum("f"),
        "read by obstore": lambda: read(zone, "f", 0, 5),
        "read by boto3": lambda: read(zone, ODD, 0, 5),
        "put by obstore": lambda: put(zone, "f", b"12345"),
        "put by boto3": lambda: put(zone, ODD, b"12345"),
        "create-only put": lambda: put(zone, "new", b"1", expect=ABSENT),
        "marker": lambda: zone.make_directory("d"),
        "begin": lambda: zone.begin("v", 5),
        "part": lambda: upload.part(0, b"12345", checksum_of(b"12345")),
        "complete": lambda: upload.complete([part], checksum_of(b"12345")),
        "abort": upload.abort,
        "sweep": lambda: zone.sweep(0),
        "check": lambda: zone.check(writable=True),
    }


CALLS = ["scan", "stat", "store_checksum", "read by obstore", "read by boto3", "put by obstore", "put by boto3",
         "create-only put", "marker", "begin", "part", "complete", "abort", "sweep", "check"]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_throttled_request_says_busy_and_succeeds_later(zone: S3Zone, s3_proxy: FaultyProxy, call: str) -> None:
    for path in ("f", ODD):
        put(zone, path, b"12345")
    act = calls(zone)[call]
    s3_proxy.refuse(1)
    with pytest.raises(ZoneBusy, match=r"throttles.*s3://") as caught:
        act()
    assert caught.value.retryable
    act()


@pytest.mark.parametrize("call", CALLS)
def test_a_lost_connection_says_unreachable(zone: S3Zone, s3_proxy: FaultyProxy, call: str) -> None:
    for path in ("f", ODD):
        put(zone, path, b"12345")
    act = calls(zone)[call]
    s3_proxy.lose_reply(1)
    with pytest.raises(ZoneUnreachable, match=r"s3://") as caught:
        act()
    assert caught.value.retryable


@pytest.mark.parametrize("path", ["f", ODD])
def test_throttling_that_ends_soon_is_not_noticed(
    patient: S3Zone, zone: S3Zone, s3_proxy: FaultyProxy, path: str
) -> None:
    s3_proxy.refuse(1)
    put(patient, path, b"12345")
    s3_proxy.refuse(1)
    assert read(patient, path, 0, 5) == b"12345"
    s3_proxy.refuse(1)
    assert keys(patient) == [path]
    assert s3_proxy.count() == 6


def test_deletes_that_are_throttled_are_failures_to_be_tried_again(zone: S3Zone, s3_proxy: FaultyProxy) -> None:
    entries = [put(zone, path, b"1") for path in ("a", "b", ODD)]
    s3_proxy.refuse(2)
    failures = zone.delete(entries)
    assert [(failure.path, failure.error, failure.retryable) for failure in failures] == [
        (path, "ZoneBusy", True) for path in ("a", "b", ODD)]  # fmt: skip
    assert zone.delete(entries) == []
    assert keys(zone) == []


def test_a_listing_that_fails_on_its_second_page_raises_and_does_not_end_early(
    zone: S3Zone, direct: S3Zone, s3_proxy: FaultyProxy
) -> None:
    for number in range(1100):
        put(direct, f"{number:05d}")
    s3_proxy.refuse(1, method="GET", path="continuation-token")
    listing = zone.scan()
    with pytest.raises(ZoneBusy):
        list(listing)


@pytest.mark.parametrize("path", ["f", ODD])
def test_a_connection_cut_in_the_middle_of_a_read_is_unreachable_and_then_reads_right(
    zone: S3Zone, s3_proxy: FaultyProxy, path: str
) -> None:
    data = data_of(path, 3_000_000)
    put(zone, path, data)
    s3_proxy.cut(after_bytes=1_000_000, method="GET")
    with pytest.raises(ZoneUnreachable):
        read(zone, path, 0, len(data))
    assert read(zone, path, 0, len(data)) == data


def test_a_small_cut_read_is_resumed_by_a_patient_client(patient: S3Zone, s3_proxy: FaultyProxy) -> None:
    data = data_of("resumed", 1_000_000)
    put(patient, "f", data)
    s3_proxy.cut(after_bytes=300_000, method="GET")
    assert read(patient, "f", 0, len(data)) == data
    assert s3_proxy.count("GET", "/p/f") == 2


def test_a_large_cut_read_is_told_and_the_engine_reads_again(zone: S3Zone, s3_proxy: FaultyProxy) -> None:
    data = data_of("again", 3_000_000)
    version = put(zone, "f", data).version
    s3_proxy.cut(after_bytes=1_000_000, method="GET")
    assert read(Retrying(zone, RetryPolicy(base_s=0, max_s=0)), "f", 0, len(data), version=version) == data
    assert s3_proxy.count("GET", "/p/f") == 2


def test_a_thread_that_reads_on_is_given_the_bytes_of_one_long_request(zone: S3Zone, s3_proxy: FaultyProxy) -> None:
    data, piece = data_of("long", 6_000_000), 1_000_000
    version = put(zone, "f", data).version
    put(zone, "g", b"other")
    s3_proxy.reset()
    read_on = [read(zone, "f", offset, piece, version=version) for offset in range(0, len(data), piece)]
    assert b"".join(read_on) == data
    assert s3_proxy.count("GET", "/p/f") == 1
    assert read(zone, "f", len(data), 5, version=version) == b""
    for path, offset, expected in (
        ("f", 0, data),
        ("f", piece, data[piece:]),
        ("g", 0, b"other"),
        ("f", 2 * piece, data[2 * piece :]),
    ):
        assert read(zone, path, offset, piece) == expected[:piece]


def test_a_long_request_that_is_cut_is_unreachable_and_then_reads_right(zone: S3Zone, s3_proxy: FaultyProxy) -> None:
    data, piece = data_of("cut", 6_000_000), 1_000_000
    version = put(zone, "f", data).version
    s3_proxy.cut(after_bytes=2_500_000, method="GET", path="/p/f")
    found, failures = bytearray(), 0
    while len(found) < len(data):
        try:
            found += read(zone, "f", len(found), piece, version=version)
        except ZoneUnreachable:  # at whichever piece: a reset connection takes with it what was not read yet
            failures += 1
    assert (bytes(found), failures) == (data, 1)


@pytest.mark.parametrize("path", ["f", ODD])
def test_a_file_replaced_while_it_is_read_in_parts_is_noticed(direct: S3Zone, path: str) -> None:
    version = put(direct, path, b"before").version
    assert read(direct, path, 1, 2, version=version) == b"ef"
    put(direct, path, b"after!")
    with pytest.raises(ObjectChanged):
        read(direct, path, 3, 3, version=version)


def test_a_file_replaced_while_all_of_it_is_read_in_one_request_gives_the_bytes_of_its_version(direct: S3Zone) -> None:
    version = put(direct, "f", b"content").version
    assert read(direct, "f", 0, 3, version=version) == b"con"
    put(direct, "f", b"after!")
    assert read(direct, "f", 3, 3, version=version) == b"ten"
    with pytest.raises(ObjectChanged):
        read(direct, "f", 0, 3, version=version)


@pytest.mark.parametrize("path", ["f", ODD])
def test_a_put_cut_in_the_middle_leaves_what_was_there(zone: S3Zone, s3_proxy: FaultyProxy, path: str) -> None:
    put(zone, path, b"before")
    s3_proxy.cut(after_bytes=1_000_000, method="PUT", side="request")
    with pytest.raises(ZoneUnreachable):
        put(zone, path, data_of("cut", 3_000_000))
    assert read_all(zone, path) == b"before"


@pytest.mark.parametrize("path", ["f", ODD])
def test_a_create_only_put_whose_reply_is_lost_is_asked_once_and_never_said_to_have_lost(
    patient: S3Zone, s3_proxy: FaultyProxy, path: str
) -> None:
    s3_proxy.lose_reply(1, method="PUT")
    with pytest.raises(ZoneUnreachable):
        put(patient, path, b"won", expect=ABSENT)
    assert s3_proxy.count("PUT") == 1
    assert read_all(patient, path) == b"won"
    with pytest.raises(AlreadyExists):
        put(patient, path, b"late", expect=ABSENT)


@pytest.mark.usefixtures("s3_integrity")
@pytest.mark.parametrize("path", ["f", ODD])
def test_bytes_that_change_in_flight_are_refused_by_the_store(zone: S3Zone, s3_proxy: FaultyProxy, path: str) -> None:
    put(zone, path, b"before")
    data = data_of("flipped", 200_000)
    s3_proxy.corrupt(at_byte=123_456, method="PUT")
    with pytest.raises(ChecksumMismatch) as caught:
        put(zone, path, data)
    assert caught.value.retryable
    assert read_all(zone, path) == b"before"
    put(zone, path, data)
    assert read_all(zone, path) == data


@pytest.mark.usefixtures("s3_integrity")
def test_bytes_of_a_part_that_change_in_flight_are_refused_by_the_store(zone: S3Zone, s3_proxy: FaultyProxy) -> None:
    upload = zone.begin("f", 200_000)
    data = data_of("flipped", 200_000)
    s3_proxy.corrupt(at_byte=123_456, method="PUT")
    with pytest.raises(ChecksumMismatch):
        upload.part(0, data, checksum_of(data))
    part = upload.part(0, memoryview(data), checksum_of(data))
    assert upload.complete([part], checksum_of(data)).version == stat(zone, "f").version


@pytest.mark.usefixtures("s3_integrity")
@pytest.mark.parametrize("checksum", ["crc64nvme", "crc32c"])
def test_the_store_refuses_to_complete_a_file_with_another_checksum_and_keeps_the_right_one(
    s3_server: Server, bucket: str, checksum: str
) -> None:
    zone = open_zone(s3_server, bucket, checksum=checksum)
    data = data_of("whole", (5 << 20) + 7)
    upload = zone.begin("f", len(data))
    parts = [upload.part(0, data, checksum_of(data))]
    right = checksum_of(data)
    with pytest.raises(ChecksumMismatch):
        upload.complete(parts, Checksum(right.crc32c ^ 1, right.crc64nvme ^ 1))
    assert zone.stat("f") is None
    entry = upload.complete(parts, right)
    found = stat(zone, "f")
    assert (found.crc32c, found.crc64nvme) == (entry.crc32c, entry.crc64nvme)
    assert getattr(found, checksum) == getattr(right, checksum)
    wanted = {"crc64nvme": f"crc64nvme:{right.crc64nvme:016x}", "crc32c": f"crc32c:{right.crc32c:08x}"}
    assert zone.store_checksum("f") == wanted[checksum]


@pytest.mark.usefixtures("s3_integrity")
def test_an_upload_of_several_parts_has_the_checksum_of_the_whole_file(direct: S3Zone) -> None:
    data = data_of("several", (16 << 20) + 5)
    entry = upload_whole(direct, "f", data)
    assert entry.crc32c == stat(direct, "f").crc32c == checksum_of(data).crc32c


@pytest.mark.usefixtures("s3_integrity")
def test_the_receipt_of_another_part_is_refused(direct: S3Zone) -> None:
    upload = direct.begin("f", 5)
    upload.part(0, b"12345", checksum_of(b"12345"))
    other = direct.begin("g", 5).part(0, b"other", checksum_of(b"other"))
    with pytest.raises(ChecksumMismatch):
        upload.complete([other], checksum_of(b"other"))
    assert direct.stat("f") is None


def test_a_completion_whose_reply_is_lost_is_found_done_when_it_is_asked_again(
    patient: S3Zone, s3_proxy: FaultyProxy
) -> None:
    upload = patient.begin("f", 5, attributes=Attributes(mtime_ms=1, source_version="v1"))
    parts = send(upload, b"12345")
    s3_proxy.lose_reply(1, method="POST", path="uploadId=")
    with pytest.raises(ZoneUnreachable):
        upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)
    assert s3_proxy.count("POST", "uploadId=") == 1
    again = upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)
    assert again.version == stat(patient, "f").version
    assert again.source_version == "v1"


def test_a_completion_that_another_writer_forestalled_is_not_taken_for_its_own(direct: S3Zone) -> None:
    upload = direct.begin("f", 5)
    parts = send(upload, b"12345")
    put(direct, "f", b"12345")
    with pytest.raises(AlreadyExists):
        upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)


@pytest.mark.usefixtures("s3_integrity")
def test_an_upload_that_was_aborted_elsewhere_is_missing_and_publishes_nothing(
    s3_server: Server, direct: S3Zone
) -> None:
    upload = direct.begin("f", 5)
    parts = send(upload, b"12345")
    other = open_zone(s3_server, direct.address.authority, "p").resume("f", upload.token, 5)
    assert other is not None
    other.abort()
    with pytest.raises(PathMissing, match="upload is gone"):
        upload.complete(parts, checksum_of(b"12345"))
    assert direct.stat("f") is None


def test_an_empty_file_goes_through_an_upload_too(direct: S3Zone) -> None:
    upload = direct.begin("empty", 0)
    assert upload.stage([], checksum_of(b"")).size_bytes == 0
    assert upload.complete([], checksum_of(b"")).version == stat(direct, "empty").version
    assert (stat(direct, "empty").size_bytes, read_all(direct, "empty")) == (0, b"")


@pytest.mark.usefixtures("s3_integrity")
def test_a_restarted_server_is_unreachable_meanwhile_and_an_upload_goes_on_by_its_token(bucket: str) -> None:
    with S3Server() as server:
        name = server.new_bucket()
        zone = open_zone(server, name, retries=0)
        data = data_of("restarted", (8 << 20) + 5)
        begun = zone.begin("f", len(data))
        parts = [begun.part(0, data[: begun.part_bytes], checksum_of(data[: begun.part_bytes]))]
        server.stop()
        for act in (lambda: zone.stat("f"), lambda: put(zone, "g", b"1"), lambda: list(zone.scan())):
            with pytest.raises(ZoneUnreachable, match="s3://"):
                act()
        server.start()
        upload = open_zone(server, name).resume("f", begun.token, len(data))
        assert upload is not None
        rest = data[begun.part_bytes :]
        parts.append(upload.part(1, rest, checksum_of(rest)))
        upload.complete(parts, checksum_of(data))
        assert read_all(zone, "f") == data


@pytest.mark.usefixtures("s3_integrity")
def test_an_upload_is_not_taken_up_for_another_size_or_other_attributes(direct: S3Zone) -> None:
    attributes = Attributes(mtime_ms=1, source_version="v1")
    token = direct.begin("f", 5, attributes=attributes).token
    assert direct.resume("f", token, 6) is None
    assert direct.resume("f", token, 5, attributes=attributes._replace(source_version="v2")) is None
    assert direct.resume("g", token, 5, attributes=attributes) is None
    for given in (attributes, None):
        upload = direct.resume("f", token, 5, attributes=given)
        assert upload is not None
        assert upload.token == token


def test_sixteen_threads_share_one_zone(s3_server: Server, bucket: str) -> None:
    zone, failures = open_zone(s3_server, bucket), []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                path = f"{number}/{turn}\t" if turn % 2 else f"{number}/{turn}"
                put(zone, path, data_of(path))
                assert read_all(zone, path) == data_of(path)
            assert len(keys(zone, str(number))) == 5
        except (ZoneError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
