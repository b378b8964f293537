"""Files that a run which was cut off had put aside for a rename: back where people see them.

where it was    unless something else is there by now
its new name    the same
beside          its old name, its new one, or its last name at the root, with ``.put-aside`` and a number: its bytes may be nowhere else
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain

from airflow_provider_livedata.engine.errors import AlreadyExists, IsADirectory, NameRefused, NotADirectory
from airflow_provider_livedata.engine.model import ABSENT, Step
from airflow_provider_livedata.engine.stored.planfile import Plan
from airflow_provider_livedata.engine.transfer.moving import numbered, origin_of, proved_checksum
from airflow_provider_livedata.engine.zones.base import Zone, file_at
from airflow_provider_livedata.engine.zones.powers import Moves
from airflow_provider_livedata.engine.zones.wrappers import Retrying

BESIDE = ".put-aside"


def put_back(target: Zone, plans: Iterable[Plan], allow: Callable[[], None]) -> Iterator[tuple[Step, str]]:
    """Bring back what is only aside; running it again brings nothing twice.

    Args:
        target: As ``opened`` gives it.
        plans: Of runs that were cut off.
        allow: Called before each change.

    Yields:
        The step that put it aside, and where its bytes are now: still where they are aside, if all names are taken.
    """
    for step in only_aside(target, plans):
        allow()
        yield step, _moved(_retrying(target), step)


def only_aside(target: Zone, plans: Iterable[Plan]) -> Iterator[Step]:
    """The steps that put a file aside which is nowhere else now, as ``put_back`` would find them; changes nothing."""
    for plan in plans if isinstance(target, Moves) else ():
        for step in plan.steps("hold"):
            if step.origin is not None and _is_only_aside(_retrying(target), step):
                yield step


def _retrying(target: Zone) -> Retrying:
    return target if isinstance(target, Retrying) else Retrying(target)


def _is_only_aside(target: Retrying, step: Step) -> bool:
    if file_at(target, step.held_at) is None:
        return False
    # File systems rename, so it is nowhere else. Object stores copied it: it may be where it was, or have come already.
    return target.facts.has_directories or not any(_has(target, path, step) for path in _places(step))


def _has(target: Retrying, path: str, step: Step) -> bool:
    return target.if_landed(path, step.entry.size_bytes, proved_checksum(step)) is not None


def _moved(target: Retrying, step: Step) -> str:
    for place in _places(step):
        with suppress(AlreadyExists, IsADirectory, NameRefused, NotADirectory):
            if _is_free(target, place):
                target.move(  # type: ignore[attr-defined]  # as ``put_back`` has made sure
                    step.held_at, place, checksum=proved_checksum(step), expect=ABSENT
                )
                return place
    return step.held_at


def _places(step: Step) -> Iterator[str]:
    old, new = origin_of(step).path, step.entry.path
    yield from (old, new)
    # No file can be above the last of each three.
    yield from chain(*zip(*(numbered(f"{name}{BESIDE}") for name in (old, new, old.rpartition("/")[2])), strict=True))


def _is_free(zone: Zone, path: str) -> bool:
    """Whether a file may go there; what lies below its name is in its way on file systems alone."""
    found = zone.stat(path)
    return found is None or (found.kind != "file" and not zone.facts.has_directories)
