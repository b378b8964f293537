"""A file that gets another name within its bucket: S3 copies it, and its bytes go nowhere else.

What a copy keeps: content headers, user metadata beside ours, tags, storage class and encryption key. What is proved: the
origin is of the version asked for; S3 computes the copy's checksum, which is compared with the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    ChecksumMismatch,
    ObjectChanged,
    PathMissing,
    ZoneError,
)
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.clients import MIB
from airflow_provider_livedata.engine.zones.s3.metadata import (
    ALGORITHMS,
    Kind,
    checksum_fields,
    checksums_in,
    entry_of,
)

MAX_COPY_BYTES = 5 * 1024 * MIB  # of one request; larger files are copied by parts
PART_BYTES = 1024 * MIB
MAX_PARTS = 10_000
_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
         "StorageClass", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled", "WebsiteRedirectLocation")  # fmt: skip


def move(
    bucket: S3Bucket, origin: str, path: str, version: str, checksum: Checksum | None,
    attributes: Attributes | None, expect: Expect,
) -> Entry:  # fmt: skip
    """See Moves.move: a copy, which leaves the origin where it is."""
    found = bucket.head(bucket.key(origin), origin)
    if found is None:
        raise PathMissing("nothing is there to be copied", address=str(bucket.address), path=origin)
    there = entry_of(origin, found)
    if version and there.version != version:
        raise ObjectChanged("not the version that was to be copied", path=origin, expected=version, found=there.version)
    key = bucket.new_key(path)
    conditions = bucket.conditions(key, path, expect)
    if conditions:  # many stores that know conditional puts ignore conditions on what a copy is to replace
        bucket.refuse_other(key, path, expect)
    copy = _Copy(bucket, key, path, there, found, attributes, conditions, expect)
    etag, sums = copy.by_parts(checksum) if there.size_bytes > MAX_COPY_BYTES else copy.at_once()
    landed = Entry(path, size_bytes=there.size_bytes, version=etag, crc32c=sums.get("crc32c"), crc64nvme=sums.get("crc64nvme"),
                   mtime_ms=there.mtime_ms, source_version=there.source_version)  # fmt: skip
    if attributes is not None:
        mtime_ms = now_ms() if attributes.mtime_ms is None else attributes.mtime_ms
        landed = landed._replace(mtime_ms=mtime_ms, source_version=attributes.source_version)
    _check_bytes(bucket, landed, checksum)
    return landed


def _check_bytes(bucket: S3Bucket, landed: Entry, checksum: Checksum | None) -> None:
    if checksum is None or {landed.crc32c, landed.crc64nvme} <= {None, *checksum}:
        return
    bucket.ask("delete_object", landed.path, action="s3:DeleteObject", Key=bucket.key(landed.path))
    raise ChecksumMismatch("the store's copy has another checksum; it was removed", path=landed.path)


class _Copy:
    """One copy within a bucket."""

    def __init__(
        self, bucket: S3Bucket, key: str, path: str, there: Entry, found: dict[str, Any], attributes: Attributes | None,
        conditions: dict[str, str], expect: Expect,
    ) -> None:  # fmt: skip
        self._bucket, self._key, self._path, self._there, self._found = bucket, key, path, there, found
        self._conditions, self._expect = conditions, expect
        kinds: list[Kind] = [kind for kind in ALGORITHMS if getattr(there, kind) is not None]
        self._kind: Kind = kinds[0] if kinds else bucket.options.put_checksum
        self._origin: dict[str, Any] = {
            "CopySource": {"Bucket": bucket.clients.bucket, "Key": bucket.key(there.path)},
            "CopySourceIfMatch": f'"{there.version}"',
        }
        given = {name.lower(): value for name, value in found.get("Metadata", {}).items()}
        self._kept = {name: found[name] for name in _KEPT if name in found} | {
            "Metadata": given | metadata_of(attributes)
        }

    def at_once(self) -> tuple[str, dict[Kind, int]]:
        """ETag and checksums of the copy."""
        answer = self._ask("copy_object", gives="CopyObjectResult", expect=self._expect, MetadataDirective="REPLACE",
                           ChecksumAlgorithm=ALGORITHMS[self._kind], **self._origin, **self._kept, **self._conditions)  # fmt: skip
        done = answer["CopyObjectResult"]
        return str(done["ETag"]).strip('"'), checksums_in(done)

    def by_parts(self, checksum: Checksum | None) -> tuple[str, dict[Kind, int]]:
        """The same for a file that is too large for one request."""
        # versitygw 1.8 takes the origin's checksum for that of each part, where it is of the same kind: so another is computed.
        self._kind = "crc32c" if self._there.crc64nvme is not None else "crc64nvme"
        upload = self._ask("create_multipart_upload", gives="UploadId", ChecksumAlgorithm=ALGORITHMS[self._kind],
                           ChecksumType="FULL_OBJECT", **self._kept, **self._tags())["UploadId"]  # fmt: skip
        try:
            return self._complete(upload, [self._part(upload, *one) for one in self._ranges()], checksum)
        except BaseException:
            with suppress(ZoneError):
                self._ask("abort_multipart_upload", action="s3:AbortMultipartUpload", UploadId=upload)
            raise

    def _ranges(self) -> Iterator[tuple[int, int, int]]:
        size_bytes = self._there.size_bytes
        part_bytes = max(PART_BYTES, -(-size_bytes // MAX_PARTS))
        for index, start in enumerate(range(0, size_bytes, part_bytes)):
            yield index, start, min(start + part_bytes, size_bytes)

    def _part(self, upload: str, index: int, start: int, stop: int) -> dict[str, Any]:
        done = self._ask("upload_part_copy", gives="CopyPartResult", UploadId=upload, PartNumber=index + 1,
                         CopySourceRange=f"bytes={start}-{stop - 1}", **self._origin)["CopyPartResult"]  # fmt: skip
        told = {name: value for name, value in done.items() if name.startswith("Checksum") and name != "ChecksumType"}
        return {"PartNumber": index + 1, "ETag": done["ETag"], **told}

    def _complete(
        self, upload: str, parts: list[dict[str, Any]], checksum: Checksum | None
    ) -> tuple[str, dict[Kind, int]]:
        whole = checksum_fields(self._kind, checksum) if checksum is not None else {}
        answer = self._ask("complete_multipart_upload", gives="ETag", expect=self._expect, UploadId=upload, ChecksumType="FULL_OBJECT",
                           MultipartUpload={"Parts": parts}, **whole, **self._conditions)  # fmt: skip
        return str(answer["ETag"]).strip('"'), checksums_in(answer)

    def _tags(self) -> dict[str, str]:
        if not self._found.get("TagCount"):
            return {}
        answer = self._bucket.ask("get_object_tagging", self._there.path, action="s3:GetObjectTagging", gives="TagSet",
                                  Key=self._bucket.key(self._there.path))  # fmt: skip
        return {"Tagging": urlencode({tag["Key"]: tag["Value"] for tag in answer["TagSet"]})}

    def _ask(self, operation: str, *, action: str = "s3:PutObject", **given: Any) -> dict[str, Any]:
        return self._bucket.ask(operation, self._path, action=action, Key=self._key, **given)
