"""A directory that the source moved is moved whole at the target, in one call, whatever changed inside; else file by file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Difference, Snapshot
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.memory.zone import MemoryFiles
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter, Flaky
from tests.crash.conftest import Files, Pair, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_model import append
from tests.crash.test_renames import ALL, check, rename
from tests.crash.test_staged import STAGED, is_committed, rolled_forward

FILES: Files = {
    "d/f": b"d-f", "d/g": b"d-g" * 500, "d/sub/h": b"h", "d/sub/i": b"i", "d/hollow": None, "d/was-file": b"1", "d/was-dir/x": b"2",
    "d/was-dir/deep/y": b"3", "d/gone/z": b"4", "other/f": b"o", "keep": b"keep",
}  # fmt: skip
KINDS = ["files", "hdfs", "local"]
FILES_BELOW_D = sum(path.startswith("d/") and data is not None for path, data in FILES.items())
BOTH = [ALL, STAGED]
Change = Callable[[Pair], None]


@pytest.fixture(params=KINDS)
def copied(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    pair = make_pair("hdfs", request.param)
    pair.put(FILES)
    replicate(pair.source, pair.target, ALL)
    return pair


def move(pair: Pair) -> None:
    rename(pair, ("d", "moved"))


def change_inside(pair: Pair) -> None:
    """Everything that may happen to what is in a moved directory, but that it is moved on."""
    pair.source.make_directory("new/deep")
    rename(pair, ("d", "new/deep/d"))
    pair.put({"new/deep/d/f": b"written anew", "new/deep/d/sub/new": b"new", "new/deep/d/sub/new-dir/j": b"j"})
    pair.remove("new/deep/d/gone/z", "new/deep/d/gone", "new/deep/d/sub/h", "new/deep/d/was-file")
    pair.remove(*(f"new/deep/d/was-dir{path}" for path in ("/deep/y", "/deep", "/x", "")))
    pair.put({"new/deep/d/was-file/now": b"a directory", "new/deep/d/was-dir": b"a file"})
    append(pair.source, "new/deep/d/sub/i", b"more")  # type: ignore[arg-type]
    pair.source.set_attributes("new/deep/d/sub", Attributes(mode=0o700))  # type: ignore[attr-defined]
    pair.source.set_attributes("new/deep/d/g", Attributes(mode=0o600))  # type: ignore[attr-defined]


def use_name_again(pair: Pair) -> None:
    move(pair)
    pair.put({"d/f": b"again"})


def bring(pair: Pair, options: ReplicateOptions) -> tuple[int, int]:
    """Renames of directories, and of files, that it took."""
    counting = Counting(pair.target)
    report = replicate(pair.source, counting, options)
    assert report.failed == 0
    check(pair)
    assert replicate(pair.source, pair.target, replace(options, find_by="listings")).changes == 0  # versions are known
    return counting.counts.calls["rename"], counting.counts.calls["move"]


@pytest.mark.parametrize("options", BOTH, ids=lambda one: one.consistency)
def test_a_moved_directory_costs_one_call(copied: Pair, options: ReplicateOptions) -> None:
    move(copied)
    counting, reading = Counting(copied.target), Counting(copied.source)
    report = replicate(reading, counting, options)
    assert (report.renamed, report.copied_files, report.deleted) == (FILES_BELOW_D, 0, 6)
    assert (counting.counts.calls["rename"], counting.counts.calls["move"]) == (1, 0)
    assert reading.counts.read_bytes == 0
    check(copied)
    assert replicate(copied.source, copied.target, options).changes == 0


@pytest.mark.parametrize("options", BOTH, ids=lambda one: one.consistency)
def test_what_changed_inside_is_brought_and_the_rest_comes_with_the_directory(
    copied: Pair, options: ReplicateOptions
) -> None:
    change_inside(copied)
    assert bring(copied, options) == (1, 0)


def test_several_directories_are_each_moved_in_one_call(copied: Pair) -> None:
    rename(copied, ("d/sub", "sub"), ("other", "d/other"), ("keep", "kept"))
    assert bring(copied, ALL) == (2, 1)


def test_a_directory_out_of_a_moved_one_is_moved_whole_and_the_rest_file_by_file(copied: Pair) -> None:
    rename(copied, ("d/sub", "sub"), ("d", "moved"))
    assert bring(copied, ALL) == (1, FILES_BELOW_D - 2)


@pytest.mark.parametrize(
    "changed",
    [
        lambda pair: rename(pair, ("d/f", "f"), ("d", "moved")),
        lambda pair: rename(pair, ("keep", "d/keep"), ("d", "moved")),
        use_name_again,
    ],
    ids=["moved out", "moved in", "old name used again"],
)  # fmt: skip
@pytest.mark.parametrize("options", BOTH, ids=lambda one: one.consistency)
def test_where_more_was_moved_it_is_moved_file_by_file(
    copied: Pair, changed: Change, options: ReplicateOptions
) -> None:
    changed(copied)
    directories, files = bring(copied, options)
    assert directories == 0
    assert files >= FILES_BELOW_D - 1


def test_a_directory_that_holds_what_is_not_ours_stays_and_ours_is_moved_out_of_it(copied: Pair) -> None:
    copied.target.put("d/sub/foreign", b"not ours")
    move(copied)
    counting = Counting(copied.target)
    with pytest.raises(LiveDataError, match="not write"):
        replicate(copied.source, counting, ALL)
    assert copied.target.stat("d/sub/foreign") is not None
    kept = ReplicateOptions(max_delete_ratio=1.0, threads=1, foreign="keep")
    replicate(copied.source, counting, kept)
    assert counting.counts.calls["rename"] == 0
    assert contents(copied.target)["d/sub/foreign"] == b"not ours"
    assert contents(copied.target)["moved/sub/h"] == b"h"


def test_a_directory_with_something_excluded_at_the_target_stays(make_pair: Callable[[str, str], Pair]) -> None:
    pair, options = make_pair("hdfs", "hdfs"), ReplicateOptions(exclude=("**/tmp",), max_delete_ratio=1.0, threads=1)
    pair.put(FILES)
    replicate(pair.source, pair.target, options)
    pair.target.put("d/tmp", b"excluded")
    move(pair)
    counting = Counting(pair.target)
    replicate(pair.source, counting, options)
    assert (counting.counts.calls["rename"], counting.counts.calls["move"]) == (0, FILES_BELOW_D)
    assert contents(pair.target)["d/tmp"] == b"excluded"


def test_what_is_excluded_under_its_new_name_does_not_come_along(make_pair: Callable[[str, str], Pair]) -> None:
    pair, options = make_pair("hdfs", "hdfs"), ReplicateOptions(exclude=("moved/sub",), max_delete_ratio=1.0, threads=1)
    pair.put(FILES)
    replicate(pair.source, pair.target, options)
    move(pair)
    replicate(pair.source, pair.target, options)
    assert {path for path in contents(pair.target) if path.startswith("moved/sub")} == set()
    assert contents(pair.target)["moved/f"] == b"d-f"


@pytest.mark.parametrize("options", BOTH, ids=lambda one: one.consistency)
@pytest.mark.parametrize("changed", [move, change_inside])
def test_a_store_that_refuses_has_each_file_moved(
    copied: Pair, monkeypatch: pytest.MonkeyPatch, changed: Change, options: ReplicateOptions
) -> None:
    changed(copied)
    monkeypatch.setattr(type(copied.target), "rename", refuse_rename)
    directories, files = bring(copied, options)
    assert directories == 1
    assert files >= 1


def test_what_is_replaced_inside_a_moved_directory_is_kept(make_pair: Callable[[str, str], Pair]) -> None:
    pair, options = make_pair("hdfs", "local"), ReplicateOptions(max_delete_ratio=1.0, threads=1, keep_removed=7)
    pair.put(FILES)
    replicate(pair.source, pair.target, options)
    change_inside(pair)
    replicate(pair.source, pair.target, options)
    check(pair)
    kept = {entry.path.split("/", 3)[3] for entry in pair.target.scan(".livedata/removed") if entry.kind == "file"}
    assert kept == {"d/f", "d/sub/i", "d/sub/h", "d/was-file", "d/was-dir/x", "d/was-dir/deep/y", "d/gone/z"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", BOTH, ids=lambda one: one.consistency)
def test_lost_replies_and_throttling_change_nothing_in_the_end(
    copied: Pair, seed: int, options: ReplicateOptions
) -> None:
    change_inside(copied)
    unwell = Retrying(Flaky(copied.target, seed=seed, rate=0.3), RetryPolicy(attempts=40, base_s=0, max_s=0))
    assert replicate(copied.source, unwell, options).failed == 0
    check(copied)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("target_like", KINDS)
def test_a_run_killed_at_any_call_ends_right_after_the_next(
    make_pair: Callable[[str, str], Pair], target_like: str, when: Literal["before", "after"]
) -> None:
    calls, moved_before, sent_again = 0, 0, list[str]()
    while True:
        pair = make_pair("hdfs", target_like)
        pair.put(FILES)
        replicate(pair.source, pair.target, ALL)
        change_inside(pair)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            replicate(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), ALL, lease_times=IMPATIENT)
        except Crash:
            moved_before += pair.target.stat("d") is None and checkpoint_of(pair) == 1
        else:
            break
        if calls % 2:  # by then the source may have gone on
            rename(pair, ("new/deep/d", "on"))
        copied = replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT).copied_bytes
        if copied > 1000 and not calls % 2:  # the large file, which only got other rights
            sent_again.append(mortal.died_at)
        check(pair)
        assert replicate(pair.source, pair.target, ALL).changes == 0
        calls += 1
    assert calls > 10
    assert moved_before > 3
    # On a local disk the version changes with the rights, which may not have been written down.
    assert sent_again == [] or target_like == "local"


def checkpoint_of(pair: Pair) -> int:
    found = checkpoints.latest(StateFolder(pair.target))
    return found.run if found else 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("refuses", [False, True], ids=["", "refused at first"])
@pytest.mark.parametrize("target_like", KINDS)
def test_a_committed_move_is_carried_forward_from_the_target_alone(
    make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch, target_like: str,
    when: Literal["before", "after"], refuses: bool,
) -> None:  # fmt: skip
    calls = committed = 0
    while True:
        pair = make_pair("hdfs", target_like)
        pair.put(FILES)
        replicate(pair.source, pair.target, STAGED)
        old = contents(pair.target)
        change_inside(pair)
        new = contents(pair.source)
        with monkeypatch.context() as patched:
            if refuses:  # then each file is moved, and whoever comes next may move the directory after all
                patched.setattr(type(pair.target), "rename", refuse_rename)
            mortal = CrashAfter(pair.target, calls, when=when)
            try:
                replicate(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), STAGED, lease_times=IMPATIENT)
            except Crash:
                pass
            else:
                break
        calls += 1
        if not is_committed(pair):
            assert contents(pair.target) in (old, new)
        else:
            committed += 1
            if calls % 2:  # whoever rolls it forward may die as well
                with contextlib.suppress(Crash):
                    rolled_forward(Pair(pair.source, CrashAfter(pair.target, calls % 9, when=when)))  # type: ignore[arg-type]
            if is_committed(pair):
                assert rolled_forward(pair) is not None
            assert contents(pair.target) == new, f"call {calls}"
        replicate(pair.source, pair.target, STAGED, lease_times=IMPATIENT)
        check(pair)
        assert replicate(pair.source, pair.target, STAGED).changes == 0
    assert committed > 10


def refuse_rename(*_: object) -> None:
    raise Unsupported("not today")


def killed(make_pair: Callable[[str, str], Pair], calls: int) -> Pair:
    """A pair whose run was to move a directory, and died after so many calls."""
    pair = make_pair("hdfs", "hdfs")
    pair.put(FILES)
    replicate(pair.source, pair.target, STAGED)
    move(pair)
    mortal = Retrying(CrashAfter(pair.target, calls, when="after"), RetryPolicy(attempts=1))
    with pytest.raises(Crash):
        replicate(pair.source, mortal, STAGED, lease_times=IMPATIENT)
    return pair


def test_what_someone_else_put_where_a_file_came_with_its_directory_is_not_written_down_as_ours(
    make_pair: Callable[[str, str], Pair],
) -> None:
    ends = (killed(make_pair, calls) for calls in count())  # up to where the directory has just been moved
    pair = next(pair for pair in ends if pair.target.stat("moved") is not None)
    pair.target.put("moved/f", b"someone else's")
    with pytest.raises(LiveDataError, match="someone else"):
        replicate(pair.source, pair.target, STAGED, lease_times=IMPATIENT)
    assert contents(pair.target)["moved/f"] == b"someone else's"


def test_a_directory_with_one_that_may_not_be_listed_is_moved_file_by_file(copied: Pair) -> None:
    move(copied)
    copied.source.store.unlisted.add("data/moved/sub/")
    counting = Counting(copied.target)
    with pytest.raises(RunFailed):
        replicate(copied.source, counting, ALL)
    assert counting.counts.calls["rename"] == 0
    assert contents(copied.target)["d/sub/h"] == b"h"
    copied.source.store.unlisted.clear()
    replicate(copied.source, copied.target, ALL)
    check(copied)


@pytest.mark.parametrize("options", BOTH, ids=lambda one: one.consistency)
def test_a_directory_with_one_that_nobody_may_list_since_the_difference_was_told_is_not_moved_whole(
    copied: Pair, monkeypatch: pytest.MonkeyPatch, options: ReplicateOptions
) -> None:
    difference = type(copied.source).difference  # type: ignore[attr-defined]

    def told_and_forbidden(source: MemoryFiles, old: Snapshot, new: Snapshot, *, most: int) -> Difference:
        told: Difference = difference(source, old, new, most=most)
        source.at(new).store.unlisted.add("data/moved/sub/")  # type: ignore[attr-defined]
        return told

    move(copied)
    counting = Counting(copied.target)
    with monkeypatch.context() as patched:
        patched.setattr(type(copied.source), "difference", told_and_forbidden)
        with pytest.raises(RunFailed) as failed:
            replicate(copied.source, counting, options)
    assert [one.path for one in failed.value.report.failures] == ["moved/sub"]
    assert counting.counts.calls["rename"] == 0
    there = contents(copied.target)
    assert (there["d/sub/h"], "moved/sub/h" in there) == (b"h", False)
    replicate(copied.source, copied.target, options)
    check(copied)
