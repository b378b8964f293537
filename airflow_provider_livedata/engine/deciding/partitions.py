"""Which partitions of tables a plan touches, by directories that are named ``key=value``. Pure: no I/O, no clock, no zone.

orders/year=2026/month=11/part-0.parquet    orders/year=2026/month=11
orders/part-0.parquet                       none: the change is elsewhere
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from airflow_provider_livedata.engine.model import Step

MOST = 200  # that are named; an event of an asset, and what Airflow hands from task to task, are no place for thousands
_NAMED = re.compile(r"[^=/]+=[^/]*")
_BRINGS = frozenset({"copy", "move", "delete", "rename"})


@dataclass(slots=True)
class Partitions:
    """The partitions that a plan touches, ``MOST`` of them at most; ``has_more``: there are others; ``elsewhere``: files beside them."""

    found: dict[str, None] = field(default_factory=dict)
    has_more: bool = False
    elsewhere: bool = False

    @property
    def names(self) -> list[str]:
        """In order."""
        return sorted(self.found)

    def count(self, step: Step) -> None:
        """One more step of the plan."""
        if step.kind not in _BRINGS and step.reason != "carried":
            return
        is_directory = step.entry.kind == "directory"
        self._note(step.entry.path, is_directory=is_directory)
        if step.origin is not None:
            self._note(step.origin.path, is_directory=is_directory)

    def _note(self, path: str, *, is_directory: bool) -> None:
        name = partition_of(path, is_directory=is_directory)
        if name:
            self._add(name)
        elif not is_directory:
            self.elsewhere = True

    def _add(self, name: str) -> None:
        if name not in self.found and len(self.found) >= MOST:
            self.has_more = True
        else:
            self.found[name] = None


def partition_of(path: str, *, is_directory: bool = False) -> str:
    """The path up to the last directory that is named ``key=value``, "" where there is none."""
    if "=" not in path:
        return ""
    return _last_named(path if is_directory else path.rpartition("/")[0])


@lru_cache(maxsize=64)  # a plan comes directory by directory
def _last_named(directory: str) -> str:
    names = directory.split("/")
    last = max((n for n, name in enumerate(names) if _NAMED.fullmatch(name)), default=-1)
    return "/".join(names[: last + 1])


def merged(lists: Iterable[Iterable[str]]) -> tuple[list[str], bool]:
    """The partitions of several plans, ``MOST`` of them at most, in order, and whether there are others."""
    found = sorted({name for names in lists for name in names})
    return found[:MOST], len(found) > MOST
