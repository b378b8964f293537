"""A bucket, or a prefix in one, as a zone: Amazon S3 and the stores that speak its language.

What to know of the entries:

- ``version`` is the ETag, in scan and in stat alike (a listing tells no version ids): it names the bytes.
- ``mtime_ms`` is, when stat tells it, what a writer left in the metadata ``mtime``; in a scan, which sees no metadata,
  the store's LastModified. Owner, group, mode, ACL and xattrs are not kept; they live in the manifest.
- A directory is what keys lie below, or a marker: see zones/objects/listing.py. A file and a directory may have one name.

What is proved when a file is put: its bytes are compared with the caller's checksum here, before they are sent, and
the store refuses those that arrive with another CRC-64/NVME than the client computed from the same buffer. A bit that
flips in memory between the two shows in the store's own checksum, which stat tells and verify compares.
Files in parts have no such gap: see s3_upload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_provider_livedata.engine.checksums import store_text
from airflow_provider_livedata.engine.errors import BadOption, PathMissing, ZoneError
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts, Failure
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import RECORDS, Upload, Zone
from airflow_provider_livedata.engine.zones.objects import listing
from airflow_provider_livedata.engine.zones.s3 import copy as s3_copy
from airflow_provider_livedata.engine.zones.s3 import delete as s3_delete
from airflow_provider_livedata.engine.zones.s3 import object as s3_object
from airflow_provider_livedata.engine.zones.s3 import peek as s3_peek
from airflow_provider_livedata.engine.zones.s3 import sharing as s3_sharing
from airflow_provider_livedata.engine.zones.s3 import stream as s3_stream
from airflow_provider_livedata.engine.zones.s3 import sweep as s3_sweep
from airflow_provider_livedata.engine.zones.s3 import upload as s3_upload
from airflow_provider_livedata.engine.zones.s3.bucket import MAX_KEY_BYTES, S3Bucket
from airflow_provider_livedata.engine.zones.s3.check import check_readable, check_writable, is_proved
from airflow_provider_livedata.engine.zones.s3.clients import S3Options, suits_obstore
from airflow_provider_livedata.engine.zones.s3.metadata import entry_of
from airflow_provider_livedata.engine.zones.s3.reading import S3Reading

_STATE = ".livedata"
# Folders of state with plain names, which are listed several times a run.
_PLAIN = tuple(f"{_STATE}/{name}" for name in (*RECORDS, "stage/bundles", "stage/held"))
# Measured with 16 requests at a time: the process's peak less its buffers and its state before.
READING_BYTES, WRITING_BYTES = 1 << 20, 1 << 20
# An upload takes three requests; the two that a bundle saves cost more than 256 KiB that go once more.
BUNDLE_BYTES = 4 << 20


class S3Zone(Zone):
    """See the module's text. Thread-safe; for more than 64 threads raise the option ``connections``."""

    def __init__(self, address: Address, options: S3Options) -> None:
        self.address = address
        self._bucket = S3Bucket(address, options)
        self._bucket.clients.once.meta.events.register(
            "before-sign.s3.PutObject", s3_stream.announce_trailer, unique_id="livedata-trailer"
        )
        self._reading, self._is_closed = S3Reading(self._bucket), False
        self._workers = ThreadPoolExecutor(options.connections, thread_name_prefix="livedata-s3")
        self.facts = Facts(
            scheme="s3",
            min_part_bytes=s3_upload.MIN_PART_BYTES,
            usual_part_bytes=options.part_bytes,
            max_part_bytes=s3_upload.MAX_PART_BYTES,
            max_parts=s3_upload.MAX_PARTS,
            max_put_bytes=s3_object.MAX_PUT_BYTES,
            max_stream_bytes=s3_stream.MAX_STREAM_BYTES,
            max_key_bytes=MAX_KEY_BYTES - len(self._bucket.prefix.encode()),
            has_directories=False,
            reading_bytes=READING_BYTES,
            writing_bytes=WRITING_BYTES,
            bundle_bytes=BUNDLE_BYTES,
            checksums=frozenset({"crc64nvme", "crc32c"}),
            attributes=frozenset({"mtime_ms", "source_version"}),
        )

    @classmethod
    def open(cls, address: Address, **options: Any) -> S3Zone:
        """Open ``s3://bucket/prefix``; the options are the fields of ``s3_clients.S3Options``. Sends nothing yet.

        Raises:
            BadOption: Not one of them, or not a value of it.
            CredentialsRefused: There are no credentials at all.
        """
        if not address.authority:
            raise BadOption("the address names no bucket; write s3://bucket/prefix", address=str(address))
        unknown = set(options) - set(S3Options.__dataclass_fields__)
        if unknown:
            raise BadOption("an S3 zone has no such options", options=sorted(unknown), address=str(address))
        return cls(address, S3Options(**options))

    def __repr__(self) -> str:
        return f"S3Zone({str(self.address)!r})"

    def check(self, *, writable: bool) -> None:
        """See Zone.check; as a target, conditional writes are proved too, unless ``exclusive`` was promised.

        What the same clients proved of a target counts for ten minutes.
        """
        if writable and is_proved(self._bucket):
            return
        check_readable(
            self._bucket, lambda path: self.read_into(path, 0, memoryview(bytearray(1))), may_be_absent=writable
        )
        if writable:
            check_writable(self._bucket, self)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See Zone.scan; one request for a thousand keys, the next one always on its way."""
        start = f"{under}/" if under else ""
        if under.startswith(_PLAIN) and (found := self._state_below(under)) is not None:
            return listing.Directories(start).entries(found)
        pages = listing.pages(lambda token: self._bucket.page(start, token=token), self._workers)
        objects = listing.in_place(pages)
        if not start:
            objects = (one for one in objects if not one.key.startswith(_STATE))
        return listing.Directories(start).entries(objects)

    def names_in(self, path: str) -> list[str] | None:
        """See ``ListsNames``: one request for a thousand names, of folders of state alone, whose names are plain."""
        if not path.startswith(_PLAIN):
            return None
        try:
            return s3_peek.names_below(self._bucket, path)
        except ZoneError:  # boto3 finds out why
            return None

    def _state_below(self, under: str) -> list[listing.Listed] | None:
        try:
            return s3_peek.state_below(self._bucket, under)
        except ZoneError:  # boto3 finds out why
            return None

    def stat(self, path: str) -> Entry | None:
        """See Zone.stat: one request for a file, three for a directory, five for nothing: a HEAD that finds nothing is made again."""
        answer = self._bucket.head(self._bucket.key(path), path) if path else None
        return entry_of(path, answer) if answer is not None else self._stat_directory(path)

    def peek(self, path: str, *, for_file: bool = False) -> Entry | None:
        """See Peeks: one small request for a file, three for nothing, or two; whatever is unusual is left to ``stat``."""
        if not path or not suits_obstore(self._bucket.key(path)):
            return self.stat(path)
        try:
            found = s3_peek.file_at(self._bucket, path)
            if found is None:
                is_one = s3_peek.may_be_directory(self._bucket, path, marked_by_others=not for_file)
                return self._stat_directory(path) if is_one else None
        except ZoneError:  # boto3 finds out why
            return self.stat(path)
        return found if found.version else self.stat(path)

    def read_whole(self, path: str) -> bytes | None:
        """See ReadsWhole."""
        if suits_obstore(self._bucket.key(path)):
            return s3_peek.read_whole(self._bucket, path)
        found = self.stat(path)
        if found is None or found.kind != "file":
            return None
        data = bytearray(found.size_bytes)
        self.read_into(path, 0, memoryview(data), version=found.version)
        return bytes(data)

    def _stat_directory(self, path: str) -> Entry | None:
        key = f"{path}/" if path else ""
        first = self._bucket.page(key, limit=1).objects
        if not first:
            return self._stat_folder(path)
        if first[0].key != key:
            return Entry(path, "directory", is_implied=True)
        return self._marker(path, self._bucket.head(self._bucket.prefix + key, path))

    def _stat_folder(self, path: str) -> Entry | None:
        if not path and not self._bucket.prefix:
            return Entry("", "directory")  # an empty bucket
        found = self._bucket.head_folder(path)
        return self._marker(path, found[1]) if found else None

    def _marker(self, path: str, answer: dict[str, Any] | None) -> Entry | None:
        if answer is None:
            return None
        entry = entry_of(path, answer)
        note = listing.marker_note(entry.size_bytes)
        return Entry(path, "directory", mtime_ms=entry.mtime_ms, note=note, source_version=entry.source_version)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See Zone.read_into; a ranged request, conditional on the version, or the open one of a thread that reads on."""
        return self._reading.read(path, offset, buffer, version)

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See Zone.put. One request; the entry's mtime is this machine's clock where no attribute gives it.

        A conditional put is asked once: after ZoneUnreachable nobody knows whether it took place. Ask stat.
        """
        return s3_object.put(self._bucket, path, data, checksum, attributes, expect)

    def put_stream(
        self, path: str, size_bytes: int, piece_bytes: int, pieces: Iterator[memoryview], checksum: Callable[[], Checksum], *,
        attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See StreamedPuts and s3_stream."""
        return s3_stream.put_stream(self._bucket, path, size_bytes, piece_bytes, pieces, checksum, attributes, expect)

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See Moves and s3_copy; the origin stays."""
        return s3_copy.move(self._bucket, origin, path, version, checksum, attributes, expect)

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See Zone.begin: opens a multipart upload."""
        return s3_upload.begin(self._bucket, path, size_bytes, self.facts.part_bytes(size_bytes), attributes)

    def keep(self, origin: str, path: str, *, version: str = "") -> None:
        """See KeepsFiles and s3_copy."""
        # Not ``stat``: what is kept below that name is no file of that name.
        if self._bucket.head(self._bucket.key(path), path) is None:
            s3_copy.move(self._bucket, origin, path, version, None, None, None)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See Zone.resume."""
        return s3_upload.resume(self._bucket, path, token, size_bytes, attributes)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See Zone.make_directory: writes the marker ``path/``, never over one that is there."""
        s3_object.put_marker(self._bucket, path, attributes)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See Zone.delete; a thousand entries a request. Explicit directories cost a listing each, implied ones too."""
        return s3_delete.delete(self._bucket, entries, self._workers)

    def sweep(self, older_than_ms: int) -> int:
        """See Zone.sweep and, for whose uploads these are, s3_sweep."""
        return s3_sweep.sweep(self._bucket, older_than_ms)

    def store_checksum(self, path: str) -> str:
        """See StoreChecksum: ``crc64nvme:`` or ``crc32c:`` of the whole file, "" where the store keeps neither.

        Raises:
            PathMissing: Nothing is there.
        """
        answer = self._bucket.head(self._bucket.key(path), path)
        if answer is None:
            raise PathMissing("nothing is there", address=str(self.address), path=path)
        return store_text(entry_of(path, answer))

    def close(self) -> None:
        """Give back connections and threads."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        if not self._is_closed:
            self._is_closed = True
            s3_sharing.give_back(self._bucket.clients)
