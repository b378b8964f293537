"""Runs that find their changes by the difference of snapshots: any history, any kind of target, equal in the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine import open_zone as engine_open_zone
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed, TargetTouched, TooManyDeletes, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Entry
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryFiles
from airflow_provider_livedata.testing.faults import Counting
from tests.crash.conftest import Files, Pair, contents

ALL = ReplicateOptions(max_delete_ratio=1.0)
BY_DIFFERENCE, BY_LISTINGS = "difference of snapshots", "listings of both sides"
_numbers = itertools.count()

# Few names, so that renames meet what is there or was; those beside "/" (0x2f) in the order of keys.
_paths = st.lists(st.sampled_from(["a", "b", "a!", "b0"]), min_size=1, max_size=3).map("/".join)
_operations = st.lists(
    st.tuples(st.sampled_from(["write", "write", "make", "rename", "rename", "delete", "change"]), _paths, _paths),
    max_size=8,
)


def act(zone: MemoryFiles, kind: str, path: str, other: str) -> None:
    """One operation of a user; those that cannot be done are refused by the zone."""
    if kind == "write":
        zone.put(path, f"{next(_numbers)}".encode())
    elif kind == "make":
        zone.make_directory(path)
    elif kind == "rename":
        zone.rename(path, other)
    elif kind == "change":
        zone.set_attributes(path, Attributes(mode=next(_numbers) % 0o777))
    else:
        remove(zone, path)


def remove(zone: MemoryFiles, path: str) -> None:
    """A recursive delete."""
    entry = zone.stat(path)
    if entry is not None:
        assert zone.delete([*reversed(list(zone.scan(path))), entry]) == []


def operate(zone: MemoryFiles, operations: list[tuple[str, str, str]]) -> None:
    for operation in operations:
        try:
            act(zone, *operation)
        except LiveDataError:
            continue


def state_of(zone: MemoryFiles) -> dict[str, tuple[str, int | None]]:
    return {entry.path: (entry.kind, entry.mode) for entry in zone.scan()}


@settings(max_examples=40)
@given(history=st.lists(_operations, min_size=2, max_size=6))
@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs"])
def test_after_any_history_the_target_is_the_source_and_only_changes_were_looked_at(
    target_like: str, history: list[list[tuple[str, str, str]]]
) -> None:
    source = engine_open_zone("memory://history-of-source/s", like="hdfs")
    target = engine_open_zone("memory://history-of-target/t", like=target_like)
    assert isinstance(source, MemoryFiles)
    try:
        source.make_directory("")
        source.put("kept", b"kept")
        for number, operations in enumerate(history):
            operate(source, operations)
            report = replicate(source, target, ALL)
            assert report.found_by.startswith(BY_DIFFERENCE if number else BY_LISTINGS)
            assert contents(target) == contents(source)  # type: ignore[arg-type]
            if target_like != "objects":
                assert state_of(target) == state_of(source)  # type: ignore[arg-type]
            check_records(source, target)  # type: ignore[arg-type]
        assert verify(source, target, level="content").is_same
        assert replicate(source, target, ALL).changes == 0
    finally:
        memory.forget("history-of-source")
        memory.forget("history-of-target")


def check_records(source: MemoryFiles, target: MemoryFiles) -> None:
    """Manifest and checkpoint say what the source holds, whatever was looked at."""
    state = StateFolder(target)
    checkpoint = checkpoints.latest(state)
    assert checkpoint is not None
    held = {row.entry.path: row.entry.version for row in checkpoints.manifest(state, checkpoint)}
    entries = list(source.scan())
    assert held == {entry.path: entry.version for entry in entries}
    files = [entry for entry in entries if entry.kind == "file"]
    assert (checkpoint.files, checkpoint.directories) == (len(files), len(entries) - len(files))
    assert checkpoint.size_bytes == sum(entry.size_bytes for entry in files)


FILES: Files = {
    "a.txt": b"alpha", "dir/b.bin": bytes(range(256)) * 20, "dir/sub/c": b"see", "empty": None, "other/d": b"dee",
}  # fmt: skip


def test_what_did_not_change_is_not_looked_at_and_counts_as_unchanged(copied: Pair) -> None:
    copied.put({"dir/sub/c": b"changed"})
    report = replicate(copied.source, copied.target)
    assert report.found_by.startswith(BY_DIFFERENCE)
    assert (report.copied_files, report.deleted, report.skipped) == (1, 0, 3)
    assert report.scanned_files == 1
    assert contents(copied.target) == contents(copied.source)


def test_a_directory_that_shows_an_entry_is_not_listed_to_find_one(copied: Pair) -> None:
    copied.put({"dir/sub/c": b"changed", "dir/sub/new": b"new"})
    counting = Counting(copied.source)
    assert replicate(counting, copied.target).copied_files == 2
    # The new file is a tree of its own to look at; the directories above show it.
    assert counting.counts.calls["scan"] == 1  # of the source's roles
    assert contents(copied.target) == contents(copied.source)


def test_each_file_of_the_manifest_is_read_once_a_run(copied: Pair) -> None:
    for number in range(6):
        copied.put({"dir/sub/c": f"{number}".encode()})
        replicate(copied.source, copied.target)
    checkpoint = checkpoints.latest(StateFolder(copied.target))
    assert checkpoint is not None
    assert len(checkpoint.generations) == 7
    copied.put({"dir/sub/c": b"last"})
    reads = Reads(copied.target)
    replicate(copied.source, reads)
    assert {count for path, count in reads.paths.items() if "/manifest/" in path} == {1}
    assert contents(copied.target) == contents(copied.source)


class Reads(Counting):
    """Counts reads by path."""

    def __init__(self, zone: Zone, *_: object) -> None:
        super().__init__(zone)
        self.paths = Counter[str]()

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        self.paths[path] += 1
        return super().read_into(path, offset, buffer, version=version)


def test_a_directory_that_loses_its_last_entry_stays(copied: Pair) -> None:
    copied.remove("dir/sub/c")
    replicate(copied.source, copied.target)
    assert contents(copied.target) == contents(copied.source)
    assert "dir/sub" in contents(copied.target)


def test_a_run_that_failed_is_taken_up_by_the_difference(copied: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    copied.put({"a.txt": b"new", "other/d": b"newer", "other/new": b"brand new"})
    refuse = True
    inner = type(copied.target).begin, type(copied.target).put

    def begin(self: object, path: str, *args: object, **options: object) -> object:
        if refuse and path == "a.txt":
            raise Unsupported("not today")
        return inner[0](self, path, *args, **options)  # type: ignore[arg-type]

    def put(self: object, path: str, *args: object, **options: object) -> Entry:
        if refuse and path == "a.txt":
            raise Unsupported("not today")
        return inner[1](self, path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(copied.target), "begin", begin)
    monkeypatch.setattr(type(copied.target), "put", put)
    with pytest.raises(RunFailed):
        replicate(copied.source, copied.target)
    refuse = False
    report = replicate(copied.source, copied.target)
    assert report.found_by.startswith(BY_DIFFERENCE)
    assert report.copied_files == 1
    assert contents(copied.target) == contents(copied.source)
    check_records(copied.source, copied.target)  # type: ignore[arg-type]


def test_what_someone_else_changed_where_we_act_stops_the_run(copied: Pair) -> None:
    copied.put({"a.txt": b"ours"})
    copied.target.put("a.txt", b"theirs")
    with pytest.raises(TargetTouched):
        replicate(copied.source, copied.target)
    assert contents(copied.target)["a.txt"] == b"theirs"


def test_deletes_are_held_against_all_that_the_target_holds(copied: Pair) -> None:
    copied.remove("a.txt")
    assert replicate(copied.source, copied.target).deleted == 1
    copied.remove("dir/b.bin", "other/d")
    with pytest.raises(TooManyDeletes, match="2 of 3 files"):
        replicate(copied.source, copied.target)


def drop_base(pair: Pair) -> ReplicateOptions:
    for snapshot in pair.source.snapshots():  # type: ignore[attr-defined]
        pair.source.drop_snapshot(snapshot.name)  # type: ignore[attr-defined]
    return ReplicateOptions()


def rename_another(pair: Pair) -> ReplicateOptions:
    """The snapshot of the checkpoint is removed, and another one is given its name."""
    (base,) = pair.source.snapshots()  # type: ignore[attr-defined]
    pair.source.drop_snapshot(base.name)  # type: ignore[attr-defined]
    while pair.source.snapshot(base.name).taken_ms == base.taken_ms:  # type: ignore[attr-defined]
        pair.source.drop_snapshot(base.name)  # type: ignore[attr-defined]
    return ReplicateOptions()


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (drop_base, "is gone"),
        (rename_another, "is gone"),
        (lambda _: ReplicateOptions(find_by="listings"), "asked for"),
        (lambda _: ReplicateOptions(foreign="replace"), "foreign"),
        (lambda _: ReplicateOptions(exclude=("z",), accept_new_filter=True), "exclusions"),
        (lambda _: ReplicateOptions(preserve=frozenset({"mtime"})), "attributes"),
        (lambda _: ReplicateOptions(skip_unholdable=True), "skip_unholdable"),
    ],
)
def test_where_the_difference_does_not_start_from_what_the_target_holds_both_sides_are_listed(
    copied: Pair, prepare: Callable[[Pair], ReplicateOptions], why: str
) -> None:
    copied.put({"a.txt": b"changed"})
    report = replicate(copied.source, copied.target, prepare(copied))
    assert report.found_by.startswith(BY_LISTINGS)
    assert why in report.found_by
    assert report.copied_files == 1
    assert contents(copied.target) == contents(copied.source)


def test_everything_is_compared_again_when_the_last_time_is_long_ago(copied: Pair) -> None:
    soon = ReplicateOptions(list_every_h=1e-9)
    assert replicate(copied.source, copied.target).found_by.startswith(BY_DIFFERENCE)
    copied.remove("dir/sub/c")
    listed = replicate(copied.source, copied.target, soon)
    assert listed.found_by.startswith(BY_LISTINGS)
    assert "h ago" in listed.found_by
    assert replicate(copied.source, copied.target, ReplicateOptions(list_every_h=0)).found_by.startswith(BY_DIFFERENCE)
    assert contents(copied.target) == contents(copied.source)


def test_too_many_changes_are_found_by_listings(copied: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_livedata.engine.replication.finding.MOST_CHANGES", 2)
    copied.put({f"many/{number}": b"x" for number in range(5)})
    copied.remove("a.txt", "other/d")
    report = replicate(copied.source, copied.target, ALL)
    assert report.found_by.startswith(BY_LISTINGS)
    assert "more than 2" in report.found_by
    assert contents(copied.target) == contents(copied.source)


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_an_open_file_whose_rights_changed_is_looked_at_until_it_is_closed(
    make_pair: Callable[[str, str], Pair], consistency: Any
) -> None:
    pair, options = make_pair("hdfs", "hdfs"), ReplicateOptions(consistency=consistency)
    pair.put(FILES)
    replicate(pair.source, pair.target, options)
    pair.source.store.open_paths.add("data/a.txt")
    pair.source.set_attributes("a.txt", Attributes(mode=0o600))  # type: ignore[attr-defined]
    assert replicate(pair.source, pair.target, options).unsettled_paths == ["a.txt"]
    assert replicate(pair.source, pair.target, options).unsettled_paths == ["a.txt"]
    pair.source.store.open_paths.clear()
    assert replicate(pair.source, pair.target, options).unsettled == 0
    check_records(pair.source, pair.target)  # type: ignore[arg-type]


def test_a_file_that_was_being_written_is_looked_at_until_it_is_closed(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    pair.source.store.open_paths.add("data/a.txt")
    assert replicate(pair.source, pair.target).unsettled_paths == ["a.txt"]
    again = replicate(pair.source, pair.target)
    assert again.found_by.startswith(BY_DIFFERENCE)
    assert again.unsettled_paths == ["a.txt"]
    pair.source.store.open_paths.clear()
    assert replicate(pair.source, pair.target).unsettled == 0
    assert replicate(pair.source, pair.target).found_by.endswith(": 0 paths")
