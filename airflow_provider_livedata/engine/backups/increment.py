"""A place of backups as the target of a run: what is brought goes below the name of the newest backup, and the rest stays.

put a/f              -> <place>/<name>/a/f
a/f as of version    -> <place>/<backup that holds it>/a/f
.livedata/...        -> <place>/.livedata/...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_livedata.engine.backups.record import Places, split_version, version_in
from airflow_provider_livedata.engine.errors import PathMissing, Unsupported
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Entry, Expect, Facts, Failure, Part
from airflow_provider_livedata.engine.stored.state import FOLDER
from airflow_provider_livedata.engine.zones.around import Around, AroundUpload
from airflow_provider_livedata.engine.zones.base import Upload, Zone
from airflow_provider_livedata.engine.zones.powers import KeepsFiles

_WRITE_BITS = 0o222


class Increment(Around):
    """A zone whose files appear below the backup ``name``; nothing of older backups is ever written to.

    Versions carry the name of the backup that brought them. Directories and attributes are kept by the manifest, and files lose
    their write bits, since one file may be part of many backups (hard links). ``begun``: an earlier attempt had that name.
    """

    keeps = frozenset({"StreamedPuts", "StoreChecksum", "LeavesAttributes"})

    def __init__(self, zone: Zone, name: str, places: Places, *, begun: bool) -> None:
        super().__init__(zone)
        self.name, self._places, self._begun = name, places, begun
        shorter = zone.facts.max_key_bytes - len(name) - 1
        self._facts = replace(zone.facts, has_directories=False, attributes=frozenset(), max_key_bytes=shorter)

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """Those of an object store: attributes and directories are the manifest's."""
        return self._facts

    def is_begun(self) -> bool:
        """See ``HoldsAsRecorded``."""
        return self._begun

    def is_certain(self, version: str) -> bool:
        """See ``HoldsAsRecorded``: a journal is written before its files appear, so this backup's own have to be seen."""
        return split_version(version)[0] != self.name

    def scan(self, under: str = "") -> Iterator[Entry]:
        """What this backup has brought so far."""
        yield from map(self._told, self.inner.scan(self._here(under) if under else self.name))

    def stat(self, path: str) -> Entry | None:
        """What this backup has brought there."""
        entry = self.inner.stat(self._here(path) if path else "")
        return None if entry is None else self._told(entry)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """Any version that lies in the place."""
        where, inner_version = self._where(path, version)
        return self.inner.read_into(where, offset, buffer, version=inner_version)

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``."""
        return self._told(self.inner.put(
            self._here(path), data, checksum=checksum, attributes=_read_only(attributes), expect=self.expected(path, expect)
        ))  # fmt: skip

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        upload = self.inner.begin(self._here(path), size_bytes, attributes=_read_only(attributes))
        return self.around_upload(upload, path)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``."""
        found = self.inner.resume(self._here(path), token, size_bytes, attributes=_read_only(attributes))
        return None if found is None else self.around_upload(found, path)

    def around_upload(self, upload: Upload, path: str) -> Upload:
        """What it makes visible is told as of this backup."""
        return _IncrementUpload(self, upload, path)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        self.inner.make_directory(self._here(path), attributes=attributes)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """Removes what an earlier attempt of this backup brought; what older backups hold stays."""
        if not self._begun:
            return []
        failures = self.inner.delete([entry._replace(path=self._here(entry.path)) for entry in entries])
        return [replace(failure, path=self._short(failure.path)) for failure in failures]

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """A renamed file: its bytes are had under the new name too, without being sent."""
        if not isinstance(self.inner, KeepsFiles):
            raise Unsupported("the place of the backups copies nothing by itself", address=str(self.address))
        where, _ = self._where(origin, version)
        self.inner.keep(where, self._here(path))
        there = self.stat(path)
        if there is None:
            raise PathMissing("a renamed file is not where it was put", path=path)
        return there

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        """Calls of powers that name a path first."""
        if not args:
            return super().around_power(name, **options)
        path, *rest = args
        if "expect" in options:
            options["expect"] = self.expected(path, options["expect"])
        if "attributes" in options:
            options["attributes"] = _read_only(options["attributes"])
        result = super().around_power(name, self._here(path), *rest, **options)
        return self._told(result) if isinstance(result, Entry) else result

    def expected(self, path: str, expect: Expect) -> Expect:
        """What must stand below this backup: nothing, where an older one holds what is to be replaced."""
        if not isinstance(expect, str) or _is_state(path):
            return expect
        born, version = split_version(expect)
        return version if born == self.name else ABSENT

    def told(self, entry: Entry, path: str) -> Entry:
        """An entry of the zone inside, as of this backup."""
        return self._told(entry)._replace(path=path)

    def _told(self, entry: Entry) -> Entry:
        if _is_state(entry.path):
            return entry
        version = version_in(self.name, entry.version) if entry.version else ""
        return entry._replace(path=self._short(entry.path), version=version)

    def _here(self, path: str) -> str:
        return path if _is_state(path) else f"{self.name}/{path}"

    def _short(self, path: str) -> str:
        return path.removeprefix(f"{self.name}/")

    def _where(self, path: str, version: str) -> tuple[str, str]:
        born, inner_version = split_version(version)
        if _is_state(path) or not born:
            return self._here(path), version
        holder = self._places.with_one(self.name).of(born)
        return f"{holder}/{path}", inner_version if holder == born else ""


class _IncrementUpload(AroundUpload):
    zone: Increment

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``."""
        return self.zone.told(self.inner.stage(parts, checksum), self.path)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``."""
        landed = self.inner.complete(parts, checksum, expect=self.zone.expected(self.path, expect))
        return self.zone.told(landed, self.path)


def _is_state(path: str) -> bool:
    return path.partition("/")[0] == FOLDER


def _read_only(attributes: Attributes | None) -> Attributes | None:
    if attributes is None or attributes.mode is None:
        return attributes
    return attributes._replace(mode=attributes.mode & ~_WRITE_BITS)
