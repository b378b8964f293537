"""What a backup holds comes back into a destination of any kind, also when the restore is killed at any call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, fail_over, replicate
from airflow_provider_livedata.engine.checksums import store_text
from airflow_provider_livedata.engine.errors import (
    BadOption,
    DestinationNewer,
    DestinationTaken,
    PathsOverlap,
    RunFailed,
    StoreFull,
    TargetHeld,
    TargetTouched,
    TooManyDeletes,
    WrongSide,
)
from airflow_provider_livedata.engine.flows.restoring import bring_back
from airflow_provider_livedata.engine.flows.undoing import undo_restore
from airflow_provider_livedata.engine.restores.options import RestoreOptions
from airflow_provider_livedata.engine.restores.report import RestoreReport
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter
from tests.crash.conftest import Files, Pair, contents, put

IMPATIENT = LeaseTimes(beat_s=3600, silence_s=0.01, stale_s=3600, watch_s=0.001)
LATER_MS = 1 << 45
FILES: Files = {
    "a": b"old a",
    "d/b": b"old b" * 600,
    "d/e": b"x",
    "kind": b"file",
    "turn/x": b"1",
    "empty": None,
    "keep": b"keep",
}
KINDS = ["hdfs to objects", "hdfs to hdfs", "files to files", "objects to files", "hdfs to local", "objects to objects"]


def back(view: Zone, destination: Zone, taken_ms: int = LATER_MS, **options: Any) -> RestoreReport:
    kept = {"mode", "mtime"} if destination.address.scheme == "file" else {"owner", "group", "mode", "mtime"}
    options = {"threads": 2, "max_delete_ratio": 1.0, "preserve": frozenset(kept), **options}
    return bring_back(
        view, destination, RestoreOptions(**options), taken_ms=taken_ms, label="b1", lease_times=IMPATIENT
    )


def made(make_pair: Callable[[str, str], Pair], kinds: str, files: Files = FILES) -> Pair:
    source_like, target_like = kinds.split(" to ")
    pair = make_pair(source_like, target_like)
    pair.put(files)
    return pair


def spoil(zone: MemoryZone) -> None:
    """Change, delete, add and turn what a restore brought."""
    zone.delete([entry for path in ("a", "turn/x", "turn", "kind") if (entry := zone.stat(path))])
    put(zone, "d/b", b"other" * 600)
    put(zone, "kind/now", b"directory")
    put(zone, "more/new", b"n")
    put(zone, "turn", b"file")


@pytest.mark.parametrize("kinds", KINDS)
def test_everything_comes_back_into_an_empty_place(make_pair: Callable[[str, str], Pair], kinds: str) -> None:
    pair = made(make_pair, kinds)
    report = back(pair.source, pair.target)
    assert contents(pair.target) == contents(pair.source)
    assert (report.state, report.copied_files, report.failed, report.difference_count) == ("done", 6, 0, 0)
    assert report.verified_files == 6
    assert report.proved_by_store + report.proved_by_reading == 6


@pytest.mark.parametrize("marked", [True, False])
def test_a_name_that_is_file_and_directory_of_an_object_store_comes_back_as_both(
    make_pair: Callable[[str, str], Pair], *, marked: bool
) -> None:
    pair = made(make_pair, "objects to objects", {"a": b"file", "a/b": b"below", "c": b"c"})
    if marked:
        pair.source.make_directory("a")
    report = back(pair.source, pair.target)
    assert (report.state, report.failed, report.difference_count) == ("done", 0, 0)
    assert by_key(pair.target) == by_key(pair.source)
    pair.target.delete([entry for entry in pair.target.scan() if entry.key == "a"])
    report = back(pair.source, pair.target, mode="mirror")
    assert (report.state, report.copied_files, report.difference_count) == ("done", 1, 0)
    assert by_key(pair.target) == by_key(pair.source)


def by_key(zone: MemoryZone) -> dict[str, str]:
    """The checksum of each entry by its key, which tells a directory from a file of its name."""
    return {entry.key: store_text(entry) for entry in zone.scan()}


@pytest.mark.parametrize("kinds", KINDS)
def test_mirror_makes_the_destination_what_the_backup_holds_and_copies_only_what_differs(
    make_pair: Callable[[str, str], Pair], kinds: str
) -> None:
    pair = made(make_pair, kinds)
    back(pair.source, pair.target)
    spoil(pair.target)
    counting = Counting(pair.source)
    report = back(counting, pair.target, mode="mirror")
    assert contents(pair.target) == contents(pair.source)
    assert counting.counts.read_bytes == sum(len(FILES[path] or b"") for path in ("a", "d/b", "kind", "turn/x"))
    assert report.same_files == 2
    assert back(pair.source, pair.target, mode="mirror").changes == 0


@pytest.mark.parametrize("kinds", KINDS)
def test_merge_brings_what_lacks_and_leaves_everything_else(make_pair: Callable[[str, str], Pair], kinds: str) -> None:
    pair = made(make_pair, kinds)
    back(pair.source, pair.target)
    pair.target.delete([entry for path in ("a", "empty") if (entry := pair.target.stat(path))])
    put(pair.target, "d/b", b"other" * 600)
    put(pair.target, "more/new", b"n")
    back(pair.source, pair.target, mode="merge")
    assert contents(pair.target) == {**contents(pair.source), "more": None, "more/new": b"n"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("mode", "kinds"),
    [("fail", kinds) for kinds in KINDS[:2]]
    + [("mirror", "hdfs to objects"), ("mirror", "objects to files"), ("mirror", "hdfs to local")],
)
def test_a_restore_killed_at_any_call_is_gone_on_with_by_the_next(
    make_pair: Callable[[str, str], Pair], mode: str, kinds: str, when: Literal["before", "after"]
) -> None:
    calls, died = 0, set[str]()
    while True:
        pair = made(make_pair, kinds)
        if mode == "mirror":
            back(pair.source, pair.target)
            spoil(pair.target)
        was = contents(pair.target)
        mortal = CrashAfter(pair.target, calls, when=when)
        try:
            back(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), mode=mode)
        except Crash:
            died.add(mortal.died_at)
        else:
            break
        there = contents(pair.target)
        for path, data in there.items():
            assert data in (was.get(path), FILES.get(path), None), f"{path} is half-written"
        counting = Counting(pair.source)
        report = back(counting, pair.target, mode=mode)
        assert contents(pair.target) == contents(pair.source)
        lacking = sum(len(data) for path, data in FILES.items() if data and there.get(path) != data)
        assert counting.counts.read_bytes == lacking, f"died at call {calls}, {mortal.died_at}"
        assert report.difference_count == report.failed == 0
        calls += 1
    assert calls > 10
    assert {"put"} <= died


def local_links(make_pair: Callable[[str, str], Pair]) -> tuple[Pair, Path]:
    """A location on the disk and its copy, with links at the destination that no backup can hold."""
    pair = made(make_pair, "local to local")
    back(pair.source, pair.target)
    root = Path(f"/{pair.target.address.path}")
    put(pair.target, "extra/file", b"x")
    for path in ("link", "d/link", "extra/link"):
        (root / path).symlink_to("a")
    os.mkfifo(root / "pipe")
    return pair, root


def test_a_mirror_leaves_links_and_pipes_alone_and_says_so(make_pair: Callable[[str, str], Pair]) -> None:
    pair, root = local_links(make_pair)
    report = back(pair.source, pair.target, mode="mirror")
    assert report.deleted == 1
    assert not (root / "extra" / "file").exists()
    assert all((root / path).is_symlink() for path in ("link", "d/link", "extra/link"))
    assert (root / "pipe").is_fifo()
    assert any("4 entries" in note and "d/link" in note for note in report.notes)
    undo_restore(pair.target, report.name, RestoreOptions(preserve=frozenset({"mode"})), lease_times=IMPATIENT)
    assert contents(pair.target)["extra/file"] == b"x"


@pytest.mark.parametrize("mode", ["merge", "mirror"])
@pytest.mark.parametrize("taken", ["a", "d", "d/b", "turn"])
def test_a_link_in_the_way_stops_a_restore_before_anything_is_changed(
    make_pair: Callable[[str, str], Pair], mode: str, taken: str
) -> None:
    pair, root = local_links(make_pair)
    os.rename(root / taken, root / "moved")
    (root / taken).symlink_to("moved")
    there = {entry.path: entry for entry in pair.target.scan()}
    with pytest.raises(DestinationTaken, match=f"neither a file nor a directory.*'{taken}'"):
        back(pair.source, pair.target, mode=mode)
    assert {entry.path: entry for entry in pair.target.scan()} == there


def test_a_link_in_a_directory_in_the_way_of_a_file_stops_a_mirror(make_pair: Callable[[str, str], Pair]) -> None:
    pair, root = local_links(make_pair)
    os.unlink(root / "a")
    (root / "a").mkdir()
    (root / "a" / "link").symlink_to("..")
    with pytest.raises(DestinationTaken, match="neither a file nor a directory.*'a/link'"):
        back(pair.source, pair.target, mode="mirror")
    assert (root / "a" / "link").is_symlink()
    os.unlink(root / "a" / "link")
    back(pair.source, pair.target, mode="mirror")
    assert (root / "a").read_bytes() == FILES["a"]


def test_mode_fail_refuses_whatever_is_there_and_changes_nothing(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to files")
    put(pair.target, "other", b"x")
    for _ in range(2):
        with pytest.raises(DestinationTaken, match="other"):
            back(pair.source, pair.target)
    assert contents(pair.target) == {"other": b"x"}


def test_mode_fail_finds_its_own_work_done_and_refuses_what_was_changed_since(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = made(make_pair, "hdfs to hdfs")
    back(pair.source, pair.target)
    again = back(pair.source, pair.target)
    assert (again.state, again.changes, again.same) == ("done", 0, {"brought before": 6})
    put(pair.target, "a", b"other")
    with pytest.raises(DestinationTaken, match="'a'"):
        back(pair.source, pair.target)


def test_mode_fail_minds_only_the_chosen_paths(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to files")
    put(pair.target, "other", b"x")
    put(pair.target, "d/other", b"x")
    back(pair.source, pair.target, paths=("d/b", "tur?"))
    assert contents(pair.target) == {
        "other": b"x", "d": None, "d/other": b"x", "d/b": FILES["d/b"], "turn": None, "turn/x": b"1",
    }  # fmt: skip


def test_only_what_was_chosen_is_asked_for_and_mirrored(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to hdfs")
    back(pair.source, pair.target)
    spoil(pair.target)
    put(pair.target, "d/more", b"n")
    there = contents(pair.target)
    counting = Counting(pair.source)
    back(counting, pair.target, mode="mirror", paths=("d",))
    assert contents(pair.target) == {**{p: b for p, b in there.items() if p != "d/more"}, "d/b": FILES["d/b"]}
    assert counting.counts.listed_entries == 2


@pytest.mark.parametrize("paths", [("no",), ("d", "d/no*"), ("a/b",)])
def test_a_path_that_the_backup_does_not_hold_is_named_and_nothing_changes(
    make_pair: Callable[[str, str], Pair], paths: tuple[str, ...]
) -> None:
    pair = made(make_pair, "hdfs to files")
    with pytest.raises(BadOption, match=paths[-1].replace("*", ".")):
        back(pair.source, pair.target, paths=paths)
    assert contents(pair.target) == {}


def test_a_chosen_path_that_the_backup_lacks_is_deleted_when_that_is_meant(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = made(make_pair, "hdfs to files")
    put(pair.target, "new/x", b"x")
    put(pair.target, "stays", b"x")
    back(pair.source, pair.target, paths=("new", "a"), mode="mirror", may_lack=True)
    assert contents(pair.target) == {"stays": b"x", "a": FILES["a"]}


@pytest.mark.parametrize("mode", ["merge", "mirror"])
def test_what_is_newer_than_the_backup_is_replaced_or_deleted_only_when_told(
    make_pair: Callable[[str, str], Pair], mode: str
) -> None:
    pair = made(make_pair, "hdfs to hdfs")
    back(pair.source, pair.target)
    put(pair.target, "a", b"newer!")
    put(pair.target, "added", b"newer")
    there = contents(pair.target)
    with pytest.raises(DestinationNewer) as refused:
        back(pair.source, pair.target, taken_ms=1, mode=mode)
    assert refused.value.where["examples"] == (["a"] if mode == "merge" else ["a", "added"])
    assert contents(pair.target) == there
    report = back(pair.source, pair.target, taken_ms=1, mode=mode, overwrite_newer=True)
    assert report.newer == (1 if mode == "merge" else 2)
    assert contents(pair.target)["a"] == FILES["a"]


@pytest.mark.parametrize("paths", [(), ("kind/below",)])
def test_merge_refuses_where_a_file_and_a_directory_meet(
    make_pair: Callable[[str, str], Pair], paths: tuple[str, ...]
) -> None:
    pair = made(make_pair, "hdfs to files", {"kind/below": b"x"})
    put(pair.target, "kind", b"file")
    with pytest.raises(DestinationTaken, match="kind"):
        back(pair.source, pair.target, mode="merge", paths=paths)
    assert contents(pair.target) == {"kind": b"file"}


def test_too_many_deletes_stop_a_mirror(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to files", {"a": b"x"})
    for n in range(9):
        put(pair.target, f"f{n}", b"x")
    with pytest.raises(TooManyDeletes):
        back(pair.source, pair.target, mode="mirror", max_delete_ratio=0.5)
    assert len(contents(pair.target)) == 9


@pytest.mark.parametrize("kinds", KINDS)
def test_a_dry_run_says_what_would_be_and_changes_nothing(make_pair: Callable[[str, str], Pair], kinds: str) -> None:
    pair = made(make_pair, kinds)
    put(pair.target, "a", b"newer!")
    report = back(pair.source, pair.target, taken_ms=1, mode="merge", dry_run=True)
    assert (report.state, report.planned_files, report.newer) == ("dry run", 6, 1)
    assert "overwrite_newer" in report.why
    assert contents(pair.target) == {"a": b"newer!"}
    assert not any(entry.path.startswith(".livedata/restores") for entry in pair.target.scan(".livedata"))


def test_a_place_inside_the_backup_is_refused(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to files")
    with pytest.raises(PathsOverlap):
        back(pair.source, pair.source)
    with pytest.raises(PathsOverlap):
        bring_back(pair.source, f"{pair.source.address}/d", taken_ms=1, label="b1")


class Damaged(Counting):
    """Tells the checksums of its files, and gives other bytes for one of them."""

    def __init__(self, zone: Zone, damaged: str) -> None:
        super().__init__(zone)
        self.damaged = damaged

    def scan(self, under: str = "") -> Any:
        for entry in super().scan(under):
            yield (self.inner.stat(entry.path) or entry) if entry.kind == "file" else entry

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        count = super().read_into(path, offset, buffer, version=version)
        if path == self.damaged and count:
            buffer[0] ^= 1
        return count


@pytest.mark.parametrize("damaged", ["a", "d/b", "large"])
@pytest.mark.parametrize("kinds", ["files to objects", "files to files", "objects to hdfs", "objects to local"])
def test_a_file_that_is_damaged_in_the_backup_never_appears_and_the_others_do(
    make_pair: Callable[[str, str], Pair], kinds: str, damaged: str
) -> None:
    files: Files = {"a": b"whole", "d/b": b"other" * 600, "large": bytes(9 << 20)}
    pair = made(make_pair, kinds, files)
    with pytest.raises(RunFailed, match=damaged) as failed:
        back(Damaged(pair.source, damaged), pair.target)
    assert [failure.error for failure in failed.value.report.failures] == ["CorruptSource"]
    there = contents(pair.target)
    assert damaged not in there
    assert {path: data for path, data in there.items() if data is not None} == {
        path: data for path, data in files.items() if path != damaged
    }
    back(pair.source, pair.target)
    assert contents(pair.target)[damaged] == files[damaged]


def test_the_target_of_a_replication_is_no_destination_unless_told(make_pair: Callable[[str, str], Pair]) -> None:
    pair, other = made(make_pair, "hdfs to objects"), made(make_pair, "hdfs to hdfs", {"back": b"x"})
    replicate(pair.source, pair.target)
    with pytest.raises(DestinationTaken, match="into_replica"):
        back(other.source, pair.target)
    back(other.source, pair.target, mode="merge", into_replica=True)
    with pytest.raises(TargetTouched, match="back"):
        replicate(pair.source, pair.target, ReplicateOptions(find_by="listings"))


def test_after_a_fail_over_the_active_side_is_the_destination(make_pair: Callable[[str, str], Pair]) -> None:
    pair, other = made(make_pair, "hdfs to hdfs"), made(make_pair, "hdfs to hdfs", {"back": b"x"})
    replicate(pair.source, pair.target)
    fail_over(pair.source, pair.target)
    with pytest.raises(WrongSide, match="standby"):
        back(other.source, pair.source, mode="merge", into_replica=True)
    assert back(other.source, pair.target, mode="merge").state == "done"


def test_a_full_destination_stops_the_restore_and_the_next_goes_on(make_pair: Callable[[str, str], Pair]) -> None:
    class Full(CrashAfter):
        def begin(self, path: str, *args: Any, **options: Any) -> Any:
            if path == "keep":
                raise StoreFull("no space left", path=path)
            return super().begin(path, *args, **options)

    pair = made(make_pair, "hdfs to hdfs")
    with pytest.raises(StoreFull):
        back(pair.source, Full(pair.target, 1 << 30))
    counting = Counting(pair.source)
    there = contents(pair.target)
    assert back(counting, pair.target).attempt == 2
    assert contents(pair.target) == contents(pair.source)
    lacking = sum(len(data) for path, data in FILES.items() if data and there.get(path) != data)
    assert counting.counts.read_bytes == lacking


def test_two_restores_at_once_do_not_write_to_one_place(make_pair: Callable[[str, str], Pair]) -> None:
    pair = made(make_pair, "hdfs to hdfs")
    busy = LeaseTimes(beat_s=0.02, silence_s=30, stale_s=30, watch_s=0.01)
    with (
        Lease(StateFolder(pair.target), "the other one", times=busy),
        pytest.raises(TargetHeld, match="the other one"),
    ):
        bring_back(pair.source, pair.target, taken_ms=1, label="b1", lease_times=busy)
    assert contents(pair.target) == {}
