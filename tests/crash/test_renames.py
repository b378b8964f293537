"""Renames at the source are renames at the target: nothing is read again, whatever is in the way, whenever a run dies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.errors import TooManyDeletes, Unsupported
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter, Flaky
from tests.crash.conftest import Files, Pair, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_difference import check_records, state_of

ALL = ReplicateOptions(max_delete_ratio=1.0, threads=1)
FILES: Files = {
    "a/f": b"a-f", "a/sub/g": b"a-sub-g" * 500, "a/empty": b"", "b/f": b"b-f", "b/h": b"b-h", "c/f": b"c-f", "keep": b"keep",
    "a/hollow": None,
}  # fmt: skip
Change = Callable[[Pair], None]


def chain(pair: Pair) -> None:
    rename(pair, ("b", "d"), ("a", "b"))


def cycle(pair: Pair) -> None:
    rename(pair, ("a", "x"), ("c", "a"), ("b", "c"), ("x", "b"))


def swap_files(pair: Pair) -> None:
    rename(pair, ("a/f", "x"), ("b/f", "a/f"), ("x", "b/f"))


def over_a_deleted_one(pair: Pair) -> None:
    pair.remove("b/f", "b/h", "b")
    rename(pair, ("a", "b"))


def nested(pair: Pair) -> None:
    rename(pair, ("a/sub", "z"), ("a", "z/a"), ("b", "z/a/sub"))


def into_itself(pair: Pair) -> None:
    rename(pair, ("a", "x"))
    pair.source.make_directory("a")
    rename(pair, ("x", "a/b"))


def to_its_parents_place(pair: Pair) -> None:
    rename(pair, ("a/sub", "x"))
    pair.remove("a/f", "a/empty", "a/hollow", "a")
    rename(pair, ("x", "a"))


def rename(pair: Pair, *moves: tuple[str, str]) -> None:
    for old, new in moves:
        pair.source.rename(old, new)  # type: ignore[attr-defined]


RENAMES: list[tuple[Change, int]] = [
    (lambda pair: rename(pair, ("keep", "kept")), 1),
    (lambda pair: rename(pair, ("a", "moved/deep/a")), 3),
    (chain, 5), (cycle, 6), (swap_files, 2), (over_a_deleted_one, 3), (nested, 5), (into_itself, 3), (to_its_parents_place, 1),
]  # fmt: skip


def check(pair: Pair) -> None:
    assert contents(pair.target) == contents(pair.source)
    if pair.target.facts.scheme == "memory" and pair.target.facts.has_directories:
        assert state_of(pair.target) == state_of(pair.source)  # type: ignore[arg-type]
    check_records(pair.source, pair.target)  # type: ignore[arg-type]
    assert verify(pair.source, pair.target, level="content").is_same
    assert [entry.path for entry in pair.target.scan(".livedata/stage/held") if entry.kind == "file"] == []


def bring(pair: Pair, *, copied_files: int, renamed: int) -> None:
    report = replicate(pair.source, pair.target, ALL)
    assert (report.copied_files, report.renamed) == (copied_files, renamed)
    check(pair)


@pytest.mark.parametrize(("change", "renamed"), RENAMES)
def test_what_was_renamed_is_not_read_again(copied: Pair, change: Change, renamed: int) -> None:
    change(copied)
    counting = Counting(copied.source)
    report = replicate(counting, copied.target, ALL)
    assert (report.copied_files, report.renamed, counting.counts.read_bytes) == (0, renamed, 0)
    check(copied)
    assert replicate(copied.source, copied.target, ALL).changes == 0


def test_a_renamed_file_is_no_deleted_one(copied: Pair) -> None:
    rename(copied, ("a/f", "a/f2"), ("b/f", "c/f2"))
    report = replicate(copied.source, copied.target, ALL)
    assert (report.renamed, report.deleted, report.changes >= 2) == (2, 0, True)


def test_what_changed_in_a_renamed_directory_is_copied_and_the_rest_is_not(copied: Pair) -> None:
    rename(copied, ("a", "z"))
    copied.put({"z/f": b"changed", "z/new": b"new"})
    copied.remove("z/empty")
    bring(copied, copied_files=2, renamed=1)


def test_a_name_that_is_used_again_has_its_new_bytes(copied: Pair) -> None:
    rename(copied, ("a/f", "a/old"))
    copied.put({"a/f": b"again"})
    bring(copied, copied_files=1, renamed=1)


def test_a_file_where_the_renamed_directory_was(copied: Pair) -> None:
    rename(copied, ("a", "z"))
    copied.put({"a": b"a file now"})
    bring(copied, copied_files=1, renamed=3)


def test_attributes_that_changed_with_the_name_arrive(copied: Pair) -> None:
    rename(copied, ("a", "z"))
    copied.source.set_attributes("z/f", Attributes(mode=0o600, owner="ann"))  # type: ignore[attr-defined]
    bring(copied, copied_files=0, renamed=3)


def test_into_and_out_of_what_is_excluded(make_pair: Callable[[str, str], Pair]) -> None:
    pair, options = make_pair("hdfs", "objects"), ReplicateOptions(exclude=("tmp/**",), max_delete_ratio=1.0)
    pair.put({**FILES, "tmp/x": b"x"})
    replicate(pair.source, pair.target, options)
    rename(pair, ("tmp/x", "a/x"), ("b/f", "tmp/f"))
    report = replicate(pair.source, pair.target, options)
    assert (report.copied_files, report.renamed, report.deleted) == (1, 0, 1)
    wanted = {path: data for path, data in contents(pair.source).items() if not path.startswith("tmp/")}
    assert contents(pair.target) == wanted


def test_a_rename_of_everything_is_no_mass_delete_but_into_the_excluded_it_is(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair, options = make_pair("hdfs", "objects"), ReplicateOptions(exclude=("tmp/**",), max_delete_ratio=0.1)
    pair.put({"a/f": b"1", "a/g": b"2", "keep": b"3", "tmp/x": b"x"})
    replicate(pair.source, pair.target, options)
    rename(pair, ("a", "z"))
    assert replicate(pair.source, pair.target, options).renamed == 2
    rename(pair, ("z", "tmp/z"))
    with pytest.raises(TooManyDeletes):
        replicate(pair.source, pair.target, options)


def test_what_the_target_does_not_rename_is_copied(copied: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unsupported("no renames today")

    monkeypatch.setattr(type(copied.target), "move", refuse)
    cycle(copied)
    report = replicate(copied.source, copied.target, ALL)
    assert (report.copied_files, report.renamed, report.failed) == (6, 0, 0)
    check(copied)


def test_an_origin_that_someone_else_replaced_is_not_taken(copied: Pair) -> None:
    chain(copied)
    copied.target.put("keep", b"keep")  # elsewhere: not looked at
    for entry in [entry for entry in copied.target.scan("a/sub") if entry.kind == "file"]:
        copied.target.delete([entry])
    report = replicate(copied.source, copied.target, ALL)
    assert (report.copied_files, report.renamed) == (1, 4)
    assert contents(copied.target) == contents(copied.source)


@pytest.mark.parametrize("seed", range(3))
def test_lost_replies_and_throttling_change_nothing_in_the_end(copied: Pair, seed: int) -> None:
    cycle(copied)
    unwell = Retrying(Flaky(copied.target, seed=seed, rate=0.3), RetryPolicy(attempts=40, base_s=0, max_s=0))
    counting = Counting(copied.source)
    report = replicate(counting, unwell, ALL)
    assert (report.copied_files, report.renamed, counting.counts.read_bytes) == (0, 6, 0)
    check(copied)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
@pytest.mark.parametrize("change", [cycle, nested, over_a_deleted_one])
def test_a_run_killed_at_any_call_ends_right_after_the_next(
    make_pair: Callable[[str, str], Pair], change: Change, target_like: str, when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        pair = make_pair("hdfs", target_like)
        pair.put(FILES)
        replicate(pair.source, pair.target, ALL)
        change(pair)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            replicate(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), ALL, lease_times=IMPATIENT)
        except Crash:
            pass
        else:
            break
        if calls % 2:  # by then the source may have gone on
            rename(pair, ("c", "later") if pair.source.stat("c") else ("b", "later"))
        replicate(pair.source, pair.target, ALL, lease_times=IMPATIENT)
        check(pair)
        assert replicate(pair.source, pair.target, ALL).changes == 0
        calls += 1
    assert calls > 10
