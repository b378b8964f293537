"""What a backup turned out to hold: the record that makes it one, from the checkpoint or snapshot that it ended with."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_livedata.engine.backups.record import BackupRecord, Intent, split_version
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder


def record_of(
    state: StateFolder, intent: Intent, place: str, checkpoint: Checkpoint | None, frozen: Snapshot | None
) -> BackupRecord:
    """The record of a backup. ``place``: its address; ``frozen``: of the place, in the layouts that are snapshots."""
    record = BackupRecord(
        intent.name, intent.layout, intent.source, place,
        checkpoint.as_of_ms if checkpoint else frozen.taken_ms if frozen else 0, intent.begun_ms, now_ms(),
    )  # fmt: skip
    if frozen is not None:
        record = replace(record, snapshot=frozen.name, snapshot_root=frozen.root, snapshot_ms=frozen.taken_ms)
    if checkpoint is None:
        return record
    changed = _changed(state, intent, checkpoint)
    return replace(
        record, run=checkpoint.run, source_snapshot=checkpoint.snapshot, files=checkpoint.files,
        directories=checkpoint.directories, size_bytes=checkpoint.size_bytes, changed_files=changed[0],
        changed_bytes=changed[1], unsettled=checkpoint.unsettled, exclude=checkpoint.exclude, preserve=checkpoint.preserve,
        generations=checkpoint.generations,
    )  # fmt: skip


def _changed(state: StateFolder, intent: Intent, checkpoint: Checkpoint) -> tuple[int, int]:
    if intent.layout == "snapshots":
        value = state.read_json(f"runs/{checkpoint.run:012d}/report.json") or {}
        names = ("copied_files", "adopted_files", "renamed")
        return sum(int(value.get(name, 0)) for name in names), int(value.get("copied_bytes", 0))
    # The run's report tells of one attempt; the rows that it wrote tell of all that this backup brought.
    written = f"manifest/{checkpoint.run:012d}-"
    own = (tuple(file for file in one if file.name.startswith(written)) for one in checkpoint.generations)
    files = size_bytes = 0
    for held in overlay(manifests.runs_of(state, tuple(one for one in own if one))):
        if held.entry.kind == "file" and split_version(held.target_version)[0] == intent.name:
            files, size_bytes = files + 1, size_bytes + held.entry.size_bytes
    return files, size_bytes
