"""What filesystems of fsspec and the clients below them raise, in the engine's words.

Texts of foreign exceptions may hold URLs with tokens in them, and are never passed on: the class and the number of the operating system are.
"""

from __future__ import annotations

import errno
import os
from types import TracebackType

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    CredentialsRefused,
    IsADirectory,
    LiveDataError,
    NameRefused,
    NotADirectory,
    NotEmpty,
    PathMissing,
    PermissionRefused,
    StoreFull,
    Unsupported,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)

_KINDS: tuple[tuple[type[BaseException], type[ZoneError], str], ...] = (
    (FileNotFoundError, PathMissing, "nothing is there"),
    (FileExistsError, AlreadyExists, "something is there already"),
    (NotADirectoryError, NotADirectory, "a file stands where a directory should be"),
    (IsADirectoryError, IsADirectory, "a directory stands where a file should be"),
    (PermissionError, PermissionRefused, "the user of the connection may not do that"),
    (TimeoutError, ZoneUnreachable, "the server does not answer"),
    (ConnectionError, ZoneUnreachable, "the server cannot be reached"),
    (NotImplementedError, Unsupported, "this filesystem of fsspec cannot do that"),
)
_NUMBERS: dict[int, tuple[type[ZoneError], str]] = {
    errno.ENOTEMPTY: (NotEmpty, "the directory holds entries"),
    errno.ELOOP: (NotADirectory, "a symbolic link stands in the path"),
    errno.EROFS: (PermissionRefused, "the filesystem is read-only"),
    errno.ENOSPC: (StoreFull, "the filesystem is full"),
    errno.EDQUOT: (StoreFull, "the quota is used up"),
    errno.ENAMETOOLONG: (NameRefused, "the filesystem does not hold names this long"),
    errno.EINVAL: (NameRefused, "the filesystem does not hold this name"),
    errno.EILSEQ: (NameRefused, "the filesystem does not hold this name"),
    errno.EMFILE: (ZoneBusy, "this process has too many open files"),
}
_STATUSES: dict[int, tuple[type[ZoneError], str]] = {
    401: (CredentialsRefused, "the server does not accept the credentials of the connection"),
    403: (PermissionRefused, "the user of the connection may not do that"),
    404: (PathMissing, "nothing is there"),
    429: (ZoneBusy, "the server asks to be called less often"),
    503: (ZoneBusy, "the server is busy"),
    507: (StoreFull, "the server is full"),
}
_SAID: tuple[tuple[tuple[str, ...], type[ZoneError], str], ...] = (  # by servers whose client knows but one class of errors
    (("invalid path name", "invalid file name", "illegal character", "name too long", "component name"), NameRefused,
     "the filesystem does not hold this name"),
    (("is not a directory", "not a directory"), NotADirectory, "a file stands where a directory should be"),
    (("non empty", "not empty"), NotEmpty, "the directory holds entries"),
    (("quota",), StoreFull, "the quota is used up"),
    (("safe mode", "standby"), ZoneBusy, "the server does not take changes at the moment"),
)  # fmt: skip


def engine_error(error: BaseException, path: str) -> ZoneError:
    """The engine error that says the same."""
    kind, what = _meaning(error)
    number = error.errno if isinstance(error, OSError) else None
    return kind(what, path=path, reason=type(error).__name__ + (f": {os.strerror(number)}" if number else ""))


class engine_errors:  # noqa: N801 - used as a statement, as in the zone of local disks
    """Turn whatever a filesystem raises about ``path`` into an engine error, without what it says itself."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, LiveDataError):
            raise engine_error(error, self._path) from None


def _meaning(error: BaseException) -> tuple[type[ZoneError], str]:
    said = _by_text(error)
    if said is not None:
        return said
    for foreign, kind, what in _KINDS:
        if isinstance(error, foreign):
            return kind, what
    number = error.errno if isinstance(error, OSError) else None
    if number in _NUMBERS:
        return _NUMBERS[number]
    status = _status(error)
    if status is not None:
        return _STATUSES.get(
            status, (ZoneUnreachable, "the server failed") if status >= 500 else (ZoneError, "the server refused")
        )
    if isinstance(error, OSError):  # among them those of requests
        return ZoneUnreachable, "the server cannot be reached"
    return ZoneError, "the filesystem failed"


def _by_text(error: BaseException) -> tuple[type[ZoneError], str] | None:
    if isinstance(error, (PermissionError, RuntimeError, ValueError)):
        text = str(error).lower()
        for parts, kind, what in _SAID:
            if any(part in text for part in parts):
                return kind, what
    return None


def _status(error: BaseException) -> int | None:
    # Of requests the answer has it, of aiohttp the error itself.
    told = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status", None)
    return told if isinstance(told, int) else None
