"""A policy lets backups go; holds, damage and cut-off removals are respected; and what stays is proved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_livedata.engine import catalogue, hold, release, retain, verify_backup
from airflow_provider_livedata.engine.errors import BackupMissing, BackupUnusable, BadOption, TargetHeld
from airflow_provider_livedata.engine.lease import Lease
from airflow_provider_livedata.engine.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.state import StateFolder
from tests.crash.conftest import Pair
from tests.crash.test_backup import BUSY, FIRST, KINDS, SECOND, THIRD, Site

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
