"""The whole migration DAG, from a local directory to a local directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.airflow.runs import make_tree, migrate, read_tree

TREE = {"a.txt": b"1", "sub/b c.txt": b"22", "sub/ä%20+#='\".bin": bytes(100_000), "empty": b""}

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return make_tree(tmp_path / "source", TREE)


@pytest.fixture
def target(tmp_path: Path) -> str:
    return f"file://{tmp_path}/target"


def test_a_migration_copies_and_proves_everything(source: str, target: str, tmp_path: Path) -> None:
    run = migrate(source, target)
    assert run.state == "success"
    assert {state for task, state in run.states.items() if task != "approve_cut_over"} == {"success"}
    assert run.states["approve_cut_over"] == "skipped"
    assert read_tree(tmp_path / "target") == TREE
    assert run.results["copy"]["copied_files"] == len(TREE)
    assert run.results["final_catch_up"]["copied_files"] == 0
    assert run.results["final_verify"]["is_same"]
    assert run.report["outcome"] == "MIGRATED"
