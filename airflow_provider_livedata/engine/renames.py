"""Where files went that a snapshot difference says were renamed. Pure.

    rename a -> b            a/f -> b/f
    rename a/c -> d          a/c/f -> d/f, though a went to b: the longest old path decides
    delete a/g               a/g -> nothing

Old paths are those of the older snapshot, new ones those of the newer: so chains (a to b, b to c) and cycles come as what
they amount to, whatever was done in between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from airflow_provider_livedata.engine.model import Change


class Renames:
    """The renames of one difference; false when there are none."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._new: dict[str, str] = {}
        self._deleted, occupied = set[str](), set[str]()
        for change in changes:
            if change.kind == "rename" and change.path and change.new_path:
                self._new[change.path] = change.new_path
                occupied.add(change.new_path)
            elif change.kind in ("delete", "rename"):
                self._deleted.add(change.path)
            elif change.kind == "create":
                occupied.add(change.path)
        self._occupied = frozenset(occupied)
        self._contested = _contested(self._new, occupied)

    def __bool__(self) -> bool:
        return bool(self._new)

    @property
    def old_paths(self) -> list[str]:
        """What was renamed: files, and directories with all below them."""
        return list(self._new)

    def new_of(self, old: str) -> str | None:
        """Where the file that was at ``old`` is now; None where it was not renamed, or is gone."""
        for path in _upwards(old):
            if path in self._new:
                return self._new[path] + old[len(path) :]
            if path in self._deleted:
                return None
        return None

    def is_other(self, new: str) -> bool:
        """Whether what is at ``new`` now came there since: another file than before, though it may have its size and time."""
        return any(path in self._occupied for path in _upwards(new))

    def is_contested(self, old: str) -> bool:
        """Whether something else may stand at ``old`` by now, or in its way."""
        return next((path in self._contested for path in _upwards(old) if path in self._new), False)


def _contested(new: dict[str, str], occupied: set[str]) -> frozenset[str]:
    ordered = sorted(f"{path}/" for path in occupied)

    def is_below(old: str) -> bool:
        found = bisect_left(ordered, f"{old}/")
        return found < len(ordered) and ordered[found].startswith(f"{old}/")

    return frozenset(old for old in new if is_below(old) or any(path in occupied for path in _upwards(old)))


def _upwards(path: str) -> Iterator[str]:
    """The path, and the directories above it from the inside out."""
    while path:
        yield path
        path = path.rpartition("/")[0]
