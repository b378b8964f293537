"""What a plan does to a strict model of the target: it ends equal to the source, and never does what a store refuses."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.diff import Origin, Row, line_up
from airflow_provider_livedata.engine.deciding.guard import guard
from airflow_provider_livedata.engine.deciding.plan import Planner
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.refusal import refusal, unholdable
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import (
    CannotHold,
    SourceEmpty,
    TargetTouched,
    TooManyDeletes,
    UnsortedListing,
)
from airflow_provider_livedata.engine.model import Entry, Facts, From, Held, Step
from airflow_provider_livedata.testing.strategies import Tree, trees

FILE_SYSTEM = Facts("model", puts_publish=False, attributes=frozenset({"mode", "mtime_ms"}))
OBJECT_STORE = Facts("model", has_directories=False, max_key_bytes=1024)
STORES = pytest.mark.parametrize("facts", [FILE_SYSTEM, OBJECT_STORE], ids=["file system", "object store"])


def entries(tree: Tree) -> list[Entry]:
    found = [
        Entry(path, "directory", mode=0o755)
        if data is None
        else Entry(path, "file", len(data), 7, f"v{data.hex()}", mode=0o644)
        for path, data in tree.items()
    ]
    return sorted(found, key=lambda entry: entry.key)


class Target:
    """A store that refuses what real ones refuse. ``files``: path to version; ``directories``: marked or real ones."""

    def __init__(self, facts: Facts, tree: Tree) -> None:
        self.facts = facts
        self.files = {entry.path: entry.version for entry in entries(tree) if entry.kind == "file"}
        parents = {parent for path in tree for parent in above(path)}
        self.directories = {
            path for path, data in tree.items() if data is None and (facts.has_directories or path not in parents)
        }

    def listing(self) -> list[Entry]:
        implied = {parent for path in (*self.files, *self.directories) for parent in above(path)} - self.directories
        found = [Entry(path, "file", len(version) // 2, version=version) for path, version in self.files.items()]
        found += [Entry(path, "directory") for path in self.directories]
        found += [Entry(path, "directory", is_implied=True) for path in implied]
        return sorted(found, key=lambda entry: entry.key)

    def apply(self, step: Step) -> None:
        path = step.entry.path
        if step.kind == "copy":
            assert path not in self.directories, "a file over a directory"
            assert not any(parent in self.files for parent in above(path)), "a file below a file"
            assert self.files.get(path) == step.expect
            if self.facts.has_directories:
                assert not any(there.startswith(path + "/") for there in (*self.files, *self.directories))
            self.files[path] = step.entry.version
        elif step.kind == "make_directory":
            assert path not in self.files, "a directory over a file"
            self.directories.add(path)
        elif step.kind == "delete" and step.entry.kind == "directory":
            assert not any(there.startswith(path + "/") for there in (*self.files, *self.directories)), "not empty"
            self.directories.remove(path)
        elif step.kind == "delete":
            assert self.files.pop(path) == step.expect

    def visible(self) -> dict[str, str]:
        return {entry.key: entry.version for entry in self.listing()}


def above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def in_order_of_execution(steps: Iterable[Step]) -> list[Step]:
    by_phase: dict[str, list[Step]] = {"clear": [], "write": [], "delete": [], "finish": []}
    for step in steps:
        by_phase[step.phase].append(step)
    return [*reversed(by_phase["clear"]), *by_phase["write"], *reversed(by_phase["delete"]), *by_phase["finish"]]


def held(tree: Tree) -> list[Held]:
    return [Held(entry, entry.version) for entry in entries(tree)]


def plan(
    facts: Facts, source: list[Entry], known: list[Held], target: list[Entry], **policy: object
) -> tuple[list[Step], Totals]:
    planner = Planner(dataclasses.replace(Policy(facts, max_delete_ratio=1.0), **policy))  # type: ignore[arg-type]
    steps = list(planner.steps(line_up(source, known, target)))
    return steps, planner.totals


@STORES
@given(before=trees(), now=trees())
def test_applying_the_plan_makes_the_target_equal_to_the_source(facts: Facts, before: Tree, now: Tree) -> None:
    target = Target(facts, before)
    steps, totals = plan(facts, entries(now), held(before), target.listing())
    for step in in_order_of_execution(steps):
        target.apply(step)
    assert target.visible() == {entry.key: entry.version for entry in entries(now)}
    assert totals.foreign == totals.unholdable == 0


@STORES
@given(before=trees(), now=trees())
def test_a_second_plan_finds_nothing_to_do(facts: Facts, before: Tree, now: Tree) -> None:
    target = Target(facts, before)
    steps, _ = plan(facts, entries(now), held(before), target.listing())
    for step in in_order_of_execution(steps):
        target.apply(step)
    again, totals = plan(facts, entries(now), held(now), target.listing())
    assert again == []
    assert totals.changes == 0


@STORES
@given(now=trees())
def test_every_entry_of_a_first_copy_comes_into_the_manifest(facts: Facts, now: Tree) -> None:
    steps, _ = plan(facts, entries(now), [], [])
    assert {step.entry.key for step in steps} == {entry.key for entry in entries(now)}


@STORES
@given(before=trees(), now=trees(), data=st.data())
def test_what_a_directory_that_may_not_be_listed_holds_stays_as_it_is_and_all_else_is_brought(
    facts: Facts, before: Tree, now: Tree, data: st.DataObject
) -> None:
    source = entries(now)
    directories = [one for one in source if one.kind == "directory"]
    if not directories:
        return
    directory = data.draw(st.sampled_from(directories))
    seen = [one for one in source if not one.key.startswith(directory.key) or one is directory]
    seen = [one._replace(note="refused") if one is directory else one for one in seen]
    target = Target(facts, before)
    steps, totals = plan(facts, seen, held(before), target.listing())
    touched = [step for step in steps if f"{step.entry.path}/".startswith(directory.key)]
    assert [(step.kind, step.entry.path) for step in touched if step.phase == "write"] == [("refused", directory.path)]
    assert [step for step in touched if step.phase != "write"] == []
    assert totals.unlisted == 1
    others = plan(facts, source, held(before), target.listing())[0]
    wanted = [step for step in others if not f"{step.entry.path}/".startswith(directory.key) and step.kind == "copy"]
    assert [step for step in steps if step.kind == "copy"] == wanted


def test_a_source_that_may_not_be_listed_is_not_taken_for_an_empty_one() -> None:
    refused = Entry("d", "directory", note="refused")
    there = [Entry("a", "file", 1, version="t"), Entry("d/f", "file", 1, version="t")]
    known = [Held(Entry("a", "file", 1, version="v"), "t"), Held(Entry("d/f", "file", 1, version="v"), "t")]
    _, totals = plan(OBJECT_STORE, [refused], known, there)
    assert (totals.delete_files, totals.target_files) == (1, 2)
    guard(totals, Policy(OBJECT_STORE, max_delete_ratio=0.5))


def test_a_file_stays_where_the_source_has_a_directory_that_may_not_be_listed() -> None:
    source = [Entry("a", "directory", note="refused"), Entry("z", "file", 1, version="v")]
    there = [Entry("a", "file", 1, version="t"), Entry("z", "file", 1, version="t")]
    known = [Held(Entry(path, "file", 1, version="v"), "t") for path in ("a", "z")]
    steps, totals = plan(OBJECT_STORE, source, known, there)
    assert [(step.kind, step.entry.path) for step in steps] == [("refused", "a")]
    assert totals.delete_files == 0


@STORES
@given(now=trees(), there=trees())
def test_nothing_that_someone_else_wrote_is_touched_unless_asked(facts: Facts, now: Tree, there: Tree) -> None:
    target = Target(facts, there)
    steps, totals = plan(facts, entries(now), [], target.listing(), foreign="stop")
    touched = {step.entry.path for step in steps if step.kind in ("copy", "delete")}
    assert not touched & set(target.files)
    assert bool(totals.foreign) >= bool(target.files)
    if totals.foreign:
        with pytest.raises(TargetTouched, match="foreign='replace'"):
            guard(totals, Policy(facts, max_delete_ratio=1.0))


@STORES
@given(now=trees(), there=trees())
def test_replacing_what_someone_else_wrote_makes_the_target_equal(facts: Facts, now: Tree, there: Tree) -> None:
    target = Target(facts, there)
    steps, totals = plan(facts, entries(now), [], target.listing(), foreign="replace")
    guard(totals, Policy(facts, max_delete_ratio=1.0, foreign="replace"))
    for step in in_order_of_execution(steps):
        target.apply(step)
    assert target.visible() == {entry.key: entry.version for entry in entries(now)}


@STORES
@given(before=trees(), now=trees(), data=st.data())
def test_files_that_vanished_from_the_target_are_brought_again(
    facts: Facts, before: Tree, now: Tree, data: st.DataObject
) -> None:
    target = Target(facts, before)
    for path in data.draw(st.lists(st.sampled_from(sorted(target.files) or [""]), unique=True)):
        target.files.pop(path, None)
    steps, totals = plan(facts, entries(now), held(before), target.listing())
    for step in in_order_of_execution(steps):
        target.apply(step)
    assert target.visible() == {entry.key: entry.version for entry in entries(now)}
    assert totals.foreign == 0


def test_a_changed_mode_is_set_where_the_target_keeps_modes_and_only_recorded_elsewhere() -> None:
    old, new = Entry("a", "file", 1, version="v", mode=0o600), Entry("a", "file", 1, version="v", mode=0o644)
    there = [Entry("a", "file", 1, version="t")]
    steps, totals = plan(FILE_SYSTEM, [new], [Held(old, "t")], there)
    assert [(step.kind, step.entry.mode) for step in steps] == [("set_attributes", 0o644)]
    assert totals.copy_files == 0
    steps, totals = plan(OBJECT_STORE, [new], [Held(old, "t")], there)
    assert [(step.kind, step.entry.mode, step.expect) for step in steps] == [("record", 0o644, "t")]
    assert totals.changes == 0


@pytest.mark.parametrize(
    ("was", "kind"),
    [
        (Held(Entry("old", "file", 1, version="v", crc32c=1, crc64nvme=2), "t"), "move"),
        (Held(Entry("old", "file", 1, version="other", crc32c=1, crc64nvme=2), "t"), "copy"),
        (Held(Entry("old", "file", 2, version="v", crc32c=1, crc64nvme=2), "t"), "copy"),
        (Held(Entry("old", "file", 1, version="v", crc32c=1, crc64nvme=2), "t", is_settled=False), "copy"),
        (Held(Entry("old", "file", 1, version="v"), "t"), "copy"),
        (Held(Entry("old", "file", 1, version="v", crc32c=1), "t"), "copy"),
        (Held(Entry("old", "file", 1, version="v", crc64nvme=2), "t"), "copy"),
    ],
)
def test_only_a_file_with_the_bytes_of_its_origin_is_moved(was: Held, kind: str) -> None:
    row = Row(
        "new",
        Entry("new", "file", 1, version="v"),
        None,
        None,
        planned=False,
        origin=Origin("new", was, is_contested=False),
    )
    (step,) = Planner(Policy(OBJECT_STORE)).steps([row])
    assert (step.kind, step.expect) == (kind, None)
    assert step.origin == (From("old", "t", is_like=True) if kind == "move" else None)


def test_a_file_whose_old_place_is_taken_is_put_aside_first() -> None:
    was = Held(Entry("a", "file", 1, version="v", mode=0o600, crc32c=1, crc64nvme=2), "t")
    now, there = Entry("b", "file", 1, version="v", mode=0o644), Entry("b", "file", 9, version="tb")
    known = Held(Entry("b", "file", 9, version="vb"), "tb")
    row = Row("b", now, known, there, planned=False, origin=Origin("b", was, is_contested=True), is_renamed=True)
    planner = Planner(Policy(FILE_SYSTEM, held_at="held/7"))
    hold, move = planner.steps([row])
    assert (hold.kind, hold.phase, hold.origin, hold.held_at) == (
        "hold", "hold", From("a", "t", is_like=False), "held/7/000000000001",
    )  # fmt: skip
    assert (move.kind, move.origin, move.expect, move.or_absent) == (
        "move", From("held/7/000000000001", is_like=False), "tb", True,
    )  # fmt: skip
    assert (move.entry.crc32c, move.entry.crc64nvme) == (1, 2)
    assert (planner.totals.move_files, planner.totals.move_bytes, planner.totals.changes) == (1, 1, 1)
    lines = (f"{kind}\0{phase}\0b\0001\0v\n" for kind, phase in (("hold", "hold"), ("move", "write")))
    assert planner.totals.digest == hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize(("is_other", "planned", "copied"), [(True, False, 1), (False, False, 0), (True, True, 1)])
def test_another_file_of_the_same_version_is_copied(is_other: bool, planned: bool, copied: int) -> None:
    known = Held(Entry("a", size_bytes=1, version="1:5", crc32c=1, crc64nvme=1), "t1")
    row = Row("a", known.entry, known, Entry("a", size_bytes=1, version="t1"), planned=planned, is_other=is_other)
    planner = Planner(Policy(Facts("s3")))
    assert [step.kind for step in planner.steps([row])] == ["copy"] * copied


def test_old_names_of_renamed_files_go_and_are_no_deletes() -> None:
    known, there = Held(Entry("a", "file", 1, version="v"), "t"), Entry("a", "file", 1, version="t")
    planner = Planner(Policy(OBJECT_STORE, max_delete_ratio=0.0))
    (step,) = planner.steps([Row("a", None, known, there, planned=False, is_renamed=True)])
    assert (step.kind, step.reason) == ("delete", "renamed")
    assert (planner.totals.delete_files, planner.totals.renamed_files, planner.totals.changes) == (0, 1, 1)
    guard(planner.totals, planner.policy)


def below(folder: str, tree: Tree) -> Tree:
    return {folder: None, **{f"{folder}/{path}": data for path, data in tree.items()}}


def came_with(rows: list[Held], old: str, new: str) -> list[Origin]:
    """What comes with a directory that is moved whole."""
    found = []
    for row in rows:
        proved = row._replace(entry=row.entry._replace(crc32c=1, crc64nvme=2))
        key = new + row.key[len(old) :]
        found.append(Origin(key, proved, is_contested=False, is_carried=True, is_root=row.entry.path == old))
    return sorted(found, key=lambda one: one.key)


class Moved(Target):
    """A target that carries out "rename" steps, or refuses them, and the others as they are meant to be then."""

    def __init__(self, tree: Tree, *, refuses: bool) -> None:
        super().__init__(FILE_SYSTEM, tree)
        self.refuses = refuses

    def apply(self, step: Step) -> None:
        path, origin = step.entry.path, step.origin
        if step.kind == "rename":
            assert origin is not None
            if not self.refuses:
                self.files = {path + f.removeprefix(origin.path): v for f, v in self.files.items()}
                self.directories = {path + d.removeprefix(origin.path) for d in self.directories}
        elif step.kind == "move":
            assert origin is not None
            self.files[path] = self.files.pop(origin.path if self.refuses else path)
            assert self.files[path] == origin.version
        elif step.kind == "delete" and (step.reason == "carried" if self.refuses else step.reason != "carried"):
            pass  # nothing came; or what was there went away
        elif step.kind == "delete" and step.entry.kind == "file" and path not in self.files:
            assert self.refuses  # it was moved
        elif step.kind == "make_directory" and not self.refuses and origin is not None:
            assert path in self.directories
        elif step.kind == "copy" and not self.refuses and origin is not None:
            super().apply(step._replace(expect=origin.version))
        else:
            super().apply(step)


@given(before=trees(), now=trees(), refuses=st.booleans(), names=st.sampled_from([("old", "new"), ("new", "a/b")]))
def test_a_directory_that_is_moved_whole_holds_in_the_end_what_the_source_has_even_where_the_move_is_refused(
    before: Tree, now: Tree, refuses: bool, names: tuple[str, str]
) -> None:
    old, new = names
    known, target = held(below(old, before)), Moved(below(old, before), refuses=refuses)
    wanted = below(new, now) if new == "new" else {"a": None, **below(new, now)}
    planner = Planner(Policy(FILE_SYSTEM, max_delete_ratio=1.0))
    rows = line_up(entries(wanted), known, target.listing(), origins=came_with(known, old, new))
    steps = list(planner.steps(rows))
    renames = [step for step in steps if step.kind == "rename"]
    assert [(step.entry.path, step.origin) for step in renames] == [(new, From(old, ""))]
    for step in [*renames, *in_order_of_execution(step for step in steps if step.kind != "rename")]:
        target.apply(step)
    assert target.visible() == {entry.key: entry.version for entry in entries(wanted)}
    same = [p for p, data in before.items() if data is not None and now.get(p) == data]
    assert planner.totals.move_files == len(same)
    assert planner.totals.delete_files + planner.totals.renamed_files == sum(
        data is not None for data in before.values()
    )


def test_what_came_with_a_directory_and_is_another_file_now_is_copied_over_it() -> None:
    was = Held(Entry("old/f", "file", 1, version="v", crc32c=1, crc64nvme=2), "t")
    origin = Origin("new/f", was, is_contested=False, is_carried=True, is_gone=True)
    row = Row("new/f", Entry("new/f", "file", 1, version="v"), None, None, planned=False, origin=origin)
    (step,) = Planner(Policy(FILE_SYSTEM)).steps([row])
    assert (step.kind, step.expect, step.origin) == ("copy", None, From("old/f", "t"))


@pytest.mark.parametrize(("mode", "is_like"), [(0o755, True), (0o700, False)])
def test_a_directory_that_comes_with_its_attributes_has_them_already(mode: int, *, is_like: bool) -> None:
    was = Held(Entry("old", "directory", mode=0o755))
    origin = Origin("new/", was, is_contested=False, is_carried=True, is_root=True)
    row = Row("new/", Entry("new", "directory", mode=mode), None, None, planned=False, origin=origin)
    steps = list(Planner(Policy(FILE_SYSTEM)).steps([row]))
    assert [(step.kind, step.phase) for step in steps] == [
        ("rename", "rename"), ("make_directory", "write"), ("set_attributes", "finish"),
    ]  # fmt: skip
    assert steps[-1].origin == From("old", "", is_like=is_like)


def test_what_is_known_at_a_place_that_is_empty_is_forgotten_though_something_comes_there() -> None:
    was = Held(Entry("old/f", "file", 1, version="v"), "t")
    origin = Origin("new/f", was, is_contested=False, is_carried=True)
    known = Held(Entry("new/f", "file", 9, version="w"), "u")
    steps = list(Planner(Policy(FILE_SYSTEM)).steps([Row("new/f", None, known, None, planned=False, origin=origin)]))
    assert [(step.kind, step.reason, step.expect) for step in steps] == [
        ("forget", "gone at both", None), ("delete", "carried", "t"),
    ]  # fmt: skip


def test_what_comes_with_a_directory_has_a_row_though_no_side_has_it() -> None:
    was = Held(Entry("old", "file", 1, version="v"), "t")
    origins = [Origin(key, was, is_contested=False, is_carried=key != "b") for key in ("a", "b", "d", "e")]
    rows = list(line_up([Entry("c"), Entry("d")], [], [], origins=origins))
    assert [(row.key, row.source is not None, row.origin is not None) for row in rows] == [
        ("a", False, True), ("c", True, False), ("d", True, True), ("e", False, True),
    ]  # fmt: skip


def test_origins_are_lined_up_with_what_they_became_and_left_out_where_nothing_is() -> None:
    was = Held(Entry("old", "file", 1, version="v", crc32c=1, crc64nvme=2), "t")
    origins = [Origin(key, was, is_contested=False) for key in ("a", "c", "d")]
    rows = list(line_up([Entry("b"), Entry("c")], [], [], origins=origins))
    assert [(row.key, row.origin is not None) for row in rows] == [("b", False), ("c", True)]


def test_a_file_that_was_open_is_asked_about_again_until_it_is_closed() -> None:
    entry = Entry("a", "file", 1, version="v")
    steps, totals = plan(
        OBJECT_STORE, [entry], [Held(entry, "t", is_settled=False)], [Entry("a", "file", 1, version="t")]
    )
    assert [(step.kind, step.reason) for step in steps] == [("record", "was open")]
    assert totals.changes == 0


def test_a_directory_whose_contents_change_has_its_attributes_set_after_them() -> None:
    before: Tree = {"d": None, "d/a": b"1"}
    steps, _ = plan(FILE_SYSTEM, entries({**before, "d/b": b"2"}), held(before), Target(FILE_SYSTEM, before).listing())
    assert [(step.kind, step.phase, step.entry.path) for step in in_order_of_execution(steps)] == [
        ("copy", "write", "d/b"), ("set_attributes", "finish", "d"),
    ]  # fmt: skip


def finished(steps: Iterable[Step]) -> list[str]:
    """Directories whose attributes are set once all else is done."""
    return [step.entry.path for step in steps if step.phase == "finish"]


def test_a_directory_in_which_one_appears_has_its_attributes_set_afterwards() -> None:
    before: Tree = {"d": None, "d/a": b"1"}
    steps, _ = plan(
        FILE_SYSTEM, entries({**before, "d/new": None}), held(before), Target(FILE_SYSTEM, before).listing()
    )
    assert finished(steps) == ["d/new", "d"]


def test_a_directory_from_which_something_goes_has_its_attributes_set_afterwards() -> None:
    known = held({"d": None})
    foreign = [Entry("d", "directory"), Entry("d/theirs", "file", 1, version="x")]
    steps, _ = plan(FILE_SYSTEM, entries({"d": None}), known, foreign, foreign="replace")
    assert finished(steps) == ["d"]
    brought = Origin("d/f", Held(Entry("old/f", "file", 1, version="v"), "t"), is_contested=False, is_carried=True)
    rows = [
        Row("d/", known[0].entry, known[0], foreign[0], planned=False), Row("d/f", None, None, None, planned=False, origin=brought)
    ]  # fmt: skip
    assert finished(Planner(Policy(FILE_SYSTEM)).steps(rows)) == ["d"]


def test_a_plan_counts_what_is_at_either_side_and_what_stays() -> None:
    now: Tree = {"d": None, "d/a": b"123", "b": b"45"}
    _, totals = plan(FILE_SYSTEM, entries({**now, "c": b"6"}), held(now), Target(FILE_SYSTEM, now).listing())
    assert (totals.source_files, totals.source_bytes, totals.source_directories) == (3, 6, 1)
    assert (totals.target_files, totals.unchanged_files, totals.unlisted) == (2, 2, 0)


def test_a_directory_that_may_not_be_listed_counts_and_leaves_none_empty() -> None:
    closed = Entry("d/closed", "directory", note="refused")
    steps, totals = plan(OBJECT_STORE, [Entry("d", "directory"), closed], [], [])
    assert (totals.source_directories, totals.unlisted) == (2, 1)
    assert [(step.kind, step.entry.path) for step in steps] == [("refused", "d/closed"), ("record", "d")]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Entry("k" * 1025, "file", 1), "longer than the 1024 bytes"),
        (Entry("\u00e9" * 513, "file", 1), "longer than the 1024 bytes"),
        (Entry("link", "other", note="symbolic link"), "symbolic link"),
    ],
)
def test_what_the_target_cannot_hold_is_found_in_the_plan(entry: Entry, why: str) -> None:
    steps, totals = plan(OBJECT_STORE, [entry], [], [])
    assert steps == []
    with pytest.raises(CannotHold, match=why):
        guard(totals, Policy(OBJECT_STORE))
    guard(totals, Policy(OBJECT_STORE, skip_unholdable=True))


def test_a_plan_of_nothing_amounts_to_nothing() -> None:
    counts = {name: value for name, value in dataclasses.asdict(Totals()).items() if isinstance(value, int)}
    assert len(counts) > 15
    assert set(counts.values()) == {0}


def test_each_step_counts_once_and_what_changes_is_named() -> None:
    totals, file, directory = Totals(), Entry("f", size_bytes=3), Entry("d", "directory")
    for step in (
        Step("copy", "write", file, "new"), Step("copy", "write", file, "new"), Step("move", "write", file, "renamed"),
        Step("delete", "delete", file, "gone"), Step("delete", "delete", file, "renamed"),
        Step("delete", "delete", file, "carried"), Step("delete", "delete", directory, "gone"),
        Step("make_directory", "write", directory, "new"), Step("set_attributes", "write", file, "mode"),
        Step("set_attributes", "finish", directory, "time"), Step("record", "write", file, "same"),
        Step("forget", "write", file, "gone"), Step("hold", "hold", file, "renamed"),
    ):  # fmt: skip
        totals.count(step)
    assert (totals.copy_files, totals.copy_bytes, totals.move_files, totals.move_bytes) == (2, 6, 1, 3)
    assert (totals.delete_files, totals.renamed_files, totals.delete_directories) == (1, 1, 1)
    assert (totals.make_directories, totals.set_attributes, totals.records) == (1, 2, 2)
    assert totals.changes == 2 + 1 + 1 + 1 + 1 + 1 + 2
    assert totals.reasons["copy: new"] == 2
    assert totals.reasons["delete: gone"] == 2
    assert totals.changed_examples == [
        "copy f (new)", "copy f (new)", "move f (renamed)", "delete f (gone)", "delete f (renamed)", "delete d/ (gone)",
        "make_directory d/ (new)", "set_attributes f (mode)",
    ]  # fmt: skip


def test_a_plan_tells_the_partitions_that_it_touches() -> None:
    tree: Tree = {"day=1/a": b"1", "day=2/b": b"2"}
    known = held({"day=1/a": b"1"})
    _, totals = plan(OBJECT_STORE, entries(tree), known, Target(OBJECT_STORE, {"day=1/a": b"1"}).listing())
    assert totals.partitions.names == ["day=2"]


def test_files_that_were_not_looked_at_count_among_those_that_stay() -> None:
    totals = Totals(source_files=1, target_files=2, delete_files=2, unseen_files=2)
    guard(totals, Policy(OBJECT_STORE))
    totals.unseen_files = 1
    with pytest.raises(TooManyDeletes, match="2 of 3 files"):
        guard(totals, Policy(OBJECT_STORE))


def test_more_deletes_than_allowed_stop_the_run_and_the_error_says_how_to_go_on() -> None:
    before: Tree = {"a": b"1", "b": b"2", "c": b"3"}
    _, totals = plan(OBJECT_STORE, entries({"a": b"1"}), held(before), Target(OBJECT_STORE, before).listing())
    with pytest.raises(TooManyDeletes, match="2 of 3 files.*higher max_delete_ratio"):
        guard(totals, Policy(OBJECT_STORE, max_delete_ratio=0.5))
    guard(totals, Policy(OBJECT_STORE, max_delete_ratio=0.7))


def test_an_empty_source_stops_the_run() -> None:
    before: Tree = {"a": b"1"}
    _, totals = plan(OBJECT_STORE, [], held(before), Target(OBJECT_STORE, before).listing())
    with pytest.raises(SourceEmpty, match="max_delete_ratio=1"):
        guard(totals, Policy(OBJECT_STORE, max_delete_ratio=0.99))
    guard(totals, Policy(OBJECT_STORE, max_delete_ratio=1.0))


@STORES
def test_what_stands_where_a_file_belongs_is_cleared_though_other_names_come_between(facts: Facts) -> None:
    target = Target(facts, {"a/b": b"1", "a-x": b"2"})
    now: Tree = {"a": b"3", "a-x": b"2", "a.y": b"4"}  # "a" < "a-x" < "a.y" < "a/"
    steps, _ = plan(facts, entries(now), held({"a/b": b"1", "a-x": b"2"}), target.listing())
    for step in in_order_of_execution(steps):
        target.apply(step)
    assert target.visible() == {entry.key: entry.version for entry in entries(now)}
    assert [step.phase for step in steps if step.entry.path == "a/b"] == ["clear"]


def test_each_side_may_have_the_lowest_key() -> None:
    rows = line_up(entries({"b": b"1", "c": b"2"}), held({"a": b"3", "c": b"2"}), entries({"b": b"1", "d": b"4"}))
    sides = [(row.key, row.source is not None, row.known is not None, row.target is not None) for row in rows]
    assert sides == [("a", False, True, False), ("b", True, False, True), ("c", True, True, False),
                     ("d", False, False, True)]  # fmt: skip


def test_a_listing_out_of_order_is_an_error_and_never_a_removal() -> None:
    with pytest.raises(UnsortedListing):
        list(line_up([], [], [Entry("b"), Entry("a")]))


def test_the_digest_of_a_plan_depends_on_its_steps_alone() -> None:
    one = plan(OBJECT_STORE, entries({"a": b"1", "b": b"2"}), [], [])[1].digest
    assert one == plan(OBJECT_STORE, entries({"a": b"1", "b": b"2"}), [], [])[1].digest
    assert one != plan(OBJECT_STORE, entries({"a": b"1", "b": b"3"}), [], [])[1].digest


def test_what_lies_in_a_directory_that_cannot_be_held_is_not_copied_either() -> None:
    facts = dataclasses.replace(FILE_SYSTEM, forbidden_characters=frozenset(":"), max_name_bytes=10)
    tree: Tree = {"a:b": None, "a:b/c": b"1", "a:b/d": None, "a:b/d/e": b"2", "f": b"3", "g" * 11: b"4"}
    steps, totals = plan(facts, entries(tree), [], [])
    assert [step.entry.path for step in steps] == ["f"]
    assert totals.unholdable == 5
    assert totals.unholdable_examples[0] == "a:b: the target does not take ':' in names"
    assert "last name is longer" in totals.unholdable_examples[-1]


@pytest.mark.parametrize(
    ("limit", "path", "why"),
    [
        ({"max_key_bytes": 3}, "éé", "longer than the 3 bytes"),
        ({"max_key_bytes": 7}, "\U0001f600\U0001f600", "longer than the 7 bytes"),
        ({"max_key_characters": 2}, "abc", "longer than the 2 characters"),
        ({"max_names": 2}, "a/b/c", "more than the 2 names"),
        ({"forbidden_beginnings": (".well-known/x/",)}, ".well-known/x/f", "begin with .well-known/x/"),
        ({"forbidden_endings": (".", "/")}, "a/dot.", "end in '.'"),
        ({"max_name_bytes": 3}, "a/four", "last name is longer"),
        ({"max_name_bytes": 7}, "a/\U0001f600\U0001f600", "last name is longer"),
        ({"forbidden_characters": frozenset("\r\n")}, "a/b\r", r"'\r' in names"),
    ],
)
def test_each_rule_of_names_is_told_of_the_path_that_breaks_it_and_of_no_other(
    limit: dict[str, Any], path: str, why: str
) -> None:
    facts = dataclasses.replace(FILE_SYSTEM, **limit)
    assert why in refusal(Entry(path), facts)
    assert refusal(Entry(path), FILE_SYSTEM) == ""
    assert why in unholdable(path, path, facts)
    assert (refusal(Entry("a"), facts), unholdable("a", "a/", facts)) == ("", "")


def test_a_name_that_just_fits_is_held() -> None:
    facts = dataclasses.replace(FILE_SYSTEM, max_key_bytes=6, max_key_characters=5, max_names=2, max_name_bytes=4)
    assert refusal(Entry("abc/d"), facts) == ""  # 5 characters, 2 names
    assert refusal(Entry("a/\u00e9\u00e9"), facts) == ""  # 6 bytes, 4 of the last name


def test_a_store_looks_at_every_name_of_a_path() -> None:
    facts = dataclasses.replace(FILE_SYSTEM, forbidden_endings=(".",))
    assert refusal(Entry("a./b"), facts) == ""  # the plan has an entry for each directory
    assert "end in '.'" in unholdable("a./b", "a./b", facts)


def test_something_that_is_neither_file_nor_directory_is_said_to_be_so() -> None:
    _, totals = plan(FILE_SYSTEM, [Entry("pipe", "other")], [], [])
    assert totals.unholdable_examples == ["pipe: neither a file nor a directory"]


def test_only_twenty_examples_are_kept() -> None:
    there = [Entry(f"f{n:03d}", "file", 1, version="v") for n in range(50)]
    _, totals = plan(OBJECT_STORE, [], [], there)
    assert (totals.foreign, len(totals.foreign_examples)) == (50, 20)


@STORES
def test_what_is_gone_at_both_sides_is_forgotten(facts: Facts) -> None:
    steps, totals = plan(facts, [], held({"d": None, "d/f": b"1"}), [])
    assert [(step.kind, step.entry.key) for step in steps] == [("forget", "d/"), ("forget", "d/f")]
    assert totals.changes == 0


def test_a_directory_that_only_deleted_keys_implied_is_forgotten_with_them() -> None:
    there = Target(OBJECT_STORE, {"d": None, "d/f": b"1", "x": b"1"}).listing()
    steps, _ = plan(OBJECT_STORE, entries({"x": b"1"}), held({"d": None, "d/f": b"1", "x": b"1"}), there)
    assert [(step.kind, step.entry.key) for step in steps] == [("forget", "d/"), ("delete", "d/f")]


@STORES
@given(now=trees(), there=trees(), data=st.data())
def test_what_an_unfinished_run_meant_to_write_is_not_taken_for_somebody_elses(
    facts: Facts, now: Tree, there: Tree, data: st.DataObject
) -> None:
    target = Target(facts, there)
    planned = sorted({entry.key for entry in target.listing()} | {key.key for key in entries(now)})
    planner = Planner(Policy(facts, max_delete_ratio=1.0))
    steps = list(planner.steps(line_up(entries(now), [], target.listing(), planned)))
    for step in in_order_of_execution(steps):
        assert step.may_have_landed <= (step.expect is not None)
        target.apply(step)
    assert target.visible() == {entry.key: entry.version for entry in entries(now)}
    assert planner.totals.foreign == 0


def test_a_file_of_the_right_size_that_an_unfinished_run_meant_to_write_may_have_landed() -> None:
    there = [Entry("a", "file", 1, version="t"), Entry("b", "file", 9, version="t")]
    rows = line_up(entries({"a": b"1", "b": b"2", "c": b"3"}), [], there, ["a", "b", "zzz"])
    steps = list(Planner(Policy(OBJECT_STORE)).steps(rows))
    assert [(step.entry.path, step.may_have_landed) for step in steps] == [("a", True), ("b", False), ("c", False)]


def test_a_plan_out_of_order_is_an_error() -> None:
    with pytest.raises(UnsortedListing, match="plan"):
        list(line_up([Entry("z")], [], [], ["b", "a"]))


def test_foreign_files_below_a_directory_where_a_file_belongs_are_in_the_way_even_of_keeping() -> None:
    there = Target(FILE_SYSTEM, {"a": None, "a/theirs": b"1"}).listing()
    steps, totals = plan(FILE_SYSTEM, entries({"a": b"1"}), [], there, foreign="keep")
    assert totals.foreign_examples == ["a/", "a/theirs"]
    with pytest.raises(TargetTouched):
        guard(totals, Policy(FILE_SYSTEM, foreign="keep"))
    assert [step.kind for step in steps] == ["copy"]


def test_foreign_directories_are_left_alone_when_foreign_is_kept() -> None:
    there = Target(FILE_SYSTEM, {"theirs": None, "theirs/f": b"1"}).listing()
    steps, totals = plan(FILE_SYSTEM, entries({"a": b"1"}), [], there, foreign="keep")
    assert [step.entry.path for step in steps] == ["a"]
    guard(totals, Policy(FILE_SYSTEM, foreign="keep"))


@pytest.mark.parametrize(("foreign", "copies"), [("stop", 0), ("keep", 0), ("replace", 1)])
def test_a_file_of_ours_that_someone_overwrote_is_brought_again_only_when_asked(foreign: str, copies: int) -> None:
    tree: Tree = {"a": b"1"}
    steps, totals = plan(
        OBJECT_STORE, entries(tree), held(tree), [Entry("a", "file", 1, version="theirs")], foreign=foreign
    )
    assert [(step.kind, step.reason, step.expect) for step in steps] == [
        ("copy", "overwritten at target", "theirs")
    ] * copies
    assert totals.foreign_examples == ["a"]
