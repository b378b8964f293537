"""With consistency="snapshot" a reader of the target finds the old state or the new one, and the target alone leads to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError, PermissionRefused, PublishingCutOff
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.replication.committing import pending
from airflow_provider_livedata.engine.replication.finding import known_of
from airflow_provider_livedata.engine.replication.rolling import Forward, roll_forward
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import journal
from airflow_provider_livedata.engine.stored.kept import DAY_MS, forget
from airflow_provider_livedata.engine.stored.lease import Lease
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.transfer.bundles import BUNDLES
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter, Flaky
from tests.crash.conftest import Files, Pair, contents
from tests.crash.test_crashes import IMPATIENT, change
from tests.crash.test_crashes import NEW as CHANGED
from tests.crash.test_crashes import OLD as FILES
from tests.crash.test_difference import check_records
from tests.crash.test_renames import FILES as RENAMED_FILES
from tests.crash.test_renames import cycle, nested, rename, swap_files

STAGED = ReplicateOptions(threads=1, max_delete_ratio=1.0, consistency="snapshot", progress_s=3600)
KINDS = ["objects", "bundles", "files", "hdfs", "local"]


def rename_most(pair: Pair) -> None:
    rename(pair, ("keep", "kept"), ("a", "fresh"), ("d/b", "b"), ("d/gone", "here"), ("kind", "kind of"))


MANY_FILES: Files = {f"d/{n:02d}": b"old" for n in range(30)}  # more than one bundle holds


def change_many(pair: Pair) -> None:
    pair.put({path: b"new %d" % n for n, path in enumerate(MANY_FILES)})
    pair.put({"d/empty": b"", "large": b"l" * 50})


def rolled_forward(pair: Pair, *, is_alone: bool = False) -> Any:
    """What a fail-over does: no source."""
    state = StateFolder(pair.target)
    with Lease(state, "a fail-over", times=IMPATIENT) as lease:
        return roll_forward(known_of(state), Forward(pair.target, lease.check, STAGED, is_alone=is_alone))


def is_committed(pair: Pair) -> bool:
    known = known_of(StateFolder(pair.target))
    return pending(known.state, known.unfinished) is not None


def mortal_run(pair: Pair, calls: int, when: Literal["before", "after"]) -> str:
    """Where a run that dies at a call died, "" if it ended first."""
    mortal = CrashAfter(pair.target, calls, when=when)
    try:
        replicate(pair.source, Retrying(mortal, RetryPolicy(attempts=1)), STAGED, lease_times=IMPATIENT)
    except Crash:
        return mortal.died_at
    return ""


@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_what_changed_arrives(copied: Pair) -> None:
    change(copied)
    report = replicate(copied.source, copied.target, STAGED)
    assert (report.failed, report.copied_files) == (0, sum(data is not None for data in CHANGED.values()) - 1)
    assert contents(copied.target) == contents(copied.source)
    check_records(copied.source, copied.target)  # type: ignore[arg-type]
    assert verify(copied.source, copied.target, level="content").is_same
    assert replicate(copied.source, copied.target, STAGED).changes == 0


@pytest.mark.parametrize("target_like", KINDS)
@pytest.mark.parametrize(
    (
        "files",
        "changed",
        "when",
    ),  # just after a call is as good as just before the next, but for what the run itself knows
    [
        (FILES, change, "before"),
        (RENAMED_FILES, cycle, "before"),
        (RENAMED_FILES, nested, "before"),
        (RENAMED_FILES, swap_files, "after"),
    ],
)
def test_a_run_killed_at_any_call_leaves_the_old_state_or_what_leads_to_the_new_one_without_the_source(
    make_pair: Callable[[str, str], Pair], files: Files, changed: Callable[[Pair], None], target_like: str,
    when: Literal["before", "after"],
) -> None:  # fmt: skip
    kill_at_every_call(make_pair, files, changed, target_like, when)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_between_the_bundles_of_its_small_files_does_so_too(
    make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    kill_at_every_call(make_pair, MANY_FILES, change_many, "bundles", when)


def kill_at_every_call(
    make_pair: Callable[[str, str], Pair], files: Files, changed: Callable[[Pair], None], target_like: str,
    when: Literal["before", "after"],
) -> None:  # fmt: skip
    calls, committed = 0, 0
    while True:
        pair = make_pair("hdfs", target_like)
        pair.put(files)
        replicate(pair.source, pair.target, STAGED)
        old = contents(pair.target)
        changed(pair)
        new = contents(pair.source)
        died = mortal_run(pair, calls, when)
        if not died:
            break
        if is_committed(pair):
            committed += 1
            if calls % 2:  # whoever rolls it forward may die as well
                mortal = Pair(pair.source, CrashAfter(pair.target, calls % 7, when=when))  # type: ignore[arg-type]
                try:
                    rolled_forward(mortal)
                except Crash:
                    pass
                else:
                    assert contents(pair.target) == new
            if is_committed(pair):
                assert rolled_forward(pair) is not None
            assert contents(pair.target) == new, f"died at call {calls}, {died}"
        else:
            assert contents(pair.target) in (old, new), f"died at call {calls}, {died}"
        replicate(pair.source, pair.target, STAGED, lease_times=IMPATIENT)
        assert contents(pair.target) == new, f"died at call {calls}, {died}"
        check_records(pair.source, pair.target)  # type: ignore[arg-type]
        assert verify(pair.source, pair.target, level="content").is_same
        assert isinstance(pair.source, Snapshots)
        assert len(pair.source.snapshots()) == 1
        assert left_in_stage(pair) == []
        calls += 1
    assert calls > 10
    assert committed > 5


def left_in_stage(pair: Pair) -> list[str]:
    return [entry.path for entry in pair.target.scan(".livedata/stage") if entry.kind == "file"]


@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_what_a_killed_run_staged_is_not_read_again(copied: Pair) -> None:
    change(copied)
    die_after(copied, "commit.json", when="before")
    assert not is_committed(copied)
    counting = Counting(copied.source)
    report = replicate(counting, copied.target, STAGED, lease_times=IMPATIENT)
    assert report.adopted_files > 0
    total = sum(len(data) for path, data in CHANGED.items() if data and path != "keep")
    assert counting.counts.read_bytes < total
    assert contents(copied.target) == contents(copied.source)


@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_the_next_run_publishes_first_and_then_brings_what_came_since(copied: Pair) -> None:
    change(copied)
    die_after(copied, "commit.json")
    copied.put({"later": b"later"})
    rehearsed = replicate(copied.source, copied.target, replace(STAGED, dry_run=True))
    assert any("publishes it first" in note for note in rehearsed.notes)
    report = replicate(copied.source, copied.target, STAGED, lease_times=IMPATIENT)
    assert report.staged
    assert any("published first" in note for note in report.notes)
    assert (report.copied_files, report.failed) == (1, 0)
    assert contents(copied.target) == contents(copied.source)


class DiesAtPut(CrashAfter):
    """Dies with the first write of a file whose name ends so."""

    def __init__(self, zone: Zone, ending: str, *, when: Literal["before", "after"]) -> None:
        super().__init__(zone, 1 << 30, when=when)
        self.ending = ending

    def put(self, path: str, *args: Any, **options: Any) -> Entry:
        """See ``Zone.put``."""
        if path.endswith(self.ending):
            self.left = 0
        return super().put(path, *args, **options)


def die_after(pair: Pair, ending: str, *, when: Literal["before", "after"] = "after") -> None:
    mortal = Retrying(DiesAtPut(pair.target, ending, when=when), RetryPolicy(attempts=1))
    with pytest.raises(Crash):
        replicate(pair.source, mortal, STAGED, lease_times=IMPATIENT)


class RefusesOnce(Around):
    """Refuses the first write of a file that lies in a folder of that name; trying again at once does not help."""

    def __init__(self, zone: Zone, folder: str) -> None:
        super().__init__(zone)
        self.folder, self.refused = folder, ""

    def put(self, path: str, *args: Any, **options: Any) -> Entry:
        """See ``Zone.put``."""
        if not self.refused and f"/{self.folder}/" in path:
            self.refused = path
            raise PermissionRefused("injected", path=path)
        return super().put(path, *args, **options)


def run_right_or_not(pair: Pair, options: ReplicateOptions, folder: str) -> None:
    """A run of whose records one cannot be written fails or brings everything, and so does the next one."""
    refusing = RefusesOnce(pair.target, folder)
    try:
        replicate(pair.source, refusing, options, lease_times=IMPATIENT)
    except LiveDataError:
        pass  # it says so
    else:
        assert contents(pair.target) == contents(pair.source)
        check_records(pair.source, pair.target)  # type: ignore[arg-type]
    assert refusing.refused
    replicate(pair.source, pair.target, options, lease_times=IMPATIENT)
    assert contents(pair.target) == contents(pair.source)
    check_records(pair.source, pair.target)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [2, 3])
@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_a_list_of_what_was_taken_over_that_cannot_be_written_leaves_no_file_out(
    copied: Pair, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_ROWS", rows)
    change(copied)
    copied.put({f"more/{n}": b"more %d" % n for n in range(6)})
    die_after(copied, "commit.json", when="before")
    run_right_or_not(copied, STAGED, "staged")


@pytest.mark.parametrize("changed", [change, rename_most])
@pytest.mark.parametrize(
    ("consistency", "folder"), [("files", "journal"), ("snapshot", "journal"), ("snapshot", "staged")]
)
@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_a_record_of_a_run_that_cannot_be_written_leaves_no_file_out(
    copied: Pair, consistency: Any, folder: str, changed: Callable[[Pair], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_ROWS", 2)
    changed(copied)
    copied.put({f"more/{n}": b"more %d" % n for n in range(6)})
    run_right_or_not(copied, replace(STAGED, consistency=consistency), folder)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_a_record_of_renames_that_cannot_be_written_leaves_no_file_out(
    copied: Pair, rows: int, exclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_ROWS", rows)
    rename_most(copied)
    run_right_or_not(copied, replace(STAGED, consistency="files", exclusive=exclusive), "journal")


@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_staged_bytes_that_are_gone_come_from_the_source(copied: Pair) -> None:
    change(copied)
    die_after(copied, "commit.json")
    copied.target.sweep(1 << 50)
    StateFolder(copied.target).remove(BUNDLES)
    with pytest.raises(PublishingCutOff, match="remove the commit"):
        rolled_forward(copied, is_alone=True)
    assert rolled_forward(copied) is None
    assert not is_committed(copied), "it was not abandoned"
    report = replicate(copied.source, copied.target, STAGED, lease_times=IMPATIENT)
    assert report.failed == 0
    assert contents(copied.target) == contents(copied.source)
    assert replicate(copied.source, copied.target, STAGED).changes == 0


def test_bytes_that_were_damaged_in_a_bundle_never_appear_and_come_from_the_source(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "bundles")
    pair.put(FILES)
    replicate(pair.source, pair.target, STAGED)
    change(pair)
    die_after(pair, "commit.json")
    (bundle,) = bundles_of(pair)
    pair.target.put(bundle.path, bytes(bundle.size_bytes))
    with pytest.raises(PublishingCutOff, match="remove the commit"):
        rolled_forward(pair, is_alone=True)
    assert all(data is None or any(data) for data in contents(pair.target).values())
    report = replicate(pair.source, pair.target, STAGED, lease_times=IMPATIENT)
    assert report.failed == 0
    assert contents(pair.target) == contents(pair.source)


def test_small_files_are_staged_by_few_requests_and_whoever_rolls_forward_leaves_none_of_them(
    make_pair: Callable[[str, str], Pair],
) -> None:
    pair = make_pair("hdfs", "bundles")
    pair.put(MANY_FILES)
    replicate(pair.source, pair.target, STAGED)
    change_many(pair)
    die_after(pair, "commit.json")
    assert len(bundles_of(pair)) == 2
    assert len(pair.target.store.uploads) == 1  # of the one that is too large
    assert rolled_forward(pair) is not None
    assert bundles_of(pair) == []
    assert contents(pair.target) == contents(pair.source)


def bundles_of(pair: Pair) -> list[Entry]:
    return [entry for entry in pair.target.scan(f".livedata/{BUNDLES}") if entry.kind == "file"]


@pytest.mark.parametrize("path", ["a", "d/gone"])  # which is replaced, and which is deleted
@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_what_someone_else_wrote_meanwhile_is_not_overwritten_unless_that_is_asked_for(copied: Pair, path: str) -> None:
    change(copied)
    die_after(copied, "commit.json")
    copied.target.put(path, b"someone else's")
    with pytest.raises(PublishingCutOff, match="foreign='replace'"):
        rolled_forward(copied)
    assert contents(copied.target)[path] == b"someone else's"
    with pytest.raises(PublishingCutOff, match="foreign='replace'"):
        replicate(copied.source, copied.target, STAGED, lease_times=IMPATIENT)
    replicate(copied.source, copied.target, replace(STAGED, foreign="replace"), lease_times=IMPATIENT)
    assert contents(copied.target) == contents(copied.source)


@pytest.mark.parametrize("copied", KINDS, indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_lost_replies_and_throttling_change_nothing_in_the_end(copied: Pair, seed: int) -> None:
    change(copied)
    unwell = Retrying(Flaky(copied.target, seed=seed, rate=0.2), RetryPolicy(attempts=40, base_s=0, max_s=0))
    report = replicate(copied.source, unwell, STAGED)
    assert report.failed == 0
    assert contents(copied.target) == contents(copied.source)
    assert verify(copied.source, copied.target, level="content").is_same


@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_a_source_that_goes_away_while_it_is_staged_changes_nothing_that_a_reader_finds(copied: Pair) -> None:
    change(copied)
    old = contents(copied.target)
    gone = Retrying(
        Flaky(copied.source, seed=1, rate=0.6, lost_share=0, names=frozenset({"read_into"})), RetryPolicy(attempts=1)
    )
    with pytest.raises(LiveDataError):
        replicate(gone, copied.target, STAGED)
    assert contents(copied.target) == old
    replicate(copied.source, copied.target, STAGED)
    assert contents(copied.target) == contents(copied.source)


@pytest.mark.parametrize("copied", KINDS, indirect=True)
def test_renames_read_nothing(copied: Pair) -> None:
    replicate(copied.source, copied.target, STAGED)
    rename(copied, ("d", "e"), ("a", "z"))
    counting = Counting(copied.source)
    report = replicate(counting, copied.target, STAGED)
    assert (report.renamed, report.copied_files, counting.counts.read_bytes) == (3, 0, 0)
    assert contents(copied.target) == contents(copied.source)


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
@pytest.mark.parametrize("copied", ["objects", "local"], indirect=True)
def test_what_is_replaced_or_deleted_can_be_had_back_for_a_while(copied: Pair, consistency: Any) -> None:
    keeping = replace(STAGED, consistency=consistency, keep_removed=7)
    change(copied)
    rename(copied, ("keep", "kept"))
    replicate(copied.source, copied.target, keeping)
    found = {e.path.split("/", 3)[3]: e for e in copied.target.scan(".livedata/removed") if e.kind == "file"}
    lost = {path for path, data in FILES.items() if data is not None and path != "keep"}
    assert set(found) == lost
    for path, entry in found.items():
        data = bytearray(entry.size_bytes)
        copied.target.read_into(entry.path, 0, memoryview(data))
        assert bytes(data) == FILES[path]
    copied.put({"later": b"later"})
    replicate(copied.source, copied.target, keeping)
    assert len([e for e in copied.target.scan(".livedata/removed") if e.kind == "file"]) == len(lost)
    forget(StateFolder(copied.target), time.time_ns() // 1_000_000 + 8 * DAY_MS, 7)
    assert [e for e in copied.target.scan(".livedata/removed") if e.kind == "file"] == []


def test_without_keep_removed_nothing_is_kept(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    replicate(pair.source, pair.target, STAGED)
    change(pair)
    replicate(pair.source, pair.target, STAGED)
    assert list(pair.target.scan(".livedata/removed")) == []


def test_a_renamed_file_that_is_open_at_the_source_stays_unsettled(make_pair: Callable[[str, str], Pair]) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"a": b"a", "b": b"b"})
    replicate(pair.source, pair.target, STAGED)
    rename(pair, ("a", "moved"))
    pair.source.may_have_open_files = lambda: True  # type: ignore[attr-defined]
    pair.source.is_open = lambda entry: entry.path == "moved"  # type: ignore[attr-defined]
    report = replicate(pair.source, pair.target, STAGED)
    assert (report.renamed, report.unsettled_paths) == (1, ["moved"])
    state = StateFolder(pair.target)
    rows = {row.entry.path: row.is_settled for row in checkpoints.manifest(state, checkpoints.latest(state))}
    assert rows == {"moved": False, "b": True}
    pair.source.is_open = lambda _: False  # type: ignore[attr-defined]
    assert replicate(pair.source, pair.target, STAGED).unsettled == 0
