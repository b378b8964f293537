"""Which locations of a source have arrived: the newest checkpoints of their replications hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.locations import canonical
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone


class Arrived:
    """Answers for locations below the prefixes in ``data``, each with the target of its replication; others have not arrived.

    Each checkpoint is read once, when this is made, so that all answers are of one state. Zones stay open as long as ``stack``.
    """

    def __init__(self, data: Mapping[str, Zone | str], stack: ExitStack) -> None:
        if not data:
            raise BadOption("after_data needs to know the targets of the replications", data=dict(data))
        found: list[tuple[str, StateFolder, Checkpoint | None]] = []
        for prefix, zone in data.items():
            state = StateFolder(stack.enter_context(opened(zone)))
            found.append((canonical(prefix), state, checkpoints.latest(state)))
        self._places = sorted(found, key=lambda one: len(one[0]), reverse=True)

    def __call__(self, locations: Iterable[str]) -> frozenset[str]:
        """Those of the locations that have arrived."""
        asked: dict[int, dict[str, str]] = {}
        for location in locations:
            plain = canonical(location)
            for number, (prefix, _, _) in enumerate(self._places):
                if plain == prefix or plain.startswith(prefix + "/"):
                    asked.setdefault(number, {})[location] = plain[len(prefix) + 1 :]
                    break
        return frozenset(location for number, paths in asked.items() for location in self._held(number, paths))

    def _held(self, number: int, paths: Mapping[str, str]) -> Iterable[str]:
        _, state, checkpoint = self._places[number]
        if checkpoint is None:
            return ()
        wanted = set(paths.values())
        there = {"", *_rows(state, checkpoint, Cover(wanted, ()), wanted)}
        # Of a source whose directories are but names, the manifest has what lies below them alone.
        implied = wanted - there
        if implied:
            there |= {path for path in implied if _has_below(state, checkpoint, path)}
        return (location for location, path in paths.items() if path in there)


def _rows(state: StateFolder, checkpoint: Checkpoint, cover: Cover, wanted: set[str]) -> set[str]:
    rows = overlay(checkpoints.manifest_runs(state, checkpoint, cover=cover))
    return {held.entry.path for held in rows if held.entry.path in wanted and not held.is_gone}


def _has_below(state: StateFolder, checkpoint: Checkpoint, path: str) -> bool:
    rows = overlay(checkpoints.manifest_runs(state, checkpoint, cover=Cover((), [path])))
    return any(held.entry.path.startswith(f"{path}/") and not held.is_gone for held in rows)
