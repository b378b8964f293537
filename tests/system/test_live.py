"""Live replication from a real HDFS to a real S3 server, watched from both sides, by Airflow connections alone."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG

from airflow_provider_livedata.engine import changed, replicate, stop_live
from airflow_provider_livedata.hooks.livedata import open_to_look
from airflow_provider_livedata.operators.replicate import LiveDataReplicateOperator
from airflow_provider_livedata.sensors.change import LiveDataChangeSensor
from airflow_provider_livedata.sensors.lag import LiveDataLagSensor
from airflow_provider_livedata.triggers.location import LocationChangeTrigger
from tests.airflow.runs import Run, recover, run_dag
from tests.services.airflow_home import connection_variable
from tests.system.conftest import Place, write
from tests.system.hdfs_common import Asked

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

pytestmark = pytest.mark.usefixtures("airflow_home", "connections")


@pytest.fixture
def connections(hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = hdfs_cluster.http.split(":")
    hdfs = {
        "conn_type": "webhdfs", "host": host, "port": int(port), "login": hdfs_cluster.superuser,
        "extra": {"rpc": hdfs_cluster.rpc},
    }  # fmt: skip
    monkeypatch.setenv(connection_variable("the_cluster"), json.dumps(hdfs))
    monkeypatch.setenv(connection_variable("the_lake"), s3_server.connection_json())


@pytest.fixture
def from_hdfs(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> str:
    return f"hdfs://the_cluster@{hdfs_cluster.rpc}{hdfs_dir}"


@pytest.fixture
def to_s3(bucket: str) -> str:
    return f"s3://the_lake@{bucket}/copy"


def run_task(name: str, kind: Any, **options: Any) -> Run:
    with DAG(f"system_{name}") as dag:
        kind(task_id=name, **options)
    run = run_dag(dag)
    assert run.state == "success", run.failures
    return run


def first_event(trigger: Any) -> Any:
    async def first() -> Any:
        return (await asyncio.wait_for(anext(trigger.run()), 60)).payload

    return asyncio.run(first())


def test_changes_arrive_cycle_by_cycle_found_by_differences_and_each_cycle_is_told(
    source: Place, target: Place, from_hdfs: str, to_s3: str
) -> None:
    write(source, {"a": b"1", "old": b"gone"})
    told: list[dict[str, Any]] = []

    async def watch() -> None:
        async for event in LocationChangeTrigger(to_s3, poll_s=0.2).run():
            told.append(event.payload)
            if event.payload["run"] > 2 and event.payload["deleted"]:
                return

    def change() -> None:
        while not told:
            time.sleep(0.1)
        write(source, {"b": b"22"})
        while not any(event["copied_bytes"] == 2 for event in told):
            time.sleep(0.1)
        zone = source.open()
        zone.delete([entry for entry in zone.scan() if entry.path == "old"])
        zone.close()

    def stop() -> None:
        watching.join()
        stop_live(target.open())

    watching = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(watch(), 120)))
    changing = threading.Thread(target=change)
    stopping = threading.Thread(target=stop)
    for thread in (watching, changing, stopping):
        thread.start()
    run = run_task("live", LiveDataReplicateOperator, source=from_hdfs, target=to_s3, interval_s=1, deferrable=False)
    for thread in (watching, changing, stopping):
        thread.join(60)
    result = run.results["live"]
    assert target.contents() == {"a": b"1", "b": b"22"}
    assert result["live"]["cycles"] >= 3
    assert (result["live"]["copied_files"], result["live"]["deleted"], result["live"]["failed_cycles"]) == (3, 1, 0)
    assert result["found_by"].startswith("difference of snapshots")
    assert [event["run"] for event in told] == list(range(1, len(told) + 1))
    assert Counter(event["copied_bytes"] for event in told)[2] == 1
    assert all(event["snapshot"].startswith("livedata-") for event in told)


def test_a_change_at_the_source_is_seen_for_a_few_calls_of_the_namenode(
    source: Place, from_hdfs: str, to_s3: str, hdfs_cluster: HdfsCluster
) -> None:
    write(source, {f"d/{number:02d}": b"x" for number in range(50)})
    run_task("once", LiveDataReplicateOperator, source=from_hdfs, target=to_s3, duration_s=0, deferrable=False)
    lag = run_task("lag", LiveDataLagSensor, target=to_s3, max_lag_s=300, deferrable=True).results["lag"]
    assert (lag["run"], lag["lag_s"] < 300) == (1, True)

    here, there = open_to_look(from_hdfs), open_to_look(to_s3)
    asked = Asked(hdfs_cluster)
    assert changed(here, there) == ""
    calls = asked.count()
    assert calls["computeSnapshotDiff"] + calls["ListSnapshotDiff"] >= 1, calls
    assert sum(calls.values()) <= 8, calls
    assert calls["listStatus"] <= 2, calls  # of the names of snapshots, not of the tree
    write(source, {"_temporary/x": b"1"})
    assert changed(here, there) == ""
    write(source, {"d/new": b"1"})
    assert changed(here, there) == "create: d/new"
    here.close()
    there.close()

    options = {"source": from_hdfs, "target": to_s3, "poke_interval": 1, "timeout": 60}
    found = run_task("change", LiveDataChangeSensor, deferrable=True, **options).results["change"]
    assert found["change"] == "create: d/new"


def test_a_target_on_hdfs_is_watched_without_becoming_anybody_there(
    source: Place,
    target: Place,
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    s3_server: S3Server | MotoServer,
    bucket: str,
) -> None:
    from airflow_provider_livedata.engine.zones.hdfs import identity as hdfs_identity

    s3_server.client().put_object(Bucket=bucket, Key="copy/a", Body=b"1")
    report = replicate(target.open(), source.open())
    address = f"hdfs://the_cluster@{hdfs_cluster.rpc}{hdfs_dir}"
    zone = open_to_look(address)
    holders = len(hdfs_identity._process.holders)
    event = first_event(LocationChangeTrigger(address, poll_s=0.2))
    assert (event["run"], event["copied_files"], event["as_of_ms"]) == (1, 1, report.as_of_ms)
    assert len(hdfs_identity._process.holders) == holders
    zone.close()


def test_disaster_recovery_keeps_a_target_at_one_snapshot_and_proves_it(
    source: Place, target: Place, from_hdfs: str, to_s3: str
) -> None:
    write(source, {"a": b"1", "d/b": b"22"})
    run = recover({"source": from_hdfs, "target": to_s3})
    assert run.state == "success", run.report["text"]
    write(source, {"d/b": b"other"})
    again = recover({"source": from_hdfs, "target": to_s3}, verify_checksum_every_h=0.00001)
    assert again.state == "success", again.report["text"]
    assert {path: data for path, data in target.contents().items() if data is not None} == {"a": b"1", "d/b": b"other"}
    found = again.results["location.replicate[0]"]
    assert (found["copied_files"], found["found_by"].startswith("difference of snapshots")) == (1, True)
    (one,) = again.report["locations"]
    assert (one["state"], again.results["location.verify[0]"]["proved_by_store"]) == ("ok", 2)
    kept = [entry.path for entry in target.open().scan(".livedata/removed") if entry.kind == "file"]
    assert [path.rpartition("/")[2] for path in kept] == ["b"]
