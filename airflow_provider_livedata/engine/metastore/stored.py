"""What a sync remembers, in ``.livedata/metastore`` of the place that keeps its state.

.livedata/metastore/state.json               up to which event of the source's log the target follows it
.livedata/metastore/runs/<n>/plan.jsonl      the steps, one JSON object a line
.livedata/metastore/runs/<n>/report.json     how it ended
.livedata/metastore/dry/<ms>/...             the same of a dry run
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder

FORMAT = 1
FOLDER = "metastore"


@dataclass(frozen=True, slots=True)
class SyncState:
    """Where a sync stands. ``again``: tables that the next one looks at whatever the log says; ``functions``: those it has put."""

    source: str
    target: str
    options: str  # digest
    run: int
    position: int  # -1: the source keeps no log
    compared_ms: int  # when everything was compared last
    again: list[list[str]] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)  # tables and partitions that syncs have registered
    format: int = FORMAT


def sync_folder(state: StateFolder) -> SyncFolder[SyncState]:
    """The files of one sync."""
    return SyncFolder(state, FOLDER, SyncState)
