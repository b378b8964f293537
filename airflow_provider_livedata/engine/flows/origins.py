"""Manifest rows of renamed files, in the order of their new paths.

They come from the manifest in the order of their old paths. Rows beyond what memory should hold are sorted by way of a
temporary directory.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_provider_livedata.engine.diff import Origin
from airflow_provider_livedata.engine.filters import Filter
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.renames import Renames
from airflow_provider_livedata.engine.tables import held_from_parquet, held_to_parquet

SORTED_AT_ONCE = 20_000


@contextlib.contextmanager
def origins_of(runs: Iterable[SortedRun], renames: Renames, chosen: Filter) -> Generator[Iterator[Origin]]:
    """Yield the files of ``runs`` that were renamed to a path that takes part, in the order of these paths."""
    rows = _renamed(runs, renames, chosen)
    first = sorted(islice(rows, SORTED_AT_ONCE))
    with TemporaryDirectory(prefix="livedata-") as folder:
        kept = list(_spooled(rows, Path(folder)))
        merged = heapq.merge(first, *(_read(file, renames) for file in kept))
        yield (Origin(new, held, renames.is_contested(held.entry.path)) for new, held in merged)


def _renamed(runs: Iterable[SortedRun], renames: Renames, chosen: Filter) -> Iterator[tuple[str, Held]]:
    for held in overlay(runs):
        new = renames.new_of(held.entry.path) if held.entry.kind == "file" else None
        if new is not None and not chosen.excludes(new):
            yield new, held


def _spooled(rows: Iterator[tuple[str, Held]], folder: Path) -> Iterator[Path]:
    number = 0
    while some := sorted(islice(rows, SORTED_AT_ONCE)):
        number += 1
        file = folder / f"{number}.parquet"
        file.write_bytes(held_to_parquet([held for _, held in some]))
        yield file


def _read(file: Path, renames: Renames) -> Iterator[tuple[str, Held]]:
    for held in held_from_parquet(file.read_bytes(), name=file.name):
        yield renames.new_of(held.entry.path) or "", held
