"""The active side as a source, with the attributes that it does not keep itself: a manifest remembers them.

So owner, mode, ACL and xattrs come back even through an object store. A file that was written there anew keeps the
attributes that its path had; what has no row has what the store gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.stored.state import FOLDER
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying

RowsIn = Callable[[Cover | None], Iterator[Held]]


def remembered(zone: Zone, rows: RowsIn, names: frozenset[str]) -> Zone:
    """The zone with the attributes ``names`` from ``rows``; as it is where there are none."""
    if not names:
        return zone
    if isinstance(zone, Retrying):  # inside, so that calls are not repeated twice over
        return zone.around_zone(Remembering(zone.inner, rows, names))
    return Remembering(zone, rows, names)


class Remembering(Around):
    """A zone whose entries have the attributes ``names`` from the rows of a manifest of it, where there is a row.

    ``rows`` opens them in key order: all of them, or those that a cover holds.
    """

    def __init__(self, zone: Zone, rows: RowsIn, names: frozenset[str]) -> None:
        super().__init__(zone)
        self._rows, self._names = rows, names

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        entries = super().scan(under)
        if under.partition("/")[0] == FOLDER:
            yield from entries
            return
        rows = self._rows(Cover((), (under,)) if under else None)
        row = next(rows, None)
        for entry in entries:
            while row is not None and row.key < entry.key:
                row = next(rows, None)
            yield self._filled(entry, row)

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        entry = super().stat(path)
        if entry is None or not path or path.partition("/")[0] == FOLDER:
            return entry
        found = (row for row in self._rows(Cover((path,), ())) if row.key == entry.key)
        return self._filled(entry, next(found, None))

    def around_zone(self, zone: Zone) -> Zone:
        """Views of snapshots remember the same."""
        return type(self)(zone, self._rows, self._names)

    def _filled(self, entry: Entry, row: Held | None) -> Entry:
        if row is None or row.key != entry.key:
            return entry
        was = row.entry
        kept = {name: value for name in self._names if (value := getattr(was, name)) is not None}
        # Where directories are markers their time is that of the marker; listings of object stores tell when a file arrived.
        is_as_left = entry.kind == "file" and entry.version == was.version
        if is_as_left or (entry.kind == "directory" and not self.facts.has_directories):
            kept["mtime_ms"] = was.mtime_ms
        return entry._replace(**kept)
