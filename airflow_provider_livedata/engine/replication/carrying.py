"""Find the directories that the target can move in one piece, as the source moved them.

One is moved whole if the target holds below it exactly what the manifest says, nothing is at its new place, and all of it takes part
there. Everything else is brought file by file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.refusal import refusal
from airflow_provider_livedata.engine.deciding.renames import Renames, moved_with
from airflow_provider_livedata.engine.errors import NotADirectory, PathMissing
from airflow_provider_livedata.engine.model import Facts, Held
from airflow_provider_livedata.engine.reading.looking import THREADS, peek
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import HoldsAsRecorded, Rename


def carried_whole(rows: Iterable[Held], renames: Renames, target: Zone, chosen: Filter) -> dict[str, str]:
    """Old and new paths of those directories.

    Args:
        rows: Of the manifest, at least those of what was renamed.
        renames: What the source renamed.
        target: Where they are to be moved.
        chosen: What takes part.
    """
    if not isinstance(target, Rename) or not target.facts.has_directories or isinstance(target, HoldsAsRecorded):
        return {}
    recorded = _recorded(rows, renames.whole, target.facts, chosen)
    with ThreadPoolExecutor(THREADS, "livedata-whole") as pool:
        found = list(pool.map(lambda one: one.is_at(target), recorded))
    return {one.old: one.new for one, is_there in zip(recorded, found, strict=True) if is_there}


@dataclass(slots=True)
class _Whole:
    """What a directory holds, as a digest over keys and versions in key order."""

    old: str
    new: str
    is_directory: bool = False
    is_welcome: bool = True
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, held: Held, facts: Facts, chosen: Filter) -> None:
        entry = held.entry._replace(path=self.new + held.entry.path[len(self.old) :])
        self.is_welcome = self.is_welcome and not chosen.excludes(entry.path) and not refusal(entry, facts)
        if held.entry.path == self.old:
            self.is_directory = held.entry.kind == "directory"
        else:
            _add(self.digest, held.entry.key, held.target_version)

    def is_at(self, target: Zone) -> bool:
        found = hashlib.sha256()
        try:
            if peek(target, self.new) is not None:
                return False
            for entry in target.scan(self.old):
                _add(found, entry.key, entry.version)
        except (PathMissing, NotADirectory):
            return False
        return bool(found.digest() == self.digest.digest())


def _recorded(rows: Iterable[Held], whole: Mapping[str, str], facts: Facts, chosen: Filter) -> list[_Whole]:
    found = {old: _Whole(old, new) for old, new in whole.items()}
    for held in rows if found else ():
        old = moved_with(held.entry.path, whole)
        if old is not None:
            found[old].add(held, facts, chosen)
    return [one for one in found.values() if one.is_directory and one.is_welcome]


def _add(digest: Any, key: str, version: str) -> None:
    digest.update(f"{key}\0{version}\n".encode())
