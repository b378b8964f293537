"""What object stores mean by their refusals, whatever words they have for them: the engine's error, and the way out. Pure."""

from __future__ import annotations

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    NameRefused,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Absent, Expect

Meaning = tuple[type[ZoneError], str]

BUSY: Meaning = (ZoneBusy, "the store throttles; try again later, with less concurrency")
AT_WORK: Meaning = (ZoneBusy, "another operation is at work on it, nothing was done; try again")
UNKNOWN: Meaning = (
    ZoneUnreachable, "the store failed without saying whether it did what was asked; look, then try again",
)  # fmt: skip
PERMISSION: Meaning = (PermissionRefused, "the store refuses access; allow it to the connection's principal")
MISMATCH: Meaning = (ChecksumMismatch, "the store received other bytes than were sent, and kept none; send them again")
LARGE: Meaning = (Unsupported, "larger than the store takes; exclude it")
NAME: Meaning = (NameRefused, "the store does not take this name; rename or exclude it")
MISSING: Meaning = (PathMissing, "nothing is there")
CANNOT: Meaning = (Unsupported, "the store cannot do that")
REPLACED: Meaning = (ObjectChanged, "it was replaced while being read")
# Of stores that are asked by HTTP; what one means by others, or otherwise, stands beside its own words.
BY_STATUS: dict[int, Meaning] = {
    400: (ZoneError, "the store refuses the request as it is"),
    403: PERMISSION,
    404: MISSING,
    405: CANNOT,
    408: (ZoneUnreachable, "the store gave up waiting for the request; try again"),
    409: AT_WORK,
    412: REPLACED,
    413: LARGE,
    429: BUSY,
    500: UNKNOWN,
    501: CANNOT,
    502: UNKNOWN,
    504: UNKNOWN,
}


def unexpected(expect: Expect) -> Meaning:
    """Of a conditional write that found something else there."""
    if isinstance(expect, Absent):
        return AlreadyExists, "something is there already"
    return ObjectChanged, "it is not what the writer expected to replace"


def needing(meaning: Meaning, action: str) -> Meaning:
    """With the permission that was needed, where it was refused for the lack of one."""
    kind, what = meaning
    return kind, f"{what} ({action})" if kind is PermissionRefused and action else what
