"""Which paths of a backup are brought back: some named, some by patterns, with all that lies below them. Pure.

    year=2024/part-0        that file, or that directory with all below it
    year=*/_SUCCESS         ``*`` and ``?`` stay within one name
    logs/**/*.gz            ``**`` does not

Of a named path only the path itself is asked of a store, of a pattern what lies below the directory before its first
wild card. Directories above what was chosen come along, since they have to be there; they are not chosen themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.filters import expression
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Entry

_WILD = re.compile(r"[*?]")


class Choice:
    """Decides by paths and patterns relative to the location; none of them choose everything.

    Raises:
        BadOption: One is empty, absolute, or leads out of the location.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self.paths = tuple(dict.fromkeys(checked(path) for path in paths))
        self._literal = {path for path in self.paths if not _WILD.search(path)}
        self._patterns = [(path, re.compile(expression(path), re.DOTALL)) for path in self.paths if _WILD.search(path)]
        self._matched: set[str] = set()

    @property
    def is_all(self) -> bool:
        """Whether the whole location is chosen."""
        return not self.paths

    def cover(self) -> Cover | None:
        """What has to be asked of a zone, with the directories above it; None: everything."""
        trees = [_fixed(path) for path in self.paths]
        if not trees or "" in trees:
            return None
        return Cover((above for tree in trees for above in _above(tree)), trees)

    def holds(self, path: str) -> bool:
        """Whether ``path``, or a directory that it lies in, is chosen; what chose it counts as matched."""
        matched = {name for one in (*_above(path), path) for name in self._choosing(one)}
        self._matched |= matched
        return bool(matched) or not self.paths

    def of_backup(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Of a listing in key order what is chosen, each entry after those directories above it that were listed."""
        if not self.paths:
            yield from entries
            return
        above: list[Entry] = []
        for entry in entries:
            while above and not entry.key.startswith(above[-1].key):
                above.pop()
            if self.holds(entry.path):
                yield from above
                above.clear()
                yield entry
            elif entry.kind == "directory":
                above.append(entry)

    def of_destination(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Of a listing in key order what is chosen, and what may lie above or in the way of it."""
        above = {tree for path in self.paths for tree in _above(_fixed(path))}
        for entry in entries:
            if entry.kind == "directory" or entry.path in above or self.is_chosen(entry.path):
                yield entry

    def is_chosen(self, path: str) -> bool:
        """As ``holds``, and nothing counts as matched."""
        return not self.paths or any(next(self._choosing(one), None) for one in (*_above(path), path))

    def unmatched(self) -> list[str]:
        """Those of ``paths`` that chose nothing of what ``holds`` was asked about."""
        return [path for path in self.paths if path not in self._matched]

    def _choosing(self, path: str) -> Iterator[str]:
        if path in self._literal:
            yield path
        yield from (name for name, pattern in self._patterns if pattern.fullmatch(path))


def checked(path: str) -> str:
    """A path or pattern as it is compared, without "/" at its end.

    Raises:
        BadOption: It is empty, absolute, or leads out of the location.
    """
    names = path.removesuffix("/").split("/")
    if path.startswith("/") or any(name in ("", ".", "..") for name in names) or "\0" in path:
        raise BadOption(
            "a path to restore is relative to the location, such as 'year=2024' or 'logs/*.gz', and holds no empty name, '.' or '..'",
            path=path,
        )  # fmt: skip
    return "/".join(names)


def _fixed(path: str) -> str:
    """The part of a pattern before its first wild card, whole names only; all of a path."""
    found = _WILD.search(path)
    return path if found is None else path[: found.start()].rpartition("/")[0]


def _above(path: str) -> Iterator[str]:
    names = path.split("/")
    return ("/".join(names[: n + 1]) for n in range(len(names) - 1))
