"""The whole backup DAG, between local directories and on zones in memory."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from airflow.sdk.exceptions import ParamValidationError

from airflow_provider_livedata import engine
from airflow_provider_livedata.dag_templates.backup import BACKED_UP, backup_dag, verify_backup_dag
from airflow_provider_livedata.dag_templates.backup_outcome import backup_outcome
from airflow_provider_livedata.dag_templates.backup_params import LAYOUTS, LEVELS, OPTIONS, backup_params
from airflow_provider_livedata.engine import BackupOptions, catalogue, open_zone
from airflow_provider_livedata.engine.backups.layering import commands_of
from airflow_provider_livedata.engine.backups.record import Layout
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.flows.proving import BackupLevel
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.operators.backup_values import policy_from
from tests.airflow.runs import Run, asset_events, make_tree, read_tree, run, run_dag
from tests.conftest import REPOSITORY

TREE = {"a.txt": b"1", "sub/b c.txt": b"22", "sub/x.tmp": b"not this", "empty": b""}
pytestmark = pytest.mark.usefixtures("airflow_home")
STEPS = ("backup", "verify", "retention")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return make_tree(tmp_path / "source", TREE)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"file://{tmp_path}/vault"


def back_up(source: str, place: str, **params: Any) -> Run:
    return run(backup_dag(), conf={"source": source, "place": place, **params})


def test_backups_are_made_proved_and_let_go(source: str, place: str, tmp_path: Path) -> None:
    keep_two = {"exclude": ["*.tmp"], "retention": {"keep_last": 2}, "timezone": "Europe/Berlin"}
    runs = []
    for n in range(3):
        (tmp_path / "source" / "a.txt").write_bytes(f"version {n}".encode())
        runs.append(back_up(source, place, **keep_two))
        assert (runs[n].state, runs[n].report["outcome"]) == ("success", "BACKED UP"), runs[n].report["text"]
    names, done = [one.report["backup"] for one in runs], runs[2]
    assert [one.name for one in catalogue(place).backups] == names[1:]
    assert all(one.verified is not None for one in catalogue(place).backups)
    kept = {name: data for name, data in TREE.items() if name != "sub/x.tmp"}
    assert read_tree(tmp_path / "vault" / names[1]) == {**kept, "a.txt": b"version 1"}
    assert (done.results["retention"]["removed"], done.results["verify"]["is_same"]) == (names[:1], True)
    assert f"BACKED UP: {names[2]}, as of 20" in done.report["text"]
    assert "2 kept, 1 removed" in done.report["text"]
    assert set(done.report["reports"]) == set(STEPS)
    assert asset_events(place)[-1]["name"] == names[2]
    assert any(f"{tmp_path}/vault/{names[2]}" in command for command in done.report["restore_commands"])


def test_all_commands_that_restore_a_backup_are_told_or_those_that_run_its_script(
    source: str, place: str, tmp_path: Path
) -> None:
    for n in range(24):
        (tmp_path / "source" / f"new{n}").write_bytes(b"x")
        engine.backup(source, place, BackupOptions("increments"))
    (tmp_path / "source" / "newest").write_bytes(b"x")
    done = back_up(source, place, layout="increments")
    state, found = StateFolder(open_zone(place)), catalogue(place)
    every = commands_of(state, found, found.find().record)[0]  # type: ignore[arg-type]
    assert len(every) == 25
    told = done.report["restore_commands"]
    assert told == every or not any(line in every for line in told), told
    script = tmp_path / "vault" / ".livedata" / "backups" / done.report["backup"] / "restore.sh"
    assert told == [f'hadoop fs -cat file://{script} > restore.sh && bash restore.sh "$DESTINATION"']
    assert all(line in script.read_text() for line in every)
    assert all(line in done.report["text"] for line in told)


def test_a_dry_run_makes_removes_and_proves_nothing(source: str, place: str, tmp_path: Path) -> None:
    for _ in range(2):
        back_up(source, place)
    before, tree = catalogue(place).table(), read_tree(tmp_path / "vault")
    events = len(asset_events(place))
    done = back_up(source, place, dry_run=True, retention={"keep_last": 1})
    assert done.states == {"backup": "success", "verify": "skipped", "retention": "success", "report": "success"}
    assert (done.report["outcome"], done.report["backup"]) == ("DRY RUN", "")
    assert "1 kept, 1 to be removed" in done.report["text"]
    assert (catalogue(place).table(), read_tree(tmp_path / "vault")) == (before, tree)
    assert len(asset_events(place)) == events


def test_a_location_in_a_zone_with_snapshots_needs_no_place() -> None:
    open_zone("memory://backed-up-in-place/data").put("a", b"1")
    done = run(backup_dag(), conf={"source": "memory://backed-up-in-place/data", "verify_level": "none"})
    assert (done.state, done.states["verify"]) == ("success", "skipped")
    assert "complete: in place, no byte copied" in done.report["text"]
    (one,) = catalogue("memory://backed-up-in-place/data").backups
    assert done.report["backup"] == one.name


def test_nothing_is_removed_after_a_backup_that_failed(source: str, place: str, tmp_path: Path) -> None:
    for _ in range(2):
        back_up(source, place)
    for path in (tmp_path / "source").rglob("*"):
        path.unlink() if path.is_file() else None
    done = back_up(source, place, retention={"keep_last": 1})
    assert (done.state, done.states["backup"], done.states["retention"]) == ("failed", "failed", "upstream_failed")
    assert done.report["outcome"] == "STOPPED"
    assert "at backup: " in done.report["why"]
    assert len(catalogue(place).complete()) == 2


def test_nothing_is_removed_after_a_backup_that_could_not_be_proved(
    source: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(source, place)
    made = engine.backup

    def spoilt(*given: Any) -> Any:
        report = made(*given)
        file = Path(f"{place.removeprefix('file://')}/{report.name}/a.txt")
        file.chmod(0o600)
        file.write_bytes(b"e")
        return report

    monkeypatch.setattr(engine, "backup", spoilt)
    done = back_up(source, place, retention={"keep_last": 1})
    assert (done.states["verify"], done.states["retention"], done.state) == ("failed", "upstream_failed", "failed")
    assert done.failures["verify"]["error"] == "VerifyFailed"
    assert "a.txt" in done.report["why"]
    assert len(catalogue(place).complete()) == 2


def test_a_backup_that_was_cut_off_is_finished_by_the_next_run(source: str, place: str) -> None:
    name = back_up(source, place).report["backup"]
    state = StateFolder(open_zone(place))
    state.remove(f"backups/{name}", only=lambda path: path.endswith("complete.json"))
    assert [one.state for one in catalogue(place).backups] == ["incomplete"]
    done = back_up(source, place)
    assert done.results["backup"]["finished_before"] == name
    assert [one.state for one in catalogue(place).backups] == ["complete", "complete"]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"source": "/data"}, "source"), ({"place": "vault"}, "place"), ({"layout": "zip"}, "layout"), ({"verify_level": "listing"}, "verify_level"),
        ({"retention": {"keep_dayly": 1}}, "keep_dayly"), ({"retention": {"keep_daily": "7"}}, "7"), ({"retention": {"keep_within": "soon"}}, "soon"),
    ],
)  # fmt: skip
def test_the_form_refuses_what_cannot_be(source: str, place: str, params: dict[str, Any], named: str) -> None:
    with pytest.raises(ParamValidationError, match=named):
        back_up(**{"source": source, "place": place, **params})
    assert not Path(place.removeprefix("file://")).exists()


def test_the_form_offers_what_the_engine_knows() -> None:
    params = backup_params({})
    assert list(LAYOUTS) == ["auto", *get_args(Layout)]
    assert list(LEVELS) == ["none", *get_args(BackupLevel)]
    assert set(OPTIONS) <= set(params)
    default = BackupOptions().copy
    for name in set(OPTIONS) - {"max_delete_ratio"}:
        offered, known = params[name].value, getattr(default, name)
        assert (type(known)(offered) if isinstance(offered, list) else offered) == known, name
    assert params["max_delete_ratio"].value == BackupOptions().max_delete_ratio
    assert {name for name, param in params.items() if not param.schema.get("title")} == set()
    assert {name for name, one in params.items() if "section" not in one.schema and not one.description} == set()
    with pytest.raises(ValueError, match=r"no params \['sauce'\]"):
        backup_params({"sauce": "file:///a"})


@pytest.mark.parametrize("text", ["", "1m", "1y5m7d2h", "7", "1w", "d7", "2h1"])
def test_the_form_takes_exactly_the_ages_that_the_engine_takes(text: str) -> None:
    schema = backup_params({})["retention"].schema["properties"]["keep_within"]
    refused = pytest.raises(BadInput) if re.search(schema["pattern"], text) is None else contextlib.nullcontext()
    with refused:
        policy_from({"keep_within": text})


def test_each_location_has_its_own_schedule_by_its_own_clock() -> None:
    dag = backup_dag("backup_sales", defaults={"source": "file:///a", "place": "file:///b"}, schedule="30 1 * * *",
                     timezone="Europe/Berlin", pool="cluster", retries=1)  # fmt: skip
    timetable: Any = dag.timetable
    assert (timetable.expression, str(timetable.timezone)) == ("30 1 * * *", "Europe/Berlin")
    assert (dag.params["timezone"], dag.params["source"]) == ("Europe/Berlin", "file:///a")
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert {task.pool for task in dag.tasks} == {"cluster"}
    assert dag.get_task("backup").retries == 1
    assert all(step in (dag.doc_md or "") for step in dag.task_ids)
    assert dag.get_task("report").is_teardown
    assert [outlet.name for outlet in dag.get_task("backup").outlets] == [BACKED_UP]
    assert type(backup_dag().timetable).__name__ == "NullTimetable"


def test_the_newest_backup_can_be_proved_by_a_schedule_of_its_own(source: str, place: str) -> None:
    back_up(source, place, verify_level="none")
    dag = verify_backup_dag("prove", place, level="content", schedule="@weekly")
    timetable: Any = dag.timetable
    assert timetable.expression == "0 0 * * 0"
    done = run_dag(dag)
    assert (done.state, done.results["verify"]["level"]) == ("success", "content")
    (one,) = catalogue(place).backups
    assert one.verified is not None


def test_the_report_tells_what_is_known_of_a_run_that_was_stopped() -> None:
    told = {"backup": "success", "verify": "failed"}
    made = {"state": "complete", "name": "n", "layout": "tree", "changed_files": 3, "changed_bytes": 5, "linked_files": 2,
            "planned_links": 0, "address": "file:///report"}  # fmt: skip
    outcome = backup_outcome({"source": "s", "place": ""}, STEPS, told, {"backup": made}, {})
    assert (outcome["outcome"], outcome["why"], outcome["backup"]) == (
        "STOPPED",
        "at verify: see the log of this task",
        "n",
    )
    assert "3 files new or changed, 5 B; 2 linked" in outcome["text"]
    assert "snapshots of the source itself" in outcome["text"]
    assert backup_outcome({}, STEPS, {}, {}, {})["outcome"] == "NOT FINISHED"


def test_the_examples_of_the_page_on_backups_are_dags() -> None:
    page = (REPOSITORY / "docs" / "backup-and-recovery.md").read_text()
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        if "dag" in example.lower():
            exec(compile(example, "docs/backup-and-recovery.md", "exec"), names)
    assert (names["sales"].dag_id, names["sales"].params["retention"]["keep_weekly"]) == ("backup_sales", 3)
    assert set(names["listed"].upstream_task_ids) == {"retention"}
