"""The end of a file, however its bytes came: checked, made visible or staged, and written down.

as the source lists it? -> complete or stage -> its row of the manifest; or nothing to do, since a killed run had brought it
"""

from __future__ import annotations

from airflow_provider_livedata.engine.checksums import combine, store_text
from airflow_provider_livedata.engine.errors import (
    CorruptSource,
    IsADirectory,
    LiveDataError,
    NotADirectory,
    PathMissing,
)
from airflow_provider_livedata.engine.model import Checksum, Entry, Held, Part, Step
from airflow_provider_livedata.engine.transfer.publisher import Staged
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink
from airflow_provider_livedata.engine.zones.base import Upload, file_at

_GONE = (PathMissing, IsADirectory, NotADirectory)


def is_settled(entry: Entry, route: Route, sink: Sink) -> bool:
    """Whether nobody is writing the file at the source; ``sink`` hears of one that is being written."""
    if route.open_files is None or not route.open_files.is_open(entry):
        return True
    sink.open_at_source(entry)
    return False


def adopt(step: Step, route: Route, sink: Sink) -> bool:
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
    settled = is_settled(step.entry, route, sink)
    sink.landed(step, Held(entry, there.version, store_text(there), settled), adopted=True)
    return True


def hand_over(step: Step, route: Route, sink: Sink, upload: Upload, parts: list[Part], *, settled: bool) -> None:
    """Let the file appear, or leave it staged, and tell ``sink``; all its parts have been sent.

    Raises:
        LiveDataError: It did not appear; the upload is the caller's to abort.
    """
    checksum = as_listed(step.entry, combine(parts))
    if route.publishes:
        route.allow()
        landed = upload.complete(parts, checksum, expect=route.expect(step))
        sink.landed(step, held(step.entry, checksum, landed, settled=settled), adopted=False)
    else:
        staged = upload.stage(parts, checksum)
        row = held(step.entry, checksum, staged, settled=settled)
        expect = None if route.is_staging else route.expect(step)  # else it is asked when the file is to appear
        sink.staged(step, Staged(upload, parts, checksum, expect, row))


def as_listed(entry: Entry, checksum: Checksum) -> Checksum:
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


def not_brought(step: Step, route: Route, sink: Sink, error: LiveDataError) -> None:
    """Tell ``sink`` of a file that did not come: gone from the source, or why."""
    if isinstance(error, _GONE) and _is_gone(step, route):
        sink.vanished(step)
    else:
        sink.failed(step, error)


def _is_gone(step: Step, route: Route) -> bool:
    try:
        return file_at(route.source, step.entry.path) is None
    except LiveDataError:  # what stopped the file tells more
        return False
