"""What stops an S3Zone before a run begins, how it says so, and what it never says."""

from __future__ import annotations

import http.server
import ipaddress
import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_livedata.engine.errors import (
    BadOption,
    BucketMissing,
    CredentialsRefused,
    LiveDataError,
    NotADirectory,
    PathMissing,
    PermissionRefused,
    Unsupported,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from airflow_provider_livedata.testing.suite.common import keys, put, read_all, send
from tests.services.processes import free_ports
from tests.services.proxy import FaultyProxy
from tests.services.s3 import MotoServer, S3Server
from tests.services.s3_zones import Server, open_zone, through

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ODD = "tab\there"  # boto3 serves this name, obstore the others


@pytest.fixture
def filled(s3_server: Server, bucket: str) -> str:
    """A bucket with a file below ``p`` and one named ``file``."""
    zone = open_zone(s3_server, bucket)
    for path in ("p/f", f"p/{ODD}", "file"):
        put(zone, path, b"1")
    return bucket


def allow(client: S3Client, bucket: str, user: str, *actions: str) -> None:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": [user]},
            "Action": [action],
            "Resource": [resources["Object" in action or "Multipart" in action]],
        }
        for action in actions
    ]
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


@pytest.mark.parametrize("writable", [False, True])
def test_a_missing_bucket_is_named(s3_server: Server, writable: bool) -> None:
    with pytest.raises(BucketMissing, match=r"create it or correct the address.*s3://no-such-bucket"):
        open_zone(s3_server, "no-such-bucket", "p").check(writable=writable)


def test_every_operation_on_a_missing_bucket_says_that_the_bucket_is_missing(s3_server: Server) -> None:
    zone = open_zone(s3_server, "no-such-bucket")
    for act in (lambda: list(zone.scan()), lambda: list(zone.scan(".livedata/role")),
                lambda: zone.stat("f"), lambda: put(zone, "f"), lambda: put(zone, ODD),
                lambda: zone.begin("f", 1), lambda: zone.make_directory("d"), lambda: zone.sweep(0)):  # fmt: skip
        with pytest.raises(BucketMissing):
            act()


def test_a_prefix_with_nothing_below_is_no_source_but_may_be_a_target(s3_server: Server, filled: str) -> None:
    with pytest.raises(PathMissing, match=r"correct the address.*/absent"):
        open_zone(s3_server, filled, "absent").check(writable=False)
    open_zone(s3_server, filled, "absent").check(writable=True)
    open_zone(s3_server, filled, "p").check(writable=False)


def test_an_empty_bucket_is_a_source_that_holds_nothing(s3_server: Server, bucket: str) -> None:
    open_zone(s3_server, bucket).check(writable=False)
    assert keys(open_zone(s3_server, bucket)) == []


@pytest.mark.parametrize("writable", [False, True])
def test_an_object_where_the_root_should_be_is_named(s3_server: Server, filled: str, writable: bool) -> None:
    with pytest.raises(NotADirectory, match=r"correct the address.*/file"):
        open_zone(s3_server, filled, "file").check(writable=writable)


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize("wrong", ["access_key_id", "secret_access_key"])
def test_wrong_credentials_are_told_from_missing_permission(
    s3_integrity: S3Server, filled: str, wrong: str, writable: bool
) -> None:
    zone = open_zone(s3_integrity, filled, "p", **{wrong: "not-the-right-one"})
    with pytest.raises(CredentialsRefused, match=r"correct the connection's keys.*s3://"):
        zone.check(writable=writable)


@pytest.mark.parametrize("path", ["f", ODD])
def test_wrong_credentials_are_named_by_every_operation(s3_integrity: S3Server, filled: str, path: str) -> None:
    zone = open_zone(s3_integrity, filled, "p", secret_access_key="not-the-right-one")
    buffer = memoryview(bytearray(1))
    for act in (lambda: list(zone.scan()), lambda: zone.stat(path), lambda: zone.read_into(path, 0, buffer),
                lambda: put(zone, path), lambda: zone.begin(path, 1), lambda: zone.make_directory(path),
                lambda: zone.store_checksum(path), lambda: zone.sweep(0)):  # fmt: skip
        with pytest.raises(CredentialsRefused):
            act()


def test_a_user_without_rights_is_told_which_one_lacks(s3_integrity: S3Server, filled: str) -> None:
    access, secret = s3_integrity.new_user()
    root = s3_integrity.client()
    zone = open_zone(s3_integrity, filled, "p", access_key_id=access, secret_access_key=secret)
    with pytest.raises(PermissionRefused, match="s3:ListBucket"):
        zone.check(writable=False)
    allow(root, filled, access, "s3:ListBucket")
    with pytest.raises(PermissionRefused, match="s3:GetObject"):
        zone.check(writable=False)
    allow(root, filled, access, "s3:ListBucket", "s3:GetObject")
    zone.check(writable=False)
    with pytest.raises(PermissionRefused, match="s3:PutObject"):
        zone.check(writable=True)
    allow(root, filled, access, "s3:ListBucket", "s3:GetObject", "s3:PutObject")
    with pytest.raises(PermissionRefused, match="s3:DeleteObject"):
        zone.check(writable=True)
    allow(root, filled, access, "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    zone.check(writable=True)


def test_an_endpoint_where_nothing_listens_is_unreachable() -> None:
    endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
    keys = {"access_key_id": "a", "secret_access_key": "b", "region": "us-east-1"}
    zone = S3Zone.open(Address("s3", "bucket", "p"), endpoint_url=endpoint, retries=0, **keys)
    for act in (lambda: zone.check(writable=False), lambda: put(zone, "f"), lambda: put(zone, ODD)):
        with pytest.raises(ZoneUnreachable, match=r"check the endpoint.*s3://bucket/p"):
            act()


class NotS3(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page, as a proxy's or a console's port does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "13")
        self.end_headers()
        self.wfile.write(b"<html></html>" if self.command != "HEAD" else b"")

    do_PUT = do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def not_s3() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotS3) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_endpoint_that_does_not_speak_s3_is_an_error_of_the_engine_and_never_an_empty_bucket(not_s3: str) -> None:
    keys = {"access_key_id": "a", "secret_access_key": "b", "region": "us-east-1"}
    zone = S3Zone.open(Address("s3", "bucket", "p"), endpoint_url=not_s3, retries=0, **keys)
    buffer = memoryview(bytearray(1))
    with pytest.raises(ZoneError, match="check the endpoint"):
        zone.check(writable=False)
    for act in (lambda: list(zone.scan()), lambda: list(zone.scan(".livedata/role")),
                lambda: zone.stat("f"), lambda: put(zone, "f"), lambda: put(zone, ODD),
                lambda: zone.begin("f", 1), lambda: zone.make_directory("d"), lambda: zone.sweep(0),
                lambda: zone.read_into("f", 0, buffer), lambda: zone.read_into(ODD, 0, buffer)):  # fmt: skip
        with pytest.raises(ZoneError):
            act()


class TlsServer(S3Server):
    """versitygw with a certificate of an authority that only ``authority`` names."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.endpoint = self.endpoint.replace("http:", "https:")
        self.authority, self.certificate, self.key = (directory / name for name in ("ca.pem", "cert.pem", "key.pem"))
        write_certificates(self.authority, self.certificate, self.key)

    def _command(self) -> list[str]:
        command = super()._command()
        at = command.index("posix")
        return [*command[:at], "--cert", str(self.certificate), "--key", str(self.key), *command[at:]]


def write_certificates(authority: Path, certificate: Path, key: Path) -> None:
    """An authority, and a certificate for 127.0.0.1 signed by it, valid for a day."""
    own, ca = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("127.0.0.1", "test"))
    for path, subject, public, is_ca in ((authority, issuer, ca, True), (certificate, name, own, False)):
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = x509.CertificateBuilder(issuer, subject, public.public_key(), x509.random_serial_number(),
                                          datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=1))  # fmt: skip
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        builder = builder if is_ca else builder.add_extension(alternative, critical=False)
        path.write_bytes(builder.sign(ca, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key.write_bytes(own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))  # fmt: skip


@pytest.mark.usefixtures("s3_integrity")
@pytest.mark.parametrize("sign_payload", [False, True])
def test_both_clients_trust_the_authority_that_verify_names_and_no_other(tmp_path: Path, *, sign_payload: bool) -> None:
    with TlsServer(tmp_path) as server:
        (server.data_dir / "bucket").mkdir()  # as good as created: its owner is the root user
        zone = open_zone(server, "bucket", verify=str(server.authority), sign_payload=sign_payload)
        for path in ("f", ODD):
            put(zone, path, b"12345")
            assert read_all(zone, path) == b"12345"
        distrusting = open_zone(server, "bucket", retries=0)
        for path in ("f", ODD):
            with pytest.raises(ZoneUnreachable, match="set verify"):
                put(distrusting, path, b"other")
        assert read_all(zone, "f") == b"12345"


@pytest.mark.parametrize("options", [{}, {"exclusive": True}])
def test_a_check_leaves_nothing_behind(s3_server: Server, filled: str, options: dict[str, Any]) -> None:
    zone = open_zone(s3_server, filled, "p", **options)
    zone.check(writable=True)
    assert [one["Key"] for one in s3_server.client().list_objects_v2(Bucket=filled)["Contents"]] == [
        "file", "p/f", f"p/{ODD}"]  # fmt: skip


def test_probes_of_a_check_that_was_killed_are_swept(s3_server: Server, bucket: str) -> None:
    zone = open_zone(s3_server, bucket, "p")
    put(zone, ".livedata/probe/left", b"livedata")
    assert zone.sweep(0) == 0
    assert zone.sweep(int(datetime.now(UTC).timestamp() * 1000) + 3_600_000) == 1
    assert keys(zone, ".livedata") == []


def test_uploads_outside_the_root_are_not_swept(s3_integrity: S3Server, bucket: str) -> None:
    whole, inside = open_zone(s3_integrity, bucket), open_zone(s3_integrity, bucket, "p")
    ours, others = inside.begin(f"a+b %2B/{ODD}", 5), whole.begin("pp/f", 5)
    for upload in (ours, others):
        send(upload, b"12345")
    later = int(datetime.now(UTC).timestamp() * 1000) + 3_600_000
    assert inside.sweep(later) == 1
    assert inside.resume(f"a+b %2B/{ODD}", ours.token, 5) is None
    assert whole.resume("pp/f", others.token, 5) is not None


@pytest.fixture
def careless(bucket: str) -> Iterator[tuple[MotoServer, FaultyProxy, str]]:
    """A store that ignores conditions: moto, behind a proxy that drops them."""
    with MotoServer() as server, FaultyProxy(server.endpoint) as proxy:
        proxy.drop_header("if-none-match", 100)
        proxy.drop_header("if-match", 100)
        yield server, proxy, server.new_bucket()


def test_a_store_that_ignores_conditions_is_no_target_unless_one_writer_is_promised(
    careless: tuple[MotoServer, FaultyProxy, str],
) -> None:
    server, proxy, bucket = careless
    zone = through(proxy, server, bucket, "p")
    with pytest.raises(Unsupported, match=r"exclusive=True.*s3://"):
        zone.check(writable=True)
    assert keys(zone, ".livedata") == []
    exclusive = through(proxy, server, bucket, "p", exclusive=True)
    exclusive.check(writable=True)
    first = put(exclusive, "f", b"first", expect=ABSENT)
    for path, expect in (("f", ABSENT), ("f", "of-before"), ("new", "of-before")):
        with pytest.raises(ZoneError):
            put(exclusive, path, b"other", expect=expect)
    assert read_all(exclusive, "f") == b"first"
    put(exclusive, "f", b"second", expect=first.version)
    assert read_all(exclusive, "f") == b"second"


@pytest.mark.parametrize(
    "options",
    [{"endpoint": "x"}, {"access_key_id": "a"}, {"checksum": "md5"}, {"part_bytes": 5}, {"addressing_style": "auto"}],
)
def test_options_that_it_does_not_have_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        S3Zone.open(Address("s3", "bucket", ""), **options)
    with pytest.raises(BadOption):
        S3Zone.open(Address("s3", "", "path"))


def test_a_connection_without_credentials_says_so() -> None:
    with pytest.raises(CredentialsRefused, match="connection"):
        S3Zone.open(Address("s3", "bucket", ""))


def test_credentials_of_a_session_are_renewed_for_both_clients(s3_integrity: S3Server, bucket: str) -> None:
    renewals = []

    def renew() -> dict[str, str | None]:
        renewals.append(1)
        return {"access_key": s3_integrity.access_key, "secret_key": s3_integrity.secret_key, "token": None,
                "expiry_time": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}  # fmt: skip

    expired = {"access_key": "old", "secret_key": "old", "token": "old", "expiry_time": datetime.now(UTC).isoformat()}
    core = botocore.session.get_session()
    core._credentials = RefreshableCredentials.create_from_metadata(expired, refresh_using=renew, method="test")  # type: ignore[attr-defined]
    session = boto3.Session(botocore_session=core)
    zone = open_zone(s3_integrity, bucket, access_key_id=None, secret_access_key=None, session=session)
    for path in ("f", ODD):
        put(zone, path, b"1")
        assert read_all(zone, path) == b"1"
    assert len(renewals) == 1


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What anybody logs during the test, at DEBUG."""
    said: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.getMessage()} {record.args} {record.exc_info}")

    handler, root = Keeper(level=logging.DEBUG), logging.getLogger()
    botocores, level = logging.getLogger("botocore"), root.level
    before = botocores.level
    root.setLevel(logging.DEBUG)
    botocores.setLevel(logging.NOTSET)
    root.addHandler(handler)
    yield said
    root.removeHandler(handler)
    root.setLevel(level)
    botocores.setLevel(before)


@pytest.mark.usefixtures("s3_integrity")
def test_no_secret_is_in_what_a_zone_prints_logs_or_raises(s3_server: Server, bucket: str, logged: list[str]) -> None:
    secrets = {
        "access_key_id": "AKIDofthetest",
        "secret_access_key": "verysecretkey",
        "session_token": "verysecrettoken",
    }
    zone = open_zone(s3_server, bucket, "p", **secrets)
    store = zone._bucket.clients.store
    said = [repr(zone), str(zone), repr(zone._bucket.options), repr(zone.facts), repr(store), repr(store.config)]
    buffer = memoryview(bytearray(1))
    for path in ("f", ODD):
        _keep_error(lambda: zone.stat(path), said)  # noqa: B023
        _keep_error(lambda: put(zone, path), said)  # noqa: B023
        _keep_error(lambda: zone.begin(path, 1), said)  # noqa: B023
        _keep_error(lambda: zone.read_into(path, 0, buffer), said)  # noqa: B023
    assert len(said) == 6 + 2 * 4
    assert len(logged) > 10
    assert [text for text in [*said, *logged] if "verysecret" in text] == []


def _keep_error(act: Callable[[], object], said: list[str]) -> None:
    with pytest.raises(LiveDataError) as caught:
        act()
    said.append(f"{caught.value} {caught.value!r} {caught.value.where}")
