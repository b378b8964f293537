"""Incomplete backups are removed, or refused to be, and what is made afterwards holds what its location held: no file is missing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import backup, catalogue, clock, hold, remove_backups, replicate, retain
from airflow_provider_livedata.engine.backups.record import Intent, file_of
from airflow_provider_livedata.engine.backups.removing import remove
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.errors import BadOption, RunFailed, StoreFull
from airflow_provider_livedata.engine.flows import backup as backing_up
from airflow_provider_livedata.engine.model import Entry, Failure
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Upload, Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Files, Pair, contents
from tests.crash.test_backup import FIRST, KINDS, SECOND, THIRD, FullFor, Site, Unreadable
from tests.crash.test_crashes import IMPATIENT

LAST = RetentionPolicy(keep_last=1)
IN_DIRECTORIES = [KINDS[0], KINDS[1], KINDS[4]]  # where each backup has a directory of its own
LATE: Files = {"late": b"came after the crash"}


@pytest.fixture(autouse=True)
def _seconds_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two backups are begun in one second, as nobody would: so they have different names, also where a number is used again."""
    ticks = itertools.count()
    monkeypatch.setattr(backing_up, "now_ms", lambda: clock.now_ms() + 1000 * next(ticks))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [*IN_DIRECTORIES, KINDS[2], KINDS[3], KINDS[7]], ids=" ".join)
def test_a_backup_killed_at_any_call_can_be_removed_or_is_refused_and_the_next_one_is_whole(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    calls, removed, refused = 0, 0, 0
    while True:
        site = _site(make_pair, kind)
        site.pair.put(FIRST)
        first, before = site.backup(), site.now()
        site.change()
        try:
            site.backup(_mortal(site.at, calls, when))
        except Crash:
            pass
        else:
            break
        newest = catalogue(site.at).backups[-1]
        if newest.state == "incomplete":
            try:
                removed += remove_backups(site.at, [newest.name], lease_times=IMPATIENT).removed == [newest.name]
            except BadOption:
                refused += 1
        site.pair.put(LATE)
        last = site.backup()
        assert site.held_by(last) == site.now(), (calls, catalogue(site.at).table())
        assert site.held_by(first) == before
        calls += 1
    assert removed > 0
    assert bool(refused) is (kind[2] in ("increments", "tree"))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [*IN_DIRECTORIES, KINDS[3]], ids=" ".join)
def test_a_removal_of_an_incomplete_backup_that_is_killed_at_any_call_leaves_the_next_one_whole(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    calls, states = 0, set[str]()
    while True:
        site = _site(make_pair, kind)
        site.pair.put(FIRST)
        first, before = site.backup(), site.now()
        half = _fails(site)
        try:
            remove_backups(_mortal(site.at, calls, when), [half], lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        states |= {one.state for one in catalogue(site.at).backups}
        site.pair.put(LATE)
        site.pair.remove("new/n")
        last = site.backup()
        assert site.held_by(last) == site.now(), (calls, catalogue(site.at).table())
        assert site.held_by(first) == before
        assert site.held_by(site.backup()) == site.now()
        retain(site.at, RetentionPolicy(keep_last=9), lease_times=IMPATIENT)
        assert {one.state for one in catalogue(site.at).backups} == {"complete"}
        calls += 1
    assert states == {"complete", "incomplete", "removing"}


@pytest.mark.parametrize("kind", IN_DIRECTORIES, ids=" ".join)
def test_an_incomplete_backup_that_the_next_one_builds_on_is_not_removed(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = _site(make_pair, kind)
    site.pair.put(FIRST)
    site.backup()
    site.change()
    half, then = _is_brought(site), site.now()
    for dry_run in (True, False):
        with pytest.raises(BadOption, match="make a backup, which completes it"):
            remove_backups(site.at, [half], dry_run=dry_run)
        report = retain(site.at, LAST, now=datetime.now(UTC) + timedelta(days=9), dry_run=dry_run)
        assert (report.removed, report.would_remove, report.left) == ([], [], {})
        assert "all of it is there: the next backup completes it" in report.decided
    assert "the next backup completes it" in remove(site.at, catalogue(site.at), [half], lambda: None).left[half]
    site.pair.put(THIRD)
    made = backup(site.source, site.at, site.options, lease_times=IMPATIENT)
    assert made.finished_before == half
    assert site.held_by(half) == then
    assert site.held_by(made.name) == site.now()


@pytest.mark.parametrize("kind", IN_DIRECTORIES, ids=" ".join)
def test_the_state_of_a_night_that_was_cut_off_is_not_taken_for_that_of_a_later_one(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = _site(make_pair, kind)
    site.pair.put(FIRST)
    site.backup()
    site.change()
    with pytest.raises(Crash):
        site.backup(Retrying(_DiesAtAFile(site.at, 1 << 30), RetryPolicy(attempts=1)))
    assert isinstance(site.source, Snapshots)
    assert len(site.source.snapshots()) == 2
    half = catalogue(site.at).backups[-1].name
    assert remove_backups(site.at, [half], lease_times=IMPATIENT).removed == [half]
    site.pair.put(LATE)
    last = site.backup()
    assert site.held_by(last)["late"] == LATE["late"]
    assert site.held_by(last) == site.now()


def test_the_runs_of_a_location_are_left_alone_when_a_snapshot_of_it_is_removed(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "hdfs")
    pair.put(FIRST)
    replicate(pair.source, pair.target)
    pair.put(SECOND)
    with pytest.raises(RunFailed):
        replicate(Retrying(Unreadable(pair.source, "d/b"), RetryPolicy(attempts=1)), pair.target)
    replica = Site(Pair(pair.target, pair.target), "in place")
    with pytest.raises(StoreFull):
        replica.backup(Retrying(FullFor(pair.target, "complete.json"), RetryPolicy(attempts=1)))
    half, state = catalogue(pair.target).backups[-1].name, StateFolder(pair.target)
    left = [entry.path for entry in state.files("runs")]
    assert any("/journal/" in path for path in left)
    assert remove_backups(pair.target, [half], lease_times=IMPATIENT).removed == [half]
    assert [entry.path for entry in state.files("runs")] == left
    replicate(pair.source, pair.target)
    ours = {path: data for path, data in contents(pair.target).items() if path.partition("/")[0] != FOLDER}
    assert ours == contents(pair.source)


def test_an_incomplete_backup_of_long_ago_takes_nothing_from_the_one_that_is_being_made(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = _site(make_pair, KINDS[0])
    site.pair.put(FIRST)
    site.backup()
    old = Intent("000001-20200101T000000Z", "increments", "hdfs://nn1/data", 0, 0, "somebody who lost the lease")
    StateFolder(site.at).write_json(file_of(old.name, "intent"), asdict(old))
    half = _fails(site)
    assert retain(site.at, RetentionPolicy(keep_last=9)).removed == [old.name]
    assert site.backup() == half
    assert site.held_by(half) == site.now()


def test_an_incomplete_backup_stays_one_while_its_files_or_journals_cannot_be_removed(
    make_pair: Callable[[str, str], Pair],
) -> None:
    site = _site(make_pair, KINDS[0])
    site.pair.put(FIRST)
    first = site.backup()
    half = _fails(site)
    for text in ("new/n", "/journal/"):
        with pytest.raises(RunFailed) as failed:
            remove_backups(_Stubborn(site.at, text), [half], lease_times=IMPATIENT)
        assert text in failed.value.report.left[half]
        assert [one.state for one in catalogue(site.at).backups] == ["complete", "incomplete"]
    assert remove_backups(site.at, [half], lease_times=IMPATIENT).removed == [half]
    assert [one.name for one in catalogue(site.at).backups] == [first]
    assert site.held_by(site.backup()) == site.now()


class _DiesAtAFile(CrashAfter):
    """The process dies as the first file of a backup is to be written."""

    def put(self, path: str, *args: Any, **options: Any) -> Entry:
        self.left = self.left if path.partition("/")[0] == FOLDER else 0
        return super().put(path, *args, **options)

    def begin(self, path: str, *args: Any, **options: Any) -> Upload:
        self.left = 0
        return super().begin(path, *args, **options)


class _Stubborn(CrashAfter):
    """Files whose paths hold some text cannot be deleted."""

    def __init__(self, zone: Zone, text: str) -> None:
        super().__init__(zone, 1 << 30)
        self._text = text

    def delete(self, entries: Any) -> list[Failure]:
        failures = [Failure(one.path, "held by somebody") for one in entries if self._text in one.path]
        return failures + super().delete([one for one in entries if self._text not in one.path])


def _site(make_pair: Callable[[str, str], Pair], kind: tuple[str, str, str]) -> Site:
    source, target, layout = kind
    return Site(make_pair(source, target or "hdfs"), layout)


def _mortal(zone: Zone, calls: int, when: Literal["before", "after"]) -> Zone:
    return Retrying(CrashAfter(zone, calls, when=when), RetryPolicy(attempts=1))


def _fails(site: Site) -> str:
    """Change the source and fail to back it up; the name of the backup, some of whose files are there."""
    site.change()
    with pytest.raises(RunFailed):
        backup(Retrying(Unreadable(site.source, "d/b"), RetryPolicy(attempts=1)), site.at, site.options)
    return catalogue(site.at).backups[-1].name


def _is_brought(site: Site) -> str:
    """Back it up, all but the record; the name of the backup."""
    full = Retrying(FullFor(site.at, "complete.json"), RetryPolicy(attempts=1))
    with pytest.raises(StoreFull):
        site.backup(full)
    return catalogue(site.at).backups[-1].name


@pytest.mark.parametrize("kind", IN_DIRECTORIES, ids=" ".join)
def test_an_incomplete_backup_that_is_held_while_its_removal_begins_keeps_its_files(
    kind: tuple[str, str, str], make_pair: Callable[[str, str], Pair]
) -> None:
    site = _site(make_pair, kind)
    site.pair.put(FIRST)
    site.backup()
    half = _fails(site)

    class HeldMeanwhile(Around):
        def scan(self, under: str = "") -> Iterator[Entry]:
            if under == half:
                hold(site.at, half, "somebody looks into it", by="a test")
            return super().scan(under)

    there = [entry.path for entry in site.at.scan(half)]
    assert there
    try:
        left = remove_backups(HeldMeanwhile(site.at), [half], lease_times=IMPATIENT).left
    except RunFailed as failed:
        left = failed.report.left
    assert "held it meanwhile" in left[half]
    assert [entry.path for entry in site.at.scan(half)] == there
    assert [one.state for one in catalogue(site.at).backups if one.name == half] == ["incomplete"]
