"""Many paths asked for at once: where many lie in one directory, pages of its listing tell them for fewer calls.

    asked for    b c e k x
    after b      c d f           tells c
    after k      l m x .. z      tells x; b, e and k are left to be asked for alone

So a listing begins where the names do, and skips what lies between them. It is given up where a page tells too few of them. What a
page does not hold is never said to be absent: whoever asks for it alone learns that for sure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from airflow_provider_livedata.engine.errors import NotADirectory, PathMissing, PermissionRefused, Unsupported
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.hdfs.attributes import AttributeStore
from airflow_provider_livedata.engine.zones.hdfs.directories import WebDirectories
from airflow_provider_livedata.engine.zones.hdfs.status import Page

FEW = 32  # paths of one directory that are asked for alone: a page of 1,000 entries costs what some 50 of them do
ENTRIES_A_STATUS = 20  # of a page, for the CPU of one path that is asked for alone, its ACL included
PageAfter = Callable[[str], tuple[Page, bool] | None]
_SIGNED = bytes((byte + 128) % 256 for byte in range(256))


def stat_many(
    paths: Sequence[str], path_of: Callable[[str], str], directories: WebDirectories, attributes: AttributeStore
) -> dict[str, Entry]:
    """See ``StatsMany``; ``path_of`` makes absolute paths."""
    found: dict[str, Entry] = {}
    for directory, names in by_directory(paths).items():
        at, prefix = path_of(directory), f"{directory}/" if directory else ""
        with suppress(PathMissing, NotADirectory, PermissionRefused, Unsupported):  # asking for each alone tells more
            there = told_by_pages(names, partial(directories.after, at))
            found.update((one.path, one) for one in attributes.entries(prefix, f"{at.rstrip('/')}/", there))
    return found


def by_directory(paths: Sequence[str]) -> dict[str, list[str]]:
    """Names by directory, in HDFS's order, where there are more than ``FEW``. Pure."""
    found: dict[str, list[str]] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        found.setdefault(directory, []).append(name)
    return {directory: sorted(names, key=order) for directory, names in found.items() if len(names) > FEW}


def order(name: str) -> bytes:
    """What HDFS sorts the names of a directory by: their bytes as signed numbers; see ``scan``. Pure."""
    return name.encode().translate(_SIGNED)


def told_by_pages(names: Sequence[str], page_after: PageAfter) -> Page:
    """Those of ``names`` that a directory holds, but for what no page told. Pure but for ``page_after``.

    Args:
        names: In HDFS's order.
        page_after: The page of entries that follows a name, in order, and whether it is the last one; None where no pages are told.
    """
    told: Page = []
    while len(names) > FEW and (found := page_after(names[0])) is not None:
        page, is_last = found
        if not page or order(page[0].name) <= order(names[0]):  # nothing follows, or a server goes on elsewhere
            break
        end = len(names) if is_last else bisect_right(names, order(page[-1].name), key=order)
        wanted = frozenset(names[1:end])
        told += [status for status in page if status.name in wanted]
        if (end - 1) * ENTRIES_A_STATUS < len(page):
            break
        names = names[end:]
    return told
