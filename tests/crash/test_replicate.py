"""What a replication does and refuses, on zones in memory that behave like the real kinds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import ReplicateOptions, Report, open_zone, preflight, replicate, verify
from airflow_provider_livedata.engine.errors import (
    BadOption,
    CannotHold,
    CorruptSource,
    FilterChanged,
    LiveDataError,
    NotADirectory,
    PathMissing,
    PathsOverlap,
    PermissionRefused,
    RunFailed,
    SourceEmpty,
    StateDamaged,
    TargetTouched,
    TooManyDeletes,
    UnknownScheme,
)
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.state import LOOKS_AT_ALL_EVERY, StateFolder
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.testing.faults import Counting
from airflow_provider_livedata.testing.strategies import Tree, trees
from tests.crash.conftest import Files, Pair, contents

FILES: Files = {
    "a.txt": b"alpha", "dir/b.bin": bytes(range(256)) * 20, "dir/sub/c": b"", "empty": None, "empty/nested": None,
    "odd name %+#='\"\n\u00e9e\u0301\U0001f600": b"odd",
}  # fmt: skip


def expected(files: Files) -> Files:
    parents = {path.rpartition("/")[0] for path in files} - {""}
    return {**dict.fromkeys(parents), **files}


def test_everything_arrives_and_is_proved(pair: Pair) -> None:
    pair.put(FILES)
    report = replicate(pair.source, pair.target)
    assert contents(pair.target) == expected(FILES)
    assert (report.state, report.copied_files, report.failed) == ("done", 4, 0)
    assert report.copied_bytes == sum(len(data or b"") for data in FILES.values())
    for level in ("listing", "checksum", "content"):
        assert verify(pair.source, pair.target, level=level).is_same


def test_a_second_run_copies_only_what_differs(pair: Pair) -> None:
    pair.put(FILES)
    replicate(pair.source, pair.target)
    pair.put({"a.txt": b"changed", "new": b"new"})
    pair.remove("dir/b.bin")
    report = replicate(pair.source, pair.target)
    assert (report.copied_files, report.deleted, report.skipped) == (2, 1, 2)
    assert contents(pair.target) == contents(pair.source)
    assert replicate(pair.source, pair.target).changes == 0


def test_what_a_run_had_begun_is_swept_after_one_that_was_cut_off_and_now_and_then(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    swept = []
    for number in range(1, LOOKS_AT_ALL_EVERY + 2):
        if number == 4:
            pair.remove("a.txt", "dir/b.bin", "dir/sub/c")
            with pytest.raises(TooManyDeletes):
                replicate(pair.source, pair.target, ReplicateOptions(max_delete_ratio=0.1))
            pair.put(FILES)
            continue
        target = Counting(pair.target)
        replicate(pair.source, target)
        swept += [number] * target.counts.calls["sweep"]
    assert swept == [1, 5, LOOKS_AT_ALL_EVERY]


@settings(max_examples=30)
@given(history=st.lists(trees(), min_size=1, max_size=3))
@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs"])
def test_after_each_run_the_target_holds_what_the_source_holds(target_like: str, history: list[Tree]) -> None:
    source = open_zone("memory://history-source/s", like="hdfs")
    target = open_zone("memory://history-target/t", like=target_like)
    pair = Pair(source, target)  # type: ignore[arg-type]
    try:
        for tree in history:
            for entry in reversed(list(source.scan())):
                assert source.delete([entry]) == []
            pair.put(tree)
            replicate(source, target, ReplicateOptions(max_delete_ratio=1.0))
            assert contents(pair.target) == contents(pair.source)
            assert verify(source, target, level="content").is_same
    finally:
        memory.forget("history-source")
        memory.forget("history-target")


def test_a_dry_run_writes_the_whole_plan_and_changes_nothing_else(pair: Pair) -> None:
    pair.put(FILES)
    report = replicate(pair.source, pair.target, ReplicateOptions(dry_run=True))
    assert contents(pair.target) == {}
    assert (report.state, report.planned_files, report.copied_files, report.checkpoint_after) == ("dry run", 4, 0, "")
    assert {entry.path.split("/")[0] for entry in StateFolder(pair.target).files("")} == {"dry-run"}
    if isinstance(pair.source, Snapshots):
        assert pair.source.snapshots() == []
    plan = StateFolder(pair.target).read_json(report.plan.partition(".livedata/")[2])
    assert plan is not None
    assert plan["digest"] == report.plan_digest
    assert plan["totals"]["copy_files"] == 4


def test_a_dry_run_says_what_would_stop_the_run(pair: Pair) -> None:
    pair.put(FILES)
    pair.target.put("foreign", b"mine")
    report = replicate(pair.source, pair.target, ReplicateOptions(dry_run=True))
    assert "would stop" in report.why
    assert "foreign" in report.why


def test_the_report_is_stored_beside_the_checkpoint(pair: Pair) -> None:
    pair.put(FILES)
    report = replicate(pair.source, pair.target)
    stored = StateFolder(pair.target).read(report.address.partition(".livedata/")[2])
    assert stored is not None
    assert Report.from_json(stored.decode()).copied_files == 4
    assert report.digest
    assert json.loads(stored)["checkpoint_after"] == report.checkpoint_after != ""


def test_the_source_snapshot_is_kept_until_a_newer_checkpoint_replaces_it(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    first, second = replicate(pair.source, pair.target), replicate(pair.source, pair.target)
    assert isinstance(pair.source, Snapshots)
    assert first.snapshot != second.snapshot
    assert [snapshot.name for snapshot in pair.source.snapshots()] == [second.snapshot]


def test_what_the_source_becomes_after_the_snapshot_is_not_mixed_in(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    snapshot_of = pair.source.snapshot  # type: ignore[attr-defined]

    def then_change(name: str, **more: str) -> object:
        taken = snapshot_of(name, **more)
        pair.put({"a.txt": b"later", "later": b"later"})
        return taken

    pair.source.snapshot = then_change  # type: ignore[attr-defined]
    replicate(pair.source, pair.target)
    assert contents(pair.target) == expected(FILES)


def test_exclusions_hold_at_the_source_and_protect_the_target(pair: Pair) -> None:
    pair.put({**FILES, "_temporary/0": b"x", "logs/raw/1": b"x", "logs/kept": b"y"})
    pair.target.make_directory("")
    pair.target.put("logs/raw/theirs", b"z")
    options = ReplicateOptions(exclude=("logs/raw",))
    replicate(pair.source, pair.target, options)
    found = contents(pair.target)
    assert found["logs/raw/theirs"] == b"z"
    assert "logs/kept" in found
    assert not any(path.startswith("_temporary") or path == "logs/raw/1" for path in found)


def test_a_changed_filter_stops_the_run_until_it_is_accepted(pair: Pair) -> None:
    pair.put({**FILES, "x.tmp": b"x"})
    replicate(pair.source, pair.target)
    options = ReplicateOptions(exclude=("*.tmp",))
    with pytest.raises(FilterChanged, match="accept_new_filter"):
        replicate(pair.source, pair.target, options)
    assert "x.tmp" in contents(pair.target)
    replicate(pair.source, pair.target, ReplicateOptions(exclude=("*.tmp",), accept_new_filter=True))
    assert "x.tmp" in contents(pair.target)  # excluded: not ours to delete any more


def test_a_target_of_another_source_is_refused(make_pair: Callable[[str, str], Pair]) -> None:
    one, other = make_pair("hdfs", "objects"), make_pair("hdfs", "objects")
    one.put(FILES)
    other.put(FILES)
    replicate(one.source, one.target)
    with pytest.raises(FilterChanged, match="another source"):
        replicate(other.source, one.target)


def test_foreign_files_stop_the_run_or_are_kept_or_replaced_as_asked(pair: Pair) -> None:
    stop, keep = (ReplicateOptions(foreign=what, find_by="listings") for what in ("stop", "keep"))
    pair.put(FILES)
    replicate(pair.source, pair.target)
    pair.target.put("foreign", b"theirs")
    with pytest.raises(TargetTouched, match="foreign"):
        replicate(pair.source, pair.target, stop)
    replicate(pair.source, pair.target, keep)
    assert contents(pair.target)["foreign"] == b"theirs"
    pair.target.put("a.txt", b"overwritten by them")
    with pytest.raises(TargetTouched, match=r"a\.txt"):
        replicate(pair.source, pair.target, keep)
    assert contents(pair.target)["a.txt"] == b"overwritten by them"
    replicate(pair.source, pair.target, ReplicateOptions(foreign="replace"))
    assert contents(pair.target) == expected(FILES)


def test_too_many_deletes_stop_the_run_and_nothing_is_deleted(pair: Pair) -> None:
    pair.put({f"f{n}": b"x" for n in range(10)})
    replicate(pair.source, pair.target)
    pair.remove(*(f"f{n}" for n in range(6)))
    with pytest.raises(TooManyDeletes, match="6 of 10"):
        replicate(pair.source, pair.target)
    assert len(contents(pair.target)) == 10
    replicate(pair.source, pair.target, ReplicateOptions(max_delete_ratio=0.6))
    assert len(contents(pair.target)) == 4


def test_an_emptied_source_stops_the_run(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"a": b"x"})
    replicate(pair.source, pair.target)
    pair.remove("a")
    with pytest.raises(SourceEmpty):
        replicate(pair.source, pair.target)
    assert contents(pair.target) == {"a": b"x"}


def test_what_the_target_cannot_hold_is_found_before_anything_is_copied(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    long = "/".join(["d" * 250] * 4 + ["e" * 50])
    pair.put({"ok": b"x", long: b"y"})
    with pytest.raises(CannotHold, match="skip_unholdable"):
        replicate(pair.source, pair.target)
    assert contents(pair.target) == {}
    report = replicate(pair.source, pair.target, ReplicateOptions(skip_unholdable=True))
    assert contents(pair.target)["ok"] == b"x"
    assert any(long in line for line in report.not_copied)
    proof = verify(pair.source, pair.target, level="content")
    assert (proof.is_same, proof.left_out) == (True, 1)
    assert "1 entries that the target cannot hold" in proof.table()


def test_a_file_that_was_being_written_is_reported_and_compared_again_until_closed(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    pair.source.may_have_open_files = lambda: True  # type: ignore[attr-defined]
    pair.source.is_open = lambda entry: entry.path == "a.txt"  # type: ignore[attr-defined]
    state = StateFolder(pair.target)
    for _ in range(2):
        report = replicate(pair.source, pair.target)
        assert report.unsettled_paths == ["a.txt"]
        newest = checkpoints.latest(state)
        assert newest is not None
        assert newest.unsettled == ("a.txt",)
    pair.source.is_open = lambda entry: False  # type: ignore[attr-defined]
    assert replicate(pair.source, pair.target).unsettled == 0
    assert replicate(pair.source, pair.target).planned == {}


def test_one_unreadable_file_fails_alone_and_keeps_the_checkpoint_where_it_was(pair: Pair) -> None:
    pair.put(FILES)
    replicate(pair.source, pair.target)
    pair.put({"bad": b"bad", "good": b"good"})
    pair.remove("a.txt")
    read_into = type(pair.source).read_into

    def fail(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "bad":
            raise CorruptSource("no intact replica", path=path)
        return read_into(pair.source, path, offset, buffer, version=version)

    views = _every_view(pair, fail)
    with pytest.raises(LiveDataError) as failed:
        replicate(pair.source, pair.target)
    report: Report = failed.value.report  # type: ignore[attr-defined]
    assert [(failure.path, failure.error) for failure in report.failures] == [("bad", "CorruptSource")]
    assert "no intact replica" in report.table()
    assert report.checkpoint_after == report.checkpoint_before
    assert contents(pair.target)["good"] == b"good"
    assert "a.txt" in contents(pair.target)  # deletes wait until everything landed
    views()
    again = replicate(pair.source, pair.target)
    assert (again.copied_files, again.deleted) == (1, 1)
    assert contents(pair.target) == contents(pair.source)


def _every_view(pair: Pair, read_into: Callable[..., int]) -> Callable[[], None]:
    """Let reads of the source, live and in snapshots, go through a function; returns how to undo that."""
    source = pair.source
    source.read_into = read_into  # type: ignore[method-assign]
    at = getattr(source, "at", None)
    if at is not None:

        def view(snapshot: object) -> object:
            zone = at(snapshot)
            zone.read_into = read_into
            return zone

        source.at = view  # type: ignore[attr-defined]

    def undo() -> None:
        del source.read_into
        if at is not None:
            del source.at  # type: ignore[attr-defined]

    return undo


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_a_directory_that_may_not_be_listed_fails_alone_and_nothing_below_it_is_taken_for_gone(
    pair: Pair, consistency: Literal["files", "snapshot"]
) -> None:
    pair.put(FILES)
    before = replicate(pair.source, pair.target)
    first = contents(pair.target)
    pair.put({"new": b"brought", "dir/sub/late": b"not seen"})
    pair.remove("a.txt")
    pair.source.store.unlisted.add("data/dir/")
    with pytest.raises(RunFailed) as failed:
        replicate(pair.source, pair.target, ReplicateOptions(consistency=consistency))
    report = failed.value.report
    assert [(one.path, one.error) for one in report.failures] == [("dir", "PermissionRefused")]
    assert (report.checkpoint_after, report.deleted) == (before.checkpoint_after, 0)
    brought = {} if consistency == "snapshot" else {"new": b"brought"}
    assert contents(pair.target) == {**first, **brought}
    rehearsed = replicate(pair.source, pair.target, ReplicateOptions(dry_run=True))
    assert any("may not be listed" in note for note in rehearsed.notes)
    pair.source.store.unlisted.clear()
    replicate(pair.source, pair.target, ReplicateOptions(consistency=consistency))
    assert contents(pair.target) == contents(pair.source)


def test_a_directory_that_could_not_be_listed_is_none_that_the_next_run_takes_for_its_own(pair: Pair) -> None:
    pair.put({"a": b"a", "private/x": b"x"})
    pair.source.store.unlisted.add("data/private/")
    with pytest.raises(RunFailed):
        replicate(pair.source, pair.target)
    pair.source.store.unlisted.clear()
    pair.remove("private/x")
    if pair.source.stat("private") is not None:  # an object store has it by its keys alone
        pair.remove("private")
    pair.target.make_directory("private")  # by somebody else
    there = contents(pair.target)
    replicate(pair.source, pair.target, ReplicateOptions(foreign="keep", max_delete_ratio=1))
    assert contents(pair.target) == there


def test_a_location_that_may_not_be_listed_at_all_is_one_error(pair: Pair) -> None:
    pair.put(FILES)
    replicate(pair.source, pair.target)
    pair.source.store.unlisted.add("data/")
    with pytest.raises(PermissionRefused):
        replicate(pair.source, pair.target)
    assert contents(pair.target) == expected(FILES)


def test_a_damaged_checkpoint_stops_the_run_instead_of_starting_over(pair: Pair) -> None:
    pair.put(FILES)
    replicate(pair.source, pair.target)
    StateFolder(pair.target).write("checkpoint/000000000001.json", b"{ not json")
    with pytest.raises(StateDamaged):
        replicate(pair.source, pair.target)


def test_a_manifest_file_that_was_tampered_with_is_noticed(pair: Pair) -> None:
    pair.put(FILES)
    replicate(pair.source, pair.target)
    state = StateFolder(pair.target)
    name = next(state.files("manifest")).path
    data = state.read(name)
    assert data is not None
    state.write(name, data[:-1] + bytes([data[-1] ^ 1]))
    pair.put({"a.txt": b"changed"})
    with pytest.raises(StateDamaged, match="manifest"):
        replicate(pair.source, pair.target)


def test_bad_input_is_one_clear_error_that_names_the_address(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    with pytest.raises(UnknownScheme, match="ftp"):
        replicate("ftp://host/a", pair.target)
    with pytest.raises(PathsOverlap, match="inside each other"):
        replicate(pair.source, open_zone(f"{pair.source.address}/below", like="hdfs"))
    with pytest.raises(PathsOverlap):
        replicate(pair.source, pair.source)
    missing = open_zone("memory://nothing-there/x", like="hdfs")
    with pytest.raises(PathMissing, match="nothing-there"):
        replicate(missing, pair.target)
    with pytest.raises(NotADirectory):
        replicate(open_zone(f"{pair.source.address}/a.txt", like="hdfs"), pair.target)
    with pytest.raises(BadOption, match="level"):
        verify(pair.source, pair.target, level="guess")  # type: ignore[arg-type]
    with pytest.raises(StateDamaged, match="run the copy first"):
        verify(pair.source, pair.target)
    assert contents(pair.target) == {}


def test_preflight_says_what_it_found_and_changes_nothing(pair: Pair) -> None:
    pair.put(FILES)
    notes = preflight(pair.source, pair.target)
    assert any("snapshot" in note for note in notes)
    assert list(pair.target.scan()) == []
    assert list(StateFolder(pair.target).files("")) == []


def test_deltas_of_one_size_are_merged_and_what_is_gone_stays_gone(
    make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "MERGED_AT_ONCE", 3)
    monkeypatch.setattr(manifests, "ALIKE", 2)
    pair = make_pair("hdfs", "objects")
    pair.put({f"f{n}": b"first" for n in range(40)})
    replicate(pair.source, pair.target)
    state, generations = StateFolder(pair.target), []
    for n in range(9):
        pair.put({f"n{n}": b"x", "f0": f"{n}".encode()})
        pair.source.delete([Entry(f"f{n + 1}")])
        replicate(pair.source, pair.target)
        newest = checkpoints.latest(state)
        assert newest is not None
        generations.append(len(newest.generations) - 1)
        assert {held.key for held in checkpoints.manifest(state, newest)} == {entry.key for entry in pair.source.scan()}
        assert verify(pair.source, pair.target).is_same
    assert generations == [1, 2, 1, 2, 3, 2, 3, 4, 1]
    kept = checkpoints.latest(state)
    assert kept is not None
    assert kept.generations[0][0].name.startswith("manifest/000000000001-")


def test_deltas_are_compacted_into_a_base_and_old_files_go(
    make_pair: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "MAX_DELTAS", 3)
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    state, generations = StateFolder(pair.target), []
    for n in range(8):
        pair.put({f"n{n}": b"x"})
        replicate(pair.source, pair.target)
        newest = checkpoints.latest(state)
        assert newest is not None
        generations.append(len(newest.generations))
        assert verify(pair.source, pair.target).is_same
    assert max(generations) == 3
    assert generations.count(1) >= 2
    assert len(list(state.files("checkpoint"))) == 2
    assert len(list(state.files("manifest"))) <= 5


@pytest.mark.parametrize("level", ["checksum", "content"])
def test_verify_names_each_difference_and_its_kind(pair: Pair, level: str) -> None:
    pair.put({**FILES, "gone": b"1", "longer": b"22"})
    replicate(pair.source, pair.target)
    pair.target.put("a.txt", b"ALPHA")
    pair.target.put("longer", b"333")
    pair.target.put("extra", b"x")
    gone = pair.target.stat("gone")
    assert gone is not None
    pair.target.delete([gone])
    report = verify(pair.source, pair.target, level=level)  # type: ignore[arg-type]
    assert {(d.path, d.kind) for d in report.differences} == {
        ("a.txt", "checksum"), ("longer", "size"), ("extra", "extra"), ("gone", "missing"),
    }  # fmt: skip
    assert "DIFFERENCES" in report.table()


@pytest.mark.parametrize("level", ["listing", "checksum", "content"])
def test_a_file_that_changed_at_a_live_source_since_the_copy_is_told_from_damage(
    make_pair: Callable[[str, str], Pair], level: str
) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"a": b"1", "b": b"2", "c": b"3"})
    replicate(pair.source, pair.target)
    pair.put({"a": b"changed", "new": b"n"})
    pair.remove("b")
    report = verify(pair.source, pair.target, level=level)  # type: ignore[arg-type]
    assert {(d.path, d.kind) for d in report.differences} == {(path, "changed at source") for path in ("a", "b", "new")}
    assert not report.is_same
    assert report.is_intact


@pytest.mark.parametrize("level", ["listing", "checksum", "content"])
def test_a_snapshot_is_compared_as_it_was_whatever_the_live_source_became(
    make_pair: Callable[[str, str], Pair], level: str
) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"a": b"1", "b": b"2"})
    replicate(pair.source, pair.target)
    pair.put({"a": b"changed", "new": b"n"})
    assert verify(pair.source, pair.target, level=level).is_same  # type: ignore[arg-type]


def test_a_long_listing_tells_how_far_it_has_come(
    make_pair: Callable[[str, str], Pair], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair("objects", "objects")
    pair.put({f"f{n:04d}": b"" for n in range(2500)})
    scan = pair.source.scan

    def slowly(under: str = "") -> Iterator[Entry]:
        for number, entry in enumerate(scan(under)):
            yield entry
            while number == 2400 and "scan of the source: 2,000 files" not in caplog.text:
                time.sleep(0.001)

    pair.source.scan = slowly  # type: ignore[method-assign]
    monkeypatch.setattr("airflow_provider_livedata.engine.reading.scan.BATCH", 100)
    with caplog.at_level("INFO"):
        replicate(pair.source, pair.target, ReplicateOptions(progress_s=0.001))
    assert pair.target.stat("f2499") is not None


def test_a_replication_that_starts_over_takes_no_snapshot_of_before_for_its_own(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "files")
    for n in range(4):
        pair.put({"a": b"%d" % n})
        replicate(pair.source, pair.target)
    StateFolder(pair.target).remove("")
    for n in range(6):
        pair.put({"a": b"later %d" % n})
        replicate(pair.source, pair.target, ReplicateOptions(foreign="replace"))
        assert contents(pair.target) == {"a": b"later %d" % n}
