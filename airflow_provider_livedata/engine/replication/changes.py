"""Whether a location changed, without copying anything: against what a target was left holding, or against an earlier look."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.filters import DEFAULT_EXCLUDES, Filter
from airflow_provider_livedata.engine.deciding.refusal import refusal
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Change
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.finding import MOST_CHANGES, base_of
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import SnapshotDifference

LIVE = ""  # the name of what is there now, among snapshots


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a listing of a location comes to. ``digest``: SHA-256 over key, size and version of each entry, in key order."""

    files: int
    directories: int
    size_bytes: int
    newest_mtime_ms: int
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def fingerprint(location: Zone | str, *, exclude: tuple[str, ...] = ()) -> Fingerprint:
    """List a location and say what it comes to; equal digests mean that nothing which takes part has changed.

    Args:
        location: It costs a listing of all of it.
        exclude: Patterns of what does not count, in addition to the default ones (engine/deciding/filters.py).

    Raises:
        PathMissing: Nothing is there.
    """
    files = directories = size_bytes = newest_ms = 0
    digest = hashlib.sha256()
    with opened(location) as zone:
        zone.check(writable=False)
        with contextlib.closing(scan(zone, Filter((*DEFAULT_EXCLUDES, *exclude)))) as entries:
            for entry in entries:
                version = entry.version if entry.kind == "file" else ""
                digest.update(f"{entry.key}\0{entry.size_bytes}\0{version}\n".encode())
                files, directories = files + (entry.kind == "file"), directories + (entry.kind == "directory")
                size_bytes += entry.size_bytes
                newest_ms = max(newest_ms, entry.mtime_ms if entry.kind == "file" else 0)
    return Fingerprint(files, directories, size_bytes, newest_ms, digest.hexdigest())


def changed(source: Zone | str, target: Zone | str) -> str:
    """What tells that the source is no longer what the target was left holding; "" when nothing does.

    A source that tells differences of snapshots is asked for the one from the checkpoint's snapshot to now, whose cost
    follows the change; any other one is listed and compared with the manifest, up to the first path that differs. In doubt
    the answer is a change: a directory counts as changed when something excluded was made in it.

    Raises:
        LiveDataError: One of them does not answer, or the target's state cannot be read.
    """
    with opened(source) as opened_source, opened(target) as opened_target:
        state = StateFolder(opened_target)
        checkpoint = checkpoints.latest(state)
        if checkpoint is None:
            return "nothing was copied completely yet"
        if checkpoint.unsettled:
            return f"{checkpoint.unsettled[0]} was being written at checkpoint {checkpoint.run}"
        opened_source.check(writable=False)
        told = _by_difference(opened_source, checkpoint)
        return _by_listing(opened_source, opened_target, checkpoint) if told is None else told


def _by_difference(source: Zone, checkpoint: Checkpoint) -> str | None:
    """None where the source cannot tell."""
    base = base_of(source, checkpoint)
    if base is None or not isinstance(source, SnapshotDifference):
        return None
    try:
        told = source.difference(base, replace(base, name=LIVE), most=MOST_CHANGES)
    except LiveDataError as error:
        if error.retryable:
            raise
        return None
    chosen = Filter(checkpoint.exclude)
    found = min((one for one in told.changes if _takes_part(one, chosen)), default=None)
    return f"{found.kind}: {found.path or found.new_path}" if found else ""


def _takes_part(change: Change, chosen: Filter) -> bool:
    return any(path and not chosen.excludes(path) for path in (change.path, change.new_path))


def _by_listing(source: Zone, target: Zone, checkpoint: Checkpoint) -> str:
    manifest = checkpoints.manifest(StateFolder(target), checkpoint)
    attributes = [name for name in ("owner", "group", "mode", "acl") if name in checkpoint.preserve]
    with contextlib.closing(scan(source, Filter(checkpoint.exclude))) as entries:
        could_hold = (entry for entry in entries if not refusal(entry, target.facts))
        rows = line_up(could_hold, manifest, ())
        return next((text for row in rows if (text := _difference(row, attributes))), "")


def _difference(row: Row, attributes: Sequence[str]) -> str:
    if row.source is None:
        return f"gone: {row.key}"
    if row.known is None:
        return "" if row.source.is_implied else f"new: {row.key}"
    seen = [*(("size_bytes", "version") if row.source.kind == "file" else ()), *attributes]
    is_same = all(getattr(row.source, name) == getattr(row.known.entry, name) for name in seen)
    return "" if is_same else f"changed: {row.key}"
