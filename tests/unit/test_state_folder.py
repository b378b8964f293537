"""What is kept of runs, and what looking after it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from airflow_provider_livedata.engine.model import Entry, Failure
from airflow_provider_livedata.engine.replication.finding import known_of
from airflow_provider_livedata.engine.stored.kept import CONFLICTS, DAY_MS, REMOVED, folder_of
from airflow_provider_livedata.engine.stored.kept import forget as forget_kept
from airflow_provider_livedata.engine.stored.state import LOOKED_AT, LOOKS_AT_ALL_EVERY, StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import forget
from airflow_provider_livedata.engine.zones.registry import open_zone

PLANS, REPORTS = 2, 7


class Naming(Around):
    """Lists the names in a directory, as HDFS and S3 do; ``stuck``: what cannot be deleted."""

    stuck: frozenset[str] = frozenset()

    def names_in(self, path: str) -> list[str]:
        """See ``ListsNames``."""
        return sorted({entry.path[len(path) + 1 :].partition("/")[0] for entry in self.inner.scan(path)})

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        stuck = [entry for entry in entries if entry.path in self.stuck]
        return [
            *super().delete([entry for entry in entries if entry not in stuck]),
            *(Failure(entry.path, "ZoneBusy", "busy", retryable=True) for entry in stuck),
        ]


class Listings(Naming):
    """Counts those of all that lies below a directory."""

    count = 0

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        self.count += 1
        return super().scan(under)


class Deletions(Around):
    """Notes how much each call deletes, and how far the listing had come then."""

    def __init__(self, zone: Zone) -> None:
        super().__init__(zone)
        self.listed, self.sizes, self.listed_before = 0, list[int](), list[int]()

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        for entry in super().scan(under):
            self.listed += 1
            yield entry

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        self.sizes.append(len(entries))
        self.listed_before.append(self.listed)
        return super().delete(entries)


@pytest.fixture
def store() -> str:
    """Address of a zone that holds nothing yet."""
    forget("state-folder")
    return "memory://state-folder"


def written(state: StateFolder, run: int) -> None:
    for name in ("intent.json", "report.json", "plan/write-000000.parquet", "journal/000000.parquet"):
        state.write(f"runs/{run:012d}/{name}", b"x")


def names(state: StateFolder) -> set[str]:
    return {file.path.removeprefix("runs/") for file in state.files("runs")}


def expected(newest: int) -> set[str]:
    runs = range(max(1, newest - REPORTS + 1), newest + 1)
    kept = {f"{run:012d}/{name}" for run in runs for name in ("intent.json", "report.json")}
    parts = ("plan/write-000000.parquet", "journal/000000.parquet")
    return kept | {f"{run:012d}/{name}" for run in runs if run > newest - PLANS for name in parts}


@pytest.mark.parametrize("like", ["files", "objects"])
@pytest.mark.parametrize("wrap", [Around, Naming])
def test_of_old_runs_the_plans_go_first_and_the_reports_later(store: str, wrap: type[Around], like: str) -> None:
    state = StateFolder(wrap(open_zone(store, like=like)))
    for run in range(1, 2 * LOOKS_AT_ALL_EVERY + 3):
        written(state, run)
        assert state.runs()[-1] == run
        state.tidy_runs(PLANS, REPORTS)
        assert names(state) == expected(run)
        assert state.runs() == list(range(max(1, run - REPORTS + 1), run + 1))
    directories = {entry.path for entry in state.zone.scan(".livedata/runs") if not entry.is_implied}
    assert not any(path.startswith(".livedata/runs/000000000001") for path in directories)


def test_what_could_not_go_is_tried_again_when_all_runs_are_looked_at(store: str) -> None:
    zone = Naming(open_zone(store))
    state = StateFolder(zone)
    left = "000000000003/plan/write-000000.parquet"
    zone.stuck = frozenset({f".livedata/runs/{left}"})
    for run in range(1, LOOKS_AT_ALL_EVERY):
        written(state, run)
        state.tidy_runs(PLANS, 100)
    zone.stuck = frozenset()
    assert left in names(state)
    written(state, LOOKS_AT_ALL_EVERY)
    state.tidy_runs(PLANS, 100)
    assert left not in names(state)


def test_many_old_runs_cost_few_listings(store: str) -> None:
    zone = Listings(Naming(open_zone(store)))
    state = StateFolder(zone)
    for run in range(1, 3 * LOOKS_AT_ALL_EVERY):
        written(state, run)
    state.tidy_runs(PLANS, 100)
    zone.count = 0
    state.runs()
    state.tidy_runs(PLANS, 100)
    assert zone.count == LOOKED_AT


def test_a_run_that_left_but_an_empty_folder_is_not_unfinished(store: str) -> None:
    zone = Naming(open_zone(store))
    state = StateFolder(zone)
    state.write_json("runs/000000000001/intent.json", {"started_ms": 1})
    zone.make_directory(".livedata/runs/000000000002")
    assert (state.runs(), known_of(state).unfinished) == ([1, 2], [1])


def test_many_kept_files_are_removed_as_they_are_listed_a_batch_at_a_time(store: str) -> None:
    state = StateFolder(Deletions(open_zone(store, like="objects")))
    for number in range(20_000):
        state.write(f"{folder_of(1, DAY_MS)}/d{number % 7}/f{number}", b"x")
    forget_kept(state, 20 * DAY_MS, 7)
    assert list(state.files(REMOVED)) == []
    zone = state.zone
    assert isinstance(zone, Deletions)
    assert sum(zone.sizes) == 20_000
    assert max(zone.sizes) <= 2_000
    assert zone.listed_before[0] <= 2_000


def test_of_kept_files_those_that_stay_are_not_listed(store: str) -> None:
    zone = Deletions(open_zone(store, like="objects"))
    state = StateFolder(zone)
    kept = [folder_of(run, (10 + run) * DAY_MS) for run in range(4)]
    for folder in kept:
        for number in range(100):
            state.write(f"{folder}/f{number:03d}", b"x")
    forget_kept(state, 20 * DAY_MS, 8)
    assert zone.listed < 250
    assert {file.path.rpartition("/")[0] for file in state.files(REMOVED)} == set(kept[2:])


@pytest.mark.parametrize("kind", [REMOVED, CONFLICTS])
def test_many_kept_files_go_from_disks_with_their_directories_and_nothing_else_does(tmp_path: Path, kind: str) -> None:
    zone = Deletions(open_zone(f"file://{tmp_path}/target"))
    state = StateFolder(zone)
    old, young = folder_of(1, DAY_MS, kind=kind), folder_of(2, 19 * DAY_MS, kind=kind)
    for number in range(2_500):
        state.write(f"{old}/d{number % 7}/e/f{number}", b"x")
    left = {f"{young}/d/f", f"{kind}/a-persons/f", f"{kind}/0/f"}
    for name in left:
        state.write(name, b"x")
    forget_kept(state, 20 * DAY_MS, 7, kind=kind)
    assert {file.path for file in state.files(kind)} == left
    assert zone.stat(f".livedata/{old}") is None
    assert max(zone.sizes) <= 2_000
