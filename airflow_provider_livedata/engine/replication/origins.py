"""Manifest rows of what was renamed, in the order of the new paths.

They come from the manifest in the order of their old paths. Rows beyond what memory should hold are sorted by way of a
temporary directory.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_provider_livedata.engine.deciding.diff import Origin
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.deciding.renames import Renames, moved_with
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.tables import held_from_parquet, held_to_parquet

SORTED_AT_ONCE = 20_000


@contextlib.contextmanager
def origins_of(
    runs: Iterable[SortedRun], renames: Renames, chosen: Filter, whole: Mapping[str, str]
) -> Generator[Iterator[Origin]]:
    """Yield the files of ``runs`` that were renamed to a path that takes part, in the order of the new keys.

    With them comes all that is in the directories ``whole``, which are moved in one piece.
    """
    origins = _origins(overlay(runs), renames, chosen, whole)
    first = sorted(islice(origins, SORTED_AT_ONCE))
    with TemporaryDirectory(prefix="livedata-") as folder:
        kept = list(_spooled(origins, Path(folder)))
        yield heapq.merge(first, *(_read(file, renames, chosen, whole) for file in kept))


def _origins(rows: Iterable[Held], renames: Renames, chosen: Filter, whole: Mapping[str, str]) -> Iterator[Origin]:
    for held in rows:
        path, is_file = held.entry.path, held.entry.kind == "file"
        old, new = moved_with(path, whole), renames.new_of(path)
        if old is not None:
            place = whole[old] + path[len(old) :]
            yield Origin(
                place if is_file else f"{place}/",
                held,
                is_contested=False,
                is_carried=True,
                is_gone=new != place,
                is_root=path == old,
            )
        elif is_file and new is not None and not chosen.excludes(new):
            yield Origin(new, held, renames.is_contested(path))


def _spooled(origins: Iterator[Origin], folder: Path) -> Iterator[Path]:
    number = 0
    while some := sorted(islice(origins, SORTED_AT_ONCE)):
        number += 1
        file = folder / f"{number}.parquet"
        file.write_bytes(held_to_parquet([one.held for one in some]))
        yield file


def _read(file: Path, renames: Renames, chosen: Filter, whole: Mapping[str, str]) -> Iterator[Origin]:
    return _origins(held_from_parquet(file.read_bytes(), name=file.name), renames, chosen, whole)
