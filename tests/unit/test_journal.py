"""What a run writes down as it happens, when writing fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import ZoneUnreachable
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.stored.journal import Journal, journal_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import forget
from airflow_provider_livedata.engine.zones.registry import open_zone


class LosesWrites(Around):
    """Fails the next ``left`` writes. ``how``: "refused", "lost" (they took place) or "late" (they do when they ``arrive``).

    ``meanwhile``: rows that other threads add while such a write is on its way.
    """

    def __init__(self, zone: Zone, left: int, *, how: str = "refused") -> None:
        super().__init__(zone)
        self.left, self.how = left, how
        self.late: list[tuple[str, bytes]] = []
        self.meanwhile: list[tuple[Journal, Held]] = []

    def put(self, path: str, data: Any, **options: Any) -> Entry:
        """See ``Zone.put``."""
        if not self.left:
            return super().put(path, data, **options)
        self.left -= 1
        for journal, row in self.meanwhile:
            journal.add(row)
        if self.how == "lost":
            super().put(path, data, **options)
        elif self.how == "late":
            self.late.append((path, bytes(data)))
        raise ZoneUnreachable("injected", path=path)

    def arrive(self) -> None:
        """What was sent arrives after all."""
        for path, data in self.late:
            super().put(path, data)


@pytest.fixture
def target() -> Iterator[Zone]:
    yield open_zone("memory://journal/data", like="objects")
    forget("journal")


def row(path: str, version: str = "1") -> Held:
    return Held(Entry(path, size_bytes=3, version=version), "t")


def told(zone: Zone) -> dict[str, str]:
    """Path -> version, as another process reads it."""
    return {held.entry.path: held.entry.version for held in overlay(journal_of(StateFolder(zone), 1, age=0))}


def own(journal: Journal) -> dict[str, str]:
    return {held.entry.path: held.entry.version for held in overlay(journal.runs())}


def fails(journal: Journal) -> None:
    with pytest.raises(ZoneUnreachable):
        journal.flush()


@pytest.mark.parametrize("how", ["refused", "lost", "late"])
def test_rows_whose_write_failed_are_written_by_the_next(target: Zone, how: str) -> None:
    losing = LosesWrites(target, 2, how=how)
    journal = Journal(StateFolder(losing), 1)
    journal.add(row("a"))
    journal.add(row("b"))
    fails(journal)
    journal.add(row("c"))
    fails(journal)
    journal.flush()
    losing.arrive()
    assert own(journal) == told(target) == {"a": "1", "b": "1", "c": "1"}


def test_a_row_that_came_while_an_older_one_could_not_be_written_holds(target: Zone) -> None:
    losing = LosesWrites(target, 1)
    journal = Journal(StateFolder(losing), 1)
    losing.meanwhile = [(journal, row("a", "newer")), (journal, row("c"))]
    journal.add(row("a", "older"))
    journal.add(row("b"))
    fails(journal)
    journal.flush()
    assert own(journal) == told(target) == {"a": "newer", "b": "1", "c": "1"}


def test_rows_that_are_wanted_on_disk_at_once_are_there_when_a_later_write_succeeds(target: Zone) -> None:
    journal = Journal(StateFolder(LosesWrites(target, 1)), 1)
    with pytest.raises(ZoneUnreachable):
        journal.add_now([row("a")])
    journal.add_now([row("b")])
    assert told(target) == {"a": "1", "b": "1"}


@pytest.mark.parametrize("how", ["refused", "lost", "late"])
def test_whoever_goes_on_writes_over_no_file_of_a_run_that_lost_a_write(target: Zone, how: str) -> None:
    losing = LosesWrites(target, 0, how=how)
    journal = Journal(StateFolder(losing), 1)
    journal.add_now([row("a")])
    losing.left = 1
    journal.add(row("b"))
    fails(journal)
    journal.add_now([row("c")])
    later = Journal(StateFolder(target), 1, goes_on=True)
    later.add_now([row("d"), row("a", "2")])
    losing.arrive()
    assert told(target) == {"a": "2", "b": "1", "c": "1", "d": "1"}
