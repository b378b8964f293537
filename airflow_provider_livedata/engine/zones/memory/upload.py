"""Uploads to a memory zone, kept in its store so that another zone object can take them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import ChecksumMismatch, PathMissing, Unsupported
from airflow_provider_livedata.engine.model import Checksum, Entry, Expect, Facts, Part
from airflow_provider_livedata.engine.zones.base import Upload

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.zones.memory.store import Pending
    from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone


class MemoryUpload(Upload):
    """See ``Upload``. A repeated ``complete`` returns the same entry as long as nobody replaced it."""

    def __init__(self, zone: MemoryZone, path: str, token: str, pending: Pending) -> None:
        self.token = token
        self.part_bytes = zone.facts.part_bytes(pending.size_bytes)
        self._zone, self._path, self._pending = zone, path, pending
        self._published: Entry | None = None

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """See ``Upload.part``."""
        piece = bytes(data)
        refuse_other_bytes(self._zone.facts, self._path, piece, checksum)
        with self._zone.store.lock:
            self._check_there()
            if self._zone.facts.in_order and index > len(self._pending.parts):
                raise Unsupported("parts of this store are written in order", path=self._path, index=index)
            part = Part(index, f"receipt-{index}", len(piece), checksum)
            self._pending.parts[index] = (part, piece)
        return part

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``; on an object store the version is not known before."""
        store = self._zone.store
        with store.lock:
            self._check_there()
            size = len(self._joined(parts))
            if not self._zone.facts.puts_publish:
                self._pending.version = self._pending.version or store.new_version()
        return Entry(self._path, "file", size, version=self._pending.version)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``."""
        store = self._zone.store
        with store.lock:
            there = self._zone.stat(self._path)
            if self._published is not None and there is not None and there.version == self._published.version:
                return self._published
            self._check_there()
            data = self._joined(parts)
            refuse_other_bytes(self._zone.facts, self._path, data, checksum)
            store.write(self._pending.path, data, self._pending.attributes, expect, self._pending.version)
            del store.uploads[self.token]
            self._published = self._zone.stat(self._path) or Entry(self._path)
        return self._published

    def abort(self) -> None:
        """See ``Upload.abort``."""
        with self._zone.store.lock:
            self._zone.store.uploads.pop(self.token, None)

    def _joined(self, parts: Sequence[Part]) -> bytes:
        sent = self._pending.parts
        if any(part.index not in sent or sent[part.index][0] != part for part in parts):
            raise ChecksumMismatch("a part is not the one that was sent", path=self._path)
        data = b"".join(sent[part.index][1] for part in sorted(parts, key=lambda part: part.index))
        if len(data) != self._pending.size_bytes:
            raise ChecksumMismatch("the parts do not make up the file", path=self._path, found=len(data),
                                   expected=self._pending.size_bytes)  # fmt: skip
        return data

    def _check_there(self) -> None:
        if self._zone.store.uploads.get(self.token) is not self._pending:
            raise PathMissing("the upload is gone", path=self._path)


def refuse_other_bytes(facts: Facts, path: str, data: bytes, checksum: Checksum | None) -> None:
    """Raise ChecksumMismatch where the store compares checksums and these are not the bytes of this one."""
    if checksum and "crc64nvme" in facts.checksums and checksum_of(data) != checksum:
        raise ChecksumMismatch("other bytes arrived than were sent", path=path)
