"""What Azure Blob Storage says, as the engine's errors. Of its words only the error code is kept: a message may quote a signature."""

from __future__ import annotations

from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    CredentialsRefused,
    IsADirectory,
    NotADirectory,
    NotEmpty,
    PathMissing,
    PermissionRefused,
    Unsupported,
    ZoneError,
)
from airflow_provider_livedata.engine.model import ABSENT, Absent, Expect
from airflow_provider_livedata.engine.zones.objects.http import Answer
from airflow_provider_livedata.engine.zones.objects.meanings import (
    BUSY,
    BY_STATUS,
    LARGE,
    MISMATCH,
    MISSING,
    NAME,
    PERMISSION,
    UNKNOWN,
    Meaning,
    needing,
    unexpected,
)

_CREDENTIALS: Meaning = (CredentialsRefused, "the store does not accept the credentials; correct the connection")
_CONTAINER: Meaning = (BucketMissing, "the container is not there; create it or correct the address")
_CODES: dict[str, Meaning] = {
    "AccountIsDisabled": (CredentialsRefused, "the account is disabled"),
    "AuthenticationFailed": _CREDENTIALS,
    "AuthorizationFailure": PERMISSION,
    "BlobAlreadyExists": unexpected(ABSENT),
    "BlobArchived": (Unsupported, "the blob is in the archive tier; bring it back before it is read"),
    "BlobImmutableDueToPolicy": (PermissionRefused, "a policy of the container forbids to replace or delete it yet"),
    "BlobNotFound": MISSING,
    "ContainerBeingDeleted": _CONTAINER,
    "ContainerNotFound": _CONTAINER,
    "Crc64Mismatch": MISMATCH,
    "DirectoryNotEmpty": (NotEmpty, "the directory holds entries"),
    "InvalidBlockList": (PathMissing, "blocks of the upload are gone; start it again"),
    "InvalidResourceName": _CONTAINER,
    "InvalidUri": NAME,
    "LeaseIdMissing": (PermissionRefused, "someone holds a lease of the blob; let them end it"),
    "Md5Mismatch": MISMATCH,
    "OperationTimedOut": UNKNOWN,
    "PathNameTooLong": NAME,
    "RequestBodyTooLarge": LARGE,
    "ResourceTypeMismatch": (IsADirectory, "a directory stands there; remove or rename one of them"),
    "ParentNotADirectory": (NotADirectory, "a file stands where a directory should be; remove or rename one of them"),
    "PathConflict": (IsADirectory, "a directory stands there; remove or rename one of them"),
    "ServerBusy": BUSY,
    "SnapshotsPresent": (
        PermissionRefused,
        "the blob has snapshots, which would have to go with it; delete them first",
    ),
}
_STATUSES: dict[int, Meaning] = {**BY_STATUS, 401: _CREDENTIALS, 414: NAME, 503: BUSY}


def error_for(answer: Answer, address: str, path: str, *, action: str = "", expect: Expect = None) -> ZoneError:
    """The engine's error for a refusal. ``action`` is what the request needs permission for."""
    code = answer.headers.get("x-ms-error-code", "")
    kind, what = needing(_meaning(answer.status, code, expect), action)
    return kind(what, address=address, path=path or None, status=answer.status, code=code or None)


def _meaning(status: int, code: str, expect: Expect) -> Meaning:
    missed = "BlobAlreadyExists" if isinstance(expect, Absent) else "BlobNotFound"
    if expect is not None and (status == 412 or code == missed):
        return unexpected(expect)
    return _CODES.get(code) or _STATUSES.get(status) or UNKNOWN
