"""The whole disaster recovery DAG, from local directories to local directories."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.bridge import options_from
from airflow_provider_livedata.dag_templates.disaster_recovery import STEPS as ALL_STEPS
from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag, time_left
from airflow_provider_livedata.dag_templates.disaster_recovery_params import (
    DEFAULT_OPTIONS,
    EVERY,
    every_s,
    locations_of,
)
from airflow_provider_livedata.dag_templates.disaster_recovery_report import LocationEnd, disaster_recovery_report
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.verify_report import Level
from tests.airflow.runs import Run, make_tree, read_tree, recover
from tests.airflow.test_migration_dag import damage

pytestmark = pytest.mark.usefixtures("airflow_home")
STEPS = ("replicate", "due", "verify")  # without those that nobody asks for here
TREE = {"a.txt": b"1", "sub/b": b"22"}
PARAMS: dict[str, Any] = {
    "interval_s": 15, "duration_s": 3600, "max_failures_in_row": 5, "options": {}, "verify_listing_every_h": 1,
    "verify_checksum_every_h": 24, "dry_run": False,
}  # fmt: skip


def place(root: Path, name: str, **options: Any) -> dict[str, Any]:
    source = make_tree(root / name / "source", TREE)
    return {"source": source, "target": f"file://{root}/{name}/target", **({"options": options} if options else {})}


def steps(run: Run, number: int) -> dict[str, str]:
    return {step: run.states[f"location.{step}[{number}]"] for step in STEPS}


def test_locations_are_replicated_and_proved_each_with_its_own_options(tmp_path: Path) -> None:
    run = recover(
        place(tmp_path, "one"), place(tmp_path, "two", exclude=["sub"]), options={"bandwidth": "100MiB/s"},
    )  # fmt: skip
    assert run.state == "success", run.states
    assert [steps(run, n) for n in (0, 1)] == [dict.fromkeys(STEPS, "success")] * 2
    assert read_tree(tmp_path / "one" / "target") == TREE
    assert read_tree(tmp_path / "two" / "target") == {"a.txt": b"1"}
    assert run.results["location.verify[1]"]["level"] == "checksum"
    report = run.report
    assert report["outcome"] == "OK"
    assert [one["state"] for one in report["locations"]] == ["ok", "ok"]
    assert all(0 <= one["lag_seconds"] < 3600 for one in report["locations"])
    assert all(one["verified_ms"]["checksum"] for one in report["locations"])
    assert Path(report["locations"][0]["report"].removeprefix("file://")).is_file()

    again = recover(place(tmp_path, "one"))  # proved a moment ago, and a proof by checksum is one by listing too
    assert steps(again, 0) == {"replicate": "success", "due": "skipped", "verify": "skipped"}
    assert again.state == "success"
    assert again.report["locations"][0]["verified_ms"] == report["locations"][0]["verified_ms"]


def test_what_no_location_asks_for_is_skipped(tmp_path: Path) -> None:
    run = recover(place(tmp_path, "one"))
    assert ALL_STEPS[len(STEPS) :] == ("policies", "metadata")
    assert {run.states[f"location.{step}[0]"] for step in ("policies", "metadata")} == {"skipped"}


def test_a_level_that_is_never_wanted_is_never_due(tmp_path: Path) -> None:
    run = recover(place(tmp_path, "one"), verify_checksum_every_h=0, verify_listing_every_h=0.5)
    assert run.results["location.due[0]"] == "listing"
    never = recover(place(tmp_path, "two"), verify_checksum_every_h=0, verify_listing_every_h=0)
    assert steps(never, 0)["verify"] == "skipped"
    assert "never" in never.report["text"]


def test_a_location_that_fails_stops_no_other_and_fails_the_run_after_the_report(tmp_path: Path) -> None:
    broken = {"source": f"file://{tmp_path}/nothing here", "target": f"file://{tmp_path}/broken"}
    run = recover(broken, place(tmp_path, "good"))
    assert run.state == "failed"
    assert steps(run, 0) == {"replicate": "failed", "due": "skipped", "verify": "skipped"}
    assert steps(run, 1) == dict.fromkeys(STEPS, "success")
    assert read_tree(tmp_path / "good" / "target") == TREE
    assert (run.states["report"], run.states["outcome"]) == ("success", "failed")
    bad, good = run.report["locations"]
    assert (bad["state"], good["state"]) == ("failed", "ok")
    assert "replicate: " in bad["why"]
    assert "nothing here" in bad["why"]
    assert run.report["why"].startswith("1 of 2 locations")


def test_what_was_copied_before_is_proved_even_when_the_replication_fails(tmp_path: Path) -> None:
    one = place(tmp_path, "one")
    assert recover(one, verify_checksum_every_h=0, verify_listing_every_h=0).state == "success"
    (tmp_path / "one" / "target" / ".livedata" / "checkpoint" / "not-a-number").write_text("")
    failing = recover({**one, "options": {"exclude": ["other than before"]}})
    assert steps(failing, 0) == {"replicate": "failed", "due": "success", "verify": "success"}
    assert (failing.state, failing.report["locations"][0]["state"]) == ("failed", "failed")
    assert "accept_new_filter" in failing.report["text"]


def test_damage_at_a_target_is_found_when_its_proof_is_due(tmp_path: Path) -> None:
    one = place(tmp_path, "one")
    assert recover(one, verify_checksum_every_h=0).state == "success"
    damage(tmp_path / "one" / "target" / "a.txt")
    run = recover(one)
    assert steps(run, 0) == {"replicate": "success", "due": "success", "verify": "failed"}
    assert run.state == "failed"
    found = run.report["locations"][0]
    assert "checksum: a.txt" in found["why"]
    assert found["verified_ms"]["checksum"] is None
    assert found["verified_ms"]["listing"]


def test_a_dry_run_writes_plans_and_changes_nothing(tmp_path: Path) -> None:
    run = recover(place(tmp_path, "one"), place(tmp_path, "two"), dry_run=True)
    assert run.state == "success"
    assert steps(run, 1) == {"replicate": "success", "due": "skipped", "verify": "skipped"}
    assert read_tree(tmp_path / "one" / "target") == {}
    assert run.report["outcome"] == "DRY RUN"
    assert "2 files to copy" in run.report["locations"][0]["why"]
    assert not (tmp_path / "one" / "target" / ".livedata" / "lease").exists()


def test_params_that_cannot_be_used_are_one_error_before_anything_is_changed(tmp_path: Path) -> None:
    good = place(tmp_path, "good")
    run = recover(good, {**good, "options": {"colour": "red"}})
    assert run.state == "failed"
    assert run.failures["locations"]["error"] == "BadInput"
    assert run.report["outcome"] == "REFUSED"
    assert "colour" in run.report["why"]
    assert not (tmp_path / "good" / "target").exists()
    assert {state for name, state in run.states.items() if name.startswith("location.")} <= {
        "upstream_failed",
        "skipped",
    }


PLACE = {"source": "file:///a", "target": "file:///b"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"locations": [{"source": "ftp//x", "target": "file:///b"}]}, ["location 1", "address"]),
        ({"locations": [{"source": "file:///a", "target": "file:///a/b"}]}, ["lie inside each other"]),
        ({"locations": [PLACE, {"source": "file:///c", "target": "file:///b/d"}]}, ["targets file:///b and file:///b/d"]),
        ({"locations": [PLACE | {"options": {"threads": "many"}}]}, ["location 1 (file:///a -> file:///b)", "threads"]),
        ({"locations": [PLACE], "options": {"bandwidth": "fast"}}, ["fast"]),
        ({"locations": [PLACE], "interval_s": 0}, ["interval_s"]),
        ({"locations": [PLACE | {"options": {"x": 1}}], "interval_s": 0}, ["interval_s", "unknown=['x']"]),
    ],
)  # fmt: skip
def test_every_problem_of_the_params_is_named(params: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        locations_of({**PARAMS, **params})
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_locations_options_go_before_those_of_all() -> None:
    (found,) = locations_of(
        {**PARAMS, "options": {"threads": 2, "exclude": ["a"]}, "locations": [PLACE | {"options": {"threads": 4}}]}
    )
    assert found["options"] == {**DEFAULT_OPTIONS, "threads": 4, "exclude": ["a"]}
    assert options_from(found["options"]).threads == 4


def test_a_chain_of_locations_is_no_overlap() -> None:
    assert len(locations_of({**PARAMS, "locations": [PLACE, {"source": "file:///b", "target": "file:///c"}]})) == 2


def test_the_levels_of_the_form_are_those_of_the_engine() -> None:
    from typing import get_args

    assert set(EVERY) <= set(get_args(Level))
    assert every_s(PARAMS) == {"listing": 3600, "checksum": 86400}


def test_a_retry_ends_when_the_first_try_would_have() -> None:
    began = datetime(2024, 5, 17, tzinfo=UTC)
    assert time_left(3600, began, began + timedelta(seconds=600)) == "3000.000"
    assert time_left(3600, began, began + timedelta(days=1)) == "0.000"
    assert time_left(3600, began, began - timedelta(days=1)) == "3600.000"  # clocks differ
    assert (time_left(3600, None), time_left(None, began)) == ("3600.000", "")


def test_a_template_can_be_given_its_locations_and_a_schedule() -> None:
    dag = disaster_recovery_dag("sales", defaults={"locations": [PLACE]}, schedule="@continuous", pool="cluster")
    assert (dag.params["locations"], dag.max_active_runs) == ([PLACE], 1)
    assert {task.pool for task in dag.tasks} == {"cluster"}
    assert all(step in (dag.doc_md or "") for step in dag.task_ids)
    with pytest.raises(ValueError, match=r"no params \['place'\]"):
        disaster_recovery_dag(defaults={"place": PLACE})


def test_the_form_says_what_each_field_is() -> None:
    dag = disaster_recovery_dag()
    params = [dag.params.get_param(name) for name in dag.params]
    assert all(param.schema.get("title") and param.description for param in params)


def test_the_report_tells_each_location_in_a_line_and_survives_json() -> None:
    good = LocationEnd(
        "file:///a", "file:///b", dict.fromkeys(STEPS, "success"), {"live": {"cycles": 3, "changes": 7, "failed_cycles": 1,
        "worst_lag_seconds": 31.5}, "address": "file:///b/r"}, {}, 4.5, 1_700_000_000_000, {"listing": 1_700_000_000_000},
    )  # fmt: skip
    lost = LocationEnd("file:///c", "file:///d", {"replicate": "failed"}, None, {"replicate": {"message": "no answer"}})
    unread = LocationEnd("file:///e", "file:///f", dict.fromkeys(STEPS, "success"), unread="gone")
    found = disaster_recovery_report([good, lost, unread], ["listing", "checksum"])
    text = found["text"].splitlines()
    assert text[0] == "FAILED: 2 of 3 locations; file:///d: replicate: no answer"
    assert (
        text[4] == "ok          4.5 s        2023-11-14 22:13:20 UTC   never                     file:///a -> file:///b"
    )
    assert text[5].strip() == "3 cycles, 7 changes, 1 failed and were made up for, worst lag 31.5 s"
    assert "failed      unknown      never" in found["text"]
    assert "the target cannot be read: gone" in found["text"]
    assert json.loads(json.dumps(found)) == found
    assert disaster_recovery_report([], [], refused="no")["text"] == "REFUSED: no"
