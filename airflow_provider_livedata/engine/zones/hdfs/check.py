"""Prove, before a run, that a location can be used, in bounded time and changing nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    NotADirectory,
    PathMissing,
    PermissionRefused,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.data import Data
from airflow_provider_livedata.engine.zones.hdfs.status import Status

DEADLINE_SECONDS = 30.0
_BROKEN_OFF = "listener disconnected"  # what hdfs_native says when a connection was made and closed by the NameNode
_MAY_BE_KERBEROS = (
    "the NameNode takes connections and breaks them off; if the cluster uses Kerberos, say so and give credentials: "
    "hadoop.security.authentication=kerberos in the client's configuration, kerberos_principal with a keytab or cache"
)


def check(root: str, address: str, data: Data, control: WebHdfs | None, *, writable: bool) -> None:
    """See ``Zone.check``; ``root`` is the location's absolute path, ``address`` what the user knows it by."""
    try:
        within(DEADLINE_SECONDS, lambda: _check(root, data, control, writable=writable))
    except LiveDataError as error:
        error.where["address"] = address
        if _BROKEN_OFF in str(error.where.get("reason", "")):
            raise ZoneUnreachable(_MAY_BE_KERBEROS, **error.where) from error
        raise


def within(seconds: float, call: Callable[[], None]) -> None:
    """Run a call that may hang: the RPC client waits for ever for a NameNode that accepts and does not answer.

    Raises:
        ZoneUnreachable: It has not returned; it is left behind.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=run, name="hdfs-check", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ZoneUnreachable("the NameNode does not answer; check its address, port and the network", seconds=seconds)
    if failures:
        raise failures[0]


def _check(root: str, data: Data, control: WebHdfs | None, *, writable: bool) -> None:
    status, at = _nearest(root, data)
    if at != root and not writable:
        raise PathMissing("no such directory; check the path", address=root)
    if status.kind != "directory":
        raise NotADirectory("a file stands where a directory should be; name another place", at=at)
    if writable:
        _check_writable(at, status, data, control)
    if at == root:
        next(iter(data.directories.pages(root)), None)
    if control is not None:
        control.call("GETFILESTATUS", at)


def _nearest(root: str, data: Data) -> tuple[Status, str]:
    at = root
    while (status := data.directories.status(at)) is None:
        if at == "/":
            raise PathMissing("the cluster has no root directory", address=root)
        at = at.rpartition("/")[0] or "/"
    return status, at


def _check_writable(at: str, status: Status, data: Data, control: WebHdfs | None) -> None:
    if control is not None:
        try:
            control.call("CHECKACCESS", at, fsaction="rwx")
        except PermissionRefused as error:
            raise PermissionRefused("the user may not write there; give it the right, or choose another user",
                                    at=at, reason=error.where.get("reason")) from error  # fmt: skip
    else:
        _try_to_write(at, status, data)


def _try_to_write(at: str, status: Status, data: Data) -> None:
    probe = f"{at.rstrip('/')}/.livedata-check"
    try:
        data.make_directory(probe, 0o700)
        data.delete(probe)
        data.set_mtime(at, status.mtime_ms)
    except PermissionRefused as error:
        raise PermissionRefused("the user may not write there; give it the right, or choose another user",
                                at=at, reason=error.where.get("reason")) from error  # fmt: skip
