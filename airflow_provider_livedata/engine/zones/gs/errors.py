"""What Google Cloud Storage says, as the engine's errors. Of its words only the reason is kept: a message may quote a request."""

from __future__ import annotations

import json

from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    CredentialsRefused,
    ObjectChanged,
    PermissionRefused,
    StoreFull,
    ZoneBusy,
    ZoneError,
)
from airflow_provider_livedata.engine.model import Expect
from airflow_provider_livedata.engine.zones.objects.http import Answer
from airflow_provider_livedata.engine.zones.objects.meanings import (
    BUSY,
    BY_STATUS,
    LARGE,
    MISMATCH,
    NAME,
    UNKNOWN,
    Meaning,
    needing,
    unexpected,
)

_REASONS: dict[str, Meaning] = {
    "rateLimitExceeded": BUSY,
    "userRateLimitExceeded": BUSY,
    "quotaExceeded": (StoreFull, "a quota is used up; raise it or wait until it is renewed"),
    "conditionNotMet": (ObjectChanged, "it is not what was expected any more"),
    "retentionPolicyNotMet": (
        PermissionRefused,
        "a retention policy of the bucket forbids to replace or delete it yet",
    ),
    "objectUnderActiveHold": (PermissionRefused, "the object is under a hold; release it first"),
    "userProjectMissing": (PermissionRefused, "the requester pays here; set user_project in the connection's extra"),
    "accountDisabled": (CredentialsRefused, "the account is disabled; its billing has to be put in order"),
    "uploadTooLarge": LARGE,
}
_STATUSES: dict[int, Meaning] = {
    **BY_STATUS,
    401: (CredentialsRefused, "the store does not accept the credentials; correct the connection's key"),
    503: (ZoneBusy, "the store is not available for now; try again later"),
}
_BUCKET: Meaning = (BucketMissing, "the bucket is not there; create it or correct the address")


def error_for(answer: Answer, address: str, path: str, *, action: str = "", expect: Expect = None) -> ZoneError:
    """The engine's error for a refusal. ``action`` is the permission that the request needs."""
    reason, message = _words(answer.body)
    meaning = _meaning(answer.status, reason, message, expect, lists=action == "storage.objects.list")
    kind, what = needing(meaning, action)
    return kind(what, address=address, path=path or None, status=answer.status, reason=reason or None)


def _meaning(status: int, reason: str, message: str, expect: Expect, *, lists: bool) -> Meaning:
    if expect is not None and status == 412:
        return unexpected(expect)
    if status == 404 and (lists or "bucket does not exist" in message):
        return _BUCKET
    if status == 400 and "match calculated" in message:
        return MISMATCH
    if status == 400 and "object name" in message.lower():
        return NAME
    return _REASONS.get(reason) or _STATUSES.get(status) or UNKNOWN


def _words(body: bytes) -> tuple[str, str]:
    try:
        said = json.loads(body)["error"]
        first = (said.get("errors") or [{}])[0]
        return str(first.get("reason", "")), str(said.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "", body[:1000].decode("utf-8", "replace")
