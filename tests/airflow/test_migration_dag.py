"""The whole migration DAG, from a local directory to a local directory."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.runs import asset_events, make_tree, migrate, read_tree

TREE = {"a.txt": b"1", "sub/b c.txt": b"22", "sub/ä%20+#='\".bin": bytes(100_000), "empty": b""}
ALL = {
    "preflight", "plan", "copy", "catch_up", "verify", "approve_cut_over", "final_catch_up", "settle", "final_verify",
    "policies", "metadata", "report",
}  # fmt: skip
UNASKED = {"policies": "skipped", "metadata": "skipped"}

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return make_tree(tmp_path / "source", TREE)


@pytest.fixture
def target(tmp_path: Path) -> str:
    return f"file://{tmp_path}/target"


def test_a_migration_copies_and_proves_everything_and_a_second_one_copies_nothing(
    source: str, target: str, tmp_path: Path
) -> None:
    run = migrate(source, target)
    assert run.state == "success"
    assert run.states == dict.fromkeys(ALL, "success") | {"approve_cut_over": "skipped"} | UNASKED
    assert read_tree(tmp_path / "target") == TREE
    assert run.results["copy"]["copied_files"] == len(TREE)
    assert run.results["final_verify"]["is_same"]
    assert run.report["outcome"] == "MIGRATED"
    assert Path(run.report["reports"]["copy"].removeprefix("file://")).is_file()
    assert asset_events(target)[-1]["digest"] == run.results["final_verify"]["digest"]

    (tmp_path / "source" / "new").write_bytes(b"new")
    again = migrate(source, target)
    assert again.state == "success"
    assert (again.results["copy"]["copied_files"], again.results["copy"]["skipped"]) == (1, len(TREE))
    assert read_tree(tmp_path / "target") == {**TREE, "new": b"new"}


def test_a_dry_run_writes_the_plan_and_skips_the_rest(source: str, target: str, tmp_path: Path) -> None:
    run = migrate(source, target, dry_run=True)
    done = {"preflight", "plan", "report"}
    assert run.state == "success"
    assert run.states == dict.fromkeys(ALL, "skipped") | dict.fromkeys(done, "success")
    plan = run.results["plan"]
    assert (plan["state"], plan["planned_files"], plan["copied_files"]) == ("dry run", len(TREE), 0)
    assert Path(plan["plan"].removeprefix("file://")).is_file()
    assert read_tree(tmp_path / "target") == {}
    assert read_tree(tmp_path / "source") == TREE
    assert run.report["outcome"] == "DRY RUN"


def test_what_is_left_out_and_how_it_is_copied_comes_from_the_form(source: str, target: str, tmp_path: Path) -> None:
    form: dict[str, Any] = {
        "exclude": ["sub", "*.tmp"],
        "threads": 2,
        "bandwidth": "10MiB/s",
        "verify_level": "content",
        "preserve": None,
    }
    run = migrate(source, target, **form)
    assert run.state == "success"
    assert read_tree(tmp_path / "target") == {"a.txt": b"1", "empty": b""}
    assert run.results["verify"]["level"] == "content"


def test_the_cut_over_waits_for_approval_where_it_is_asked_for(source: str, target: str) -> None:
    run = migrate(source, target, approval=True, mark_success="approve_.*")
    assert run.states["approve_cut_over"] == "success"
    assert run.report["outcome"] == "MIGRATED"


def test_damage_at_the_target_stops_the_cut_over_and_the_report_says_so(
    source: str, target: str, tmp_path: Path
) -> None:
    assert migrate(source, target).state == "success"
    damage(tmp_path / "target" / "sub" / "b c.txt")
    run = migrate(source, target)
    assert run.state == "failed"
    assert run.states["verify"] == "failed"
    assert {run.states[task] for task in ("approve_cut_over", "final_catch_up", "settle", "final_verify")} == {
        "upstream_failed"
    }
    assert run.states["report"] == "success"
    assert run.failures["verify"]["error"] == "VerifyFailed"
    assert run.report["outcome"] == "STOPPED"
    assert "checksum: sub/b c.txt" in run.report["why"]
    assert Path(run.report["reports"]["verify"].removeprefix("file://")).is_file()


def test_writers_at_work_stop_the_cut_over_which_lists_what_they_write(
    source: str, target: str, tmp_path: Path
) -> None:
    with writing(tmp_path / "source"):
        run = migrate(source, target, catch_up_until_changes=1_000_000)
    assert run.state == "failed"
    assert (run.states["verify"], run.states["final_catch_up"]) == ("success", "success")
    assert (run.states["settle"], run.states["final_verify"]) == ("failed", "upstream_failed")
    assert run.failures["settle"]["error"] == "StillChanging"
    assert "written-" in run.report["why"]

    after = migrate(source, target)
    assert after.report["outcome"] == "MIGRATED"
    assert read_tree(tmp_path / "target") == read_tree(tmp_path / "source")


def test_bad_input_fails_the_preflight_at_once_and_nothing_is_copied(source: str, tmp_path: Path) -> None:
    run = migrate(source, "s3://nowhere@bucket/x")
    assert run.state == "failed"
    assert run.states == dict.fromkeys(ALL, "upstream_failed") | {"preflight": "failed", "report": "success"}
    assert run.tries["preflight"] == 1
    assert run.failures["preflight"]["error"] == "BadInput"
    assert run.report["outcome"] == "STOPPED"
    assert "AIRFLOW_CONN_NOWHERE" in run.report["why"]
    assert read_tree(tmp_path / "source") == TREE


def damage(path: Path) -> None:
    """Change bytes behind the back of everyone: size and time stay."""
    found = path.stat()
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Have a thread bring new files, each of them whole at once, until the end of the block."""
    stop = threading.Event()

    def write() -> None:
        for number in itertools.count():
            draft = root.parent / "draft"
            draft.write_bytes(b"x")
            draft.rename(root / f"written-{number:06d}")
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
