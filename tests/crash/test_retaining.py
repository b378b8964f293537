"""A policy lets backups go; holds, damage and cut-off removals are respected; and what stays is proved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import backup, catalogue, hold, release, remove_backups, retain, verify_backup
from airflow_provider_livedata.engine.backups.layering import layers_of
from airflow_provider_livedata.engine.backups.removing import remove
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.errors import BackupMissing, BackupUnusable, BadOption, RunFailed, TargetHeld
from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.lease import Lease
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.below import Below
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Files, Pair
from tests.crash.test_backup import BUSY, FIRST, KINDS, SECOND, THIRD, Site, Unreadable
from tests.crash.test_crashes import IMPATIENT

LAST = RetentionPolicy(keep_last=1)


@pytest.fixture(params=KINDS, ids=" ".join)
def site(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Site:
    source, target, layout = request.param
    return Site(make_pair(source, target or "hdfs"), layout)


@pytest.fixture
def three(site: Site) -> list[str]:
    """The names of three backups of a site."""
    names = []
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        names.append(site.backup())
    return names


def test_a_policy_removes_what_it_does_not_keep_and_says_why_the_rest_stays(site: Site, three: list[str]) -> None:
    rehearsed = retain(site.at, LAST, dry_run=True)
    assert (rehearsed.state, rehearsed.would_remove, rehearsed.removed) == ("dry run", three[:2], [])
    assert len(catalogue(site.at).complete()) == 3
    report = retain(site.at, LAST, lease_times=BUSY)
    assert report.removed == three[:2]
    assert three[2] in report.decided
    assert "newest complete backup" in report.decided
    assert [one.name for one in catalogue(site.at).backups] == three[2:]
    assert site.held_by(three[2]) == site.now()
    assert retain(site.at, LAST).removed == []
    assert "kept: newest complete backup" in catalogue(site.at).table()


def test_a_policy_without_rules_removes_nothing(site: Site, three: list[str]) -> None:
    assert retain(site.at, RetentionPolicy()).removed == []
    assert len(catalogue(site.at).complete()) == len(three)


def test_a_held_backup_stays_until_it_is_let_go(site: Site, three: list[str]) -> None:
    before = site.held_by(three[0])
    mark = hold(site.at, three[0], "audit 2026", by="ann")
    assert retain(site.at, LAST).removed == [three[1]]
    assert site.held_by(three[0]) == before
    assert "audit 2026" in catalogue(site.at).table()
    release(site.at, three[0], mark)
    assert retain(site.at, LAST).removed == [three[0]]


def test_a_hold_ends_at_its_time(site: Site, three: list[str]) -> None:
    now = datetime.now(UTC)
    hold(
        site.at,
        three[0],
        "a restore is under way",
        by="ann",
        until_ms=int((now + timedelta(hours=1)).timestamp() * 1000),
    )
    assert three[0] not in retain(site.at, LAST, dry_run=True, now=now).would_remove
    assert three[0] in retain(site.at, LAST, dry_run=True, now=now + timedelta(hours=2)).would_remove


def test_holds_need_a_reason_and_a_backup(site: Site, three: list[str]) -> None:
    with pytest.raises(BadOption, match="reason"):
        hold(site.at, three[0], " ", by="ann")
    with pytest.raises(BackupMissing):
        hold(site.at, "000009-20260101T000000Z", "why", by="ann")
    with pytest.raises(BackupMissing, match="not held"):
        release(site.at, three[0], "abc")


def test_a_damaged_backup_is_never_removed_silently(site: Site, three: list[str]) -> None:
    StateFolder(site.at).write(f"backups/{three[1]}/complete.json", b"{}")
    report = retain(site.at, RetentionPolicy(keep_last=1), dry_run=True)
    assert three[1] not in report.would_remove
    assert "damaged" in report.decided


def test_retention_waits_for_no_running_backup(site: Site, three: list[str]) -> None:
    with Lease(StateFolder(site.at), "a backup", times=BUSY), pytest.raises(TargetHeld, match="a backup"):
        retain(site.at, LAST, lease_times=BUSY)
    assert len(catalogue(site.at).complete()) == len(three)


@pytest.mark.parametrize("level", ["checksum", "content"])
def test_each_backup_is_proved_and_that_is_noted(site: Site, three: list[str], level: str) -> None:
    for name in three:
        report = verify_backup(site.at, name, level=level)  # type: ignore[arg-type]
        assert report.is_same
        assert report.proved_by_reading + report.proved_by_store == report.files > 0
    assert all(one.verified and one.verified.level == level for one in catalogue(site.at).backups)
    with pytest.raises(BadOption, match="level"):
        verify_backup(site.at, level="listing")  # type: ignore[arg-type]


def test_bytes_that_are_not_those_that_were_backed_up_are_found(make_pair: Callable[[str, str], Pair]) -> None:
    for target, layout in (("objects", "increments"), ("objects", "tree"), ("files", "tree"), ("local", "tree")):
        site = Site(make_pair("hdfs", target), layout)
        site.pair.put(FIRST)
        name = site.backup()
        site.at.put(f"{name}/d/b", b"eve" * 1000)
        report = verify_backup(site.at, level="content")
        assert [(one.path, one.kind) for one in report.differences][0][0] == "d/b"
        assert catalogue(site.at).find(name).verified is None
        there = site.at.stat(f"{name}/a")
        assert there is not None
        site.at.delete([there])
        assert {one.path for one in verify_backup(site.at).differences} == {"a", "d/b"}


def test_a_verification_that_finds_differences_ends_what_earlier_ones_had_proved(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    names = []
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        names.append(site.backup())
    for name in names[:2]:
        assert verify_backup(site.at, name).is_same
    held = site.at.stat(f"{names[1]}/a")
    assert held is not None
    site.at.put(f"{names[1]}/a", b"eve", expect=held.version)
    assert not verify_backup(site.at, names[1]).is_same
    found = catalogue(site.at)
    one = found.find(names[1])
    assert (one.verified, one.differed.differences if one.differed else 0) == (None, 1)
    assert "1 DIFFERENCES" in found.table()
    # The newest one that is proved is the first now, and so that one stays.
    assert retain(site.at, LAST, dry_run=True).would_remove == [names[1]]


def test_a_half_backup_is_not_proved(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put(FIRST)
    name = site.backup()
    StateFolder(site.at).write_json(f"backups/{name}/removing.json", {"format": 1})
    with pytest.raises(BackupUnusable, match="removing"):
        verify_backup(site.at, name)


def test_files_that_retention_carries_on_while_they_are_proved_are_no_damage(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    names = []
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        names.append(site.backup())
    removed: list[str] = []

    class Meanwhile(Around):
        def around_power(self, name: str, *args: Any, **options: Any) -> Any:
            if name == "store_checksum" and not removed:
                removed.extend(retain(site.at, LAST, lease_times=IMPATIENT).removed)
            return super().around_power(name, *args, **options)

    report = verify_backup(Meanwhile(site.at), names[2], threads=1)
    assert removed == names[:2]
    assert report.is_same, report.table()
    assert report.proved_by_store + report.proved_by_reading == report.files == 7
    gone = site.at.stat(f"{names[2]}/x/y/z")
    assert gone is not None
    site.at.delete([gone])
    assert [(one.path, one.kind) for one in verify_backup(site.at).differences] == [("x/y/z", "unreadable")]


def laid(site: Site, name: str) -> Files:
    """What the restore commands of a backup bring: layer over layer, without what had gone."""
    state, found, there = StateFolder(site.at), catalogue(site.at), Files()
    for layer in layers_of(state, found, found.find(name).record):  # type: ignore[arg-type]
        gone = [path for path in there for one in layer.removed if f"{path}/".startswith(f"{one}/")]
        there = {path: data for path, data in there.items() if path not in gone}
        there |= site.read(Below(site.at, layer.name)) if not layer.is_empty else {}
    return {path: data for path, data in there.items() if data is not None}


def test_what_had_gone_before_the_oldest_backup_is_not_known_for_ever(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put({"d/stays": b"x"})
    name = site.backup()
    for n in range(10):
        site.pair.put({f"d/f{n}": b"x"})
        site.backup()
        site.pair.remove(f"d/f{n}")
        name = site.backup()
        assert laid(site, name) == {"d/stays": b"x"}
        retain(site.at, LAST, lease_times=IMPATIENT)
        assert laid(site, name) == {"d/stays": b"x"}
    known = (StateFolder(site.at).read(f"backups/{name}/removed") or b"").split(b"\0")[:-1]
    assert known == [b"d/f9"]  # of the newest backup itself
    state, found = StateFolder(site.at), catalogue(site.at)
    assert [one.removed for one in layers_of(state, found, found.find().record)] == [()]  # type: ignore[arg-type]


def test_what_had_gone_is_known_still_when_the_oldest_of_those_that_go_stays(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put({"d/stays": b"x", "d/a": b"a", "d/b": b"b"})
    names = [site.backup()]
    for gone in ("d/a", "d/b"):
        site.pair.remove(gone)
        names.append(site.backup())
    names.append(site.backup())
    states = {name: laid(site, name) for name in names}
    found = catalogue(site.at)
    hold(site.at, names[0], "it is being restored", by="ann")
    done = remove(site.at, found, names[:3], lambda: None)
    assert set(done.left) >= {names[0]}
    assert [one.name for one in catalogue(site.at).complete()] == [names[0], names[3]]
    assert {name: laid(site, name) for name in (names[0], names[3])} == {n: states[n] for n in (names[0], names[3])}


def damage(site: Site, name: str) -> None:
    """Make the record of a backup say nothing."""
    StateFolder(site.at).write(f"backups/{name}/complete.json", b"{}")


def test_a_damaged_backup_is_removed_by_its_name_and_the_others_hold_what_they_held(site: Site) -> None:
    states: dict[str, Files] = {}
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        states[site.backup()] = site.now()
    first, second, last = states
    damage(site, second)
    rehearsed = remove_backups(site.at, [second], dry_run=True)
    assert (rehearsed.state, rehearsed.would_remove, rehearsed.removed) == ("dry run", [second], [])
    assert [one.state for one in catalogue(site.at).backups] == ["complete", "damaged", "complete"]
    report = remove_backups(site.at, [second], lease_times=BUSY)
    assert report.removed == [second]
    assert (report.carried_files, report.carried_bytes) == (rehearsed.carried_files, rehearsed.carried_bytes)
    assert bool(report.carried_files) is (site.options.layout == "increments")
    for name in (first, last):
        assert site.held_by(name) == states[name]
    assert second not in {entry.path.partition("/")[0] for entry in site.at.scan()}
    if isinstance(site.at, Snapshots):
        assert not any(second in one.name for one in site.at.snapshots())
    assert site.held_by(site.backup()) == site.now()
    assert retain(site.at, LAST).left == {}


def test_only_damaged_and_incomplete_backups_that_nobody_needs_are_removed_by_name(
    site: Site, three: list[str]
) -> None:
    with pytest.raises(BadOption, match="by a policy alone"):
        remove_backups(site.at, three[:1])
    with pytest.raises(BackupMissing):
        remove_backups(site.at, ["000009-20260101T000000Z"])
    mark = hold(site.at, three[1], "audit", by="ann")
    damage(site, three[1])
    with pytest.raises(BadOption, match="held"):
        remove_backups(site.at, [three[1]])
    assert "audit" in catalogue(site.at).table()
    release(site.at, three[1], mark)
    damage(site, three[2])
    if site.options.layout in ("in place", "snapshots"):
        assert remove_backups(site.at, three[1:]).removed == three[1:]
    else:
        with pytest.raises(BadOption, match="make a backup first"):
            remove_backups(site.at, three[1:])
        site.backup()
        assert remove_backups(site.at, three[1:]).removed == three[1:]
        assert site.held_by(catalogue(site.at).find().name) == site.now()
    assert catalogue(site.at).find(three[0]).state == "complete"


def test_a_removal_by_name_that_leaves_something_fails_and_says_what(make_pair: Callable[[str, str], Pair]) -> None:
    class Stubborn(CrashAfter):
        def delete(self, items: Any) -> list[Failure]:
            return [Failure(one.path, "held by somebody") for one in items]

    site = Site(make_pair("hdfs", "objects"), "increments")
    names = []
    for content in (FIRST, SECOND):
        site.pair.put(content)
        names.append(site.backup())
    damage(site, names[0])
    with pytest.raises(RunFailed) as failed:
        remove_backups(Stubborn(site.at, 1 << 30), names[:1], lease_times=IMPATIENT)
    assert failed.value.report.state == "failed"
    assert "held by somebody" in failed.value.report.left[names[0]]
    assert remove_backups(site.at, names[:1], lease_times=IMPATIENT).left == {} or retain(site.at, LAST).left == {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [KINDS[0], KINDS[3], KINDS[5]], ids=" ".join)
def test_a_removal_by_name_that_is_killed_at_any_call_loses_nothing_and_is_ended_by_the_next(
    make_pair: Callable[[str, str], Pair], kind: tuple[str, str, str], when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        site = Site(make_pair(*kind[:2]), kind[2])
        states: dict[str, Files] = {}
        for content in (FIRST, SECOND, THIRD):
            site.pair.put(content)
            states[site.backup()] = site.now()
        first, second, last = states
        damage(site, second)
        try:
            mortal = Retrying(CrashAfter(site.at, calls, when=when), RetryPolicy(attempts=1))
            remove_backups(mortal, [second], lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        begun = any(one.state == "removing" for one in catalogue(site.at).backups)
        if begun:
            retain(site.at, RetentionPolicy(keep_last=9), lease_times=IMPATIENT)
        elif second in [one.name for one in catalogue(site.at).backups]:
            remove_backups(site.at, [second], lease_times=IMPATIENT)
        assert [one.name for one in catalogue(site.at).backups] == [first, last]
        for name in (first, last):
            assert site.held_by(name) == states[name]
        calls += 1
    assert calls > 3


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1], KINDS[3], KINDS[5]], ids=" ".join)
def test_an_incomplete_backup_is_removed_by_its_name_before_its_time(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = Site(make_pair(*kind[:2]), kind[2])
    site.pair.put(FIRST)
    first, before = site.backup(), site.now()
    site.change()
    with pytest.raises(RunFailed):
        backup(Retrying(Unreadable(site.source, "d/b"), RetryPolicy(attempts=1)), site.at, site.options)
    half = catalogue(site.at).backups[-1].name
    assert retain(site.at, LAST).removed == []
    assert remove_backups(site.at, [half]).removed == [half]
    assert [one.name for one in catalogue(site.at).backups] == [first]
    assert site.held_by(first) == before
    assert site.held_by(site.backup()) == site.now()


def test_a_dry_run_tells_what_letting_the_oldest_go_copies(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    for content in (FIRST, SECOND, THIRD):
        site.pair.put(content)
        site.backup()
    rehearsed = retain(site.at, LAST, dry_run=True)
    assert (rehearsed.carried_files, rehearsed.carried_bytes) == (6, 2000 + 5 + 2 + 3000 + 2997 + 7)
    assert "would carry on" in rehearsed.table()
    report = retain(site.at, LAST)
    assert (report.carried_files, report.carried_bytes) == (rehearsed.carried_files, rehearsed.carried_bytes)
