"""Bring the bytes of one file to the target: read, checksum, write, and hand over what landed.

small file    one task: read whole -> put (or begin, part, stage)
small file that is staged, target has bundles    one task: read into its place in a bundle
medium file, many of them, target takes streams    one task: each piece is read and sent; else as a small or large file
large file    one task a part, in any order; the last one completes
large file, target written in order    one task for all parts
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of, combine, store_text
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    CorruptSource,
    LeaseLost,
    LiveDataError,
    ObjectChanged,
    PathMissing,
    Unsupported,
)
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Entry, Expect, Held, Part, Step
from airflow_provider_livedata.engine.transfer.bundles import Bundles
from airflow_provider_livedata.engine.transfer.publisher import Staged
from airflow_provider_livedata.engine.zones.base import Upload, Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles

log = logging.getLogger(__name__)
SMALL_CLASS = 64 << 10  # buffers of small files are powers of two from here, so that they are used again
ATTEMPTS_ON_A_MOVING_FILE = 3
PIECE_BYTES = 1 << 20  # of a file that is streamed
STREAMED_FROM_BYTES = 4 << 20  # a stream costs the store less a byte, and this process more a file
_PRESERVABLE = frozenset({"owner", "group", "mode", "mtime_ms", "acl", "xattrs"})

Submit = Callable[[Callable[[], None]], None]


class Sink(Protocol):
    """Who hears how a file ended."""

    def landed(self, step: Step, row: Held, *, adopted: bool) -> None:
        """The file is visible at the target; ``adopted``: an earlier run had brought it."""

    def staged(self, step: Step, staged: Staged) -> None:
        """The bytes are at the target, not yet visible."""

    def failed(self, step: Step, error: LiveDataError) -> None:
        """The file could not be brought."""

    def vanished(self, step: Step) -> None:
        """The file was gone from a live source."""

    def open_at_source(self, entry: Entry) -> None:
        """The file was being written; what was copied is its state so far."""

    def moved(self, size_bytes: int) -> None:
        """Bytes arrived at the target."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where bytes come from, where they go, and within which limits.

    ``source`` is the snapshot's view or the live zone; ``reads`` are those at once, None: as many as there are tasks; ``open_files`` the live zone to ask for open files, or None where
    none can be open. ``exclusive``: the target cannot write conditionally and nobody else writes to it. ``may_stream``: there are
    so many files that each needs no more than one thread. ``is_staging``: files are to stay invisible; small ones in ``bundles``, if there are.
    """

    source: Zone
    target: Zone
    buffers: Buffers
    bandwidth: Bandwidth
    reads: threading.Semaphore | None
    allow: Callable[[], None]
    open_files: OpenFiles | None = None
    exclusive: bool = False
    may_stream: bool = False
    is_staging: bool = False
    bundles: Bundles | None = None
    preserve: frozenset[str] = _PRESERVABLE
    publishes: bool = field(init=False)  # the target itself lets a file appear as its last byte arrives
    small_bytes: int = field(init=False)  # files up to here are one part; the target's facts tell it of larger ones
    beside_bytes: tuple[int, int] = field(init=False)  # the most that the clients of source and target hold

    def __post_init__(self) -> None:
        # Asked for each file, and the same for all.
        object.__setattr__(self, "publishes", self.target.facts.puts_publish and not self.is_staging)
        object.__setattr__(self, "small_bytes", self.target.facts.part_bytes(0))
        object.__setattr__(self, "beside_bytes", (self.source.facts.reading_bytes, self.target.facts.writing_bytes))

    def attributes(self, entry: Entry) -> Attributes:
        """Those attributes of a source entry that go to the target."""
        given = entry.attributes_with_version
        if len(self.preserve) == len(_PRESERVABLE):
            return given
        return given._replace(**dict.fromkeys(_PRESERVABLE - self.preserve))  # type: ignore[arg-type]

    def read(self, entry: Entry, offset: int, view: memoryview) -> None:
        """Fill ``view`` from the source, within the limits.

        Raises:
            ObjectChanged: The file is shorter than listed, or was replaced.
        """
        self.bandwidth.take(len(view))
        if self.reads is None:
            count = self.source.read_into(entry.path, offset, view, version=entry.version)
        else:
            with self.reads:
                count = self.source.read_into(entry.path, offset, view, version=entry.version)
        if count != len(view):
            raise ObjectChanged(
                "the file became shorter while it was read",
                path=entry.path,
                expected=offset + len(view),
                found=offset + count,
            )

    def is_one_part(self, entry: Entry) -> bool:
        """Whether the file is no more than one part."""
        size_bytes = entry.size_bytes
        return size_bytes <= self.small_bytes or size_bytes <= self.target.facts.part_bytes(size_bytes)

    def streams(self, entry: Entry) -> bool:
        """Whether the file goes in one request, its bytes as they come."""
        return (
            self.may_stream
            and self.publishes
            and STREAMED_FROM_BYTES <= entry.size_bytes <= self.target.facts.max_stream_bytes
        )

    def beside(self, size_bytes: int) -> int:
        """Bytes that the zones' clients hold while so much of a file is on its way."""
        reading, writing = self.beside_bytes
        return min(size_bytes, reading) + min(size_bytes, writing)

    def expect(self, step: Step) -> Expect:
        """What must stand at the step's path for it to be written."""
        if self.exclusive:
            return None
        is_absent = step.expect is None or (step.or_absent and self.target.stat(step.entry.path) is None)
        return ABSENT if is_absent else step.expect


def attribute_names(preserve: Iterable[str]) -> frozenset[str]:
    """Names of ``Attributes``, for those that ``ReplicateOptions.preserve`` knows."""
    return frozenset("mtime_ms" if name == "mtime" else name for name in preserve)


def copy_file(step: Step, route: Route, sink: Sink, submit: Submit) -> None:
    """Queue the tasks that bring one file; ``sink`` hears of its end exactly once."""
    entry = step.entry
    if route.is_one_part(entry) or route.streams(entry) or route.target.facts.in_order:
        submit(lambda: _whole(step, route, sink))
        return
    flight = _Flight(step, route, sink)
    for index in range(flight.count):
        submit(lambda index=index: flight.part(index))  # type: ignore[misc]


def _whole(step: Step, route: Route, sink: Sink) -> None:
    try:
        _until_still(step, route, sink)
    except PathMissing as error:
        if route.source.stat(step.entry.path) is None:
            sink.vanished(step)
        else:
            sink.failed(step, error)
    except LiveDataError as error:
        sink.failed(step, error)


def _until_still(step: Step, route: Route, sink: Sink) -> None:
    # A live source may change under the reader: what was read of the old file does not count, the new one is read.
    for attempt in range(ATTEMPTS_ON_A_MOVING_FILE):
        try:
            _once(step, route, sink)
        except ObjectChanged:
            now = route.source.stat(step.entry.path)
            if now is None:
                raise PathMissing("the file vanished while it was read", path=step.entry.path) from None
            if now.version == step.entry.version or attempt + 1 == ATTEMPTS_ON_A_MOVING_FILE:
                raise
            step = step._replace(entry=now)
        else:
            return


def _once(step: Step, route: Route, sink: Sink) -> None:
    if step.may_have_landed and _adopt(step, route, sink):
        return
    settled = is_settled(step.entry, route, sink)
    if route.streams(step.entry) and _stream(step, route, sink, settled=settled):
        return
    if route.bundles is not None and route.bundles.fits(step.entry):
        _bundle(step, route, sink, route.bundles, settled=settled)
    elif route.publishes and route.is_one_part(step.entry):
        _put(step, route, sink, settled=settled)
    else:
        _in_order(step, route, sink, settled=settled)


def _put(step: Step, route: Route, sink: Sink, *, settled: bool) -> None:
    entry = step.entry
    size_bytes = entry.size_bytes
    with route.buffers.borrow(_size_class(size_bytes), beside=route.beside(size_bytes)) as buffer:
        view = memoryview(buffer)[:size_bytes]
        if size_bytes:
            route.read(entry, 0, view)
        checksum = _as_listed(entry, checksum_of(view))
        route.allow()
        landed = route.target.put(
            entry.path, view, checksum=checksum, attributes=route.attributes(entry), expect=route.expect(step)
        )
    sink.moved(size_bytes)
    sink.landed(step, held(entry, checksum, landed, settled=settled), adopted=False)


def _bundle(step: Step, route: Route, sink: Sink, bundles: Bundles, *, settled: bool) -> None:
    entry = step.entry
    with bundles.place(entry.size_bytes) as place:
        if place.view:
            route.read(entry, 0, place.view)
        checksum = _as_listed(entry, checksum_of(place.view))
        parts = [Part(0, "", entry.size_bytes, checksum)]
        upload = place.file(entry.path, route.attributes(entry))
        row = held(entry, checksum, Entry(entry.path), settled=settled)  # its version comes with its appearing
        staged = Staged(upload, parts, checksum, None, row)
        place.then = lambda error: sink.failed(step, error) if error is not None else sink.staged(step, staged)
    sink.moved(entry.size_bytes)


def _stream(step: Step, route: Route, sink: Sink, *, settled: bool) -> bool:
    """Bring the file in one request; False where that did not work and parts may."""
    with route.buffers.borrow(PIECE_BYTES, beside=route.beside(PIECE_BYTES)) as buffer:
        pieces = _Pieces(step.entry, route, sink, memoryview(buffer))
        try:
            landed = route.target.put_stream(  # type: ignore[attr-defined]
                step.entry.path, step.entry.size_bytes, PIECE_BYTES, iter(pieces), lambda: pieces.checksum,
                attributes=route.attributes(step.entry), expect=route.expect(step),
            )  # fmt: skip
        except LiveDataError as error:
            sink.moved(-pieces.size_bytes)
            if pieces.error is not None or not _may_parts_work(error):
                raise
            log.info("%s: sent in parts instead, since: %s", step.entry.path, error)
            return False
    sink.landed(step, held(step.entry, pieces.checksum, landed, settled=settled), adopted=False)
    return True


def _may_parts_work(error: LiveDataError) -> bool:
    verdicts = (AlreadyExists, ObjectChanged, LeaseLost)
    return not isinstance(error, verdicts) and (error.retryable or isinstance(error, (ChecksumMismatch, Unsupported)))


class _Pieces:
    """The bytes of a file in order, each piece in the same buffer, with the checksum of those that were handed out."""

    def __init__(self, entry: Entry, route: Route, sink: Sink, buffer: memoryview) -> None:
        self._entry, self._route, self._sink, self._buffer = entry, route, sink, buffer
        self.checksum, self.size_bytes = EMPTY, 0
        self.error: LiveDataError | None = None

    def __iter__(self) -> Iterator[memoryview]:
        try:
            for offset in range(0, self._entry.size_bytes, len(self._buffer)):
                view = self._buffer[: min(len(self._buffer), self._entry.size_bytes - offset)]
                self._route.read(self._entry, offset, view)
                self._route.allow()
                self.checksum = checksum_of(view, self.checksum)
                if offset + len(view) == self._entry.size_bytes:  # after it the store may have all that it waits for
                    _as_listed(self._entry, self.checksum)
                yield view
                self.size_bytes += len(view)
                self._sink.moved(len(view))
        except LiveDataError as error:
            self.error = error
            raise


def _in_order(step: Step, route: Route, sink: Sink, *, settled: bool) -> None:
    entry = step.entry
    upload = route.target.begin(entry.path, entry.size_bytes, attributes=route.attributes(entry))
    size = _size_class(min(entry.size_bytes, upload.part_bytes))
    try:
        # What the store's client holds of the parts is gone after the last one; the end of a file may wait long, with nothing.
        with route.buffers.borrow(size, beside=route.beside(entry.size_bytes)) as buffer:
            parts = _parts_in_order(entry, route, sink, upload, memoryview(buffer))
        _hand_over(step, route, sink, upload, parts, settled=settled)
    except BaseException:
        upload.abort()
        raise


def _parts_in_order(entry: Entry, route: Route, sink: Sink, upload: Upload, buffer: memoryview) -> list[Part]:
    parts: list[Part] = []
    for index, offset in enumerate(range(0, max(entry.size_bytes, 1), upload.part_bytes)):
        view = buffer[: min(upload.part_bytes, entry.size_bytes - offset)]
        if view:
            route.read(entry, offset, view)
        route.allow()
        parts.append(upload.part(index, view, checksum_of(view)))
        sink.moved(len(view))
    return parts


def _hand_over(step: Step, route: Route, sink: Sink, upload: Upload, parts: list[Part], *, settled: bool) -> None:
    checksum = _as_listed(step.entry, combine(parts))
    if route.publishes:
        route.allow()
        landed = upload.complete(parts, checksum, expect=route.expect(step))
        sink.landed(step, held(step.entry, checksum, landed, settled=settled), adopted=False)
    else:
        staged = upload.stage(parts, checksum)
        row = held(step.entry, checksum, staged, settled=settled)
        expect = None if route.is_staging else route.expect(step)  # else it is asked when the file is to appear
        sink.staged(step, Staged(upload, parts, checksum, expect, row))


class _Flight:
    """A large file on its way, its parts in the hands of many threads."""

    def __init__(self, step: Step, route: Route, sink: Sink) -> None:
        self._step, self._route, self._sink = step, route, sink
        self._bytes = route.target.facts.part_bytes(step.entry.size_bytes)
        self.count = -(-step.entry.size_bytes // self._bytes)
        self._lock = threading.Lock()
        self._upload: Upload | None = None
        self._settled = True
        self._parts: dict[int, Part] = {}
        self._left = self.count
        self._error: LiveDataError | None = None
        self._is_adopted = False

    def part(self, index: int) -> None:
        """Bring one part; the last one to end ends the file."""
        try:
            if self._error is None and not self._is_adopted:
                self._bring(index)
        except LiveDataError as error:
            self._error = self._error or error
        finally:
            with self._lock:
                self._left -= 1
                is_last = self._left == 0
        if is_last:
            self._end()

    def _bring(self, index: int) -> None:
        upload = self._begun()
        if upload is None:
            return
        offset = index * upload.part_bytes
        size = min(upload.part_bytes, self._step.entry.size_bytes - offset)
        with self._route.buffers.borrow(upload.part_bytes, beside=self._route.beside(size)) as buffer:
            view = memoryview(buffer)[:size]
            self._route.read(self._step.entry, offset, view)
            self._route.allow()
            self._parts[index] = upload.part(index, view, checksum_of(view))
        self._sink.moved(size)

    def _begun(self) -> Upload | None:
        with self._lock:
            if self._error is not None:
                return None
            if self._upload is None and not self._is_adopted:
                self._begin()
            return self._upload

    def _begin(self) -> None:
        step, route = self._step, self._route
        if step.may_have_landed and _adopt(step, route, self._sink):
            self._is_adopted = True
            return
        self._settled = is_settled(step.entry, route, self._sink)
        upload = route.target.begin(step.entry.path, step.entry.size_bytes, attributes=route.attributes(step.entry))
        if upload.part_bytes != self._bytes:
            raise ValueError(f"zone chose parts of {upload.part_bytes} bytes where {self._bytes} follow from its facts")
        self._upload = upload

    def _end(self) -> None:
        if self._is_adopted:
            return
        try:
            if self._error is not None:
                raise self._error
            if self._upload is None:
                raise ValueError("a flight without an upload")
            parts = [self._parts[n] for n in range(self.count)]
            _hand_over(self._step, self._route, self._sink, self._upload, parts, settled=self._settled)
        except LiveDataError as error:
            if self._upload is not None:
                self._upload.abort()
            self._give_up(error)

    def _give_up(self, error: LiveDataError) -> None:
        now = (
            self._route.source.stat(self._step.entry.path) if isinstance(error, (ObjectChanged, PathMissing)) else None
        )
        if isinstance(error, PathMissing) and now is None:
            self._sink.vanished(self._step)
        else:
            self._sink.failed(self._step, error)


def _as_listed(entry: Entry, checksum: Checksum) -> Checksum:
    """The checksum of what was read, before any of it appears.

    Raises:
        CorruptSource: The source says another one of the file, as a backup does of what was backed up.
    """
    if entry.crc32c is None and entry.crc64nvme is None:
        return checksum
    for kind in Checksum._fields:
        said, found = getattr(entry, kind), getattr(checksum, kind)
        if said is not None and said != found:
            raise CorruptSource(
                "the bytes that were read are not those of the file, which its recorded checksum shows; nothing of it was written",
                path=entry.path, kind=kind, recorded=f"{said:x}", read=f"{found:x}",
            )  # fmt: skip
    return checksum


def held(entry: Entry, checksum: Checksum, landed: Entry, *, settled: bool) -> Held:
    """The manifest row of a file that landed."""
    return Held(entry.proved(*checksum), landed.version, store_text(landed), settled)


def _adopt(step: Step, route: Route, sink: Sink) -> bool:
    """Take over what a killed run brought: the store's own record says which source file it came from."""
    there = route.target.stat(step.entry.path)
    if (
        there is None
        or there.source_version != step.entry.version
        or (there.crc64nvme is None and there.crc32c is None)
        or not there.source_version
    ):
        return False
    entry = step.entry.proved(there.crc32c, there.crc64nvme)
    sink.landed(step, Held(entry, there.version, store_text(there), is_settled=True), adopted=True)
    return True


def is_settled(entry: Entry, route: Route, sink: Sink) -> bool:
    """Whether nobody is writing the file at the source; ``sink`` hears of one that is being written."""
    if route.open_files is None or not route.open_files.is_open(entry):
        return True
    sink.open_at_source(entry)
    return False


def _size_class(size: int) -> int:
    if size <= SMALL_CLASS:
        return SMALL_CLASS
    return 1 << (size - 1).bit_length() if size <= 4 << 20 else -(-size >> 20) << 20
