"""Which of what unfinished runs wrote down is really there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from airflow_provider_livedata.engine.deciding.overlay import SortedRun
from airflow_provider_livedata.engine.errors import NotADirectory
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.replication.finding import Known
from airflow_provider_livedata.engine.zones.base import Zone


def confirmed(known: Known) -> Known:
    """The same, of the journals only what the target itself bears out.

    A journal may be ahead of its target: rows are written down before files appear, and what was staged may never appear.
    """
    journals = [replace(run, rows=_BorneOut(run, known.state.zone)) for run in known.journals]
    return replace(known, journals=journals)


class _BorneOut:
    """Opens those rows of a run that are as the zone is."""

    def __init__(self, run: SortedRun, zone: Zone) -> None:
        self._run, self._zone = run, zone

    def __call__(self) -> Iterator[Held]:
        return (held for held in self._run.rows() if self._is_so(held))

    def _is_so(self, held: Held) -> bool:
        try:
            there = self._zone.stat(held.entry.path)
        except NotADirectory:  # a file stands above it
            there = None
        if held.is_gone or there is None:
            return held.is_gone and (there is None or there.kind != held.entry.kind)
        return there.kind == held.entry.kind and (there.kind == "directory" or there.version == held.target_version)
