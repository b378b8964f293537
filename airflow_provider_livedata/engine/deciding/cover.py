"""The paths that a snapshot difference makes worth looking at, and nothing else. Pure: no I/O, no clock, no zone.

    modify a/f              alone   a/f, and a, whose time the target may change by writing into it
    create a/new            tree    a/new with all below it
    delete a/old            tree    a/old
    rename b -> c           trees   b and c

A difference names what lies below a renamed directory by its old path. That does no harm here: old and new path are
both looked at with all below them, and whatever differs between the snapshots lies in one of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from airflow_provider_livedata.engine.model import Change


class Cover:
    """A set of paths, some with all that lies below them."""

    def __init__(self, alone: Iterable[str], trees: Iterable[str]) -> None:
        roots: list[str] = []
        for root in sorted(f"{path}/" for path in set(trees) - {""}):
            if not roots or not root.startswith(roots[-1]):
                roots.append(root)
        self._roots = roots
        lonely = {path for path in alone if path and not self._is_below_root(path)}
        self.trees = frozenset(root[:-1] for root in roots)
        self.paths = sorted(lonely | self.trees)
        # Ranges of keys without their ends, in order, none overlapping another. "0" follows "/", and nothing is before "\0".
        points = [(key, f"{key}\0") for key in (*self.paths, *(f"{path}/" for path in lonely))]
        self._ranges = sorted(points + [(root, f"{root[:-1]}0") for root in roots])
        self._lows = [low for low, _ in self._ranges]

    def __len__(self) -> int:
        return len(self.paths)

    def holds(self, key: str) -> bool:
        """Whether an entry of that key is to be looked at."""
        found = bisect_right(self._lows, key) - 1
        return found >= 0 and key < self._ranges[found][1]

    def touches(self, first: str, end: str | None) -> bool:
        """Whether any key from ``first`` up to but without ``end`` (None: to the last) is to be looked at."""
        found = bisect_left(self._lows, first)
        if found < len(self._lows) and (end is None or self._lows[found] < end):
            return True
        return found > 0 and first < self._ranges[found - 1][1]

    def touches_paths(self, lowest: str, highest: str) -> bool:
        """Whether any path between these, both included, may be to be looked at."""
        found = bisect_left(self.paths, lowest)
        if found < len(self.paths) and self.paths[found] <= highest:
            return True
        below = bisect_right(self._roots, highest) - 1
        return below >= 0 and lowest < f"{self._roots[below][:-1]}0"

    def ranges(self, first: str, last: str) -> list[tuple[str, str]]:
        """The ranges of keys, each without its end, that may hold some from ``first`` to ``last``: in order, and none overlaps another."""
        begin, end = bisect_right(self._lows, first), bisect_right(self._lows, last)
        return self._ranges[max(0, begin - 1) : end]

    def is_whole(self, path: str) -> bool:
        """Whether all below a path is looked at too."""
        return self._is_below_root(path)

    def _is_below_root(self, path: str) -> bool:
        key = f"{path}/"
        found = bisect_right(self._roots, key) - 1
        return found >= 0 and key.startswith(self._roots[found])


def cover_of(changes: Iterable[Change], also: Iterable[str] = ()) -> Cover:
    """What the changes make worth looking at.

    Args:
        changes: As the store tells them.
        also: Paths to be looked at alone whatever the difference says: files that were being written at the older snapshot,
            and what a run that was cut off meant to do.
    """
    alone, trees = set(also), set[str]()
    for change in changes:
        if change.kind == "modify":
            alone.add(change.path)
        else:
            trees.update(path for path in (change.path, change.new_path) if path)
    return Cover(alone | set(_parents((*alone, *trees))), trees)


def _parents(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parent = path.rpartition("/")[0]
        if parent:
            yield parent
