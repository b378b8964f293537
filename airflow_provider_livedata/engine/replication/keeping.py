"""Earlier states of the target: what a replication replaced or deleted can be had back for a while.

A target that snapshots itself (HDFS) is frozen at every checkpoint. Elsewhere the files themselves are kept aside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from airflow_provider_livedata.engine.deciding.thinning import HOUR_MS, surplus
from airflow_provider_livedata.engine.errors import SnapshotRefused, Unsupported
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.stored import kept
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.planfile import Plan
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import KeepsFiles, Snapshots

log = logging.getLogger(__name__)
THREADS = 16


def freeze_target(target: Zone, checkpoint: Checkpoint, options: ReplicateOptions) -> str:
    """Take the snapshot of the target that belongs to a checkpoint; its name, "" where there is none."""
    if not is_kept(options) or not isinstance(target, Snapshots):
        return ""
    try:
        return _snapshot(target, f"{_prefix(checkpoint.replication)}{checkpoint.run}", options)
    except (SnapshotRefused, Unsupported) as error:
        log.warning("no snapshot of the target could be taken, so what is replaced there cannot be had back: %s", error)
        return ""


def thin_target(target: Zone, checkpoint: Checkpoint, options: ReplicateOptions, now_ms: int) -> int:
    """Drop those snapshots of the target that are ours and need not be kept; returns how many."""
    if not checkpoint.target_snapshot or not isinstance(target, Snapshots):
        return 0
    prefix = _prefix(checkpoint.replication)
    ours = [
        one for one in target.snapshots() if one.name.removeprefix(prefix).isdigit() and one.name.startswith(prefix)
    ]
    dropped = [one for one in surplus(ours, now_ms, options.keep_removed) if one.name != checkpoint.target_snapshot]
    for one in dropped:
        target.drop_snapshot(one.name)
    return len(dropped)


def keep_files(target: Zone, plan: Plan, folder: str, options: ReplicateOptions, allow: Callable[[], None]) -> None:
    """Keep aside what the plan replaces or deletes, where the target cannot freeze itself.

    Raises:
        LiveDataError: Something could not be kept; nothing was changed.
    """
    if not options.keep_removed or isinstance(target, Snapshots):
        return
    if not isinstance(target, KeepsFiles):
        log.warning(
            "the target has neither snapshots nor a way to keep files: what is replaced there cannot be had back"
        )
        return
    kept.keep(target, kept.losing(plan.steps), folder, allow, threads=THREADS)


def forget_kept(state: StateFolder, before: Checkpoint | None, options: ReplicateOptions, now_ms: int) -> None:
    """Remove files that were kept for long enough; once an hour, since what is kept has to be listed."""
    if before is not None and before.committed_ms // HOUR_MS == now_ms // HOUR_MS:
        return
    if not isinstance(state.zone, Snapshots):
        kept.forget(state, now_ms, options.keep_removed)


def is_kept(options: ReplicateOptions) -> bool:
    """Whether earlier states of the target are wanted."""
    return options.keep_removed > 0 or options.consistency == "snapshot"


def _snapshot(target: Snapshots, name: str, options: ReplicateOptions) -> str:
    try:
        return target.snapshot(name).name
    except SnapshotRefused:
        target.prepare_snapshots(allow=options.allow_snapshot)
        return target.snapshot(name).name


def _prefix(replication: str) -> str:
    # Not that of snapshots of the source: one directory may be the target of one replication and the source of another.
    return f"livedata-{replication}-at-"
