"""Attributes of files and directories: asked for with as few calls as may be, set as far as the user may."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_provider_livedata.engine.errors import PathMissing, PermissionRefused, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Entry, Failure
from airflow_provider_livedata.engine.zones.hdfs.acl import AclRule, full, rules_of
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.data import Data
from airflow_provider_livedata.engine.zones.hdfs.status import Page, Status

KEPT_REFUSALS = 1000
THREADS = 8
FEW = 8  # calls for one page that are made one after the other
XAttrs = tuple[tuple[str, bytes], ...]
_REFUSED = (PermissionRefused, Unsupported)


class AttributeStore:
    """Attributes of one zone. ``asked``: which costly ones are asked for, of "acl" and "xattrs"; None is told of others.

    What the user may not set is left, noted in ``unkept``, and for owners not tried again.
    """

    def __init__(self, data: Data, control: WebHdfs | None, asked: frozenset[str]) -> None:
        self._data, self._control = data, control
        self._asks_acl, self._asks_xattrs = "acl" in asked, "xattrs" in asked and control is not None
        self._acls_are_kept = True
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._refused_owners: set[tuple[str | None, str | None]] = set()
        self.unkept: list[Failure] = []

    def entry(self, path: str, address: str, status: Status) -> Entry:
        """The entry at ``path``, with the costly attributes that are asked for; ``address`` is its absolute path."""
        acl = self._acl(address, status) if self._asks_acl else None
        xattrs: XAttrs | None = None
        if self._asks_xattrs:
            try:
                xattrs = self.xattrs(address)
            except PathMissing:  # it went while the tree was listed
                xattrs = ()
            except Unsupported:  # dfs.namenode.xattrs.enabled=false: no need to ask again
                self._asks_xattrs, xattrs = False, ()
        return status.entry(path, acl, xattrs)

    def entries(self, prefix: str, address: str, page: Page) -> list[Entry]:
        """The entries of a page; ``prefix`` and ``address`` stand before their names, and end in "/" or are empty."""

        def one(status: Status) -> Entry:
            return self.entry(prefix + status.name, address + status.name, status)

        if sum(map(self._costs, page)) < FEW:
            return [one(status) for status in page]
        return list(self._threads().map(one, page))

    def close(self) -> None:
        """Give back threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def xattrs(self, address: str) -> XAttrs:
        """Extended attributes, by name."""
        if self._control is None:
            raise Unsupported("extended attributes are told by WebHDFS alone; give its addresses", address=address)
        found = self._control.call("GETXATTRS", address, encoding="hex")["XAttrs"]
        return tuple(sorted((one["name"], bytes.fromhex((one["value"] or "0x")[2:])) for one in found))

    def set_new(self, path: str, address: str, wanted: Attributes, made_as: Status) -> Entry:
        """Set what a file created with ``wanted.mode``, and without an ACL, still lacks; tells how it stands then."""
        status = self._set_owner(path, address, wanted, made_as)
        acl = self._set_acl(path, address, wanted.acl, status.mode) if wanted.acl else ""
        xattrs = tuple(one for one in wanted.xattrs or () if self._set_xattr(path, address, *one))
        if wanted.mtime_ms is not None:
            self._data.set_mtime(address, wanted.mtime_ms)
            status = status._replace(mtime_ms=wanted.mtime_ms)
        return status.entry(path, acl if self._asks_acl else None, xattrs if self._asks_xattrs else None)

    def change(self, path: str, address: str, wanted: Attributes, found: Status) -> None:
        """Set those attributes that are given and differ."""
        mode = found.mode if wanted.mode is None else wanted.mode
        self._set_owner(path, address, wanted, found)
        if wanted.acl is not None and (wanted.acl or found.has_acl is not False):
            self._set_acl(path, address, wanted.acl, mode)
        if wanted.mode is not None and (wanted.mode != found.mode or wanted.acl == ""):
            self._data.set_mode(address, mode)
        if wanted.xattrs is not None:
            self._change_xattrs(path, address, wanted.xattrs)
        if wanted.mtime_ms is not None:
            self._data.set_mtime(address, wanted.mtime_ms)

    def _costs(self, status: Status) -> bool:
        return self._asks_xattrs or (self._asks_acl and status.has_acl is not False and self._acls_are_kept)

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, "hdfs-attributes")
            return self._pool

    def _acl(self, address: str, status: Status) -> str:
        if status.has_acl is False or status.kind == "other" or not self._acls_are_kept:
            return ""
        try:
            return ",".join(map(str, self._data.acl(address)))
        except PathMissing:  # it went while the tree was listed
            return ""
        except Unsupported:  # dfs.namenode.acls.enabled=false: no need to ask again
            self._acls_are_kept = False
            return ""

    def _set_owner(self, path: str, address: str, wanted: Attributes, found: Status) -> Status:
        owner = wanted.owner if wanted.owner != found.owner else None
        group = wanted.group if wanted.group != found.group else None
        for pair in dict.fromkeys([(owner, group), (None, group)]):  # a group of one's own needs no superuser
            if pair != (None, None) and pair not in self._refused_owners:
                if self._try(path, "owner and group", lambda pair=pair: self._data.set_owner(address, *pair)):  # type: ignore[misc]
                    return found._replace(owner=pair[0] or found.owner, group=pair[1] or found.group)
                self._refused_owners.add(pair)
        return found

    def _set_acl(self, path: str, address: str, acl: str, mode: int) -> str:
        rules: list[AclRule] = full(acl, mode) if rules_of(acl) else []
        return acl if self._try(path, "ACL", lambda: self._data.set_acl(address, rules)) else ""

    def _change_xattrs(self, path: str, address: str, wanted: XAttrs) -> None:
        if self._control is None and not wanted:
            return
        found = dict(self.xattrs(address)) if self._control is not None else {}
        for name in found.keys() - dict(wanted).keys():
            self._try(path, name, lambda name=name: self._call("REMOVEXATTR", address, xattr__name=name))  # type: ignore[misc]
        for name, value in wanted:
            if found.get(name) != value:
                self._set_xattr(path, address, name, value)

    def _set_xattr(self, path: str, address: str, name: str, value: bytes) -> bool:
        named = {"xattr__name": name, "xattr__value": f"0x{value.hex()}", "flag": "CREATE,REPLACE"}
        return self._try(path, name, lambda: self._call("SETXATTR", address, **named))

    def _call(self, op: str, address: str, **named: str) -> Any:
        if self._control is None:
            raise Unsupported("extended attributes are set by WebHDFS alone; give its addresses", address=address)
        return self._control.call(op, address, method="PUT", **named)

    def _try(self, path: str, what: str, call: Callable[[], Any]) -> bool:
        try:
            call()
        except _REFUSED as error:
            if len(self.unkept) < KEPT_REFUSALS:
                self.unkept.append(Failure(path, f"{what} could not be set: {error}", type(error).__name__))
            return False
        return True
