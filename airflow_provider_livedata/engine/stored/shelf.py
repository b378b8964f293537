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
    _seen: dict[Place, None] = field(default_factory=dict)
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
        kept = self._find(place, version)
        if kept is None:
            data = read()
            is_wanted = self._was_seen(place) or len(data) <= SMALL_BYTES
            if not (version and is_wanted) or not self._may_fit(place):
                return held_in(data, cover, name=place.address)
            kept = decoded(data, name=place.address)
            self._put(place, version, kept)
        return rows_in(kept, cover)

    def _find(self, place: Place, version: str) -> Decoded | None:
        with self._lock:
            kept = self._kept.pop(place, None)
            if kept is None or kept[0] != version:
                return None
            self._kept[place] = kept
            return kept[1]

    def _was_seen(self, place: Place) -> bool:
        with self._lock:
            was_seen = place in self._seen
            self._seen[place] = None
            if len(self._seen) > MOST_SEEN:
                del self._seen[next(iter(self._seen))]
            return was_seen

    def _may_fit(self, place: Place) -> bool:
        """Whether there may be room for a file, so that it is not decoded whole in vain."""
        with self._lock:
            return self._fits(place)

    def _fits(self, place: Place) -> bool:
        # What other folders used longest ago makes room; what this one has does not, since all of it is used every cycle.
        own = sum(self._sizes[one] for one in self._kept if one.folder == place.folder)
        return own + self._sizes.get(place, 0) <= self.most_bytes

    def _put(self, place: Place, version: str, file: Decoded) -> None:
        size_bytes = file.size_bytes
        with self._lock:
            if len(self._sizes) > MOST_SEEN:
                self._sizes = {one: self._sizes[one] for one in self._kept}
            self._sizes[place] = size_bytes
            if not self._fits(place):
                return
            others = iter([one for one in self._kept if one.folder != place.folder])
            while sum(self._sizes[one] for one in self._kept) + size_bytes > self.most_bytes:
                del self._kept[next(others)]
            self._kept[place] = version, file


SHELF = Shelf()  # of this process
