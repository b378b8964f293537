"""As much of HTTP/1.1 as a proxy needs to see: heads, and where bodies end. Bytes pass unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

PIECE = 64 << 10


@dataclass(frozen=True, slots=True)
class Head:
    """The start line and headers of a request or a response."""

    start: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """Return a header's value, or "" when it is not there."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def without(self, name: str) -> Head:
        """Return the head less one header."""
        return Head(self.start, tuple(pair for pair in self.headers if pair[0].lower() != name))

    def encode(self) -> bytes:
        """Return it as it travels."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def closes(self) -> bool:
        """Whether the sender closes the connection after this message."""
        return self.get("connection").lower() == "close"


def read_head(stream: BinaryIO) -> Head | None:
    """Read a head, or None when the peer closed instead of sending one."""
    start = stream.readline(PIECE).decode("latin-1").rstrip("\r\n")
    if not start:
        return None
    headers = []
    while line := stream.readline(PIECE).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    return Head(start, tuple(headers))


def request_body(stream: BinaryIO, head: Head) -> Iterator[bytes]:
    """Yield the body of a request, chunk marks included."""
    return _chunked(stream) if _is_chunked(head) else _exactly(stream, int(head.get("content-length") or 0))


def response_body(stream: BinaryIO, head: Head, method: str) -> Iterator[bytes]:
    """Yield the body of the response to a request of this method, chunk marks included."""
    if _is_empty(head, method):
        return iter(())
    if _is_chunked(head):
        return _chunked(stream)
    length = head.get("content-length")
    return _exactly(stream, int(length)) if length else iter(lambda: stream.read1(PIECE), b"")  # type: ignore[attr-defined]


def ends_by_itself(head: Head, method: str) -> bool:
    """Say whether the end of this response can be told without the connection closing."""
    return bool(_is_empty(head, method) or _is_chunked(head) or head.get("content-length")) and not head.closes


def _is_empty(head: Head, method: str) -> bool:
    return method == "HEAD" or head.start.split(" ")[1] in {"204", "304"}


def _is_chunked(head: Head) -> bool:
    return head.get("transfer-encoding").lower() == "chunked"


def _exactly(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        piece: bytes = stream.read1(min(length, PIECE))  # type: ignore[attr-defined]
        if not piece:
            raise ConnectionError("body ended early")
        length -= len(piece)
        yield piece


def _chunked(stream: BinaryIO) -> Iterator[bytes]:
    size = -1
    while size:
        mark = stream.readline(PIECE)
        size = int(mark.split(b";")[0] or b"0", 16)
        yield mark
        yield from _exactly(stream, size)
        line = stream.readline(PIECE)  # the end of the chunk, or the trailers
        while size == 0 and line not in {b"\r\n", b""}:
            yield line
            line = stream.readline(PIECE)
        yield line
