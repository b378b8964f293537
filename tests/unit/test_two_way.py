"""The decisions of a two-way sync: the table of cases, attributes, losers, and thousands of histories against a model."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.diff import Origin
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Entry, Facts, Held, Step
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.two_way.acting import BACK, Accounts, Act, Rules
from airflow_provider_livedata.engine.two_way.attributes import given as given_to
from airflow_provider_livedata.engine.two_way.attributes import is_contested, merged
from airflow_provider_livedata.engine.two_way.changes import (
    Change,
    Claim,
    Common,
    Judged,
    Pair,
    Side,
    change_of,
    judge,
    mirrored,
)
from airflow_provider_livedata.engine.two_way.looking import lined_up
from airflow_provider_livedata.engine.two_way.merging import Merger
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
from airflow_provider_livedata.engine.two_way.report import SideReport, TwoWayReport
from airflow_provider_livedata.engine.two_way.settling import Conflict, beside, loser_of, other
from airflow_provider_livedata.engine.two_way.table import TABLE, is_rescued

HDFS = Facts("hdfs", max_name_bytes=255, attributes=frozenset({"owner", "group", "mode", "acl"}))
OBJECTS = Facts("s3", has_directories=False, max_key_bytes=1024)
NAMES = frozenset({"owner", "mode"})
_numbers = itertools.count(1)


def file(path: str, version: str = "1", **more: Any) -> Entry:
    return Entry(path, "file", more.pop("size_bytes", 1), version=version, **more)


def agreed(entry: Entry, theirs: Entry | None = None) -> Common:
    theirs = theirs or entry
    return Common(Held(entry, theirs.version), Held(theirs, entry.version))


def rules(policy: str = "newest", facts: tuple[Facts, Facts] = (HDFS, HDFS)) -> Rules:
    return Rules(facts, ("here", "there"), NAMES, policy, ".livedata/conflicts/now", 1_764_278_100_000)


def accounts(policy: str = "newest", facts: tuple[Facts, Facts] = (HDFS, HDFS)) -> Accounts:
    return Accounts(rules(policy, facts))


def acts(merger: Merger, *judged: Judged) -> list[str]:
    """What is to be done, a line each."""
    lines = []
    for act in merger.acts(judged):
        if isinstance(act, Act):
            step = act.step
            lines.append(
                f"{act.side}: {step.kind} {step.phase} {step.entry.key}"
                + (f" -> {step.held_at}" if step.held_at else "")
            )
        else:
            lines.append(f"conflict {act.kind} {act.path} {act.loser}".strip())
    return lines


def pair_of(left: Entry | None, right: Entry | None, common: Common | None = None, **more: Any) -> Judged:
    key = next(one.key for one in (left, right, common and common.left.entry) if one is not None)
    return judge(Pair(key, left, right, common, **more), NAMES)


# the table ------------------------------------------------------------------------------------------------------


def test_every_pair_of_changes_that_can_meet_has_a_case_and_the_table_is_the_same_seen_from_the_other_side() -> None:
    turned = {
        "to left": "to right",
        "to right": "to left",
        "delete left": "delete right",
        "delete right": "delete left",
    }
    assert len(TABLE) == 4 * 4 + 2 * 2
    for (left, right), verdict in TABLE.items():
        assert TABLE[right, left] == turned.get(verdict, verdict)


def test_no_case_deletes_what_the_other_side_changed() -> None:
    for (left, right), verdict in TABLE.items():
        if verdict.startswith("delete"):
            assert {left, right} == {"gone", "same"}
        assert is_rescued(left, right) == ({left, right} in ({"gone", "changed"}, {"gone", "attributes"}))


@pytest.mark.parametrize(
    ("now", "then", "change"),
    [
        (None, None, "absent"), (file("a"), None, "new"), (file("a"), file("a"), "same"), (None, file("a"), "gone"),
        (file("a", "2"), file("a"), "changed"), (file("a", size_bytes=2), file("a"), "changed"),
        (file("a", mode=1), file("a", mode=2), "attributes"), (file("a", mode=1), file("a"), "same"),
        (Entry("d", "directory", mode=1), Entry("d", "directory", mode=2), "attributes"),
        (Entry("d", "directory", mtime_ms=1), Entry("d", "directory"), "same"),
    ],
)  # fmt: skip
def test_a_change_is_told_by_what_a_side_has_and_had(now: Entry | None, then: Entry | None, change: Change) -> None:
    assert change_of(now, then, NAMES) == change


def test_another_file_of_the_same_looks_is_a_change() -> None:
    assert change_of(file("a"), file("a"), NAMES, is_other=True) == "changed"


# attributes -----------------------------------------------------------------------------------------------------


def test_each_attribute_goes_to_the_side_that_did_not_change_it() -> None:
    then = file("a", owner="o", mode=1)
    left, right = merged(then._replace(mode=2), then._replace(owner="p"), agreed(then), NAMES, prefers_left=False)
    assert (left.mode, left.owner) == (right.mode, right.owner) == (2, "p")


def test_of_an_attribute_that_both_changed_the_preferred_side_holds() -> None:
    then = file("a", mode=1)
    sides = then._replace(mode=2), then._replace(mode=3)
    assert is_contested(*sides, agreed(then), NAMES)
    assert [one.mode for one in merged(*sides, agreed(then), NAMES, prefers_left=True)] == [2, 2]
    assert [one.mode for one in merged(*sides, agreed(then), NAMES, prefers_left=False)] == [3, 3]


def test_attributes_that_differ_since_they_agreed_go_on_differing() -> None:
    """A store may not be able to have them: who is no superuser cannot give files away."""
    common = agreed(file("a", owner="ann"), file("a", owner="livedata"))
    assert merged(common.left.entry, common.right.entry, common, NAMES, prefers_left=True) == (
        common.left.entry,
        common.right.entry,
    )
    assert not is_contested(common.left.entry, common.right.entry, common, NAMES)
    assert not is_contested(file("a", mode=1), file("a", mode=2), None, NAMES)


def test_what_a_store_does_not_tell_is_kept() -> None:
    assert given_to(file("a", mode=1), file("a", owner="o"), NAMES) == file("a", mode=1, owner="o")
    left, right = merged(file("a", mode=1), file("a"), None, NAMES, prefers_left=True)
    assert (left.mode, right.mode) == (1, None)


# losers ---------------------------------------------------------------------------------------------------------


def test_the_loser_is_told_by_policy_and_of_equal_times_the_left_side_stays() -> None:
    old, new, names = file("a", mtime_ms=1), file("a", mtime_ms=2), ("here", "there")
    assert loser_of("newest", names, old, new) == "left"
    assert loser_of("newest", names, new, old) == loser_of("keep_both", names, old, old) == "right"
    assert loser_of("prefer:there", names, new, old) == "left"
    assert loser_of("prefer:here", names, old, new) == other("left") == "right"


def test_a_name_beside_says_when_and_where_from_and_fits() -> None:
    assert beside("d/a.csv", "cloud", 1_764_278_100_000) == "d/a.csv.conflict-cloud-20251127T211500Z"
    assert beside("a", "cloud", 0, number=2) == "a.conflict-cloud-19700101T000000Z-2"
    short = beside("d/" + "\u00e9" * 200, "cloud", 0, most_bytes=60)
    assert len(short.rpartition("/")[2].encode()) <= 60
    assert short.endswith(".conflict-cloud-19700101T000000Z")


# what is done ---------------------------------------------------------------------------------------------------


def test_a_file_that_one_side_has_goes_to_the_other() -> None:
    assert acts(Merger(accounts()), pair_of(file("a"), None), pair_of(None, file("b"))) == [
        "right: copy write a",
        "left: copy write b",
    ]


def test_a_file_that_was_deleted_on_one_side_goes_on_the_other_and_one_that_both_deleted_is_forgotten() -> None:
    common = [agreed(file(name)) for name in "abc"]
    merger = Merger(accounts())
    judged = [pair_of(None, file("a"), common[0]), pair_of(file("b"), None, common[1]), pair_of(None, None, common[2])]
    assert acts(merger, *judged) == ["right: delete delete a", "left: delete delete b", "right: forget write c"]
    assert (merger.accounts.kept_files, merger.accounts.totals["right"].delete_files) == (0, 1)


def test_a_change_undoes_a_delete_with_the_attributes_that_the_file_had_there() -> None:
    merger = Merger(accounts(facts=(HDFS, OBJECTS)))
    then = agreed(file("a", owner="ann", mode=0o600), file("a", "etag"))
    found = list(merger.acts([pair_of(None, file("a", "etag2"), then)]))
    step = found[0].step if isinstance(found[0], Act) else None
    assert step is not None
    assert (step.kind, step.reason, step.entry.owner, step.entry.version) == (
        "copy",
        "kept, since it was changed",
        "ann",
        "etag2",
    )
    assert (merger.accounts.rescued, merger.accounts.rescued_examples) == (1, ["a"])
    assert len(Accounts(rules(), rescued_examples=["x"] * 20).rescued_examples) == 20


def test_a_file_that_one_side_renamed_and_the_other_changed_stays_at_its_old_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    merger = Merger(accounts())
    left = pair_of(None, file("a", mode=0o600), agreed(file("a", mode=0o644)), left_went=True)
    right = pair_of(file("b", "2"), None, agreed(file("b")), right_went=True)
    deleted = pair_of(file("c", "2"), None, agreed(file("c")))
    list(merger.acts([left, right, deleted]))
    assert [merger.accounts.stays(path) for path in "abc"] == [True, True, False]
    monkeypatch.setattr("airflow_provider_livedata.engine.two_way.acting.STAYING", 2)
    assert merger.accounts.stays("c")  # where very many do, all of them
    list(merger.acts([pair_of(None, file("d", "2"), agreed(file("d")), left_went=True)]))
    assert merger.accounts.staying == {"a", "b"}


def test_examples_of_undone_deletes_are_few() -> None:
    merger = Merger(accounts())
    list(merger.acts([pair_of(None, file(f"a{n:02}", "2"), agreed(file(f"a{n:02}"))) for n in range(30)]))
    assert (merger.accounts.rescued, len(merger.accounts.rescued_examples)) == (30, 20)


def test_a_conflict_under_fail_is_told_and_nothing_is_done() -> None:
    merger = Merger(accounts("fail"))
    judged = pair_of(file("a", "2"), file("a", "3"), agreed(file("a")))._replace(is_same=False)
    assert acts(merger, judged) == ["conflict content a"]
    assert merger.accounts.conflicts == 1


def test_the_loser_is_put_aside_before_the_winner_comes() -> None:
    judged = pair_of(file("a", "2", mtime_ms=2), file("a", "3", mtime_ms=1), agreed(file("a")))._replace(is_same=False)
    assert acts(Merger(accounts()), judged) == [
        "conflict content a right",
        "right: hold hold a -> .livedata/conflicts/now/a",
        "right: copy write a",
    ]
    assert acts(Merger(accounts("keep_both")), judged)[1] == "right: hold hold a -> a.conflict-there-20251127T211500Z"


def test_a_winner_that_the_other_side_cannot_hold_changes_nothing() -> None:
    narrow = replace(OBJECTS, forbidden_characters=frozenset("a"))
    merger = Merger(accounts("prefer:here", (HDFS, narrow)))
    judged = pair_of(file("a", "2"), file("a", "3"), agreed(file("a")))._replace(is_same=False)
    assert acts(merger, judged) == []
    assert merger.accounts.totals["right"].unholdable == 1


def test_same_bytes_on_both_sides_are_agreed_on() -> None:
    judged = pair_of(file("a", "2"), file("a", "3"))._replace(is_same=True, crcs=(7, 8))
    found = list(Merger(accounts()).acts([judged]))
    assert [(one.step.kind, one.step.expect, one.step.entry.crc32c) for one in found if isinstance(one, Act)] == [
        ("record", "3", 7)
    ]


def test_attributes_that_both_sides_changed_go_both_ways_and_one_row_tells_of_them() -> None:
    then = file("a", owner="o", mode=1)
    judged = pair_of(then._replace(mode=2), then._replace(owner="p"), agreed(then))
    found = [one for one in Merger(accounts()).acts([judged]) if isinstance(one, Act)]
    assert [(one.side, one.step.reason, one.step.phase) for one in found] == [
        ("left", BACK, "finish"),
        ("right", "attributes", "write"),
    ]


def test_attributes_that_one_side_changed_go_to_the_other_which_changed_the_bytes() -> None:
    then = file("a", owner="o", mode=1)
    found = [
        one
        for one in Merger(accounts()).acts(
            [pair_of(then._replace(mode=2), file("a", "9", owner="o", mode=1), agreed(then))]
        )
        if isinstance(one, Act)
    ]
    assert [(one.side, one.step.kind, one.step.entry.mode, one.step.reason) for one in found] == [
        ("left", "copy", 2, "changed"),
        ("right", "set_attributes", 2, BACK),
    ]


@pytest.mark.parametrize(("policy", "told"), [("fail", ["conflict attributes a"]), ("prefer:there", ["conflict attributes a left", "left: set_attributes write a"]),
                                              ("newest", ["conflict attributes a right", "right: set_attributes write a"])])  # fmt: skip
def test_attributes_that_both_sides_set_to_other_values_are_a_conflict(policy: str, told: list[str]) -> None:
    then = file("a", mode=1)
    assert acts(Merger(accounts(policy)), pair_of(then._replace(mode=2), then._replace(mode=3), agreed(then))) == told


def test_a_renamed_file_is_moved_by_the_side_that_has_its_bytes_still() -> None:
    known = Held(file("old", "theirs", crc32c=1, crc64nvme=2), "ours")
    for origin, kind in (
        (Origin("new", known, is_contested=False), "move"),
        (Origin("new", known, is_contested=True), "copy"),
        (Origin("new", known._replace(target_version="another"), is_contested=False), "copy"),
    ):
        merger = Merger(accounts())
        assert acts(merger, pair_of(file("new", "ours"), None, left_came=origin)) == [f"right: {kind} write new"]
        assert acts(Merger(accounts()), pair_of(None, file("new", "ours"), right_came=origin)) == [
            f"left: {kind} write new"
        ]
    gone = pair_of(None, file("old"), agreed(file("old")), left_went=True)
    found = [one for one in Merger(accounts()).acts([gone]) if isinstance(one, Act)]
    assert [one.step.reason for one in found] == ["renamed"]


def test_what_is_neither_file_nor_directory_is_left_alone() -> None:
    merger = Merger(accounts())
    link = Entry("d/l", "other", note="symbolic link")
    judged = [pair_of(None, Entry("d", "directory"), agreed(Entry("d", "directory"))), pair_of(None, link)]
    assert acts(merger, *judged)[0].startswith("left: make_directory")
    assert merger.accounts.totals["left"].unholdable_examples == ["d/l: symbolic link"]
    assert acts(Merger(accounts()), pair_of(link, file("d/l"))) == []


def test_what_is_being_written_is_left_for_the_next_run() -> None:
    merger = Merger(accounts())
    assert acts(merger, pair_of(file("a"), None)._replace(is_open=True)) == []
    assert merger.accounts.open_paths == ["a"]


def directory(path: str, **more: Any) -> Entry:
    return Entry(path, "directory", **more)


def test_directories_of_a_file_that_is_to_go_and_is_being_written_wait_with_it() -> None:
    merger = Merger(accounts())
    d, e = (pair_of(None, directory(path), agreed(directory(path))) for path in ("d", "d/e"))
    waits = pair_of(None, file("d/e/a"), agreed(file("d/e/a")))._replace(is_open=True)
    gone = pair_of(None, file("d/b"), agreed(file("d/b")))
    assert acts(merger, d, gone, e, waits) == ["right: delete delete d/b"]
    assert (merger.accounts.open_paths, merger.accounts.waiting) == (["d/e/a"], ["d/e", "d"])
    # What somebody keeps beside it, or of the file itself, has the directories stay.
    kept = pair_of(None, file("d/k", "2"), agreed(file("d/k")))
    assert "left: make_directory write d/" in acts(Merger(accounts()), d, e, waits, kept)
    both = pair_of(file("d/e/a", "2"), file("d/e/a"), agreed(file("d/e/a")))._replace(is_open=True)
    assert "left: make_directory write d/e/" in acts(Merger(accounts()), d, e, both)


def test_a_directory_goes_only_when_nothing_is_left_in_it() -> None:
    d, common = directory("d"), agreed(directory("d"))
    gone = pair_of(None, file("d/a"), agreed(file("d/a")))
    assert acts(Merger(accounts()), pair_of(None, d, common), gone) == [
        "right: delete delete d/a",
        "right: delete remove d/",
    ]
    assert acts(Merger(accounts()), pair_of(d, None, common)) == ["left: delete remove d/"]
    kept = pair_of(None, file("d/b", "2"), agreed(file("d/b")))
    assert acts(Merger(accounts()), pair_of(None, d, common), gone, kept) == [
        "right: delete delete d/a", "left: copy write d/b", "left: make_directory write d/", "left: set_attributes finish d/",
    ]  # fmt: skip
    assert acts(Merger(accounts()), pair_of(None, None, common)) == ["right: forget write d/"]


def test_a_directory_that_both_sides_made_is_agreed_on_with_its_attributes() -> None:
    assert acts(Merger(accounts()), pair_of(directory("d", mode=1), directory("d", mode=2))) == [
        "right: set_attributes finish d/"
    ]
    assert acts(Merger(accounts()), pair_of(directory("d", mode=1), directory("d", mode=1))) == [
        "right: record write d/"
    ]
    then = directory("d", mode=1)
    assert acts(Merger(accounts()), pair_of(then, then, agreed(then))) == []


def test_where_directories_are_names_an_empty_one_gets_a_marker() -> None:
    facts = (HDFS, OBJECTS)
    assert acts(Merger(accounts(facts=facts)), pair_of(directory("d"), None)) == ["right: make_directory write d/"]
    assert acts(Merger(accounts(facts=facts)), pair_of(directory("d"), None), pair_of(file("d/a"), None)) == [
        "right: copy write d/a", "right: record write d/",
    ]  # fmt: skip
    common = agreed(directory("d"), directory("d", is_implied=True))
    emptied = pair_of(directory("d"), directory("d", is_implied=True), common)
    gone = pair_of(None, file("d/a"), agreed(file("d/a")))
    assert acts(Merger(accounts(facts=facts)), emptied, gone) == [
        "right: delete delete d/a",
        "right: make_directory write d/",
    ]
    assert (
        acts(Merger(accounts(facts=facts)), pair_of(None, directory("d", is_implied=True), common), gone)[-1]
        == "right: forget write d/"
    )
    assert (
        acts(Merger(accounts(facts=facts)), pair_of(None, directory("d", is_implied=True)))[0]
        == "left: make_directory write d/"
    )


def test_what_lies_in_a_directory_that_a_side_cannot_hold_is_told_as_well() -> None:
    narrow = replace(HDFS, forbidden_characters=frozenset(":"))
    merger = Merger(accounts(facts=(HDFS, narrow)))
    assert acts(merger, pair_of(directory("d:"), None), pair_of(file("d:/a"), None)) == []
    assert [text.partition(": ")[0] for text in merger.accounts.totals["right"].unholdable_examples] == [
        "d:",
        "d:/a",
    ] or merger.accounts.totals["right"].unholdable == 2


def test_a_file_against_a_directory_goes_beside_it_whatever_the_policy_but_under_fail() -> None:
    judged = [pair_of(file("a"), None), pair_of(None, directory("a")), pair_of(None, file("a/b"))]
    assert acts(Merger(accounts("newest")), *judged) == [
        "left: copy write a/b",
        "left: make_directory write a/", "left: set_attributes finish a/",
        "conflict file against directory a left",
        "left: hold hold a -> a.conflict-here-20251127T211500Z", "left: delete clear a",
    ]  # fmt: skip
    assert "conflict file against directory a" in acts(Merger(accounts("fail")), *judged)
    assert acts(Merger(accounts(facts=(OBJECTS, OBJECTS))), *judged)[-1] == "right: copy write a"


def test_a_file_that_makes_room_for_a_directory_goes_first() -> None:
    judged = [pair_of(None, file("a"), agreed(file("a"))), pair_of(directory("a"), None)]
    assert "right: delete clear a" in acts(Merger(accounts()), *judged)


def test_a_directory_that_makes_room_for_a_file_goes_first() -> None:
    then = agreed(directory("a"))
    judged = [
        pair_of(file("a"), None),
        pair_of(None, directory("a"), then),
        pair_of(None, file("a/b"), agreed(file("a/b"))),
    ]
    found = [one for one in Merger(accounts()).acts(judged) if isinstance(one, Act)]
    assert [(one.step.kind, one.step.phase, one.step.reason) for one in found] == [
        ("delete", "clear", "removed"), ("delete", "remove", "in the way"), ("copy", "write", "new"),
    ]  # fmt: skip


def test_of_a_file_that_both_sides_have_beside_a_directory_only_what_is_not_known_is_kept() -> None:
    same = [pair_of(file("a"), file("a"), agreed(file("a"))), pair_of(None, directory("a")), pair_of(None, file("a/b"))]
    told = acts(Merger(accounts(facts=(HDFS, OBJECTS))), *same)
    assert [line for line in told if "conflict-" in line] == ["left: hold hold a -> a.conflict-here-20251127T211500Z"]
    assert "right: delete clear a" in told
    both = [pair_of(file("a", "2"), file("a", "3"), agreed(file("a")))._replace(is_same=False), *same[1:]]
    assert len([line for line in acts(Merger(accounts(facts=(HDFS, OBJECTS))), *both) if "hold" in line]) == 2
    theirs = [pair_of(file("a"), file("a", "3"), agreed(file("a"))), *same[1:]]
    assert [line for line in acts(Merger(accounts(facts=(HDFS, OBJECTS))), *theirs) if "hold" in line] == [
        "right: hold hold a -> a.conflict-there-20251127T211500Z"
    ]


def test_nothing_is_asked_of_a_side_that_has_nothing() -> None:
    nothing = Judged(Pair("a", None, None), "absent", "absent")
    assert acts(Merger(accounts()), nothing) == []
    with pytest.raises(ValueError, match="the left side has nothing at a"):
        nothing.entry("left")
    with pytest.raises(ValueError, match="never agreed on a"):
        _ = nothing.agreed


# what a run that was cut off wrote down -------------------------------------------------------------------------


def test_a_claim_holds_when_the_changed_side_has_what_it_says() -> None:
    claim = Claim("right", Held(file("a", "ours", mode=1), "theirs"))
    assert claim.key == "a"
    assert claim.holds(file("a", "theirs"))
    assert not claim.holds(file("a", "another"))
    assert not claim.holds(None)
    common = claim.common()
    assert common is not None
    assert (common.key, common.left.entry.version, common.right.entry.version, common.right.entry.mode) == (
        "a",
        "ours",
        "theirs",
        None,
    )
    before = Common(Held(file("a", "old", mode=2)), Held(file("a", "old there", mode=3)))
    after = claim.common(before)
    assert after is not None
    assert [(held.entry.version, held.entry.mode) for held in after] == [("ours", 2), ("theirs", 3)]
    turned = Claim("left", claim.held).common()
    assert turned is not None
    assert (turned.left.entry.version, turned.right.entry.version) == ("theirs", "ours")
    gone = Claim("left", Held(file("a"), is_gone=True))
    assert gone.holds(None)
    assert not gone.holds(file("a"))
    assert gone.common() is None
    assert Claim("left", Held(directory("d"))).holds(directory("d"))
    assert mirrored(mirrored(claim.held)).entry.version == "ours"


# options and report ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"conflicts": "oldest"}, {"conflicts": "prefer:nobody"}, {"names": ("a", "a")}, {"names": ("a",)}, {"names": ("a", "b/c")},
        {"keep_conflicts": -1}, {"keep_removed": "7"}, {"keep_removed": True}, {"how": ReplicateOptions(foreign="keep")},
        {"how": ReplicateOptions(consistency="snapshot")},
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused_by_name(wrong: dict[str, Any]) -> None:
    name = next(iter(wrong))
    with pytest.raises(BadOption, match="foreign|consistency" if name == "how" else name):
        TwoWayOptions(**wrong)


def test_options_know_what_the_lease_goes_by() -> None:
    options = TwoWayOptions(conflicts="prefer:b", names=("a", "b"), how=ReplicateOptions(dry_run=True, holder="me"))
    assert (options.dry_run, options.holder) == (True, "me")


def test_a_report_names_each_conflict_and_how_it_was_settled() -> None:
    sides = (
        SideReport("here", "hdfs://a/x", copied_files=1, deleted=2),
        SideReport("there", "s3://b/x", planned={"copy: new": 2, "record: x": 1}),
    )
    report = TwoWayReport(
        "hdfs://a/x", "s3://b/x", *sides, run=3, is_first=True, compared_bytes=10, rescued=1, conflicts=4
    )
    report.conflict_list = [
        Conflict("a", "content", "newest", "left", ".livedata/conflicts/x/a"),
        Conflict("b", "attributes", "newest", "right", ""),
        Conflict("c", "file against directory", "newest", "right", "c.conflict-there"),
        Conflict("d", "content", "fail", "", ""),
    ]
    assert report.conflict_list[0].to_json()["kept_at"] == ".livedata/conflicts/x/a"
    assert (report.of("left"), report.of("right")) == sides
    table = report.table()
    assert "a: content, newest: that of there holds; the other one is kept as .livedata/conflicts/x/a of here" in table
    assert "b: attributes, newest: that of here holds" in table
    assert "c: a file of there against a directory; it is kept as c.conflict-there" in table
    assert "d: content, left as it is on both sides" in table
    assert "1 files, 0 B copied, 2 deleted" in table
    report.state = "dry run"
    assert "to there would be 2 copy: new" in " ".join(report.table().split())
    assert report.summary()["left"]["name"] == "here"
    assert report.summary()["conflict_list"][0]["path"] == "a"


# thousands of histories against a model -------------------------------------------------------------------------


@dataclass
class Tree:
    """A side as a dictionary; the bytes of a file are a number that no other write gives."""

    likes_objects: bool
    nodes: dict[str, Entry] = field(default_factory=dict)  # by key
    aside: set[int] = field(default_factory=set)

    def listing(self) -> list[Entry]:
        found = dict(self.nodes)
        if self.likes_objects:
            for key in list(self.nodes):
                for above in _above(key):
                    found.setdefault(f"{above}/", directory(above, is_implied=True))
        return sorted(found.values(), key=lambda one: one.key)

    def write(self, path: str, content: int, mtime_ms: int = 0, mode: int | None = None) -> None:
        if not self.likes_objects:
            if f"{path}/" in self.nodes or any(above in self.nodes for above in _above(path)):
                return
            self.make_above(path)
        tag = "" if mode is None else f"/{mode}"
        self.nodes[path] = Entry(
            path,
            "file",
            content,
            mtime_ms,
            f"{next(_numbers)}{tag}",
            mode=None if self.likes_objects else mode or 0o644,
        )

    def make_above(self, path: str) -> None:
        for above in _above(path):
            self.nodes.setdefault(f"{above}/", directory(above, mode=0o755))

    def delete(self, path: str) -> None:
        for key in [one for one in self.nodes if one == path or one.startswith(f"{path}/")]:
            del self.nodes[key]

    def contents(self) -> dict[str, int]:
        return {one.key: one.size_bytes for one in self.listing()}

    def do(self, step: Step, source: Tree) -> None:
        path, key = step.entry.path, step.entry.key
        if step.kind == "copy":
            self.make(path, source.nodes[path], step)
        elif step.kind == "make_directory":
            if not self.likes_objects:
                assert path not in self.nodes, f"a file stands at {path}"
                self.make_above(f"{path}/")
            self.nodes.setdefault(key, directory(path, mode=None if self.likes_objects else step.entry.mode or 0o755))
        elif step.kind == "set_attributes":
            self.nodes[key] = self.nodes[key]._replace(mode=step.entry.mode or self.nodes[key].mode)
        elif step.kind == "delete":
            there = self.nodes.pop(key, None)
            if there is not None and there.kind == "file":
                self.aside.add(there.size_bytes)
            elif there is not None and not self.likes_objects:
                assert not any(one.startswith(key) for one in self.nodes), f"{key} is not empty"

    def make(self, path: str, source: Entry, step: Step) -> None:
        there = self.nodes.get(path)
        if step.expect is not None and not step.or_absent:
            assert there is not None
            assert there.version == step.expect
        elif step.expect is None:
            assert there is None, f"something stands at {path}"
        if not self.likes_objects:
            assert f"{path}/" not in self.nodes, f"a directory stands at {path}"
            self.make_above(path)
        mode = None if self.likes_objects else step.entry.mode or 0o644
        self.nodes[path] = Entry(path, "file", source.size_bytes, source.mtime_ms, f"{next(_numbers)}", mode=mode)

    def hold(self, step: Step) -> Entry | None:
        there = self.nodes[step.entry.path]
        if step.held_at.startswith(".livedata/"):
            self.aside.add(there.size_bytes)
            if not self.likes_objects:
                del self.nodes[step.entry.path]
            return None
        moved = there._replace(path=step.held_at)
        self.nodes[step.held_at] = moved
        if not self.likes_objects:
            del self.nodes[step.entry.path]
        return moved


def _above(path: str) -> list[str]:
    names = path.rstrip("/").split("/")[:-1]
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]


@dataclass
class Model:
    """Two trees, what they agreed on, and a sync that carries out what is decided."""

    trees: dict[Side, Tree]
    policy: str
    common: dict[str, Common] = field(default_factory=dict)
    second: int = 0  # each sync is of another one, as names of losers say

    def sync(self) -> Merger:
        left, right = self.trees["left"], self.trees["right"]
        facts = tuple(OBJECTS if tree.likes_objects else HDFS for tree in (left, right))
        self.second += 1000
        merger = Merger(Accounts(replace(rules(self.policy, facts), at_ms=self.second)))  # type: ignore[arg-type]
        agreed_on = [self.common[key] for key in sorted(self.common)]
        judged = [
            self._probed(judge(pair, frozenset({"mode"})))
            for pair in lined_up(left.listing(), agreed_on, right.listing())
        ]
        self.carry_out([act for act in merger.acts(judged) if isinstance(act, Act)])
        return merger

    def _probed(self, judged: Judged) -> Judged:
        pair = judged.pair
        if pair.left is None or pair.right is None or pair.left.kind == "directory":
            return judged
        return (
            judged._replace(is_same=pair.left.size_bytes == pair.right.size_bytes)
            if TABLE[judged.left, judged.right] == "compare"
            else judged
        )

    def carry_out(self, found: list[Act]) -> None:
        before = {side: Tree(tree.likes_objects, dict(tree.nodes)) for side, tree in self.trees.items()}
        besides: list[tuple[Side, Entry]] = []
        besides += [
            (act.side, moved) for act in found
            if act.step.kind == "hold" and (moved := self.trees[act.side].hold(act.step)) is not None
        ]  # fmt: skip
        for phases in (("clear",), ("remove", "in the way"), ("write",)):
            self._phase(found, before, *phases)
        for side, entry in besides:
            theirs: Side = "left" if side == "right" else "right"
            self.trees[theirs].make(entry.path, entry, Step("copy", "write", entry, "conflict"))
        for phases in (("delete",), ("remove",), ("finish",)):
            self._phase(found, before, *phases)
        self._agree()

    def _phase(self, found: list[Act], before: dict[Side, Tree], phase: str, reason: str = "") -> None:
        steps = [
            one
            for one in found
            if one.step.phase == phase and (phase != "remove" or (one.step.reason == "in the way") is bool(reason))
        ]
        for act in reversed(steps) if phase in ("clear", "delete") else steps:
            self.trees[act.side].do(act.step, before["left" if act.side == "right" else "right"])

    def _agree(self) -> None:
        left, right = ({one.key: one for one in tree.listing()} for tree in self.trees.values())
        self.common = {key: agreed(left[key], right[key]) for key in left.keys() & right.keys()}


_path = st.lists(st.sampled_from(["a", "b", "a!", "b0"]), min_size=1, max_size=3).map("/".join)
_change = st.tuples(
    st.sampled_from(["left", "right"]),
    st.sampled_from(["write", "write", "delete", "make", "mode", "same"]),
    _path,
    st.integers(1, 9),
)
_history = st.lists(st.lists(_change, max_size=7), min_size=1, max_size=4)


@settings(max_examples=1000, deadline=None)
@given(
    history=_history,
    likes=st.tuples(st.booleans(), st.booleans()),
    policy=st.sampled_from(["newest", "prefer:there", "keep_both"]),
)
@example(history=[[("left", "write", "a", 1)], [("left", "delete", "a", 1), ("left", "write", "a/b", 1), ("right", "write", "a", 2)]],
         likes=(False, False), policy="newest")  # fmt: skip
def test_both_sides_end_the_same_a_second_sync_changes_nothing_and_nothing_that_was_written_is_lost(
    history: list[list[tuple[Side, str, str, int]]], likes: tuple[bool, bool], policy: str
) -> None:
    model = Model({"left": Tree(likes[0]), "right": Tree(likes[1])}, policy)
    for changes in history:
        for change in changes:
            _apply(model, *change)
        before = {side: tree.contents() for side, tree in model.trees.items()}
        agreed_on = {key: one.left.entry.size_bytes for key, one in model.common.items()}
        model.sync()
        left, right = model.trees.values()
        assert left.contents() == right.contents()
        _check_nothing_is_lost(before, agreed_on, left, right)
        again = model.sync()
        assert not any(totals.changes for totals in again.accounts.totals.values())
        assert again.accounts.conflicts == 0


def _apply(model: Model, side: Side, what: str, path: str, number: int) -> None:
    tree = model.trees[side]
    content = next(_numbers) * 10
    if what == "write":
        tree.write(path, content, number)
    elif what == "same":
        for one in model.trees.values():
            one.write(path, content, number)
    elif what == "delete":
        tree.delete(path)
    elif what == "make" and not any(above in tree.nodes for above in (*_above(path), path)):
        if not tree.likes_objects:
            tree.make_above(f"{path}/x")
        tree.nodes.setdefault(f"{path}/", directory(path))
    elif what == "mode" and not tree.likes_objects and path in tree.nodes:
        tree.nodes[path] = tree.nodes[path]._replace(mode=0o600 + number)


def _check_nothing_is_lost(
    before: dict[Side, dict[str, int]], agreed_on: dict[str, int], left: Tree, right: Tree
) -> None:
    now = {content for key, content in left.contents().items() if not key.endswith("/")}
    for side, contents in before.items():
        theirs = before["left" if side == "right" else "right"]
        for key, content in contents.items():
            if key.endswith("/") or content in now:
                continue
            deleted_there = agreed_on.get(key) == content and theirs.get(key) != content
            lost_a_conflict = content in left.aside | right.aside
            assert deleted_there or lost_a_conflict, (key, content)
