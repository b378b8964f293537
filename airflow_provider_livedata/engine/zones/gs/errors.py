"""What Google Cloud Storage says, as the engine's errors. Of its words only the reason is kept: a message may quote a request."""

from __future__ import annotations

import json

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
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
from airflow_provider_livedata.engine.model import Absent, Expect
from airflow_provider_livedata.engine.zones.objects.http import Answer

Meaning = tuple[type[ZoneError], str]

_BUSY: Meaning = (ZoneBusy, "the store throttles; try again later, with less concurrency")
_UNKNOWN: Meaning = (
    ZoneUnreachable, "the store failed without saying whether it did what was asked; look, then try again",
)  # fmt: skip
_PERMISSION: Meaning = (PermissionRefused, "the store refuses access; allow it to the connection's principal")
_REASONS: dict[str, Meaning] = {
    "rateLimitExceeded": _BUSY,
    "userRateLimitExceeded": _BUSY,
    "quotaExceeded": (StoreFull, "a quota is used up; raise it or wait until it is renewed"),
    "conditionNotMet": (ObjectChanged, "it is not what was expected any more"),
    "retentionPolicyNotMet": (
        PermissionRefused,
        "a retention policy of the bucket forbids to replace or delete it yet",
    ),
    "objectUnderActiveHold": (PermissionRefused, "the object is under a hold; release it first"),
    "userProjectMissing": (PermissionRefused, "the requester pays here; set user_project in the connection's extra"),
    "accountDisabled": (CredentialsRefused, "the account is disabled; its billing has to be put in order"),
    "uploadTooLarge": (Unsupported, "larger than the store takes; exclude it"),
}
_STATUSES: dict[int, Meaning] = {
    400: (ZoneError, "the store refuses the request as it is"),
    401: (CredentialsRefused, "the store does not accept the credentials; correct the connection's key"),
    403: _PERMISSION,
    404: (PathMissing, "nothing is there"),
    405: (Unsupported, "the store cannot do that"),
    408: (ZoneUnreachable, "the store gave up waiting for the request; try again"),
    409: (ZoneBusy, "another operation is at work on it, nothing was done; try again"),
    412: (ObjectChanged, "it was replaced while being read"),
    413: (Unsupported, "larger than the store takes; exclude it"),
    429: _BUSY,
    500: _UNKNOWN,
    501: (Unsupported, "the store cannot do that"),
    502: _UNKNOWN,
    503: (ZoneBusy, "the store is not available for now; try again later"),
    504: _UNKNOWN,
}
_BUCKET: Meaning = (BucketMissing, "the bucket is not there; create it or correct the address")
_MISMATCH: Meaning = (ChecksumMismatch, "the store received other bytes than were sent, and kept none; send them again")
_NAME: Meaning = (NameRefused, "the store does not take this name; rename or exclude it")


def error_for(answer: Answer, address: str, path: str, *, action: str = "", expect: Expect = None) -> ZoneError:
    """The engine's error for a refusal. ``action`` is the permission that the request needs."""
    reason, message = _words(answer.body)
    kind, what = _meaning(answer.status, reason, message, expect, lists=action == "storage.objects.list")
    if kind is PermissionRefused and action:
        what = f"{what} ({action})"
    return kind(what, address=address, path=path or None, status=answer.status, reason=reason or None)


def _meaning(status: int, reason: str, message: str, expect: Expect, *, lists: bool) -> Meaning:
    if expect is not None and status == 412:
        return _unexpected(expect)
    if status == 404 and (lists or "bucket does not exist" in message):
        return _BUCKET
    if status == 400 and "match calculated" in message:
        return _MISMATCH
    if status == 400 and "object name" in message.lower():
        return _NAME
    return _REASONS.get(reason) or _STATUSES.get(status) or _UNKNOWN


def _unexpected(expect: Expect) -> Meaning:
    if isinstance(expect, Absent):
        return AlreadyExists, "something is there already"
    return ObjectChanged, "it is not what the writer expected to replace"


def _words(body: bytes) -> tuple[str, str]:
    try:
        said = json.loads(body)["error"]
        first = (said.get("errors") or [{}])[0]
        return str(first.get("reason", "")), str(said.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "", body[:1000].decode("utf-8", "replace")
