"""What S3 and its clients say, as the engine's errors: the one place where foreign exceptions end.

    boto3, obstore  ->  Answer (status, code)  ->  ZoneError with the way out

Messages are ours. Of the original only its class name, the store's code and the request id are kept: a client's text
may quote headers, and a credential provider's anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

import boto3.exceptions
import obstore.exceptions
import urllib3.exceptions
from botocore import exceptions as boto

from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotEmpty,
    PathMissing,
    StoreFull,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Expect
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.objects.meanings import (
    AT_WORK,
    BUSY,
    CANNOT,
    MISMATCH,
    MISSING,
    PERMISSION,
    REPLACED,
    UNKNOWN,
    Meaning,
    needing,
    unexpected,
)

_CREDENTIALS: Meaning = (CredentialsRefused, "the store does not accept the credentials; correct the connection's keys")
_EXPIRED: Meaning = (
    CredentialsRefused,
    "the credentials have expired; renew them, or use a connection that renews its own",
)
_REGION: Meaning = (ZoneError, "the bucket is in another region; set the region of the connection to the bucket's")
_NETWORK: Meaning = (
    ZoneUnreachable,
    "the store does not answer, or the connection broke; check the endpoint and the network",
)
_TLS: Meaning = (ZoneUnreachable, "no trusted TLS connection; set verify to the file of the authority that signed the "
                                  "endpoint's certificate")  # fmt: skip
_FULL: Meaning = (StoreFull, "no space or quota is left; free some or raise the quota")
_ARCHIVED: Meaning = (Unsupported, "the object is in an archive class; restore it before it is read")
_STATE: Meaning = (PathMissing, "the upload is gone: completed, aborted or cleaned up; start it again")

_CODES: dict[str, Meaning] = {
    "NoSuchBucket": (BucketMissing, "the bucket is not there; create it or correct the address"),
    "InvalidBucketName": (BucketMissing, "no bucket can have this name; correct the address"),
    "NoSuchKey": MISSING,
    "NoSuchUpload": _STATE,
    "AccessDenied": PERMISSION,
    "AllAccessDisabled": PERMISSION,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "ExpiredToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestTimeTooSkewed": (CredentialsRefused, "this machine's clock and the store's differ too much; set the clock"),
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "BadDigest": MISMATCH,
    "InvalidDigest": MISMATCH,
    "XAmzContentSHA256Mismatch": MISMATCH,
    "XAmzContentChecksumMismatch": MISMATCH,
    "InvalidPart": (ChecksumMismatch, "the store does not hold a part as it was sent; upload the file again"),
    "SlowDown": BUSY,
    "ServiceUnavailable": BUSY,
    "TooManyRequests": BUSY,
    "RequestLimitExceeded": BUSY,
    "ConditionalRequestConflict": (ZoneBusy, "another writer is at work on it, nothing was written; try again"),
    "OperationAborted": AT_WORK,
    "IncompleteBody": _NETWORK,
    "RequestTimeout": _NETWORK,
    "KeyTooLongError": (NameRefused, "the path is longer than the store allows; shorten or exclude it"),
    "ObjectParentIsFile": (NotADirectory, "a file stands where a directory should be; remove or rename one of them"),
    "ExistingObjectIsDirectory": (IsADirectory, "a directory stands there; remove or rename one of them"),
    "DirectoryNotEmpty": (NotEmpty, "the directory holds entries"),
    "ErrDirectoryNotEmpty": (NotEmpty, "the directory holds entries"),
    "QuotaExceeded": _FULL,
    "InsufficientStorage": _FULL,
    "XMinioStorageFull": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "InvalidObjectState": _ARCHIVED,
    "NotImplemented": CANNOT,
    "MethodNotAllowed": CANNOT,
    "EntityTooLarge": (Unsupported, "the store does not take so many bytes in one piece"),
    "EntityTooSmall": (Unsupported, "the store refuses parts as small as these"),
    "MetadataTooLarge": (Unsupported, "the attributes are larger than the store keeps beside an object"),
}  # fmt: skip

_STATUSES: dict[int, Meaning] = {
    301: _REGION, 307: BUSY, 401: _CREDENTIALS, 403: PERMISSION, 404: MISSING, 405: CANNOT,
    408: _NETWORK, 429: BUSY, 500: UNKNOWN, 501: CANNOT, 502: UNKNOWN, 503: BUSY, 504: UNKNOWN, 507: _FULL,
}  # fmt: skip

_CREDENTIAL_ERRORS = (
    boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.TokenRetrievalError,
    boto.RefreshWithMFAUnsupportedError, boto.MetadataRetrievalError, boto.SSOError, boto.NoAuthTokenError,
    boto.LoginError, boto.ProfileNotFound, boto.UnknownCredentialError, obstore.exceptions.UnauthenticatedError,
)  # fmt: skip
_NETWORK_ERRORS = (
    boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, urllib3.exceptions.HTTPError, OSError,
)  # fmt: skip
FOREIGN = (  # what the clients raise
    boto.BotoCoreError, boto.ClientError, boto3.exceptions.Boto3Error, urllib3.exceptions.HTTPError,
    obstore.exceptions.BaseError, OSError, ParseError,
)  # fmt: skip
_CONDITION_FAILED = frozenset({"PreconditionFailed", "412"})


class Answer(NamedTuple):
    """What the store said, as far as it said anything: 0 and "" where no answer came."""

    status: int = 0
    code: str = ""
    request: str = ""


@contextmanager
def s3_errors(address: Address, path: str = "", *, action: str = "", expect: Expect = None) -> Iterator[None]:
    """Turn what the clients raise inside into an engine error that names the address of ``path``.

    ``action`` is the S3 action that the call needs, for the message of a refusal; ``expect`` what the call was
    conditional on.
    """
    try:
        yield
    except FOREIGN as error:
        raise translated(error, address, path, action=action, expect=expect) from None  # it may quote headers


def translated(
    error: BaseException, address: Address, path: str, *, action: str = "", expect: Expect = None
) -> ZoneError:  # fmt: skip
    """What ``s3_errors`` raises for one of ``FOREIGN``."""
    return error_for(answer_of(error), address, path, action=action, expect=expect, error=error)


def error_for(
    answer: Answer, address: Address, path: str, *, action: str = "", expect: Expect = None,
    error: BaseException | None = None,
) -> ZoneError:  # fmt: skip
    """The engine's error for what a store answered, or for a client's own failure."""
    kind, what = needing(_meaning(error, answer, expect), action)
    said = {"code": answer.code, "status": answer.status, "request": answer.request}
    name = type(error).__name__ if error else ""
    return kind(
        what, address=_place(address, path), error=name or None, **{key: value or None for key, value in said.items()}
    )


def answer_of(error: BaseException) -> Answer:
    """Status and code that an exception of a client carries."""
    if isinstance(error, boto.ClientError):
        meta = error.response.get("ResponseMetadata", {})
        code = str(error.response.get("Error", {}).get("Code", ""))
        return Answer(int(meta.get("HTTPStatusCode", 0)), code, str(meta.get("RequestId", "")))
    if isinstance(error, (obstore.exceptions.BaseError, FileNotFoundError)):
        return _read_text(str(error))
    return Answer()


def _read_text(text: str) -> Answer:
    # obstore has neither status nor code as attributes; its text has both, as the store sent them
    said = text.split("Debug source:", 1)[0]
    status = re.search(r"status code: (\d{3})", said)
    code, request = (re.search(rf"<{name}>([^<]{{1,200}})</{name}>", said) for name in ("Code", "RequestId"))
    return Answer(int(status[1]) if status else 0, code[1] if code else "", request[1] if request else "")


def _meaning(error: BaseException | None, answer: Answer, expect: Expect) -> Meaning:
    if expect is not None and (answer.status == 412 or answer.code in _CONDITION_FAILED):
        return unexpected(expect)
    if isinstance(expect, str) and answer.status == 404 and answer.code in {"NoSuchKey", "404", ""}:
        return unexpected(expect)  # If-Match of a key that is gone
    if answer.status == 412:
        return REPLACED
    by_answer = _CODES.get(answer.code) or _STATUSES.get(answer.status)
    return by_answer or _without_answer(error, answer)


def _without_answer(error: BaseException | None, answer: Answer) -> Meaning:
    text = str(error or "")
    if isinstance(error, _CREDENTIAL_ERRORS):
        return CredentialsRefused, "there are no credentials to use; correct the connection"
    if isinstance(error, FileNotFoundError):
        return MISSING
    if isinstance(error, (boto.SSLError, urllib3.exceptions.SSLError)) or "InvalidCertificate(" in text:
        return _TLS
    if not answer.status and (isinstance(error, _NETWORK_ERRORS) or "HTTP error" in text):
        return _NETWORK
    return ZoneError, "the store or its client failed in a way that is not known here"


def _place(address: Address, path: str) -> str:
    # not Address.join: the keys of an object store need not be paths
    return f"{address}/{path}" if path and address.path else f"{address}{path}"
