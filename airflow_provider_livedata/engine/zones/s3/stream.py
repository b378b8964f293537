"""A whole file in one request, its bytes as they come and its checksum after them.

Multipart uploads make a store write a file twice, and us hold a part in memory; this does neither. S3 computes the
checksum of what arrives and refuses the file when the trailer says another, so nothing becomes visible unproved.

Source: AWS, "Signature calculation for the authorization header: transferring a payload in multiple chunks", including
trailing headers (STREAMING-UNSIGNED-PAYLOAD-TRAILER).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import ZoneError
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.clients import MIB
from airflow_provider_livedata.engine.zones.s3.metadata import checksum_fields, written

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest

    from airflow_provider_livedata.engine.zones.s3.metadata import Kind

MAX_STREAM_BYTES = 256 * MIB  # what is sent again when a connection breaks
_END = b"\r\n"


class TrailedBody:
    """The body as a file that botocore reads once: chunks of the sizes that the pieces have, then the trailer.

    ``piece_bytes``: of every piece but the last. ``error``: what the pieces raised, which botocore would hide.
    """

    def __init__(
        self, size_bytes: int, piece_bytes: int, pieces: Iterator[memoryview], checksum: Callable[[], Checksum], kind: Kind
    ) -> None:  # fmt: skip
        self.size_bytes, self.kind = size_bytes, kind
        self.name = f"x-amz-checksum-{kind}"
        self.error: Exception | None = None
        self._pieces, self._checksum = pieces, checksum
        whole, rest = divmod(size_bytes, piece_bytes)
        framed = whole * _framed(piece_bytes) + (_framed(rest) if rest else 0)
        self.length = framed + len(b"0\r\n") + len(self._trailer(Checksum(0, 0)))
        self._blocks, self._at = self._framing(), 0

    def read(self, _size: int = -1) -> bytes | memoryview:
        """The next block, whatever its size; b"" after the last one."""
        try:
            block = next(self._blocks, b"")
        except Exception as error:
            self.error = error
            raise
        self._at += 1
        return block

    def tell(self) -> int:
        """Where the next read begins, in blocks: the signers want to be able to ask."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Stay where it is; what was read is gone."""
        if whence != io.SEEK_SET or offset != self._at:
            raise io.UnsupportedOperation("a stream is read once")
        return self._at

    def _framing(self) -> Iterator[bytes | memoryview]:
        for piece in self._pieces:
            yield b"%x\r\n" % len(piece)
            yield piece
            yield _END
        yield b"0\r\n" + self._trailer(self._checksum())

    def _trailer(self, checksum: Checksum) -> bytes:
        (value,) = checksum_fields(self.kind, checksum).values()
        return f"{self.name}:{value}\r\n\r\n".encode()


def _framed(size_bytes: int) -> int:
    return len(b"%x\r\n" % size_bytes) + size_bytes + len(_END)


def announce_trailer(request: AWSRequest, **_: object) -> None:
    """Tell S3, and the signature, of the trailer; also a handler of botocore's event ``before-sign``."""
    body = request.data
    if isinstance(body, TrailedBody):
        request.headers["X-Amz-Trailer"] = body.name
        request.headers["X-Amz-Decoded-Content-Length"] = str(body.size_bytes)
        algorithm = {"algorithm": body.kind, "in": "trailer", "name": body.name}
        request.context["checksum"] = {"request_algorithm": algorithm}


def put_stream(
    bucket: S3Bucket, path: str, size_bytes: int, piece_bytes: int, pieces: Iterator[memoryview],
    checksum: Callable[[], Checksum], attributes: Attributes | None, expect: Expect,
) -> Entry:  # fmt: skip
    """Write an object; see StreamedPuts.put_stream."""
    bucket.refuse_size(size_bytes, MAX_STREAM_BYTES, path)
    key, kind, metadata = bucket.new_key(path), bucket.options.part_checksum, metadata_of(attributes)
    body = TrailedBody(size_bytes, piece_bytes, pieces, checksum, kind)
    conditions = bucket.conditions(key, path, expect)
    try:
        answer = bucket.ask_with_stream(
            path, announce_trailer, expect=expect, Key=key, Body=body, ContentLength=body.length,
            ContentEncoding="aws-chunked", Metadata=metadata, **conditions,
        )  # fmt: skip
    except ZoneError:
        if body.error is not None:
            raise body.error from None
        raise
    entry = Entry(path, size_bytes=size_bytes, version=answer["ETag"].strip('"'))
    return written(entry, metadata, kind, checksum(), now_ms())
