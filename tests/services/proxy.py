"""A proxy on loopback that makes a good server bad: refusals, cuts, lost replies, delays. It counts what passes.

    with FaultyProxy(server.endpoint) as proxy:
        proxy.refuse(3, method="PUT", path="part-0007")   # 503 SlowDown, three times
        proxy.cut(after_bytes=65536, method="GET")         # the connection breaks in mid-body, once
        ...
        assert proxy.count("PUT", "part-0007") == 4

``path`` is a regular expression, searched in the request's path with its query. Rules end by themselves after so many
requests; ``reset()`` ends all. Of several rules that match, each has its effect.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Literal, Self
from urllib.parse import urlsplit

from tests.services.http_wire import Head, ends_by_itself, read_head, request_body, response_body


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came through; ``expects``: what its header Expect said."""

    method: str
    target: str
    expects: str = field(default="", compare=False)


@dataclass(slots=True)
class Rule:
    """A fault for the next requests that match."""

    kind: Literal["refuse", "cut request", "cut response", "delay", "call", "corrupt", "drop header"]
    method: str | None
    path: str
    times: int
    skip: int
    status: int = 503
    code: str = "SlowDown"
    after_bytes: int = 0
    seconds: float = 0.0
    function: Callable[[], object] | None = None
    header: str = ""

    def fires(self, seen: Seen) -> bool:
        """Say whether it applies to this request, and use it up by one when it does."""
        if self.times <= 0 or (self.method and self.method != seen.method) or not re.search(self.path, seen.target):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class _Cut(Exception):
    """A rule says: break the connection here."""


class FaultyProxy:
    """An HTTP proxy in front of one server; see the module's text."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream if "//" in upstream else f"//{upstream}")
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self.endpoint = f"http://{self.address}"
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._seen: list[Seen] = []
        self._open: set[socket.socket] = set()
        self._closing = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name=f"proxy-{self.port}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refuse(
        self,
        times: int = 1,
        *,
        method: str | None = None,
        path: str = "",
        skip: int = 0,
        status: int = 503,
        code: str = "SlowDown",
    ) -> None:
        """Answer the next matching requests with an S3 error instead of passing them on."""
        self._add(Rule("refuse", method, path, times, skip, status=status, code=code))

    def cut(
        self,
        *,
        after_bytes: int,
        times: int = 1,
        method: str | None = None,
        path: str = "",
        skip: int = 0,
        side: Literal["request", "response"] = "response",
    ) -> None:
        """Break the connection after so many bytes of the request's or the response's body."""
        kind: Literal["cut request", "cut response"] = "cut request" if side == "request" else "cut response"
        self._add(Rule(kind, method, path, times, skip, after_bytes=after_bytes))

    def lose_reply(self, times: int = 1, *, method: str | None = None, path: str = "", skip: int = 0) -> None:
        """Let the server do its work, then break the connection before a byte of its answer is passed on."""
        self._add(Rule("cut response", method, path, times, skip, after_bytes=-1))

    def delay(
        self, seconds: float, *, times: int = 1, method: str | None = None, path: str = "", skip: int = 0
    ) -> None:
        """Hold the next matching requests back for so long."""
        self._add(Rule("delay", method, path, times, skip, seconds=seconds))

    def call(self, function: Callable[[], object], *, method: str | None = None, path: str = "", skip: int = 0) -> None:
        """Call a function when the next matching request comes in, before it is passed on."""
        self._add(Rule("call", method, path, 1, skip, function=function))

    def corrupt(self, times: int = 1, *, at_byte: int = 0, method: str | None = None, path: str = "") -> None:
        """Flip a bit of one byte in the body of the next matching requests that have so many."""
        self._add(Rule("corrupt", method, path, times, 0, after_bytes=at_byte))

    def drop_header(self, name: str, times: int = 1, *, method: str | None = None, path: str = "") -> None:
        """Pass the next matching requests on without a header (only moto accepts that of a signed one)."""
        self._add(Rule("drop header", method, path, times, 0, header=name.lower()))

    def reset(self) -> None:
        """Be transparent again and forget the counts."""
        with self._lock:
            self._rules.clear()
            self._seen.clear()

    @property
    def requests(self) -> list[Seen]:
        """All requests since the start or the last reset, refused ones too."""
        with self._lock:
            return list(self._seen)

    def count(self, method: str | None = None, path: str = "") -> int:
        """Return how many requests of this method and path came in."""
        return sum(1 for one in self.requests if method in {None, one.method} and re.search(path, one.target))

    def close(self) -> None:
        """Stop listening and break all connections. Idempotent."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            _break(connection)

    def _add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def _book(self, seen: Seen) -> list[Rule]:
        with self._lock:
            self._seen.append(seen)
            return [rule for rule in self._rules if rule.fires(seen)]

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        self._open.add(client)
        try:
            server = socket.create_connection(self._upstream, timeout=300)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(server)
            with client.makefile("rb") as asked, server.makefile("rb") as answered:
                while self._exchange(client, asked, server, answered):
                    pass
            client.close()
        except (OSError, ValueError, _Cut):
            _break(client)
        finally:
            self._open.discard(client)
            if server is not None:
                self._open.discard(server)
                _break(server)

    def _exchange(self, client: socket.socket, asked: BinaryIO, server: socket.socket, answered: BinaryIO) -> bool:
        """Pass one request and its answer; say whether the connection goes on."""
        head = read_head(asked)
        if head is None or self._closing:  # what comes after the end may still be read
            return False
        method, target, _ = head.start.split(" ", 2)
        rules = self._book(Seen(method, target, head.get("expect")))
        _hold(rules)
        for rule in rules:
            if rule.kind == "refuse":
                return _refuse(client, asked, head, method, rule)
        _pass_request(client, asked, server, head, rules)
        return _pass_response(client, server, answered, method, rules)


def _hold(rules: Iterable[Rule]) -> None:
    for rule in rules:
        time.sleep(rule.seconds)
        if rule.function is not None:
            rule.function()


def _refuse(client: socket.socket, asked: BinaryIO, head: Head, method: str, rule: Rule) -> bool:
    waits = head.get("expect") != ""
    if not waits:
        for _ in request_body(asked, head):
            pass
    text = f"<Error><Code>{rule.code}</Code><Message>Please reduce your request rate.</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    answer = Head(f"HTTP/1.1 {rule.status} {rule.code}", (*headers, *([("Connection", "close")] if waits else [])))
    client.sendall(answer.encode() + (b"" if method == "HEAD" else body))
    return not waits


def _pass_request(
    client: socket.socket, asked: BinaryIO, server: socket.socket, head: Head, rules: Iterable[Rule]
) -> None:
    if head.get("expect"):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    head = head.without("expect")
    for rule in rules:
        head = head.without(rule.header)
    server.sendall(head.encode())
    body = _corrupted(request_body(asked, head), _limit(rules, "corrupt"))
    _copy(body, server, _limit(rules, "cut request"))


def _corrupted(pieces: Iterable[bytes], at_byte: int | None) -> Iterable[bytes]:
    passed = 0
    for piece in pieces:
        at = -1 if at_byte is None else at_byte - passed
        passed += len(piece)
        yield piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :] if 0 <= at < len(piece) else piece


def _pass_response(
    client: socket.socket, server: socket.socket, answered: BinaryIO, method: str, rules: Iterable[Rule]
) -> bool:
    head = read_head(answered)
    limit = _limit(rules, "cut response")
    if head is None or (limit is not None and limit < 0):
        raise _Cut
    client.sendall(head.encode())
    _copy(response_body(answered, head, method), client, limit)
    return ends_by_itself(head, method)


def _copy(pieces: Iterable[bytes], target: socket.socket, limit: int | None) -> None:
    passed = 0
    for piece in pieces:
        if limit is not None and passed + len(piece) > limit:
            target.sendall(piece[: limit - passed])
            raise _Cut
        target.sendall(piece)
        passed += len(piece)


def _limit(rules: Iterable[Rule], kind: str) -> int | None:
    return min((rule.after_bytes for rule in rules if rule.kind == kind), default=None)


def _break(connection: socket.socket) -> None:
    """Close with a reset, as a network that fails does, and wake threads that read from it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()
