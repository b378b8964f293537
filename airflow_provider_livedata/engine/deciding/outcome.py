"""Whether an action within the target has taken place already, seen from what stands there now. Pure: no I/O, no clock."""

from __future__ import annotations

from airflow_provider_livedata.engine.model import Entry, Held, Step


def has_landed(there: Entry | None, row: Held) -> bool:
    """Whether the staged file of ``row`` is what a reader finds.

    File systems give a file its version before it appears. Object stores do not, and keep beside the bytes which source file they
    are of, and their checksum.
    """
    if there is None or not _is_like(there, row.entry):
        return False
    if row.target_version:
        return there.version == row.target_version
    return bool(_has_bytes_of(there, row.entry))


def has_moved(there: Entry | None, origin: Entry | None, step: Step) -> bool:
    """Whether the file of a "move" has its new name; ``origin`` is what stands at its old place.

    Where nothing stands there any more, the file was moved by this very step: nobody else takes files from there.
    """
    if there is None or not _is_like(there, step.entry):
        return False
    known = _has_bytes_of(there, step.entry)
    return origin is None if known is None else known


def has_carried(there: Entry | None, origin: Entry | None) -> bool:
    """Whether a directory was moved whole; ``origin`` is what stands at its old place."""
    return origin is None and there is not None and there.kind == "directory"


def is_as_planned(there: Entry | None, step: Step) -> bool:
    """Whether what a "delete" is to remove is still what it was when that was decided."""
    if there is None or there.kind != step.entry.kind:
        return False
    return there.kind == "directory" or step.expect is None or there.version == step.expect


def is_replaced(there: Entry | None, step: Step) -> bool:
    """Whether a file that is to be removed was written anew by someone else since."""
    return there is not None and there.kind == step.entry.kind == "file" and not is_as_planned(there, step)


def _is_like(there: Entry, entry: Entry) -> bool:
    return there.kind == "file" and there.size_bytes == entry.size_bytes


def _has_bytes_of(there: Entry, entry: Entry) -> bool | None:
    """None where the store does not tell."""
    pairs = ((there.crc32c, entry.crc32c), (there.crc64nvme, entry.crc64nvme))
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not known or not there.source_version:
        return None
    return there.source_version == entry.version and all(a == b for a, b in known)
