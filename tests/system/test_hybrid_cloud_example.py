"""The example of docs/hybrid-cloud.md from ingest to query and back, with a real scheduler, a real HDFS and a real S3."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REPOSITORY
from tests.services.airflow_home import AirflowHome, connection_variable
from tests.services.airflow_servers import AirflowServers
from tests.services.processes import wait_until

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

EXAMPLE = REPOSITORY / "docs/examples/hybrid_cloud"
IN_A_LINE = (
    "ingest_orders",
    "livedata_hybrid_cloud_orders",
    "query_revenue",
    "livedata_hybrid_cloud_revenue",
    "use_revenue",
)
STAND_IN = '''\
"""The DAGs of the example with a stand-in for Databricks: pyarrow, which reads the replicated files of the cloud zone."""

from airflow.sdk import task

from airflow_provider_livedata.configuration import load
from airflow_provider_livedata.operators.base import opened
from hybrid_cloud import hybrid_cloud_example


def stand_in_for_databricks(outlets):
    @task(task_id="revenue", outlets=outlets)
    def revenue():
        from pyarrow import BufferReader, compute, csv

        found, locations = {}, load().locations
        with opened(locations["orders"].places["cloud"]) as zone:
            for entry in zone.scan():
                if entry.kind == "file" and entry.path.startswith("day="):
                    data = bytearray(entry.size_bytes)
                    zone.read_into(entry.path, 0, memoryview(data))
                    day = entry.path.partition("/")[0].removeprefix("day=")
                    found[day] = compute.sum(csv.read_csv(BufferReader(bytes(data)))["amount"]).as_py()
        with opened(locations["revenue"].places["cloud"]) as zone:
            zone.put("revenue.csv", "".join(f"{day},{amount}\\n" for day, amount in sorted(found.items())).encode())

    return revenue()


globals().update({dag.dag_id: dag for dag in hybrid_cloud_example(stand_in_for_databricks)})
'''


@pytest.fixture
def servers(
    hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, hdfs_dir: str, bucket: str, tmp_path: Path
) -> Any:  # fmt: skip
    dags, home = tmp_path / "dags", tmp_path / "home"
    dags.mkdir()
    home.mkdir()
    shutil.copy(EXAMPLE / "hybrid_cloud.py", dags)
    shutil.copy(REPOSITORY / "dags/livedata_hybrid_cloud.py", dags)
    (dags / "dags.py").write_text(STAND_IN)
    told = (EXAMPLE / "livedata.yaml").read_text()
    told = told.replace("hdfs://hdfs_prod@nn1:8020/", f"hdfs://hdfs_prod@{hdfs_cluster.rpc}{hdfs_dir}")
    told = told.replace("s3://aws_default@lake/", f"s3://aws_default@{bucket}/")
    (tmp_path / "livedata.yaml").write_text(told)
    airflow = AirflowHome(home, dags=dags).place_database()
    host, port = hdfs_cluster.http.split(":")
    hdfs = {
        "conn_type": "webhdfs", "host": host, "port": int(port), "login": hdfs_cluster.superuser, "extra": {"rpc": hdfs_cluster.rpc},
    }  # fmt: skip
    airflow.environment |= {
        connection_variable("hdfs_prod"): json.dumps(hdfs),
        connection_variable("aws_default"): s3_server.connection_json(),
        "AIRFLOW__LIVEDATA__CONFIG_FILE": str(tmp_path / "livedata.yaml"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    }
    with AirflowServers(airflow) as running:
        yield running


def runs(servers: AirflowServers, dag_id: str) -> list[str]:
    """Ids of the runs of a DAG that have succeeded."""
    found = servers.call("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]
    assert all(one["state"] != "failed" for one in found), servers.told(dag_id, found[-1]["dag_run_id"])
    return [str(one["dag_run_id"]) for one in found if one["state"] == "success"]


def wait_for_another(servers: AirflowServers, dag_id: str, before: int) -> None:
    """Return when one more run of a DAG has succeeded."""
    wait_until(lambda: len(runs(servers, dag_id)) > before, what=f"a run of {dag_id}", seconds=240)


@pytest.mark.timeout(900)
def test_orders_that_are_ingested_on_premises_are_queried_in_the_cloud_and_the_result_comes_back(
    servers: AirflowServers, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    for dag_id in IN_A_LINE:
        wait_until(lambda dag_id=dag_id: servers._has(dag_id), what=dag_id, seconds=120)  # type: ignore[misc]
    days = (("2026-01-01", [1, 2], "2026-01-01,3\n"), ("2026-01-02", [5], "2026-01-01,3\n2026-01-02,5\n"))
    for day, amounts, revenue in days:
        before = {dag_id: len(runs(servers, dag_id)) for dag_id in IN_A_LINE}
        servers.trigger("ingest_orders", {"day": day, "amounts": amounts})
        for dag_id in IN_A_LINE:  # all but the first start by themselves
            wait_for_another(servers, dag_id, before[dag_id])
        assert hdfs_cluster.fs("-cat", f"{hdfs_dir}/data/revenue/revenue.csv").stdout == revenue
        events = servers.call("GET", "/api/v2/assets/events?order_by=-timestamp&limit=100")["asset_events"]
        orders = next(one for one in events if one["uri"] == "livedata://cloud/orders")
        assert orders["extra"]["partitions"] == [f"day={day}"]
    (last,) = servers.xcom("use_revenue", runs(servers, "use_revenue")[-1], "use_it")
    assert last["lag_seconds"] >= 0
