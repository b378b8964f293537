"""A large file on its way into a bucket: a multipart upload, which stays open and invisible until it is completed.

What is proved: each part is sent with its checksum and refused by S3 when other bytes arrive; ``stage`` checks that
the parts' checksums make up the whole file's; at completion S3 computes the whole file's checksum from the parts that
it holds and refuses the file when it is another than the caller's. So what becomes visible has the caller's checksum.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BucketMissing,
    ObjectChanged,
    PathMissing,
)
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.objects.parts import in_order, refuse_gaps, refuse_others
from airflow_provider_livedata.engine.zones.s3.bucket import S3Bucket
from airflow_provider_livedata.engine.zones.s3.clients import MIB
from airflow_provider_livedata.engine.zones.s3.metadata import (
    ALGORITHMS,
    checksum_fields,
    entry_of,
    written,
)

MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * 1024 * MIB
MAX_FILE_BYTES = 5 * 1024 * 1024 * MIB


@dataclass(frozen=True, slots=True)
class Token:
    """What another process needs to go on. Not a secret: without credentials it opens nothing."""

    upload: str
    part_bytes: int
    size_bytes: int
    checksum: str
    metadata: dict[str, str]

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """Read one; None for what is none."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


def begin(bucket: S3Bucket, path: str, size_bytes: int, part_bytes: int, attributes: Attributes | None) -> S3Upload:
    """Open an upload."""
    bucket.refuse_size(size_bytes, MAX_FILE_BYTES, path)
    kind, metadata = bucket.options.part_checksum, metadata_of(attributes)
    answer = bucket.ask("create_multipart_upload", path, action="s3:PutObject", gives="UploadId", Key=bucket.new_key(path),
                        Metadata=metadata, ChecksumAlgorithm=ALGORITHMS[kind], ChecksumType="FULL_OBJECT")  # fmt: skip
    return S3Upload(bucket, path, Token(answer["UploadId"], part_bytes, size_bytes, kind, metadata))


def resume(bucket: S3Bucket, path: str, text: str, size_bytes: int, attributes: Attributes | None) -> S3Upload | None:
    """Take up an upload; None when it is gone, or was begun for another size, checksum or other attributes.

    Which of its parts stand is not asked: their receipts are the caller's, and ``complete`` refuses wrong ones.
    """
    token = Token.parse(text)
    if token is None or (token.size_bytes, token.checksum) != (size_bytes, bucket.options.part_checksum):
        return None
    if attributes is not None and metadata_of(attributes) != token.metadata:
        return None
    upload = S3Upload(bucket, path, token)
    return upload if upload.is_open() else None


class S3Upload(Upload):
    """See the module's text."""

    def __init__(self, bucket: S3Bucket, path: str, token: Token) -> None:
        self.token = str(token)
        self.part_bytes = token.part_bytes
        self._bucket = bucket
        self._path = path
        self._size_bytes = token.size_bytes
        self._metadata = token.metadata
        self._where = {"Key": bucket.key(path), "UploadId": token.upload}

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """Send one part; S3 refuses it when its checksum is another."""
        # A bytearray would be copied on its way, twice the memory for every part that is being sent.
        body = ViewReader(memoryview(data))
        answer = self._ask("upload_part", gives="ETag", PartNumber=index + 1, Body=body, **self._fields(checksum))
        return Part(index, answer["ETag"].strip('"'), memoryview(data).nbytes, checksum)

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """Check that the parts make up the file; they are durable already, and the upload stays open."""
        refuse_gaps(parts, self._size_bytes, self._path)
        refuse_others(parts, checksum, self._path)
        return self._entry("", checksum)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """Make the file visible. When the upload is gone because an earlier completion took place, say what it did."""
        refuse_gaps(parts, self._size_bytes, self._path)
        conditions = self._bucket.conditions(self._where["Key"], self._path, expect)
        listed = {"Parts": [self._receipt(part) for part in in_order(parts)] or [self._empty_part()]}
        try:
            answer = self._ask("complete_multipart_upload", gives="ETag", expect=expect, MultipartUpload=listed,
                               ChecksumType="FULL_OBJECT", **self._fields(checksum), **conditions)  # fmt: skip
        except BucketMissing:
            raise
        except (PathMissing, AlreadyExists, ObjectChanged):
            done = self._completed_before(checksum)
            if done is None:
                raise
            return done
        return self._entry(answer["ETag"].strip('"'), checksum)

    def abort(self) -> None:
        """Forget the upload."""
        try:
            self._ask("abort_multipart_upload", action="s3:AbortMultipartUpload")
        except PathMissing:
            return

    def _ask(
        self, operation: str, *, action: str = "s3:PutObject", expect: Expect = None, **more: Any
    ) -> dict[str, Any]:
        return self._bucket.ask(operation, self._path, action=action, expect=expect, **self._where, **more)

    def _fields(self, checksum: Checksum) -> dict[str, str]:
        return checksum_fields(self._bucket.options.part_checksum, checksum)

    def _receipt(self, part: Part) -> dict[str, Any]:
        return {"PartNumber": part.index + 1, "ETag": f'"{part.receipt}"', **self._fields(part.checksum)}

    def _empty_part(self) -> dict[str, Any]:
        return self._receipt(self.part(0, b"", checksum_of(b"")))  # S3 completes no upload without a part

    def _completed_before(self, checksum: Checksum) -> Entry | None:
        answer = self._bucket.head(self._where["Key"], self._path)
        if answer is None or self.is_open():
            return None
        kind, entry = self._bucket.options.part_checksum, entry_of(self._path, answer)
        is_ours = (entry.size_bytes, getattr(entry, kind)) == (self._size_bytes, getattr(checksum, kind))
        return entry if is_ours and answer.get("Metadata", {}) == self._metadata else None

    def is_open(self) -> bool:
        """Whether the store still has it: neither completed nor aborted."""
        try:
            self._ask("list_parts", action="s3:ListMultipartUploadParts", MaxParts=1)
        except BucketMissing:
            raise
        except PathMissing:
            return False
        return True

    def _entry(self, version: str, checksum: Checksum) -> Entry:
        entry = Entry(self._path, size_bytes=self._size_bytes, version=version)
        return written(entry, self._metadata, self._bucket.options.part_checksum, checksum, now_ms())


class ViewReader(io.RawIOBase):
    """A memoryview as a file that botocore can send and send again, without a copy of it."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; returns the new position."""
        self._at = offset + (0, self._at, len(self._view))[whence]
        return self._at

    def read(self, size: int = -1) -> memoryview:
        """At least as much as asked for: http.client asks for 16 KiB at a time, which is slow."""
        return self._take(len(self._view) if size < 0 else max(size, MIB))

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as the signing of payloads wants it."""
        piece = self._take(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _take(self, size: int) -> memoryview:
        piece = self._view[self._at : self._at + size]
        self._at += len(piece)
        return piece
