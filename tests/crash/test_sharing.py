"""Runs that share a zone's bandwidth, on one clock that only the test moves: whatever happens to them, they never take more than all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.configuration.paces import DIRECTIONS
from airflow_provider_livedata.engine import ReplicateOptions, open_zone, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError, NoShare, WindowClosed, ZoneUnreachable
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.sharing.governed import Governed, SharedBandwidth
from airflow_provider_livedata.engine.sharing.member import Member
from airflow_provider_livedata.engine.sharing.shares import ShareTimes
from airflow_provider_livedata.engine.sharing.zone_pace import ZonePace
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone, forget
from airflow_provider_livedata.engine.zones.wrappers import ReadOnly
from airflow_provider_livedata.testing.suite.common import read_all

TIMES = ShareTimes(beat_s=10, silence_s=60, patience_s=120)
WEIGHTS = (10, 20, 70, 10)


class World:
    """A zone's state, a clock, and runs that come, beat, are suspended, and die, in any order."""

    def __init__(self) -> None:
        forget("pace")
        self.now_s = 0.0
        self.zone = MemoryZone.open(Address.parse("memory://pace/zone"))
        self.members: dict[int, Member] = {}

    def member(self, n: int, zone: MemoryZone | None = None) -> Member:
        if n not in self.members:
            state = StateFolder(zone or self.zone)
            self.members[n] = Member(
                state, "reading", WEIGHTS[n], f"run {n}", times=TIMES, clock=lambda: self.now_s, sleep=self.sleep
            )
        return self.members[n]

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def taken(self) -> float:
        return sum(member.allowed() for member in self.members.values())


@pytest.fixture
def world() -> World:
    return World()


class CutIn(StateFolder):
    """Has somebody else act between what a run writes and what it then lists."""

    def __init__(self, zone: MemoryZone, act: list[Member]) -> None:
        super().__init__(zone)
        self.act = act

    def files(self, under: str) -> Iterator[Entry]:
        while self.act:
            self.act.pop().beat()
        return super().files(under)


class Unreachable(StateFolder):
    """Cannot be reached for as long as ``is_gone``."""

    is_gone = False

    def write_json(self, name: str, value: dict[str, object], *, create_only: bool = False) -> None:
        if self.is_gone:
            raise ZoneUnreachable("no answer")
        super().write_json(name, value, create_only=create_only)


events = st.lists(
    st.tuples(
        st.integers(0, len(WEIGHTS) - 1),
        st.sampled_from(["beat", "beat", "beat", "leave", "between"]),
        st.floats(0, 35),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(events)
def test_runs_never_take_more_than_all_together_whenever_they_come_look_sleep_or_go(
    events: list[tuple[int, str, float]],
) -> None:
    world = World()
    for n, what, seconds in events:
        member = world.member(n)
        if what == "beat":
            member.beat()
        elif what == "between":
            member.state = CutIn(world.zone, [other for other in world.members.values() if other is not member][:1])
            member.beat()
        else:
            member.leave()
            del world.members[n]
        end = world.now_s + seconds
        while world.now_s < end:
            assert world.taken() <= 1 + 1e-9
            world.now_s += 2.5
        assert world.taken() <= 1 + 1e-9


def test_a_run_that_is_alone_takes_all_at_once(world: World) -> None:
    world.member(0).beat()
    assert world.taken() == 1


def test_runs_that_beat_share_by_weight_and_leave_their_part_to_the_others(world: World) -> None:
    for _ in range(5):
        for n in range(3):
            world.member(n).beat()
        world.now_s += 10
    assert [round(world.member(n).allowed(), 3) for n in range(3)] == [0.1, 0.2, 0.7]
    world.members.pop(2).leave()
    for n in range(2):
        world.member(n).beat()
    assert [round(world.member(n).allowed(), 3) for n in range(2)] == [0.333, 0.667]


def test_who_comes_takes_nothing_before_the_others_have_seen_it(world: World) -> None:
    world.member(0).beat()
    world.now_s = 5
    world.member(1).beat()
    assert [world.member(n).allowed() for n in range(2)] == [1, 0]
    world.now_s = 10
    world.member(0).beat()
    assert [round(world.member(n).allowed(), 3) for n in range(2)] == [0.333, 0]
    for world.now_s in (15, 20):
        world.member(1).beat()
    assert world.member(1).allowed() == 0
    world.now_s = 25
    assert round(world.member(1).allowed(), 3) == 0.667


def test_a_dead_run_counts_until_it_was_silent_for_long_and_its_file_goes_in_the_end(world: World) -> None:
    world.member(1).beat()
    name = next(world.member(1).state.files("pace")).path
    for world.now_s in range(0, 61, 10):
        world.member(0).beat()
    assert round(world.member(0).allowed(), 3) == 0.333
    world.now_s = 70
    world.member(0).beat()
    assert world.member(0).allowed() == 1
    assert name in {entry.path for entry in world.member(0).state.files("pace")}
    for world.now_s in range(80, 611, 10):
        world.member(0).beat()
    assert name not in {entry.path for entry in world.member(0).state.files("pace")}


def test_a_run_that_was_suspended_takes_nothing_before_it_has_looked_and_the_others_have_seen_it(world: World) -> None:
    world.member(0).beat()
    world.now_s = 19
    assert world.member(0).allowed() == 1
    world.now_s = 100  # meanwhile another run may take all
    world.member(1).beat()
    assert world.member(0).allowed() == 0
    world.member(0).beat()
    assert world.member(0).allowed() == 0
    world.now_s = 119
    world.member(0).beat()
    assert world.member(0).allowed() == 0
    world.now_s = 120
    assert round(world.member(0).allowed(), 3) == 0.333


def test_a_run_waits_for_its_share_and_gives_up_when_it_cannot_look_for_too_long(world: World) -> None:
    member = world.member(0)
    state = Unreachable(world.zone)
    member.state = state
    member.beat()
    assert member.share() == 1
    state.is_gone = True
    world.now_s += 30
    with suppress(LiveDataError):
        member.beat()
    with pytest.raises(NoShare, match="start it again"):
        member.share()
    assert world.now_s == pytest.approx(30 + TIMES.patience_s, abs=1)


def test_where_runs_cannot_tell_of_themselves_none_begins_and_the_error_says_the_way_out(world: World) -> None:
    member = world.member(0)
    member.state = state = Unreachable(world.zone)
    state.is_gone = True
    with pytest.raises(NoShare, match="kept_at"):
        member.join()


def test_other_files_among_those_of_runs_are_nobody(world: World) -> None:
    state = StateFolder(world.zone)
    state.write("pace/reading/notes.txt", b"mine")
    world.member(0).beat()
    assert world.member(0).allowed() == 1
    for world.now_s in range(0, 1000, 10):
        world.member(0).beat()
    assert state.read("pace/reading/notes.txt") == b"mine"


# a run of the engine --------------------------------------------------------------------------------------------

FILES = {f"f{n:02}": bytes([n]) * 1000 for n in range(12)}
DAY, NIGHT = (datetime.fromisoformat(f"2026-01-01T{hour}:00+01:00") for hour in ("12", "20"))
BY_NIGHT = ZonePace("memory://pace/kept", reading="08:00-18:00=closed")


class Clock:
    """Tells the evening for ``calls`` calls, and midday from then on."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self) -> datetime:
        self.left -= 1
        return NIGHT if self.left >= 0 else DAY


def source_until(clock: Clock, pace: ZonePace = BY_NIGHT) -> Governed:
    source = MemoryZone.open(Address.parse("memory://pace/source"))
    return Governed(source, [SharedBandwidth(pace, "reading", unwanted, now=clock)])


def unwanted(address: str) -> Zone:
    raise AssertionError(f"nothing is limited, and {address} was opened")


@pytest.fixture
def sides() -> tuple[MemoryZone, MemoryZone]:
    forget("pace")
    source, target = (MemoryZone.open(Address.parse(f"memory://pace/{name}")) for name in ("source", "target"))
    for name, data in FILES.items():
        source.put(name, data)
    return source, target


def contents(zone: MemoryZone) -> dict[str, bytes]:
    return {entry.path: read_all(zone, entry.path) for entry in zone.scan() if entry.kind == "file"}


@pytest.mark.parametrize("calls", [0, 1, 5, len(FILES) - 1])
def test_a_run_whose_hours_end_stops_gives_its_lease_back_and_the_next_copies_only_what_is_left(
    calls: int, sides: tuple[MemoryZone, MemoryZone]
) -> None:
    _, target = sides
    with pytest.raises(WindowClosed, match="opens at 18:00"):
        replicate(source_until(Clock(calls)), target, ReplicateOptions(threads=1))
    landed = contents(target)
    assert len(landed) == calls
    assert landed.items() <= FILES.items()
    (report,) = [
        json.loads(read_all(target, one.path))
        for one in target.scan(".livedata/runs")
        if one.path.endswith("report.json")
    ]
    assert "opens at 18:00" in report["why"]
    report = replicate(source_until(Clock(1 << 30)), target, ReplicateOptions(threads=1))
    assert report.copied_files == len(FILES) - calls
    assert contents(target) == FILES


def test_what_is_not_read_since_its_hours_are_over_is_no_difference(sides: tuple[MemoryZone, MemoryZone]) -> None:
    source, target = sides
    replicate(source, target)
    with pytest.raises(WindowClosed):
        verify(source_until(Clock(3)), target, level="content")
    assert verify(source_until(Clock(1 << 30)), target, level="content").is_same


def test_a_dry_run_and_a_run_that_moves_no_bytes_need_no_open_hours(sides: tuple[MemoryZone, MemoryZone]) -> None:
    source, target = sides
    assert replicate(source_until(Clock(0)), target, ReplicateOptions(dry_run=True)).state == "dry run"
    replicate(source, target)
    source.delete([Entry("f00")])
    assert replicate(source_until(Clock(0)), target).deleted == 1


def test_a_run_with_hours_of_its_own_begins_nothing_outside_of_them(sides: tuple[MemoryZone, MemoryZone]) -> None:
    source, target = sides
    with pytest.raises(WindowClosed, match="bandwidth of this run|never opens"):
        replicate(source, target, ReplicateOptions(bandwidth="closed"))
    assert list(target.scan(".livedata")) == []
    assert replicate(source, target, ReplicateOptions(bandwidth="closed", dry_run=True)).state == "dry run"


def test_a_run_joins_when_the_first_byte_is_limited_and_leaves_nothing_behind(
    sides: tuple[MemoryZone, MemoryZone],
) -> None:
    source, target = sides
    opened: list[str] = []

    def open_kept(address: str) -> Zone:
        opened.append(address)
        return open_zone(address)

    kept = StateFolder(open_zone("memory://pace/kept"))
    shares = [SharedBandwidth(ZonePace("memory://pace/kept", "1GiB/s", "1GiB/s"), one, open_kept) for one in DIRECTIONS]
    governed = Governed(source, shares)
    replicate(governed, MemoryZone.open(Address.parse("memory://pace/empty")), ReplicateOptions(exclude=("*",)))
    assert opened == []
    replicate(governed, target)
    assert opened == ["memory://pace/kept"] * 2
    assert [entry.path.split("/")[1] for entry in kept.files("pace")] == ["reading", "writing"]
    governed.close()
    assert list(kept.files("pace")) == []
    assert contents(target) == FILES


def test_where_shares_cannot_be_kept_the_run_stops_and_says_so(sides: tuple[MemoryZone, MemoryZone]) -> None:
    source, target = sides
    kept = ReadOnly(open_zone("memory://pace/kept"))
    share = SharedBandwidth(ZonePace("memory://pace/kept", "1GiB/s"), "reading", lambda address: kept)
    with pytest.raises(NoShare, match="kept_at"):
        replicate(Governed(source, [share]), target)
    assert contents(target) == {}


def test_where_the_place_of_shares_cannot_be_opened_the_run_stops_and_says_so(
    sides: tuple[MemoryZone, MemoryZone],
) -> None:
    source, target = sides
    share = SharedBandwidth(ZonePace("nothing://there", "1GiB/s"), "reading", open_zone)
    with pytest.raises(NoShare, match="no zone serves nothing://.*kept_at='nothing://there'"):
        replicate(Governed(source, [share]), target)
    assert contents(target) == {}
