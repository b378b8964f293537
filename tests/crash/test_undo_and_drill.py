"""A restore can be undone, and a drill restores a sample, proves it and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine.errors import (
    BadOption,
    PathsOverlap,
    RunFailed,
    StoreFull,
    Unsupported,
    VerifyFailed,
)
from airflow_provider_livedata.engine.flows.drilling import drill
from airflow_provider_livedata.engine.flows.restoring import bring_back
from airflow_provider_livedata.engine.flows.undoing import undo_restore
from airflow_provider_livedata.engine.model import Attributes, Failure
from airflow_provider_livedata.engine.restores import drill_folders
from airflow_provider_livedata.engine.restores.options import DrillOptions, RestoreOptions
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Upload, Zone
from airflow_provider_livedata.engine.zones.below import Below
from airflow_provider_livedata.engine.zones.powers import SetAttributes
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Files, Pair, contents, put
from tests.crash.test_backup import BUSY
from tests.crash.test_restore import FILES, IMPATIENT, Damaged, back, made, spoil

TARGETS = ["hdfs to hdfs", "hdfs to files", "hdfs to objects", "hdfs to local"]


@pytest.mark.parametrize("kinds", TARGETS)
@pytest.mark.parametrize("paths", [(), ("d", "kind", "turn", "a")])
def test_a_mirror_can_be_undone(make_pair: Callable[[str, str], Pair], kinds: str, paths: tuple[str, ...]) -> None:
    pair = made(make_pair, kinds)
    back(pair.source, pair.target)
    spoil(pair.target)
    there = contents(pair.target)
    report = back(pair.source, pair.target, mode="mirror", paths=paths)
    assert report.before
    assert any(report.name in line for line in report.undo)
    restored = contents(pair.target)
    preserve = RestoreOptions(preserve=frozenset({"mode", "mtime"}), verify="content")
    undone = undo_restore(pair.target, report.name, preserve, lease_times=IMPATIENT)
    assert contents(pair.target) == there
    if "snapshot" in report.before:
        undo_restore(pair.target, undone.name, preserve, lease_times=IMPATIENT)
    else:
        back(pair.source, pair.target, mode="mirror", paths=paths)
    assert contents(pair.target) == restored


def looks(zone: Zone) -> dict[str, tuple[Any, ...]]:
    """All that is there, with the attributes that the zone keeps; objects tell when they were written, and nothing else."""
    has_times = zone.facts.has_directories
    return {entry.key: (entry.size_bytes, entry.mode, entry.mtime_ms if has_times else 0) for entry in zone.scan()}


@pytest.mark.parametrize("kinds", TARGETS)
@pytest.mark.parametrize("mode", ["mirror", "merge"])
def test_undoing_brings_back_empty_directories_and_attributes_of_what_was_not_replaced(
    make_pair: Callable[[str, str], Pair], kinds: str, mode: Literal["mirror", "merge"]
) -> None:
    pair = made(make_pair, kinds)
    back(pair.source, pair.target)
    pair.target.make_directory("void/inner")
    put(pair.target, "d/b", b"other" * 600)
    if isinstance(pair.target, SetAttributes):
        for path, bits in (("d/b", 0o640), ("a", 0o604), ("d", 0o711), ("void", 0o750), ("void/inner", 0o700)):
            pair.target.set_attributes(path, Attributes(mode=bits, mtime_ms=1_000_000))
    before = looks(pair.target)
    preserve = frozenset({"mode", "mtime"})
    report = back(pair.source, pair.target, mode=mode, preserve=preserve)
    assert (pair.target.stat("void/inner") is None) is (mode == "mirror")
    assert looks(pair.target) != before
    undo_restore(pair.target, report.name, RestoreOptions(preserve=preserve), lease_times=IMPATIENT)
    assert looks(pair.target) == before


def test_attributes_of_a_file_that_was_changed_since_stay_when_a_restore_is_undone(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = made(make_pair, "hdfs to local")
    back(pair.source, pair.target)
    pair.target.set_attributes("a", Attributes(mode=0o604))  # type: ignore[attr-defined]
    report = back(pair.source, pair.target, mode="merge")
    put(pair.target, "a", b"written since")
    there = looks(pair.target)["a"]
    undo_restore(pair.target, report.name, lease_times=IMPATIENT)
    assert looks(pair.target)["a"] == there


def test_a_file_that_came_and_was_changed_since_stays_when_a_restore_is_undone(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = made(make_pair, "hdfs to objects")
    put(pair.target, "keep", b"to be replaced")
    report = back(pair.source, pair.target, mode="merge")
    put(pair.target, "a", b"written since")
    undo_restore(pair.target, report.name, lease_times=IMPATIENT)
    assert contents(pair.target) == {"keep": b"to be replaced", "a": b"written since"}


@pytest.mark.parametrize("kinds", ["hdfs to objects", "hdfs to local"])
def test_what_an_undo_cannot_remove_fails_it_and_all_else_is_undone(
    make_pair: Callable[[str, str], Pair], kinds: str
) -> None:
    class Stubborn(CrashAfter):
        def delete(self, items: Any) -> list[Failure]:
            kept = [one for one in items if one.path in ("d/b", "empty")]
            failed = super().delete([one for one in items if one not in kept])
            return [*failed, *(Failure(one.path, "held by somebody", "PermissionRefused") for one in kept)]

    pair = made(make_pair, kinds)
    put(pair.target, "a", b"to be replaced")
    pair.target.make_directory("keep me")
    there = contents(pair.target)
    report = back(pair.source, pair.target, mode="mirror")
    with pytest.raises(RunFailed, match="2 items") as failed:
        undo_restore(Stubborn(pair.target, 1 << 30), report.name, lease_times=IMPATIENT)
    left = failed.value.report
    assert (left.state, left.failed, [one.path for one in left.failures]) == ("failed", 2, ["d/b", "empty"])
    assert "held by somebody" in left.table()
    stored = json.loads(StateFolder(pair.target).read(f"restores/{left.name}/report.json") or b"")
    assert (stored["state"], stored["failed"]) == ("failed", 2)
    stays = {"d": None, "d/b": FILES["d/b"], "empty": None}
    assert contents(pair.target) == {**there, **stays}
    undo_restore(pair.target, report.name, lease_times=IMPATIENT)
    assert contents(pair.target) == there


def test_what_an_undo_cannot_make_again_does_not_hide_what_failed_nor_stop_the_rest(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = made(make_pair, "hdfs to local")
    pair.target.make_directory("")
    put(pair.target, "a/x", b"in a directory of that name")
    for path in ("a/e", "z"):
        pair.target.make_directory(path)
    pair.target.set_attributes("z", Attributes(mode=0o700))  # type: ignore[attr-defined]
    report = back(pair.source, pair.target, mode="mirror")
    put(pair.target, "a", b"written since, so it stays")
    with pytest.raises(RunFailed) as failed:
        undo_restore(pair.target, report.name, lease_times=IMPATIENT)
    told = failed.value.report
    assert {"a/x", "a/e"} <= {one.path for one in told.failures}
    stored = json.loads(StateFolder(pair.target).read(f"restores/{told.name}/report.json") or b"")
    assert (stored["state"], stored["failed"]) == ("failed", told.failed)
    assert contents(pair.target)["a"] == b"written since, so it stays"
    assert looks(pair.target)["z/"][1] == 0o700


class LosesModes(Around):
    """Does not set the rights of one file."""

    def around_zone(self, zone: Any) -> Any:
        return LosesModes(zone)

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        if path == "a" and attributes is not None:
            attributes = attributes._replace(mode=0o666)
        return super().begin(path, size_bytes, attributes=attributes)


def test_what_an_undo_finds_different_does_not_stop_the_rest(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to local")
    put(pair.target, "a", b"to be replaced")
    pair.target.make_directory("z")
    pair.target.set_attributes("z", Attributes(mode=0o700))  # type: ignore[attr-defined]
    report = back(pair.source, pair.target, mode="mirror")
    assert pair.target.stat("z") is None
    with pytest.raises(VerifyFailed, match="a"):
        undo_restore(LosesModes(pair.target), report.name, lease_times=IMPATIENT)
    assert looks(pair.target)["z/"][1] == 0o700


@pytest.mark.parametrize("others", [1, 2, 3, 5])
@pytest.mark.parametrize("kinds", ["hdfs to objects", "hdfs to local"])
def test_an_older_restore_is_undone_wholly(make_pair: Callable[[str, str], Pair], kinds: str, others: int) -> None:
    pair = made(make_pair, kinds)
    put(pair.target, "a", b"to be replaced")
    there = contents(pair.target)
    report = back(pair.source, pair.target, mode="merge", paths=("a", "d/b"))
    for _ in range(others):
        put(pair.target, "keep", b"changed again")
        back(pair.source, pair.target, mode="merge", paths=("keep",))
    undo_restore(pair.target, report.name, lease_times=IMPATIENT)
    now = contents(pair.target)
    assert {path: data for path, data in now.items() if path not in ("keep", "d")} == there


@pytest.mark.parametrize("kinds", ["hdfs to hdfs", "hdfs to objects", "hdfs to local"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_state_before_is_that_before_the_first_attempt(
    make_pair: Callable[[str, str], Pair], kinds: str, when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        pair = made(make_pair, kinds)
        back(pair.source, pair.target)
        spoil(pair.target)
        pair.target.make_directory("void/inner")
        there = contents(pair.target)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            back(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), mode="mirror")
        except Crash:
            pass
        else:
            break
        report = back(pair.source, pair.target, mode="mirror")
        if report.attempt > 1:  # else the first one died before it began, or at its very end
            undo_restore(pair.target, report.name, lease_times=IMPATIENT)
            assert contents(pair.target) == there, f"died at call {calls}, {mortal.died_at}"
        calls += 3
    assert calls > 10


@pytest.mark.parametrize("kinds", ["hdfs to objects", "hdfs to local"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_directory_that_an_attempt_cut_off_had_made_goes_when_the_restore_is_undone(
    make_pair: Callable[[str, str], Pair], kinds: str, when: Literal["before", "after"]
) -> None:
    calls = found_there = 0
    while True:
        pair = made(make_pair, kinds, {"a": b"a", "d/sub/b": b"b", "empty": None})
        put(pair.target, "a", b"to be replaced")
        there = contents(pair.target)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            back(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), mode="merge")
        except Crash:
            pass
        else:
            break
        was_made = pair.target.stat("empty") is not None
        report = back(pair.source, pair.target, mode="merge")
        if report.attempt > 1:
            undo_restore(pair.target, report.name, lease_times=IMPATIENT)
            assert contents(pair.target) == there, f"died at call {calls}, {mortal.died_at}"
            found_there += was_made
        calls += 1
    assert found_there > 0


@pytest.mark.parametrize("kinds", TARGETS)
def test_what_a_restore_left_alone_is_left_alone_when_it_is_undone(
    make_pair: Callable[[str, str], Pair], kinds: str
) -> None:
    pair = made(make_pair, kinds, {**FILES, "scratch/old": b"in the backup"})
    put(pair.target, "a", b"there before")
    put(pair.target, "scratch/old", b"there before")
    report = back(pair.source, pair.target, mode="mirror", exclude=("scratch",))
    put(pair.target, "scratch/old", b"written since")
    put(pair.target, "scratch/new", b"written since")
    undo_restore(pair.target, report.name, RestoreOptions(exclude=("keep",)), lease_times=IMPATIENT)
    since = dict.fromkeys(("scratch/old", "scratch/new"), b"written since")
    assert contents(pair.target) == {"a": b"there before", "keep": FILES["keep"], "scratch": None, **since}


@pytest.mark.parametrize("kinds", TARGETS)
@pytest.mark.parametrize("paths", [(), ("a",)])
def test_the_root_has_the_attributes_again_that_it_had_before_a_restore_that_is_undone(
    make_pair: Callable[[str, str], Pair], kinds: str, paths: tuple[str, ...]
) -> None:
    pair = made(make_pair, kinds)
    put(pair.target, "a", b"to be replaced")
    if isinstance(pair.target, SetAttributes):
        pair.target.set_attributes("", Attributes(mode=0o750))
    before = root_of(pair.target)
    report = back(pair.source, pair.target, mode="merge", paths=paths)
    is_set = isinstance(pair.target, SetAttributes) and not paths
    assert (root_of(pair.target) != before) is is_set
    undo_restore(pair.target, report.name, lease_times=IMPATIENT)
    assert contents(pair.target) == {"a": b"to be replaced"}
    assert root_of(pair.target) == before


def root_of(zone: Zone) -> tuple[Any, ...]:
    root = zone.stat("")
    assert root is not None
    return root.owner, root.group, root.mode


def test_a_restore_that_replaced_nothing_says_so_when_it_is_to_be_undone(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to objects")
    report = back(pair.source, pair.target, keep_replaced=False)
    assert report.undo == []
    with pytest.raises(BadOption, match="kept nothing|keep nothing"):
        undo_restore(pair.target, report.name)
    with pytest.raises(BadOption, match="no restore of this name"):
        undo_restore(pair.target, "20240101T000000Z-abc")


def test_a_destination_that_keeps_nothing_is_changed_only_when_told(make_pair: Callable[[str, str], Pair]) -> None:
    class KeepsNothing(CrashAfter):
        keeps = frozenset({"SetAttributes", "StreamedPuts"})

    pair = made(make_pair, "hdfs to objects")
    put(pair.target, "a", b"there before")
    with pytest.raises(Unsupported, match="keep_replaced"):
        back(pair.source, KeepsNothing(pair.target, 1000), mode="merge")
    assert contents(pair.target) == {"a": b"there before"}
    back(pair.source, KeepsNothing(pair.target, 1000), mode="merge", keep_replaced=False)
    assert contents(pair.target)["a"] == FILES["a"]


# drill --------------------------------------------------------------------------------------------------------------

MANY: Files = {f"d{n % 7}/f{n:03d}": bytes([n]) * (10 * n) for n in range(200)}


def drilled(view: Zone, scratch: Zone | str, *, lease_times: LeaseTimes = IMPATIENT, **options: Any) -> Any:
    return drill(view, scratch, DrillOptions(threads=2, **options), taken_ms=1, label="b1", lease_times=lease_times)


@pytest.mark.parametrize("kinds", TARGETS)
def test_a_drill_restores_a_sample_compares_it_and_leaves_nothing_behind(
    make_pair: Callable[[str, str], Pair], kinds: str
) -> None:
    pair = made(make_pair, kinds, MANY)
    put(pair.target, "other", b"x")
    report = drilled(pair.source, pair.target, sample_files=20, seed=7)
    assert (report.state, report.sample_files, report.verified_files, report.backup_files) == ("done", 20, 20, 200)
    assert report.backup_bytes == sum(len(data or b"") for data in MANY.values())
    assert report.seed == 7
    assert report.estimated_seconds > 0
    assert report.is_cleaned
    assert contents(pair.target) == {"other": b"x"}
    assert not [entry for entry in pair.target.scan(".livedata") if entry.kind == "file" and "drills" not in entry.path]


def test_a_drill_tells_the_seed_that_repeats_it(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to files", MANY)
    first = drilled(pair.source, pair.target, sample_files=5)
    again = drilled(pair.source, pair.target, sample_files=5, seed=first.seed)
    assert (again.sample_bytes, again.seed) == (first.sample_bytes, first.seed)


@pytest.mark.parametrize("kinds", TARGETS)
def test_a_drill_of_everything_restores_everything(make_pair: Callable[[str, str], Pair], kinds: str) -> None:
    pair = made(make_pair, kinds, {**MANY, "empty": None})
    report = drilled(pair.source, pair.target, sample_files=0)
    assert (report.sample_files, report.verified_files, report.backup_files) == (200, 200, 200)
    assert report.sample_bytes == report.backup_bytes == sum(len(data or b"") for data in MANY.values())
    assert report.is_cleaned
    assert contents(pair.target) == {}


@pytest.mark.parametrize("kinds", ["files to objects", "files to local"])
def test_a_drill_finds_a_damaged_backup_and_cleans_up(make_pair: Callable[[str, str], Pair], kinds: str) -> None:
    pair = made(make_pair, kinds, {"a": b"whole", "b": b"whole"})
    with pytest.raises(RunFailed, match="'a'") as failed:
        drilled(Damaged(pair.source, "a"), pair.target)
    report = failed.value.report
    assert (report.state, report.failed, report.is_cleaned) == ("failed", 1, True)
    assert contents(pair.target) == {}


@pytest.mark.parametrize("kinds", ["files to objects", "files to local"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_drill_killed_at_any_call_leaves_is_removed_by_the_next_and_nothing_else_is(
    make_pair: Callable[[str, str], Pair],
    kinds: str,
    when: Literal["before", "after"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = 0
    while True:
        pair = made(make_pair, kinds, {"a": b"x" * 100, "d/b": b"y", "d/c": None})
        put(pair.target, "livedata-drill-20200101T000000Z-abcdef/mine", b"a person's")
        there = contents(pair.target)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            drilled(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), sample_files=5)
        except Crash:
            pass
        else:
            break
        with monkeypatch.context() as later:
            later.setattr(drill_folders, "YOUNG_MS", -1)
            report = drilled(pair.source, pair.target, sample_files=5)
        assert contents(pair.target) == there, f"died at call {calls}, {mortal.died_at}"
        assert report.is_cleaned
        assert [entry.path for entry in StateFolder(pair.target).files("drills/begun")] == []
        calls += 1
    assert calls > 8


def test_the_folder_of_a_drill_at_work_and_one_that_no_drill_made_stay(
    make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = made(make_pair, "files to files", MANY)
    working, foreign, young = (f"livedata-drill-20200101T00000{n}Z-abcdef" for n in range(3))
    for name in (working, young):
        drill_folders.make(pair.target, name)
    StateFolder(pair.target).write(f"drills/begun/{foreign}", b"")
    put(pair.target, f"{foreign}/f", b"a person's")
    put(pair.target, f"{working}/f", b"being compared")
    with Lease(StateFolder(Below(pair.target, working)), "another drill", times=BUSY):
        report = drilled(pair.source, pair.target, sample_files=1, lease_times=BUSY)
        assert contents(pair.target)[f"{working}/f"] == b"being compared"
    assert pair.target.stat(young) is None
    assert contents(pair.target)[f"{foreign}/f"] == b"a person's"
    assert any(foreign in note and "left alone" in note for note in report.notes)
    newest = drill_folders.new_name(report.started_ms)
    drill_folders.make(pair.target, newest)
    drilled(pair.source, pair.target, sample_files=1)
    assert pair.target.stat(newest) is not None


def test_what_of_a_killed_drill_cannot_be_removed_is_told_stops_nothing_and_is_tried_again(
    make_pair: Callable[[str, str], Pair],
) -> None:
    class Stubborn(CrashAfter):
        def delete(self, items: Any) -> list[Failure]:
            kept = [one for one in items if one.path.endswith("stubborn")]
            failed = super().delete([one for one in items if one not in kept])
            return [*failed, *(Failure(one.path, "held by somebody") for one in kept)]

    pair = made(make_pair, "files to files", MANY)
    stuck, damaged, plain = (f"livedata-drill-20200101T00000{n}Z-abcdef" for n in range(3))
    for name in (stuck, damaged, plain):
        drill_folders.make(pair.target, name)
    put(pair.target, f"{stuck}/stubborn", b"x")
    put(pair.target, f"{damaged}/f", b"x")
    StateFolder(Below(pair.target, damaged)).write("drill.json", b"[")
    report = drilled(pair.source, Stubborn(pair.target, 1 << 30), sample_files=1)
    assert any(f"{stuck}/stubborn" in note and "held by somebody" in note for note in report.notes)
    assert any(damaged in note and "tried again next time" in note for note in report.notes)
    assert pair.target.stat(plain) is None
    begun = [entry.path.rpartition("/")[2] for entry in StateFolder(pair.target).files("drills/begun")]
    assert begun == [stuck, damaged]
    drilled(pair.source, pair.target, sample_files=1)
    assert pair.target.stat(stuck) is None


def test_a_drill_that_breaks_off_removes_what_it_brought(make_pair: Callable[[str, str], Pair]) -> None:
    class Full(CrashAfter):
        def put(self, path: str, *args: Any, **options: Any) -> Any:
            if path.endswith("f100"):
                raise StoreFull("no space left", path=path)
            return super().put(path, *args, **options)

    pair = made(make_pair, "files to objects", MANY)
    with pytest.raises(StoreFull):
        drilled(pair.source, Full(pair.target, 1 << 30), sample_files=200)
    assert contents(pair.target) == {}


def test_a_drill_does_not_write_into_the_backup(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "files to files", {"a": b"x"})
    with pytest.raises(PathsOverlap):
        drilled(pair.source, f"{pair.source.address}/scratch")
    assert contents(pair.source) == {"a": b"x"}


def test_an_empty_backup_is_drilled_without_a_sample(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "files to files", {"empty": None})
    report = drilled(pair.source, pair.target)
    assert (report.state, report.sample_files, report.estimated_seconds) == ("done", 0, None)


def test_bring_back_is_used_with_addresses_too(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "files to files", {"a": b"x"})
    bring_back(pair.source, str(pair.target.address), taken_ms=1, label="b1")
    assert contents(pair.target) == {"a": b"x"}
