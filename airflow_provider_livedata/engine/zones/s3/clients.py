"""The clients of one bucket: boto3 for what names an object or its parts, obstore for what moves small bodies.

    steady   boto3, tries again by itself   list, head, part uploads, deletes: asking twice does no harm
    once     boto3, asks once               conditional writes: asked twice, a winner could be told that it lost
    direct   parts of boto3, asks once      HEADs and copies of one object, before a client is asked
    store    obstore, tries again           ranged reads, overwrites
    single   obstore, asks once             conditional puts

obstore takes a fifth of boto3's time for a small object, but not every key; ``suits_obstore`` tells.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from obstore.store import S3Store

from airflow_provider_livedata import __version__
from airflow_provider_livedata.engine.errors import BadOption, CredentialsRefused
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.s3.direct import Direct
from airflow_provider_livedata.engine.zones.s3.errors import s3_errors
from airflow_provider_livedata.engine.zones.s3.metadata import Kind

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore.store import ClientConfig, S3Credential

MIB = 1 << 20
_AGENT = f"airflow-provider-livedata/{__version__}"
# An ASCII control character, an empty name, "." or "..": obstore refuses these, and it drops a "/" at either end.
_PLAIN_BUCKET = re.compile(
    r"[a-z0-9._-]+(?<!--x-s3)", re.IGNORECASE
)  # no access point, and no directory bucket, which are signed otherwise
_NOT_FOR_OBSTORE = re.compile(r"[\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How a bucket is reached. Secrets are left out of the representation.

    Attributes:
        endpoint_url: Of another store than AWS.
        region: The bucket's region; by default the session's, else us-east-1.
        access_key_id: With ``secret_access_key`` and, for temporary ones, ``session_token``.
        secret_access_key: See there.
        session_token: See there.
        session: A ready boto3 session instead of keys; its credentials are renewed as it renews them.
        verify: False: TLS certificates are not checked; a text: file of the authorities to trust.
        addressing_style: Where the bucket's name goes; by default "virtual" on AWS and "path" elsewhere.
        exclusive: The user's promise to be the target's only writer, for stores without conditional writes.
        connections: Requests at one time; give it the number of threads that use the zone, or more.
        retries: How often the client itself tries a harmless request again.
        connect_timeout_s: Of a new connection.
        read_timeout_s: Longest silence of the store.
        part_bytes: Size of the parts of large files; larger for those that would need more than 10,000.
        checksum: Which whole-file checksum the store is given and keeps. Unless it is named, CRC-64/NVME for files in
            one piece, as the client for small bodies computes it, and for files in parts CRC32C, which costs a store
            less and is also the one that HDFS can tell of a file.
        sign_payload: Also sign a SHA-256 of each body, where a bucket's policy wants that; bodies are protected by
            their CRC and by TLS without it.
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    session: boto3.Session | None = field(default=None, repr=False)
    verify: bool | str = True
    addressing_style: Literal["path", "virtual"] | None = None
    exclusive: bool = False
    connections: int = 64
    retries: int = 4
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 120.0
    part_bytes: int = 8 * MIB
    checksum: Kind | None = None
    sign_payload: bool = False

    def __post_init__(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise BadOption("an access key and its secret go together; give both or none")
        if self.checksum not in {None, "crc64nvme", "crc32c"}:
            raise BadOption("checksum is crc64nvme or crc32c", checksum=self.checksum)
        if not 5 * MIB <= self.part_bytes <= 1024 * 5 * MIB:
            raise BadOption("part_bytes is 5 MiB to 5 GiB", part_bytes=self.part_bytes)
        if self.addressing_style not in {None, "path", "virtual"}:
            raise BadOption("addressing_style is path or virtual", addressing_style=self.addressing_style)

    @property
    def put_checksum(self) -> Kind:
        """That of files in one piece."""
        return self.checksum or "crc64nvme"

    @property
    def part_checksum(self) -> Kind:
        """That of files in parts."""
        return self.checksum or "crc32c"

    def style(self, bucket: str) -> Literal["path", "virtual"]:
        """Where the bucket's name goes; one with dots fits no TLS certificate of AWS as a host name."""
        is_host = self.endpoint_url is None and "." not in bucket
        return self.addressing_style or ("virtual" if is_host else "path")


class S3Clients:
    """See the module's text. Thread-safe."""

    def __init__(self, address: Address, options: S3Options) -> None:
        self.bucket = address.authority
        self.proved_writable: dict[str, float] = {}  # when, on the monotonic clock, by prefix: see s3_check
        self.lists = False  # whether a listing of obstore has found something
        _keep_tokens_out_of_debug_logs()
        with s3_errors(address):
            session = options.session or _session(options)
            _share_models(session)
            credentials = session.get_credentials()
            if credentials is None:
                raise CredentialsRefused("there are no credentials; put keys or a role into the connection",
                                         address=str(address))  # fmt: skip
            self.steady = _boto3_client(session, options, self.bucket, attempts=1 + options.retries)
            self.once = _boto3_client(session, options, self.bucket, attempts=1)
            url = _bucket_url(self.steady.meta.endpoint_url, self.bucket, options.style(self.bucket))
            self.direct = (
                Direct(self.steady, url, credentials, _AGENT) if _PLAIN_BUCKET.fullmatch(self.bucket) else None
            )
            store = partial(_store, self.bucket, self.steady.meta.region_name, options, _provider(credentials))
            self.store, self.single = store(options.retries), store(0)
        self.steady.meta.events.register_last("before-parse.s3.ListObjectsV2", _keep_raw)

    def close(self) -> None:
        """Give back boto3's connections; obstore's go with it."""
        self.steady.close()
        self.once.close()


def suits_obstore(key: str) -> bool:
    """Whether obstore would use exactly this key."""
    return _NOT_FOR_OBSTORE.search(key) is None


def _session(options: S3Options) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key,
        aws_session_token=options.session_token,
        region_name=options.region,
    )


def _share_models(session: boto3.Session) -> None:
    # A session reads and takes apart the description of S3, 150 ms of CPU, for its own clients. It is the same for all: a live
    # replication opens its zones anew for each cycle.
    core = session._session
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))


@cache
def _models(data_path: str | None) -> Loader:
    return create_loader(data_path)


def _boto3_client(session: boto3.Session, options: S3Options, bucket: str, *, attempts: int) -> S3Client:
    config = Config(
        user_agent=_AGENT,
        connect_timeout=options.connect_timeout_s,
        read_timeout=options.read_timeout_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=options.connections,
        tcp_keepalive=True,
        parameter_validation=False,  # costs a tenth of a small request
        request_checksum_calculation="when_required",  # else a CRC32 beside the checksum that we give
        response_checksum_validation="when_required",
        s3={"addressing_style": options.style(bucket), "payload_signing_enabled": options.sign_payload},
    )
    region = options.region or session.region_name or "us-east-1"
    return session.client(
        "s3", region_name=region, endpoint_url=options.endpoint_url, verify=options.verify, config=config
    )


def _store(bucket: str, region: str, options: S3Options, provider: Callable[[], S3Credential], retries: int) -> S3Store:
    endpoint = (
        {"endpoint": _endpoint(options.endpoint_url, bucket, options.style(bucket))} if options.endpoint_url else {}
    )
    return S3Store(
        bucket,
        region=region,
        virtual_hosted_style_request=options.style(bucket) == "virtual",
        checksum_algorithm="crc64nvme",
        unsigned_payload=not options.sign_payload,
        client_options=_client_options(options),
        retry_config={
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=180),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=15), "base": 2},
        },
        credential_provider=provider,
        **endpoint,  # type: ignore[arg-type]  # one of its many keyword arguments
    )


def _client_options(options: S3Options) -> ClientConfig:
    chosen: ClientConfig = {
        "allow_http": True,  # obstore's default refuses http:// endpoints
        "user_agent": _AGENT,
        "connect_timeout": timedelta(seconds=options.connect_timeout_s),
        "read_timeout": timedelta(seconds=options.read_timeout_s),
        "timeout": timedelta(hours=1),  # of a whole request; its default cuts slow bodies after 30 s
    }
    if options.verify is False:
        chosen["allow_invalid_certificates"] = True
    elif isinstance(options.verify, str):
        chosen["root_certificate"] = Path(options.verify).read_bytes()
    return chosen


def _endpoint(url: str, bucket: str, style: str) -> str:
    if style == "path":
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()


def _bucket_url(url: str, bucket: str, style: str) -> str:
    return f"{url.rstrip('/')}/{bucket}" if style == "path" else _endpoint(url, bucket, style)


def _provider(credentials: Any) -> Callable[[], S3Credential]:
    def provide() -> S3Credential:
        frozen = credentials.get_frozen_credentials()  # renews them when that is due
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + timedelta(minutes=10),  # asked again from 5 minutes before
        }

    return provide


def _keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    # botocore's own reading of a page costs 100 microseconds a key, ours 5: see s3_listing
    if response_dict["status_code"] == 200:
        customized_response_dict["RawBody"] = response_dict["body"]
        response_dict["body"] = b"<ListBucketResult/>"


def _keep_tokens_out_of_debug_logs() -> None:
    # at DEBUG botocore logs whole requests, session token included; who has set its level meant it
    logger = logging.getLogger("botocore")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
