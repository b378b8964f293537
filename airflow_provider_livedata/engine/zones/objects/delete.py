"""Delete objects and markers, many requests at a time, telling of each one that stayed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

from airflow_provider_livedata.engine.errors import NotEmpty, ZoneError
from airflow_provider_livedata.engine.model import Entry, Failure
from airflow_provider_livedata.engine.zones.objects.store import ObjectStore
from airflow_provider_livedata.engine.zones.objects.waves import waves


def delete(store: ObjectStore, entries: Sequence[Entry], workers: Executor) -> list[Failure]:
    """Delete entries in order; see Zone.delete."""
    failures = []
    for wave in waves(entries):
        failures += [failure for failure in workers.map(lambda one: _delete_one(store, one), wave) if failure]
    return failures


def _delete_one(store: ObjectStore, entry: Entry) -> Failure | None:
    try:
        if entry.kind == "directory":
            _delete_marker(store, entry.path)
        else:
            store.delete(entry.path, entry.version)
    except ZoneError as error:
        return Failure.of(entry.path, error)
    return None


def _delete_marker(store: ObjectStore, path: str) -> None:
    below = [one.key for one in store.first(f"{path}/", most=2)]
    if any(key != f"{path}/" for key in below):
        raise NotEmpty("the directory holds entries", path=path)
    store.unmark(path)
