"""Remove what killed runs left in a bucket.

S3 tells nothing of an unfinished upload but its key and when it was begun, so there is no mark of ours to look for: all
uploads below the zone's root that were begun before the time given are aborted. The caller keeps the tokens of those
that it wants to take up again, and gives a time before them; others who upload to the same prefix must be younger.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_plus

from airflow_provider_livedata.engine.errors import PathMissing
from airflow_provider_livedata.engine.zones.objects.listing import milliseconds
from airflow_provider_livedata.engine.zones.s3 import peek as s3_peek
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.check import PROBES


def sweep(bucket: S3Bucket, older_than_ms: int) -> int:
    """Abort the uploads and remove the probes of ``check`` that are older; return how many there were."""
    return _sweep_uploads(bucket, older_than_ms) + _sweep_probes(bucket, older_than_ms)


def _sweep_uploads(bucket: S3Bucket, older_than_ms: int) -> int:
    count = 0
    for key, upload in _uploads(bucket, older_than_ms):
        try:
            bucket.ask("abort_multipart_upload", key.removeprefix(bucket.prefix), action="s3:AbortMultipartUpload",
                       Key=key, UploadId=upload)  # fmt: skip
        except PathMissing:
            continue  # completed or aborted meanwhile
        count += 1
    return count


def _uploads(bucket: S3Bucket, older_than_ms: int) -> Iterator[tuple[str, str]]:
    markers: dict[str, str] = {}
    while True:
        page = bucket.ask("list_multipart_uploads", action="s3:ListBucketMultipartUploads", Prefix=bucket.prefix,
                          EncodingType="url", **markers)  # fmt: skip
        encoded = page.get("EncodingType") == "url"
        for one in page.get("Uploads", []):
            if milliseconds(one["Initiated"]) < older_than_ms:
                yield _decoded(one["Key"], encoded=encoded), one["UploadId"]
        if not page.get("IsTruncated"):
            return
        markers = {"KeyMarker": _decoded(page["NextKeyMarker"], encoded=encoded),
                   "UploadIdMarker": page["NextUploadIdMarker"]}  # fmt: skip


def _decoded(key: str, *, encoded: bool) -> str:
    return unquote_plus(key) if encoded else key


def _sweep_probes(bucket: S3Bucket, older_than_ms: int) -> int:
    under = f"{PROBES}/"
    listed = s3_peek.state_below(bucket, under)
    found = [one for one in (bucket.page(under).objects if listed is None else listed) if one.mtime_ms < older_than_ms]
    for one in found:
        bucket.ask("delete_object", one.key, action="s3:DeleteObject", Key=bucket.prefix + one.key)
    return len(found)
