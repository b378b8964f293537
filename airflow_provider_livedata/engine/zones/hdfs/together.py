"""Many paths asked for at once: where many lie in one directory, pages of its listing tell them for fewer calls.

    asked for    b c e k x
    after b      c d e f         tells c and e
    after k      l m .. z        tells x; b and k are left to be asked for alone

So a listing begins where the names do, and skips what lies between them. It is given up where a page tells too few of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from airflow_provider_livedata.engine.errors import NotADirectory, PathMissing, PermissionRefused, Unsupported
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.hdfs.attributes import AttributeStore
from airflow_provider_livedata.engine.zones.hdfs.directories import WebDirectories
from airflow_provider_livedata.engine.zones.hdfs.status import Page, Status

FEW = 32  # paths of one directory that are asked for alone: a page of 1,000 entries costs what some 50 of them do
ENTRIES_A_STATUS = 20  # of a page, for the CPU of one path that is asked for alone, its ACL included
PageAfter = Callable[[str], tuple[Page, bool]]


def stat_many(
    paths: Sequence[str], path_of: Callable[[str], str], directories: WebDirectories, attributes: AttributeStore
) -> dict[str, Entry | None]:
    """See ``StatsMany``; ``path_of`` makes absolute paths."""
    found: dict[str, Entry | None] = {}
    for directory, names in by_directory(paths).items():
        at, prefix = path_of(directory), f"{directory}/" if directory else ""
        with suppress(PathMissing, NotADirectory, PermissionRefused, Unsupported):  # asking for each alone tells more
            told = told_by_pages(names, partial(directories.after, at))
            there = [status for status in told.values() if status is not None]
            found.update((prefix + name, None) for name in told)
            found.update((one.path, one) for one in attributes.entries(prefix, f"{at.rstrip('/')}/", there))
    return found


def by_directory(paths: Sequence[str]) -> dict[str, list[str]]:
    """Names by directory, in order, where there are more than ``FEW``. Pure."""
    found: dict[str, list[str]] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        found.setdefault(directory, []).append(name)
    return {directory: sorted(names) for directory, names in found.items() if len(names) > FEW}


def told_by_pages(names: Sequence[str], page_after: PageAfter) -> dict[str, Status | None]:
    """What a directory holds of ``names``, those left out that no page told. Pure but for ``page_after``.

    Args:
        names: In order.
        page_after: The page of entries that follows a name, in order, and whether it is the last one.
    """
    told: dict[str, Status | None] = {}
    for first, here, page in _pages(names, page_after):
        there = {status.name: status for status in page}
        told.update((name, there.get(name)) for name in here if name != first)
    return told


def _pages(names: Sequence[str], page_after: PageAfter) -> Iterator[tuple[str, Sequence[str], Page]]:
    while len(names) > FEW:
        page, is_last = page_after(names[0])
        if page and page[0].name <= names[0]:  # a server that does not go on where it is told to
            return
        end = len(names) if is_last or not page else bisect_right(names, page[-1].name)
        yield names[0], names[:end], page
        if (end - 1) * ENTRIES_A_STATUS < len(page):
            return
        names = names[end:]
