"""Ranges of objects, into the caller's buffer.

A request costs a store some milliseconds whatever its size. So a thread that reads on where it stopped, as one does that
writes to HDFS, is given the bytes of one longer request, which stays open between its calls.

Two clients read: obstore makes a small request for a third of boto3's CPU; boto3 brings the bytes of a large one for half of
obstore's, and holds none of them ahead. Keys that obstore refuses are boto3's too.
"""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

import obstore
from botocore.response import StreamingBody

from airflow_provider_livedata.engine.errors import ObjectChanged, PathMissing, ZoneError, ZoneUnreachable
from airflow_provider_livedata.engine.zones.ranges import AHEAD_BYTES, OpenRange, Range, ReadingOn
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.clients import MIB, suits_obstore
from airflow_provider_livedata.engine.zones.s3.errors import s3_errors

if TYPE_CHECKING:
    from obstore import GetOptions

_PIECE = MIB // 4  # what obstore hands over at a time: a whole range would double a reader's memory
_RECEIVED_AT_ONCE = 256 << 10  # more would be allocated afresh by boto3 each time, and kept by malloc for each thread
_LARGE_BYTES = MIB  # asked for at once, from here on boto3 reads


class S3Reading:
    """Reads the objects of one bucket, for any number of threads."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._on = ReadingOn()

    def read(self, path: str, offset: int, buffer: memoryview, version: str) -> int:
        """Fill the buffer from ``offset``; see Zone.read_into."""
        key = self._bucket.key(path)
        if not buffer.nbytes:
            return _read_nothing(self._bucket, key, path, version)
        get = self._by_obstore if suits_obstore(key) and buffer.nbytes < _LARGE_BYTES else self._by_boto3
        try:
            filled, promised = self._fill(get, path, offset, buffer, version)
        except ZoneError as error:
            if error.where.get("status") == 416:  # a range that begins at the end or after it
                return 0
            raise
        if filled != promised:
            raise ZoneUnreachable("the connection ended before the bytes did; try again",
                                  address=str(self._bucket.address), path=path, received=filled, promised=promised)  # fmt: skip
        return filled

    def _fill(
        self, get: Callable[[str, int, int, str], Range], path: str, offset: int, buffer: memoryview, version: str
    ) -> tuple[int, int]:
        with s3_errors(self._bucket.address, path, action="s3:GetObject"):
            return self._on.fill(
                (path, version), offset, buffer, AHEAD_BYTES if version else 0,
                lambda size_bytes: get(path, offset, size_bytes, version),
            )  # fmt: skip

    def _by_obstore(self, path: str, offset: int, size_bytes: int, version: str) -> Range:
        options: GetOptions = {}
        if not _is_whole(offset, size_bytes):
            options["range"] = (offset, offset + size_bytes)
        if version:
            options["if_match"] = f'"{version}"'
        answer = obstore.get(self._bucket.clients.store, self._bucket.key(path), options=options)
        start, stop = answer.range
        return OpenRange(stop - start, iter(answer.stream(min_chunk_size=_PIECE)))

    def _by_boto3(self, path: str, offset: int, size_bytes: int, version: str) -> Range:
        wanted = {"IfMatch": f'"{version}"'} if version else {}
        if not _is_whole(offset, size_bytes):
            wanted["Range"] = f"bytes={offset}-{offset + size_bytes - 1}"
        answer = self._bucket.ask("get_object", path, action="s3:GetObject", gives="ContentRange" if "Range" in wanted else "Body",
                                  Key=self._bucket.key(path), **wanted)  # fmt: skip
        return _Body(answer["ContentLength"], answer["Body"])


class _Body:
    """A Range that boto3 receives.

    Its bytes go from the socket into the caller's buffer where that can be: botocore and urllib3 have them copied three times.
    """

    def __init__(self, left: int, body: Any) -> None:
        self.left, self._body = left, body
        self._raw: Any = getattr(body, "_raw_stream", None) if type(body) is StreamingBody else None
        answer = getattr(self._raw, "_fp", None)
        self._answer = answer if isinstance(answer, HTTPResponse) else None

    def fill(self, buffer: memoryview) -> int:
        """See ``Range.fill``. Its last byte gives the connection back."""
        filled, wanted = 0, min(self.left, buffer.nbytes)
        while filled < wanted:
            count = self._received(buffer[filled:wanted])
            if not count:
                break
            filled += count
        self.left -= filled
        if not self.left and self._answer is not None and self._answer.isclosed():
            self._raw.release_conn()
        return filled

    def _received(self, buffer: memoryview) -> int:
        if self._answer is not None:
            return self._answer.readinto(buffer)
        return int(self._body.readinto(buffer[:_RECEIVED_AT_ONCE]))


def _is_whole(offset: int, size_bytes: int) -> bool:
    # Asked for without a range, an object costs a store less: no copy in its memory.
    return offset == 0 and size_bytes >= AHEAD_BYTES


def _read_nothing(bucket: S3Bucket, key: str, path: str, version: str) -> int:
    found = bucket.head(key, path)
    if found is None:
        raise PathMissing("nothing is there", address=str(bucket.address), path=path)
    if version and found["ETag"].strip('"') != version:
        raise ObjectChanged("it was replaced while being read", address=str(bucket.address), path=path)
    return 0
