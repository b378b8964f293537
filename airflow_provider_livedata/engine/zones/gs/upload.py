"""A large file on its way into a bucket: its parts are objects below ``.livedata/stage/parts``, and one request makes a file of them.

What is proved: each part is sent with its CRC32C, which the store compares; no part is ever replaced; the parts' checksums are
combined and compared with the file's before anything is visible; of what then appears, the store's own CRC32C is compared again.
The store lets 32 objects become one, so more are put together in steps, among the parts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from airflow_provider_livedata.engine.checksums import combine
from airflow_provider_livedata.engine.errors import PathMissing, ZoneUnreachable
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Expect, Part
from airflow_provider_livedata.engine.zones.gs.store import GsStore
from airflow_provider_livedata.engine.zones.objects.listing import Listed
from airflow_provider_livedata.engine.zones.objects.parts import in_order
from airflow_provider_livedata.engine.zones.objects.uploads import OURS, StagedUpload, Token, listed, new_token

STAGE = ".livedata/stage/parts"
AT_ONCE = 32  # objects that one request puts together


def begin(store: GsStore, path: str, size_bytes: int, part_bytes: int, attributes: Attributes | None) -> GsUpload:
    """Begin an upload; nothing is sent yet."""
    store.key(path)
    return GsUpload(store, path, new_token(size_bytes, part_bytes, attributes))


class GsUpload(StagedUpload[GsStore]):
    """See the module's text."""

    def __init__(self, store: GsStore, path: str, token: Token) -> None:
        super().__init__(store, path, token)
        self._below = f"{STAGE}/{token.name}/"

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """Send one part, under a name of its own each time; the store refuses it when its checksum is another."""
        name = f"{index:05d}-{uuid.uuid4().hex}"
        self._store.put(self._below + name, data, checksum=checksum)
        return Part(index, name, memoryview(data).nbytes, checksum)

    def abort(self) -> None:
        """Remove the parts."""
        for one in list(listed(self._store, self._below)):
            self._store.delete(one.key)

    def is_open(self) -> bool:
        """Whether any of its parts is there."""
        return bool(self._store.first(self._below))

    def _appear(self, parts: Sequence[Part], checksum: Checksum, expect: Expect) -> Listed:
        try:
            names = self._fewer(in_order(parts))
            return self._store.compose(names, self._path, self._about.metadata, expect, checksum.crc32c)
        except ZoneUnreachable:
            if self.is_open():
                raise
            raise PathMissing("the parts are gone; start the upload again", path=self._path) from None

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
