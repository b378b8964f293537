"""The operator of two-way syncs and the sensor of conflicts, on a throw-away Airflow."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG

from airflow_provider_livedata.dag_templates.two_way import two_way_dag
from airflow_provider_livedata.dag_templates.two_way_outcome import two_way_outcome
from airflow_provider_livedata.engine import TwoWayOptions, open_zone, two_way_sync
from airflow_provider_livedata.engine.errors import ConflictsLeft
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.operators.two_way import LiveDataTwoWaySyncOperator
from airflow_provider_livedata.sensors.conflict import LiveDataConflictSensor
from tests.airflow.runs import run, run_dag
from tests.crash.test_crashes import IMPATIENT

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()


@pytest.fixture
def sides() -> tuple[Zone, Zone]:
    number = next(_NUMBERS)
    left, right = (open_zone(f"memory://two-way-{side}-{number}/data") for side in ("left", "right"))
    left.put("a", b"1")
    right.put("b", b"2")
    return left, right


def synced(sides: tuple[Zone, Zone], **options: Any) -> Any:
    with DAG(f"two_way_{next(_NUMBERS)}") as dag:
        LiveDataTwoWaySyncOperator(task_id="sync", left=str(sides[0].address), right=str(sides[1].address), **options)
    return run_dag(dag)


def test_a_sync_returns_what_it_did_to_both_sides(sides: tuple[Zone, Zone]) -> None:
    result = synced(sides, names="onprem,cloud", conflicts="prefer:cloud").results["sync"]
    assert (result["state"], result["changes"], result["conflicts"]) == ("done", 2, 0)
    assert {result["left"]["name"], result["right"]["name"]} == {"onprem", "cloud"}
    assert sides[0].stat("b") is not None
    assert sides[1].stat("a") is not None


def test_a_dry_run_changes_nothing(sides: tuple[Zone, Zone]) -> None:
    assert synced(sides, dry_run="true").results["sync"]["state"] == "dry run"
    assert sides[0].stat("b") is None


def test_conflicts_that_are_left_fail_the_task_and_are_pushed(sides: tuple[Zone, Zone]) -> None:
    sides[1].put("a", b"other")
    run = synced(sides)
    assert run.states["sync"] == "failed"
    failure = run.failures["sync"]
    assert failure["error"] == "ConflictsLeft"
    assert failure["report"]["conflict_list"][0]["path"] == "a"
    assert sides[0].stat("b") is not None


@pytest.mark.parametrize(("option", "value"), [("names", "one"), ("conflicts", "oldest"), ("keep_conflicts", "long"), ("options", {"foreign": "keep"})])  # fmt: skip
def test_a_wrong_option_is_named_before_anything_is_changed(sides: tuple[Zone, Zone], option: str, value: Any) -> None:
    operator = LiveDataTwoWaySyncOperator(
        task_id="sync", left=str(sides[0].address), right=str(sides[1].address), **{option: value}
    )
    with pytest.raises(AirflowFailException, match="foreign" if option == "options" else option):
        operator.execute({"ti": _Ti()})  # type: ignore[typeddict-item]
    assert sides[0].stat("b") is None


class _Ti:
    dag_id, run_id, task_id = "dag", "run", "sync"

    def xcom_push(self, key: str, value: Any) -> None:
        """Nothing is kept."""


@pytest.mark.parametrize("deferrable", [False, True], ids=["poked", "deferred"])
def test_the_sensor_returns_the_runs_that_met_conflicts(sides: tuple[Zone, Zone], deferrable: bool) -> None:
    two_way_sync(*sides, TwoWayOptions(), lease_times=IMPATIENT)
    with DAG(f"conflicts_{next(_NUMBERS)}") as dag:
        LiveDataConflictSensor(task_id="wait", left=str(sides[0].address), right=str(sides[1].address), deferrable=deferrable, poke_interval=0.1,
                               timeout=60, unsettled_only=True)  # fmt: skip
    ended = threading.Event()

    def conflict() -> None:
        number = 0
        while not ended.wait(1):
            number += 1
            sides[0].put("c", b"here %d" % number)
            sides[1].put("c", b"there %d" % number)
            with pytest.raises(ConflictsLeft):
                two_way_sync(*sides, TwoWayOptions(), lease_times=IMPATIENT)

    happening = threading.Thread(target=conflict)
    happening.start()
    try:
        found = run_dag(dag).results["wait"]
    finally:
        ended.set()
        happening.join()
    assert found["runs"][0]["unsettled_conflicts"] == 1
    assert found["runs"][0]["first"][0]["path"] == "c"


def test_the_sensor_wants_to_know_after_which_run_where_it_begins_again_for_every_look(
    sides: tuple[Zone, Zone],
) -> None:
    sensor = LiveDataConflictSensor(
        task_id="wait", left=str(sides[0].address), right=str(sides[1].address), mode="reschedule"
    )
    with pytest.raises(AirflowFailException, match="after which run"):
        sensor.execute({})


def started(sides: tuple[Zone, Zone], **params: Any) -> Any:
    """A run of the shipped DAG."""
    conf = {
        "left": str(sides[0].address),
        "right": str(sides[1].address),
        "left_name": "onprem",
        "right_name": "cloud",
        **params,
    }
    return run(two_way_dag(), conf=conf)


def test_the_dag_previews_by_default_and_changes_nothing(sides: tuple[Zone, Zone]) -> None:
    ended = started(sides)
    assert ended.report["outcome"] == "PREVIEWED"
    assert "2 changes planned, 0 conflicts" in ended.report["why"]
    assert ended.states["sync"] == "skipped"
    assert sides[0].stat("b") is None


def test_the_dag_syncs_and_says_how_conflicts_were_settled(sides: tuple[Zone, Zone]) -> None:
    sides[1].put("a", b"of the cloud")
    ended = started(sides, dry_run=False, conflicts="prefer_right")
    assert ended.report["outcome"] == "SYNCED", ended.report["text"]
    assert "a: content, that of onprem gave way, kept as .livedata/conflicts/" in ended.report["text"]
    found = sides[0].stat("a")
    assert found is not None
    assert found.size_bytes == len(b"of the cloud")
    assert ended.states["preview"] == "skipped"


def test_the_dag_fails_at_its_end_where_conflicts_are_left_and_lists_them(sides: tuple[Zone, Zone]) -> None:
    sides[1].put("a", b"of the cloud")
    ended = started(sides, dry_run=False)
    assert ended.state == "failed"
    assert ended.report["outcome"] == "CONFLICTS"
    assert "a: content, left as it is on both sides" in ended.report["text"]
    assert sides[0].stat("b") is not None


def test_a_wrong_default_is_named_and_every_field_has_a_title() -> None:
    with pytest.raises(ValueError, match="lefft"):
        two_way_dag(defaults={"lefft": "x"})
    params = two_way_dag(defaults={"conflicts": "newest"}).params
    assert all(params.get_param(name).schema.get("title") for name in params)


@pytest.mark.parametrize(("states", "failures", "outcome"), [
    ({"preview": "success", "approve": "failed"}, {}, "NOT SYNCED"),
    ({"sync": "failed"}, {"sync": {"error": "TooManyDeletes", "message": "too many"}}, "STOPPED"),
    ({"preview": "success", "sync": "skipped"}, {}, "NOT FINISHED"),
    ({"sync": "success"}, {}, "SYNCED"),
])  # fmt: skip
def test_the_report_says_how_a_run_ended(states: dict[str, str], failures: dict[str, Any], outcome: str) -> None:
    told = two_way_outcome(
        {"dry_run": False, "left_name": "a", "right_name": "b"}, ["preview", "approve", "sync"], states, {}, failures
    )
    assert told["outcome"] == outcome
    assert told["text"].startswith(outcome)
