"""What a two-way sync refuses before anything is changed, what it leaves to the next, and what a person reads of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from airflow_provider_livedata.engine import (
    TwoWayOptions,
    TwoWayReport,
    conflicts_after,
    fail_back,
    fail_over,
    follow,
    newest_two_way_run,
    open_zone,
    replicate,
    two_way_sync,
)
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    CannotHold,
    ConflictsLeft,
    FilterChanged,
    LiveDataError,
    PathsOverlap,
    PermissionRefused,
    RunFailed,
    SourceEmpty,
    StateDamaged,
    TargetHeld,
    TargetIsActive,
    TooManyDeletes,
    WrongSide,
)
from airflow_provider_livedata.engine.flows import two_way_sync as flow
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.replication.finding import HOUR_MS
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryHdfs, MemoryZone
from airflow_provider_livedata.testing.faults import Crash
from tests.crash.conftest import contents
from tests.crash.test_crashes import IMPATIENT

_numbers = itertools.count()
Sides = tuple[MemoryHdfs, MemoryHdfs]


@pytest.fixture
def sides() -> Iterator[Sides]:
    """Two sides that have agreed on ten files."""
    names = [f"refused{next(_numbers)}" for _ in range(2)]
    left, right = (cast("MemoryHdfs", open_zone(f"memory://{name}/x", like="hdfs")) for name in names)
    for n in range(10):
        left.put(f"d/f{n}", b"%d" % n)
    right.make_directory("")
    sync(left, right)
    yield left, right
    for name in names:
        memory.forget(name)


def sync(left: Any, right: Any, policy: str = "fail", **how: Any) -> TwoWayReport:
    options = TwoWayOptions(conflicts=policy, names=("here", "there"), how=ReplicateOptions(threads=2, **how))
    return two_way_sync(left, right, options, lease_times=IMPATIENT)


def delete(zone: MemoryZone, *paths: str) -> None:
    for path in paths:
        entry = zone.stat(path)
        assert entry is not None
        assert zone.delete([entry]) == []


def test_more_deletes_than_the_ratio_allows_stop_the_run_before_anything_is_changed(sides: Sides) -> None:
    left, right = sides
    delete(left, *(f"d/f{n}" for n in range(6)))
    right.put("new", b"new")
    with pytest.raises(TooManyDeletes, match="6 of 11 files.*here.*there"):
        sync(left, right)
    assert len(contents(right)) == 12
    assert "new" not in contents(left)
    assert sync(left, right, max_delete_ratio=0.7).failed == 0
    assert contents(left) == contents(right)


@pytest.mark.parametrize("emptied", [0, 1], ids=["here", "there"])
def test_an_empty_side_is_not_taken_for_one_whose_files_were_deleted(sides: Sides, emptied: int) -> None:
    delete(sides[emptied], *(f"d/f{n}" for n in range(10)), "d")
    with pytest.raises(SourceEmpty):
        sync(*sides)
    assert len(contents(sides[1 - emptied])) == 11


def test_a_side_that_forgot_the_other_is_not_taken_for_a_new_one_and_starting_over_deletes_nothing(
    sides: Sides,
) -> None:
    left, right = sides
    sync(left, right)
    for zone in sides:
        StateFolder(zone).remove("two_way", only=lambda name: name.endswith("mark.json"))
    delete(left, "d/f1")
    with pytest.raises(StateDamaged, match="start over"):
        sync(left, right)
    options = TwoWayOptions(start_over=True, how=ReplicateOptions(threads=2))
    assert two_way_sync(left, right, options, lease_times=IMPATIENT).is_first
    assert contents(left) == contents(right)
    assert "d/f1" in contents(left)


@pytest.mark.parametrize("is_wiped", [False, True], ids=["asked for", "records removed"])
def test_a_sync_that_starts_over_takes_no_snapshot_of_before_for_its_own(sides: Sides, *, is_wiped: bool) -> None:
    left, right = sides
    for n in range(4):
        left.put("a", b"%d" % n)
        sync(left, right)
    if is_wiped:
        for zone in sides:
            StateFolder(zone).remove("two_way")
    options = TwoWayOptions(start_over=True, how=ReplicateOptions(threads=2))
    two_way_sync(left, right, options, lease_times=IMPATIENT)
    for n in range(6):
        left.put("a", b"later %d" % n)
        sync(left, right)
        assert contents(right)["a"] == contents(left)["a"] == b"later %d" % n


def test_what_was_agreed_on_that_is_gone_or_damaged_is_told_and_nothing_is_changed(sides: Sides) -> None:
    left, right = sides
    keeper = next(zone for zone in sides if any("/state/" in one.path for one in zone.scan(".livedata/two_way")))
    rows = next(one for one in keeper.scan(".livedata/two_way") if "/common/left/" in one.path and one.kind == "file")
    keeper.put(rows.path, b"other bytes")
    left.put("new", b"new")
    with pytest.raises(StateDamaged):
        sync(left, right, find_by="listings")
    assert "new" not in contents(right)
    StateFolder(keeper).remove("two_way", only=lambda name: "/state/" in name)
    with pytest.raises(StateDamaged, match="start over"):
        sync(left, right)
    assert "new" not in contents(right)


def test_other_exclusions_are_refused_until_they_are_meant_and_then_delete_nothing(sides: Sides) -> None:
    left, right = sides
    left.put("d/x.tmp", b"1")
    sync(left, right)
    with pytest.raises(FilterChanged, match="accept_new_filter"):
        sync(left, right, exclude=("*.tmp",))
    sync(left, right, exclude=("*.tmp",), accept_new_filter=True)
    assert "d/x.tmp" in contents(left)
    assert "d/x.tmp" in contents(right)


def test_a_side_that_does_not_answer_changes_nothing_on_the_other(sides: Sides) -> None:
    left, right = sides
    left.put("new", b"new")
    right.store.unlisted.add("x/d/")
    with pytest.raises(PermissionRefused):
        sync(left, right, find_by="listings")
    assert "new" not in right.store.nodes()
    right.store.unlisted.clear()
    assert sync(left, right).failed == 0


def test_another_run_at_work_is_named_and_a_location_in_itself_refused(sides: Sides) -> None:
    left, right = sides
    with (
        Lease(StateFolder(right), "somebody else", times=LeaseTimes(beat_s=0.01)),
        pytest.raises(TargetHeld, match="somebody else"),
    ):
        two_way_sync(left, right, lease_times=LeaseTimes(silence_s=5, watch_s=0.05))
    with pytest.raises(PathsOverlap):
        sync(left, open_zone(f"{left.address}/d", like="hdfs"))


def test_a_standby_side_and_replications_into_a_side_are_refused(sides: Sides) -> None:
    left, right = sides
    third = open_zone(f"memory://refused{next(_numbers)}/x", like="hdfs")
    third.put("a", b"a")
    with pytest.raises(TargetIsActive, match="two-way sync"):
        replicate(third, right, lease_times=IMPATIENT)
    fourth = open_zone(f"memory://refused{next(_numbers)}/x", like="hdfs")
    replicate(third, fourth, lease_times=IMPATIENT)
    fail_over(third, fourth, lease_times=IMPATIENT)
    with pytest.raises(WrongSide, match="standby"):
        sync(third, left)


@pytest.fixture
def once_copies() -> Iterator[Sides]:
    """Two sides of a sync, the first of which was a copy of a third place once, and the second one a copy of the first."""
    names = [f"refused{next(_numbers)}" for _ in range(3)]
    origin, left, right = (cast("MemoryHdfs", open_zone(f"memory://{name}/x", like="hdfs")) for name in names)
    origin.put("a", b"a")
    replicate(origin, left, lease_times=IMPATIENT)
    replicate(left, right, lease_times=IMPATIENT)
    sync(left, right)
    right.put("r", b"written on this side")
    yield left, right
    for name in names:
        memory.forget(name)


SWITCHES: dict[str, Callable[..., Any]] = {
    "follow": follow,
    "follow, rehearsed": lambda left, right, **how: follow(left, right, ReplicateOptions(dry_run=True), **how),
    "fail back there": fail_back,
    "fail back here": lambda left, right, **how: fail_back(right, left, **how),
    "fail over": fail_over,
    "fail over alone": lambda left, right, **how: fail_over(left, right, how="unplanned", **how),
}


@pytest.mark.parametrize("switch", list(SWITCHES))
def test_a_side_is_not_taken_for_an_old_home_nor_for_a_standby(once_copies: Sides, switch: str) -> None:
    left, right = once_copies
    before = [contents(zone) for zone in once_copies]
    with pytest.raises(WrongSide, match="two-way sync"):
        SWITCHES[switch](left, right, lease_times=IMPATIENT)
    assert [contents(zone) for zone in once_copies] == before
    assert not any(True for zone in once_copies for _ in zone.scan(".livedata/aside"))
    assert sync(left, right).failed == 0
    assert contents(left)["r"] == contents(right)["r"] == b"written on this side"


def test_a_replication_between_the_sides_is_refused_whatever_either_took_part_in_before() -> None:
    origin, left, right = (open_zone(f"memory://refused{next(_numbers)}/x", like="hdfs") for _ in range(3))
    origin.put("a", b"a")
    replicate(origin, left, lease_times=IMPATIENT)
    fail_over(origin, left, lease_times=IMPATIENT)
    sync(left, right)
    right.put("r", b"written on this side")
    for source, target in ((left, right), (right, left)):
        with pytest.raises(TargetIsActive, match="two-way sync"):
            replicate(source, target, ReplicateOptions(foreign="replace"), lease_times=IMPATIENT)
    assert contents(cast("MemoryZone", right))["r"] == b"written on this side"


def test_a_side_whose_copy_took_over_is_not_overwritten_while_the_sync_is_not_ended(sides: Sides) -> None:
    left, right = sides
    copy = cast("MemoryHdfs", open_zone(f"memory://refused{next(_numbers)}/x", like="hdfs"))
    replicate(left, copy, lease_times=IMPATIENT)
    fail_over(None, copy, how="unplanned", lease_times=IMPATIENT)
    right.put("later", b"through the sync")
    sync(left, right)
    for switch in (fail_back, follow):
        with pytest.raises(WrongSide, match="two-way sync"):
            switch(copy, left, lease_times=IMPATIENT)
    assert contents(left) == contents(right)
    end(left)
    fail_back(copy, left, lease_times=IMPATIENT)
    options = TwoWayOptions(start_over=True, how=ReplicateOptions(threads=2))
    two_way_sync(left, right, options, lease_times=IMPATIENT)
    assert contents(left)["later"] == contents(right)["later"] == b"through the sync"


def end(zone: MemoryZone) -> None:
    """End a sync for a side, as docs/two-way-sync.md says."""
    state = StateFolder(zone)
    role = roles.newest(state)
    assert role is not None
    state.remove("role", only=lambda name: name.endswith(f"/{role.generation:012d}.json"))


@pytest.mark.parametrize("then", ["replicate", "follow", "fail over"])
def test_once_a_sync_is_ended_a_side_becomes_a_copy_again(once_copies: Sides, then: str) -> None:
    left, right = once_copies
    sync(left, right)
    end(right)
    if then == "fail over":
        fail_over(left, right, ReplicateOptions(foreign="replace"), lease_times=IMPATIENT)
        assert contents(right)["r"] == b"written on this side"
        return
    left.put("a", b"changed")
    bring = replicate if then == "replicate" else follow
    bring(left, right, ReplicateOptions(foreign="replace"), lease_times=IMPATIENT)
    assert contents(right) == contents(left)


def test_a_side_goes_on_being_copied_to_others(sides: Sides) -> None:
    left, right = sides
    follower = open_zone(f"memory://refused{next(_numbers)}/x", like="hdfs")
    for zone in sides:
        zone.put("new", f"of {zone.address}".encode())
        sync(left, right, "newest")
        replicate(left, follower, lease_times=IMPATIENT)
        assert contents(cast("MemoryZone", follower)) == contents(left)


def test_names_that_a_side_cannot_hold_stop_the_run_or_are_left_out(sides: Sides) -> None:
    left, right = sides
    left.put("d/" + "n" * 200, b"long")
    narrow = memory.MemoryHdfs(right.address, right.store, right.facts.__class__("memory", max_name_bytes=100, attributes=right.facts.attributes,
                               puts_publish=False, in_order=True))  # fmt: skip
    with pytest.raises(CannotHold):
        sync(left, narrow)
    report = sync(left, narrow, skip_unholdable=True)
    assert len(report.not_copied) == 1
    assert sync(left, narrow, skip_unholdable=True).changes == 0


def test_a_dry_run_writes_plans_and_conflicts_and_changes_nothing(sides: Sides) -> None:
    left, right = sides
    left.put("d/f1", b"here")
    right.put("d/f1", b"there")
    left.put("new", b"new")
    before = [contents(zone) for zone in sides]
    snapshots = [len(zone.snapshots()) for zone in sides]
    report = sync(left, right, "keep_both", dry_run=True)
    assert report.state == "dry run"
    assert [contents(zone) for zone in sides] == before
    assert [len(zone.snapshots()) for zone in sides] == snapshots
    assert "would be" in report.table()
    assert report.conflict_list[0].kept_at.startswith("d/f1.conflict-")
    delete(left, *(f"d/f{n}" for n in range(2, 10)))
    assert sync(left, right, "keep_both", dry_run=True).why.startswith("the run would stop")


def test_conflicts_that_are_left_are_listed_again_and_found_by_who_waits_for_them(sides: Sides) -> None:
    left, right = sides
    left.put("d/f1", b"here")
    right.put("d/f1", b"there")
    right.put("d/f2", b"changed")
    before = newest_two_way_run(left, right)
    for _ in range(2):
        with pytest.raises(ConflictsLeft) as raised:
            sync(left, right)
        assert raised.value.report.unsettled_conflicts == 1
    assert contents(left)["d/f2"] == b"changed"
    found = conflicts_after(right, left, run=before)
    assert [one["conflicts"] for one in found] == [1, 1]
    assert found[0]["first"][0]["path"] == "d/f1"
    line = json.loads(read_state(left, right, found[0]["conflicts_at"]).splitlines()[0])
    assert line["policy"] == "fail"
    delete(right, "d/f1")
    report = sync(left, right)
    assert (report.conflicts, report.rescued) == (0, 1)
    assert contents(right)["d/f1"] == b"here"


def read_state(left: MemoryZone, right: MemoryZone, address: str) -> str:
    zone = left if address.startswith(str(left.address)) else right
    data = StateFolder(zone).read(address.partition("/.livedata/")[2])
    assert data is not None
    return data.decode()


def test_a_side_that_tells_differences_is_listed_in_time_though_the_other_one_is_listed_by_every_sync(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"refused{next(_numbers)}" for _ in range(2)]
    files = open_zone(f"memory://{names[0]}/x", like="hdfs")
    bucket = open_zone(f"memory://{names[1]}/x", like="objects")
    files.put("a", b"a")
    began, found_by = now_ms(), []
    for hours in (0, 13, 25, 38):
        monkeypatch.setattr(flow, "now_ms", lambda hours=hours: began + hours * HOUR_MS)
        report = sync(files, bucket)
        told = [one.found_by for one in (report.left, report.right) if one.address == str(files.address)]
        found_by.append(told[0].partition(":")[2].strip() if told[0].startswith("a listing") else "difference")
    assert found_by == [
        "this is the first sync",
        "difference",
        "the last ones were made more than 24 h ago",
        "difference",
    ]
    for name in names:
        memory.forget(name)


class Refuses(Around):
    """A side that takes no file of one name."""

    def around_upload(self, upload: Any, path: str) -> Any:
        if path == "d/bad":
            raise PermissionRefused("not this one", path=path)
        return super().around_upload(upload, path)


def test_one_file_that_fails_does_not_stop_the_others_and_is_looked_at_again(sides: Sides) -> None:
    left, right = sides
    left.put("d/bad", b"1")
    left.put("d/good", b"2")
    delete(left, "d/f1")
    with pytest.raises(RunFailed, match="1 items failed"):
        sync(left, Refuses(right))
    assert "d/good" in contents(right)
    report = sync(left, right)
    assert "the last run left something undone" in report.left.found_by
    assert contents(left) == contents(right)
    assert "d/f1" not in contents(right)


class WrittenMeanwhile(Around):
    """A side where somebody writes to a file just before it is replaced or put aside."""

    def __init__(self, zone: MemoryHdfs) -> None:
        super().__init__(zone)
        self.has_written = False

    def around(self, name: str, run: Any, *, size_bytes: int = 0) -> Any:
        if name in ("begin", "move") and not self.has_written:
            self.has_written = True
            cast("MemoryHdfs", self.inner).put("d/f1", b"meanwhile")
        return super().around(name, run, size_bytes=size_bytes)


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_what_somebody_writes_while_a_sync_goes_on_is_not_lost(sides: Sides, how: str) -> None:
    left, right = sides
    if how == "replaced":
        left.put("d/f1", b"changed here")
    else:
        delete(left, "d/f1")
    report = sync(left, WrittenMeanwhile(right), "newest")
    assert report.left_paths == ["d/f1"], report.table()
    assert contents(right)["d/f1"] == b"meanwhile"
    report = sync(left, right, "newest")
    assert contents(left) == contents(right)
    everywhere = {data for zone in sides for data in [*contents(zone).values(), *kept(zone)]}
    assert b"meanwhile" in everywhere
    assert how == "deleted" or b"changed here" in everywhere


@pytest.mark.parametrize("is_frozen", [False, True], ids=["grows in the snapshot", "frozen by it"])
@pytest.mark.parametrize("how", ["deleted", "replaced", "renamed", "conflict"])
def test_a_file_that_somebody_appends_to_is_neither_taken_away_nor_replaced(
    sides: Sides, how: str, monkeypatch: pytest.MonkeyPatch, *, is_frozen: bool
) -> None:
    left, right = sides
    if is_frozen:
        monkeypatch.setattr(MemoryHdfs, "may_have_open_files", lambda _: False)
    if how == "conflict":
        right.put("d/f1", b"of the right, before")
    right.store.open_paths.add("x/d/f1")  # size and time stay as they are until it is closed
    before = contents(right)
    if how == "renamed":
        left.rename("d/f1", "d/g1")
    elif how == "deleted":
        delete(left, "d/f1")
    else:
        left.put("d/f1", b"of the left, later")
    report = sync(left, right, "newest")
    assert report.left_paths == ["d/f1"], report.table()
    assert contents(right) == before | ({"d/g1": b"1"} if how == "renamed" else {})
    assert not any(one.kind == "file" for one in right.scan(".livedata/removed"))
    right.store.open_paths.clear()
    assert sync(left, right, "newest").left_for_next == 0
    assert contents(left) == contents(right)
    assert contents(right).get("d/f1") == (None if how in ("deleted", "renamed") else b"of the left, later")


def test_directories_of_a_file_that_somebody_appends_to_go_once_it_is_closed_and_do_not_come_back(sides: Sides) -> None:
    left, right = sides
    right.put("deep/er/f", b"1")
    sync(left, right)
    right.store.open_paths.add("x/deep/er/f")
    for path in ("deep/er/f", "deep/er", "deep"):
        delete(left, path)
    for _ in range(2):
        assert sync(left, right).left_paths == ["deep/er/f"]
        assert not any(one.path.startswith("deep") for one in left.scan())
        assert contents(right)["deep/er/f"] == b"1"
    right.store.open_paths.clear()
    assert sync(left, right).left_for_next == 0
    assert not any(one.path.startswith("deep") for zone in (left, right) for one in zone.scan())
    assert sync(left, right).changes == 0


def test_what_was_appended_to_a_file_that_the_other_side_deleted_comes_back_there(sides: Sides) -> None:
    left, right = sides
    right.store.open_paths.add("x/d/f1")
    delete(left, "d/f1")
    sync(left, right)
    right.put("d/f1", b"1 and what was appended")
    right.store.open_paths.clear()
    assert sync(left, right).rescued == 1
    assert contents(left)["d/f1"] == contents(right)["d/f1"] == b"1 and what was appended"


class ReplacedWhileMoved(Around):
    """A side where somebody replaces a file between the look at it and the rename that takes it away, as can be on HDFS."""

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        if name == "move" and args[0] == "d/f1":
            cast("MemoryHdfs", self.inner).put("d/f1", b"just now")
            options["version"] = ""
        return super().around_power(name, *args, **options)


def test_a_file_that_was_replaced_while_it_was_taken_away_is_put_back(sides: Sides) -> None:
    left, right = sides
    delete(left, "d/f1")
    report = sync(left, ReplacedWhileMoved(right), "newest")
    assert report.left_paths == ["d/f1"], report.table()
    assert contents(right)["d/f1"] == b"just now"
    sync(left, right, "newest")
    assert contents(left)["d/f1"] == contents(right)["d/f1"] == b"just now"


class DiesGivingBack(Around):
    """A side whose sync dies when it is to be given attributes, after it gave its bytes."""

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        if name == "set_attributes" and args[0] == "d/f1":
            raise Crash(name)
        return super().around_power(name, *args, **options)


@pytest.mark.parametrize("is_written", [True, False], ids=["bytes against rights", "rights against owner"])
def test_rights_that_a_sync_died_before_it_gave_them_are_not_undone_by_the_next(
    sides: Sides, *, is_written: bool
) -> None:
    left, right = sides
    right.set_attributes("d/f1", Attributes(mode=0o600))
    if is_written:
        left.put("d/f1", b"new")
    else:
        left.set_attributes("d/f1", Attributes(owner="somebody"))
    with pytest.raises(Crash):
        sync(DiesGivingBack(left), right)
    for _ in range(2):
        assert sync(left, right).conflicts == 0
        assert [zone.stat("d/f1").mode for zone in sides] == [0o600, 0o600]  # type: ignore[union-attr]
    assert contents(left) == contents(right)
    assert is_written or [zone.stat("d/f1").owner for zone in sides] == ["somebody", "somebody"]  # type: ignore[union-attr]


def kept(zone: MemoryZone) -> list[bytes]:
    found = []
    for entry in zone.scan(".livedata/conflicts"):
        if entry.kind == "file":
            buffer = bytearray(entry.size_bytes)
            zone.read_into(entry.path, 0, memoryview(buffer))
            found.append(bytes(buffer))
    return found


def test_losers_and_what_was_deleted_go_when_their_time_is_over(sides: Sides) -> None:
    left, right = sides
    left.put("d/f1", b"here")
    right.put("d/f1", b"there")
    delete(left, "d/f2")
    options = TwoWayOptions(conflicts="newest", keep_conflicts=30, keep_removed=30, how=ReplicateOptions(threads=2))
    two_way_sync(left, right, options, lease_times=IMPATIENT)
    assert [len(kept(zone)) for zone in sides] in ([1, 0], [0, 1])
    assert any(one.path.endswith("d/f2") for one in right.scan(".livedata/removed"))


def test_sides_may_be_given_in_either_order(sides: Sides) -> None:
    left, right = sides
    left.put("new", b"1")
    assert sync(right, left).failed == 0
    assert contents(left) == contents(right)
    assert sync(left, right).changes == 0


def test_an_unreadable_file_is_told_and_left_alone(sides: Sides) -> None:
    left, right = sides

    class Unreadable(Around):
        def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
            if path == "d/f1":
                raise PermissionRefused("not to be read", path=path)
            return super().read_into(path, offset, buffer, version=version)

    left.put("d/f1", b"hers")
    right.put("d/f1", b"mine")
    with pytest.raises(RunFailed, match="d/f1"):
        sync(Unreadable(left), right, "newest")
    assert (contents(left)["d/f1"], contents(right)["d/f1"]) == (b"hers", b"mine")
    assert issubclass(RunFailed, LiveDataError)
