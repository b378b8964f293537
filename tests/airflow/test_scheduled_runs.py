"""What only a real scheduler shows: runs from the form's API, the question before the cut-over, a run that is stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.airflow.runs import make_tree, read_tree
from tests.services.airflow_home import AirflowHome
from tests.services.airflow_servers import AirflowServers
from tests.services.processes import wait_until
from tests.services.scratch import Scratch

DAG = "livedata_migration"
TREE = {"a.txt": b"1", "sub/b c.txt": b"22"}
pytestmark = pytest.mark.timeout(900)  # ten tasks a run, each a process that imports Airflow
WAITING = {"awaiting_input", "deferred"}  # from Airflow 3.3 on, before it


@pytest.fixture(scope="module")
def servers() -> Iterator[AirflowServers]:
    scratch = Scratch("airflow-servers")
    nothing = scratch.path / "no dags"
    nothing.mkdir()
    home = AirflowHome(scratch.path, dags=nothing).place_database()
    bundle = {"name": "livedata", "classpath": "airflow_provider_livedata.dag_bundle.LiveDataDagBundle", "kwargs": {}}
    home.environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps([bundle])
    try:
        with AirflowServers(home) as running:
            yield running
    finally:
        scratch.remove()


def answer(servers: AirflowServers, run_id: str, option: str) -> None:
    servers.wait_for(DAG, run_id, "approve_cut_over", WAITING)
    servers.wait_for_worker(run_id, "approve_cut_over")
    path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/approve_cut_over/-1/hitlDetails"
    question = servers.call("GET", path)
    assert "Cut over to file://" in question["subject"]
    assert "verified at level checksum" in question["body"]
    servers.call("PATCH", path, {"chosen_options": [option], "params_input": {}})


def lease(target: Path) -> dict[str, object]:
    files = sorted((target / ".livedata" / "lease").glob("*.json"))
    return dict(json.loads(files[-1].read_text())) if files else {}


def test_the_cut_over_goes_on_when_somebody_approves_and_ends_when_somebody_rejects(
    servers: AirflowServers, tmp_path: Path
) -> None:
    source, target = make_tree(tmp_path / "source", TREE), f"file://{tmp_path}/target"
    form = {"source": source, "target": target, "approval": True}
    approved = servers.trigger(DAG, form)
    servers.wait_for(DAG, approved, "approve_cut_over", WAITING)
    (tmp_path / "source" / "late").write_bytes(b"last words")
    answer(servers, approved, "Approve")
    assert servers.wait_for_end(DAG, approved) == "success", servers.told(DAG, approved)
    report = servers.xcom(DAG, approved, "report")
    assert report["outcome"] == "MIGRATED"
    assert re.search(r"approve_cut_over +success +approved by admin", report["text"])
    assert servers.xcom(DAG, approved, "final_catch_up")["copied_files"] == 1
    assert read_tree(tmp_path / "target") == {**TREE, "late": b"last words"}

    rejected = servers.trigger(DAG, form)
    answer(servers, rejected, "Reject")
    assert servers.wait_for_end(DAG, rejected) == "failed", servers.told(DAG, rejected)
    states = servers.states(DAG, rejected)
    assert (states["approve_cut_over"], states["final_catch_up"], states["report"]) == (
        "failed", "upstream_failed", "success",
    )  # fmt: skip
    assert servers.xcom(DAG, rejected, "report")["outcome"] == "NOT CUT OVER"


def test_a_run_that_somebody_stops_gives_the_target_back(servers: AirflowServers, tmp_path: Path) -> None:
    files = {f"{number:03d}": bytes(100_000) for number in range(100)}
    source, target = make_tree(tmp_path / "source", files), f"file://{tmp_path}/target"
    form = {"source": source, "target": target}
    stopped = servers.trigger(DAG, {**form, "bandwidth": "200KiB/s", "threads": 2})
    wait_until(lambda: bool(lease(tmp_path / "target")), what="the lease", seconds=120)
    servers.call("PATCH", f"/api/v2/dags/{DAG}/dagRuns/{stopped}", {"state": "failed"})
    wait_until(lambda: bool(lease(tmp_path / "target").get("is_released")), what="the release", seconds=60)
    landed = read_tree(tmp_path / "target")
    assert len(landed) < len(files)
    assert set(landed.values()) <= {bytes(100_000)}

    again = servers.trigger(DAG, form)
    assert servers.wait_for_end(DAG, again) == "success", servers.told(DAG, again)
    assert read_tree(tmp_path / "target") == files
