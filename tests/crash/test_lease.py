"""One writer a target, whatever the clocks say and however the other one ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.errors import LeaseLost, TargetHeld
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes, _process, _started
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.memory import zone as memory

TIMES = LeaseTimes(beat_s=3600, silence_s=60, stale_s=40, watch_s=5)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()


@pytest.fixture
def state() -> Iterator[StateFolder]:
    yield StateFolder(open_zone("memory://lease/target", like="objects"))
    memory.forget("lease")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease(state: StateFolder, clock: Clock, holder: str = "me") -> Lease:
    return Lease(state, holder, times=TIMES, clock=clock, sleep=clock.sleep)


def elsewhere(state: StateFolder, epoch: int, beat: int = 0) -> None:
    """Let a process of another machine hold the lease."""
    content = {"epoch": epoch, "holder": "them", "beat": beat, "process": {**_process(), "host": "another"}}
    state.write_json(f"lease/{epoch:012d}.json", content)


def test_a_lease_that_was_given_back_is_taken_at_once(state: StateFolder, clock: Clock) -> None:
    with lease(state, clock) as first:
        first.check()
    with lease(state, clock) as second:
        assert second.epoch == first.epoch + 1
    assert clock.now == 0
    assert len(list(state.files("lease"))) == 1


def test_a_holder_that_shows_life_is_named_and_nothing_is_taken(state: StateFolder, clock: Clock) -> None:
    elsewhere(state, 4)
    clock.on_sleep = lambda: elsewhere(state, 4, beat=1)
    with pytest.raises(TargetHeld, match="them"):
        lease(state, clock).acquire()
    assert [entry.path for entry in state.files("lease")] == ["lease/000000000004.json"]


def test_a_silent_holder_is_waited_for_on_our_own_clock_and_then_replaced(state: StateFolder, clock: Clock) -> None:
    elsewhere(state, 4)
    with lease(state, clock) as ours:
        assert ours.epoch == 5
    assert clock.now >= TIMES.silence_s


def test_a_holder_whose_process_died_on_this_machine_is_not_waited_for(state: StateFolder, clock: Clock) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = {**_process(), "pid": process.pid, "started": _started(process.pid)}
    state.write_json("lease/000000000001.json", {"epoch": 1, "holder": "the killed one", "beat": 0, "process": dead})
    process.kill()
    process.communicate()
    with lease(state, clock) as ours:
        assert ours.epoch == 2
    assert clock.now == 0


def test_a_holder_on_this_machine_that_lives_is_respected(state: StateFolder, clock: Clock) -> None:
    with lease(state, clock, "the living one"):
        clock.on_sleep = lambda: state.write_json(
            "lease/000000000001.json", {"epoch": 1, "holder": "the living one", "beat": 7, "process": _process()}
        )
        with pytest.raises(TargetHeld, match="the living one"):
            lease(state, clock).acquire()


def test_of_many_takers_at_once_one_wins(state: StateFolder) -> None:
    winners, losers, start = [], [], threading.Barrier(8)

    def take() -> None:
        ours = lease(state, Clock())
        start.wait()
        try:
            ours.acquire()
            winners.append(ours)
        except TargetHeld as error:
            losers.append(error)

    elsewhere(state, 1)
    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    epochs = sorted(winner.epoch for winner in winners)
    assert len(epochs) == len(set(epochs)) >= 1
    assert len(winners) + len(losers) == 8


def test_a_holder_without_a_good_beat_stops_by_itself_before_a_taker_could_start(
    state: StateFolder, clock: Clock
) -> None:
    ours = lease(state, clock)
    ours.acquire()
    clock.now = TIMES.stale_s + 1
    with pytest.raises(LeaseLost, match="start it again"):
        ours.check()
    assert TIMES.stale_s < TIMES.silence_s
    ours.release()
    assert state.read_json("lease/000000000001.json") is not None


def test_a_holder_whose_beats_were_stuck_goes_on_after_one_that_no_taker_followed(
    state: StateFolder, clock: Clock
) -> None:
    ours = lease(state, clock)
    ours.acquire()
    clock.now = TIMES.stale_s + 1
    clock.on_sleep = ours._beat  # what its thread does meanwhile
    ours.check()
    assert TIMES.stale_s < clock.now < TIMES.stale_s + 5
    ours.release()
    with lease(state, clock) as next_one:
        assert next_one.epoch == 2


def test_a_holder_that_waits_for_a_beat_hears_of_a_newer_run(state: StateFolder, clock: Clock) -> None:
    ours = lease(state, clock)
    ours.acquire()
    clock.now = TIMES.stale_s + 1
    elsewhere(state, ours.epoch + 1)
    clock.on_sleep = ours._beat
    with pytest.raises(LeaseLost, match="newer run"):
        ours.check()


class Race(StateFolder):
    """The state as a late holder sees it while it beats; ``take`` takes place before its call number ``before``."""

    def __init__(self, state: StateFolder, before: int) -> None:
        super().__init__(state.zone)
        self.left = before
        self.take: Callable[[], None] = lambda: None

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            take, self.take = self.take, lambda: None
            take()

    def files(self, under: str) -> Iterator[Entry]:
        self._count()
        return super().files(under)

    def write_json(self, name: str, value: dict[str, Any], *, create_only: bool = False) -> None:
        self._count()
        super().write_json(name, value, create_only=create_only)


@pytest.mark.parametrize("before", range(4))  # it looks, beats, looks again
def test_of_a_late_holder_and_a_taker_at_the_same_moment_at_most_one_goes_on(
    state: StateFolder, clock: Clock, before: int
) -> None:
    ours, theirs = lease(state, clock), lease(state, clock, "the taker")
    ours.acquire()
    clock.now += TIMES.stale_s + 1
    seen = state.read_json("lease/000000000001.json")
    assert seen is not None

    def take() -> None:
        theirs.epoch, theirs._last_good = 2, clock.now
        state.write_json("lease/000000000002.json", theirs._content(), create_only=True)

    race = Race(state, before)
    ours.state, race.take = race, take
    ours._beat()
    race.take()
    goes_on = []
    for one, check in ((ours, ours.check), (theirs, lambda: theirs._yield_to_late(1, seen))):
        with contextlib.suppress(LeaseLost, TargetHeld):
            check()
            goes_on.append(one)
    assert len(goes_on) <= 1
    assert goes_on == {0: [theirs], 3: [ours]}.get(before, [])


def test_a_holder_that_wakes_up_after_a_newer_run_took_over_changes_nothing_more(
    state: StateFolder, clock: Clock
) -> None:
    ours = lease(state, clock)
    ours.acquire()
    elsewhere(state, ours.epoch + 1)
    ours._beat()  # what its thread does next
    with pytest.raises(LeaseLost, match="newer run"):
        ours.check()
    ours.release()
    newest = state.read_json(f"lease/{ours.epoch + 1:012d}.json")
    assert newest is not None
    assert not newest.get("is_released")
