"""What a target holds, as immutable files of rows: a base, and a delta a run, each in key order; the newest row of a key counts.

A checkpoint, and whoever else keeps such rows, lists the files with their digests. Nothing is read that is not what was listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import chain, count, islice, takewhile

from airflow_provider_livedata.engine.counted import Counted
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.lookup import held_in
from airflow_provider_livedata.engine.stored.manifest_file import Generations, ManifestFile
from airflow_provider_livedata.engine.stored.shelf import Place, Shelf
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.tables import ROWS_A_FILE, held_from_parquet, held_to_parquet

MANIFEST = "manifest"  # the folder of a target's manifest
MAX_DELTAS = 64
MERGED_AT_ONCE, ALIKE = 8, 4  # deltas, up to so many times the rows of the newest


def runs_of(
    state: StateFolder,
    generations: Generations,
    *,
    age: int = 0,
    cover: Cover | None = None,
    shelf: Shelf | None = None,
) -> list[SortedRun]:
    """The sorted runs of these files, the newest generation with ``age``; with ``cover`` only the rows in it.

    ``shelf``: where files are kept decoded that a cover is looked up in every cycle.
    """
    newest_first = reversed(generations)
    reader = _reader(state, cover, shelf)
    return [
        SortedRun(file.first, age + n, partial(reader, file))
        for n, generation in enumerate(newest_first)
        for file, end in _with_ends(generation)
        if cover is None or cover.touches(file.first, end)
    ]


def _with_ends(generation: Sequence[ManifestFile]) -> Iterator[tuple[ManifestFile, str | None]]:
    """Each file with the first key of the next one."""
    ends = [file.first for file in generation[1:]]
    yield from zip(generation, [*ends, None], strict=True)


def grown(
    state: StateFolder, run: int, before: Generations, rows: Iterable[Held], *, folder: str = MANIFEST
) -> Generations:
    """The generations of a manifest with one more, made of what changed, in key order, with what is gone.

    Written files are read back. Deltas that have become many, or much, are made one, or a new base.
    """
    delta = write_generation(state, run, "delta", rows, folder=folder)
    now = (*before, delta) if delta else before
    if is_worth_compacting(now):
        return (write_generation(state, run, "base", overlay(runs_of(state, now)), folder=folder),)
    label = "merged"
    while count := worth_merging(now):
        merged = overlay(runs_of(state, now[-count:]), with_gone=True)
        now, label = (*now[:-count], write_generation(state, run, label, merged, folder=folder)), f"{label}-again"
    return now


def write_generation(
    state: StateFolder, run: int, label: str, rows: Iterable[Held], *, folder: str = MANIFEST
) -> tuple[ManifestFile, ...]:
    """Write rows in key order as files of ``ROWS_A_FILE`` and read each back."""
    rows = iter(rows)
    files: list[ManifestFile] = []
    for first in rows:
        name = _generation_file(run, label, len(files), folder)
        batch = Counted(chain((first,), islice(rows, ROWS_A_FILE - 1)))
        data = held_to_parquet(batch)
        state.write(name, data)
        file = ManifestFile(name, batch.count, first.key, hashlib.sha256(data).hexdigest())
        _verified(state, file, afresh=True)
        files.append(file)
    return tuple(files)


def delta_of(state: StateFolder, run: int) -> Iterator[Held]:
    """The rows of a run's delta, tombstones too, as long as its files are there."""
    for number in count():
        name = _generation_file(run, "delta", number, MANIFEST)
        data = state.read(name)
        if data is None:
            return
        yield from held_from_parquet(data, name=state.address(name))


def _generation_file(run: int, label: str, number: int, folder: str) -> str:
    return f"{folder}/{run:012d}-{label}-{number:06d}.parquet"


def is_worth_compacting(generations: Generations) -> bool:
    """Whether the deltas have grown too many, or over a tenth of the base."""
    base, *deltas = [sum(file.rows for file in generation) for generation in generations] or [0]
    return len(deltas) >= MAX_DELTAS or sum(deltas) > max(base // 10, 10 * ROWS_A_FILE)


def worth_merging(generations: Generations) -> int:
    """How many of the newest deltas should become one, 0 for none.

    A cycle opens each of them. So ``MERGED_AT_ONCE`` of about one size are merged into one of the next size, and of any size there are
    fewer: few are opened, and no row is written often.
    """
    sizes = [sum(file.rows for file in generation) for generation in generations[:0:-1]]
    alike = sum(1 for _ in takewhile(lambda size: size <= ALIKE * sizes[0], sizes))
    return alike if alike >= MERGED_AT_ONCE else 0


def verified(state: StateFolder, file: ManifestFile) -> bytes:
    """The bytes of a manifest file.

    Raises:
        StateDamaged: It is gone, or not what was written.
    """
    return _verified(state, file, afresh=True)


def _reader(state: StateFolder, cover: Cover | None, shelf: Shelf | None) -> Callable[[ManifestFile], Iterator[Held]]:
    if cover is None:
        return lambda file: held_from_parquet(_verified(state, file), name=state.address(file.name))
    if shelf is None:
        return lambda file: held_in(_verified(state, file), cover, name=state.address(file.name))
    folder = state.address(MANIFEST)
    versions = cache(lambda: shelf.listed(state, MANIFEST))  # asked for when something is looked up

    def look_up(file: ManifestFile) -> Iterator[Held]:
        address = state.address(file.name)
        place = Place(folder, address, file.digest)
        return shelf.look_up(place, versions().get(address, ""), cover, partial(_verified, state, file))

    return look_up


def _verified(state: StateFolder, file: ManifestFile, *, afresh: bool = False) -> bytes:
    data = state.read(file.name) if afresh else state.read_unchanging(file.name)
    if data is None or hashlib.sha256(data).hexdigest() != file.digest:
        raise StateDamaged(
            "a manifest file is missing or is not what its checkpoint lists; verify at level content, "
            "then start over with a new target or restore the file",
            file=state.address(file.name),
        )
    return data
