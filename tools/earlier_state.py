#!/usr/bin/env python3
"""Write what a version of this package leaves behind, for the tests that later ones go on from there.

    git worktree add ../earlier <commit>
    PYTHONPATH=../earlier .venv/bin/python tools/earlier_state.py tests/golden/state/<date or version>

Each zip file holds stores of memory zones (tests/services/stores.py). It is written once, by the version that it is of, and
stays as it is: a test that fails on it has found a version that cannot go on from the one before.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import airflow_provider_livedata

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.services: the package itself came from PYTHONPATH

from airflow_provider_livedata.engine import (
    BackupOptions,
    ReplicateOptions,
    RestoreOptions,
    backup,
    fail_over,
    hold,
    replicate,
    restore,
    verify,
    verify_backup,
)
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import lease as leases
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import Like, MemoryZone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.services.stores import load, save

OPTIONS = ReplicateOptions(threads=1, holder="earlier", max_delete_ratio=1.0)
STAGED = ReplicateOptions(threads=1, holder="earlier", consistency="snapshot")
BACKUPS = BackupOptions("increments", copy=OPTIONS)
LIKE: dict[str, Like] = {}  # what each zone behaves like


def main(folder: Path) -> None:
    """Write every state into a folder."""
    socket.gethostname = lambda: "earlier"  # nothing of this machine
    leases._boot = lambda: "earlier"
    folder.mkdir(parents=True, exist_ok=True)
    for write in (unfinished, committed, switched, backups):
        save(folder / f"{write.__name__}.zip", *write())
    sizes = sum(file.stat().st_size for file in folder.iterdir())
    print(f"written by {airflow_provider_livedata.__file__} into {folder}: {sizes:,} bytes")


def unfinished() -> tuple[str, ...]:
    """A base, two deltas, and a run that died when some of its files had landed."""
    stores = history("unfinished", "files")
    source, target = (zone(name) for name in stores)
    put(source, {f"new/{n}": b"%d" % n * 100 for n in range(4)} | {"a": b"changed again"})

    def is_reached() -> bool:
        landed = [n for n in range(4) if zone(stores[1]).stat(f"new/{n}") is not None]
        return any(StateFolder(zone(stores[1])).files("runs/000000000004/journal")) and 0 < len(landed) < 4

    kill(stores, stores[1], lambda mortal: replicate(zone(stores[0]), mortal, OPTIONS), is_reached)
    return stores


def committed() -> tuple[str, ...]:
    """A run that was committed and died while it was published."""
    stores = history("committed", "objects")
    put(zone(stores[0]), {f"new/{n}": b"%d" % n * 100 for n in range(4)} | {"a": b"changed again"})

    def is_reached() -> bool:
        state = StateFolder(zone(stores[1]))
        is_committed = state.read("runs/000000000004/commit.json") is not None
        is_over = state.read("checkpoint/000000000004.json") is not None
        return is_committed and not is_over and state.zone.stat("new/0") is not None

    kill(stores, stores[1], lambda mortal: replicate(zone(stores[0]), mortal, STAGED), is_reached)
    return stores


def switched() -> tuple[str, ...]:
    """The target was made the active side."""
    stores = history("switched", "files")
    source, target = (zone(name) for name in stores)
    verify(source, target, level="content")
    fail_over(source, target, OPTIONS)
    put(target, {"a": b"changed at the active side"})
    return stores


def backups() -> tuple[str, ...]:
    """Three backups, one held and one verified; a fourth and a restore that died."""
    stores = ("backups-source", "backups-place", "backups-back")
    LIKE.update(zip(stores, ("hdfs", "objects", "files"), strict=True))
    source, place, _ = (zone(name) for name in stores)
    names = []
    for number in range(3):
        put(source, {"kept": b"kept" * 50, "a": b"%d" % number * 20, f"d/{number}": b"%d" % number * 30})
        names.append(backup(source, place, BACKUPS).name)
    hold(place, names[0], "an audit", by="the auditor")
    verify_backup(place, names[1], level="content")
    put(source, {"late": b"late", "later": b"later"})

    def is_begun() -> bool:
        landed = [entry.path for entry in zone(stores[1]).scan() if entry.path.startswith("000004-")]
        return any(path.endswith("/late") for path in landed)

    def is_partly_back() -> bool:
        return zone(stores[2]).stat("a") is not None

    kill(stores, stores[1], lambda mortal: backup(zone(stores[0]), mortal, BACKUPS), is_begun)
    back = RestoreOptions(threads=1, holder="earlier")
    kill(stores, stores[2], lambda mortal: restore(zone(stores[1]), names[2], mortal, back), is_partly_back)
    return stores


def history(name: str, target_like: Like) -> tuple[str, str]:
    """Three runs that found changes, deletes and renames; the names of the stores."""
    stores = f"{name}-source", f"{name}-target"
    LIKE.update(zip(stores, ("hdfs", target_like), strict=True))
    source, target = (zone(one) for one in stores)
    put(source, {"a": b"alpha", "d/b": b"b" * 500, "d/gone": b"x", "old/name": b"renamed" * 30, "kept": b"kept"})
    source.make_directory("empty")
    replicate(source, target, OPTIONS)
    put(source, {"a": b"changed"})
    source.delete([Entry("d/gone")])
    replicate(source, target, OPTIONS)
    source.rename("old", "renamed")  # type: ignore[attr-defined]  # it is like HDFS
    replicate(source, target, OPTIONS)
    return stores


def zone(name: str) -> MemoryZone:
    """The zone of that name, made when it is not there."""
    made = MemoryZone.open(Address.parse(f"memory://{name}/data"), like=LIKE[name], part_bytes=1 << 10)
    made.make_directory("")
    return made


def put(zone: MemoryZone, files: dict[str, bytes]) -> None:
    """Write small files."""
    for path, data in files.items():
        zone.put(path, data)


def kill(stores: Sequence[str], dying: str, run: Callable[[Zone], object], is_reached: Callable[[], bool]) -> None:
    """Let a run die at the first of its calls that leaves the stores as wanted."""
    with TemporaryDirectory() as folder:
        before = Path(folder) / "before.zip"
        save(before, *stores)
        for calls in range(1000):
            load(before)
            try:
                run(Retrying(CrashAfter(zone(dying), calls), RetryPolicy(attempts=1)))
            except Crash:
                if is_reached():
                    return
            else:
                break
    raise SystemExit(f"{dying}: no death of a run leaves it as wanted")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
