"""The folders that drills make at a scratch place, and remove again: their own at the end, those of killed drills at the next one.

<scratch>/livedata-drill-<time>-<id>/                          what a drill restores
<scratch>/livedata-drill-<time>-<id>/.livedata/drill.json      says that a drill made it
<scratch>/.livedata/drills/begun/livedata-drill-<time>-<id>    is there until the folder is gone, so that nobody has to look for it
"""

from __future__ import annotations

import logging
import os
import re
import time
from datetime import UTC, datetime

from airflow_provider_livedata.engine.errors import LiveDataError, TargetHeld
from airflow_provider_livedata.engine.model import Attributes, Entry, Failure
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import FOLDER as STATE
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.transfer.phases import DELETE_BATCH
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.below import Below

log = logging.getLogger(__name__)
FOLDER = "livedata-drill-"
YOUNG_MS = 600_000  # a drill that began this short a time ago may not have its lease yet
_BEGUN = "drills/begun"
_MARK = "drill.json"
_NAME = re.compile(rf"{FOLDER}(\d{{8}}T\d{{6}}Z)-[0-9a-f]{{6}}")
_STAMP = "%Y%m%dT%H%M%SZ"


def new_name(now_ms: int) -> str:
    """Of the folder of a drill that begins now."""
    return f"{FOLDER}{time.strftime(_STAMP, time.gmtime(now_ms / 1000))}-{os.urandom(3).hex()}"


def make(scratch: Zone, name: str) -> None:
    """Make the folder of a drill."""
    scratch.make_directory("")
    StateFolder(scratch).write(f"{_BEGUN}/{name}", b"")
    scratch.make_directory(name, attributes=Attributes(mode=0o700))  # what is private stays private
    StateFolder(Below(scratch, name)).write_json(_MARK, {"format": 1, "drill": name})


def remove(scratch: Zone, name: str) -> list[Failure]:
    """Remove the folder of a drill with all that it holds; returns what could not be."""
    failures = _removed(scratch, name)
    if not failures:
        StateFolder(scratch).remove(_BEGUN, only=lambda path: path == f"{_BEGUN}/{name}")
    return failures


def sweep(scratch: Zone, holder: str, now_ms: int, lease_times: LeaseTimes | None) -> list[str]:
    """Remove the folders that killed drills left; returns what a person should know.

    Only what a drill says that it made, and at which no drill is at work.
    """
    notes = []
    for entry in list(StateFolder(scratch).files(_BEGUN)):
        name = entry.path.rpartition("/")[2]
        try:
            notes += _sweep_one(scratch, name, holder, now_ms, lease_times)
        except TargetHeld:
            log.info("a drill is at work in %s", name)
        except LiveDataError as error:
            notes.append(
                f"{name}, which an earlier drill left, could not be removed and is tried again next time: {error}"
            )
    return notes


def _sweep_one(scratch: Zone, name: str, holder: str, now_ms: int, lease_times: LeaseTimes | None) -> list[str]:
    began_ms = _began_ms(name)
    if began_ms is None or now_ms - began_ms < YOUNG_MS:
        return []
    if scratch.stat(name) is not None:
        state = StateFolder(Below(scratch, name))
        mark = state.read_json(_MARK)
        # Who was killed while removing it may have left directories without the mark, which nobody's bytes are in.
        is_empty = all(entry.kind == "directory" for entry in scratch.scan(name))
        if not is_empty and (mark is None or mark.get("drill") != name):
            return [f"{name} looks like the folder of a drill, but does not say that one made it: it is left alone"]
        if not is_empty:
            with Lease(state, holder, times=lease_times):  # nobody is at work in it
                pass
    failures = remove(scratch, name)
    return [f"{one.path}, which an earlier drill left, could not be removed: {one.reason}" for one in failures] or [
        f"removed {name}, which a drill that was killed had left"
    ]


def _began_ms(name: str) -> int | None:
    found = _NAME.fullmatch(name)
    return int(datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC).timestamp() * 1000) if found else None


def _removed(scratch: Zone, name: str) -> list[Failure]:
    """Remove files as they are listed, then directories, children first; returns what could not be.

    The mark goes when all other files have gone: without it what is left would be taken for somebody else's.
    """
    mark = f"{name}/{STATE}/{_MARK}"
    last, files, directories = list[Entry](), list[Entry](), [Entry(name, "directory")]
    failures: list[Failure] = []
    for entry in scratch.scan(name):
        if entry.kind != "directory":
            (last if entry.path == mark else files).append(entry)
        elif not entry.is_implied:
            directories.append(entry)
        if len(files) >= DELETE_BATCH:
            failures += scratch.delete(files)
            files = []
    failures += scratch.delete(files)
    return failures or [*scratch.delete(last), *scratch.delete(directories[::-1])]
