"""Bytes of one object: read into the caller's buffer, or written in one piece.

obstore does both; boto3 what obstore cannot: keys that it refuses, and CRC32C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import obstore

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    ObjectChanged,
    PathMissing,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.s3_bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3_clients import MIB, suits_obstore
from airflow_provider_livedata.engine.zones.s3_errors import s3_errors
from airflow_provider_livedata.engine.zones.s3_metadata import checksum_fields, metadata_of, now_ms, written
from airflow_provider_livedata.engine.zones.s3_upload import ViewReader

if TYPE_CHECKING:
    from obstore import GetOptions, PutMode

MAX_PUT_BYTES = 5 * 1024 * MIB
_PIECE = MIB // 4  # what obstore hands over at a time: a whole range would double a reader's memory


def read(bucket: S3Bucket, path: str, offset: int, buffer: memoryview, version: str) -> int:
    """Fill the buffer from ``offset``; see Zone.read_into."""
    key = bucket.key(path)
    if not buffer.nbytes:
        return _read_nothing(bucket, key, path, version)
    by = _read_by_obstore if suits_obstore(key) else _read_by_boto3
    try:
        filled, promised = by(bucket, path, offset, buffer, version)
    except ZoneError as error:
        if error.where.get("status") == 416:  # a range that begins at the end or after it
            return 0
        raise
    if filled != promised:
        raise ZoneUnreachable("the connection ended before the bytes did; try again", address=str(bucket.address),
                              path=path, received=filled, promised=promised)  # fmt: skip
    return filled


def _read_nothing(bucket: S3Bucket, key: str, path: str, version: str) -> int:
    found = bucket.head(key, path)
    if found is None:
        raise PathMissing("nothing is there", address=str(bucket.address), path=path)
    if version and found["ETag"].strip('"') != version:
        raise ObjectChanged("it was replaced while being read", address=str(bucket.address), path=path)
    return 0


def _read_by_obstore(bucket: S3Bucket, path: str, offset: int, buffer: memoryview, version: str) -> tuple[int, int]:
    options: GetOptions = {"range": (offset, offset + buffer.nbytes)}
    if version:
        options["if_match"] = f'"{version}"'
    filled = 0
    with s3_errors(bucket.address, path, action="s3:GetObject"):
        answer = obstore.get(bucket.clients.store, bucket.key(path), options=options)
        start, stop = answer.range
        for piece in answer.stream(min_chunk_size=_PIECE):
            end = filled + len(piece)
            if end > buffer.nbytes:
                return end, stop - start
            buffer[filled:end] = piece
            filled = end
    return filled, stop - start


def _read_by_boto3(bucket: S3Bucket, path: str, offset: int, buffer: memoryview, version: str) -> tuple[int, int]:
    condition = {"IfMatch": f'"{version}"'} if version else {}
    wanted = f"bytes={offset}-{offset + buffer.nbytes - 1}"
    answer = bucket.ask(
        "get_object", path, action="s3:GetObject", gives="ContentRange", Key=bucket.key(path), Range=wanted, **condition
    )
    filled = 0
    with s3_errors(bucket.address, path, action="s3:GetObject"), answer["Body"] as body:
        while filled < buffer.nbytes and (count := body.readinto(buffer[filled:])):
            filled += count
    return filled, answer["ContentLength"]


def put(
    bucket: S3Bucket, path: str, data: bytes | bytearray | memoryview, checksum: Checksum | None,
    attributes: Attributes | None, expect: Expect,
) -> Entry:  # fmt: skip
    """Write an object; see Zone.put and, for what is proved, zones/s3.py."""
    key, size_bytes, whole = bucket.new_key(path), memoryview(data).nbytes, checksum_of(data)
    bucket.refuse_size(size_bytes, MAX_PUT_BYTES, path)
    if checksum is not None and checksum != whole:
        raise ChecksumMismatch("the bytes to write are not those that the checksum is of; nothing was sent", path=path)
    metadata, conditions = metadata_of(attributes), bucket.conditions(key, path, expect)
    kind = bucket.options.put_checksum
    with_obstore = suits_obstore(key) and kind == "crc64nvme"
    by = _put_by_obstore if with_obstore else _put_by_boto3
    version = by(bucket, path, data, metadata, conditions, expect)
    entry = Entry(path, size_bytes=size_bytes, version=version)
    return written(entry, metadata, kind, whole, now_ms())


def _put_by_obstore(
    bucket: S3Bucket, path: str, data: bytes | bytearray | memoryview, metadata: dict[str, str],
    conditions: dict[str, str], expect: Expect,
) -> str:  # fmt: skip
    mode: PutMode = "overwrite"
    if conditions:
        mode = {"e_tag": conditions["IfMatch"]} if "IfMatch" in conditions else "create"
    store = bucket.clients.single if conditions else bucket.clients.store
    with s3_errors(bucket.address, path, action="s3:PutObject", expect=expect):
        done = obstore.put(store, bucket.key(path), data, attributes=metadata or None, mode=mode, use_multipart=False)
    return (done["e_tag"] or "").strip('"')


def _put_by_boto3(
    bucket: S3Bucket, path: str, data: bytes | bytearray | memoryview, metadata: dict[str, str],
    conditions: dict[str, str], expect: Expect,
) -> str:  # fmt: skip
    body = ViewReader(memoryview(data))
    fields = checksum_fields(bucket.options.put_checksum, checksum_of(data))
    answer = bucket.ask("put_object", path, action="s3:PutObject", gives="ETag", expect=expect, Key=bucket.key(path),
                        Body=body, Metadata=metadata, **fields, **conditions)  # fmt: skip
    return str(answer["ETag"]).strip('"')


def put_marker(bucket: S3Bucket, path: str, attributes: Attributes | None) -> None:
    """Write the marker of a directory, unless it is there."""
    key = bucket.new_key(path, "/")
    try:
        conditions: dict[str, Any] = bucket.conditions(key, path, ABSENT)
        bucket.ask("put_object", path, action="s3:PutObject", gives="ETag", expect=ABSENT, Key=key, Body=b"",
                   Metadata=metadata_of(attributes), **conditions)  # fmt: skip
    except AlreadyExists:
        return
