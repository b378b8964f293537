"""Requests over HTTP for many threads: one pool of connections, and another attempt where that does no harm.

No header, URL or body ever goes into a message: they may hold what signs them.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from airflow_provider_livedata.engine.errors import ZoneUnreachable
from airflow_provider_livedata.engine.zones.ranges import OpenRange

Piece = bytes | bytearray | memoryview
PASSING = frozenset({408, 429, 500, 502, 503, 504})  # worth another attempt
LONGEST_WAIT_S = 20.0
_PIECE = 256 << 10  # of what is received, at a time
_SMALL = 64 << 10  # sent at once
_NETWORK = "the store does not answer, or the connection broke; check the endpoint and the network"
_TLS = "no trusted TLS connection; let verify name the file of the authority that signed the endpoint's certificate"  # fmt: skip


class _WithoutSignatures(logging.Filter):
    """Takes signatures out of the URLs that urllib3 logs when it is asked for every request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        if isinstance(record.args, tuple):
            record.args = tuple(_SIGNATURE.sub("sig=***", one) if isinstance(one, str) else one for one in record.args)
        return True


_SIGNATURE = re.compile(r"\bsig=[^&\s]+")
logging.getLogger("urllib3.connectionpool").addFilter(_WithoutSignatures())


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``may_repeat``: it does no harm to make it again when nobody knows whether it took place."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Sequence[Piece] = ()
    may_repeat: bool = True


def form(url: str, fields: Mapping[str, str]) -> Request:
    """A request that sends a form."""
    return Request("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, [urlencode(fields).encode()])


class Answer(NamedTuple):
    """What came back; ``body`` is empty where it is streamed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stream: urllib3.BaseHTTPResponse


Signer = Callable[[Request], Mapping[str, str]]  # headers that authorize one attempt


class Http:
    """See the module's text. ``where`` names the store in messages."""

    def __init__(
        self, where: str, sign: Signer, *, connections: int, retries: int, timeout_s: float, verify: bool | str
    ) -> None:
        self._where, self._sign, self._retries = where, sign, retries
        self._settings: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "timeout": urllib3.Timeout(connect=min(10.0, timeout_s), read=timeout_s),
            "cert_reqs": "CERT_REQUIRED" if verify else "CERT_NONE",
            "ca_certs": verify if isinstance(verify, str) else None,
        }
        self._pools: dict[str, urllib3.PoolManager] = {}

    def send(self, request: Request, *, path: str = "", is_streamed: bool = False) -> Answer:
        """Make a request, again after a while where it may be and the failure may pass.

        Raises:
            ZoneUnreachable: No answer.
        """
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries or not request.may_repeat
            try:
                answer = self._once(request, is_streamed=is_streamed)
            except HTTPError as error:
                if is_last:
                    raise _unreachable(error, self._where, path) from None
                answer = None
            if answer is not None and (answer.status not in PASSING or is_last):
                return answer
            time.sleep(_wait_s(attempt, answer.headers.get("Retry-After", "") if answer else ""))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, request: Request, *, is_streamed: bool) -> Answer:
        body: Any = list(request.body)  # pieces are sent as they are, without a copy of them all
        size_bytes = sum(memoryview(piece).nbytes for piece in body)
        if size_bytes <= _SMALL:
            body = b"".join(body)
        length = {"Content-Length": str(size_bytes)} if request.method in {"PUT", "POST"} else {}
        headers = {**length, **request.headers}
        headers.update(self._sign(replace(request, headers=headers)))
        response = self._pool(request.url).request(
            request.method, request.url, headers=headers, body=body or None, redirect=False,
            preload_content=False, decode_content=False,
        )  # fmt: skip
        if is_streamed and response.status < 300:
            return Answer(response.status, response.headers, b"", response)
        try:
            return Answer(response.status, response.headers, response.read(), response)
        finally:
            response.release_conn()

    def _pool(self, url: str) -> urllib3.PoolManager:
        scheme, _, rest = url.partition("://")
        host = rest.partition("/")[0]
        pool = self._pools.get(host)
        if pool is None:
            proxy = getproxies().get(scheme)
            if proxy and not proxy_bypass(host):
                pool = urllib3.ProxyManager(proxy, **self._settings)
            else:
                pool = urllib3.PoolManager(**self._settings)
            self._pools[host] = pool
        return pool

    def close(self) -> None:
        """Give the connections back."""
        for pool in self._pools.values():
            pool.clear()


def received(answer: Answer, where: str, path: str) -> OpenRange:
    """The bytes of a streamed answer. Dropping it ends the request."""
    return OpenRange(int(answer.headers.get("Content-Length", "0")), _pieces(answer.stream, where, path))


def _pieces(stream: urllib3.BaseHTTPResponse, where: str, path: str) -> Iterator[bytes]:
    try:
        yield from stream.stream(_PIECE, decode_content=False)
    except HTTPError as error:
        raise _unreachable(error, where, path) from None
    finally:
        stream.close()  # what was read to its end has given its connection back already
        stream.release_conn()


def _unreachable(error: HTTPError, where: str, path: str) -> ZoneUnreachable:
    said = _TLS if isinstance(error, SSLError) else _NETWORK
    return ZoneUnreachable(said, address=where, path=path or None, error=type(error).__name__)


def _wait_s(attempt: int, asked: str) -> float:
    wanted = float(asked) if asked.isdecimal() else 0.0
    spread = float(0.2 * 2**attempt * random.uniform(0.5, 1.5))
    return min(max(wanted, spread), LONGEST_WAIT_S)
