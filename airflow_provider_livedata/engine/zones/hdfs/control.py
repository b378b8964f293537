"""WebHDFS: what the cluster is asked and told besides bytes. Source: Hadoop's "WebHDFS REST API"."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import copy
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from airflow_provider_livedata.engine.errors import (
    CredentialsRefused,
    LiveDataError,
    PermissionRefused,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.limits import NO_LIMIT, Pace
from airflow_provider_livedata.engine.zones.hdfs.errors import first_line, java_error
from airflow_provider_livedata.engine.zones.hdfs.http import Answer, transport
from airflow_provider_livedata.engine.zones.webhdfs_paths import same_path

if TYPE_CHECKING:
    from requests import Session

_JSON = "application/json"
_REFUSED = 400
_SILENT = "a web address does not answer; check the NameNode's host, its port (9870, or 9871 with TLS) and the network"
_NEXT = frozenset({"StandbyException", "RetriableException"})  # of a NameNode that is not the active one
# The NameNode looks up the file and its blocks to name a DataNode, and that one asks it for the blocks: so its audit log tells.
_BY_DATANODES, _CALLS = frozenset({"OPEN", "GETFILECHECKSUM"}), 3


class WebHdfs:
    """The NameNodes of one cluster by their HTTP addresses; calls go to the active one. For any number of threads."""

    def __init__(
        self, urls: Sequence[str], session: Session | None = None, user: str | None = None, *, origin: str = ""
    ) -> None:
        self.origin = origin  # hdfs://nn1:8020, for errors
        self.urls = [url.rstrip("/").removesuffix("/webhdfs/v1") for url in urls]
        given: Any = session.params if session is not None else {}
        self._identity = (
            {"user.name": user} if user and "user.name" not in (given or {}) and not _has_auth(session) else {}
        )
        self._transport, self._active, self._pace = transport(session), 0, NO_LIMIT

    def paced(self, pace: Pace) -> WebHdfs:
        """The same, whose calls wait for ``pace``: one each, and three where a DataNode answers."""
        made = copy(self)
        made._pace = pace
        return made

    def call(self, op: str, path: str, *, method: str = "GET", **params: str | int) -> dict[str, Any]:
        """Have the NameNode do ``op`` at the absolute ``path``; returns the answer's JSON, {} where there is none.

        Parameters whose names have a dot are written with "__". A redirect to a DataNode is followed.

        Raises:
            LiveDataError: As ``hdfs_errors`` maps it; ZoneUnreachable when no address answers.
        """
        self._take(op)
        answer = self._ask(method, self._target(op, path, params), f"{self.origin}{path}")
        return _json(answer, f"{self.origin}{path}") if answer.body else {}

    def blocks(self, path: str) -> dict[str, Any]:
        """A file's ``LocatedBlocks``: its length, whether it is being written, whether its last block is complete; none of the others."""
        return self.call("GET_BLOCK_LOCATIONS", path, offset=0, length=1).get("LocatedBlocks") or {}

    def read(self, path: str, offset: int, size_bytes: int) -> bytes:
        """Bytes of a file, from a DataNode."""
        self._take("OPEN")
        target = self._target("OPEN", path, {"offset": offset, "length": size_bytes})
        return self._ask("GET", target, f"{self.origin}{path}").body

    def write(self, op: str, path: str, data: bytes, *, method: str, **params: str | int) -> None:
        """Have a DataNode do ``op`` with ``data``. Not repeated: what became of it after an error is unknown."""
        self._take(op)
        address = f"{self.origin}{path}"
        told = self._ask(method, self._target(op, path, params), address, follow=False)
        if not told.location:
            raise ZoneError("the NameNode names no DataNode for the bytes", address=address)
        location = same_path(f"{self.urls[self._active]}/webhdfs/v1{quote(path)}", told.location)
        try:
            answer = self._transport.send(method, location, body=data)
        except (OSError, HTTPException) as error:
            reason = first_line(str(error)) or type(error).__name__
            raise ZoneUnreachable("the DataNode broke off", address=address, reason=reason) from error
        if answer.status >= _REFUSED:
            raise _refusal(answer, location.partition("?")[0], address)

    def servlet(self, servlet: str, **params: str) -> Answer:
        """What the active NameNode answers at ``/conf`` or ``/jmx``."""
        self._take(servlet)
        return self._ask("GET", f"/{servlet}?{urlencode(self._identity | params)}", self.origin)

    def setting(self, name: str) -> str | None:
        """The NameNode's own value of a configuration key; None where it does not tell."""
        try:
            text = self.servlet("conf", name=name, format="json").body.decode()
        except LiveDataError:
            return None
        found = re.search(rf'"key"\s*:\s*"{re.escape(name)}"\s*,\s*"value"\s*:\s*"([^"]*)"', text)
        found = found or re.search(rf"<name>{re.escape(name)}</name>\s*<value>([^<]*)</value>", text)
        return found[1] if found else None

    def bean(self, name: str, attribute: str = "") -> dict[str, Any]:
        """One of the NameNode's JMX beans, or an attribute alone; {} where it does not tell."""
        asked = {"get": f"{name}::{attribute}"} if attribute else {"qry": name}
        try:
            beans = _json(self.servlet("jmx", **asked), self.origin).get("beans") or [{}]
        except LiveDataError:
            return {}
        return dict(beans[0])

    def close(self) -> None:
        """Close kept connections."""
        self._transport.close()

    def _take(self, op: str) -> None:
        self._pace.take(_CALLS if op in _BY_DATANODES else 1)

    def _target(self, op: str, path: str, params: Mapping[str, str | int]) -> str:
        named = {name.replace("__", "."): str(value) for name, value in params.items()}
        return f"/webhdfs/v1{quote(path)}?{urlencode({'op': op, **self._identity, **named}, quote_via=quote)}"

    def _ask(self, method: str, target: str, address: str, *, follow: bool = True) -> Answer:
        failures: list[LiveDataError] = []
        first = self._active
        for index in [*range(first, len(self.urls)), *range(first)]:
            error = self._try(index, method, target, address, follow=follow)
            if isinstance(error, Answer):
                self._active = index
                return error
            failures.append(error)
        busy = [error for error in failures if isinstance(error, ZoneBusy)]
        raise (busy or failures)[0]

    def _try(self, index: int, method: str, target: str, address: str, *, follow: bool) -> Answer | LiveDataError:
        url = self.urls[index]
        try:
            answer = self._transport.send(method, url + target, accept=_JSON, follow=follow)
        except (OSError, HTTPException) as error:
            if "Authentication" in type(error).__name__:
                raise CredentialsRefused("the NameNode does not accept the credentials", webhdfs=url) from error
            reason = first_line(str(error)) or type(error).__name__
            return ZoneUnreachable(_SILENT, webhdfs=url, address=address, reason=reason)
        if answer.status < _REFUSED:
            return answer
        found = _refusal(answer, url, address)
        if found.where.get("java_class") in _NEXT and len(self.urls) > 1:
            return found
        raise found


def _has_auth(session: Session | None) -> bool:
    return session is not None and session.auth is not None


def _json(answer: Answer, address: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise ZoneError(
            "not an answer of WebHDFS; check the address of the NameNode's web port", address=address
        ) from error
    return dict(found)


def _refusal(answer: Answer, url: str, address: str) -> LiveDataError:
    try:
        said = json.loads(answer.body)["RemoteException"]
    except (ValueError, KeyError, TypeError):
        return _plain_refusal(answer.status, url, address)
    java_class = str(said.get("exception", ""))
    error = java_error(java_class, str(said.get("message", "")), address=address)
    error.where["java_class"] = java_class
    if answer.status == 401:
        return CredentialsRefused(
            "the NameNode does not accept the credentials", webhdfs=url, reason=error.where["reason"]
        )
    return error


def _plain_refusal(status: int, url: str, address: str) -> LiveDataError:
    if status == 401:
        return CredentialsRefused(
            "the NameNode wants credentials (Kerberos); use a connection that has them", webhdfs=url
        )
    if status == 403:
        return PermissionRefused("the web server before the NameNode refuses", webhdfs=url, address=address)
    if status in (429, 503):
        return ZoneBusy("the web server before the NameNode is busy", webhdfs=url, address=address)
    if status in (502, 504):
        return ZoneUnreachable("the web server before the NameNode cannot reach it", webhdfs=url, address=address)
    return ZoneError("no answer of WebHDFS; check the address of the NameNode's web port", webhdfs=url, status=status)
