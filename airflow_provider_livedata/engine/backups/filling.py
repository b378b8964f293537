"""Make a backup a whole tree: what it has not brought itself is linked, or copied within the store, from where it lies."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_livedata.engine.backups.record import Places, split_version
from airflow_provider_livedata.engine.errors import StateDamaged, Unsupported
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import KeepsFiles

THREADS = 16


def fill(
    zone: Zone, state: StateFolder, checkpoint: Checkpoint, name: str, places: Places, allow: Callable[[], None]
) -> int:
    """Complete the tree of the backup ``name``; returns how many files were linked or copied. What is there already stays.

    Raises:
        LiveDataError: A file could not be had; the backup is not complete.
    """
    before = Places(one for one in places.names if one != name)
    count = 0
    with Pool(THREADS, "livedata-fill") as pool:
        for held in checkpoints.manifest(state, checkpoint):
            if held.entry.kind == "directory":
                pool.submit(lambda held=held: zone.make_directory(f"{name}/{held.entry.path}"))  # type: ignore[misc]
            elif split_version(held.target_version)[0] != name:
                count += 1
                pool.submit(lambda held=held: _link(zone, held, name, before, allow))  # type: ignore[misc]
        pool.wait()
    return count


def carry(zone: Zone, held: Held, origin: str, name: str) -> None:
    """Let the file of a row be had below the backup ``name`` too."""
    if not isinstance(zone, KeepsFiles):
        raise Unsupported("this place copies nothing by itself", address=str(zone.address))
    zone.keep(f"{origin}/{held.entry.path}", f"{name}/{held.entry.path}")


def _link(zone: Zone, held: Held, name: str, before: Places, allow: Callable[[], None]) -> None:
    allow()
    # A whole tree holds every version that was current then: the newest one has it, unless it is none of ours.
    born = split_version(held.target_version)[0]
    origin = before.of(born)
    if not origin:
        raise StateDamaged(
            "no backup that is still there holds a file that this one needs", path=held.entry.path, of=born
        )
    carry(zone, held, origin, name)
