"""A plan as files: a sequence of Parquet files a phase, and ``plan.json`` with their list, the digest and the totals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

from airflow_provider_livedata.engine.deciding.overlay import SortedRun
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held, Phase, Step
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.tables import steps_from_parquet, steps_to_parquet

ROWS_A_FILE = 16_384
KEPT_ROWS = 2_000  # of a plan just written: a small one need not be read again
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclasses.dataclass(frozen=True, slots=True)
class PlanFile:
    """One file of a plan: its name below ``.livedata``, the number of its steps, and their lowest key."""

    name: str
    rows: int
    first: str


class PlanWriter:
    """Writes steps as they come; memory holds one file a phase."""

    def __init__(self, state: StateFolder, folder: str) -> None:
        self.state, self.folder = state, folder
        self._waiting: dict[Phase, list[Step]] = {phase: [] for phase in PHASES}
        self._files: dict[Phase, list[PlanFile]] = {phase: [] for phase in PHASES}
        self._kept: dict[str, list[Step]] = {}

    def write(self, steps: Iterable[Step]) -> None:
        """Write all steps."""
        for step in steps:
            waiting = self._waiting[step.phase]
            waiting.append(step)
            if len(waiting) >= ROWS_A_FILE:
                self._flush(step.phase)

    def close(self, totals: Totals, about: dict[str, Any]) -> Plan:
        """Write what is left and ``plan.json``; ``about`` names source, target and the like."""
        with ThreadPoolExecutor(len(PHASES)) as pool:  # HDFS may take half a second for each of them
            list(pool.map(self._flush, PHASES))
        name = f"{self.folder}/plan.json"
        counts = dataclasses.asdict(totals)
        del counts["partitions"]  # the report tells them
        value = {
            "format": 1,
            **about,
            "digest": totals.digest,
            "totals": counts,
            "files": {phase: [dataclasses.asdict(file) for file in files] for phase, files in self._files.items()},
        }
        self.state.write_json(name, value)
        is_small = sum(file.rows for files in self._files.values() for file in files) <= KEPT_ROWS
        return Plan(self.state, name, self._files, totals.digest, self._kept if is_small else {})

    def _flush(self, phase: Phase) -> None:
        rows, self._waiting[phase] = self._waiting[phase], []
        if rows:
            name = f"{self.folder}/{phase}-{len(self._files[phase]):06d}.parquet"
            self.state.write(name, steps_to_parquet(rows))
            if len(rows) <= KEPT_ROWS:
                self._kept[name] = rows
            self._files[phase].append(PlanFile(name, len(rows), min(step.entry.key for step in rows)))


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A written plan. ``kept``: steps that are at hand, by file."""

    state: StateFolder
    name: str
    files: dict[Phase, list[PlanFile]]
    digest: str
    kept: Mapping[str, Sequence[Step]] = dataclasses.field(default_factory=dict)

    @property
    def address(self) -> str:
        """Of its ``plan.json``."""
        return self.state.address(self.name)

    def steps(self, phase: Phase) -> Iterator[Step]:
        """The steps of a phase; "clear" and "delete" from the last to the first, children before their directory."""
        backwards = phase in ("clear", "delete")
        files = self.files[phase]
        for file in reversed(files) if backwards else files:
            yield from self._read(file.name, backwards=backwards)

    def runs(self, only: Callable[[Step], bool] = lambda step: True) -> list[SortedRun]:
        """The entries of all steps, or of those wanted, as sorted runs, each in memory only while it is merged."""
        # The steps that leave a directory stand after its contents, and removed files may wait for a later key: so
        # the steps of a file are put in order first.
        return [
            SortedRun(file.first, 0, self._sorted(file.name, only)) for files in self.files.values() for file in files
        ]

    def _sorted(self, name: str, only: Callable[[Step], bool]) -> Callable[[], Iterator[Held]]:
        def rows() -> Iterator[Held]:
            steps = (step for step in self._read(name, backwards=False) if step.kind != "refused" and only(step))
            return iter(sorted((Held(step.entry) for step in steps), key=lambda held: held.key))

        return rows

    def _read(self, name: str, *, backwards: bool) -> Iterator[Step]:
        if name in self.kept:
            steps = self.kept[name]
            return iter(reversed(steps) if backwards else steps)
        data = self.state.read(name)
        if data is None:
            raise StateDamaged("a plan file is missing", file=self.state.address(name))
        return steps_from_parquet(data, name=self.state.address(name), backwards=backwards)


def unfinished_plan(state: StateFolder, folder: str) -> Plan | None:
    """The plan that an earlier run wrote into ``folder``; None when it did not come to that."""
    value = state.read_json(f"{folder}/plan.json")
    if value is None:
        return None
    files = {phase: [PlanFile(**file) for file in value["files"].get(phase, ())] for phase in PHASES}
    return Plan(state, f"{folder}/plan.json", files, value["digest"])
