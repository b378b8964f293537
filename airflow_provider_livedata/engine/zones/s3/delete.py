"""Delete objects and markers, a thousand a request, telling of each one that stayed.

entries, in order  ->  waves  ->  one request a wave
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

import obstore

from airflow_provider_livedata.engine.errors import NotEmpty, ZoneError
from airflow_provider_livedata.engine.model import Entry, Failure
from airflow_provider_livedata.engine.zones.objects.waves import waves
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket, fits_xml
from airflow_provider_livedata.engine.zones.s3.clients import suits_obstore
from airflow_provider_livedata.engine.zones.s3.errors import Answer, error_for, s3_errors

_ACTION = "s3:DeleteObject"


def delete(bucket: S3Bucket, entries: Sequence[Entry], workers: Executor) -> list[Failure]:
    """Delete entries in order; see Zone.delete."""
    failures = []
    for wave in waves(entries):
        failures += _delete_wave(bucket, wave, workers)
    return failures


def _delete_wave(bucket: S3Bucket, wave: list[Entry], workers: Executor) -> list[Failure]:
    keys = {bucket.prefix + entry.path: entry for entry in wave if entry.kind != "directory"}
    directories = [entry for entry in wave if entry.kind == "directory"]
    failures = []
    for entry, found in zip(
        directories, workers.map(lambda one: _marker_of(bucket, one.path), directories), strict=True
    ):
        if isinstance(found, ZoneError):
            failures.append(Failure.of(entry.path, found))
        elif found:
            keys[found] = entry
    return failures + [Failure.of(keys[key].path, error) for key, error in _delete_keys(bucket, keys, workers)]


def _marker_of(bucket: S3Bucket, path: str) -> str | ZoneError:
    """The key that marks an empty directory, "" where there is none."""
    try:
        below = [one.key for one in bucket.page(f"{path}/", limit=2).objects]
        if any(key != f"{path}/" for key in below):
            return NotEmpty("the directory holds entries", path=path)
        if below:
            return bucket.prefix + below[0]
        old = bucket.head_folder(path)
        return old[0] if old else ""
    except ZoneError as error:
        return error


def _delete_keys(bucket: S3Bucket, keys: Iterable[str], workers: Executor) -> list[tuple[str, ZoneError]]:
    plain: list[str] = []
    odd: list[str] = []
    for key in keys:
        (plain if fits_xml(key) else odd).append(key)
    single = workers.map(lambda key: _delete_one(bucket, key), odd)
    return [*_delete_batch(bucket, plain), *((key, error) for key, error in zip(odd, single, strict=True) if error)]


def _delete_one(bucket: S3Bucket, key: str) -> ZoneError | None:
    try:
        bucket.ask("delete_object", key.removeprefix(bucket.prefix), action=_ACTION, Key=key)
    except ZoneError as error:
        return error
    return None


def _delete_batch(bucket: S3Bucket, keys: list[str]) -> Iterator[tuple[str, ZoneError]]:
    if not keys:
        return
    try:
        if _is_deleted(bucket, keys):
            return
        answer = bucket.ask("delete_objects", action=_ACTION, Delete=_wanted(keys))
    except ZoneError as error:
        yield from ((key, error) for key in keys)
        return
    for said in answer.get("Errors", []):
        place = said["Key"].removeprefix(bucket.prefix)
        yield said["Key"], error_for(Answer(code=said.get("Code", "")), bucket.address, place, action=_ACTION)


def _wanted(keys: list[str]) -> dict[str, Any]:
    return {"Objects": [{"Key": key} for key in keys], "Quiet": True}


def _is_deleted(bucket: S3Bucket, keys: list[str]) -> bool:
    # By obstore: a tenth of boto3's time. Which key failed, and why, is left to boto3, who may ask for all of them again; a
    # store that is throttling is not asked again at once.
    if not all(map(suits_obstore, keys)):
        return False
    try:
        with s3_errors(bucket.address, action=_ACTION):
            obstore.delete(bucket.clients.store, keys)
    except ZoneError as error:
        if error.retryable:
            raise
        return False
    return True
