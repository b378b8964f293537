"""Ranges of objects, into the caller's buffer. obstore reads, and boto3 where obstore refuses the key.

A request costs a store some milliseconds whatever its size. So a thread that reads on where it stopped, as one does that
writes to HDFS, is given the bytes of one longer request, which stays open between its calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import obstore

from airflow_provider_livedata.engine.errors import ObjectChanged, PathMissing, ZoneError, ZoneUnreachable
from airflow_provider_livedata.engine.zones.ranges import AHEAD_BYTES, OpenRange, ReadingOn
from airflow_provider_livedata.engine.zones.s3_bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3_clients import MIB, suits_obstore
from airflow_provider_livedata.engine.zones.s3_errors import s3_errors

if TYPE_CHECKING:
    from obstore import GetOptions

_PIECE = MIB // 4  # what obstore hands over at a time: a whole range would double a reader's memory


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
        by = self._by_obstore if suits_obstore(key) else self._by_boto3
        try:
            filled, promised = by(path, offset, buffer, version)
        except ZoneError as error:
            if error.where.get("status") == 416:  # a range that begins at the end or after it
                return 0
            raise
        if filled != promised:
            raise ZoneUnreachable("the connection ended before the bytes did; try again",
                                  address=str(self._bucket.address), path=path, received=filled, promised=promised)  # fmt: skip
        return filled

    def _by_obstore(self, path: str, offset: int, buffer: memoryview, version: str) -> tuple[int, int]:
        with s3_errors(self._bucket.address, path, action="s3:GetObject"):
            return self._on.fill(
                (path, version), offset, buffer, AHEAD_BYTES if version else 0,
                lambda size_bytes: OpenRange(*self._get(path, offset, size_bytes, version)),
            )  # fmt: skip

    def _get(self, path: str, offset: int, size_bytes: int, version: str) -> tuple[int, Iterator[bytes]]:
        options: GetOptions = {}
        if (
            offset or size_bytes < AHEAD_BYTES
        ):  # the whole object costs a store less than its range: no copy in its memory
            options["range"] = (offset, offset + size_bytes)
        if version:
            options["if_match"] = f'"{version}"'
        answer = obstore.get(self._bucket.clients.store, self._bucket.key(path), options=options)
        start, stop = answer.range
        return stop - start, iter(answer.stream(min_chunk_size=_PIECE))

    def _by_boto3(self, path: str, offset: int, buffer: memoryview, version: str) -> tuple[int, int]:
        bucket, condition = self._bucket, {"IfMatch": f'"{version}"'} if version else {}
        wanted = f"bytes={offset}-{offset + buffer.nbytes - 1}"
        answer = bucket.ask("get_object", path, action="s3:GetObject", gives="ContentRange", Key=bucket.key(path),
                            Range=wanted, **condition)  # fmt: skip
        filled = 0
        with s3_errors(bucket.address, path, action="s3:GetObject"), answer["Body"] as body:
            while filled < buffer.nbytes and (count := body.readinto(buffer[filled:])):
                filled += count
        return filled, answer["ContentLength"]


def _read_nothing(bucket: S3Bucket, key: str, path: str, version: str) -> int:
    found = bucket.head(key, path)
    if found is None:
        raise PathMissing("nothing is there", address=str(bucket.address), path=path)
    if version and found["ETag"].strip('"') != version:
        raise ObjectChanged("it was replaced while being read", address=str(bucket.address), path=path)
    return 0
