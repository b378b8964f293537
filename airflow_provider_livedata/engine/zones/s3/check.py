"""Prove that a bucket can be used before a run begins: that it is there, readable, and, as a target, written safely."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    Unsupported,
)
from airflow_provider_livedata.engine.model import ABSENT
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket

PROBES = ".livedata/probe"
PROOF_LASTS_S = 600.0


def is_proved(bucket: S3Bucket) -> bool:
    """Whether these clients were found to read and write here a short while ago: a live replication asks before each cycle."""
    return time.monotonic() - bucket.clients.proved_writable.get(bucket.prefix, -PROOF_LASTS_S) < PROOF_LASTS_S


def check_readable(bucket: S3Bucket, read_byte: Callable[[str], object], *, may_be_absent: bool) -> None:
    """Check the root, and that the first object below it can be read.

    Not by a HEAD of the bucket: that needs more rights than a listing of the prefix, and says less when it fails.
    """
    first = [one.key for one in bucket.page(limit=2).objects]
    if not first and bucket.prefix:
        _check_absent_root(bucket, may_be_absent=may_be_absent)
    for key in first:
        if key and not key.endswith("/"):
            with suppress(
                PathMissing, ObjectChanged, Unsupported
            ):  # gone again, or in an archive: not everything's fate
                read_byte(key)
            return


def _check_absent_root(bucket: S3Bucket, *, may_be_absent: bool) -> None:
    root, key = str(bucket.address), bucket.prefix.removesuffix("/")
    if bucket.head(key, "") is not None:
        raise NotADirectory("an object stands where a directory should be; correct the address", address=root)
    if not may_be_absent and bucket.head_folder("") is None:
        raise PathMissing("nothing is there: no key begins with this prefix; correct the address", address=root)


def check_writable(bucket: S3Bucket, zone: Zone) -> None:
    """Write a small object where state is kept, prove that a second writer of it would be refused, and remove it."""
    path = f"{PROBES}/{uuid.uuid4()}"
    zone.put(path, b"livedata", expect=ABSENT)
    try:
        if not bucket.options.exclusive:
            _check_conditional(bucket, zone, path)
    finally:
        bucket.ask("delete_object", path, action="s3:DeleteObject", Key=bucket.key(path))
    bucket.clients.proved_writable[bucket.prefix] = time.monotonic()


def _check_conditional(bucket: S3Bucket, zone: Zone, path: str) -> None:
    try:
        zone.put(path, b"livedata", expect=ABSENT)
    except AlreadyExists:
        return
    raise Unsupported("the store ignores conditional writes (If-None-Match), so two runs could overwrite each other; "
                      "give the option exclusive=True if nothing else writes to this target",
                      address=str(bucket.address))  # fmt: skip
