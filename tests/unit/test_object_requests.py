"""Requests to a store that throttles, fails or goes away, against a stand-in that answers what a test wants."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BadOption,
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    NameRefused,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    StoreFull,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Entry, Expect
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.gs.errors import error_for
from airflow_provider_livedata.engine.zones.gs.zone import GsZone
from airflow_provider_livedata.engine.zones.objects import http
from airflow_provider_livedata.engine.zones.objects.http import Answer
from tests.services.stand_in import Asked, HttpStandIn, Said

OBJECT = {"name": "f", "size": "1", "timeCreated": "2026-01-02T03:04:05.678Z", "generation": "7"}


class Store(HttpStandIn):
    """Stands in for a store: gives the answers in their order, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Said] = []
        self.asked: list[Asked] = []
        super().__init__()
        self.endpoint = f"http://{self.host}"

    def answered(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


@pytest.fixture
def zone(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[GsZone]:
    monkeypatch.setattr(http, "_wait_s", lambda *_: 0.0)
    zone = GsZone.open(Address("gs", "bucket", ""), endpoint_url=store.endpoint, anonymous=True, retries=2)
    yield zone
    zone.close()


def said(reason: str = "", message: str = "") -> bytes:
    return json.dumps({"error": {"message": message, "errors": [{"reason": reason}]}}).encode()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again_within_one_call(store: Store, zone: GsZone, status: int) -> None:
    store.answers = [(status, b"", {}), (status, b"", {}), (200, json.dumps(OBJECT).encode(), {})]
    found = zone.stat("f")
    assert found is not None
    assert (found.version, found.mtime_ms) == ("7", 1_767_323_045_678)
    assert len(store.asked) == 3


def test_a_conditional_write_is_asked_once(store: Store, zone: GsZone) -> None:
    store.answers = [(503, b"", {})]
    with pytest.raises(ZoneBusy):
        zone.put("f", b"1", expect=ABSENT)
    assert len(store.asked) == 1
    with pytest.raises(ZoneBusy):
        zone.put("f", b"1")
    assert len(store.asked) == 1 + 3


def test_what_does_not_pass_is_not_asked_again(store: Store, zone: GsZone) -> None:
    store.answers = [(403, said("forbidden"), {})]
    with pytest.raises(PermissionRefused, match=r"storage\.objects\.get"):
        zone.stat("f")
    assert len(store.asked) == 1


def test_bytes_that_end_early_are_no_end_of_file(store: Store, zone: GsZone) -> None:
    store.answers = [(200, b"12", {"Content-Length": "5", "X-Goog-Generation": "7"})]
    with pytest.raises(ZoneUnreachable):
        zone.read_into("f", 0, memoryview(bytearray(5)), version="7")


def test_bytes_of_another_version_are_refused_even_where_the_store_ignores_the_condition(
    store: Store, zone: GsZone
) -> None:
    store.answers = [(200, b"12345", {"X-Goog-Generation": "8"})]
    with pytest.raises(ObjectChanged):
        zone.read_into("f", 0, memoryview(bytearray(5)), version="7")
    assert "ifGenerationMatch=7" in store.asked[0][1]


def test_an_object_that_landed_with_another_checksum_is_removed_again(store: Store, zone: GsZone) -> None:
    store.answers = [(200, json.dumps({**OBJECT, "crc32c": "AAAAAA=="}).encode(), {})]
    with pytest.raises(ChecksumMismatch):
        zone.put("f", b"1")
    method, path, _, _ = store.asked[-1]
    assert (method, path) == ("DELETE", "/storage/v1/b/bucket/o/f?ifGenerationMatch=7")


@pytest.mark.parametrize("body", [b"<html>a proxy's page</html>", b"[]", b"{}"])
def test_an_answer_that_is_none_of_the_store_is_an_error(store: Store, zone: GsZone, body: bytes) -> None:
    store.answers = [(200, body, {})]
    with pytest.raises(ZoneError):
        zone.stat("f")


@pytest.mark.parametrize(
    ("root", "path", "is_refused"),
    [
        ("", ".well-known/acme-challenge/x", True),
        (".well-known", "acme-challenge/x", True),
        (".well-known", "acme-challenge", False),
        ("a", ".well-known/acme-challenge/x", False),
    ],
)
def test_names_that_google_reserves_are_refused_before_anything_is_sent(
    store: Store, root: str, path: str, is_refused: bool
) -> None:
    store.answers = [(200, json.dumps({**OBJECT, "crc32c": "kPWZ4w=="}).encode(), {})]
    zone = GsZone.open(Address("gs", "bucket", root), endpoint_url=store.endpoint, anonymous=True, retries=0)
    with pytest.raises(NameRefused) if is_refused else contextlib.nullcontext():
        zone.put(path, b"1")
    assert bool(store.asked) != is_refused
    zone.close()


def test_a_root_among_the_names_that_google_reserves_is_refused() -> None:
    with pytest.raises(BadOption, match="reserves"):
        GsZone.open(Address("gs", "bucket", ".well-known/acme-challenge"), anonymous=True)


def test_an_empty_page_is_not_the_end_of_a_listing(store: Store, zone: GsZone) -> None:
    nothing: Said = (404, b"", {})
    more: Said = (200, b'{"kind": "storage#objects", "nextPageToken": "more"}', {})
    there: Said = (200, json.dumps({"kind": "storage#objects", "items": [{**OBJECT, "name": "d/f"}]}).encode(), {})
    store.answers = [nothing, more, more, there]
    found = zone.stat("d")
    assert found is not None
    assert (found.kind, found.is_implied) == ("directory", True)
    store.answers = [more, there]
    assert [one.key for one in zone.scan()] == ["d/", "d/f"]
    store.answers = [more, there]
    assert [failure.error for failure in zone.delete([Entry("d", "directory")])] == ["NotEmpty"]


@pytest.mark.parametrize(
    "body", [b"{}", b'{"status": "ok"}', b'{"error": {"code": 503}}', b'{"kind": "storage#buckets"}', b"[]"]
)
def test_an_answer_that_is_no_listing_is_an_error_and_not_an_empty_one(store: Store, zone: GsZone, body: bytes) -> None:
    store.answers = [(200, body, {})]
    with pytest.raises(ZoneError, match="Google Cloud Storage") as caught:
        list(zone.scan())
    assert not caught.value.retryable


def test_an_empty_listing_is_one(store: Store, zone: GsZone) -> None:
    store.answers = [(200, b'{"kind": "storage#objects"}', {})]
    assert list(zone.scan()) == []
    assert "fields=kind%2C" in store.asked[0].path


MEANINGS: list[tuple[int, bytes, Expect, type[ZoneError]]] = [
    (401, b"", None, CredentialsRefused), (403, b"", None, PermissionRefused), (403, said("rateLimitExceeded"), None, ZoneBusy),
    (403, said("quotaExceeded"), None, StoreFull), (404, b"", None, PathMissing),
    (404, said("notFound", "The specified bucket does not exist."), None, BucketMissing), (408, b"", None, ZoneUnreachable),
    (412, b"", None, ObjectChanged), (412, b"", ABSENT, AlreadyExists), (412, b"", "7", ObjectChanged),
    (413, b"", None, Unsupported), (429, b"", None, ZoneBusy), (500, b"", None, ZoneUnreachable), (503, b"", None, ZoneBusy),
    (400, said("invalid", 'Provided CRC32C "a" doesn\'t match calculated CRC32C "b".'), None, ChecksumMismatch),
    (400, said("invalid", "Invalid object name."), None, NameRefused), (400, b"", None, ZoneError), (599, b"", None, ZoneUnreachable),
    (400, b'{"error": "of another form"}', None, ZoneError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "expect", "wanted"), MEANINGS)
def test_each_refusal_is_an_error_of_ours_that_says_whether_to_try_again(
    status: int, body: bytes, expect: Expect, wanted: type[ZoneError]
) -> None:
    answer = Answer(status, {}, body, None)  # type: ignore[arg-type]
    error = error_for(answer, "gs://bucket/", "f", expect=expect)
    assert type(error) is wanted
    assert error.retryable == (wanted in {ZoneBusy, ZoneUnreachable, ObjectChanged, ChecksumMismatch})


def test_a_listing_that_finds_nothing_to_list_means_the_bucket() -> None:
    answer = Answer(404, {}, b"", None)  # type: ignore[arg-type]
    assert type(error_for(answer, "gs://bucket/", "", action="storage.objects.list")) is BucketMissing
