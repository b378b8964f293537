"""Attributes of local files: read with a stat, set as far as this process and this machine allow."""

from __future__ import annotations

import errno
import grp
import itertools
import os
import pwd
import secrets
import stat
import time
from collections.abc import Callable
from functools import lru_cache

from airflow_provider_livedata.engine.errors import StoreFull
from airflow_provider_livedata.engine.model import Attributes, Entry

MS = 1_000_000  # nanoseconds
NOT_UTF8 = "its name is not UTF-8"
_nanoseconds = itertools.count(secrets.randbelow(MS))
_XATTRS = "user."  # the others belong to the system
_SPECIAL = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}


def version_of(found: os.stat_result) -> str:
    """What names the bytes of a file."""
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}"


def entry_of(path: str, found: os.stat_result, xattrs: tuple[tuple[str, bytes], ...] | None) -> Entry:
    """The entry of what a stat found."""
    mtime_ms, mode = found.st_mtime_ns // MS, stat.S_IMODE(found.st_mode)
    owner, group = user_name(found.st_uid), group_name(found.st_gid)
    if stat.S_ISDIR(found.st_mode):
        return Entry(path, "directory", 0, mtime_ms, "", owner, group, mode, None, xattrs)
    if stat.S_ISREG(found.st_mode):
        return Entry(path, "file", found.st_size, mtime_ms, version_of(found), owner, group, mode, None, xattrs)
    note = _SPECIAL.get(stat.S_IFMT(found.st_mode), "special file")
    return Entry(path, "other", 0, mtime_ms, "", owner, group, mode, note=note)


def xattrs_of(at: int | str, *, is_followed: bool = False) -> tuple[tuple[str, bytes], ...] | None:
    """The ``user.`` attributes of an open file or of a path; None where there can be none."""
    follow = is_followed or isinstance(at, int)
    try:
        names = sorted(name for name in os.listxattr(at, follow_symlinks=follow) if name.startswith(_XATTRS))
        return tuple((name, os.getxattr(at, name, follow_symlinks=follow)) for name in names)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENODATA):  # none, or gone between the two calls
            return None
        raise


def xattrs_told(at: int | str) -> tuple[tuple[str, bytes], ...] | None:
    """The same for an entry; None too where this process may not read them, as it may not read the bytes then.

    An entry is there all the same: who reads its bytes or lists it is told that this is refused.
    """
    try:
        return xattrs_of(at)
    except PermissionError:
        return None


def set_attributes(at: int | str, attributes: Attributes) -> None:
    """Set those attributes that are not None on an open file or what a path leads to; the time last.

    Best effort: an owner or group that this machine does not know or this process may not give, and extended attributes
    that the file system does not keep, are left. The manifest still has them.
    """
    _set_owner(at, attributes)
    if attributes.xattrs is not None:
        _set_xattrs(at, dict(attributes.xattrs))
    if attributes.mode is not None:  # after the others: those need a file that its owner may write
        os.chmod(at, attributes.mode)
    if attributes.mtime_ms is not None:
        os.utime(at, ns=(time.time_ns(), distinct_ns(attributes.mtime_ms)))


def without_same_time(attributes: Attributes, found: os.stat_result) -> Attributes:
    """The attributes for a file that may have that time already: it keeps its nanoseconds, and so its version, should it not move then."""
    is_same = attributes.mtime_ms == found.st_mtime_ns // MS
    return attributes._replace(mtime_ms=None) if is_same else attributes


def distinct_ns(mtime_ms: int) -> int:
    """A time within that millisecond.

    The version of a file is made of size, time and inode number, and inode numbers are used again. Two files of one
    size that are given the same time still differ by their nanoseconds, counted from a place of the process's own.
    """
    return mtime_ms * MS + next(_nanoseconds) % MS


@lru_cache(4096)
def user_name(uid: int) -> str:
    """The user's name, or the number where nobody has it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(4096)
def group_name(gid: int) -> str:
    """The group's name, or the number where none has it."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _set_owner(at: int | str, attributes: Attributes) -> None:
    uid = _number(attributes.owner, lambda name: pwd.getpwnam(name).pw_uid)
    gid = _number(attributes.group, lambda name: grp.getgrnam(name).gr_gid)
    now = os.stat(at)
    for wanted, has, owner, group in ((uid, now.st_uid, uid, -1), (gid, now.st_gid, -1, gid)):
        if wanted not in (-1, has):
            try:
                os.chown(at, owner, group)
            except PermissionError:
                continue


def _number(name: str | None, known: Callable[[str], int]) -> int:
    if not name:
        return -1
    try:
        return known(name)
    except KeyError:
        return int(name) if name.isascii() and name.isdigit() else -1


def _set_xattrs(at: int | str, wanted: dict[str, bytes]) -> None:
    has = xattrs_of(at, is_followed=True)
    for name, _ in has or ():
        if name not in wanted:
            os.removexattr(at, name)
    for name, value in wanted.items():
        if has is None or not name.startswith(_XATTRS) or (name, value) in has:
            continue
        try:
            os.setxattr(at, name, value)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.E2BIG, errno.ERANGE):
                raise StoreFull("the file system has no room for this extended attribute", attribute=name,
                                size_bytes=len(value)) from error  # fmt: skip
            if error.errno != errno.EOPNOTSUPP:
                raise
