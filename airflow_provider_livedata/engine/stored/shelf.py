"""Manifest files that this process looks into again and again, decoded: a live replication does so every cycle.

A large file is put here at its second look-up, so that a process which looks once pays nothing. What is here counts only while the folder's
listing shows the file in the version that it had when its digest was compared: one that is gone or was replaced is read, and missed, as
ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.lookup import Decoded, decoded, held_in, rows_in
from airflow_provider_livedata.engine.stored.state import StateFolder

MOST_BYTES = 96 << 20  # of all targets; the manifest of 500,000 files takes some 80 MB
SMALL_BYTES = 64 << 10  # all of it is decoded as quickly as some of it
MOST_SEEN = 1000  # files


class Place(NamedTuple):
    """A file: the address of its folder, its own, and its SHA-256."""

    folder: str
    address: str
    digest: str


@dataclass(slots=True)
class Shelf:
    """See the module's text. For any number of threads."""

    most_bytes: int = MOST_BYTES
    # With its version. What was used last comes last.
    _kept: dict[Place, tuple[str, Decoded]] = field(default_factory=dict)
    _seen: dict[Place, int] = field(default_factory=dict)  # the number of the last look-up
    _looked_up: int = 0
    _sizes: dict[Place, int] = field(default_factory=dict)  # of what was decoded whole once, kept or not
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listed(self, state: StateFolder, folder: str) -> dict[str, str]:
        """The files of a folder as they are now, each address with its version; {} where none of them was looked into yet."""
        above = state.address(folder)
        with self._lock:
            is_known = any(place.folder == above for place in self._seen)
        versions = {state.address(file.path): file.version for file in state.files(folder)} if is_known else {}
        with self._lock:
            for place in [one for one in self._kept if one.folder == above and one.address not in versions]:
                del self._kept[place]
        return versions

    def look_up(self, place: Place, version: str, cover: Cover, read: Callable[[], bytes]) -> Iterator[Held]:
        """The rows of a file that a cover holds. ``version``: as ``listed`` told, else ""; ``read`` gives its bytes, compared.

        Raises:
            StateDamaged: See ``held_in``.
        """
        before = self._see(place)
        kept = self._find(place, version)
        if kept is None:
            data = read()
            is_wanted = before > 0 or len(data) <= SMALL_BYTES
            if not (version and is_wanted) or not self._may_fit(place, before):
                return held_in(data, cover, name=place.address)
            kept = decoded(data, name=place.address)
            self._put(place, before, version, kept)
        return rows_in(kept, cover)

    def _find(self, place: Place, version: str) -> Decoded | None:
        with self._lock:
            kept = self._kept.pop(place, None)
            if kept is None or kept[0] != version:
                return None
            self._kept[place] = kept
            return kept[1]

    def _see(self, place: Place) -> int:
        """The number of the look-up before this one, 0 for none."""
        with self._lock:
            self._looked_up += 1
            before = self._seen.pop(place, 0)
            self._seen[place] = self._looked_up
            if len(self._seen) > MOST_SEEN:
                del self._seen[next(iter(self._seen))]
            return before

    def _may_fit(self, place: Place, before: int) -> bool:
        """Whether there may be room for a file, so that it is not decoded whole in vain."""
        with self._lock:
            return self._fits(place, before)

    def _fits(self, place: Place, before: int) -> bool:
        # Room is made by what nobody has used since this file was looked up before. What is used as often stays, that of its own folder
        # too: else two would push each other out every cycle.
        staying = sum(self._sizes[one] for one in self._kept if not self._gives_way(one, place, before))
        return staying + self._sizes.get(place, 0) <= self.most_bytes

    def _gives_way(self, kept: Place, place: Place, before: int) -> bool:
        return kept.folder != place.folder and self._seen.get(kept, 0) < before

    def _put(self, place: Place, before: int, version: str, file: Decoded) -> None:
        size_bytes = file.size_bytes
        with self._lock:
            if len(self._sizes) > MOST_SEEN:
                self._sizes = {one: self._sizes[one] for one in self._kept}
            self._sizes[place] = size_bytes
            if not self._fits(place, before):
                return
            others = iter([one for one in self._kept if self._gives_way(one, place, before)])
            while sum(self._sizes[one] for one in self._kept) + size_bytes > self.most_bytes:
                del self._kept[next(others)]
            self._kept[place] = version, file


SHELF = Shelf()  # of this process
