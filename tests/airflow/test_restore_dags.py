"""The whole restore and restore drill DAGs, on backups in local directories."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.dag_templates.configured_restores import restore_dags
from airflow_provider_livedata.dag_templates.restore import restore_dag
from airflow_provider_livedata.dag_templates.restore_drill import drills_of, restore_drill_dag
from airflow_provider_livedata.dag_templates.restore_outcome import restore_outcome
from airflow_provider_livedata.dag_templates.restore_params import MODES, PROOFS, RESTORE_OPTIONS, restore_params
from airflow_provider_livedata.engine import RestoreOptions, backup
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.restores.options import ProofLevel, RestoreMode
from tests.airflow.runs import Run, asset_events, make_tree, read_tree, run

TREE = {"a.txt": b"1", "sub/b c.txt": b"22", "gone": b"x", "empty": b""}
pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return make_tree(tmp_path / "source", TREE)


@pytest.fixture
def place(source: str, tmp_path: Path) -> str:
    """Two backups of the source, changed in between."""
    address = f"file://{tmp_path}/backups"
    backup(source, address)
    (tmp_path / "source" / "a.txt").write_bytes(b"changed")
    (tmp_path / "source" / "gone").unlink()
    backup(source, address)
    return address


def restore(place: str, **params: Any) -> Run:
    return run(restore_dag(), conf={"place": place, "dry_run": False, **params}, mark_success="approve")


def test_an_older_state_comes_back_elsewhere(place: str, tmp_path: Path) -> None:
    found = f"file://{tmp_path}/back"
    first = sorted(path.name for path in (tmp_path / "backups").iterdir() if path.name.startswith("000001-"))[0]
    done = restore(place, destination=found, which=first)
    assert done.state == "success", done.report["text"]
    assert done.report["outcome"] == "RESTORED"
    assert read_tree(tmp_path / "back") == TREE
    result = done.results["restore"]
    assert (result["backup"], result["copied_files"], result["verified_files"]) == (first, 4, 4)
    assert asset_events(found)[-1]["digest"] == result["digest"]
    assert done.results["rehearse"]["planned_files"] == 4


def test_a_restore_in_place_says_how_to_undo_it(place: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "source" / "a.txt").write_bytes(b"spoiled!")
    done = restore(place, destination=source, mode="merge", overwrite_newer=True, paths=["a.*"])
    assert done.state == "success", done.report["text"]
    assert read_tree(tmp_path / "source")["a.txt"] == b"changed"
    assert any("undo_restore" in line for line in done.report["undo"])
    assert "undo_restore" in done.report["text"]


def test_it_is_rehearsed_unless_told_otherwise(place: str, tmp_path: Path) -> None:
    done = run(restore_dag(), conf={"place": place, "destination": f"file://{tmp_path}/back"})
    assert done.states == {"rehearse": "success", "approve": "skipped", "restore": "skipped", "report": "success"}
    assert done.report["outcome"] == "REHEARSED"
    assert "3 files" in done.report["text"]
    assert read_tree(tmp_path / "back") == {}


def test_what_is_newer_stops_it_and_is_named(place: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "source" / "a.txt").write_bytes(b"spoiled!")
    done = restore(place, destination=source, mode="merge")
    assert (done.state, done.states["restore"]) == ("failed", "failed")
    assert done.failures["restore"]["error"] == "DestinationNewer"
    assert done.report["outcome"] == "STOPPED"
    assert "a.txt" in done.report["why"]
    assert "overwrite_newer" in done.results["rehearse"]["why"]
    assert read_tree(tmp_path / "source")["a.txt"] == b"spoiled!"


def test_a_backup_that_is_not_there_stops_the_rehearsal(place: str, tmp_path: Path) -> None:
    done = restore(place, destination=f"file://{tmp_path}/back", which="2001-01-01")
    assert done.failures["rehearse"]["error"] == "BackupMissing"
    assert done.states["restore"] == "upstream_failed"


def test_the_form_asks_for_all_that_the_steps_use() -> None:
    dag = restore_dag()
    assert set(RESTORE_OPTIONS) <= set(dag.params)
    fields = {field.name for field in dataclasses.fields(RestoreOptions) if field.init}
    assert set(RESTORE_OPTIONS) == fields - {"dry_run", "holder", "memory_mib", "progress_s"}
    assert set(MODES) == set(get_args(RestoreMode))
    assert set(PROOFS) == set(get_args(ProofLevel))
    assert (dag.params["dry_run"], dag.params["approval"], dag.params["mode"]) == (True, True, "fail")
    assert all(step in (dag.doc_md or "") for step in dag.task_ids)
    assert dag.get_task("report").is_teardown
    with pytest.raises(ValueError, match=r"no params \['plaice'\]"):
        restore_params({"plaice": "file:///a"})


def test_the_report_tells_a_refusal_from_a_run_that_was_stopped() -> None:
    stages = ("rehearse", "approve", "restore")
    refused = restore_outcome({}, stages, {"rehearse": "success", "approve": "failed"}, {}, {})
    assert refused["outcome"] == "NOT RESTORED"
    said = {"restore": {"error": "RunFailed", "message": "2 items failed", "report": {"undo": ["so"], "address": "x"}}}
    stopped = restore_outcome({}, stages, {"restore": "failed"}, {}, said)
    assert (stopped["outcome"], stopped["why"]) == ("STOPPED", "at restore: 2 items failed")
    assert (stopped["undo"], stopped["reports"]) == (["so"], {"restore": "x"})
    assert restore_outcome({}, stages, {}, {}, {})["outcome"] == "NOT FINISHED"
    approved = {"approve": {"responded_by_user": {"name": "ann"}}}
    assert "approved by ann" in restore_outcome({}, stages, {}, approved, {})["text"]


def test_drills_try_random_backups_and_leave_nothing_but_their_reports(place: str, tmp_path: Path) -> None:
    drills = [{"place": place, "scratch": f"file://{tmp_path}/scratch"}]
    done = run(restore_drill_dag(), conf={"drills": drills, "sample_files": 2, "seed": 3})
    assert done.state == "success", done.failures
    result = done.results["drill[0]"]
    assert (result["state"], result["sample_files"], result["verified_files"], result["seed"]) == ("done", 2, 2, 3)
    assert result["is_cleaned"]
    assert result["estimated_seconds"] > 0
    assert read_tree(tmp_path / "scratch") == {}


def test_a_drill_of_a_place_without_backups_fails_and_the_others_do_not(place: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    drills = [
        {"place": f"file://{tmp_path}/nothing", "scratch": f"file://{tmp_path}/one"},
        {"place": place, "scratch": f"file://{tmp_path}/two", "which": "latest", "options": {"sample_files": "1"}},
    ]
    done = run(restore_drill_dag(), conf={"drills": drills})
    assert done.state == "failed"
    assert done.failures["drill[0]"]["error"] == "BackupMissing"
    assert done.results["drill[1]"]["sample_files"] == 1


def test_a_drill_dag_without_drills_does_nothing() -> None:
    done = run(restore_drill_dag())
    assert (done.states["drills"], done.states["drill"]) == ("success", "skipped")


BACKUPS = """\
zones:
  prod: {address: "hdfs://hdfs_prod@nn1:8020/data"}
  lake: {address: "s3://aws_default@lake/copies"}
backups:
  nightly:
    source: prod:/sales
    target: lake:/backups/sales
    schedule: 0 2 * * *
    timezone: Europe/Berlin
    options: {bandwidth: 50MiB/s, max_delete_ratio: 0.9}
    drill: {schedule: "@monthly", target: "file:///srv/drill/sales", files: 20}
  hourly: {source: "prod:/sales", schedule: {hours: 1}}
"""


def test_each_configured_backup_has_a_form_to_restore_it_and_its_drill() -> None:
    configuration = read(BACKUPS)
    configuration.raise_problems()
    found: dict[str, Any] = {dag.dag_id: dag for dag in restore_dags(configuration)}
    assert set(found) == {"livedata_restore_nightly", "livedata_restore_drill_nightly", "livedata_restore_hourly"}
    params = found["livedata_restore_nightly"].params
    assert (params["place"], params["destination"], params["bandwidth"], params["max_delete_ratio"]) == (
        "s3://aws_default@lake/copies/backups/sales", "hdfs://hdfs_prod@nn1:8020/data/sales", "50MiB/s", 0.5,
    )  # fmt: skip
    assert (params["dry_run"], params["approval"]) == (True, True)
    params = found["livedata_restore_hourly"].params
    assert (params["place"], params["destination"]) == ("hdfs://hdfs_prod@nn1:8020/data/sales", "")
    drill = found["livedata_restore_drill_nightly"]
    assert drills_of(drill.params) == [{
        "place": "s3://aws_default@lake/copies/backups/sales", "scratch": "file:///srv/drill/sales", "which": "random",
        "options": {"sample_files": 20, "sample_bytes": 1 << 30},
    }]  # fmt: skip
    assert (drill.timetable.expression, str(drill.timetable.timezone)) == ("0 0 1 * *", "Europe/Berlin")
    for dag in found.values():
        dag.validate()


def test_what_is_wrong_with_drills_is_told_at_once() -> None:
    drills = [
        {"place": "file:///backups", "scratch": "file:///backups/scratch"},
        {"place": "nowhere", "scratch": "file:///scratch"},
        {"place": "file:///backups", "scratch": "file:///scratch", "options": {"sample": 3}},
        {"place": "file:///backups", "scratch": "file:///scratch", "options": {"sample_files": -1}},
    ]
    with pytest.raises(BadInput, match=r"drill 1 .*inside each other.*drill 2 .*drill 3 .*sample_files.*drill 4 "):
        drills_of({"drills": drills})
