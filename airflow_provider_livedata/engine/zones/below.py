"""A folder of a zone as a zone of its own, reached by what reaches the zone around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_livedata.engine.errors import IsADirectory, NotADirectory, PathMissing
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts, Failure, Part
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.around import Around, AroundUpload
from airflow_provider_livedata.engine.zones.base import Upload, Zone

_STATE = ".livedata"


class Below(Around):
    """What lies below ``folder``, with those powers that are about single files.

    Files on their way are staged where the zone around stages them, and ``sweep`` leaves that to the zone around.
    """

    keeps = frozenset({"SetAttributes", "StoreChecksum", "StreamedPuts", "LeavesAttributes"})

    def __init__(self, zone: Zone, folder: str) -> None:
        super().__init__(zone)
        self.folder = folder
        self._facts = replace(zone.facts, max_key_bytes=zone.facts.max_key_bytes - len(folder.encode()) - 1)

    @property
    def address(self) -> Address:  # type: ignore[override]
        """Of the folder."""
        return self.inner.address.join(self.folder)

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """Of the zone around; names have less room."""
        return self._facts

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        self.inner.check(writable=writable)
        found = self.inner.stat(self.folder)
        if found is not None and found.kind != "directory":
            raise NotADirectory("a file stands where a directory should be", address=str(self.address))
        if found is None and not writable:
            raise PathMissing("nothing is there; check the path", address=str(self.address))

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        for entry in self.inner.scan(self._inside(under)):
            told = self._told(entry)
            if under or not told.path.startswith(_STATE):
                yield told

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        found = self.inner.stat(self._inside(path))
        return None if found is None else found._replace(path=path)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        return self.inner.read_into(self._inside(path), offset, buffer, version=version)

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``."""
        return self._told(
            self.inner.put(self._file(path), data, checksum=checksum, attributes=attributes, expect=expect)
        )

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        return _Upload(self, self.inner.begin(self._file(path), size_bytes, attributes=attributes), path)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``."""
        found = self.inner.resume(self._inside(path), token, size_bytes, attributes=attributes)
        return None if found is None else _Upload(self, found, path)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        self.inner.make_directory(self._inside(path), attributes=attributes)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        failures = self.inner.delete([entry._replace(path=self._inside(entry.path)) for entry in entries])
        return [replace(failure, path=self._outside(failure.path)) for failure in failures]

    def sweep(self, older_than_ms: int) -> int:
        """See ``Zone.sweep``: nothing, since it cannot be told which leftovers are of this folder."""
        return 0

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        """Powers of single files, whose first argument is a path."""
        inside = [self._inside(path) for path in args[:1]]
        result = getattr(self.inner, name)(*inside, *args[1:], **options)
        return self._told(result) if isinstance(result, Entry) else result

    def _file(self, path: str) -> str:
        if not path:
            raise IsADirectory("the root is a directory", address=str(self.address))
        return self._inside(path)

    def _inside(self, path: str) -> str:
        return f"{self.folder}/{path}" if path else self.folder

    def _outside(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}/")

    def _told(self, entry: Entry) -> Entry:
        return entry._replace(path="" if entry.path == self.folder else self._outside(entry.path))


class _Upload(AroundUpload):
    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        return self.inner.stage(parts, checksum)._replace(path=self.path)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        return self.inner.complete(parts, checksum, expect=expect)._replace(path=self.path)
