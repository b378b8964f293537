"""A large file on its way into a bucket: its parts are objects below ``.livedata/stage/parts``, and one request makes a file of them.

What is proved: each part is sent with its CRC32C, which the store compares; no part is ever replaced; the parts' checksums are
combined and compared with the file's before anything is visible; of what then appears, the store's own CRC32C is compared again.
The store lets 32 objects become one, so more are put together in steps, among the parts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress

from airflow_provider_livedata.engine.checksums import combine
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ObjectChanged,
    PathMissing,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.gs.store import GsStore
from airflow_provider_livedata.engine.zones.objects.listing import Listed, file_of
from airflow_provider_livedata.engine.zones.objects.parts import in_order, refuse_gaps, refuse_others
from airflow_provider_livedata.engine.zones.objects.uploads import OURS, Token, listed, new_token, token_of

STAGE = ".livedata/stage/parts"
AT_ONCE = 32  # objects that one request puts together


def begin(store: GsStore, path: str, size_bytes: int, part_bytes: int, attributes: Attributes | None) -> GsUpload:
    """Begin an upload; nothing is sent yet."""
    store.key(path)
    return GsUpload(store, path, new_token(size_bytes, part_bytes, attributes))


def resume(store: GsStore, path: str, text: str, size_bytes: int, attributes: Attributes | None) -> GsUpload | None:
    """Take up an upload; None when nothing is left of it, or it was begun for another size or other attributes."""
    token = token_of(text, size_bytes, attributes)
    upload = GsUpload(store, path, token) if token else None
    return upload if upload and upload.is_open() else None


class GsUpload(Upload):
    """See the module's text."""

    def __init__(self, store: GsStore, path: str, token: Token) -> None:
        self.token, self.part_bytes = str(token), token.part_bytes
        self._store, self._path, self._about = store, path, token
        self._below = f"{STAGE}/{token.name}/"

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """Send one part, under a name of its own each time; the store refuses it when its checksum is another."""
        name = f"{index:05d}-{uuid.uuid4().hex}"
        self._store.put(self._below + name, data, checksum=checksum)
        return Part(index, name, memoryview(data).nbytes, checksum)

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """Check that the parts make up the file; they are durable already."""
        self._refuse(parts, checksum)
        return Entry(self._path, size_bytes=self._about.size_bytes)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """Make the file visible. When an earlier completion took place, say what it did."""
        self._refuse(parts, checksum)
        try:
            names = self._fewer(in_order(parts))
            landed = self._store.compose(names, self._path, self._about.metadata, expect, checksum.crc32c)
        except (PathMissing, AlreadyExists, ObjectChanged, ZoneUnreachable) as error:
            done = self._completed_before(checksum)
            if done is None and isinstance(error, ZoneUnreachable) and not self.is_open():
                raise PathMissing("the parts are gone; start the upload again", path=self._path) from None
            if done is None:
                raise
            landed = done
        with suppress(ZoneError):  # what stays is swept
            self.abort()
        return file_of(landed)

    def abort(self) -> None:
        """Remove the parts."""
        for one in list(listed(self._store, self._below)):
            self._store.delete(one.key)

    def is_open(self) -> bool:
        """Whether any of its parts is there."""
        return bool(self._store.first(self._below))

    def _refuse(self, parts: Sequence[Part], checksum: Checksum) -> None:
        refuse_gaps(parts, self._about.size_bytes, self._path)
        refuse_others(parts, checksum, self._path)

    def _fewer(self, parts: list[Part]) -> list[str]:
        """The names of up to 32 objects that hold the parts' bytes in order."""
        while len(parts) > AT_ONCE:
            parts = [self._joined(parts[start : start + AT_ONCE]) for start in range(0, len(parts), AT_ONCE)]
        return [self._below + part.receipt for part in parts] or [self._below + self.part(0, b"", combine([])).receipt]

    def _joined(self, parts: list[Part]) -> Part:
        name, whole = f"{parts[0].index:05d}-{uuid.uuid4().hex}", combine(parts)
        origins = [self._below + part.receipt for part in parts]
        self._store.compose(origins, self._below + name, {}, ABSENT, whole.crc32c)
        return Part(parts[0].index, name, sum(part.size_bytes for part in parts), whole)

    def _completed_before(self, checksum: Checksum) -> Listed | None:
        found = self._store.head(self._path)
        if found is None or (found.size_bytes, found.crc32c) != (self._about.size_bytes, checksum.crc32c):
            return None
        return found if self._store.metadata(self._path).get(OURS) == self._about.name else None
