"""Small files that wait together for being published: many in one object, where an upload for each would be dear.

    .livedata/stage/bundles/<run>-<k>-<random>    the bytes of some files, one behind the other

A file is read straight into its place in a bundle, and counts as staged when that lies at the target. Its token says where it lies; so
it waits like one of an upload of its own, and appears by a put of its own, of bytes that are compared with its checksum first.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import LiveDataError, StagedBytesGone, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.base import Upload, Zone

BUNDLES = "stage/bundles"
LEAST_FILES = 16  # that fill a bundle: larger ones are better off with uploads of their own
AT_ONCE, KEPT = 2, 2  # bundles being filled, and those that are read from, in memory


@dataclass(frozen=True, slots=True)
class Lying:
    """Where a file lies: in which bundle, from which byte on."""

    bundle: str
    offset: int

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def parse(cls, token: str) -> Lying | None:
        """Read a token; None for that of an upload."""
        try:
            return cls(**json.loads(token))
        except (ValueError, TypeError):
            return None


class Shelf:
    """Bundles that lie at a target, the last few in memory. Thread-safe."""

    def __init__(self, target: Zone) -> None:
        self.target = target
        self._state = StateFolder(target)
        self._kept: dict[str, bytes | memoryview] = {}
        self._lock = threading.Lock()

    def keep(self, bundle: str, data: bytes | memoryview) -> None:
        """Have at hand what lies there."""
        with self._lock:
            self._add(bundle, data)

    def bytes_of(self, bundle: str, *, afresh: bool = False) -> memoryview | None:
        """The bytes of a bundle; None where it is gone. ``afresh``: as it lies there now."""
        with self._lock:
            data = None if afresh else self._kept.pop(bundle, None)
            data = self._state.read(bundle) if data is None else data
            if data is None:
                return None
            self._add(bundle, data)
            return memoryview(data)

    def take_up(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None) -> Upload | None:
        """What waits under a token, in a bundle or in an upload of its own; None when it is gone."""
        lying = Lying.parse(token)
        if lying is None:
            return self.target.resume(path, token, size_bytes, attributes=attributes)
        return None if self.bytes_of(lying.bundle) is None else Bundled(self, lying, path, size_bytes, attributes)

    def _add(self, bundle: str, data: bytes | memoryview) -> None:
        self._kept.pop(bundle, None)
        self._kept[bundle] = data
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]


class Bundled(Upload):
    """A file in a bundle, in the place of an upload whose bytes have arrived."""

    def __init__(self, shelf: Shelf, lying: Lying, path: str, size_bytes: int, attributes: Attributes | None) -> None:
        self.token, self.part_bytes = str(lying), max(size_bytes, 1)
        self._shelf, self._lying = shelf, lying
        self._path, self._size_bytes, self._attributes = path, size_bytes, attributes

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """There is nothing to send any more."""
        raise Unsupported("a file in a bundle has no parts", path=self._path)

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``: it is as durable as its bundle, which is looked into once more.

        Raises:
            StagedBytesGone: See ``complete``.
        """
        self._data(checksum)
        return Entry(self._path, size_bytes=self._size_bytes)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """Let the file appear, by one put.

        Raises:
            StagedBytesGone: The bundle is gone, or does not hold what was put there.
            ObjectChanged, AlreadyExists: See ``Zone.put``.
        """
        data = self._data(checksum)
        return self._shelf.target.put(self._path, data, checksum=checksum, attributes=self._attributes, expect=expect)

    def abort(self) -> None:
        """Its bytes go with the bundle."""

    def _data(self, checksum: Checksum) -> memoryview:
        start, stop = self._lying.offset, self._lying.offset + self._size_bytes
        for afresh in (False, True):
            bundle = self._shelf.bytes_of(self._lying.bundle, afresh=afresh)
            if bundle is not None and len(bundle) >= stop and checksum_of(bundle[start:stop]) == checksum:
                return bundle[start:stop]
        raise StagedBytesGone("the staged bytes of this file are gone or damaged", path=self._path)


@dataclass(slots=True)
class Place:
    """Bytes of a bundle for one file. ``then``: hears whether the bundle lies at the target, unless the file was not read."""

    lying: Lying
    view: memoryview
    shelf: Shelf
    then: Callable[[LiveDataError | None], None] | None = None

    def file(self, path: str, attributes: Attributes | None) -> Bundled:
        """What lets the file appear later."""
        return Bundled(self.shelf, self.lying, path, len(self.view), attributes)


@dataclass(slots=True)
class _Bundle:
    name: str
    data: bytearray
    used: int = 0
    being_filled: int = 0
    is_closed: bool = False
    files: list[Place] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def has_room(self, size_bytes: int) -> bool:
        return self.used + size_bytes <= len(self.data)

    def reserve(self, size_bytes: int, shelf: Shelf) -> Place:
        with self.lock:
            start, self.used = self.used, self.used + size_bytes
            self.being_filled += 1
        return Place(Lying(self.name, start), memoryview(self.data)[start : start + size_bytes], shelf)

    def ended(self, place: Place) -> bool:
        """Whether it was the last one of a bundle that takes no more."""
        with self.lock:
            self.being_filled -= 1
            if place.then is not None:
                self.files.append(place)
            return self.is_closed and not self.being_filled

    def close(self) -> bool:
        """Whether nobody fills it any more."""
        with self.lock:
            self.is_closed = True
            return not self.being_filled


class Bundles:
    """Fills the bundles of a run, and puts each when it is full. Safe for many threads, ``close`` excepted.

    ``allow`` raises when nothing may be written any more.
    """

    def __init__(self, shelf: Shelf, run: int, allow: Callable[[], None]) -> None:
        self.shelf, self._run, self._allow = shelf, run, allow
        self._open: _Bundle | None = None
        self._opening = threading.Lock()
        self._room = threading.Semaphore(AT_ONCE)
        self._count = 0

    def fits(self, entry: Entry) -> bool:
        """Whether a file is better off in a bundle. A name that the store may refuse is tried before the commit, by an upload."""
        bundle_bytes = self.shelf.target.facts.bundle_bytes
        return 0 <= entry.size_bytes <= bundle_bytes // LEAST_FILES and bundle_bytes > 0 and entry.path.isprintable()

    @contextmanager
    def place(self, size_bytes: int) -> Iterator[Place]:
        """Bytes to be filled until the block ends; waits while too many bundles are on their way."""
        bundle, place = self._reserved(size_bytes)
        try:
            yield place
        finally:
            if bundle.ended(place):
                self._put(bundle)

    def close(self) -> None:
        """Put the last one too; all files are told by then."""
        with self._opening:
            self._close()

    def _reserved(self, size_bytes: int) -> tuple[_Bundle, Place]:
        with self._opening:
            if self._open is None or not self._open.has_room(size_bytes):
                self._close()
                self._room.acquire()
                self._open = self._begun()
            return self._open, self._open.reserve(size_bytes, self.shelf)

    def _begun(self) -> _Bundle:
        self._count += 1
        name = f"{BUNDLES}/{self._run:012d}-{self._count:06d}-{secrets.token_hex(4)}"
        return _Bundle(name, bytearray(self.shelf.target.facts.bundle_bytes))

    def _close(self) -> None:
        bundle, self._open = self._open, None
        if bundle is not None and bundle.close():
            self._put(bundle)

    def _put(self, bundle: _Bundle) -> None:
        error: LiveDataError | None = None
        try:
            if bundle.files:
                data = memoryview(bundle.data)[: bundle.used]
                self._allow()
                self.shelf.target.put(f"{FOLDER}/{bundle.name}", data, checksum=checksum_of(data))
                self.shelf.keep(bundle.name, data)
        except LiveDataError as failure:
            error = failure
        finally:
            self._room.release()
        for place in bundle.files:
            if place.then is not None:
                place.then(error)


def sweep(state: StateFolder) -> None:
    """Remove all bundles: none is needed once a run has ended well, and whatever runs before it staged."""
    if state.zone.facts.bundle_bytes:
        state.remove(BUNDLES)
