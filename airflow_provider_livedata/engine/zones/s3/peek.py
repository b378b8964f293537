"""What is at a key and what a small object holds, asked by obstore: a tenth of the CPU that boto3 takes for a request."""

from __future__ import annotations

from contextlib import suppress

import obstore

from airflow_provider_livedata.engine.errors import PathMissing
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.objects.listing import FOLDER, PAGE, Listed, milliseconds
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.clients import suits_obstore
from airflow_provider_livedata.engine.zones.s3.errors import s3_errors


def file_at(bucket: S3Bucket, path: str) -> Entry | None:
    """The file at a path, as a listing tells it.

    Raises:
        ZoneError: As s3_errors translates it.
    """
    with suppress(PathMissing), s3_errors(bucket.address, path, action="s3:GetObject"):
        found = obstore.head(bucket.clients.store, bucket.key(path))
        version, mtime_ms = (found["e_tag"] or "").strip('"'), milliseconds(found["last_modified"])
        return Entry(path, size_bytes=found["size"], mtime_ms=mtime_ms, version=version)
    return None


def may_be_directory(bucket: S3Bucket, path: str, *, marked_by_others: bool) -> bool:
    """Whether there is a key below a path, or a marker of it. No for sure; yes may be another kind of object.

    ``marked_by_others``: also by a marker of old s3n and EMR, which is no key below the path.
    """
    key = bucket.key(path)
    with s3_errors(bucket.address, path, action="s3:ListBucket"):
        if any(obstore.list(bucket.clients.store, key, chunk_size=1)):
            return True
    return marked_by_others and suits_obstore(key + FOLDER) and file_at(bucket, path + FOLDER) is not None


def state_below(bucket: S3Bucket, under: str) -> list[Listed] | None:
    """The objects below a folder of state, whose names are plain and which are never empty; None for whatever is not like that.

    None too where nothing is listed and never was: what does not speak S3 is read as an empty listing here, and boto3's answer tells
    the two apart.

    Raises:
        ZoneError: As s3_errors translates it.
    """
    found: list[Listed] = []
    with s3_errors(bucket.address, under, action="s3:ListBucket"):
        for page in obstore.list(bucket.clients.store, bucket.prefix + under, chunk_size=PAGE):
            for one in page:
                if not one["size"]:  # a marker of a directory, which would pass for a file of that name
                    return None
                key, version = one["path"].removeprefix(bucket.prefix), (one["e_tag"] or "").strip('"')
                found.append(Listed(key, one["size"], milliseconds(one["last_modified"]), version))
    bucket.clients.lists |= bool(found)
    return found if bucket.clients.lists else None


def names_below(bucket: S3Bucket, under: str) -> list[str] | None:
    """The names directly in a folder of state whose names are plain; None as for ``state_below``.

    Raises:
        ZoneError: As s3_errors translates it.
    """
    above = f"{bucket.prefix}{under}/"
    with s3_errors(bucket.address, under, action="s3:ListBucket"):
        listed = obstore.list_with_delimiter(bucket.clients.store, above)
    found = [*listed["common_prefixes"], *(one["path"] for one in listed["objects"])]
    bucket.clients.lists |= bool(found)
    # A store that knows no delimiter lists all that lies below.
    names = {key.removeprefix(above).partition("/")[0] for key in found}
    return list(names - {""}) if bucket.clients.lists else None


def read_whole(bucket: S3Bucket, path: str) -> bytes | None:
    """All bytes of an object by one request; None where there is none.

    Raises:
        ZoneError: As s3_errors translates it.
    """
    with suppress(PathMissing), s3_errors(bucket.address, path, action="s3:GetObject"):
        return bytes(obstore.get(bucket.clients.store, bucket.key(path)).bytes())
    return None
