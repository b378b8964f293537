"""Catching up ends, and settling believes nobody: not changes, not files that are being written."""

from __future__ import annotations

import itertools

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, catch_up, open_zone, replicate, settle
from airflow_provider_livedata.engine.errors import BadOption, StillChanging
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import MemoryHdfs, MemoryZone

_NUMBERS = itertools.count()


@pytest.fixture
def source() -> MemoryZone:
    zone = open_zone(f"memory://catch-up-source-{next(_NUMBERS)}/data", like="hdfs")
    assert isinstance(zone, MemoryZone)
    zone.put("a", b"1")
    return zone


@pytest.fixture
def target() -> Zone:
    return open_zone(f"memory://catch-up-target-{next(_NUMBERS)}/data")


class Busy(MemoryHdfs):
    """A source that gets new files after each snapshot, as many as ``new`` says."""

    new: list[int]

    def at(self, snapshot: Snapshot) -> Zone:
        for _ in range(self.new.pop(0) if self.new else 0):
            self.put(f"new-{next(_NUMBERS):06d}", b"x")
        return super().at(snapshot)


def busy(source: MemoryZone, *new: int) -> Busy:
    zone = Busy(source.address, source.store, source.facts)
    zone.new = list(new)
    for number in range(29):  # and "a", which is there
        zone.put(f"old-{number:02d}", b"x")
    return zone


def test_rounds_go_on_until_one_finds_little(source: MemoryZone, target: Zone) -> None:
    reports = catch_up(busy(source, 50, 20, 3, 0, 0), target, until_changes=5, max_rounds=10)
    assert [report.changes for report in reports] == [30, 50, 20, 3]


def test_rounds_end_when_there_were_enough(source: MemoryZone, target: Zone) -> None:
    reports = catch_up(busy(source, 9, 9, 9, 9), target, until_changes=5, max_rounds=3)
    assert [report.changes for report in reports] == [30, 9, 9]


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        (ReplicateOptions(dry_run=True), {"until_changes": 0, "max_rounds": 1}),
        (ReplicateOptions(), {"until_changes": -1, "max_rounds": 1}),
        (ReplicateOptions(), {"until_changes": 0, "max_rounds": 0}),
    ],
)
def test_bounds_that_no_round_can_keep_are_refused(
    source: Zone, target: Zone, options: ReplicateOptions, bounds: dict[str, int]
) -> None:
    with pytest.raises(BadOption):
        catch_up(source, target, options, **bounds)
    assert list(target.scan()) == []


def test_settling_finds_nothing_when_nobody_writes(source: Zone, target: Zone) -> None:
    replicate(source, target)
    report = settle(source, target, ReplicateOptions(dry_run=True))  # a proof is never a rehearsal
    assert (report.changes, report.state) == (0, "done")


def test_settling_names_what_changed(source: Zone, target: Zone) -> None:
    replicate(source, target)
    source.put("b", b"2")
    with pytest.raises(StillChanging, match="b") as caught:
        settle(source, target)
    assert caught.value.where["changes"] == 1
    assert target.stat("b") is not None


def test_settling_names_what_is_being_written(source: MemoryZone, target: Zone) -> None:
    source.store.open_paths.add("data/a")
    replicate(source, target)
    with pytest.raises(StillChanging, match="being written") as caught:
        settle(source, target)
    assert caught.value.where["being_written"] == 1
    source.store.open_paths.clear()
    assert settle(source, target).unsettled == 0
