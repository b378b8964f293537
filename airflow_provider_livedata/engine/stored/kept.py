"""Keep aside what a plan is to replace or delete, in zones that have no snapshots of their own.

.livedata/removed/<time>-<run>/<path>      as the file was before run <run>
.livedata/conflicts/<time>-<run>/<path>    what lost against the other side of a two-way sync
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from airflow_provider_livedata.engine.errors import ObjectChanged, PathMissing
from airflow_provider_livedata.engine.model import Phase, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.powers import KeepsFiles

REMOVED = "removed"
CONFLICTS = "conflicts"
DAY_MS = 86_400_000
_PHASES: tuple[Phase, ...] = ("clear", "write", "delete")
_STAMP = "%Y%m%dT%H%M%SZ"
_FOLDER = re.compile(r"[a-z]+/(\d{8}T\d{6}Z)-\d+/")


def folder_of(run: int, at_ms: int, *, kind: str = REMOVED) -> str:
    """Where a run that began then keeps files, below ``.livedata``; ``kind``: ``REMOVED`` or ``CONFLICTS``."""
    return f"{kind}/{time.strftime(_STAMP, time.gmtime(at_ms / 1000))}-{run:012d}"


def losing(steps: Callable[[Phase], Iterable[Step]]) -> Iterator[tuple[str, str]]:
    """Path and version of each file that a plan replaces or deletes; what is renamed is not lost."""
    for step in chain.from_iterable(steps(phase) for phase in _PHASES):
        is_replaced = step.kind in ("copy", "move") and step.expect is not None and not step.or_absent
        is_deleted = step.kind == "delete" and step.entry.kind == "file" and step.reason not in ("renamed", "carried")
        if is_replaced or is_deleted:
            yield step.entry.path, step.expect or ""
        elif step.kind == "copy" and step.origin is not None:  # it replaces what comes with a renamed directory
            yield step.origin.path, step.origin.version


def keep(
    zone: KeepsFiles, files: Iterable[tuple[str, str]], folder: str, allow: Callable[[], None], *, threads: int
) -> None:
    """Keep files below ``folder``, a name of ``folder_of``.

    Raises:
        LiveDataError: One of them could not be kept, so that nothing may be changed. What is gone, or was changed by someone
            else, is met by the step itself.
    """

    def one(path: str, version: str) -> None:
        allow()
        try:
            zone.keep(path, f"{FOLDER}/{folder}/{path}", version=version)
        except (ObjectChanged, PathMissing):
            return

    with Pool(threads, "livedata-keep") as pool:
        for path, version in files:
            pool.submit(lambda path=path, version=version: one(path, version))  # type: ignore[misc]
        pool.wait()


def forget(state: StateFolder, now_ms: int, keep_days: float, *, kind: str = REMOVED) -> None:
    """Remove what was kept longer ago than ``keep_days``."""
    oldest = time.strftime(_STAMP, time.gmtime((now_ms - keep_days * DAY_MS) / 1000))

    def is_old(name: str) -> bool:
        found = _FOLDER.match(name)
        return found is not None and found[1] < oldest

    def is_young(name: str) -> bool:  # as are all that follow: names begin with the time
        found = _FOLDER.match(name)
        return found is not None and found[1] >= oldest

    state.remove(kind, only=is_old, until=is_young)
