"""As whom this process talks to HDFS by RPC.

``hdfs_native`` reads the user of simple authentication from HADOOP_USER_NAME, and again whenever it connects anew. So a
process is one user at a time: while a zone is open, another user is refused, and the variable is put back afterwards.
"""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable

from airflow_provider_livedata.engine.errors import BadOption

_VARIABLE = "HADOOP_USER_NAME"
_lock = threading.Lock()
_users: list[str] = []  # one for each open zone, all the same
_before: list[str | None] = []  # the variable's value before the first of them


def claim(user: str | None) -> Callable[[], None]:
    """Be ``user`` (None: whoever the process is) until what is returned is called; calling it again does nothing.

    Raises:
        BadOption: The process is another user at the moment.
    """
    with _lock:
        wanted = user or (_users[0] if _users else os.environ.get(_VARIABLE) or _own_name())
        if _users and _users[0] != wanted:
            raise BadOption(
                f"this process reads HDFS as {_users[0]!r} already, and by RPC it can be one user at a time; "
                "run the other in a task of its own, or open it with data='webhdfs'", user=wanted)  # fmt: skip
        if not _users:
            _before[:] = [os.environ.get(_VARIABLE)]
            os.environ[_VARIABLE] = wanted
        _users.append(wanted)
    return _Release()


class _Release:
    def __init__(self) -> None:
        self._is_done = False

    def __call__(self) -> None:
        with _lock:
            if self._is_done:
                return
            self._is_done = True
            _users.pop()
            if not _users:
                _put_back(_before[0])


def _put_back(value: str | None) -> None:
    if value is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = value


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
