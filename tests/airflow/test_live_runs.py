"""Live replication under a real scheduler and a real triggerer: out of the worker between cycles, and an event for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import newest_run, stop_live
from tests.airflow.runs import make_tree, read_tree
from tests.services.airflow_home import AirflowHome
from tests.services.airflow_servers import AirflowServers
from tests.services.processes import wait_until
from tests.services.scratch import Scratch

pytestmark = pytest.mark.timeout(900)  # each time that a task comes back, a process imports Airflow
DAGS = """
from __future__ import annotations

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag
from airflow_provider_livedata.operators.replicate import LiveDataReplicateOperator
from airflow_provider_livedata.triggers.location import LocationChangeTrigger

SOURCE, TARGET = "file://{root}/source", "file://{root}/target"

with DAG("live", schedule=None):
    LiveDataReplicateOperator(task_id="live", source=SOURCE, target=TARGET, interval_s=12, deferrable=True)

watcher = AssetWatcher(name="copy", trigger=LocationChangeTrigger(TARGET, poll_s=1))
with DAG("follow", schedule=[Asset(name="copy", uri=TARGET, watchers=[watcher])], is_paused_upon_creation=False):

    @task
    def seen(**context):
        events = [event for events in context["triggering_asset_events"].values() for event in events]
        return [event.extra["payload"] for event in events]

    seen()

recovery = disaster_recovery_dag("recovery", retries=0)
"""


@dataclass
class Place:
    """Where the DAGs of this module copy from and to."""

    root: Path
    servers: AirflowServers

    @property
    def target(self) -> str:
        return f"file://{self.root}/target"

    def checkpoint(self, number: int) -> None:
        """Return when there is one of this number or a later one."""
        wait_until(lambda: newest_run(self.target) >= number, what=f"checkpoint {number}", seconds=120)

    def followed(self) -> list[dict[str, Any]]:
        """What the runs that follow were told, in their order."""
        answer = self.servers.call("GET", "/api/v2/dags/follow/dagRuns?order_by=run_after&limit=100")
        done = [run["dag_run_id"] for run in answer["dag_runs"] if run["state"] == "success"]
        return [payload for run in done for payload in self.servers.xcom("follow", run, "seen")]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    scratch = Scratch("airflow-live")
    dags = scratch.path / "dags"
    dags.mkdir()
    make_tree(scratch.path / "source", {"a": b"1"})
    (scratch.path / "target").mkdir()
    (dags / "live.py").write_text(DAGS.replace("{root}", str(scratch.path)))
    home = AirflowHome(scratch.path, dags=dags).place_database()
    try:
        with AirflowServers(home) as running:
            yield Place(scratch.path, running)
    finally:
        scratch.remove()


def is_released(root: Path) -> bool:
    files = sorted((root / "target" / ".livedata" / "lease").glob("*.json"))
    return bool(json.loads(files[-1].read_text()).get("is_released"))


def test_a_live_run_leaves_its_worker_between_cycles_and_another_dag_follows_each_of_them(place: Place) -> None:
    servers, root = place.servers, place.root
    run = servers.trigger("live", {})
    servers.wait_for("live", run, "live", {"deferred"})
    assert is_released(root)
    assert read_tree(root / "target") == {"a": b"1"}

    (root / "source" / "b").write_bytes(b"22")
    place.checkpoint(2)
    (root / "source" / "c").write_bytes(b"333")
    before = newest_run(place.target)
    place.checkpoint(before + 2)  # begun after the change at the latest
    assert read_tree(root / "target") == {"a": b"1", "b": b"22", "c": b"333"}
    wait_until(lambda: len(place.followed()) >= 2, what="runs that follow", seconds=120)
    assert servers.run_state("live", run) == "running"

    stop_live(place.target, by="a test")
    assert servers.wait_for_end("live", run) == "success", servers.told("live", run)
    result = servers.xcom("live", run, "live")
    cycles = result["live"]["cycles"]
    assert cycles >= before + 2
    assert (result["live"]["copied_files"], result["live"]["failed_cycles"]) == (3, 0)
    assert result["live"]["ended"] == "told to stop by .livedata/stop.json"
    assert servers.call("GET", f"/api/v2/dags/live/dagRuns/{run}/taskInstances/live")["try_number"] == 1

    def all_told() -> bool:
        return {payload["run"] for payload in place.followed()} == set(range(1, cycles + 1))

    wait_until(all_told, what="an event for each cycle", seconds=120)
    told = {payload["run"]: payload for payload in place.followed()}
    assert sum(payload["copied_files"] for payload in told.values()) == 3
    assert all(payload["lag_seconds"] >= 0 and payload["as_of_ms"] for payload in told.values())
    assert all(Path(payload["report"].removeprefix("file://")).is_file() for payload in told.values())


def test_locations_go_on_side_by_side_and_each_ends_by_itself(place: Place) -> None:
    servers, root = place.servers, place.root / "recovery"
    sources = [make_tree(root / name / "source", {"a": name.encode()}) for name in ("one", "two")]
    locations = [{"source": source, "target": f"{source.removesuffix('source')}target"} for source in sources]
    broken = {"source": f"file://{root}/nowhere", "target": f"file://{root}/nothing"}
    conf = {"locations": [locations[0], broken, locations[1]], "interval_s": 6, "duration_s": None}
    run = servers.trigger("recovery", conf)
    for location in locations:
        wait_until(lambda: newest_run(location["target"]) >= 1, what="the first cycles", seconds=180)  # noqa: B023
    stop_live(locations[0]["target"])
    (root / "two" / "source" / "b").write_bytes(b"22")
    wait_until(lambda: "b" in read_tree(root / "two" / "target"), what="the change", seconds=180)
    assert servers.run_state("recovery", run) == "running"
    stop_live(locations[1]["target"])
    assert servers.wait_for_end("recovery", run) == "failed", servers.told("recovery", run)
    report = servers.xcom("recovery", run, "report")
    assert [one["state"] for one in report["locations"]] == ["ok", "failed", "ok"], servers.told("recovery", run)
    assert read_tree(root / "two" / "target") == {"a": b"two", "b": b"22"}
    assert report["locations"][2]["live"]["cycles"] >= 2
    assert all(report["locations"][number]["verified_ms"]["checksum"] for number in (0, 2))
    assert servers.states("recovery", run)["outcome"] == "failed"
