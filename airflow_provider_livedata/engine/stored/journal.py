"""What a run has brought to the target, written down as it happens: the memory of a killed run.

Rows are collected, sorted and written as ``runs/<n>/journal/<k>.parquet`` every few seconds. Merged, they are the delta
of the manifest when the run ends well, and what need not be copied again when it does not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Generic, Protocol, TypeVar

from airflow_provider_livedata.engine.deciding.overlay import SortedRun
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.tables import held_from_parquet, held_to_parquet

MAX_ROWS = 20_000
KEPT_ROWS = 2_000  # of the files written so far, so that a small run need not read them again


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


Row = TypeVar("Row", bound=_Keyed)


class Log(Generic[Row]):
    """Rows appended durably to one folder of a run; safe for many threads.

    A row replaces one of the same key that is not written yet, and is remembered until it is. ``interval_s`` grows with the
    run so that files stay few. ``next_file``: where the files of a process that died end.
    """

    def __init__(
        self,
        state: StateFolder,
        folder: str,
        to_parquet: Callable[[Iterable[Row]], bytes],
        *,
        interval_s: float = 5.0,
        next_file: int = 0,
    ) -> None:
        self.state, self.folder, self.files = state, folder, list[tuple[str, str]]()
        self._to_parquet, self._interval_s, self._next = to_parquet, interval_s, next_file
        self._began = time.monotonic()
        self._due = self._next_due()
        self._rows: dict[str, Row] = {}
        self._kept: dict[str, list[Row]] = {}  # by file
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def _next_due(self) -> float:
        now = time.monotonic()
        return now + max(self._interval_s, (now - self._began) / 100)

    def add(self, row: Row) -> None:
        """Remember a row; written at once only when it is time."""
        key, now = row.key, time.monotonic()
        with self._lock:
            self._rows[key] = row
            is_due = now > self._due or len(self._rows) >= MAX_ROWS
        if is_due:
            self.flush()

    def add_now(self, rows: Iterable[Row]) -> None:
        """Remember rows and have them on disk when this returns."""
        with self._lock:
            for row in rows:
                self._rows[row.key] = row
        self.flush()

    def flush(self) -> None:
        """Write what is remembered; ``files`` has the name and the first key of each file.

        Raises:
            LiveDataError: It could not be written; it is still remembered, for the next time.
        """
        with self._writing:
            with self._lock:
                rows, self._rows = self._rows, {}
                self._due = self._next_due()
            if not rows:
                return
            try:
                self._write([rows[key] for key in sorted(rows)])
            except BaseException:
                with self._lock:
                    self._rows = {**rows, **self._rows}  # of one key, what came meanwhile holds
                raise

    def _write(self, ordered: list[Row]) -> None:
        # A number is used once, also where the write fails: it may have taken place, or take place late. Under a number of
        # its own it only tells again what a newer file, which holds over it, tells too; under that of the newer file it would
        # take rows away.
        name = f"{self.folder}/{self._next:08d}.parquet"
        self._next += 1
        self.state.write(name, self._to_parquet(ordered))
        self.files.append((name, ordered[0].key))
        if len(ordered) + sum(map(len, self._kept.values())) <= KEPT_ROWS:
            self._kept[name] = ordered

    def rows_of(self, name: str) -> list[Row] | None:
        """What was written to one of ``files``, where that is at hand."""
        return self._kept.get(name)


class Journal(Log[Held]):
    """The journal of one run, of that number or in that folder. ``goes_on``: of a run whose process died, which has files already."""

    def __init__(self, state: StateFolder, run: int | str, *, interval_s: float = 5.0, goes_on: bool = False) -> None:
        folder = f"{_folder(run)}/journal"
        next_file = _next_after(_names(state, folder)) if goes_on else 0
        super().__init__(state, folder, held_to_parquet, interval_s=interval_s, next_file=next_file)

    def runs(self) -> list[SortedRun]:
        """What was written here, as sorted runs, the newest with age 0."""
        self.flush()
        return _runs(self.state, self.files, age=0, kept=self._kept)


def journal_of(state: StateFolder, run: int | str, *, age: int) -> list[SortedRun]:
    """What an earlier run wrote, as sorted runs, the newest with ``age``."""
    firsts = []
    for name in _names(state, f"{_folder(run)}/journal"):
        first = next(_rows(state, name), None)
        if first is not None:
            firsts.append((name, first.key))
    return _runs(state, firsts, age=age)


def _folder(run: int | str) -> str:
    return run if isinstance(run, str) else f"runs/{run:012d}"


def _names(state: StateFolder, folder: str) -> list[str]:
    return [entry.path for entry in state.files(folder) if PurePosixPath(entry.path).suffix == ".parquet"]


def _next_after(names: list[str]) -> int:
    return int(PurePosixPath(names[-1]).stem) + 1 if names else 0  # numbers are missing where writes failed


def _runs(
    state: StateFolder, firsts: list[tuple[str, str]], *, age: int, kept: Mapping[str, Iterable[Held]] | None = None
) -> list[SortedRun]:
    newest_first, kept = list(reversed(firsts)), kept or {}

    def rows(name: str) -> Iterator[Held]:
        return iter(kept[name]) if name in kept else _rows(state, name)

    return [
        SortedRun(first, age + n, lambda name=name: rows(name))  # type: ignore[misc]
        for n, (name, first) in enumerate(newest_first)
    ]


def _rows(state: StateFolder, name: str) -> Iterator[Held]:
    data = state.read(name)
    if data is None:
        raise StateDamaged("a journal file vanished while it was read", file=state.address(name))
    return held_from_parquet(data, name=state.address(name))
