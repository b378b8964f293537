"""The durable record of the last source snapshot that the target holds completely.

``checkpoint/<n>.json`` is written create-only when everything landed, and lists the exact files of its manifest (see ``manifest``).
Two checkpoints are kept. A reader opens one checkpoint and follows its list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.manifest import MANIFEST, runs_of
from airflow_provider_livedata.engine.stored.manifest_file import Generations, ManifestFile
from airflow_provider_livedata.engine.stored.shelf import Shelf
from airflow_provider_livedata.engine.stored.state import StateFolder

FORMAT = 1


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


def manifest(state: StateFolder, checkpoint: Checkpoint | None) -> Iterator[Held]:
    """Every row that the target holds, in key order, streamed."""
    return overlay(manifest_runs(state, checkpoint))


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
        state.remove(MANIFEST, only=lambda name: name not in listed)


def names_listed(state: StateFolder, numbers: Iterable[int] | None = None) -> set[str]:
    """Names of the manifest files of those checkpoints that are there; None: of all."""
    found = set()
    for number in _numbers(state) if numbers is None else numbers:
        value = state.read_json(_file(number), is_unchanging=True)
        if value is not None:
            one = Checkpoint.from_json(value, name=_file(number))
            found |= {file.name for generation in one.generations for file in generation}
    return found


def _numbers(state: StateFolder) -> list[int]:
    return sorted(n for file in state.files("checkpoint") if (n := _number(file.path)) is not None)


def _number(name: str) -> int | None:
    number = name.rpartition("/")[2].removesuffix(".json")
    return int(number) if number.isdigit() else None


def _file(run: int) -> str:
    return f"checkpoint/{run:012d}.json"
