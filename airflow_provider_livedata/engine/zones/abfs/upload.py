"""A large file on its way into a container: blocks of the blob that it is to be, which are invisible until they are listed.

What is proved: each block is sent with its CRC-64, which the store compares; no block is ever replaced; the blocks' checksums are
combined and compared with the file's before anything is visible. The store keeps no checksum of a blob made of blocks.

An upload that is open has an empty note below ``.livedata/stage/uploads``; it is over when that is gone. Blocks that were never
listed cannot be removed by themselves: the store drops them after a week, or when the blob is written.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence

from airflow_provider_livedata.engine.checksums import combine
from airflow_provider_livedata.engine.errors import ObjectChanged, PathMissing
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.abfs.store import AbfsStore, refuse_checksum
from airflow_provider_livedata.engine.zones.objects.listing import Listed, file_of
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.objects.parts import in_order
from airflow_provider_livedata.engine.zones.objects.uploads import OURS, StagedUpload, Token, new_token

STAGE = ".livedata/stage/uploads"
_COPIED = 256 << 20  # of a blob that is copied, in one request


def begin(store: AbfsStore, path: str, size_bytes: int, part_bytes: int, attributes: Attributes | None) -> AbfsUpload:
    """Begin an upload: write its note."""
    upload = AbfsUpload(store, path, new_token(size_bytes, part_bytes, attributes))
    store.put(store.key(upload.note), b"")
    return upload


class AbfsUpload(StagedUpload[AbfsStore]):
    """See the module's text."""

    def __init__(self, store: AbfsStore, path: str, token: Token) -> None:
        super().__init__(store, store.key(path), token)
        self.note = f"{STAGE}/{token.name}"

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """Send one block, under an id of its own each time; the store refuses it when its checksum is another."""
        block = _block()
        self._store.put_block(self._path, block, data, checksum)
        return Part(index, block, memoryview(data).nbytes, checksum)

    def abort(self) -> None:
        """Remove the note: the upload is over."""
        self._store.delete(self.note)

    def is_open(self) -> bool:
        """Whether its note is there."""
        return self._store.head(self.note) is not None

    def _appear(self, parts: Sequence[Part], checksum: Checksum, expect: Expect) -> Listed:
        if not self.is_open():
            raise PathMissing("the upload is gone: completed, aborted or cleaned up; start it again", path=self._path)
        blocks = [part.receipt for part in in_order(parts) if part.size_bytes]
        return self._store.put_blocks(self._path, blocks, self._about.size_bytes, {}, self._about.metadata, expect)

    def _completed_before(self, checksum: Checksum) -> Listed | None:
        found = self._store.properties(self._path)
        return found[0] if found and found[2].get(OURS) == self._about.name else None


def copy(
    store: AbfsStore,
    origin: str,
    path: str,
    *,
    version: str,
    checksum: Checksum | None,
    attributes: Attributes | None,
    expect: Expect,
) -> Entry:
    """Let a blob appear at another path too: the store copies its bytes as blocks, and tells the CRC-64 of each.

    Nothing is visible before they were compared with ``checksum``.
    """
    found = store.properties(origin)
    if found is None or found[0].is_folder:
        raise PathMissing("no file is there to be copied", address=str(store.address), path=origin)
    there, headers, metadata = found
    if version and there.version != version:
        raise ObjectChanged("not the version that was to be copied", path=origin, expected=version, found=there.version)
    parts = [_copied(store, there, origin, path, start) for start in range(0, there.size_bytes, _COPIED)]
    if checksum is not None and all(told for _, told in parts):
        refuse_checksum(combine([part for part, _ in parts]).crc64nvme, checksum.crc64nvme, path)
    kept = {name: value for name, value in metadata.items() if name != OURS} | metadata_of(attributes)
    return file_of(store.put_blocks(path, [part.receipt for part, _ in parts], there.size_bytes, headers, kept, expect))


def _copied(store: AbfsStore, there: Listed, origin: str, path: str, start: int) -> tuple[Part, bool]:
    """A block of the copy, and whether the store told its checksum."""
    size_bytes, block = min(_COPIED, there.size_bytes - start), _block()
    crc64 = store.put_block_from(path, block, origin, start, size_bytes, there.version)
    return Part(start // _COPIED, block, size_bytes, Checksum(0, crc64 or 0)), crc64 is not None


def _block() -> str:
    return base64.b64encode(uuid.uuid4().bytes).decode()
