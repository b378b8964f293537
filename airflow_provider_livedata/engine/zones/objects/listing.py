"""What a bucket's keys say about files and directories, streamed.

    pages of Listed, the next one on its way  ->  markers moved to their place  ->  Entry

    a/b/c            directory a, directory a/b (both implied), file a/b/c
    a/b/             directory a/b, explicit: a marker
    a/b_$folder$     the same, as old s3n and EMR left it; its place in the order is before the key that says so
    x//y  /x  x/../y not a path of a file system: kind "other"

Memory is three pages, whatever the bucket holds, and the directories around the current key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from datetime import datetime
from typing import NamedTuple

from airflow_provider_livedata.engine.errors import UnsortedListing
from airflow_provider_livedata.engine.model import Entry

FOLDER = "_$folder$"
_HIGH = re.compile("[\ue000-\U0010ffff]")
PAGE = 1000
NOT_A_PATH = "its key has an empty name, '.', '..', a NUL or bytes that are not UTF-8: no path of a file system"
LATE_FOLDER = ("marks an empty directory as old s3n and EMR did, too far from the directory's place in the listing; "
               "replace it by a marker that ends in /")  # fmt: skip


class Listed(NamedTuple):
    """One object of a listing. ``mtime_ms`` is the store's time of writing, where its listing does not tell the writer's."""

    key: str
    size_bytes: int = 0
    mtime_ms: int = 0
    version: str = ""
    crc32c: int | None = None
    source_version: str = ""
    is_folder: bool = False  # marks a directory, although its key does not end in "/"


class Page(NamedTuple):
    """One answer to a listing. ``encodes``: the store lists any key, also what XML cannot hold."""

    objects: list[Listed]
    token: str = ""
    encodes: bool = True


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def pages(fetch: Callable[[str], Page], ahead: Executor, *, in_order: bool = True) -> Iterator[list[Listed]]:
    """Yield all pages, fetching the next one while the caller is at work. ``in_order``: the keys have to be, as the store lists them.

    Raises:
        UnsortedListing: The keys do not come in UTF-8 order (S3 directory buckets do that).
    """
    coming: Future[Page] = ahead.submit(fetch, "")
    last: str | None = None
    while True:
        page = coming.result()
        if page.token:
            coming = ahead.submit(fetch, page.token)
        for one in page.objects:
            if in_order and last is not None and one.key <= last:
                raise UnsortedListing("the store does not list its keys in order", key=one.key, after=last)
            last = one.key
        yield page.objects
        if not page.token:
            return


def in_utf8_order(objects: Iterable[Listed], most: int = 100_000) -> Iterator[Listed]:
    """Yield objects that a store may list in the order of UTF-16 in that of UTF-8.

    The two differ only among keys that go on, after the same beginning, with a character from U+E000 on: those wait for each other.

    Raises:
        UnsortedListing: More than ``most`` would wait, or the keys come in neither order.
    """
    waiting: list[Listed] = []
    beginning, last = None, ""
    for one in objects:
        high = _HIGH.search(one.key)
        if waiting and (high is None or one.key[: high.start()] != beginning):
            yield from sorted(waiting)
            last, waiting = max(waiting).key, []
        if one.key <= last:
            raise UnsortedListing("the store does not list its keys in order", key=one.key, after=last)
        if high is None:
            last = one.key
            yield one
            continue
        beginning = one.key[: high.start()]
        waiting.append(one)
        if len(waiting) > most:
            raise UnsortedListing(f"more than {most} names with characters from U+E000 on lie side by side; the store lists them in "
                                  "an order that cannot be restored in bounded memory; rename their directory", key=one.key)  # fmt: skip
    yield from sorted(waiting)


def in_place(listing: Iterable[list[Listed]]) -> Iterator[Listed]:
    """Yield all objects, and before its time ``x/`` for each ``x_$folder$`` of this page or the next."""
    waiting: list[Listed] = []  # markers whose place has not come, in order
    previous: list[Listed] | None = None
    for objects in listing:
        waiting = sorted([*waiting, *_folders(objects)])
        if previous is not None:
            yield from _merged(previous, waiting)
        previous = objects
    yield from _merged(previous or [], waiting)


def _folders(objects: list[Listed]) -> Iterator[Listed]:
    for one in objects:
        path = one.key.removesuffix(FOLDER)
        if one.key.endswith(FOLDER) and not one.size_bytes and all(map(is_name, path.split("/"))):
            yield one._replace(key=path + "/")


def _merged(objects: list[Listed], waiting: list[Listed]) -> Iterator[Listed]:
    late = 0
    for one in objects:
        while late < len(waiting) and waiting[late].key < one.key:
            yield waiting[late]
            late += 1
        if late < len(waiting) and waiting[late].key == one.key:
            late += 1  # both kinds of marker
        yield one
    del waiting[:late]


class Directories:
    """Turns keys, relative to the zone's root and in order, into entries.

    ``start`` is "" or the directory that is listed, with its "/". A marker that comes too late for its place is either
    of a directory that was yielded already, because it holds something, and is dropped; or it is yielded as "other".
    """

    def __init__(self, start: str = "") -> None:
        self._start = start
        self._last = start
        self._inside = start  # the directory of the last file, with its "/"
        # Directories yielded that the current key begins with, letter by letter: those around it, and those whose
        # late marker may still come ("a" for the key "a0"). Each begins with the one before it.
        self._open: list[str] = []

    def entries(self, objects: Iterable[Listed]) -> Iterator[Entry]:
        """Yield the entries, directories before what they hold."""
        for one in objects:
            key = one.key
            if key <= self._last:
                continue  # a marker too late for its place, or that of the listed directory itself
            self._last = key
            while self._open and not key.startswith(self._open[-1]):
                self._open.pop()
            if self._is_next_file(key):
                yield file_of(one)
            else:
                yield from self._of(one)

    def _is_next_file(self, key: str) -> bool:
        # the usual case, in a fifth of the time of _of
        name = key[len(self._inside) :]
        return "/" not in name and is_name(name) and key.startswith(self._inside) and not name.endswith(FOLDER)

    def _of(self, one: Listed) -> Iterator[Entry]:
        names = one.key[len(self._start) :].split("/")
        is_marker = names[-1] == "" and len(names) > 1
        wrong = next((i for i, name in enumerate(names[: -1 if is_marker else None]) if not is_name(name)), None)
        yield from self._parents(names[: wrong if wrong is not None else -2 if is_marker else -1])
        if wrong is not None:
            yield _other(one, NOT_A_PATH)
        elif is_marker:
            yield from self._marker(one)
        elif one.key.endswith(FOLDER) and not one.size_bytes:
            yield from self._late_folder(one)
        else:
            self._inside = one.key[: len(one.key) - len(names[-1])]
            yield file_of(one)

    def _parents(self, names: list[str]) -> Iterator[Entry]:
        path = self._start.removesuffix("/")
        for name in names:
            path = f"{path}/{name}" if path else name
            if path not in self._open:
                self._open.append(path)
                yield Entry(path, "directory", is_implied=True)

    def _marker(self, one: Listed) -> Iterator[Entry]:
        path = one.key.removesuffix("/")
        if path not in self._open:
            self._open.append(path)
            yield Entry(path, "directory", mtime_ms=one.mtime_ms, note=marker_note(one.size_bytes))

    def _late_folder(self, one: Listed) -> Iterator[Entry]:
        path = one.key.removesuffix(FOLDER).removesuffix("/")
        if path not in self._open and path != self._start.removesuffix("/"):
            yield _other(one, LATE_FOLDER)


def is_name(name: str) -> bool:
    """Whether it can be a name in a path: not empty, not "." or "..", without "/" and NUL, and UTF-8."""
    return name not in {"", ".", ".."} and "\0" not in name and (name.isascii() or is_utf8(name))


def is_utf8(text: str) -> bool:
    """Whether it has a UTF-8 form: no half of a surrogate pair, which stands for a byte that was none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def marker_note(size_bytes: int) -> str:
    """What to say of a marker that has bytes of its own."""
    return f"its marker holds {size_bytes} bytes, which are not copied" if size_bytes else ""


def file_of(one: Listed) -> Entry:
    """The entry of a file."""
    path, size_bytes, mtime_ms, version, crc32c, source_version, _ = one
    if crc32c is None and not source_version:
        return Entry(path, "file", size_bytes, mtime_ms, version)
    return Entry(path, "file", size_bytes, mtime_ms, version, crc32c=crc32c, source_version=source_version)


def _other(one: Listed, note: str) -> Entry:
    return Entry(one.key, "other", one.size_bytes, one.mtime_ms, one.version, note=note)
