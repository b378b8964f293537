"""A run that dies at any call leaves nothing half-written, and the next one ends right without copying again what landed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError, PathMissing, PermissionRefused, RunFailed
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter, Flaky, FlipBytes
from tests.crash.conftest import PART_BYTES, Files, Pair, contents

IMPATIENT = LeaseTimes(beat_s=3600, silence_s=0.01, stale_s=3600, watch_s=0.001)
FEW = ReplicateOptions(threads=2, max_delete_ratio=1.0)
OLD: Files = {
    "a": b"old a",
    "d/b": b"old b" * 600,
    "d/gone": b"x",
    "kind": b"file",
    "turn/x": b"1",
    "empty": None,
    "keep": b"keep",
}
NEW: Files = {
    "a": b"new a!",
    "d/b": b"new b" * 700,
    "d/new": b"n",
    "kind/now": b"directory",
    "turn": b"file",
    "fresh/deep/er": b"f",
    "keep": b"keep",
}


def change(pair: Pair) -> None:
    for entry in reversed(list(pair.source.scan())):
        if entry.path != "keep":
            assert pair.source.delete([entry]) == []
    pair.put({path: data for path, data in NEW.items() if path != "keep"})


def only_whole_files(found: Files) -> None:
    for path, data in found.items():
        if data is not None:
            assert bytes(data) in (OLD.get(path), NEW.get(path)), f"{path} is half-written"


def landed(found: Files) -> set[str]:
    return {path for path, data in NEW.items() if path != "keep" and data is not None and found.get(path) == data}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "kinds", ["hdfs to objects", "hdfs to hdfs", "files to files", "objects to files", "hdfs to local"]
)
def test_a_run_killed_at_any_call_ends_right_after_the_next(
    make_pair: Callable[[str, str], Pair], kinds: str, when: Literal["before", "after"]
) -> None:
    source_like, target_like = kinds.split(" to ")
    calls, died = 0, set[str]()
    while True:
        pair = make_pair(source_like, target_like)
        pair.put(OLD)
        replicate(pair.source, pair.target, FEW)
        change(pair)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            replicate(pair.source, _unretried(mortal), FEW, lease_times=IMPATIENT)
        except Crash:
            died.add(mortal.died_at)
        else:
            break
        only_whole_files(contents(pair.target))
        there = landed(contents(pair.target))
        counting = Counting(pair.source)
        report = replicate(counting, pair.target, FEW, lease_times=IMPATIENT)
        assert contents(pair.target) == contents(pair.source)
        expected_bytes = sum(len(data) for path, data in NEW.items() if data and path not in there and path != "keep")
        assert counting.counts.read_bytes == expected_bytes, f"died at call {calls}, {mortal.died_at}"
        assert report.failed == 0
        assert verify(pair.source, pair.target, level="content").is_same
        assert replicate(pair.source, pair.target, FEW).changes == 0
        if isinstance(pair.source, Snapshots):
            assert len(pair.source.snapshots()) == 1
        calls += 1
    assert calls > 10
    assert {"put", "delete"} <= died


def _unretried(zone: Zone) -> Retrying:
    return Retrying(zone, RetryPolicy(attempts=1))


@pytest.mark.parametrize("seed", range(5))
def test_lost_replies_and_throttling_change_nothing_in_the_end(pair: Pair, seed: int) -> None:
    def unwell(zone: Zone, seed: int) -> Retrying:
        return Retrying(Flaky(zone, seed=seed, rate=0.2), RetryPolicy(attempts=40, base_s=0, max_s=0))

    pair.put(OLD)
    replicate(unwell(pair.source, seed), unwell(pair.target, seed + 100), FEW)
    change(pair)
    report = replicate(unwell(pair.source, seed + 1), unwell(pair.target, seed + 101), FEW)
    assert report.failed == 0
    assert contents(pair.target) == contents(pair.source)
    assert verify(pair.source, pair.target, level="content").is_same


def test_a_store_that_goes_away_for_good_stops_the_run_and_the_next_goes_on(pair: Pair) -> None:
    pair.put({f"f{n:03d}": bytes([n]) * 10 for n in range(100)})
    broken = Retrying(
        Flaky(pair.target, rate=1.0, lost_share=0, names=frozenset({"put", "begin", "complete"})),
        RetryPolicy(attempts=1),
    )
    with pytest.raises(LiveDataError) as stopped:
        replicate(pair.source, broken, FEW)
    assert stopped.value.retryable
    replicate(pair.source, pair.target, FEW)
    assert contents(pair.target) == contents(pair.source)


@pytest.mark.parametrize("target_like", ["objects", "files"])
def test_bytes_that_change_on_the_way_are_refused_by_a_store_that_checks_and_sent_again(
    make_pair: Callable[[str, str], Pair], target_like: str
) -> None:
    pair = make_pair("hdfs", target_like)
    pair.put(OLD)
    flipping = FlipBytes(pair.target, seed=1, rate=0.3, names=frozenset({"put", "part", "put_stream"}))
    replicate(pair.source, Retrying(flipping, RetryPolicy(attempts=40, base_s=0, max_s=0)), FEW)
    assert flipping.flipped > 0
    assert contents(pair.target) == contents(pair.source)


def test_a_live_source_that_changes_while_it_is_read_is_read_again(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"moving": b"one", "still": b"x"})
    read_into, changed = pair.source.read_into, list[str]()

    def change_once(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "moving" and not changed:
            changed.append(path)
            pair.put({"moving": b"two and longer"})
        return read_into(path, offset, buffer, version=version)

    pair.source.read_into = change_once  # type: ignore[method-assign]
    report = replicate(pair.source, pair.target, FEW)
    assert (report.failed, report.vanished) == (0, 0)
    assert contents(pair.target) == {"moving": b"two and longer", "still": b"x"}


def test_a_live_source_that_never_holds_still_is_reported(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"moving": b"0", "still": b"x"})
    read_into, count = pair.source.read_into, [0]

    def change_always(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "moving":
            count[0] += 1
            pair.put({"moving": b"x" * count[0]})
        return read_into(path, offset, buffer, version=version)

    pair.source.read_into = change_always  # type: ignore[method-assign]
    with pytest.raises(RunFailed, match="moving"):
        replicate(pair.source, pair.target, FEW)
    assert contents(pair.target) == {"still": b"x"}


def test_a_file_that_vanishes_from_a_live_source_is_reported_and_fails_nothing(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"brief": b"0", "still": b"x"})
    read_into = pair.source.read_into

    def vanish(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "brief":
            pair.remove("brief")
        return read_into(path, offset, buffer, version=version)

    pair.source.read_into = vanish  # type: ignore[method-assign]
    report = replicate(pair.source, pair.target, FEW)
    assert report.vanished_paths == ["brief"]
    assert contents(pair.target) == {"still": b"x"}


@pytest.mark.parametrize("source_like", ["objects", "local"])
@pytest.mark.parametrize("target_like", ["objects", "files"])
def test_a_directory_that_took_the_name_of_a_file_while_it_was_read_is_no_file(
    make_pair: Callable[[str, str], Pair], source_like: str, target_like: str
) -> None:
    pair = make_pair(source_like, target_like)
    pair.put({"name": b"0", "still": b"x"})
    read_into = pair.source.read_into

    def give_way(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path != "name":
            return read_into(path, offset, buffer, version=version)
        pair.put({"name": b"another one, so that what was to be read has changed"})
        try:
            return read_into(path, offset, buffer, version=version)
        finally:
            pair.remove("name")
            pair.put({"name/below": b"y"})

    pair.source.read_into = give_way  # type: ignore[method-assign]
    report = replicate(pair.source, pair.target, FEW)
    assert (report.failed, report.vanished_paths) == (0, ["name"])
    assert contents(pair.target) == {"still": b"x"}
    pair.source.read_into = read_into  # type: ignore[method-assign]
    replicate(pair.source, pair.target, FEW)
    assert contents(pair.target) == {"name": None, "name/below": b"y", "still": b"x"}


@pytest.mark.parametrize("size_bytes", [1, 3 * PART_BYTES])
def test_a_file_of_an_object_store_has_vanished_though_others_lie_below_its_name(
    make_pair: Callable[[str, str], Pair], size_bytes: int
) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"name": bytes(size_bytes), "name/below": b"y"})
    read_into, gone = pair.source.read_into, list[str]()

    def vanish(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "name" and not gone:
            gone.append(path)
            pair.remove(path)
        return read_into(path, offset, buffer, version=version)

    pair.source.read_into = vanish  # type: ignore[method-assign]
    report = replicate(pair.source, pair.target, FEW)
    assert (report.failed, report.vanished_paths) == (0, ["name"])
    assert contents(pair.target) == {"name": None, "name/below": b"y"}


def test_a_file_whose_source_cannot_be_asked_whether_it_is_gone_fails_alone(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"closed": b"0", "still": b"x"})
    read_into, stat = pair.source.read_into, pair.source.stat

    def missing(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "closed":
            raise PathMissing("nothing is there", path=path)
        return read_into(path, offset, buffer, version=version)

    def closed(path: str) -> Entry | None:
        if path == "closed":
            raise PermissionRefused("not for you", path=path)
        return stat(path)

    pair.source.read_into, pair.source.stat = missing, closed  # type: ignore[method-assign]
    with pytest.raises(RunFailed, match="closed"):
        replicate(pair.source, pair.target, FEW)
    assert contents(pair.target) == {"still": b"x"}


def test_a_broken_listing_is_an_error_and_deletes_nothing(pair: Pair) -> None:
    pair.put(OLD)
    replicate(pair.source, pair.target, FEW)
    before = contents(pair.target)
    change(pair)
    broken = Flaky(pair.source, rate=1.0, lost_share=0, names=frozenset({"scan"}), breaks_scans=True)
    with pytest.raises(LiveDataError):
        replicate(Retrying(broken, RetryPolicy(attempts=1)), pair.target, FEW)
    assert contents(pair.target) == before
