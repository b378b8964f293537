"""The durable record of the last source snapshot that the target holds completely, and its manifest.

``checkpoint/<n>.json`` is written create-only when everything landed, and lists the exact manifest files: an immutable
base and a delta a run. Two checkpoints are kept. A reader opens one checkpoint and follows its list.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, count, islice, takewhile
from typing import Any

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.lookup import held_in
from airflow_provider_livedata.engine.stored.manifest_file import Generations, ManifestFile
from airflow_provider_livedata.engine.stored.shelf import Place, Shelf
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.tables import ROWS_A_FILE, held_from_parquet, held_to_parquet

FORMAT = 1
MANIFEST = "manifest"  # the folder of a target's manifest
MAX_DELTAS = 64
MERGED_AT_ONCE, ALIKE = 8, 4  # deltas, up to so many times the rows of the newest
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the target holds completely. ``generations``: the base, then the deltas, each in key order."""

    run: int
    replication: str
    source: str
    target: str
    snapshot: str  # "" where the source cannot snapshot
    snapshot_root: str
    as_of_ms: int  # the instant that the copy is of, epoch milliseconds
    committed_ms: int
    filter_digest: str
    exclude: tuple[str, ...]
    preserve: tuple[str, ...]
    files: int
    directories: int
    size_bytes: int
    unsettled: tuple[str, ...] = ()
    listed_ms: int = 0  # the instant of the newest copy, this one or an earlier one, that compared everything
    generations: Generations = ()
    target_snapshot: str = ""  # of the target as it was left; "" where none was taken
    format: int = FORMAT
    notes: tuple[str, ...] = field(default=())
    home_ms: int = (
        0  # of a source that is a copy itself: the instant of its home that it was a copy of; 0: ``as_of_ms``
    )

    @property
    def origin_ms(self) -> int:
        """The instant, where the data are written, that the target is a copy of."""
        return self.home_ms or self.as_of_ms

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any], *, name: str) -> Checkpoint:
        """As read.

        Raises:
            StateDamaged: Of a newer format, or not a checkpoint.
        """
        if value.get("format") != FORMAT:
            raise StateDamaged(
                f"a checkpoint has format {value.get('format')!r}, not {FORMAT}; use the version that wrote it",
                file=name,
            )
        try:
            generations = tuple(tuple(ManifestFile(**f) for f in g) for g in value["generations"])
            lists = {n: tuple(value[n]) for n in ("exclude", "preserve", "unsettled", "notes")}
            return cls(**{**value, **lists, "generations": generations})
        except (KeyError, TypeError) as error:
            raise StateDamaged(f"a checkpoint is not complete: {error}", file=name) from error


def latest(state: StateFolder) -> Checkpoint | None:
    """The newest checkpoint of a target, or None before the first.

    Raises:
        StateDamaged: It cannot be read: nothing is concluded from an older one.
    """
    numbers = _numbers(state)
    if not numbers:
        return None
    name = _file(numbers[-1])
    value = state.read_json(name, is_unchanging=True)
    if value is None:
        raise StateDamaged("a checkpoint vanished while it was read", file=state.address(name))
    return Checkpoint.from_json(value, name=state.address(name))


def newest(state: StateFolder) -> int:
    """The number of the newest checkpoint, 0 before the first; costs one listing of few names."""
    return max(_numbers(state), default=0)


def manifest_runs(
    state: StateFolder,
    checkpoint: Checkpoint | None,
    *,
    age: int = 0,
    cover: Cover | None = None,
    shelf: Shelf | None = None,
) -> list[SortedRun]:
    """The sorted runs of a checkpoint's manifest, the newest generation with ``age``; with ``cover`` only the rows in it.

    ``shelf``: where files are kept decoded that a cover is looked up in every cycle.
    """
    return [] if checkpoint is None else runs_of(state, checkpoint.generations, age=age, cover=cover, shelf=shelf)


def runs_of(
    state: StateFolder,
    generations: Generations,
    *,
    age: int = 0,
    cover: Cover | None = None,
    shelf: Shelf | None = None,
) -> list[SortedRun]:
    """As ``manifest_runs``, of the files of a manifest."""
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


def manifest(state: StateFolder, checkpoint: Checkpoint | None) -> Iterator[Held]:
    """Every row that the target holds, in key order, streamed."""
    return overlay(manifest_runs(state, checkpoint))


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
        batch = _Counted(chain((first,), islice(rows, ROWS_A_FILE - 1)))
        data = held_to_parquet(batch)
        state.write(name, data)
        file = ManifestFile(name, batch.rows, first.key, hashlib.sha256(data).hexdigest())
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


class _Counted:
    """Rows that are counted as they pass, since a file of them is too large to be kept."""

    def __init__(self, rows: Iterable[Held]) -> None:
        self.rows, self._rows = 0, rows

    def __iter__(self) -> Iterator[Held]:
        for row in self._rows:
            self.rows += 1
            yield row


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


def commit(state: StateFolder, checkpoint: Checkpoint) -> str:
    """Write the checkpoint, create-only; returns its address."""
    state.write_json(_file(checkpoint.run), checkpoint.to_json(), create_only=True)
    return state.address(_file(checkpoint.run))


def tidy(state: StateFolder, newest: Checkpoint, *, keeps_manifests: bool = False) -> None:
    """Remove older checkpoints but one, and the manifest files that no kept checkpoint lists, unless others need them."""
    files = [file for file in state.files("checkpoint") if _number(file.path) is not None]
    kept = sorted(_number(file.path) or 0 for file in files)[-2:]
    listed = {file.name for generation in newest.generations for file in generation} | names_listed(state, kept[:-1])
    names = {_file(number) for number in kept}
    state.remove_files([file for file in files if file.path not in names])
    if not keeps_manifests:
        state.remove("manifest", only=lambda name: name not in listed)


def names_listed(state: StateFolder, numbers: Iterable[int] | None = None) -> set[str]:
    """Names of the manifest files of those checkpoints that are there; None: of all."""
    found = set()
    for number in _numbers(state) if numbers is None else numbers:
        value = state.read_json(_file(number), is_unchanging=True)
        if value is not None:
            one = Checkpoint.from_json(value, name=_file(number))
            found |= {file.name for generation in one.generations for file in generation}
    return found


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


def _numbers(state: StateFolder) -> list[int]:
    return sorted(n for file in state.files("checkpoint") if (n := _number(file.path)) is not None)


def _number(name: str) -> int | None:
    number = name.rpartition("/")[2].removesuffix(".json")
    return int(number) if number.isdigit() else None


def _file(run: int) -> str:
    return f"checkpoint/{run:012d}.json"
