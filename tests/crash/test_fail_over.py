"""The target takes over, and the old source comes back: nothing is lost silently, only what changed is copied, whenever it dies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import ReplicateOptions, fail_back, fail_over, open_zone, replicate, verify
from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BadOption,
    FilterChanged,
    LiveDataError,
    NoCheckpoint,
    StillChanging,
    TargetIsActive,
    WrongSide,
)
from airflow_provider_livedata.engine.model import Attributes, Entry, From, Step
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.roles import Role
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.putting_back import BESIDE, put_back
from airflow_provider_livedata.engine.transfer.moving import NAMES_TRIED
from airflow_provider_livedata.engine.zones.base import Zone, file_at
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryFiles, MemoryZone
from airflow_provider_livedata.engine.zones.powers import OpenFiles
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter
from tests.crash.conftest import Files, Pair, contents, put
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_difference import _operations, check_records, operate
from tests.crash.test_staged import die_after

ALL = ReplicateOptions(max_delete_ratio=1.0, threads=1)
FILES: Files = {
    "a": b"a at S", "d/b": b"b at S" * 600, "d/gone": b"x", "d/both": b"both at S", "keep": b"keep", "empty": None,
    "left/alone": b"left", "d/sub/deep": b"deep",
}  # fmt: skip
ON_ACTIVE: Files = {
    "a": b"a of the active side",
    "d/new": b"new",
    "d/both": b"both of the active side",
    "more/in/here": b"1",
}
ON_OLD: Files = {
    "late": b"late",
    "d/both": b"both of the old source",
    "extra/late": b"later",
    "keep": b"keep, changed late",
}
PAIRS = ["hdfs to objects", "hdfs to hdfs", "objects to files", "files to objects", "objects to hdfs", "hdfs to local"]


class DataRead(Counting):
    """Counts the bytes of data, not those of what is remembered beside them."""

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path.startswith(".livedata/"):
            return self.inner.read_into(path, offset, buffer, version=version)
        return super().read_into(path, offset, buffer, version=version)


def role_of(zone: Zone) -> Role | None:
    return roles.newest(StateFolder(zone))


def write(zone: Any, files: Files) -> None:
    for path, data in files.items():
        assert data is not None
        put(zone, path, data)


def remove(zone: Zone, path: str) -> None:
    entry = zone.stat(path)
    assert entry is not None
    assert zone.delete([entry]) == []


def use_active(pair: Pair) -> None:
    write(pair.target, ON_ACTIVE)
    remove(pair.target, "d/gone")


def write_late(pair: Pair) -> None:
    write(pair.source, ON_OLD)
    remove(pair.source, "left/alone")


WANTED: Files = {**{k: v for k, v in FILES.items() if k != "d/gone"}, **ON_ACTIVE}


def files_of(found: Files) -> Files:
    return {path: data for path, data in found.items() if data is not None}


def aside(zone: Any) -> dict[str, bytes]:
    found = {}
    for entry in zone.scan(".livedata/aside"):
        if entry.kind == "file":
            data = bytearray(entry.size_bytes)
            zone.read_into(entry.path, 0, memoryview(data))
            found[entry.path.split("/", 3)[3]] = bytes(data)
    return found


@pytest.fixture(params=PAIRS)
def copied(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    return first_copy(make_pair, request.param)


def first_copy(make_pair: Callable[[str, str], Pair], kinds: str) -> Pair:
    pair = make_pair(*kinds.split(" to "))
    pair.put(FILES)
    replicate(pair.source, pair.target, ALL)
    return pair


# fail-over ------------------------------------------------------------------------------------------------------


def test_a_planned_fail_over_brings_what_is_left_and_the_old_direction_refuses(copied: Pair) -> None:
    copied.put({"a": b"the last word"})
    report = fail_over(copied.source, copied.target, ALL)
    assert contents(copied.target) == contents(copied.source)
    ours, theirs = role_of(copied.source), role_of(copied.target)
    assert ours is not None
    assert theirs is not None
    assert (ours.role, theirs.role, ours.generation, theirs.generation) == ("standby", "active", 1, 1)
    lists_as_well = isinstance(copied.source, OpenFiles)  # its differences may lack what was appended
    assert (report.state, report.run, report.lost_seconds) == ("switched", 4 if lists_as_well else 3, 0)
    with pytest.raises(TargetIsActive, match="made the active side on"):
        replicate(copied.source, copied.target, ALL)
    with pytest.raises(TargetIsActive):
        replicate(copied.source, copied.target, ReplicateOptions(dry_run=True))
    assert fail_over(copied.source, copied.target, ALL).state == "already switched"
    assert role_of(copied.target) == theirs


def test_a_planned_fail_over_stops_where_somebody_still_writes(copied: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_livedata.engine.flows import fail_over as flow

    def replicate_then_write(*args: Any, **options: Any) -> Any:
        report = replicate(*args, **options)
        copied.put({"d/written": b"late"})
        return report

    monkeypatch.setattr(flow, "replicate", replicate_then_write)
    with pytest.raises(StillChanging, match="d/written"):
        fail_over(copied.source, copied.target, ALL)
    assert (role_of(copied.source), role_of(copied.target)) == (None, None)


def test_an_unplanned_fail_over_needs_the_target_alone_and_says_what_is_lost(copied: Pair) -> None:
    copied.put({"a": b"lost"})
    report = fail_over(None, copied.target, ALL, how="unplanned")
    assert files_of(contents(copied.target)) == files_of(FILES)
    assert report.standby == str(copied.source.address)
    assert report.lost_seconds > 0
    assert "what the source took in after" in report.table()
    assert json.loads(report.to_json())["as_of_ms"] == report.as_of_ms > 0
    with pytest.raises(TargetIsActive):
        replicate(copied.source, copied.target, ALL)
    nowhere = fail_over(str(copied.source.address), copied.target, ALL, how="unplanned")
    assert nowhere.state == "already switched"


def test_a_source_that_cannot_be_opened_is_not_asked(make_pair: Callable[[str, str], Pair]) -> None:
    pair = first_copy(make_pair, "hdfs to objects")
    with pytest.raises(FilterChanged, match="another source"):
        fail_over("hdfs://no.such.host:8020/data", pair.target, ALL, how="unplanned")


def test_a_rehearsed_fail_over_changes_nothing(copied: Pair) -> None:
    copied.put({"a": b"not yet"})
    planned = fail_over(copied.source, copied.target, ALL, dry_run=True)
    assert planned.state == "dry run"
    assert "would bring 1 changes" in planned.table()
    unplanned = fail_over(None, copied.target, ALL, how="unplanned", dry_run=True)
    assert unplanned.state == "dry run"
    assert unplanned.lost_seconds > 0
    assert (role_of(copied.source), role_of(copied.target)) == (None, None)
    assert files_of(contents(copied.target)) == files_of(FILES)
    assert replicate(copied.source, copied.target, ALL).copied_files == 1


def test_without_a_checkpoint_there_is_nothing_to_switch_to(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    with pytest.raises(NoCheckpoint):
        fail_over(None, pair.target, ALL, how="unplanned")
    with pytest.raises(BadOption):
        fail_over(None, pair.target, ALL)
    with pytest.raises(BadOption):
        fail_over(pair.source, pair.target, ALL, how="at once")  # type: ignore[arg-type]


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_a_committed_run_that_was_cut_off_is_published_first(
    make_pair: Callable[[str, str], Pair], target_like: str
) -> None:
    pair = first_copy(make_pair, f"hdfs to {target_like}")
    old = contents(pair.target)
    pair.put({"a": b"newer a", "d/fresh": b"fresh"})
    die_after(pair, "commit.json")
    new = contents(pair.source)
    rehearsed = fail_over(None, pair.target, ALL, how="unplanned", dry_run=True, lease_times=IMPATIENT)
    assert any("publishes it first" in note for note in rehearsed.notes)
    assert contents(pair.target) == old
    report = fail_over(None, pair.target, ALL, how="unplanned", lease_times=IMPATIENT)
    assert (report.run, report.newer) == (2, 0)
    assert contents(pair.target) == new


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_what_was_staged_and_not_committed_is_discarded(
    make_pair: Callable[[str, str], Pair], target_like: str
) -> None:
    pair = first_copy(make_pair, f"hdfs to {target_like}")
    old = contents(pair.target)
    pair.put({"a": b"newer a", "d/fresh": b"fresh"})
    die_after(pair, "commit.json", when="before")
    report = fail_over(None, pair.target, ALL, how="unplanned", lease_times=IMPATIENT)
    assert (report.run, report.newer) == (1, 0)
    assert contents(pair.target) == old


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_what_a_dead_run_brought_is_told_and_what_it_put_aside_is_put_back(
    make_pair: Callable[[str, str], Pair], target_like: str
) -> None:
    newer, put_back = 0, 0
    for pair, before in swapped_and_died(make_pair, target_like):
        as_it_was = contents(pair.target)
        rehearsed = fail_over(None, pair.target, ALL, how="unplanned", dry_run=True)
        assert contents(pair.target) == as_it_was
        report = fail_over(None, pair.target, ALL, how="unplanned", lease_times=IMPATIENT)
        assert rehearsed.put_back == report.put_back
        now = contents(pair.target)
        if report.run == 1:
            keys = {key.rstrip("/") for key in (path.rpartition(" ")[0] for path in report.newer_paths)}
            beside = {path for path in now if BESIDE in path}
            assert {path for path in {*now, *before} if now.get(path) != before.get(path)} <= keys | beside
            assert {"keep", "d/both", "a"} <= set(now)
            assert all(any(path in note for note in report.notes) for path in beside)
        # What renames alone have moved about is somewhere, whatever was replaced on the way.
        assert {FILES["keep"], FILES["d/both"]} <= set(now.values())
        newer, put_back = max(newer, report.newer), max(put_back, report.put_back)
    assert newer >= 2
    assert put_back > 0


def swapped_and_died(make_pair: Callable[[str, str], Pair], target_like: str) -> Iterator[tuple[Pair, Files]]:
    """Pairs whose source swapped two names, after a run that died at each of its calls; with what the target had before."""
    for calls in itertools.count():
        pair = first_copy(make_pair, f"hdfs to {target_like}")
        before = contents(pair.target)
        if not dies_while_swapping(pair, calls):
            return
        yield pair, before


def dies_while_swapping(pair: Pair, calls: int) -> bool:
    """Whether a run that brings a swap of two names gets as far as that call of the target, where it dies."""
    pair.put({"a": b"newer a", "d/fresh": b"fresh"})
    for old, new in (("keep", "x"), ("d/both", "keep"), ("x", "d/both")):
        pair.source.rename(old, new)  # type: ignore[attr-defined]
    try:
        replicate(pair.source, mortal(pair.target, calls), ALL, lease_times=IMPATIENT)
    except Crash:
        return True
    return False


def mortal(zone: Zone, calls: int) -> Retrying:
    """The zone, which dies at that call."""
    return Retrying(CrashAfter(zone, calls), RetryPolicy(attempts=1))


def test_what_is_only_aside_comes_back_once_however_often_the_switch_dies(
    make_pair: Callable[[str, str], Pair],
) -> None:
    def is_only_aside(pair: Pair) -> bool:
        report = fail_over(None, pair.target, ALL, how="unplanned", lease_times=IMPATIENT)
        return any(BESIDE in note for note in report.notes)

    died_at = next(n for n, (pair, _) in enumerate(swapped_and_died(make_pair, "objects")) if is_only_aside(pair))
    for calls in itertools.count():
        pair = first_copy(make_pair, "hdfs to objects")
        assert dies_while_swapping(pair, died_at)
        try:
            fail_over(None, mortal(pair.target, calls), ALL, how="unplanned", lease_times=IMPATIENT)
        except Crash:
            fail_over(None, pair.target, ALL, how="unplanned", lease_times=IMPATIENT)
        else:
            break
        now = contents(pair.target)
        assert {path: now[path] for path in now if BESIDE in path} == {f"d/both{BESIDE}": FILES["d/both"]}
    assert calls > 3


class OneHeld:
    """A plan that has put one file aside."""

    def __init__(self, zone: MemoryZone, data: bytes, old: str = "old", new: str = "new") -> None:
        put(zone, ".livedata/stage/held/1", data)
        entry = Entry(new, size_bytes=len(data)).proved(*checksum_of(data))
        origin = From(old, "version", is_like=True)
        self.step = Step("hold", "hold", entry, "renamed", origin=origin, held_at=".livedata/stage/held/1")

    def steps(self, _phase: str) -> list[Step]:
        return [self.step]


@pytest.mark.parametrize(("like", "place"), [("objects", "old"), ("files", f"old{BESIDE}")])
def test_what_lies_below_the_name_of_a_file_is_in_its_way_on_file_systems_alone(
    make_pair: Callable[[str, str], Pair], like: str, place: str
) -> None:
    zone = make_pair("hdfs", like).target
    put(zone, "old/below", b"1")
    put(zone, "new/below", b"2")
    one = OneHeld(zone, b"aside")
    assert list(put_back(zone, [one], lambda: None)) == [(one.step, place)]  # type: ignore[list-item]
    entry = file_at(zone, place)
    assert entry is not None
    assert (entry.size_bytes, contents(zone)["old/below"]) == (5, b"1")


def test_a_file_whose_old_and_new_names_are_below_files_by_now_comes_back_at_the_root(
    make_pair: Callable[[str, str], Pair],
) -> None:
    zone = make_pair("hdfs", "files").target
    one = OneHeld(zone, b"aside", "old/deep/name", "new/name")
    put(zone, "old", b"a file by now")
    put(zone, "new", b"as well")
    assert list(put_back(zone, [one], lambda: None)) == [(one.step, f"name{BESIDE}")]  # type: ignore[list-item]
    assert contents(zone)[f"name{BESIDE}"] == b"aside"


def test_a_name_that_is_too_long_with_its_ending_is_passed_over(make_pair: Callable[[str, str], Pair]) -> None:
    zone = make_pair("hdfs", "objects").target
    longest = zone.facts.max_key_bytes
    one = OneHeld(zone, b"aside", "o" * longest)
    put(zone, "o" * longest, b"taken")
    put(zone, "new", b"taken")
    assert list(put_back(zone, [one], lambda: None)) == [(one.step, f"new{BESIDE}")]  # type: ignore[list-item]


@pytest.mark.parametrize("like", ["objects", "files"])
def test_a_file_whose_names_are_all_taken_stays_aside(make_pair: Callable[[str, str], Pair], like: str) -> None:
    zone = make_pair("hdfs", like).target
    endings = ["", BESIDE, *(f"{BESIDE}-{number}" for number in range(2, NAMES_TRIED + 1))]
    for path, ending in itertools.product(("old", "new"), endings):
        put(zone, f"{path}{ending}", b"taken")
    before, one = contents(zone), OneHeld(zone, b"aside")
    assert list(put_back(zone, [one], lambda: None)) == [(one.step, one.step.held_at)]  # type: ignore[list-item]
    assert contents(zone) == before
    assert zone.stat(one.step.held_at) is not None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_fail_over_killed_at_any_call_is_completed_by_the_next(
    make_pair: Callable[[str, str], Pair], side: str, when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        pair = first_copy(make_pair, "hdfs to hdfs")
        pair.put({"a": b"the last word"})
        mortal = CrashAfter(getattr(pair, side), calls, when=when)
        once = RetryPolicy(attempts=1)
        source = Retrying(mortal if side == "source" else pair.source, once)
        target = Retrying(mortal if side == "target" else pair.target, once)
        try:
            fail_over(source, target, ALL, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        if role_of(pair.source) is not None:  # neither direction until the switch is completed
            for one, other in ((pair.source, pair.target), (pair.target, pair.source)):
                if role_of(pair.target) is None:
                    with pytest.raises(WrongSide):
                        replicate(one, other, ALL, lease_times=IMPATIENT)
        fail_over(pair.source, pair.target, ALL, lease_times=IMPATIENT)
        ours, theirs = role_of(pair.source), role_of(pair.target)
        assert ours is not None
        assert theirs is not None
        assert (ours.role, theirs.role, ours.generation) == ("standby", "active", theirs.generation)
        assert contents(pair.target) == contents(pair.source)
        assert contents(pair.target)["a"] == b"the last word"
        calls += 1
    assert calls > 3


# fail-back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["planned", "unplanned"])
def test_only_what_changed_comes_back_and_what_was_written_late_is_kept_aside(
    copied: Pair, how: Literal["planned", "unplanned"]
) -> None:
    fail_over(copied.source, copied.target, ALL, how=how)
    use_active(copied)
    write_late(copied)
    reading = DataRead(copied.target)
    report = fail_back(reading, copied.source, ALL)
    assert files_of(contents(copied.source)) == files_of(WANTED)
    assert contents(copied.source)["empty"] is None
    late = {"d/both", "keep", "late", "extra/late"}
    assert aside(copied.source) == {path: ON_OLD[path] for path in late}
    assert {path.split()[1] for path in report.found_paths if not path.endswith("/")} >= {*late, "left/alone"}
    assert report.kept_aside == 4
    back = {*ON_ACTIVE, "keep", "left/alone"}  # what had been written over or deleted there comes back too
    data_read = sum(len(data) for path, data in WANTED.items() if data and path in back)
    assert report.copied_bytes == reading.counts.read_bytes == data_read
    assert report.copied_files == len(back)
    roles_now = role_of(copied.source), role_of(copied.target)
    assert [role.role for role in roles_now if role] == ["active", "standby"]
    assert verify(copied.source, copied.target, level="content").is_same
    with pytest.raises(TargetIsActive):
        replicate(copied.target, copied.source, ALL)
    assert fail_back(copied.target, copied.source, ALL).state == "already switched"


def test_the_first_replication_after_a_fail_back_copies_what_changed_and_nothing_else(copied: Pair) -> None:
    fail_over(copied.source, copied.target, ALL)
    use_active(copied)
    write_late(copied)
    fail_back(copied.target, copied.source, ALL)
    reading = DataRead(copied.source)
    report = replicate(reading, copied.target, ALL)
    assert (report.copied_files, report.deleted, reading.counts.read_bytes) == (0, 0, 0)
    copied.put({"a": b"after it all"})
    again = replicate(copied.source, copied.target, ALL)
    assert again.copied_files == 1
    if copied.source.facts.in_order:
        assert report.found_by.startswith("difference of snapshots")
    assert contents(copied.target) == contents(copied.source)
    if copied.target.facts.scheme == "memory":
        check_records(copied.source, copied.target)  # type: ignore[arg-type]
    assert replicate(copied.source, copied.target, ALL).changes == 0


def test_switches_can_follow_each_other(copied: Pair) -> None:
    for turn in range(3):
        how: Any = "planned" if turn % 2 else "unplanned"
        fail_over(copied.source, copied.target, ALL, how=how)
        write(copied.target, {"turn": b"%d" % turn})
        fail_back(copied.target, copied.source, ALL)
        assert contents(copied.source)["turn"] == b"%d" % turn
        assert contents(copied.target) == contents(copied.source)
        copied.put({"between": b"%d" % turn})
        assert replicate(copied.source, copied.target, ALL).copied_files == 1


def test_a_rehearsed_fail_back_lists_all_and_changes_nothing(copied: Pair) -> None:
    fail_over(None, copied.target, ALL, how="unplanned")
    use_active(copied)
    write_late(copied)
    before = contents(copied.source), contents(copied.target)
    states = {
        zone: [e.path for e in zone.scan(".livedata") if "/dry-run/" not in f"{e.path}/"]
        for zone in (copied.source, copied.target)
    }
    report = fail_back(copied.target, copied.source, ALL, dry_run=True)
    assert (contents(copied.source), contents(copied.target)) == before
    for zone, files in states.items():
        assert [e.path for e in zone.scan(".livedata") if "/dry-run/" not in f"{e.path}/"] == files
    done = fail_back(copied.target, copied.source, ALL)
    assert report.state == "dry run"
    assert report.found == done.found
    assert (report.kept_aside, report.copied_files, report.copied_bytes) == (4, done.copied_files, done.copied_bytes)


@pytest.mark.parametrize("source_like", ["hdfs", "files"])
@pytest.mark.parametrize("target_like", ["objects", "hdfs"])
def test_owners_and_rights_come_back_even_through_an_object_store(
    make_pair: Callable[[str, str], Pair], source_like: str, target_like: str
) -> None:
    pair = make_pair(source_like, target_like)
    pair.put(FILES)
    for path, owner in (("d", "ann"), ("d/b", "bob"), ("keep", "cid"), ("d/both", "dan")):
        given = Attributes(owner=owner, group="staff", mode=0o640 if path != "d" else 0o750, acl="user:eve:r--")
        pair.source.set_attributes(path, given)  # type: ignore[attr-defined]
    replicate(pair.source, pair.target, ALL)
    forgetful(pair.target)
    fail_over(pair.source, pair.target, ALL)
    write(pair.target, {"d/both": b"changed there", "d/fresh": b"fresh"})
    pair.source.set_attributes("keep", Attributes(owner="eve", mode=0o777))  # type: ignore[attr-defined]
    remove(pair.source, "d/b")
    report = fail_back(pair.target, pair.source, ALL)
    found = {entry.path: (entry.owner, entry.mode, entry.acl) for entry in pair.source.scan()}
    assert found["d"] == ("ann", 0o750, "user:eve:r--")
    assert found["d/b"] == ("bob", 0o640, "user:eve:r--")
    assert found["keep"] == ("cid", 0o640, "user:eve:r--")
    assert found["d/both"] == ("dan", 0o640, "user:eve:r--")
    assert any("owner cid -> eve" in path for path in report.found_paths)


def forgetful(zone: Any) -> None:
    """Have a zone in memory keep no attributes, as a store that has none, or a user who may not set them."""
    for key, node in zone.store.nodes().items():
        if not key.startswith("data/.livedata"):
            zone.store._nodes[key] = replace(node, attributes=Attributes(mtime_ms=node.attributes.mtime_ms))


def test_a_fail_back_in_two_steps_leaves_the_active_side_in_use_meanwhile(copied: Pair) -> None:
    fail_over(copied.source, copied.target, ALL)
    use_active(copied)
    first = fail_back(copied.target, copied.source, ALL, switch=False)
    assert first.state == "brought back"
    now = role_of(copied.target)
    assert now is not None
    assert now.role == "active"
    write(copied.target, {"a": b"meanwhile"})
    write(copied.source, {"d/new": b"somebody wrote where data came back", "later": b"and here"})
    second = fail_back(copied.target, copied.source, ALL)
    assert (second.state, second.copied_files, second.kept_aside) == ("switched", 2, 2)
    assert aside(copied.source) == {"d/new": b"somebody wrote where data came back", "later": b"and here"}
    assert files_of(contents(copied.source)) == files_of({**WANTED, "a": b"meanwhile"})


def test_a_side_that_is_not_active_cannot_be_failed_back(copied: Pair) -> None:
    with pytest.raises(WrongSide, match="a fail-over comes first"):
        fail_back(copied.target, copied.source, ALL)
    fail_over(copied.source, copied.target, ALL)
    with pytest.raises(LiveDataError):
        fail_back(copied.source, copied.target, ALL)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("side", "kinds"),
    [
        ("active", "hdfs to objects"),
        ("active", "hdfs to hdfs"),
        ("returned", "hdfs to hdfs"),
        ("returned", "objects to files"),
    ],
)
def test_a_fail_back_killed_at_any_call_is_completed_by_the_next(
    make_pair: Callable[[str, str], Pair], side: str, kinds: str, when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        pair = first_copy(make_pair, kinds)
        fail_over(None, pair.target, ALL, how="unplanned")
        use_active(pair)
        write_late(pair)
        active: Zone = pair.target
        returned: Zone = pair.source
        if side == "active":
            active = CrashAfter(active, calls, when=when)
        else:
            returned = CrashAfter(returned, calls, when=when)
        once = RetryPolicy(attempts=1)
        try:
            fail_back(Retrying(active, once), Retrying(returned, once), ALL, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        fail_back(pair.target, pair.source, ALL, lease_times=IMPATIENT)
        ours, theirs = role_of(pair.source), role_of(pair.target)
        assert ours is not None
        assert theirs is not None
        assert (ours.role, theirs.role, ours.generation) == ("active", "standby", theirs.generation)
        assert files_of(contents(pair.source)) == files_of(WANTED), f"died at call {calls}"
        kept = aside(pair.source)
        assert {path: kept.get(path) for path in ("d/both", "keep", "late", "extra/late")} == {
            path: ON_OLD[path] for path in ("d/both", "keep", "late", "extra/late")
        }, f"died at call {calls}"
        assert replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT).copied_files == 0
        assert verify(pair.source, pair.target, level="content").is_same
        calls += 1
    assert calls > (10 if side == "returned" else 3)


@pytest.mark.parametrize("target_like", ["objects", "hdfs"])
def test_whatever_a_dead_run_left_at_the_target_nothing_is_lost_on_the_way_back(
    make_pair: Callable[[str, str], Pair], target_like: str
) -> None:
    calls = 0
    while True:
        pair = first_copy(make_pair, f"hdfs to {target_like}")
        pair.put({"a": b"newer a", "d/fresh": b"fresh", "d/b": b"newer b" * 600})
        pair.source.rename("keep", "kept")  # type: ignore[attr-defined]
        remove(pair.source, "d/gone")
        mortal = CrashAfter(pair.target, calls)
        try:
            replicate(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), ALL, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        late = files_of(contents(pair.source))
        fail_over(None, pair.target, ALL, how="unplanned", lease_times=IMPATIENT)
        at_switch = contents(pair.target)
        write(pair.target, {"d/both": b"both of the active side"})
        fail_back(pair.target, pair.source, ALL, lease_times=IMPATIENT)
        now, kept = contents(pair.source), aside(pair.source)
        assert files_of(now) == files_of(contents(pair.target)), f"died at call {calls}"
        for path, data in late.items():
            assert data in (now.get(path), kept.get(path), at_switch.get(path)), f"{path}, died at call {calls}"
        assert replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT).copied_files == 0
        calls += 1
    assert calls > 10


def operate_as_files(zone: Any, operations: list[tuple[str, str, str]]) -> None:
    """Operations that an object store takes too, and only such whose outcome a file system can hold."""
    if zone.facts.has_directories:
        operate(zone, operations)
        return
    for kind, path, other in operations:
        taken = {entry.path: entry.kind for entry in zone.scan()}
        above = {path[:n] for n, letter in enumerate(path) if letter == "/"}
        is_free = taken.get(path) != "directory" and not any(taken.get(one) == "file" for one in above)
        if (kind == "write" and is_free) or (kind == "delete" and taken.get(path) == "file"):
            operate(zone, [(kind, path, other)])


@settings(max_examples=25)
@given(before=_operations, last=_operations, on_active=_operations, on_old=_operations, is_planned=st.booleans())
@pytest.mark.parametrize("target_like", ["objects", "hdfs"])
def test_after_any_history_both_sides_are_equal_and_what_was_written_late_is_kept(
    target_like: str, before: Any, last: Any, on_active: Any, on_old: Any, is_planned: bool
) -> None:
    source = open_zone("memory://switch-of-source/s", like="hdfs")
    target = open_zone("memory://switch-of-target/t", like=target_like)
    assert isinstance(source, MemoryFiles)
    try:
        source.make_directory("")
        source.put("kept", b"kept")
        operate(source, before)
        replicate(source, target, ALL)
        operate(source, last)
        fail_over(source, target, ALL, how="planned" if is_planned else "unplanned")
        at_switch = contents(target)  # type: ignore[arg-type]
        operate_as_files(target, on_active)
        operate(source, on_old)
        late = files_of(contents(source))
        fail_back(target, source, ALL)
        now, kept = contents(source), aside(source)
        assert now == contents(target)  # type: ignore[arg-type]
        for path, data in late.items():
            assert data in (now.get(path), kept.get(path), at_switch.get(path)), path
        assert verify(source, target, level="content").is_same
        report = replicate(source, target, ALL)
        assert (report.copied_files, report.deleted) == (0, 0)
    finally:
        memory.forget("switch-of-source")
        memory.forget("switch-of-target")


@pytest.mark.parametrize("kinds", ["hdfs to objects", "objects to files"])
def test_what_is_written_where_a_dead_fail_back_meant_to_write_is_kept_aside_too(
    make_pair: Callable[[str, str], Pair], kinds: str
) -> None:
    calls = 0
    while True:
        pair = first_copy(make_pair, kinds)
        fail_over(None, pair.target, ALL, how="unplanned")
        write(pair.target, {"a": b"a of the active side"})
        mortal = Retrying(CrashAfter(pair.source, calls), RetryPolicy(attempts=1))
        try:
            fail_back(pair.target, mortal, ALL, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        now = role_of(pair.target)
        if now is None or now.role == "standby":  # switched but for its last word: the old source is as good as active
            break
        write(pair.source, {"a": b"somebody else's"})
        fail_back(pair.target, pair.source, ALL, lease_times=IMPATIENT)
        assert contents(pair.source)["a"] == b"a of the active side"
        assert aside(pair.source).get("a") == b"somebody else's", f"died at call {calls}"
        calls += 1
    assert calls > 10


# late files of the same size and time -----------------------------------------------------------------------------

LATE = b"late!!" * 600  # as long as "d/b"


def replace_unseen(zone: Any, path: str, data: bytes) -> None:
    """Another file of the same version, as one of the same size and time is on HDFS."""
    node, store = zone._file(path), zone.store
    assert len(data) == len(node.data)
    store._keep(zone.address.join(path).path, replace(node, data=data, inode=next(store._inodes)))


@pytest.mark.parametrize("kinds", ["hdfs to objects", "hdfs to hdfs", "hdfs to local"])
def test_a_late_file_of_the_same_size_and_time_is_kept_aside_once(
    make_pair: Callable[[str, str], Pair], kinds: str
) -> None:
    pair = first_copy(make_pair, kinds)
    fail_over(None, pair.target, ALL, how="unplanned")
    replace_unseen(pair.source, "d/b", LATE)
    first = fail_back(pair.target, pair.source, ALL, switch=False)
    assert (first.found, first.kept_aside, first.copied_files) == ({"changed": 1}, 1, 1)
    replace_unseen(pair.source, "d/b", FILES["d/b"] or b"")  # what came back is another file too
    second = fail_back(pair.target, pair.source, ALL)
    assert (second.found, second.kept_aside, second.copied_files) == ({}, 0, 0)
    assert aside(pair.source) == {"d/b": LATE}
    assert files_of(contents(pair.source)) == files_of(FILES)
    assert verify(pair.source, pair.target, level="content").is_same


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_late_file_of_the_same_size_and_time_is_kept_whenever_a_fail_back_dies(
    make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        pair = first_copy(make_pair, "hdfs to hdfs")
        fail_over(None, pair.target, ALL, how="unplanned")
        replace_unseen(pair.source, "d/b", LATE)
        mortal = CrashAfter(pair.source, calls, when=when)
        try:
            fail_back(pair.target, Retrying(mortal, RetryPolicy(attempts=1)), ALL, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        fail_back(pair.target, pair.source, ALL, lease_times=IMPATIENT)
        assert LATE in aside(pair.source).values(), f"died at call {calls}"
        assert files_of(contents(pair.source)) == files_of(FILES), f"died at call {calls}"
        calls += 1
    assert calls > 10


def test_where_nothing_tells_of_late_files_of_the_same_size_and_time_the_report_says_so(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = first_copy(make_pair, "hdfs to objects")
    fail_over(None, pair.target, ALL, how="unplanned")
    for snapshot in pair.source.snapshots():  # type: ignore[attr-defined]
        pair.source.drop_snapshot(snapshot.name)  # type: ignore[attr-defined]
    report = fail_back(pair.target, pair.source, ALL)
    assert any("same size and time" in note for note in report.notes)
