"""What runs that make Delta tables remember, in ``.livedata/delta`` of the place that keeps their state.

.livedata/delta/state.json                  for which catalogue
.livedata/delta/tables/<digest>.json        what was found out of a table; without it, it is found out again
.livedata/delta/runs/<n>/plan.jsonl         the steps, and in dry runs the statements
.livedata/delta/runs/<n>/report.json        how it ended
.livedata/delta/dry/<ms>/...                the same of a dry run
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field

from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder

FORMAT = 1
FOLDER = "delta"


@dataclass(frozen=True, slots=True)
class DeltaState:
    """The catalogue, and the newest run."""

    target: str
    run: int
    format: int = FORMAT


@dataclass(slots=True)
class KnownTable:
    """What was found out of a table.

    ``partitions``: names, each with its place, "" for the usual one; ``asked_ms``: when the places of all were asked for. ``files``: the digest of
    its files by the checkpoints and in the places of ``stamp``.
    """

    table: str
    partitions: dict[str, str] = field(default_factory=dict)
    asked_ms: int = 0
    stamp: str = ""
    files: str = ""
    format: int = FORMAT


def delta_folder(state: StateFolder) -> SyncFolder[DeltaState]:
    """The files of these runs."""
    return SyncFolder(state, FOLDER, DeltaState)


def read_known(state: StateFolder, table: str) -> KnownTable:
    """What is known of a table; nothing, where it was never looked at.

    Raises:
        StateDamaged: It is not what its writer left.
    """
    name = _file(table)
    value = state.read_json(name)
    try:
        return KnownTable(**value) if value is not None else KnownTable(table)
    except TypeError as error:
        raise StateDamaged(
            f"what is known of a table is not as expected: {error}; remove the file", file=state.address(name)
        ) from error


def write_known(state: StateFolder, known: KnownTable) -> None:
    """Keep it."""
    state.write_json(_file(known.table), asdict(known))


def _file(table: str) -> str:
    return f"{FOLDER}/tables/{hashlib.sha256(table.encode()).hexdigest()[:32]}.json"
