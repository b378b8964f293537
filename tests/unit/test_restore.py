"""What a restore decides on values alone: what is chosen, what is the same already, what forbids it, what is sampled."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.plan import Planner
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.errors import BadOption, DestinationNewer, DestinationTaken
from airflow_provider_livedata.engine.model import Entry, Facts, Failure, Held
from airflow_provider_livedata.engine.restores.choosing import Choice
from airflow_provider_livedata.engine.restores.options import DrillOptions, RestoreOptions
from airflow_provider_livedata.engine.restores.report import DrillReport, RestoreDifference, RestoreReport
from airflow_provider_livedata.engine.restores.rows import (
    Evidence,
    Findings,
    RestoreRows,
    evidence_of,
    is_worth_asking,
    may_be_same,
    refuse,
)
from airflow_provider_livedata.engine.restores.sampling import sample

HDFS = Facts("hdfs", puts_publish=False, attributes=frozenset({"mtime_ms", "owner", "group", "mode", "acl"}))
S3 = Facts(
    "s3", has_directories=False, checksums=frozenset({"crc64nvme"}), attributes=frozenset({"mtime_ms", "source_version"})
)  # fmt: skip
TAKEN_MS = 100
NAMES = st.sampled_from(["a", "b", "a!", "a.b", "ab", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def file(path: str, version: str = "1", **more: Any) -> Entry:
    return Entry(path, "file", **{"size_bytes": 5, "mtime_ms": 10, "version": version, **more})


def link(path: str) -> Entry:
    return Entry(path, "other", mtime_ms=1000, note="a symbolic link")


def directory(path: str, **more: Any) -> Entry:
    return Entry(path, "directory", **more)


def tree(files: Any) -> list[Entry]:
    """Files and their directories in key order, as a listing has them."""
    above = {path.rsplit("/", n)[0] for path in files for n in range(1, path.count("/") + 1)}
    kept = [path for path in files if path not in above]
    return sorted([*map(file, set(kept)), *map(directory, above)], key=lambda entry: entry.key)


# which paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "chosen", "others"),
    [
        ("d/a", ["d/a", "d/a/x", "d/a/x/y"], ["d", "d/ab", "a", "x/d/a"]),
        ("d/a/", ["d/a", "d/a/x"], ["d"]),
        ("*/a", ["d/a", "e/a/x"], ["a", "d/e/a", "d"]),
        ("d/**/a", ["d/x/a", "d/x/y/a/z"], ["d/a", "e/x/a"]),
        ("?x.*", ["ax.1", "bx.2/y"], ["x.1", "aax.1"]),
        ("year=20[2]4", ["year=20[2]4"], ["year=2024"]),
    ],
)
def test_paths_and_patterns_choose_with_all_that_lies_below(path: str, chosen: list[str], others: list[str]) -> None:
    choice = Choice([path])
    assert [one for one in (*chosen, *others) if choice.is_chosen(one)] == chosen
    assert choice.unmatched() == [path.rstrip("/")]
    assert [one for one in (*chosen, *others) if choice.holds(one)] == chosen
    assert choice.unmatched() == []


@pytest.mark.parametrize("path", ["", "/", "/etc", "..", "a/../b", "a//b", "./a", "a/.", "a\0b", "a/.."])
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(BadOption, match="relative to the location"):
        Choice([path])
    with pytest.raises(BadOption, match="relative to the location"):
        RestoreOptions(paths=(path,))


def test_no_paths_are_all_paths() -> None:
    choice, entries = Choice(), tree(["a/b", "c"])
    assert (choice.is_all, choice.cover(), choice.unmatched()) == (True, None, [])
    assert list(choice.of_backup(entries)) == list(choice.of_destination(entries)) == entries
    assert choice.holds("anything")
    assert choice.is_chosen("anything")


def test_of_a_destination_only_what_is_chosen_or_above_it_is_looked_at() -> None:
    entries = tree(["a/b/c", "a/b/d", "a/x", "f/1", "z"])
    found = [entry.key for entry in Choice(["a/b/c", "f/*"]).of_destination(entries)]
    assert found == ["a/", "a/b/", "a/b/c", "f/", "f/1"]
    in_the_way = [file("a"), file("b")]
    assert [entry.key for entry in Choice(["a/b"]).of_destination(in_the_way)] == ["a"]


def test_only_what_may_hold_a_choice_is_asked_for() -> None:
    cover = Choice(["a/b/c", "d/*/x", "e/f*"]).cover()
    assert cover is not None
    assert cover.trees == {"a/b/c", "d", "e"}
    assert cover.paths == ["a", "a/b", "a/b/c", "d", "e"]
    assert Choice(["a", "*.gz"]).cover() is None


@given(
    st.sets(PATHS, max_size=12),
    st.lists(PATHS | st.sampled_from(["*", "a/*", "*/b", "**/c", "a?"]), min_size=1, max_size=3),
)
def test_a_choice_of_a_listing_is_in_order_with_the_directories_above(files: set[str], paths: list[str]) -> None:
    choice, entries = Choice(paths), tree(files)
    chosen = list(choice.of_backup(entries))
    assert [entry.key for entry in chosen] == sorted(entry.key for entry in chosen)
    wanted = [entry for entry in entries if choice.is_chosen(entry.path)]
    above = {one for entry in wanted for one in entries if one.kind == "directory" and entry.key.startswith(one.key)}
    assert set(chosen) == set(wanted) | above
    assert set(wanted) <= set(choice.of_destination(entries))


# what is the same -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "brought", "facts", "told"),
    [
        (file("a"), file("a", "9"), None, HDFS, "size and time"),
        (file("a"), file("a", "9", mtime_ms=11), None, HDFS, ""),
        (file("a"), file("a", "9", size_bytes=6), None, HDFS, ""),
        (file("a"), file("a", "9"), None, S3, ""),
        (file("a"), directory("a"), None, HDFS, ""),
        (file("a", source_version="9"), file("a", "9", mtime_ms=11), None, HDFS, "version"),
        (file("a", "v"), file("a", "9", source_version="v"), None, S3, "version"),
        (file("a", ""), file("a", "9"), None, S3, ""),
        (file("a", crc32c=1), file("a", "9", crc32c=1, mtime_ms=11), None, S3, "checksum"),
        (file("a", crc32c=1, crc64nvme=2), file("a", "9", crc64nvme=2), None, S3, "checksum"),
        (file("a", crc32c=1, source_version="9"), file("a", "9", crc32c=2), None, S3, ""),
        (file("a"), file("a", "9", mtime_ms=11), Held(file("a"), "9"), HDFS, "brought before"),
        (file("a"), file("a", "9", mtime_ms=11), Held(file("a"), "8"), HDFS, ""),
        (file("a"), file("a", "9", mtime_ms=11), Held(file("a", "0"), "9"), HDFS, ""),
    ],
)
def test_evidence_that_a_file_is_the_backups(
    source: Entry, target: Entry, brought: Held | None, facts: Facts, told: str
) -> None:
    assert evidence_of(source, target, brought, facts) == told


def test_a_store_is_asked_where_it_knows_more_than_its_listing() -> None:
    assert not is_worth_asking(file("a"), HDFS)
    assert is_worth_asking(file("a"), S3)
    sums = Facts("x", checksums=frozenset({"crc32c"}))
    assert (is_worth_asking(file("a"), sums), is_worth_asking(file("a", crc32c=1), sums)) == (False, True)
    assert not may_be_same(file("a"), None)


# rows -----------------------------------------------------------------------------------------------------------------


def settled(
    backup: list[Entry], there: list[Entry], *, brought: list[Held] | None = None, planned: list[str] | None = None,
    facts: Facts = HDFS, paths: tuple[str, ...] = (), mode: str = "merge", in_place: bool = False, frozen: bool = False,
) -> tuple[list[Row], Findings]:  # fmt: skip
    options = RestoreOptions(paths=paths, mode=mode)  # type: ignore[arg-type]
    rows = RestoreRows(
        Choice(paths), options, facts, taken_ms=TAKEN_MS, is_in_place=in_place, is_frozen=frozen
    )  # fmt: skip
    lined = list(line_up(backup, brought or (), there, planned or ()))

    def evidence(row: Row) -> Evidence:
        return evidence_of(row.source, row.target, row.known, facts) if row.source and row.target else ""

    return list(rows.settle((row, evidence(row)) for row in lined)), rows.findings


def planned_steps(rows: list[Row], facts: Facts = HDFS) -> list[str]:
    names = facts.attributes - {"source_version"} if facts.has_directories else frozenset()
    planner = Planner(Policy(facts, names, "replace"))
    return [f"{step.kind} {step.entry.key}" for step in planner.steps(rows)]


@pytest.mark.parametrize("facts", [HDFS, S3])
def test_a_merge_brings_what_lacks_or_differs_and_leaves_the_rest(facts: Facts) -> None:
    backup = [file("a"), file("b"), directory("d"), file("d/x", crc64nvme=3)]
    there = [file("b", size_bytes=9), directory("d", is_implied=facts is S3), file("d/x", "7", crc64nvme=3), file("e")]
    rows, findings = settled(backup, there, facts=facts)
    assert planned_steps(rows, facts) == ["copy a", "copy b"]
    assert findings.same == {"checksum": 1}


def test_what_is_passed_on_is_planned_anew() -> None:
    rows, _ = settled([file("a"), file("b")], [file("b"), file("z")], planned=["a", "b", "z"], mode="mirror")
    assert [(row.key, row.planned) for row in rows] == [("a", False), ("b", False), ("z", False)]


def test_a_mirror_passes_on_what_is_to_go() -> None:
    rows, _ = settled([file("a")], [directory("d"), file("d/x"), file("z")], mode="mirror")
    assert planned_steps(rows) == ["copy a", "delete d/", "delete d/x", "delete z"]
    rows, _ = settled(
        [directory("d"), file("d/a")], [directory("d"), file("d/x"), file("z")], mode="mirror", paths=("d",)
    )
    assert planned_steps(rows) == ["copy d/a", "set_attributes d/", "delete d/x"]


def test_attributes_of_what_stays_are_set_where_they_differ() -> None:
    backup = [directory("d", mode=0o750, mtime_ms=1), file("d/x", owner="ann"), file("d/y", owner="ann")]
    there = [directory("d", mode=0o777, mtime_ms=1), file("d/x", owner="eve"), file("d/y", owner="ann")]
    rows, _ = settled(backup, there)
    assert planned_steps(rows) == ["set_attributes d/x", "set_attributes d/"]


def test_directories_above_a_choice_are_made_where_they_lack_and_else_left_alone() -> None:
    backup = [directory("d", mode=0o700), directory("d/e"), file("d/e/x")]
    rows, _ = settled(backup, [], paths=("d/e/x",))
    assert planned_steps(rows)[:3] == ["make_directory d/", "make_directory d/e/", "copy d/e/x"]
    rows, _ = settled(backup, [directory("d", mode=0o777)], paths=("d/e/x",))
    assert "set_attributes d/" not in planned_steps(rows)
    rows, _ = settled(backup, [], paths=("d/e/x",), facts=S3)
    assert planned_steps(rows, S3) == ["copy d/e/x"]


def test_an_empty_directory_gets_its_marker_on_an_object_store() -> None:
    rows, _ = settled([directory("e"), directory("f"), file("f/x")], [], facts=S3)
    assert planned_steps(rows, S3) == ["make_directory e/", "copy f/x"]


def test_what_an_attempt_brought_and_could_not_write_down_is_written_down() -> None:
    rows, findings = settled([file("a", "v")], [file("a", "9", source_version="v")], planned=["a"], facts=S3)
    assert planned_steps(rows, S3) == ["record a"]
    assert findings.same == {"version": 1}
    rows, findings = settled([file("a")], [file("a", "9")], planned=["a"], brought=[Held(file("a"), "9")], facts=S3)
    assert planned_steps(rows, S3) == []
    assert findings.same == {"brought before": 1}


def test_of_what_lacks_nothing_is_known_but_the_marker_of_an_object_store() -> None:
    backup = [file("a"), directory("d")]
    assert [row.known for row in settled(backup, [], facts=HDFS)[0]] == [None, None]
    assert [row.known for row in settled(backup, [], facts=S3)[0]] == [None, Held(directory("d"))]


@pytest.mark.parametrize(
    ("ours", "theirs", "kept"),
    [({}, {"crc32c": 7}, (7, None)), ({"crc64nvme": 3}, {"crc32c": 7}, (None, 3)), ({"crc32c": 5}, {"crc64nvme": 9}, (5, None))],
)  # fmt: skip
def test_a_destinations_checksum_is_kept_where_the_backup_has_none(ours: Any, theirs: Any, kept: Any) -> None:
    rows, _ = settled([file("a", "v", **ours)], [file("a", "9", source_version="v", **theirs)], facts=S3)
    assert rows[0].known is not None
    assert (rows[0].known.entry.crc32c, rows[0].known.entry.crc64nvme) == kept


def test_mode_fail_takes_nothing_but_its_own_work() -> None:
    backup = [file("a"), directory("d"), file("d/x")]
    there = [file("a", "9"), directory("d"), file("d/y")]
    _, findings = settled(backup, there, mode="fail")
    assert findings.taken_examples == ["a", "d/", "d/y"]
    _, findings = settled(
        backup, [file("a", "9"), directory("d")], mode="fail", planned=["a", "d/"], brought=[Held(file("a"), "9")]
    )
    assert findings.taken == 0
    _, findings = settled([file("a")], [file("a", "9")], mode="fail", brought=[Held(file("a"), "9")])
    assert findings.taken == 0
    _, findings = settled(backup, [file("a", "9", size_bytes=6)], mode="fail", planned=["a"])
    assert findings.taken_examples == ["a"]
    _, findings = settled(
        backup, [directory("d", is_implied=True), directory("z", is_implied=True)], mode="fail", facts=S3
    )
    assert findings.taken == 0
    _, findings = settled([], [file("gone")], mode="fail", brought=[Held(file("x"), "1")], paths=("y",))
    assert findings.taken == 0


def test_what_is_newer_or_changed_since_is_found() -> None:
    backup = [file("a", source_version="1"), file("b", source_version="1"), file("c")]
    there = [
        file("a", "2", mtime_ms=101),
        file("b", "2", mtime_ms=11),
        file("c", "2", mtime_ms=11),
        file("d", mtime_ms=101),
    ]
    assert settled(backup, there)[1].newer_examples == ["a"]
    assert settled(backup, there, mode="mirror")[1].newer_examples == ["a", "d"]
    assert settled(backup, there, in_place=True)[1].newer_examples == ["a", "b"]
    assert settled(backup, there, in_place=True, frozen=True)[1].newer_examples == ["a", "b", "c"]
    assert settled([file("a")], [directory("z", mtime_ms=101)], mode="mirror")[1].newer == 0
    assert settled([], [file("z", mtime_ms=TAKEN_MS)], mode="mirror")[1].newer == 0


def test_an_object_store_tells_no_attributes_of_what_stays() -> None:
    rows, _ = settled([file("a", "v")], [file("a", "9", source_version="v", mtime_ms=77)], facts=S3)
    assert rows[0].known is not None
    assert rows[0].known.entry.mtime_ms == 10


@pytest.mark.parametrize(
    ("backup", "there", "names"),
    [
        ([file("a")], [directory("a"), file("a/x")], ["a"]),
        ([directory("a"), file("a/x")], [file("a")], ["a"]),
        ([file("a"), file("a!")], [directory("a!"), directory("a"), file("a/x")], ["a!", "a"]),
    ],
)
def test_files_and_directories_of_one_name_are_found(backup: list[Entry], there: list[Entry], names: list[str]) -> None:
    findings = settled(backup, there)[1]
    assert (findings.blocked, findings.blocked_examples) == (len(names), names)
    assert settled(backup, there, mode="mirror")[1].blocked == 0


def test_a_file_and_a_directory_of_one_name_that_both_sides_have_block_nothing() -> None:
    both = [file("a"), directory("a"), file("a/x")]  # an object store can hold that
    assert settled(both, both, facts=S3)[1].blocked == 0
    assert settled(both, [file("a")], facts=S3)[1].blocked == 0


def test_what_is_neither_a_file_nor_a_directory_stays_with_mode_mirror_too() -> None:
    there = [file("a"), directory("d"), link("d/l"), link("l")]
    rows, findings = settled([file("a")], there, mode="mirror")
    assert planned_steps(rows, HDFS) == ["delete d/"]
    assert (findings.left, findings.left_examples, findings.in_the_way) == (2, ["d/l", "l"], 0)
    assert settled([file("a")], there)[1].left == 0
    assert settled([], there, mode="fail")[1].taken_examples == ["a", "d/", "d/l", "l"]
    rows, findings = settled([link("l")], there[-1:], mode="mirror")
    assert (findings.left, findings.in_the_way) == (0, 0)


@pytest.mark.parametrize(
    ("backup", "there", "name"),
    [
        ([file("a")], ["a"], "a"),
        ([directory("a"), file("a/x")], ["a"], "a"),
        ([file("a")], ["a/", "a/l"], "a/l"),
        ([file("a"), file("a!")], ["a!/", "a!/x", "a/", "a/l", "b"], "a/l"),
    ],
)
@pytest.mark.parametrize("mode", ["merge", "mirror"])
def test_what_nothing_can_keep_and_stands_in_the_way_is_found(
    backup: list[Entry], there: list[str], name: str, mode: str
) -> None:
    found = [
        directory(one[:-1]) if one.endswith("/") else file(one) if one.endswith("x") else link(one) for one in there
    ]
    findings = settled(backup, found, mode=mode)[1]
    if mode == "mirror" or name == "a":
        assert (findings.in_the_way, findings.in_the_way_examples, findings.blocked) == (1, [name], 0)
    else:
        assert findings.blocked > findings.in_the_way == 0


def test_a_file_above_a_choice_blocks_it_in_every_mode() -> None:
    backup = [directory("a"), file("a/x")]
    for mode in ("merge", "mirror", "fail"):
        assert settled(backup, [file("a")], paths=("a/x",), mode=mode)[1].blocked_examples == ["a"]


def test_what_forbids_a_restore_is_told_with_the_way_out() -> None:
    options = RestoreOptions(mode="mirror")
    refuse(Findings(), options, [])
    with pytest.raises(BadOption, match="'x'"):
        refuse(Findings(), options, ["x", "y"])
    refuse(Findings(), RestoreOptions(mode="mirror", may_lack=True), ["x"])
    with pytest.raises(DestinationTaken, match="mode is fail"):
        refuse(Findings(taken=1), options, [])
    with pytest.raises(DestinationTaken, match="a directory"):
        refuse(Findings(blocked=1), options, [])
    with pytest.raises(DestinationTaken, match="move it away"):
        refuse(Findings(in_the_way=1), options, [])
    with pytest.raises(DestinationNewer, match="overwrite_newer"):
        refuse(Findings(newer=1), options, [])
    refuse(Findings(newer=1), RestoreOptions(overwrite_newer=True), [])


def test_examples_are_few_and_numbers_count_all() -> None:
    findings = settled([], [file(f"f{n:02d}") for n in range(50)], mode="fail")[1]
    assert (findings.taken, len(findings.taken_examples)) == (50, 20)
    there = [file(f"f{n:02d}", mtime_ms=101) for n in range(50)]
    findings = settled([], there, mode="mirror")[1]
    assert (findings.newer, len(findings.newer_examples)) == (50, 20)


@given(st.sets(PATHS, max_size=10), st.sets(PATHS, max_size=10), st.sampled_from(["merge", "mirror"]))
def test_a_mirror_ends_as_the_backup_and_a_merge_as_both(backup: set[str], there: set[str], mode: str) -> None:
    ours = tree(backup)
    theirs = [entry._replace(version="9", mtime_ms=9) if entry.kind == "file" else entry for entry in tree(there)]
    rows, findings = settled(ours, theirs, mode=mode)
    if findings.blocked:
        return
    found = {entry.key for entry in theirs}
    planner = Planner(Policy(HDFS, frozenset(), "replace"))
    steps = list(planner.steps(rows))
    for step in steps:
        if step.kind == "delete":
            found.discard(step.entry.key)
    found |= {step.entry.key for step in steps if step.kind in ("copy", "make_directory")}
    wanted = {entry.key for entry in ours}
    assert found == (wanted if mode == "mirror" else wanted | {entry.key for entry in theirs})


# options, reports, samples --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "overwrite"}, {"verify": "listing"}, {"preserve": {"colour"}}, {"paths": "a"}, {"exclude": [1]}, {"threads": 257},
        {"max_delete_ratio": 2}, {"memory_mib": 1}, {"bandwidth": "fast"}, {"may_lack": True}, {"threads": True},
    ],
)  # fmt: skip
def test_options_are_checked_when_they_are_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match=next(iter(wrong))):
        RestoreOptions(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"sample_files": -1}, {"sample_bytes": 0}, {"seed": "x"}, {"seed": True}, {"threads": -1}]
)
def test_options_of_a_drill_are_checked_when_they_are_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match=next(iter(wrong))):
        DrillOptions(**wrong)


def test_a_report_says_what_was_done_and_how_to_undo_it() -> None:
    report = RestoreReport(
        name="n1", backup="b1", mode="mirror", paths=["d"], attempt=2, same={"version": 3}, newer=2, copied_files=5, made_directories=1,
        set_attributes=1, deleted=2, failed=1, verify="checksum", verified_files=5, proved_by_store=2, proved_by_reading=3,
        undo=["undo it"], failures=[Failure("x", "gone")], difference_count=30, notes=["mind this"], plan="p", plan_digest="0" * 64,
        differences=[RestoreDifference("y", "checksum", "other")] * 30,
    )  # fmt: skip
    text = report.table()
    for line in (
        "3 by version",
        "attempt",
        "undo it",
        "x: gone",
        "checksum: y other",
        "... and 10 more",
        "mind this",
        "30 DIFFERENCES",
    ):
        assert line in text
    assert report.summary()["failures"] == [{"path": "x", "reason": "gone", "error": "", "retryable": False}]
    assert len(report.summary()["differences"]) == 20
    report.seal("here")
    assert report.summary()["digest"]


@pytest.mark.parametrize(
    ("state", "verify", "shown"),
    [("dry run", "checksum", "would change"), ("done", "none", "NOT VERIFIED"), ("done", "content", "no difference")],
)
def test_a_report_does_not_claim_what_was_not_done(state: Any, verify: str, shown: str) -> None:
    text = RestoreReport(state=state, verify=verify, changed_examples=["copy a (new)"]).table()
    assert shown in text
    assert ("verified" in text) == (state == "done")


def test_a_drills_report_tells_the_pace_and_what_all_would_take() -> None:
    report = DrillReport(
        backup_files=1000, backup_bytes=1 << 30, sample_files=10, sample_bytes=1 << 20, restore_seconds=2.0, seed=5, notes=["n"],
        failures=[Failure("x", "gone")], failed=1, difference_count=1, differences=[RestoreDifference("y", "size")],
    )  # fmt: skip
    assert report.estimated_seconds == 2048
    assert all(line in report.table() for line in ("seed 5", "34 min 08 s", "NO", "x: gone", "size: y"))
    assert report.summary()["estimated_seconds"] == 2048
    assert '"files_per_second": 5.0' in report.to_json()
    assert DrillReport().estimated_seconds is None
    assert DrillReport().summary()["estimated_seconds"] is None


@given(st.integers(0, 40), st.integers(1, 10), st.integers(1, 400), st.integers(0, 1000))
def test_a_sample_is_bounded_repeatable_and_in_order(count: int, most: int, most_bytes: int, seed: int) -> None:
    entries = [directory("d"), *(file(f"d/{n:03d}", size_bytes=n) for n in range(count))]
    found = sample(entries, most_files=most, most_bytes=most_bytes, seed=seed)
    assert found == sample(iter(entries), most_files=most, most_bytes=most_bytes, seed=seed)
    assert (found.of_files, found.of_bytes) == (count, sum(range(count)))
    assert len(found.files) <= most
    assert (len(found.files) > 0) == (count > 0)
    assert len(found.files) == 1 or found.size_bytes <= most_bytes
    assert [entry.key for entry in found.files] == sorted({entry.key for entry in found.files})


def test_every_file_is_sampled_as_often_as_any_other() -> None:
    entries, seeds = [file(str(n)) for n in range(10)], random.Random(1)
    drawn = Counter(
        entry.path
        for _ in range(2000)
        for entry in sample(entries, most_files=3, most_bytes=1 << 30, seed=seeds.randrange(1 << 30)).files
    )
    assert all(480 < drawn[str(n)] < 720 for n in range(10))  # 600 each on average, more than five deviations away


def test_which_files_fit_the_bytes_is_left_to_chance_and_one_that_just_fits_is_taken() -> None:
    entries = [Entry(f"f{n:02d}", size_bytes=10) for n in range(20)]
    samples = [sample(entries, most_files=20, most_bytes=20, seed=seed).files for seed in range(40)]
    assert {len(files) for files in samples} == {2}
    assert len({file.path for files in samples for file in files}) > 10
