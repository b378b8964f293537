"""Azure's answers and the order of its listings, on values alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BadOption,
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    IsADirectory,
    NotEmpty,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    UnsortedListing,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Expect
from airflow_provider_livedata.engine.zones.abfs.answers import page_of
from airflow_provider_livedata.engine.zones.abfs.auth import by_machine, by_secret
from airflow_provider_livedata.engine.zones.abfs.errors import error_for
from airflow_provider_livedata.engine.zones.abfs.zone import AbfsZone
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.objects.http import Answer, Http
from airflow_provider_livedata.engine.zones.objects.listing import Listed, Page, in_utf8_order

keys = st.lists(st.text("a/b\ud7ff\ue000\uff5e\U00010000\U0001f600", min_size=1, max_size=6), max_size=30, unique=True)

MEANINGS: list[tuple[int, str, Expect, type[ZoneError]]] = [
    (400, "Md5Mismatch", None, ChecksumMismatch), (400, "Crc64Mismatch", None, ChecksumMismatch), (400, "", None, ZoneError),
    (400, "InvalidBlockList", None, PathMissing), (401, "", None, CredentialsRefused), (403, "AuthenticationFailed", None, CredentialsRefused),
    (403, "AuthorizationPermissionMismatch", None, PermissionRefused), (404, "BlobNotFound", None, PathMissing),
    (404, "BlobNotFound", "0x1", ObjectChanged), (404, "ContainerNotFound", "0x1", BucketMissing), (408, "", None, ZoneUnreachable),
    (409, "BlobAlreadyExists", ABSENT, AlreadyExists), (409, "DirectoryNotEmpty", None, NotEmpty), (409, "", None, ZoneBusy), (409, "SnapshotsPresent", None, PermissionRefused),
    (409, "ResourceTypeMismatch", None, IsADirectory), (412, "ConditionNotMet", ABSENT, AlreadyExists),
    (412, "ConditionNotMet", "0x1", ObjectChanged), (412, "", None, ObjectChanged), (413, "RequestBodyTooLarge", None, Unsupported),
    (429, "", None, ZoneBusy), (500, "OperationTimedOut", None, ZoneUnreachable), (503, "ServerBusy", None, ZoneBusy),
    (599, "", None, ZoneUnreachable),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "expect", "wanted"), MEANINGS)
def test_each_refusal_is_an_error_of_ours_that_says_whether_to_try_again(
    status: int, code: str, expect: Expect, wanted: type[ZoneError]
) -> None:
    answer = Answer(status, {"x-ms-error-code": code}, b"a text that may quote a signature", None)  # type: ignore[arg-type]
    error = error_for(answer, "abfs://container/", "f", action="write", expect=expect)
    assert type(error) is wanted
    assert error.retryable == (wanted in {ZoneBusy, ZoneUnreachable, ObjectChanged, ChecksumMismatch})
    assert "signature" not in str(error)
    assert ("(write)" in str(error)) == (wanted is PermissionRefused)


def listed(found: list[str]) -> list[str]:
    return [one.key for one in in_utf8_order(Listed(key) for key in found)]


@given(found=keys)
def test_a_listing_in_either_order_comes_in_that_of_utf8(found: list[str]) -> None:
    assert listed(sorted(found)) == sorted(found)
    assert listed(sorted(found, key=lambda key: key.encode("utf-16-be", "surrogatepass"))) == sorted(found)


@pytest.mark.parametrize("found", [["b", "a"], ["a", "a"], ["\U0001f600", "a"], ["a\uff5e", "b", "a\ue000"]])
def test_a_listing_in_no_order_is_refused(found: list[str]) -> None:
    with pytest.raises(UnsortedListing):
        listed(found)


def test_what_waits_is_bounded() -> None:
    with pytest.raises(UnsortedListing, match="bounded memory"):
        list(in_utf8_order((Listed(f"d/\U0001f600{n}") for n in range(10)), most=9))
    assert len(list(in_utf8_order((Listed(f"d{n}/\U0001f600") for n in range(10)), most=1))) == 10


@pytest.mark.parametrize("body", [
    b"<html><body>a proxy's page</body></html>", b"<Error><Code>ServerBusy</Code></Error>", b"<BlobServiceProperties/>",
    b"<Blobs><Blob><Name>p/f</Name></Blob></Blobs>",
])  # fmt: skip
def test_an_answer_that_is_no_listing_is_an_error_and_not_an_empty_one(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = AbfsZone.open(Address("abfs", "c", ""), account="a", sas_token="sig=x")
    answer = Answer(200, {}, body, None)  # type: ignore[arg-type]
    monkeypatch.setattr(Http, "send", lambda *_, **__: answer)
    with pytest.raises(ZoneError, match="no listing of Azure Blob Storage") as caught:
        list(zone.scan())
    assert not caught.value.retryable
    zone.close()


def test_an_empty_listing_is_one() -> None:
    empty = b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><EnumerationResults><Blobs /><NextMarker /></EnumerationResults>"
    assert page_of(empty, "p/") == Page([])
    more = empty.replace(b"<NextMarker />", b"<NextMarker>2!1</NextMarker>")
    assert page_of(more, "p/") == Page([], "2!1")


def test_an_application_and_a_machine_ask_for_tokens_of_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.example/")
    asked = by_secret("the tenant", "app", "s&cret")()
    assert (asked.method, asked.url) == ("POST", "https://login.example/the%20tenant/oauth2/v2.0/token")
    assert asked.body == [
        b"grant_type=client_credentials&client_id=app&client_secret=s%26cret&scope=https%3A%2F%2Fstorage.azure.com%2F.default"
    ]
    machine = by_machine("one")()
    assert (machine.method, machine.headers) == ("GET", {"Metadata": "true"})
    assert "client_id=one" in machine.url
    assert "client_id" not in by_machine()().url


def test_an_address_without_a_container_and_options_that_nobody_knows_are_refused() -> None:
    with pytest.raises(BadOption, match="names no container"):
        AbfsZone.open(Address("abfs", "", "x"), account="a")
    with pytest.raises(BadOption, match="no such options"):
        AbfsZone.open(Address("abfs", "c", ""), account="a", colour="red")
    with pytest.raises(BadOption, match="no storage account"):
        AbfsZone.open(Address("abfs", "c", ""))
