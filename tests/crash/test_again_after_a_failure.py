"""Runs after one that failed or died: what is theirs at the target is not taken for somebody else's, and nothing is taken for what it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.errors import PermissionRefused, RunFailed, TargetTouched
from airflow_provider_livedata.engine.model import Attributes, Entry, Failure
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Pair, contents, put
from tests.crash.test_crashes import IMPATIENT

ALL = ReplicateOptions(max_delete_ratio=1.0, threads=1)


class OnOnePath(Around):
    """A zone, and its views, that do something else with one path."""

    def __init__(self, zone: Any, path: str) -> None:
        super().__init__(zone)
        self.path = path

    def around_zone(self, zone: Any) -> Any:
        return type(self)(zone, self.path)


class RefusesDelete(OnOnePath):
    """Does not delete one path."""

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        rest = [one for one in entries if one.path != self.path]
        refused = [Failure(self.path, "not now") for one in entries if one.path == self.path]
        return refused + super().delete(rest)


class FailsToPut(OnOnePath):
    """Does not take one file."""

    def put(self, path: str, *args: Any, **options: Any) -> Entry:
        if path == self.path:
            raise PermissionRefused("not now", path=path)
        return super().put(path, *args, **options)


@pytest.mark.parametrize("foreign", ["stop", "keep"])
@pytest.mark.parametrize("like", ["files", "hdfs", "local"])
def test_a_directory_that_could_not_go_since_a_file_in_it_stayed_goes_with_the_next_run(
    make_pair: Callable[[str, str], Pair], like: str, foreign: Any
) -> None:
    pair, options = make_pair("hdfs", like), replace(ALL, foreign=foreign)
    pair.put({"d/x": b"x", "d/y": b"y", "keep": b"1"})
    replicate(pair.source, pair.target, options)
    pair.remove("d/x", "d/y", "d")
    with pytest.raises(RunFailed, match="d/x"):
        replicate(pair.source, RefusesDelete(pair.target, "d/x"), options)
    assert replicate(pair.source, pair.target, options).failed == 0
    assert contents(pair.target) == contents(pair.source) == {"keep": b"1"}


def test_a_marker_that_has_the_name_of_a_file_goes_and_the_file_stays(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("objects", "objects")
    put(pair.source, "logs", b"a file")
    pair.source.make_directory("logs")
    put(pair.source, "other", b"1")
    replicate(pair.source, pair.target, ALL)
    (marker,) = [one for one in pair.source.scan() if one.kind == "directory"]
    assert pair.source.delete([marker]) == []
    for _ in range(2):
        assert replicate(pair.source, pair.target, ALL).failed == 0
        assert [one.key for one in pair.target.scan()] == ["logs", "other"]
    assert replicate(pair.source, pair.target, ALL).changes == 0


def test_a_local_file_that_a_dead_run_was_about_to_rename_is_still_ours(
    make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair("hdfs", "local")
    pair.put({"a": b"1", "keep": b"1"})
    replicate(pair.source, pair.target, ALL)
    pair.source.rename("a", "b")  # type: ignore[attr-defined]
    pair.source.set_attributes("b", Attributes(mode=0o600))  # type: ignore[attr-defined]

    placing = type(pair.target._stage).place  # type: ignore[attr-defined]

    def dies_at_a(stage: Any, name: str, *rest: Any) -> Any:
        if name == "a":
            raise Crash
        return placing(stage, name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(type(pair.target._stage), "place", dies_at_a)  # type: ignore[attr-defined]
        with pytest.raises(Crash):
            replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT)
    report = replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT)
    assert report.failed == 0
    assert contents(pair.target) == {"b": b"1", "keep": b"1"}


@pytest.mark.parametrize("like", ["objects", "hdfs", "local"])
def test_files_of_one_size_and_time_that_were_swapped_by_renames_come_wherever_a_run_dies(
    make_pair: Callable[[str, str], Pair], like: str
) -> None:
    for calls in range(200):
        pair = make_pair("hdfs", like)
        pair.put({"a": b"one", "b": b"two", "keep": b"1"})
        _share_version(pair.source, "a", "b")
        replicate(pair.source, pair.target, ALL)
        for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
            pair.source.rename(old, new)  # type: ignore[attr-defined]
        died = False
        try:
            replicate(
                pair.source,
                Retrying(CrashAfter(pair.target, calls), RetryPolicy(attempts=1)),
                ALL,
                lease_times=IMPATIENT,
            )
        except Crash:
            died = True
        replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT)
        assert contents(pair.target) == contents(pair.source) == {"a": b"two", "b": b"one", "keep": b"1"}, calls
        if not died:
            break
    assert 10 < calls < 199


@pytest.mark.parametrize("like", ["objects", "hdfs"])
def test_what_was_renamed_after_a_refused_run_is_still_moved_and_not_copied(
    make_pair: Callable[[str, str], Pair], like: str
) -> None:
    pair = _with_renamed_directories(make_pair, like)
    put(pair.target, "fresh", b"theirs")
    with pytest.raises(TargetTouched):
        replicate(pair.source, pair.target, ALL)
    (entry,) = [one for one in pair.target.scan() if one.path == "fresh"]
    assert pair.target.delete([entry]) == []
    report = replicate(pair.source, pair.target, ALL)
    assert (report.copied_files, report.renamed) == (1, 3)
    assert contents(pair.target) == contents(pair.source)


@pytest.mark.parametrize("like", ["objects", "hdfs"])
def test_what_was_renamed_is_still_moved_after_a_run_that_failed_while_it_staged(
    make_pair: Callable[[str, str], Pair], like: str
) -> None:
    pair, staged = _with_renamed_directories(make_pair, like), replace(ALL, consistency="snapshot")
    with pytest.raises(RunFailed):
        replicate(FailsToRead(pair.source, "fresh"), pair.target, staged)
    report = replicate(pair.source, pair.target, staged)
    assert (report.copied_files, report.renamed) == (1, 3)
    assert contents(pair.target) == contents(pair.source)


@pytest.mark.parametrize("like", ["objects", "hdfs"])
def test_a_published_swap_whose_commit_somebody_took_away_is_not_moved_back(
    make_pair: Callable[[str, str], Pair], like: str
) -> None:
    staged = replace(ALL, consistency="snapshot")
    for calls in range(200):
        pair = make_pair("hdfs", like)
        pair.put({"a": b"one", "b": b"two", "keep": b"1"})
        _share_version(pair.source, "a", "b")
        replicate(pair.source, pair.target, staged)
        for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
            pair.source.rename(old, new)  # type: ignore[attr-defined]
        dying = Retrying(CrashAfter(pair.target, calls), RetryPolicy(attempts=1))
        try:
            replicate(pair.source, dying, staged, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        StateFolder(pair.target).remove("runs/000000000002", only=lambda name: name.endswith("/commit.json"))
        replicate(pair.source, pair.target, staged, lease_times=IMPATIENT)
        assert contents(pair.target) == contents(pair.source), f"died at call {calls}"
    assert 10 < calls < 199


class FailsToRead(OnOnePath):
    """Does not give one file."""

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == self.path:
            raise PermissionRefused("not now", path=path)
        return super().read_into(path, offset, buffer, version=version)


def _with_renamed_directories(make_pair: Callable[[str, str], Pair], like: str) -> Pair:
    """A directory that was replaced by another one, as a table that is made anew beside the old one."""
    pair = make_pair("hdfs", like)
    pair.put({"current/a": b"1", "current/b": b"22", "new/a": b"333", "keep": b"1"})
    replicate(pair.source, pair.target, ALL)
    for old, new in (("current", "old"), ("new", "current")):
        pair.source.rename(old, new)  # type: ignore[attr-defined]
    pair.put({"fresh": b"ours"})
    return pair


def _share_version(zone: Any, one: str, other: str) -> None:
    """As two files have that were written within a millisecond and are of one size."""
    store, at = zone.store, zone.address.join(other).path
    store._keep(at, replace(zone._file(other), version=zone._file(one).version, written_ms=zone._file(one).written_ms))


def test_what_a_dead_run_was_only_to_forget_is_somebody_elses_when_it_is_there_again(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"x": b"1", "keep": b"1"})
    replicate(pair.source, pair.target, ALL)
    pair.remove("x")
    (entry,) = [one for one in pair.target.scan() if one.path == "x"]
    assert pair.target.delete([entry]) == []
    pair.put({"new": b"new"})
    with pytest.raises(RunFailed):
        replicate(pair.source, FailsToPut(pair.target, "new"), ALL)
    put(pair.target, "x", b"theirs")
    with pytest.raises(TargetTouched):
        replicate(pair.source, pair.target, ALL)
    assert contents(pair.target)["x"] == b"theirs"
