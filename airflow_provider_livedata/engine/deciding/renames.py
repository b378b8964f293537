"""Where files went that a snapshot difference says were renamed. Pure.

    rename a -> b            a/f -> b/f
    rename a/c -> d          a/c/f -> d/f, though a went to b: the longest old path decides
    delete a/g               a/g -> nothing

Old paths are those of the older snapshot, new ones those of the newer: so chains (a to b, b to c) and cycles come as what
they amount to, whatever was done in between.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping

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
        self._whole = _whole(self._new, self._contested)

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

    @property
    def whole(self) -> dict[str, str]:
        """Old and new paths of what can be moved in one piece: nothing else was moved out of it, into it, or to its old place."""
        return dict(self._whole)

    def is_other(self, new: str) -> bool:
        """Whether what is at ``new`` now came there since: another file than before, though it may have its size and time."""
        return any(path in self._occupied for path in _upwards(new))

    def is_contested(self, old: str) -> bool:
        """Whether something else may stand at ``old`` by now, or in its way."""
        return next((path in self._contested for path in _upwards(old) if path in self._new), False)


def moved_with(old: str, whole: Mapping[str, str]) -> str | None:
    """The old path among those of ``whole`` that ``old`` is or lies below."""
    return next((path for path in _upwards(old) if path in whole), None)


def _contested(new: dict[str, str], occupied: set[str]) -> frozenset[str]:
    # What was created below an old path was created in the directory that was moved: it is told by the name that that had.
    ordered = sorted(f"{path}/" for path in new.values())

    def is_below(old: str) -> bool:
        found = bisect_left(ordered, f"{old}/")
        return found < len(ordered) and ordered[found].startswith(f"{old}/")

    return frozenset(old for old in new if is_below(old) or any(path in occupied for path in _upwards(old)))


def _whole(new: dict[str, str], contested: frozenset[str]) -> dict[str, str]:
    left, entered = _Below(new), _Below(new.values())
    return {
        old: now
        for old, now in new.items()
        if old not in contested
        and not left.any_in(old)
        and not entered.any_in(now)
        and not entered.holds_parent_of(now)
    }


class _Below:
    """Paths, and whether any of them is strictly below or above another one."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self._ordered = sorted(f"{path}/" for path in self._paths)

    def any_in(self, path: str) -> bool:
        found = bisect_right(self._ordered, f"{path}/")
        return found < len(self._ordered) and self._ordered[found].startswith(f"{path}/")

    def holds_parent_of(self, path: str) -> bool:
        return any(above in self._paths for above in _upwards(path.rpartition("/")[0]))


def _upwards(path: str) -> Iterator[str]:
    """The path, and the directories above it from the inside out."""
    while path:
        yield path
        path = path.rpartition("/")[0]
