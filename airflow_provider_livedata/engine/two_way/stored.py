"""What two sides agreed on, kept in ``.livedata`` of one of them; the other one keeps a mark that says so.

.livedata/two_way/<pair>/state/<n>.json     of the keeper: what was agreed on by run n, and the files that hold it
.livedata/two_way/<pair>/common/...         of the keeper: the rows, those of the left side and those of the right side
.livedata/two_way/<pair>/runs/<n>/...       of the keeper: intent, plans and journals of run n, until a later one has ended
.livedata/two_way/<pair>/reports/...        of the keeper: reports, and lists of conflicts
.livedata/two_way/<pair>/mark.json          of the other side: the number of the last run, so that nobody takes an emptied side for a new one

The keeper is the side whose address without connection comes first. The state moves create-only, when a run has done what it could.
"""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby, zip_longest
from typing import Any

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held, Snapshot
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.journal import journal_of
from airflow_provider_livedata.engine.stored.manifest_file import Generations, ManifestFile
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.two_way.changes import Claim, Common, Side, mirrored
from airflow_provider_livedata.engine.zones.address import Address

FORMAT = 1
FOLDER = "two_way"
KEPT_REPORTS = 100
MOST_IN_DOUBT = 10_000
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Standing:
    """What both sides agreed on. ``left_snapshot``, ``right_snapshot``: of which instant each was read, None where it has no snapshots.

    ``in_doubt``: paths to be looked at again whatever the sides say; ``lists_next``: they are too many, or something failed, so that the next run
    compares everything. ``listed_ms``: when both sides were listed last.
    """

    run: int
    left: str
    right: str
    filter_digest: str
    exclude: tuple[str, ...]
    preserve: tuple[str, ...]
    committed_ms: int
    listed_ms: int
    files: int
    size_bytes: int
    left_snapshot: Snapshot | None = None
    right_snapshot: Snapshot | None = None
    in_doubt: tuple[str, ...] = ()
    lists_next: bool = False
    left_rows: Generations = ()
    right_rows: Generations = ()
    format: int = FORMAT

    def snapshot(self, side: Side) -> Snapshot | None:
        """Of one side."""
        return self.left_snapshot if side == "left" else self.right_snapshot

    def rows(self, side: Side) -> Generations:
        """Of one side."""
        return self.left_rows if side == "left" else self.right_rows

    @classmethod
    def from_json(cls, value: dict[str, Any], *, name: str) -> Standing:
        """As read.

        Raises:
            StateDamaged: Of a newer format, or not complete.
        """
        try:
            lists = {n: tuple(value[n]) for n in ("exclude", "preserve", "in_doubt")}
            rows = {
                n: tuple(tuple(ManifestFile(**f) for f in g) for g in value[n]) for n in ("left_rows", "right_rows")
            }
            taken = {n: Snapshot(**value[n]) if value[n] else None for n in ("left_snapshot", "right_snapshot")}
            return cls(**{**value, **lists, **rows, **taken})
        except (KeyError, TypeError) as error:
            raise StateDamaged(f"what two sides agreed on is not complete: {error}", file=name) from error


def pair_id(left: Address, right: Address) -> str:
    """What names a pair of places, whichever comes first and whatever connections they are reached by."""
    pair = " <-> ".join(sorted((place_of(left), place_of(right))))
    return hashlib.sha256(pair.encode()).hexdigest()[:8]


class PairFolder:
    """The files of one pair; ``keeper`` has the state, ``peer`` the mark."""

    def __init__(self, keeper: StateFolder, peer: StateFolder, pair: str) -> None:
        self.state, self.peer, self.pair = keeper, peer, pair
        self.folder = f"{FOLDER}/{pair}"
        self._runs: list[int] | None = None

    def read(self) -> Standing | None:
        """The newest standing, None before the first sync.

        Raises:
            StateDamaged: It cannot be read, or one side has forgotten the other.
        """
        numbers = self._numbers()
        mark = self.peer.read_json(f"{self.folder}/mark.json")
        marked = int(mark["run"]) if mark else 0
        if marked > max(numbers, default=0):
            raise StateDamaged(
                "what the two sides agreed on is gone, or was replaced by an older state, so that nobody knows what was deleted on which side; "
                "start over to merge both sides, which deletes nothing",
                file=self.state.address(self.folder), run=marked,
            )  # fmt: skip
        if numbers and not mark and numbers[-1] > 1:
            raise StateDamaged(
                "this side does not know that it was synced before: it was emptied, or is another place of the same name; start over to merge both "
                "sides, which deletes nothing",
                side=self.peer.address(""), run=numbers[-1],
            )  # fmt: skip
        if not numbers:
            return None
        name = self._state_file(numbers[-1])
        value = self.state.read_json(name, is_unchanging=True)
        if value is None:
            raise StateDamaged("what two sides agreed on vanished while it was read", file=self.state.address(name))
        return Standing.from_json(value, name=self.state.address(name))

    def begin(self, started_ms: int, *, above: int = 0) -> int:
        """Take the next number for a run, a higher one than ``above``.

        Raises:
            AlreadyExists: Another run has it.
        """
        run = max([above, *self._numbers(), *self.runs()]) + 1
        value = {"format": FORMAT, "run": run, "pair": self.pair, "started_ms": started_ms}
        self.state.write_json(f"{self.run_folder(run)}/intent.json", value, create_only=True)
        self._runs = [*self.runs(), run]
        return run

    def runs(self) -> list[int]:
        """Numbers of the runs that left something to go on from, ascending; looked up once."""
        if self._runs is None:
            parts = (entry.path.split("/") for entry in self.state.files(f"{self.folder}/runs"))
            self._runs = sorted({int(each[3]) for each in parts if len(each) > 4 and each[3].isdigit()})
        return self._runs

    def run_folder(self, run: int) -> str:
        """Where a run keeps what is its own."""
        return f"{self.folder}/runs/{run:012d}"

    def report_file(self, run: int) -> str:
        """Where the report of a run lies."""
        return f"{self.folder}/reports/{run:012d}.json"

    def reports(self) -> list[int]:
        """Numbers of the runs whose reports are kept, ascending."""
        names = (
            entry.path.rpartition("/")[2].removesuffix(".json") for entry in self.state.files(f"{self.folder}/reports")
        )
        return sorted(int(name) for name in names if name.isdigit())

    def journal_folder(self, run: int, side: Side) -> str:
        """Where a run writes down what it did to a side."""
        return f"{self.run_folder(run)}/{side}"

    def adopted_folder(self, run: int, side: Side) -> str:
        """Where a run writes down what a run that was cut off is seen to have done to a side."""
        return f"{self.run_folder(run)}/{side}/adopted"

    def common_runs(self, standing: Standing | None, side: Side, cover: Cover | None = None) -> list[SortedRun]:
        """What was agreed on, as one side has it."""
        return manifests.runs_of(self.state, standing.rows(side), cover=cover) if standing else []

    def claims(self, standing: Standing | None) -> Iterator[list[Claim]]:
        """What runs that were cut off wrote down since, the claims of one key together, in key order, the newest first."""
        since = standing.run if standing else 0
        unfinished = [number for number in self.runs() if number > since]
        streams = [self._claims(run, age, side) for age, run in enumerate(reversed(unfinished)) for side in SIDES]
        merged = heapq.merge(*streams, key=lambda one: (one.key, one.age))
        for _, same in groupby(merged, key=lambda one: one.key):
            yield list(same)

    def _claims(self, run: int, age: int, changed: Side) -> Iterator[Claim]:
        rows = overlay(journal_of(self.state, self.journal_folder(run, changed), age=0), with_gone=True)
        return (Claim(changed, held, age) for held in rows)

    def written(self, run: int) -> Iterator[str]:
        """Keys, in order, of what a run wrote down, whichever side it changed."""
        return (held.key for held in overlay(self.journaled(run, "left"), with_gone=True))

    def journaled(self, run: int, side: Side) -> list[SortedRun]:
        """What a run wrote down, whichever side it changed, as rows of ``side``; what it took over from others is older."""
        found: list[SortedRun] = []
        for folder in (self.journal_folder, self.adopted_folder):
            for changed in SIDES:
                rows = journal_of(self.state, folder(run, changed), age=len(found))
                found += [dataclasses.replace(one, rows=partial(_turned, one, changed, side)) for one in rows]
        return found

    def commit(self, standing: Standing) -> None:
        """Write a standing, create-only, then the mark of the other side."""
        self.state.write_json(self._state_file(standing.run), dataclasses.asdict(standing), create_only=True)
        value = {"format": FORMAT, "run": standing.run, "keeper": self.state.address("")}
        self.peer.write_json(f"{self.folder}/mark.json", value)

    def forget(self) -> None:
        """Remove what was agreed on; rows of runs that were cut off too."""
        self.peer.remove(f"{self.folder}", only=lambda name: name.endswith("/mark.json"))
        self.state.remove(self.folder, only=lambda name: f"/{self.pair}/reports/" not in name)
        self._runs = None

    def tidy(self, standing: Standing) -> None:
        """Remove older standings but one, rows that no standing lists, and what old runs left."""
        numbers = self._numbers()
        kept = [self.state.read_json(self._state_file(number), is_unchanging=True) for number in numbers[-2:]]
        listed = {
            f["name"] for one in kept if one for rows in ("left_rows", "right_rows") for g in one[rows] for f in g
        }
        old = {self._state_file(number) for number in numbers[:-2]}
        self.state.remove(f"{self.folder}/state", only=old.__contains__)
        self.state.remove(f"{self.folder}/common", only=lambda name: name not in listed)
        self.state.remove(f"{self.folder}/runs", only=lambda name: self._run_of(name) < standing.run)
        oldest = min(self.reports()[-KEPT_REPORTS:], default=0)
        self.state.remove(f"{self.folder}/reports", only=lambda name: self._run_of(name) < oldest)

    def _run_of(self, name: str) -> int:
        """Of a file of a run or of its report; a number that is never old for anything else."""
        number = name.removeprefix(f"{self.folder}/").split("/")[1][:12]
        return int(number) if number.isdigit() else 1 << 62

    def _numbers(self) -> list[int]:
        names = (
            entry.path.rpartition("/")[2].removesuffix(".json") for entry in self.state.files(f"{self.folder}/state")
        )
        return sorted(int(name) for name in names if name.isdigit())

    def _state_file(self, run: int) -> str:
        return f"{self.folder}/state/{run:012d}.json"


def commons(left: Iterable[SortedRun], right: Iterable[SortedRun]) -> Iterator[Common]:
    """The rows of both sides, key by key.

    Raises:
        StateDamaged: They are not of the same keys.
    """
    for ours, theirs in zip_longest(overlay(left), overlay(right)):
        if ours is None or theirs is None or theirs.key != ours.key:
            raise StateDamaged(
                "what two sides agreed on does not fit together; start over to merge both sides, which deletes nothing",
                key=(ours or theirs).key,
            )
        yield Common(ours, theirs)


def _turned(run: SortedRun, changed: Side, side: Side) -> Iterator[Held]:
    """Rows of what was done to ``changed``, whose entries are of the other side, as rows of ``side``."""
    for held in run.rows():
        yield held if changed != side else mirrored(held)
