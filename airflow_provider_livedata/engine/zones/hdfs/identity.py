"""As whom this process talks to HDFS by RPC.

``hdfs_native`` reads the user of simple authentication from HADOOP_USER_NAME, and again whenever it connects anew. So a
process is one user at a time: while something is open as one user, another is refused. The variable is put back afterwards.
"""

from __future__ import annotations

import getpass
import os
import threading
import weakref
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import BadOption

_VARIABLE = "HADOOP_USER_NAME"


@dataclass
class _Process:
    """Who holds the identity (by weak references: what was forgotten holds nothing), and what was there before."""

    user: str = ""
    before: str | None = None
    holders: list[weakref.ref[object]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


_process = _Process()


def claim(holder: object, user: str | None) -> None:
    """Be ``user`` (None: whoever the process is by itself) until ``holder`` is released or gone.

    Raises:
        BadOption: The process is another user at the moment.
    """
    with _process.lock:
        _settle()
        before = _process.before if _process.holders else os.environ.get(_VARIABLE)
        wanted = user or before or _own_name()
        if not _process.holders:
            _become(wanted)
        elif wanted != _process.user:
            raise BadOption(
                f"this process is {_process.user!r} at HDFS already, and by RPC it can be one user at a time; "
                "run the other in a task of its own, or open it with data='webhdfs'",
                user=wanted,
            )
        _process.holders.append(weakref.ref(holder))


def release(holder: object) -> None:
    """Give the identity back; again is no error."""
    with _process.lock:
        _process.holders[:] = [one for one in _process.holders if one() is not holder]
        _settle()


def _become(user: str) -> None:
    _process.user, _process.before = user, os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = user


def _settle() -> None:
    _process.holders[:] = [one for one in _process.holders if one() is not None]
    if _process.holders or not _process.user:
        return
    if os.environ.get(_VARIABLE) == _process.user:  # else someone else has set it meanwhile
        if _process.before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = _process.before
    _process.user = ""


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
