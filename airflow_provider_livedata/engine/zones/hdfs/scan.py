"""List a tree in key order, as few NameNode calls as it has pages, the next ones under way.

HDFS sorts the names of a directory by their bytes as *signed* numbers: names in other letters than ASCII come first, and a
directory ``a`` comes before ``a!`` though its key ``a/`` comes after. So entries wait in a heap until nothing that is still
to come can go before them. What is still to come is greater than the ASCII beginning of the name that came last.
Source: SignedBytes.lexicographicalComparator in DFSUtilClient.compareBytes of HDFS.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain

from airflow_provider_livedata.engine.errors import NotADirectory, PathMissing, PermissionRefused, UnsortedListing
from airflow_provider_livedata.engine.model import Entry

LOOK_AHEAD = 6  # directories of one level that are listed before their turn
THREADS = 8

Entries = list[Entry]
Pages = Callable[[str], Iterator[Entries]]  # of a directory, by its path relative to the root; in HDFS's order

_OTHER = re.compile(r"[^\x00-\x7f]")


def in_key_order(pages: Iterable[Entries]) -> Iterator[Entry]:
    """The entries of one directory in the order of their keys, given in HDFS's order."""
    waiting: list[tuple[str, Entry]] = []
    for page in pages:
        for entry in page:
            path = entry.path
            bound = path if path.isascii() else _ascii_beginning(path)
            while waiting and waiting[0][0] <= bound:
                yield heapq.heappop(waiting)[1]
            if not waiting and bound is path and entry.kind != "directory":
                yield entry
            else:
                heapq.heappush(waiting, (entry.key, entry))
    while waiting:
        yield heapq.heappop(waiting)[1]


def _ascii_beginning(path: str) -> str:
    match = _OTHER.search(path)
    return path[: match.start()] if match else path


def scan(top: str, pages: Pages, *, past: bool = False) -> Iterator[Entry]:
    """Everything below the directory ``top``, in the order of keys; nothing where it is absent or a file.

    ``past``: go on where a directory may not be listed; see ``ListsPast``.

    Raises:
        UnsortedListing: The order is not kept.
    """
    pool = ThreadPoolExecutor(THREADS, "hdfs-scan")
    try:
        begin = _Begin(pages, pool)
        last, levels = "", [_Level(begin, begin(top))]
        while levels:
            entry = next(levels[-1].entries, None)
            if entry is None:
                levels.pop()
                continue
            key = entry.key
            if key <= last:
                raise UnsortedListing("listing out of path order", path=entry.path, after=last)
            last = key
            if entry.kind == "directory" and past:
                entry, listing = _looked_into(entry, levels[-1].enter(entry.path))
                yield entry
                if listing is not None:
                    levels.append(_Level(begin, listing))
                continue
            yield entry
            if entry.kind == "directory":
                levels.append(_Level(begin, levels[-1].enter(entry.path)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _looked_into(entry: Entry, listing: Iterator[Entries]) -> tuple[Entry, Iterator[Entries] | None]:
    """A directory and its listing, of which the first page has come; with a note, and no listing, where that is refused."""
    try:
        first = next(listing, None)
    except PermissionRefused as error:
        return entry._replace(note=str(error)), None
    return entry, listing if first is None else chain((first,), listing)


class _Level:
    """A directory that is being listed; directories in it are begun a few before their turn, as latency is what counts."""

    def __init__(self, begin: _Begin, listing: Iterator[Entries]) -> None:
        self.entries = in_key_order(self._noted(listing))
        self._begin = begin
        self._coming: deque[str] = deque()  # in HDFS's order, which is nearly that of their turns
        self._begun: dict[str, Iterator[Entries]] = {}
        self._entered: set[str] = set()  # those whose turn came before they were begun

    def enter(self, path: str) -> Iterator[Entries]:
        """The listing of a directory whose turn it is."""
        listing = self._begun.pop(path, None)
        if listing is None:
            listing = self._begin(path)
            self._entered.add(path)
        while self._coming and len(self._begun) < LOOK_AHEAD:
            following = self._coming.popleft()
            if following in self._entered:
                self._entered.remove(following)
            else:
                self._begun[following] = self._begin(following)
        return listing

    def _noted(self, listing: Iterator[Entries]) -> Iterator[Entries]:
        for page in listing:
            self._coming.extend(entry.path for entry in page if entry.kind == "directory")
            yield page


class _Begin:
    """Begins to list a directory: the next page is asked for while one is being used."""

    def __init__(self, pages: Pages, pool: ThreadPoolExecutor) -> None:
        self._pages, self._pool = pages, pool

    def __call__(self, path: str) -> Iterator[Entries]:
        pages = self._pages(path)
        return self._following(pages, self._pool.submit(_next, pages))

    def _following(self, pages: Iterator[Entries], coming: Future[Entries | None]) -> Iterator[Entries]:
        while (page := coming.result()) is not None:
            coming = self._pool.submit(_next, pages)
            yield page


def _next(pages: Iterator[Entries]) -> Entries | None:
    with suppress(PathMissing, NotADirectory):  # it went while the tree was listed
        return next(pages, None)
    return None
