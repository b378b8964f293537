"""The whole fail-over and fail-back DAGs, between local directories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

from airflow_provider_livedata.dag_templates.failback import failback_dag
from airflow_provider_livedata.dag_templates.failover import failover_dag
from airflow_provider_livedata.dag_templates.migration_params import OPTIONS
from airflow_provider_livedata.dag_templates.switch_outcome import switch_outcome
from airflow_provider_livedata.dag_templates.switch_params import HOW, switch_params
from airflow_provider_livedata.engine import ReplicateOptions, open_zone, replicate
from airflow_provider_livedata.engine.replication import keeping
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.state import StateFolder
from tests.airflow.runs import Run, asset_events, make_tree, read_tree, run
from tests.airflow.test_migration_dag import writing

TREE = {"a.txt": b"1", "sub/b c.txt": b"22", "gone": b"x", "empty": b""}
pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return make_tree(tmp_path / "source", TREE)


@pytest.fixture
def target(source: str, tmp_path: Path) -> str:
    address = f"file://{tmp_path}/target"
    replicate(source, address)
    return address


def fail_over(source: str, target: str, **params: Any) -> Run:
    conf = {"source": source, "target": target, "dry_run": False, **params}
    return run(failover_dag(), conf=conf, mark_success="approve")


def fail_back(source: str, target: str, **params: Any) -> Run:
    conf = {"source": source, "target": target, "dry_run": False, **params}
    return run(failback_dag(), conf=conf, mark_success="approve")


def side(address: str) -> str | None:
    role = roles.newest(StateFolder(open_zone(address)))
    return role.role if role else None


def test_there_and_back_again(source: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "source" / "last").write_bytes(b"last")
    over = fail_over(source, target)
    assert over.state == "success", over.report["text"]
    assert over.report["outcome"] == "SWITCHED"
    assert (side(source), side(target)) == ("standby", "active")
    assert read_tree(tmp_path / "target") == {**TREE, "last": b"last"}
    assert asset_events(target)[-1]["digest"] == over.results["fail_over"]["digest"]

    (tmp_path / "target" / "a.txt").write_bytes(b"changed there")
    (tmp_path / "target" / "gone").unlink()
    (tmp_path / "source" / "late").write_bytes(b"late")
    back = fail_back(source, target)
    assert back.state == "success", back.report["text"]
    assert back.report["outcome"] == "SWITCHED"
    assert (side(source), side(target)) == ("active", "standby")
    wanted = {path: data for path, data in TREE.items() if path != "gone"} | {
        "a.txt": b"changed there",
        "last": b"last",
    }
    assert read_tree(tmp_path / "source") == wanted
    brought = back.results["bring"]
    assert (brought["copied_files"], brought["kept_aside"], brought["found"]) == (1, 1, {"new": 1})
    kept = Path(brought["aside"].removeprefix("file://")) / "late"
    assert kept.read_bytes() == b"late"
    assert "1 new; kept aside: 1 files; back: 1 files" in back.report["text"]
    assert replicate(source, target).copied_files == 0


def test_the_source_is_closed_from_the_fail_over_to_the_fail_back_where_that_is_asked_for(
    source: str, target: str, tmp_path: Path
) -> None:
    directory = tmp_path / "source"
    directory.chmod(0o755)
    assert fail_over(source, target, block_writers=True).state == "success"
    assert directory.stat().st_mode & 0o7777 in (0, 0o700)  # by root, or by its owner
    assert fail_back(source, target).state == "success"
    assert directory.stat().st_mode & 0o7777 == 0o755


def test_an_unplanned_fail_over_does_not_need_the_source_or_its_connection(target: str, tmp_path: Path) -> None:
    (tmp_path / "source").rename(tmp_path / "lost")
    over = fail_over(f"file://{tmp_path}/source", target, how="unplanned")
    assert over.state == "success", over.report["text"]
    assert over.states["bring"] == "skipped"
    assert "of changes lost" in over.report["text"]
    assert side(target) == "active"


@pytest.mark.parametrize("how", list(HOW))
def test_both_are_rehearsed_unless_told_otherwise(source: str, target: str, tmp_path: Path, how: str) -> None:
    over = run(failover_dag(), conf={"source": source, "target": target, "how": how})
    assert over.states == {
        "rehearse": "success",
        "bring": "skipped",
        "approve": "skipped",
        "fail_over": "skipped",
        "lift_protection": "skipped",
        "report": "success",
    }
    assert over.report["outcome"] == "REHEARSED"
    assert (side(source), side(target)) == (None, None)
    fail_over(source, target)
    back = run(failback_dag(), conf={"source": source, "target": target})
    assert back.states == {
        "rehearse": "success",
        "bring": "skipped",
        "approve": "skipped",
        "fail_back": "skipped",
        "protect": "skipped",
        "report": "success",
    }
    assert side(target) == "active"


def test_writers_at_work_stop_a_planned_fail_over_and_are_listed(source: str, target: str, tmp_path: Path) -> None:
    with writing(tmp_path / "source"):
        over = fail_over(source, target)
    assert (over.state, over.states["fail_over"]) == ("failed", "failed")
    assert over.failures["fail_over"]["error"] == "StillChanging"
    assert over.report["outcome"] == "STOPPED"
    assert "written-" in over.report["why"]
    assert (side(source), side(target)) == (None, None)


def test_a_fail_back_without_a_fail_over_says_so(source: str, target: str) -> None:
    back = fail_back(source, target)
    assert back.failures["rehearse"]["error"] == "WrongSide"
    assert "a fail-over comes first" in back.report["why"]
    assert back.states["fail_back"] == "upstream_failed"


def test_what_the_replication_keeps_is_kept_by_a_fail_over_too(
    source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "HOUR_MS", 1)  # what is old enough is looked for by every run
    kept = tmp_path / "target" / ".livedata" / "removed"
    (tmp_path / "source" / "gone").unlink()
    replicate(source, target, ReplicateOptions(keep_removed=7))
    (folder,) = kept.iterdir()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    folder.rename(kept / f"{yesterday:%Y%m%dT%H%M%SZ}{folder.name[16:]}")
    (tmp_path / "source" / "a.txt").unlink()
    over = fail_over(source, target)
    assert over.report["outcome"] == "SWITCHED", over.report["text"]
    assert sorted(path.name for path in kept.rglob("*") if path.is_file()) == ["a.txt", "gone"]


def test_the_forms_ask_for_all_that_the_steps_use() -> None:
    for dag in (failover_dag(), failback_dag()):
        assert set(OPTIONS) <= set(dag.params)
        working: list[Any] = [dag.get_task("rehearse"), dag.get_task("bring")]
        used = {name for step in working for name in step.options}
        assert used <= set(dag.params)
        assert (dag.params["dry_run"], dag.params["approval"]) == (True, True)
        assert all(step in (dag.doc_md or "") for step in dag.task_ids)
        assert dag.get_task("report").is_teardown
    with pytest.raises(ValueError, match=r"no params \['sauce'\]"):
        switch_params({"sauce": "file:///a"}, asks_how=True)
    assert failover_dag(defaults={"how": "unplanned"}).params["how"] == "unplanned"
    steps: list[Any] = [failover_dag().get_task(step) for step in ("rehearse", "bring", "fail_over")]
    assert all({"consistency", "keep_removed"} <= {*step.options} for step in steps)


def test_the_report_tells_a_refusal_from_a_failure_and_from_a_run_that_was_stopped() -> None:
    stages = ("rehearse", "approve", "fail_over")
    refused = switch_outcome({}, stages, {"rehearse": "success", "approve": "failed"}, {}, {})
    assert refused["outcome"] == "NOT SWITCHED"
    said = {"fail_over": {"error": "TargetHeld", "message": "another run", "report": None}}
    stopped = switch_outcome({}, stages, {"fail_over": "failed"}, {}, said)
    assert (stopped["outcome"], stopped["why"]) == ("STOPPED", "at fail_over: another run")
    assert switch_outcome({}, stages, {}, {}, {})["outcome"] == "NOT FINISHED"
    approved = {"approve": {"responded_by_user": {"name": "ann"}}}
    assert "approved by ann" in switch_outcome({}, stages, {}, approved, {})["text"]


def test_what_fails_after_the_switch_does_not_hide_that_it_took_place() -> None:
    stages = ("rehearse", "approve", "fail_over", "lift_protection")
    states = {"rehearse": "success", "approve": "success", "fail_over": "success", "lift_protection": "failed"}
    said = {"lift_protection": {"error": "PolicyStoreUnreachable", "message": "no answer", "report": None}}
    done = {"fail_over": {"active": "b", "standby": "a", "state": "switched", "lost_seconds": 0, "run": 3}}
    told = switch_outcome({}, stages, states, done, said)
    assert told["outcome"] == "SWITCHED"
    assert (
        told["why"]
        == "b is the active side, a the standby side; stopped at lift_protection: no answer; clear that task"
    )


def test_protection_that_is_asked_for_without_its_writers_is_refused_by_the_form(source: str, target: str) -> None:
    with pytest.raises(ParamValidationError, match="writers"):
        fail_over(source, target, protection={"target": "ranger://dr/hive", "state": "file:///s"})
    assert side(target) is None
