"""Close a location to everybody but us while a switch proves that nothing is left, and open it again.

    .livedata/blocked.json    the mode that the location had, written before it is changed

Only the mode of the location's own directory is changed: nobody who minds modes gets past it, to read or to write, whatever lies
below. It stops no file that is open already, and nobody whom modes do not concern (superusers, policies of an authorizer): so what it
achieved is for the last difference to prove.
"""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import asdict, dataclass

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, PermissionRefused, StateDamaged, WritersNotBlocked
from airflow_provider_livedata.engine.model import Attributes, Entry
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import SetAttributes

log = logging.getLogger(__name__)
RECORD = "blocked.json"
FORMAT = 1
_PERMISSIONS = 0o7777


@dataclass(frozen=True, slots=True)
class _Blocked:
    """``mode``: that the location had; ``closed``: that it was given."""

    mode: int
    closed: int
    since_ms: int
    by: str
    format: int = FORMAT

    def __str__(self) -> str:
        return f"mode {self.closed:03o}, before {self.mode:03o}"


def block_writers(zone: Zone, by: str) -> str:
    """Close the location; returns what was done, for people. One that is closed stays so.

    Raises:
        WritersNotBlocked: It cannot be closed by us; nothing was changed.
    """
    state = StateFolder(zone)
    if not isinstance(zone, SetAttributes) or not {"mode"} & zone.facts.attributes or not zone.facts.has_directories:
        raise WritersNotBlocked(
            "this source has no mode that could be set, so its writers are not blocked; stop them, and switch block_writers off",
            source=str(zone.address),
        )
    now, before = _mode(zone), _read(state)
    if before is not None and before.closed == now:
        return str(before)
    blocked = _Blocked(now, 0 if _is_above_modes(zone) else 0o700, now_ms(), by)
    state.write_json(RECORD, asdict(blocked))
    with contextlib.suppress(PermissionRefused):
        zone.set_attributes("", Attributes(mode=blocked.closed))
    if _mode(zone) != blocked.closed:
        _forget(state)
        raise WritersNotBlocked(
            "this user may not set the mode of the source, so its writers are not blocked; have the owner or a superuser run the "
            "switch, or stop the writers and switch block_writers off; nothing was changed",
            source=str(zone.address),
        )
    log.info("%s is closed to its writers: %s", zone.address, blocked)
    return str(blocked)


def open_again(zone: Zone) -> str:
    """Give a location that was closed the mode that it had; returns what was done, "" where nothing was to be done.

    What someone else made of the mode meanwhile stays.
    """
    state = StateFolder(zone)
    blocked = _read(state)
    if blocked is None or not isinstance(zone, SetAttributes):
        return ""
    now = _mode(zone)
    if now == blocked.closed:
        zone.set_attributes("", Attributes(mode=blocked.mode))
        if _mode(zone) != blocked.mode:
            return f"{zone.address} could not be opened again; give it the mode {blocked.mode:03o}"
    _forget(state)
    if now not in (blocked.closed, blocked.mode):
        return f"the source was closed for the switch and has the mode {now:03o} by now, which was left; before it was {blocked.mode:03o}"
    return f"the source is open again, with mode {blocked.mode:03o}"


def _mode(zone: Zone) -> int:
    found = zone.stat("")
    return ((found.mode if found is not None else None) or 0) & _PERMISSIONS


def _is_above_modes(zone: Zone) -> bool:
    """Whether modes do not concern us, as a superuser: then they may shut out the owner as well."""
    probe = f"{FOLDER}/closed-{os.urandom(8).hex()}"
    zone.make_directory(probe, attributes=Attributes(mode=0))
    try:
        next(zone.scan(probe), None)
    except PermissionRefused:
        return False
    else:
        return True
    finally:
        for failure in zone.delete([Entry(probe, "directory")]):
            log.warning("state left behind: %s: %s", failure.path, failure.reason)


def _forget(state: StateFolder) -> None:
    for failure in state.zone.delete([Entry(f"{FOLDER}/{RECORD}")]):
        log.warning("state left behind: %s: %s", failure.path, failure.reason)


def _read(state: StateFolder) -> _Blocked | None:
    value = state.read_json(RECORD)
    if value is None:
        return None
    try:
        return _Blocked(**value)
    except TypeError as error:
        raise StateDamaged(
            f"the record of a closed location is not complete: {error}", file=state.address(RECORD)
        ) from error


def open_after_failure(zone: Zone) -> None:
    """As ``open_again``, after a switch that did not take place: its own error matters more."""
    try:
        told = open_again(zone)
    except LiveDataError as error:
        told = f"{zone.address} was closed for a switch that did not take place, and could not be opened again: {error}"
    if told:
        log.warning("%s", told)
