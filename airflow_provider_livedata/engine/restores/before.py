"""Keep what a restore is about to replace or delete, and say how to get it back.

A destination that freezes itself (HDFS) is frozen; elsewhere the files themselves are kept, by a copy within S3 or a hard link, and
of what has no bytes to keep it is written down how it was: directories that go, and attributes that are set, the root's too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from shlex import quote

from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import LiveDataError, SnapshotRefused, Unsupported
from airflow_provider_livedata.engine.model import Held, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.restores.attempts import Attempt
from airflow_provider_livedata.engine.restores.options import RestoreOptions
from airflow_provider_livedata.engine.stored import kept
from airflow_provider_livedata.engine.stored.planfile import PHASES, Plan
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import KeepsFiles, SetAttributes, Snapshots

log = logging.getLogger(__name__)
KEPT = "before-restore"  # folder below .livedata
SNAPSHOT = "livedata-before-restore-"
THREADS = 16
_WAY_OUT = "make the destination snapshottable, or set keep_replaced=False to restore without a way back"


def keep_before(
    zone: Zone, plan: Plan, totals: Totals, attempt: Attempt, options: RestoreOptions, allow: Callable[[], None]
) -> None:
    """Keep the state before, as far as the plan changes it; where is written to the attempt's intent.

    Raises:
        SnapshotRefused, Unsupported: It cannot be kept and would be lost; nothing was changed.
    """
    is_lost = any(True for _ in kept.losing(plan.steps))
    was_there = totals.target_files + totals.delete_directories > 0 and options.mode != "fail"
    if not options.keep_replaced or not totals.changes or not (is_lost or was_there):
        return
    if isinstance(zone, Snapshots):
        _freeze(zone, attempt, options, is_lost=is_lost)
    elif isinstance(zone, KeepsFiles):
        attempt.before = {"folder": f"{KEPT}/{attempt.name}"}
        attempt.write()
        kept.keep(zone, kept.losing(plan.steps), f"{KEPT}/{attempt.name}", allow, threads=THREADS)
        _write_down(zone, plan, attempt, allow, is_all=not options.paths)
    elif is_lost:
        raise Unsupported("this destination keeps nothing of what is replaced or deleted; set keep_replaced=False to restore "
                          "without a way back", address=str(zone.address))  # fmt: skip


def _write_down(zone: Zone, plan: Plan, attempt: Attempt, allow: Callable[[], None], *, is_all: bool) -> None:
    log_of_before = attempt.before_log()
    sets_attributes = isinstance(zone, SetAttributes)

    def one(step: Step) -> None:
        allow()
        there = zone.stat(step.entry.path)
        if there is not None and there.kind == step.entry.kind:
            log_of_before.add(Held(there, there.version))

    with Pool(THREADS, "livedata-before") as pool:
        for step in _unkept(plan, sets_attributes):
            pool.submit(lambda step=step: one(step))  # type: ignore[misc]
        pool.wait()
    root = zone.stat("") if is_all and sets_attributes else None  # it is no entry, so no step tells of it
    if root is not None:
        log_of_before.add(Held(root))
    log_of_before.flush()


def _unkept(plan: Plan, sets_attributes: bool) -> Iterator[Step]:  # noqa: FBT001
    """Steps that delete a directory, or change something whose bytes stay."""
    for phase in PHASES:
        for step in plan.steps(phase):
            is_gone = step.kind == "delete" and step.entry.kind == "directory"
            if is_gone or (step.kind == "set_attributes" and sets_attributes):
                yield step


def _freeze(zone: Snapshots, attempt: Attempt, options: RestoreOptions, *, is_lost: bool) -> None:
    try:
        zone.prepare_snapshots(allow=options.allow_snapshot and is_lost)
        taken = zone.snapshot(f"{SNAPSHOT}{attempt.name}")
    except LiveDataError as error:
        if is_lost:
            raise SnapshotRefused(
                f"what the restore replaces or deletes cannot be kept; {_WAY_OUT}", reason=str(error)
            ) from error
        log.warning("no snapshot of the destination could be taken; nothing is replaced or deleted: %s", error)
        return
    attempt.before = {"snapshot": taken.name, "root": taken.root}
    attempt.write()


def where(attempt: Attempt) -> str:
    """Where the state before is, for people."""
    if "snapshot" in attempt.before:
        return f"snapshot {attempt.before['snapshot']} of {attempt.before['root']}"
    return attempt.state.address(attempt.before["folder"]) if attempt.before else ""


def undo_texts(attempt: Attempt, zone: Zone) -> list[str]:
    """How to bring back what was there before."""
    if not attempt.before:
        return []
    texts = [f"from Python: undo_restore({str(zone.address)!r}, {attempt.name!r})"]
    if "snapshot" in attempt.before:
        name, root = attempt.before["snapshot"], f"/{attempt.before['root'].strip('/')}"
        place = f"/{zone.address.path}"
        inside = place.removeprefix(root).strip("/") if place.startswith(root) else ""
        frozen = "/".join(part for part in (root.rstrip("/"), ".snapshot", name, inside) if part)
        texts += [
            f"one file by hand: hdfs dfs -cp -f -ptopax {quote(frozen)}/FILE {quote(place)}/FILE",
            f"once it is not needed any more: hdfs dfs -deleteSnapshot {quote(root)} {quote(name)}",
        ]
    else:
        texts.append(
            f"the files as they were, under their own paths: {where(attempt)}; remove that folder once it is not needed"
        )
    return texts
