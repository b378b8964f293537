"""A backup as a zone that can only be read: what it held, with the attributes and checksums of its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from airflow_provider_livedata.engine.backups.record import Places, split_version
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.errors import PathMissing
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone

RowsIn = Callable[[Cover | None], Iterator[Held]]
PlacesNow = Callable[[], Places]


class BackupView(Around):
    """The entries are the rows of a manifest; bytes are read where they lie.

    ``zone``: the place, or the view of a snapshot of it. ``places`` tells where versions lie; None: at their own paths. ``places_now`` tells it
    anew, once backups have gone. An entry's ``source_version`` is the version that the file had at the source.
    """

    keeps = frozenset()

    def __init__(
        self, zone: Zone, rows: RowsIn, places: Places | None = None, places_now: PlacesNow | None = None
    ) -> None:
        super().__init__(zone)
        self._rows, self._places, self._places_now = rows, places, places_now

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        self.inner.check(writable=writable)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        prefix = f"{under}/" if under else ""
        for row in self._rows(Cover((), (under,)) if under else None):
            if row.key.startswith(prefix) and row.key != prefix:
                yield _entry(row)

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        if not path:
            return Entry("", "directory")
        row = next((row for row in self._rows(Cover((path,), ())) if row.entry.path == path), None)
        return None if row is None else _entry(row)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``. A backup that goes meanwhile has left what others need of it to the next one."""
        if not version:
            entry = self.stat(path)
            version = entry.version if entry is not None else ""
        try:
            return self._read(path, offset, buffer, version)
        except PathMissing:
            if self._places_now is None:
                raise
            self._places = self._places_now()
            return self._read(path, offset, buffer, version)

    def place_of(self, path: str, version: str) -> tuple[str, str]:
        """Where in the zone inside a version lies, and its version there ("" where that is another one)."""
        born, inner_version = split_version(version)
        if self._places is None:
            return path, version
        holder = self._places.of(born)
        if not born or not holder:
            raise PathMissing("no backup that is still there holds this version", path=path, version=version)
        return f"{holder}/{path}", inner_version if holder == born else ""

    def _read(self, path: str, offset: int, buffer: memoryview, version: str) -> int:
        where, inner_version = self.place_of(path, version)
        return self.inner.read_into(where, offset, buffer, version=inner_version)


def _entry(row: Held) -> Entry:
    return row.entry._replace(version=row.target_version, source_version=row.entry.version)
