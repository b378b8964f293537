"""What Azure Blob Storage says, as the engine's errors. Of its words only the error code is kept: a message may quote a signature."""

from __future__ import annotations

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BucketMissing,
    ChecksumMismatch,
    CredentialsRefused,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotEmpty,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Absent, Expect
from airflow_provider_livedata.engine.zones.objects.http import Answer

Meaning = tuple[type[ZoneError], str]

_BUSY: Meaning = (ZoneBusy, "the store throttles; try again later, with less concurrency")
_UNKNOWN: Meaning = (
    ZoneUnreachable, "the store failed without saying whether it did what was asked; look, then try again",
)  # fmt: skip
_PERMISSION: Meaning = (PermissionRefused, "the store refuses access; allow it to the connection's principal")
_CREDENTIALS: Meaning = (CredentialsRefused, "the store does not accept the credentials; correct the connection")
_MISMATCH: Meaning = (ChecksumMismatch, "the store received other bytes than were sent, and kept none; send them again")
_LARGE: Meaning = (Unsupported, "larger than the store takes; exclude it")
_NAME: Meaning = (NameRefused, "the store does not take this name; rename or exclude it")
_CONTAINER: Meaning = (BucketMissing, "the container is not there; create it or correct the address")
_CODES: dict[str, Meaning] = {
    "AccountIsDisabled": (CredentialsRefused, "the account is disabled"),
    "AuthenticationFailed": _CREDENTIALS,
    "AuthorizationFailure": _PERMISSION,
    "BlobAlreadyExists": (AlreadyExists, "something is there already"),
    "BlobArchived": (Unsupported, "the blob is in the archive tier; bring it back before it is read"),
    "BlobImmutableDueToPolicy": (PermissionRefused, "a policy of the container forbids to replace or delete it yet"),
    "BlobNotFound": (PathMissing, "nothing is there"),
    "ContainerBeingDeleted": _CONTAINER,
    "ContainerNotFound": _CONTAINER,
    "Crc64Mismatch": _MISMATCH,
    "DirectoryNotEmpty": (NotEmpty, "the directory holds entries"),
    "InvalidBlockList": (PathMissing, "blocks of the upload are gone; start it again"),
    "InvalidResourceName": _CONTAINER,
    "InvalidUri": _NAME,
    "LeaseIdMissing": (PermissionRefused, "someone holds a lease of the blob; let them end it"),
    "Md5Mismatch": _MISMATCH,
    "OperationTimedOut": _UNKNOWN,
    "PathNameTooLong": _NAME,
    "RequestBodyTooLarge": _LARGE,
    "ResourceTypeMismatch": (IsADirectory, "a directory stands there; remove or rename one of them"),
    "ParentNotADirectory": (NotADirectory, "a file stands where a directory should be; remove or rename one of them"),
    "PathConflict": (IsADirectory, "a directory stands there; remove or rename one of them"),
    "ServerBusy": _BUSY,
    "SnapshotsPresent": (
        PermissionRefused,
        "the blob has snapshots, which would have to go with it; delete them first",
    ),
}
_STATUSES: dict[int, Meaning] = {
    400: (ZoneError, "the store refuses the request as it is"),
    401: _CREDENTIALS,
    403: _PERMISSION,
    404: (PathMissing, "nothing is there"),
    405: (Unsupported, "the store cannot do that"),
    408: (ZoneUnreachable, "the store gave up waiting for the request; try again"),
    409: (ZoneBusy, "another operation is at work on it, nothing was done; try again"),
    412: (ObjectChanged, "it was replaced while being read"),
    413: _LARGE,
    414: _NAME,
    429: _BUSY,
    500: _UNKNOWN,
    501: (Unsupported, "the store cannot do that"),
    502: _UNKNOWN,
    503: _BUSY,
    504: _UNKNOWN,
}


def error_for(answer: Answer, address: str, path: str, *, action: str = "", expect: Expect = None) -> ZoneError:
    """The engine's error for a refusal. ``action`` is what the request needs permission for."""
    code = answer.headers.get("x-ms-error-code", "")
    kind, what = _meaning(answer.status, code, expect)
    if kind is PermissionRefused and action:
        what = f"{what} ({action})"
    return kind(what, address=address, path=path or None, status=answer.status, code=code or None)


def _meaning(status: int, code: str, expect: Expect) -> Meaning:
    if isinstance(expect, Absent) and (status == 412 or code == "BlobAlreadyExists"):
        return AlreadyExists, "something is there already"
    if isinstance(expect, str) and (status == 412 or code == "BlobNotFound"):
        return ObjectChanged, "it is not what the writer expected to replace"
    return _CODES.get(code) or _STATUSES.get(status) or _UNKNOWN
