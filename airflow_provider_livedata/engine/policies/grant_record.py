"""What a sync granted, as it is stored, since grants carry no label.

.livedata/policies/state.json     in place of the ``PolicyState`` of targets that keep policies

Each grant is a list: database, table (``*``: all), column, principal, privilege, 1 with grant option, else 0, and, of a grant on some rows, what those are called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import BadInput, StateDamaged
from airflow_provider_livedata.engine.policies.grant_plan import Record
from airflow_provider_livedata.engine.policies.permissions import Permission, Place
from airflow_provider_livedata.engine.policies.stored import FOLDER
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder

FORMAT = 1
Row = list[str | int]


@dataclass(frozen=True, slots=True)
class GrantState:
    """``given``: what this sync granted; ``pending``: what a run is about to grant, or was when it was killed.

    ``guards``: filters and masks that it set, a list each: database, table, column (of a filter ""), function.
    """

    grants_of: str  # the target
    source: str
    given: list[Row] = field(default_factory=list)
    pending: list[Row] = field(default_factory=list)
    guards: list[list[str]] = field(default_factory=list)
    format: int = FORMAT


def grant_folder(state: StateFolder) -> SyncFolder[GrantState]:
    """The files of one sync."""
    return SyncFolder(state, FOLDER, GrantState)


def rows_of(permissions: Iterable[Permission]) -> list[Row]:
    """As they are stored."""
    return [_row(one) for one in sorted(permissions)]


def _row(one: Permission) -> Row:
    place = one.place
    row: Row = [place.database, place.table, place.column, one.principal, one.privilege, int(one.may_grant)]
    return [*row, place.rows] if place.rows else row


def record_in(state: GrantState | None, target: str) -> Record:
    """What a state says.

    Raises:
        BadInput: It is of a sync to another target.
        StateDamaged: It is not as it was written.
    """
    if state is None:
        return Record()
    if state.grants_of != target:
        raise BadInput(
            "the state is of a sync to another target; each needs a directory of its own", target=target, state_of=state.grants_of,
        )  # fmt: skip
    return Record(_permissions(state.given), _permissions(state.pending), frozenset(map(_guard, state.guards)))


def state_of(record: Record, target: str, source: str) -> GrantState:
    """As it is stored."""
    guards = [
        [place.database, place.table, place.column, name, *([place.rows] if place.rows else [])]
        for place, name in sorted(record.guards)
    ]
    return GrantState(target, source, rows_of(record.given), rows_of(record.pending), guards)


def _guard(row: list[str]) -> tuple[Place, str]:
    if len(row) not in (4, 5) or not all(isinstance(text, str) for text in row):
        raise StateDamaged("the filters and masks that were set are not stored as they were written")
    return Place(*row[:3], *row[4:]), row[3]


def _permissions(rows: Iterable[Row]) -> frozenset[Permission]:
    found = set()
    for row in rows:
        if len(row) not in (6, 7) or not all(isinstance(text, str) for text in (*row[:5], *row[6:])):
            raise StateDamaged("what was granted is not stored as it was written")
        database, table, column, principal, privilege = (str(text) for text in row[:5])
        place = Place(database, table, column, *map(str, row[6:]))
        found.add(Permission(place, principal, privilege, bool(row[5])))
    return frozenset(found)
