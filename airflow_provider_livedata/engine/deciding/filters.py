"""Which paths take part in a replication. Pure.

A pattern without "/" is matched against every name on the path (``_temporary``, ``*.tmp``); one with "/" against the
path from the location's root (``staging/2024``, ``logs/*/raw``), where ``*`` stays within one name and ``**`` does
not. What is excluded is excluded with everything below it. Letters match by case.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Entry

DEFAULT_EXCLUDES = (".Trash", ".snapshot", "_temporary", ".hive-staging*", ".spark-staging*", ".livedata*")


class Filter:
    """Decides by patterns; equal patterns give equal ``digest``."""

    def __init__(self, exclude: Iterable[str] = DEFAULT_EXCLUDES) -> None:
        self.exclude = tuple(sorted(set(exclude)))
        names = [_checked(p) for p in self.exclude if "/" not in p]
        paths = [_checked(p).strip("/") for p in self.exclude if "/" in p]
        self._by_name = re.compile("|".join(map(expression, names)), re.DOTALL) if names else None
        self._by_path = re.compile("|".join(map(expression, paths)), re.DOTALL) if paths else None
        self.digest = hashlib.sha256("\n".join(self.exclude).encode()).hexdigest()[:16]

    def excludes(self, path: str) -> bool:
        """Whether ``path`` or a directory above it is excluded."""
        names = path.split("/")
        if self._by_name is not None and any(self._by_name.fullmatch(name) for name in names):
            return True
        if self._by_path is None:
            return False
        return any(self._by_path.fullmatch("/".join(names[: n + 1])) for n in range(len(names)))

    def keep(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Pass on what takes part; order is kept. What lies below an excluded directory costs one comparison."""
        skipped = "\0"
        for entry in entries:
            if entry.path.startswith(skipped):
                continue
            if self._excludes_last(entry.path):
                skipped = entry.path + "/"
                continue
            yield entry

    def _excludes_last(self, path: str) -> bool:
        # In a listing the directories above have passed already, so only the last name and the whole path are new.
        # Object stores list files without their parents only after yielding implied directories: the same holds.
        if self._by_name is not None and self._by_name.fullmatch(path.rpartition("/")[2]):
            return True
        return self._by_path is not None and self._by_path.fullmatch(path) is not None


def _checked(pattern: str) -> str:
    if not pattern.strip("/") or "\0" in pattern:
        raise BadOption(
            "an exclusion may not be empty; write a name such as '_temporary' or a path such as 'logs/raw'",
            exclude=pattern,
        )
    return pattern


def expression(pattern: str) -> str:
    """The regular expression of a pattern: ``*`` and ``?`` stay within one name, ``**`` does not."""
    wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "(?:" + "".join(wild.get(t) or re.escape(t) for t in re.findall(r"\*\*|\*|\?|[^*?]+", pattern)) + ")"
