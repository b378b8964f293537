"""HTTP to the nodes of a cluster: by a given ``requests`` session, or leaner where nothing but HTTP is needed.

``requests`` costs 650 microseconds of processor time a call, ``http.client`` on a kept connection 140 (Python 3.11). So a
session is used only where it carries something: Kerberos, TLS settings, cookies, a proxy.
"""

from __future__ import annotations

import http.client
import weakref
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import getproxies

from airflow_provider_livedata.engine.zones.webhdfs_paths import same_path

if TYPE_CHECKING:
    from requests import Response, Session

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
_BYTES = {"Content-Type": "application/octet-stream"}
_REDIRECTS = (301, 302, 303, 307, 308)
_CUT_OFF = (http.client.RemoteDisconnected, http.client.BadStatusLine, ConnectionError)


class Answer(NamedTuple):
    """What a server said."""

    status: int
    content_type: str
    body: bytes
    location: str = ""


class Transport(Protocol):
    """Sends one request and returns the answer; raises OSError or HTTPException where none comes."""

    def send(self, method: str, url: str, *, accept: str = "", body: Any = None, follow: bool = True) -> Answer:
        """Send; a redirect is followed, to exactly the path that it was asked for."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


def transport(session: Session | None) -> Transport:
    """The leanest transport that does what the session would."""
    if session is None:
        return Lean({}, {})
    is_plain = session.auth is None and session.cert is None and session.verify is True and not session.cookies
    if is_plain and not session.proxies and not getproxies():
        params: Any = session.params
        return Lean(dict(params or {}), {k: v for k, v in session.headers.items() if isinstance(v, str)})
    return BySession(session)


class Lean:
    """Kept connections of http.client, for any number of threads."""

    def __init__(self, params: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self._params, self._idle = dict(params), dict[tuple[str, str], deque[http.client.HTTPConnection]]()
        self._headers = {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def send(self, method: str, url: str, *, accept: str = "", body: Any = None, follow: bool = True) -> Answer:
        """See ``Transport.send``."""
        answer = self._exchange(method, _with_params(url, self._params), accept, body)
        if follow and answer.location:
            return self._exchange(method, same_path(url, answer.location), accept, body)
        return answer

    def close(self) -> None:
        """See ``Transport.close``."""
        _close_all(self._idle)

    def _exchange(self, method: str, url: str, accept: str, body: Any) -> Answer:
        parts = urlsplit(url)
        target = url[url.index(parts.netloc) + len(parts.netloc) :] or "/"
        headers = self._headers | ({"Accept": accept} if accept else {}) | (_BYTES if body is not None else {})
        idle = self._idle.setdefault((parts.scheme, parts.netloc), deque())
        # One that was kept may have been closed by the server meanwhile; what carries bytes is never sent twice.
        while idle and body is None:
            try:
                return _ask(idle.pop(), idle, method, target, headers, body)
            except IndexError:
                break
            except _CUT_OFF:
                continue
        return _ask(_connect(parts.scheme, parts.netloc), idle, method, target, headers, body)


class BySession:
    """A ``requests`` session, with its authentication, certificates and proxies."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def send(self, method: str, url: str, *, accept: str = "", body: Any = None, follow: bool = True) -> Answer:
        """See ``Transport.send``. On its way to another host the session leaves its authentication behind."""

        def keep_path(response: Response, *_args: Any, **_options: Any) -> None:
            if response.is_redirect:
                response.headers["location"] = same_path(url, urljoin(url, response.headers["location"]))

        headers = ({"Accept": accept} if accept else {}) | (_BYTES if body is not None else {})
        found = self._session.request(
            method,
            url,
            data=body,
            headers=headers,
            allow_redirects=follow,
            hooks={"response": keep_path},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
        return Answer(
            found.status_code, found.headers.get("content-type", ""), found.content, found.headers.get("location", "")
        )

    def close(self) -> None:
        """See ``Transport.close``. The session is its giver's."""


def _with_params(url: str, params: Mapping[str, str]) -> str:
    left = {name: value for name, value in params.items() if f"{name}=" not in url}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(left)}" if left else url


def _connect(scheme: str, netloc: str) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(netloc, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        connection.sock.settimeout(READ_SECONDS)
    except BaseException:
        connection.close()
        raise
    return connection


def _ask(
    connection: http.client.HTTPConnection, idle: deque[http.client.HTTPConnection], method: str, target: str,
    headers: Mapping[str, str], body: Any,
) -> Answer:  # fmt: skip
    try:
        connection.request(method, target, body=body, headers=dict(headers))
        response = connection.getresponse()
        location = response.getheader("location", "") if response.status in _REDIRECTS else ""
        answer = Answer(response.status, response.getheader("content-type", ""), response.read(), location)
    except BaseException:
        connection.close()
        raise
    if connection.sock is None:  # the server said that it closes
        connection.close()
    else:
        idle.append(connection)
    return answer


def _close_all(idle: dict[tuple[str, str], deque[http.client.HTTPConnection]]) -> None:
    for connections in list(idle.values()):
        while connections:
            connections.pop().close()
