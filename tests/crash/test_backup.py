"""Backups of every layout: each holds what its location held at its instant, whatever happened since and in between."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import ReplicateOptions, hold, open_zone, retain
from airflow_provider_livedata.engine.backups import cataloguing, scripting
from airflow_provider_livedata.engine.backups.cataloguing import catalogue, read_catalogue, view_of
from airflow_provider_livedata.engine.backups.layering import commands_of
from airflow_provider_livedata.engine.backups.options import BackupOptions
from airflow_provider_livedata.engine.backups.record import SNAPSHOT, number_of
from airflow_provider_livedata.engine.backups.removing import remove
from airflow_provider_livedata.engine.backups.report import BackupReport
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.errors import (
    BackupMissing,
    BackupUnusable,
    BadOption,
    PermissionRefused,
    RunFailed,
    SourceEmpty,
    StoreFull,
    TargetHeld,
    TooManyDeletes,
)
from airflow_provider_livedata.engine.flows import backup as backing_up
from airflow_provider_livedata.engine.flows import retaining
from airflow_provider_livedata.engine.flows.backup import backup
from airflow_provider_livedata.engine.report import SHOWN
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from airflow_provider_livedata.testing.strategies import Tree, trees
from tests.crash.conftest import Files, Pair
from tests.crash.test_crashes import IMPATIENT

BUSY = LeaseTimes(beat_s=0.02, silence_s=30, stale_s=30, watch_s=0.01)
FEW = ReplicateOptions(threads=2)
KINDS = [
    ("hdfs", "objects", "increments"), ("hdfs", "objects", "tree"), ("objects", "objects", "increments"), ("hdfs", "hdfs", "snapshots"),
    ("hdfs", "files", "tree"), ("hdfs", "local", "tree"), ("files", "local", "increments"), ("hdfs", "", "in place"),
]  # fmt: skip
FIRST: Files = {"a": b"one", "d/b": b"two" * 1000, "d/c": b"three", "e": None, "x/y/z": b"zz", "x/y/u": b"u" * 3000}
SECOND: Files = {"a": b"changed", "new/n": b"n" * 2000, "d/b": b"two" * 999}
THIRD: Files = {"third": b"3"}
FOURTH: Files = {"fourth": b"4", "a": b"4"}


class Site:
    """A location and the place of its backups."""

    def __init__(self, pair: Pair, layout: str) -> None:
        self.source, self.pair, self.options = pair.source, pair, BackupOptions(layout, copy=FEW)
        self.place: Zone | None = None if layout == "in place" else pair.target
        self.at: Zone = pair.source if self.place is None else self.place

    def backup(self, place: Zone | None = None, **options: object) -> str:
        chosen = BackupOptions(**{"layout": self.options.layout, "copy": FEW, **options})  # type: ignore[arg-type]
        if self.place is None:
            return backup(place or self.source, None, chosen, lease_times=IMPATIENT).name
        return backup(self.source, place or self.place, chosen, lease_times=IMPATIENT).name

    def now(self) -> Files:
        return self.read(self.source)

    def held_by(self, name: str) -> Files:
        found = catalogue(self.at)
        return self.read(view_of(self.at, found, found.find(name)))

    def read(self, zone: Zone) -> Files:
        """Files with their bytes; directories where the location has them."""
        found: Files = {}
        for entry in zone.scan():
            data = bytearray(entry.size_bytes)
            if entry.kind == "file":
                assert zone.read_into(entry.path, 0, memoryview(data), version=entry.version) == len(data)
                found[entry.path] = bytes(data)
            elif self.source.facts.has_directories:
                found[entry.path] = None
        return found

    def change(self) -> None:
        self.pair.put(SECOND)
        self.pair.remove("d/c")
        if self.source.facts.has_directories:
            self.pair.source.rename("x/y", "x/w")  # type: ignore[attr-defined]


@pytest.fixture(params=KINDS, ids=" ".join)
def site(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Site:
    source, target, layout = request.param
    return Site(make_pair(source, target or "hdfs"), layout)


@pytest.fixture(params=[KINDS[0], KINDS[1], KINDS[3], KINDS[4], KINDS[7]], ids=" ".join)
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The layouts, each on the store that is most like the real one."""
    return request.param  # type: ignore[no-any-return]


def test_each_backup_holds_what_the_location_held_then(site: Site) -> None:
    site.pair.put(FIRST)
    states = {site.backup(): site.now()}
    site.change()
    states[site.backup()] = site.now()
    site.pair.remove("a")
    site.pair.put({"a/deep": b"a directory now"})
    states[site.backup()] = site.now()
    states[site.backup()] = site.now()
    assert len(states) == 4
    for name, files in states.items():
        assert site.held_by(name) == files
    assert [one.state for one in catalogue(site.at).backups] == ["complete"] * 4


@settings(max_examples=20)
@given(history=st.lists(trees(), min_size=1, max_size=4), data=st.data())
@pytest.mark.parametrize(
    ("target_like", "layout"),
    [("objects", "increments"), ("objects", "tree"), ("files", "tree"), ("hdfs", "snapshots")],
)
def test_whatever_the_history_and_whichever_go_the_others_hold_what_they_held(
    target_like: str, layout: str, history: list[Tree], data: st.DataObject
) -> None:
    place = open_zone("memory://backup-place/t", like=target_like)
    site = Site(Pair(open_zone("memory://backup-source/s", like="hdfs"), place), layout)  # type: ignore[arg-type]
    try:
        states: dict[str, Files] = {}
        for tree in history:
            for entry in reversed(list(site.source.scan())):
                assert site.source.delete([entry]) == []
            site.pair.put(tree)
            states[site.backup(max_delete_ratio=1)] = site.now()
        *older, _ = states
        going = data.draw(st.sets(st.sampled_from(older))) if older else set()
        remove(site.at, catalogue(site.at), going, lambda: None)
        assert [one.name for one in catalogue(site.at).complete()] == [name for name in states if name not in going]
        for name in states.keys() - going:
            assert site.held_by(name) == states[name]
        states[site.backup(max_delete_ratio=1)] = site.now()
        assert all(site.held_by(name) == states[name] for name in states.keys() - going)
    finally:
        memory.forget("backup-source")
        memory.forget("backup-place")


def test_each_file_version_is_stored_once_in_increments(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    first = site.backup()
    site.pair.put({"a": b"changed"})
    second, third = site.backup(), site.backup()
    stored = [entry.path for entry in site.at.scan() if entry.kind == "file"]
    files = sorted(path for path, data in FIRST.items() if data is not None)
    assert stored == [*(f"{first}/{path}" for path in files), f"{second}/a"]
    assert catalogue(site.at).find(third).record.changed_files == 0  # type: ignore[union-attr]


def test_a_tree_of_hard_links_never_shares_a_file_with_the_source(
    make_pair: Callable[[str, str], Pair], tmp_path: object
) -> None:
    site = Site(make_pair("local", "local"), "tree")
    site.pair.put(FIRST)
    first, second = site.backup(), site.backup()
    stats = [
        _stat(zone, path)
        for zone, path in ((site.source, "d/b"), (site.at, f"{first}/d/b"), (site.at, f"{second}/d/b"))
    ]
    assert stats[0].st_ino != stats[1].st_ino
    assert stats[1].st_ino == stats[2].st_ino
    assert stats[1].st_mode & 0o222 == 0


def _stat(zone: Zone, path: str) -> os.stat_result:
    return os.stat(f"/{zone.address.path}/{path}")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_backup_killed_at_any_call_is_never_offered_and_is_completed_by_the_next(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    source, target, layout = kind
    calls, died = 0, set[str]()
    while True:
        site = Site(make_pair(source, target or "hdfs"), layout)
        site.pair.put(FIRST)
        first, before = site.backup(), site.now()
        site.change()
        mortal = CrashAfter(site.at, calls, when=when)
        try:
            site.backup(_unretried(mortal))
        except Crash:
            died.add(mortal.died_at)
        else:
            break
        half = [one.name for one in catalogue(site.at).complete()]
        assert site.held_by(first) == before
        site.pair.put({"late": b"came after the crash"})
        last = site.backup()
        assert site.held_by(first) == before
        assert site.held_by(last) == site.now()
        assert all(one.state == "complete" for one in catalogue(site.at).backups), catalogue(site.at).table()
        assert set(half) <= {one.name for one in catalogue(site.at).complete()}
        calls += 1
    assert calls > 5
    assert "put" in died


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_removal_killed_at_any_call_loses_nothing_and_is_ended_by_the_next(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    source, target, layout = kind
    calls = 0
    while True:
        site = Site(make_pair(source, target or "hdfs"), layout)
        states: dict[str, Files] = {}
        for content in (FIRST, SECOND, THIRD, FOURTH):
            site.pair.put(content)
            states[site.backup()] = site.now()
        names = list(states)
        mortal = CrashAfter(site.at, calls, when=when)
        try:
            remove(_unretried(mortal), catalogue(site.at), names[1:3], lambda: None)
        except Crash:
            pass
        else:
            break
        for name in (names[0], names[3]):
            assert site.held_by(name) == states[name]
        for one in catalogue(site.at).complete():
            assert site.held_by(one.name) == states[one.name]
        found = catalogue(site.at)
        remove(site.at, found, [one.name for one in found.backups if one.name in names[1:3]], lambda: None)
        assert [one.name for one in catalogue(site.at).backups] == [names[0], names[3]]
        for name in (names[0], names[3]):
            assert site.held_by(name) == states[name]
        calls += 1
    assert calls > 2


def test_removed_backups_leave_nothing_behind(site: Site) -> None:
    site.pair.put(FIRST)
    names = [site.backup()]
    site.change()
    names += [site.backup(), site.backup()]
    done = remove(site.at, catalogue(site.at), names[:2], lambda: None)
    assert sorted(done.names) == sorted(names[:2])
    assert done.left == {}
    left = [entry.path for entry in site.at.scan() if number_of(entry.path.partition("/")[0])]
    assert all(path.startswith(names[2]) for path in left)
    assert {entry.path.split("/")[1] for entry in StateFolder(site.at).files("backups")} == {names[2]}
    if isinstance(site.at, Snapshots) and site.options.layout in ("snapshots", "in place"):
        ours = [one.name for one in site.at.snapshots() if one.name.startswith(SNAPSHOT)]
        assert ours == [f"{SNAPSHOT}{names[2]}"]


def test_the_newest_complete_backup_is_never_removed(site: Site) -> None:
    site.pair.put(FIRST)
    name = site.backup()
    done = remove(site.at, catalogue(site.at), [name], lambda: None)
    assert "never removed" in done.left[name]
    assert site.held_by(name) == site.now()


def test_a_dry_run_says_what_it_would_cost_and_makes_nothing(site: Site) -> None:
    site.pair.put(FIRST)
    site.backup()
    site.change()
    options = BackupOptions(site.options.layout, dry_run=True, copy=FEW)
    report = backup(site.source, site.place, options)
    assert report.state == "dry run"
    assert len(catalogue(site.at).backups) == 1
    if site.options.layout != "in place":
        assert (report.changed_files or 0) >= len(SECOND)


def test_files_that_cannot_be_read_leave_the_backup_incomplete_and_are_named(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    first = site.backup()
    site.pair.put(SECOND)
    broken = Unreadable(site.source, "d/b")
    with pytest.raises(RunFailed) as failed:
        backup(Retrying(broken, RetryPolicy(attempts=1)), site.at, BackupOptions(copy=FEW))
    assert [failure.path for failure in failed.value.report.failures] == ["d/b"]
    found = catalogue(site.at)
    assert [one.state for one in found.backups] == ["complete", "incomplete"]
    assert found.find().name == first
    with pytest.raises(BackupUnusable, match="incomplete"):
        found.find(found.backups[1].name)
    assert site.backup() == found.backups[1].name
    assert site.held_by(found.backups[1].name) == site.now()


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1], KINDS[3], KINDS[5]], ids=" ".join)
def test_a_directory_that_may_not_be_listed_leaves_the_backup_incomplete_and_all_else_is_brought(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = Site(make_pair(*kind[:2]), kind[2])
    site.pair.put(FIRST)
    first, before = site.backup(), site.now()
    site.change()
    site.pair.source.store.unlisted.add("data/d/")
    with pytest.raises(RunFailed) as failed:
        site.backup()
    assert [failure.path for failure in failed.value.report.failures] == ["d"]
    assert failed.value.report.copied_files >= 2
    found = catalogue(site.at)
    assert [one.state for one in found.backups] == ["complete", "incomplete"]
    assert site.held_by(first) == before
    site.pair.source.store.unlisted.clear()
    assert site.backup() == found.backups[1].name
    assert site.held_by(found.backups[1].name) == site.now()
    assert site.held_by(first) == before


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1], KINDS[5]], ids=" ".join)
def test_what_is_new_or_changed_is_told_of_all_attempts(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = Site(make_pair(*kind[:2]), kind[2])
    site.pair.put(FIRST)
    site.backup()
    site.pair.put(SECOND)
    with pytest.raises(RunFailed):
        backup(Retrying(Unreadable(site.source, "a"), RetryPolicy(attempts=1)), site.place, site.options)
    name = site.backup()
    found = catalogue(site.at).find(name)
    assert found.record is not None
    sizes = [len(data) for data in SECOND.values() if data is not None]
    assert (found.record.changed_files, found.record.changed_bytes) == (len(sizes), sum(sizes))


def test_an_incomplete_backup_can_be_removed_and_the_next_one_is_whole(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    site.backup()
    site.change()
    with pytest.raises(RunFailed):
        backup(Retrying(Unreadable(site.source, "d/b"), RetryPolicy(attempts=1)), site.at, BackupOptions(copy=FEW))
    half = catalogue(site.at).backups[-1].name
    remove(site.at, catalogue(site.at), [half], lambda: None)
    assert half not in {entry.path.partition("/")[0] for entry in site.at.scan()}
    assert site.held_by(site.backup()) == site.now()


def test_two_backups_at_once_are_refused(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    with Lease(StateFolder(site.at), "somebody else", times=BUSY), pytest.raises(TargetHeld, match="somebody else"):
        backup(site.source, site.place, site.options, lease_times=BUSY)


def test_damaged_manifests_and_records_are_listed_and_never_used(site: Site) -> None:
    if site.options.layout == "in place":
        pytest.skip("a snapshot in place has no manifest")
    site.pair.put(FIRST)
    first = site.backup()
    site.pair.put(SECOND)
    second = site.backup()
    state = StateFolder(site.at)
    newest = catalogue(site.at).find(second).record.generations[-1][-1]  # type: ignore[union-attr]
    state.write(newest.name, (state.read(newest.name) or b"")[:-9])
    assert [one.state for one in catalogue(site.at).backups] == ["complete", "damaged"]
    with pytest.raises(BackupUnusable, match="damaged"):
        catalogue(site.at).find(second)
    value = json.loads(state.read(f"backups/{first}/complete.json") or b"")
    state.write_json(f"backups/{first}/complete.json", value | {"size_bytes": 1})
    assert [one.state for one in catalogue(site.at).backups] == ["damaged", "damaged"]
    with pytest.raises(BackupMissing):
        catalogue(site.at).find()


def test_what_a_damaged_backup_may_need_is_not_removed(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    names = []
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        names.append(site.backup())
    StateFolder(site.at).write(f"backups/{names[1]}/complete.json", b"{}")
    done = remove(site.at, catalogue(site.at), [names[0]], lambda: None)
    assert done.names == []
    assert "damaged" in done.left[names[0]]
    assert site.held_by(names[0])["a"] == FIRST["a"]


def test_a_vanished_location_is_no_backup(site: Site) -> None:
    if site.options.layout == "in place":
        pytest.skip("a snapshot in place counts nothing")
    site.pair.put({f"f{n}": b"x" for n in range(20)})
    site.backup()
    site.pair.remove(*(f"f{n}" for n in range(19)))
    with pytest.raises(TooManyDeletes):
        site.backup()
    site.pair.remove("f19")
    with pytest.raises(SourceEmpty):
        site.backup()
    assert site.held_by(site.backup(max_delete_ratio=1)) == {}


def test_a_clock_that_goes_back_changes_no_order(
    make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(make_pair("files", "objects"), "increments")
    site.pair.put(FIRST)
    first, now = site.backup(), time.time_ns() // 1_000_000
    monkeypatch.setattr(backing_up, "now_ms", lambda: now - 86_400_000)
    site.pair.put({"a": b"changed"})
    second = site.backup()
    assert [one.name for one in catalogue(site.at).backups] == [first, second]
    assert site.held_by(first)["a"] == b"one"
    assert site.held_by(second)["a"] == b"changed"
    remove(site.at, catalogue(site.at), [first], lambda: None)
    assert site.held_by(second)["d/b"] == FIRST["d/b"]


def test_a_backup_is_found_by_name_by_time_and_as_the_latest(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    first, second = site.backup(), site.backup()
    found = catalogue(site.at)
    assert found.find().name == second
    assert found.find(first).name == first
    assert found.find(found.find(first).as_of_ms).name in (first, second)
    for which in ("2001-01-01", "yesterday", "000009-20260101T000000Z"):
        with pytest.raises(BackupMissing):
            found.find(which)


def test_a_nightly_backup_follows_the_change_and_lists_everything_once_a_week() -> None:
    assert BackupOptions().of_the_run().list_every_h == 7 * 24
    assert ReplicateOptions().list_every_h == 24


def test_places_keep_to_one_layout_and_to_those_that_they_can_have(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    site.backup()
    with pytest.raises(BadOption, match="another layout"):
        site.backup(layout="tree")
    with pytest.raises(BadOption, match="cannot have"):
        site.backup(layout="snapshots")
    with pytest.raises(BadOption, match="cannot have"):
        backup(site.source, None, BackupOptions("tree"))
    with pytest.raises(BadOption, match="layout is one of"):
        BackupOptions("zip")


def test_another_filter_makes_another_backup_and_no_error(site: Site) -> None:
    site.pair.put(FIRST)
    first = site.backup()
    without = ReplicateOptions(threads=2, exclude=("d",))
    second = site.backup(copy=without)
    if site.options.layout != "in place":
        assert "d/b" not in site.held_by(second)
    assert site.held_by(first)["d/b"] == FIRST["d/b"]
    assert read_catalogue(StateFolder(site.at)).places().names == sorted([first, second])


def test_of_many_commands_that_restore_a_backup_none_is_told_without_the_others(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    reports = [layer(site, n) for n in range(25)]
    assert [len(one.restore_commands) for one in reports] == list(range(1, 26))
    for report in reports:
        every, told = report.restore_commands, report.summary()["restore_commands"]
        assert told == every or not set(told) & set(every)
        assert (told == every) is (len(every) <= SHOWN)
        assert all(f"  {line}" in report.table() for line in told)
    report = reports[-1]
    every, told = report.restore_commands, report.summary()["restore_commands"]
    state, found = StateFolder(site.at), catalogue(site.at)
    assert every == commands_of(state, found, found.find().record)[0]  # type: ignore[arg-type]
    assert any("more than 20 commands of one kind" in note for note in report.notes)
    stored = f"{site.at.address}/.livedata/backups/{report.name}/restore.sh"
    assert told == [f'hadoop fs -cat {stored} > restore.sh && bash restore.sh "$DESTINATION"']
    script = (state.read(f"backups/{report.name}/restore.sh") or b"").decode()
    assert all(line in script for line in every)


def layer(site: Site, n: int, place: Zone | None = None) -> BackupReport:
    """One more backup, with a file that is new."""
    site.pair.put({f"f{n}": b"x"})
    return backup(site.source, place or site.place, site.options, lease_times=IMPATIENT)


def test_where_no_script_is_stored_the_commands_make_it(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "local"), "increments")
    full = _unretried(FullFor(site.at, "restore.sh"))
    report = [layer(site, n, full) for n in range(SHOWN + 1)][-1]
    (told,) = report.summary()["restore_commands"]
    made = shlex.split(told)
    assert (made[:2], made[3:]) == (["python", "-c"], [">", "restore.sh", "&&", "bash", "restore.sh", "$DESTINATION"])
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(made[2], {})
    assert said.getvalue() == scripting.restore_script(site.at, report.name)


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1], KINDS[5]], ids=" ".join)
def test_a_backup_whose_script_cannot_be_stored_is_complete_with_a_warning_and_the_next_stores_it(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = Site(make_pair(*kind[:2]), kind[2])
    site.pair.put(FIRST)
    full = FullFor(site.at, "restore.sh")
    report = backup(site.source, _unretried(full), site.options, lease_times=IMPATIENT)
    assert (report.state, report.why) == ("complete", "")
    assert any("script" in one and "full" in one for one in report.warnings)
    assert "WARNING" in report.table()
    assert [(one.state, one.has_script) for one in catalogue(site.at).backups] == [("complete", False)]
    site.backup()
    assert [one.has_script for one in catalogue(site.at).backups] == [True, True]
    assert StateFolder(site.at).read(f"backups/{report.name}/restore.sh")


def test_a_complete_backup_whose_report_cannot_be_stored_is_no_failure(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    full = FullFor(site.at, "report-")
    report = backup(site.source, _unretried(full), site.options, lease_times=IMPATIENT)
    assert (report.state, report.address) == ("complete", "")
    assert any("report" in one for one in report.warnings)


def test_a_backup_that_is_held_while_its_removal_begins_stays(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    states: dict[str, Files] = {}
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        states[site.backup()] = site.now()
    first, second, _ = states
    found = catalogue(site.at)
    hold(site.at, first, "it is being restored", by="ann")
    done = remove(site.at, found, [first, second], lambda: None)
    assert "held" in done.left[first]
    assert site.held_by(first) == states[first]


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1], KINDS[3], KINDS[5]], ids=" ".join)
def test_the_catalogue_is_read_once_a_backup_and_once_a_removal(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, read = Site(make_pair(*kind[:2]), kind[2]), list[str]()

    def counting(of: Any) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            read.append(of.__name__)
            return of(*args, **options)

        return counted

    for module in (backing_up, retaining, scripting):
        monkeypatch.setattr(module, "read_catalogue", counting(cataloguing.read_catalogue))
    for content in (FIRST, SECOND):
        site.pair.put(content)
        site.backup()
    assert len(read) == 2
    retain(site.at, RetentionPolicy(keep_last=1), lease_times=IMPATIENT)
    assert len(read) == 3


class FullFor(Around):
    """A place that is full for files whose names hold some text."""

    def __init__(self, zone: Zone, text: str) -> None:
        super().__init__(zone)
        self._text = text

    def put(self, path: str, *args: Any, **options: Any) -> Any:
        if self._text in path:
            raise StoreFull("the place is full", path=path)
        return super().put(path, *args, **options)


class Unreadable(Around):
    """A location one file of which may not be read by this principal."""

    def __init__(self, zone: Zone, path: str) -> None:
        super().__init__(zone)
        self._path = path

    def around_zone(self, zone: Zone) -> Zone:
        return Unreadable(zone, self._path)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == self._path:
            raise PermissionRefused("this principal may not read it", path=path)
        return super().read_into(path, offset, buffer, version=version)


def _unretried(zone: Zone) -> Zone:
    return Retrying(zone, RetryPolicy(attempts=1))
