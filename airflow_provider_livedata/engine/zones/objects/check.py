"""Prove that a prefix can be used before a run begins: that it is there, readable, and, as a target, written safely."""

from __future__ import annotations

import uuid
from contextlib import suppress

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    Unsupported,
)
from airflow_provider_livedata.engine.model import ABSENT
from airflow_provider_livedata.engine.zones.objects.store import ObjectStore

PROBES = ".livedata/probe"


def check(store: ObjectStore, *, writable: bool) -> None:
    """See Zone.check."""
    first = [one.key for one in store.first(most=2)]
    if not first and store.prefix:
        _check_absent_root(store, may_be_absent=writable)
    for key in first:
        if key and not key.endswith("/"):
            with suppress(PathMissing, ObjectChanged):  # gone again
                store.read(key, 0, 1, "").fill(memoryview(bytearray(1)))
            break
    if writable:
        _check_writable(store)


def _check_absent_root(store: ObjectStore, *, may_be_absent: bool) -> None:
    root, found = str(store.address), store.head_root()
    if found is not None and not found.is_folder:
        raise NotADirectory("an object stands where a directory should be; correct the address", address=root)
    if found is None and not may_be_absent:
        raise PathMissing("nothing is there: no name begins with this prefix; correct the address", address=root)


def _check_writable(store: ObjectStore) -> None:
    """Write a small object where state is kept, see that a second writer of it is refused, and remove it."""
    key = f"{PROBES}/{uuid.uuid4()}"
    store.put(key, b"livedata", expect=ABSENT)
    try:
        store.put(key, b"livedata", expect=ABSENT)
    except AlreadyExists:
        return
    finally:
        store.delete(key)
    raise Unsupported("the store ignores conditional writes, so two runs could overwrite each other; it cannot be a target",
                      address=str(store.address))  # fmt: skip
