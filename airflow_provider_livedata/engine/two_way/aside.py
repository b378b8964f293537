"""Take a file away from where people see it without losing it, and without taking away what somebody wrote there meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged, PathMissing, Unsupported
from airflow_provider_livedata.engine.model import ABSENT, Entry, Failure
from airflow_provider_livedata.engine.stored.state import FOLDER
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone, file_at
from airflow_provider_livedata.engine.zones.powers import KeepsFiles, Moves

THREADS = 16


class TakesAside(Around):
    """A side whose files are not deleted, but moved to ``.livedata/<folder>`` as long as they are those that were to be deleted.

    On file systems that is one rename. Object stores copy within the store and then delete, unless ``keeps`` is off: what somebody writes between
    these two calls is lost there, as it is by any other tool.
    """

    def __init__(self, zone: Zone, folder: str, *, keeps: bool, allow: Callable[[], None]) -> None:
        super().__init__(zone)
        self.folder, self.is_keeping, self.allow = folder, keeps, allow

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``; files that somebody wrote to meanwhile are failures with error ``ObjectChanged``."""
        files = [entry for entry in entries if entry.kind == "file"]
        with ThreadPoolExecutor(THREADS, "livedata-aside") as pool:
            failures = [failure for failure in pool.map(self._take, files) if failure is not None]
        return failures + self.inner.delete([entry for entry in entries if entry.kind != "file"])

    def _take(self, entry: Entry) -> Failure | None:
        try:
            self.allow()
            if self.facts.has_directories:
                take(self.inner, entry, f"{FOLDER}/{self.folder}/{entry.path}")
                return None
            if self.is_keeping:
                keep(self.inner, entry, f"{FOLDER}/{self.folder}/{entry.path}")
            else:
                _refuse_other(file_at(self.inner, entry.path), entry)
            return next(iter(self.inner.delete([entry])), None)
        except PathMissing:
            return None
        except LiveDataError as error:
            return Failure.of(entry.path, error)


def take(zone: Zone, entry: Entry, place: str) -> Entry:
    """Move a file to ``place``, where nothing is; returns it as it is there. On object stores it stays where it was too.

    Raises:
        PathMissing: It is gone.
        ObjectChanged: Somebody wrote to it meanwhile; it is where it was.
        AlreadyExists: Something is at ``place``.
    """
    if not isinstance(zone, Moves):
        raise Unsupported("this store moves no files", address=str(zone.address))
    moved = zone.move(entry.path, place, version=entry.version, expect=ABSENT)
    if not zone.facts.has_directories:
        return moved
    # Between looking and renaming somebody may have replaced it: what was taken away is put back, unless there is a third one by now.
    found = zone.stat(place)
    if found is None or not _is_alike(found, entry):
        zone.move(place, entry.path, expect=ABSENT)
        raise ObjectChanged("somebody wrote to the file while it was to be put aside", path=entry.path)
    return found


def keep(zone: Zone, entry: Entry, place: str) -> None:
    """Let a file be found at ``place`` too, where the store can do that, else move it there.

    Raises:
        PathMissing, ObjectChanged: As ``take``.
    """
    if isinstance(zone, KeepsFiles):
        zone.keep(entry.path, place, version=entry.version)
    else:
        take(zone, entry, place)


def _is_alike(moved: Entry, entry: Entry) -> bool:
    return (moved.size_bytes, moved.mtime_ms) == (entry.size_bytes, entry.mtime_ms)


def _refuse_other(there: Entry | None, entry: Entry) -> None:
    if there is None:
        raise PathMissing("nothing is there", path=entry.path)
    if there.version != entry.version:
        raise ObjectChanged(
            "somebody wrote to the file while it was to be deleted",
            path=entry.path,
            expected=entry.version,
            found=there.version,
        )
