"""What the operating system says, in the engine's words."""

from __future__ import annotations

import errno
from types import TracebackType

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    IsADirectory,
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

_MEANINGS: dict[int, tuple[type[ZoneError], str]] = {
    errno.ENOENT: (PathMissing, "nothing is there"),
    errno.ENOTDIR: (NotADirectory, "a file stands where a directory should be"),
    errno.ELOOP: (NotADirectory, "a symbolic link stands in the path; links are not followed"),
    errno.EISDIR: (IsADirectory, "a directory stands where a file should be"),
    errno.EEXIST: (AlreadyExists, "something is there already"),
    errno.ENOTEMPTY: (NotEmpty, "the directory holds entries"),
    errno.EACCES: (PermissionRefused, "the user of this process may not do that"),
    errno.EPERM: (PermissionRefused, "the user of this process may not do that"),
    errno.EROFS: (PermissionRefused, "the file system is mounted read-only"),
    errno.ENAMETOOLONG: (NameRefused, "the file system does not hold names this long"),
    errno.EINVAL: (NameRefused, "the file system does not hold this name"),
    errno.EILSEQ: (NameRefused, "the file system does not hold this name"),
    errno.ENOSPC: (StoreFull, "the file system is full"),
    errno.EDQUOT: (StoreFull, "the quota is used up"),
    errno.EFBIG: (StoreFull, "the file system does not hold files this large"),
    errno.EMLINK: (StoreFull, "the directory holds as many directories as the file system allows"),
    errno.EXDEV: (
        Unsupported,
        "it lies on another file system than the root; copy to or from each file system by itself",
    ),
    errno.EOPNOTSUPP: (Unsupported, "the file system cannot do that"),
    errno.ENOSYS: (Unsupported, "the file system cannot do that"),
    errno.EMFILE: (ZoneBusy, "this process has too many open files"),
    errno.ENFILE: (ZoneBusy, "this machine has too many open files"),
    errno.ENOMEM: (ZoneBusy, "the kernel is out of memory"),
    errno.EAGAIN: (ZoneBusy, "the file system is busy"),
    errno.EBUSY: (ZoneBusy, "the file or directory is in use"),
    errno.ETXTBSY: (ZoneBusy, "the file is being executed"),
    errno.EIO: (ZoneUnreachable, "the disk or its server does not answer as it should"),
    errno.ESTALE: (ZoneUnreachable, "the file server forgot the directory"),
    errno.ETIMEDOUT: (ZoneUnreachable, "the file server does not answer"),
    errno.EHOSTDOWN: (ZoneUnreachable, "the file server is down"),
    errno.EHOSTUNREACH: (ZoneUnreachable, "the file server cannot be reached"),
    errno.ENOTCONN: (ZoneUnreachable, "the file server is not connected"),
}
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # nothing is at that path: what leads there is no directory


def engine_error(error: OSError, path: str) -> ZoneError:
    """The engine error that says the same."""
    kind, what = _MEANINGS.get(error.errno or 0, (ZoneError, "the file system refused"))
    return kind(what, path=path, reason=error.strerror)


class engine_errors:  # noqa: N801 - used as a statement; a class because a generator costs as much as the calls inside
    """Turn whatever the operating system raises about ``path`` into an engine error."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise engine_error(error, self._path) from error
