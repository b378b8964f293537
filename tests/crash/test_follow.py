"""Zones that are fed from copies: never from one that is between two states, whenever a run into it died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, fail_over, follow, lag, open_zone, replicate
from airflow_provider_livedata.engine.errors import HomeMoved, NoCheckpoint, NotAtRest, TargetHeld
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import MUTATING, Crash, CrashAfter
from tests.crash.conftest import Files, Pair, contents, put
from tests.crash.test_crashes import IMPATIENT

ALL = ReplicateOptions(max_delete_ratio=1.0, threads=1)
OLD: Files = {"a": b"old a", "d/b": b"b" * 1500, "d/gone": b"x", "keep": b"keep"}
NEW: Files = {"a": b"new a, longer", "d/c": b"c" * 1500, "more/in": b"1"}
MIDDLES = ["objects", "files", "hdfs"]


@pytest.fixture(params=MIDDLES)
def pair(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    """A home and the copy in the middle."""
    pair = make_pair("hdfs", request.param)
    pair.put(OLD)
    return pair


@pytest.fixture
def end(make_pair: Callable[[str, str], Pair]) -> MemoryZone:
    return make_pair("objects", "files").target


def change(pair: Pair) -> None:
    pair.put(NEW)
    pair.remove("d/gone")


def test_a_copy_is_copied_on_and_its_checkpoint_tells_the_instant_of_the_home(pair: Pair, end: MemoryZone) -> None:
    follow(pair.source, pair.target, ALL)
    follow(pair.target, end, ALL, is_home=False)
    assert contents(end) == contents(pair.source)
    assert lag(end).as_of_ms == lag(pair.target).as_of_ms
    before = lag(end).as_of_ms
    change(pair)
    follow(pair.target, end, ALL, is_home=False)  # the middle is as before, however late it is read
    assert lag(end).as_of_ms == before
    follow(pair.source, pair.target, ALL)
    report = follow(pair.target, end, ALL, is_home=False)
    assert contents(end) == contents(pair.source)
    assert lag(end).as_of_ms == lag(pair.target).as_of_ms > before
    assert report.lag_seconds is not None


def test_a_copy_that_holds_nothing_completely_feeds_nobody(pair: Pair, end: MemoryZone) -> None:
    for options in (ALL, ReplicateOptions(dry_run=True)):
        with pytest.raises(NoCheckpoint, match="run the replication into it first"):
            follow(pair.target, end, options, is_home=False)


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_whenever_a_run_into_the_middle_dies_what_is_behind_it_is_at_one_state_of_the_home(
    pair: Pair, end: MemoryZone, consistency: Literal["files", "snapshot"]
) -> None:
    options = ReplicateOptions(max_delete_ratio=1.0, threads=1, consistency=consistency)
    follow(pair.source, pair.target, options)
    follow(pair.target, end, ALL, is_home=False)
    states = [contents(pair.source)]
    change(pair)
    states.append(contents(pair.source))
    refused = 0
    for calls in range(200):
        mortal = CrashAfter(pair.target, calls)
        try:
            replicate(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), options, lease_times=IMPATIENT)
        except Crash:
            try:
                follow(pair.target, end, ALL, is_home=False, lease_times=IMPATIENT)
            except NotAtRest:
                refused += 1
            assert contents(end) in states, mortal.died_at
        else:
            break
    else:
        pytest.fail("the run into the middle never came to its end")
    assert refused
    follow(pair.target, end, ALL, is_home=False, lease_times=IMPATIENT)
    assert contents(end) == states[1]


def test_a_copy_that_somebody_writes_to_is_not_copied_on(pair: Pair, end: MemoryZone) -> None:
    follow(pair.source, pair.target, ALL)
    quick = LeaseTimes(beat_s=0.01, silence_s=10, stale_s=3600, watch_s=0.02)
    with Lease(StateFolder(pair.target), "another run", times=quick), pytest.raises(TargetHeld, match="another run"):
        follow(pair.target, end, ALL, is_home=False, lease_times=quick)
    assert contents(end) == {}


def test_while_a_copy_is_copied_on_its_lease_is_held(pair: Pair, end: MemoryZone) -> None:
    follow(pair.source, pair.target, ALL)
    told: list[str] = []

    class Watched(Around):
        """Tells who holds the middle whenever something is done at the end."""

        def around(self, name: str, run: Callable[[], Any], *, size_bytes: int = 0) -> Any:
            state = StateFolder(pair.target)
            newest = [entry.path for entry in state.files("lease")][-1]
            value = state.read_json(newest) or {}
            if name in MUTATING and not value.get("is_released"):
                told.append(str(value["holder"]))
            return run()

    follow(pair.target, Watched(end), ALL, is_home=False)
    assert told
    assert all("which copies it on" in holder for holder in told)


def test_by_the_roles_of_the_zones_nothing_goes_the_wrong_way(pair: Pair, end: MemoryZone) -> None:
    follow(pair.source, pair.target, ALL)
    follow(pair.source, end, ALL)
    fail_over(pair.source, pair.target, ALL)
    for upstream, target, is_home in (
        (pair.source, pair.target, True),  # the home is elsewhere
        (pair.source, end, True),  # of another follower too
        (pair.target, end, False),  # what became the home is no copy
    ):
        with pytest.raises(HomeMoved, match="change home: of this location"):
            follow(upstream, target, ALL, is_home=is_home)


def moved(pair: Pair, end: MemoryZone) -> None:
    """Two copies of one home, which then moves to one of them."""
    follow(pair.source, pair.target, ALL)
    follow(pair.source, end, ALL)
    change(pair)
    fail_over(pair.source, pair.target, ALL)
    put(pair.target, "there", b"written in the new home")


def test_what_followed_the_old_home_follows_the_new_one_and_only_what_differs_is_copied(
    pair: Pair, end: MemoryZone
) -> None:
    moved(pair, end)
    with pytest.raises(NoCheckpoint, match="the run itself makes it one"):
        follow(pair.target, end, ReplicateOptions(dry_run=True))
    report = follow(pair.target, end, ALL)
    assert files_of(contents(end)) == files_of(contents(pair.target))
    assert (report.copied_files, report.deleted) == (4, 1)
    assert follow(pair.target, end, ALL).changes == 0


def test_an_old_home_that_was_lost_follows_the_new_one_once_it_is_back_and_its_late_writes_are_kept_aside(
    pair: Pair,
) -> None:
    follow(pair.source, pair.target, ALL)
    pair.put({"late": b"never copied", "a": b"late too"})
    fail_over(None, pair.target, ALL, how="unplanned")
    put(pair.target, "there", b"written in the new home")
    with pytest.raises(NoCheckpoint, match="the run itself makes it one"):
        follow(pair.target, pair.source, ReplicateOptions(dry_run=True))
    follow(pair.target, pair.source, ALL)
    assert files_of(contents(pair.source)) == files_of(contents(pair.target))
    aside = [entry.path.rpartition("/")[2] for entry in pair.source.scan(".livedata/aside") if entry.kind == "file"]
    assert {"late", "a"} <= set(aside)
    put(pair.target, "there", b"changed there")
    assert follow(pair.target, pair.source, ALL).copied_files == 1


def test_whenever_a_follower_dies_on_its_way_to_the_new_home_the_next_run_brings_it_there(
    pair: Pair, end: MemoryZone
) -> None:
    moved(pair, end)
    for calls in range(200):
        try:
            mortal = Retrying(CrashAfter(end, calls), RetryPolicy(attempts=1))
            follow(pair.target, mortal, ALL, lease_times=IMPATIENT)
        except Crash:
            continue
        break
    else:
        pytest.fail("it never came to its end")
    assert files_of(contents(end)) == files_of(contents(pair.target))


def test_a_follower_whose_last_run_was_cut_off_is_not_taken_for_what_it_is_not(pair: Pair, end: MemoryZone) -> None:
    follow(pair.source, end, ALL)
    change(pair)
    follow(pair.source, pair.target, ALL)
    with pytest.raises(Crash):
        follow(pair.source, Retrying(CrashAfter(end, 8), RetryPolicy(attempts=1)), ALL, lease_times=IMPATIENT)
    fail_over(pair.source, pair.target, ALL)
    with pytest.raises(NotAtRest, match="did not come to its end before the home moved"):
        follow(pair.target, end, ALL, lease_times=IMPATIENT)


def files_of(found: Files) -> Files:
    return {path: data for path, data in found.items() if data is not None}


def test_a_switch_that_only_the_target_knows_of_is_respected(pair: Pair) -> None:
    follow(pair.source, pair.target, ALL)
    fail_over(None, pair.target, ALL, how="unplanned")
    with pytest.raises(HomeMoved, match="became the home"):
        follow(pair.source, pair.target, ALL)


def test_zones_are_opened_by_address_too() -> None:
    for name in ("follow1", "follow2"):
        memory.forget(name)
    home = open_zone("memory://follow1/data")
    home.make_directory("")
    home.put("a", b"1")
    assert follow("memory://follow1/data", "memory://follow2/data").copied_files == 1
    for name in ("follow1", "follow2"):
        memory.forget(name)
