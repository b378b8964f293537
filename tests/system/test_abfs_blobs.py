"""What is particular to Azure Blob Storage: who may ask, blocks, names, marks of directories, what stays with a copy."""

from __future__ import annotations

import base64
import io
import logging
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    NameRefused,
    NotADirectory,
    PathMissing,
    PermissionRefused,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.abfs.auth import SharedKey
from airflow_provider_livedata.engine.zones.abfs.upload import STAGE
from airflow_provider_livedata.testing.suite.common import data_of, keys, put, read_all, send, stat
from tests.services.azure import open_zone
from tests.services.processes import free_ports

if TYPE_CHECKING:
    from tests.services.azure import AzureServer

BLOB = {"x-ms-blob-type": "BlockBlob"}


@pytest.fixture
def container(azure_server: AzureServer) -> str:
    return azure_server.new_container()


def test_a_wrong_key_is_refused_and_no_key_is_told(azure_server: AzureServer, container: str) -> None:
    wrong = base64.b64encode(secrets.token_bytes(48)).decode()
    with pytest.raises((CredentialsRefused, PermissionRefused)) as caught:
        open_zone(azure_server, container, account_key=wrong).check(writable=True)
    for secret in (wrong, azure_server.key):
        assert secret not in str(caught.value)
    with pytest.raises(CredentialsRefused, match="not Base64"):
        open_zone(azure_server, container, account_key="no key at all")


def test_a_shared_access_signature_of_one_blob_reads_that_and_nothing_else(
    azure_server: AzureServer, container: str
) -> None:
    put(open_zone(azure_server, container), "f", b"data")
    put(open_zone(azure_server, container), "g", b"data")
    sas = SharedKey.of(azure_server.account, azure_server.key).sas(container, "f")
    guest = open_zone(azure_server, container, account_key="", sas_token=sas)
    assert guest.read_whole("f") == b"data"
    with pytest.raises((CredentialsRefused, PermissionRefused)) as caught:
        guest.read_whole("g")
    assert sas.rpartition("sig=")[2] not in str(caught.value)
    with pytest.raises((CredentialsRefused, PermissionRefused)):
        guest.put("f", b"other")


def test_no_signature_reaches_a_log_that_tells_every_request(azure_server: AzureServer, container: str) -> None:
    put(open_zone(azure_server, container), "f", b"data")
    sas = SharedKey.of(azure_server.account, azure_server.key).sas(container, "f")
    log, logger = io.StringIO(), logging.getLogger("urllib3.connectionpool")
    handler, level = logging.StreamHandler(log), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        assert open_zone(azure_server, container, account_key="", sas_token=sas).read_whole("f") == b"data"
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert f"{container}/f?" in log.getvalue()
    assert sas.rpartition("sig=")[2] not in log.getvalue()
    assert azure_server.key not in repr(SharedKey.of(azure_server.account, azure_server.key))


def test_a_container_or_server_that_is_not_there_is_named(azure_server: AzureServer, container: str) -> None:
    for writable in (True, False):
        with pytest.raises(BucketMissing, match=f"no-such-{container}"):
            open_zone(azure_server, f"no-such-{container}", "copy").check(writable=writable)
    with pytest.raises(BucketMissing):
        open_zone(azure_server, f"no-such-{container}").stat("f")
    nowhere: dict[str, Any] = {
        "endpoint_url": f"http://127.0.0.1:{free_ports(1)[0]}/{azure_server.account}",
        "retries": 0,
    }
    with pytest.raises(ZoneUnreachable, match="does not answer"):
        open_zone(azure_server, container, **nowhere).check(writable=True)


def test_the_longest_and_the_deepest_path_are_held_and_longer_ones_refused(
    azure_server: AzureServer, container: str
) -> None:
    zone = open_zone(azure_server, container, "some/prefix")
    longest = "é" * (1024 - len("some/prefix/"))
    deepest = "/".join("d" * (254 - 2))
    for path in (longest, deepest):
        put(zone, path, b"1")
        assert read_all(zone, path) == b"1"
    for path in (longest + "é", deepest + "/d", "dot.", "a./b", "tab\there", "back\\slash"):
        with pytest.raises(NameRefused):
            put(zone, path)


def test_blocks_that_another_upload_dropped_are_missed_and_what_is_visible_stays(
    azure_server: AzureServer, container: str
) -> None:
    zone = open_zone(azure_server, container)
    first, second = zone.begin("f", 5), zone.begin("f", 5)
    parts, others = send(first, b"first"), send(second, b"other")
    first.complete(parts, checksum_of(b"first"))
    with pytest.raises(PathMissing, match="blocks of the upload are gone"):
        second.complete(others, checksum_of(b"other"))
    assert read_all(zone, "f") == b"first"
    second.abort()
    assert keys(zone, STAGE) == []


def test_an_upload_that_is_over_never_becomes_visible_although_its_blocks_are_there(
    azure_server: AzureServer, container: str
) -> None:
    zone = open_zone(azure_server, container)
    for is_swept in (False, True):
        upload = zone.begin("f", 5)
        parts = send(upload, b"12345")
        if is_swept:
            assert zone.sweep(1 << 60) == 1
        else:
            upload.abort()
        with pytest.raises(PathMissing, match="the upload is gone"):
            upload.complete(parts, checksum_of(b"12345"))
        assert zone.stat("f") is None
        assert keys(zone) == []


def test_headers_and_metadata_of_others_stay_with_a_file_that_is_moved(
    azure_server: AzureServer, container: str
) -> None:
    zone = open_zone(azure_server, container)
    told = {**BLOB, "x-ms-blob-content-type": "text/plain", "x-ms-meta-theirs": "kept"}
    azure_server.ask("PUT", f"{container}/f", b"data", told)
    zone.move("f", "g", attributes=Attributes(mtime_ms=1_500_000_000_123))
    found = azure_server.ask("HEAD", f"{container}/g").headers
    assert (found["x-ms-meta-theirs"], found["x-ms-meta-mtime"]) == ("kept", "1500000000.123")
    assert found["Content-Type"] == "text/plain"


def test_a_copy_of_other_bytes_than_expected_never_becomes_visible(azure_server: AzureServer, container: str) -> None:
    zone = open_zone(azure_server, container)
    put(zone, "f", b"data")
    put(zone, "g", b"there before")
    for path in ("g", "new"):
        with pytest.raises(ChecksumMismatch, match="nothing became visible"):
            zone.move("f", path, checksum=checksum_of(b"other"))
    assert read_all(zone, "g") == b"there before"
    assert zone.stat("new") is None


def test_a_mark_of_a_directory_is_no_file_wherever_it_is_met(azure_server: AzureServer, container: str) -> None:
    zone = open_zone(azure_server, container)
    zone.make_directory("d")
    zone.make_directory("d.x")
    zone.make_directory("d+")
    put(zone, "d.x/f", data_of("f"))
    put(zone, "d!", b"1")
    assert keys(zone) == ["d!", "d+/", "d.x/", "d.x/f", "d/"]
    assert not any(entry.is_implied for entry in zone.scan())
    assert stat(zone, "d").kind == "directory"
    assert zone.read_whole("d") is None
    open_zone(azure_server, container, "d").check(writable=False)
    with pytest.raises(NotADirectory):
        open_zone(azure_server, container, "d!").check(writable=False)
    zone.delete([stat(zone, "d")])
    assert zone.stat("d") is None
