"""Bring the bytes of one file to the target: read, checksum, write, and hand over what landed.

small file    one task: read whole -> put (or begin, part, stage); very many: see small_files.py
small file that is staged, target has bundles    one task: read into its place in a bundle
medium file, many of them, target takes streams    one task: each piece is read and sent; else as a small or large file
large file    one task a part, in any order; the last one completes
large file, target written in order    one task for all parts
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged, PathMissing
from airflow_provider_livedata.engine.model import Entry, Part, Step
from airflow_provider_livedata.engine.transfer.bundles import Bundles
from airflow_provider_livedata.engine.transfer.flight import Flight
from airflow_provider_livedata.engine.transfer.landing import (
    adopt,
    as_listed,
    hand_over,
    held,
    is_settled,
    not_brought,
)
from airflow_provider_livedata.engine.transfer.publisher import Staged
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink
from airflow_provider_livedata.engine.transfer.streaming import stream
from airflow_provider_livedata.engine.zones.base import Upload, file_at

SMALL_CLASS = 64 << 10  # buffers of small files are powers of two from here, so that they are used again
ATTEMPTS_ON_A_MOVING_FILE = 3

Submit = Callable[[Callable[[], None]], None]


def copy_file(step: Step, route: Route, sink: Sink, submit: Submit) -> None:
    """Queue the tasks that bring one file; ``sink`` hears of its end exactly once."""
    entry = step.entry
    if route.is_one_part(entry) or route.streams(entry) or route.target.facts.in_order:
        submit(lambda: bring_whole(step, route, sink))
        return
    flight = Flight(step, route, sink)
    for index in range(flight.count):
        submit(lambda index=index: flight.part(index))  # type: ignore[misc]


def bring_whole(step: Step, route: Route, sink: Sink) -> None:
    """Bring a file that one task can, again where it changed meanwhile; ``sink`` hears of its end."""
    try:
        _until_still(step, route, sink)
    except LiveDataError as error:
        not_brought(step, route, sink, error)


def _until_still(step: Step, route: Route, sink: Sink) -> None:
    # A live source may change under the reader: what was read of the old file does not count, the new one is read.
    for attempt in range(ATTEMPTS_ON_A_MOVING_FILE):
        try:
            _once(step, route, sink)
        except ObjectChanged:
            now = file_at(route.source, step.entry.path)
            if now is None:
                raise PathMissing("the file vanished while it was read", path=step.entry.path) from None
            if now.version == step.entry.version or attempt + 1 == ATTEMPTS_ON_A_MOVING_FILE:
                raise
            step = step._replace(entry=now)
        else:
            return


def _once(step: Step, route: Route, sink: Sink) -> None:
    if step.may_have_landed and adopt(step, route, sink):
        return
    settled = is_settled(step.entry, route, sink)
    if route.streams(step.entry) and stream(step, route, sink, settled=settled):
        return
    if route.bundles is not None and route.bundles.fits(step.entry):
        _bundle(step, route, sink, route.bundles, settled=settled)
    elif route.publishes and route.is_one_part(step.entry):
        _read_and_put(step, route, sink, settled=settled)
    else:
        _in_order(step, route, sink, settled=settled)


def _read_and_put(step: Step, route: Route, sink: Sink, *, settled: bool) -> None:
    entry = step.entry
    size_bytes = entry.size_bytes
    with route.buffers.borrow(_size_class(size_bytes), beside=route.beside(size_bytes)) as buffer:
        view = memoryview(buffer)[:size_bytes]
        if size_bytes:
            route.read(entry, 0, view)
        put(step, route, sink, view, settled=settled)


def put(step: Step, route: Route, sink: Sink, view: memoryview, *, settled: bool) -> None:
    """Let a file appear whose bytes are all in ``view``.

    Raises:
        LiveDataError: It did not appear, or nobody knows.
    """
    entry = step.entry
    checksum = as_listed(entry, checksum_of(view))
    route.allow()
    landed = route.target.put(
        entry.path, view, checksum=checksum, attributes=route.attributes(entry), expect=route.expect(step)
    )
    sink.moved(len(view))
    sink.landed(step, held(entry, checksum, landed, settled=settled), adopted=False)


def _bundle(step: Step, route: Route, sink: Sink, bundles: Bundles, *, settled: bool) -> None:
    entry = step.entry
    with bundles.place(entry.size_bytes) as place:
        if place.view:
            route.read(entry, 0, place.view)
        checksum = as_listed(entry, checksum_of(place.view))
        parts = [Part(0, "", entry.size_bytes, checksum)]
        upload = place.file(entry.path, route.attributes(entry))
        row = held(entry, checksum, Entry(entry.path), settled=settled)  # its version comes with its appearing
        staged = Staged(upload, parts, checksum, None, row)
        place.then = lambda error: sink.failed(step, error) if error is not None else sink.staged(step, staged)
    sink.moved(entry.size_bytes)


def _in_order(step: Step, route: Route, sink: Sink, *, settled: bool) -> None:
    entry = step.entry
    upload = route.target.begin(entry.path, entry.size_bytes, attributes=route.attributes(entry))
    size = _size_class(min(entry.size_bytes, upload.part_bytes))
    try:
        # What the store's client holds of the parts is gone after the last one; the end of a file may wait long, with nothing.
        with route.buffers.borrow(size, beside=route.beside(entry.size_bytes)) as buffer:
            parts = _parts_in_order(entry, route, sink, upload, memoryview(buffer))
        hand_over(step, route, sink, upload, parts, settled=settled)
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


def _size_class(size: int) -> int:
    if size <= SMALL_CLASS:
        return SMALL_CLASS
    return 1 << (size - 1).bit_length() if size <= 4 << 20 else -(-size >> 20) << 20
