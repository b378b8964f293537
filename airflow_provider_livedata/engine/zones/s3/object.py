"""Objects written in one piece: by obstore, and by boto3 what obstore cannot, which is keys that it refuses and CRC32C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import obstore

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import AlreadyExists, ChecksumMismatch
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.clients import MIB, suits_obstore
from airflow_provider_livedata.engine.zones.s3.errors import FOREIGN, translated
from airflow_provider_livedata.engine.zones.s3.metadata import checksum_fields, written
from airflow_provider_livedata.engine.zones.s3.upload import ViewReader

if TYPE_CHECKING:
    from obstore import PutMode

MAX_PUT_BYTES = 5 * 1024 * MIB


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
    if with_obstore:
        version = _put_by_obstore(bucket, path, key, data, metadata, conditions, expect)
    else:
        version = _put_by_boto3(bucket, path, data, metadata, conditions, expect)
    entry = Entry(path, size_bytes=size_bytes, version=version)
    return written(entry, metadata, kind, whole, now_ms())


def _put_by_obstore(
    bucket: S3Bucket, path: str, key: str, data: bytes | bytearray | memoryview, metadata: dict[str, str],
    conditions: dict[str, str], expect: Expect,
) -> str:  # fmt: skip
    mode: PutMode = "overwrite"
    if conditions:
        mode = {"e_tag": conditions["IfMatch"]} if "IfMatch" in conditions else "create"
    store = bucket.clients.single if conditions else bucket.clients.store
    try:  # not s3_errors, whose frames each small file would pay for
        done = obstore.put(store, key, data, attributes=metadata or None, mode=mode, use_multipart=False)
    except FOREIGN as error:
        raise translated(error, bucket.address, path, action="s3:PutObject", expect=expect) from None
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
