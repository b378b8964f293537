"""The night of docs/disaster-recovery.md: the NameNode is gone, S3 takes over, and the cluster comes back; with the run-book's own commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.runs import Run, migrate, run
from tests.system.dag_common import connect, put_sales
from tests.system.test_migration_dag import objects

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

pytestmark = pytest.mark.usefixtures("airflow_home")
FILES = {"orders.csv": b"1,2,3", "sub/stock.bin": bytes(range(256)) * 400, "sub/gone": b"x"}


@pytest.fixture
def location(
    hdfs_cluster: HdfsCluster,
    s3_server: S3Server | MotoServer,
    hdfs_dir: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    connect(hdfs_cluster, s3_server, monkeypatch, store="the_lake")
    at = put_sales(hdfs_cluster, hdfs_dir, tmp_path, FILES)
    hdfs_cluster.fs("-chown", "-R", "ann:staff", f"{hdfs_dir}/sales/sub")
    hdfs_cluster.fs("-chmod", "640", f"{hdfs_dir}/sales/sub/stock.bin")
    return at


def switch(dag: Any, source: str, target: str, **params: Any) -> Run:
    return run(dag, conf={"source": source, "target": target, "dry_run": False, **params}, mark_success="approve")


def test_the_cluster_is_lost_the_bucket_takes_over_and_the_cluster_comes_back(
    location: str, hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    from airflow_provider_livedata.dag_templates.failback import failback_dag
    from airflow_provider_livedata.dag_templates.failover import failover_dag

    source, target = f"hdfs://the_cluster@{hdfs_cluster.rpc}{location}", f"s3://the_lake@{bucket}/sales"
    assert migrate(source, target).report["outcome"] == "MIGRATED"
    hdfs_cluster.stop_namenode()
    try:
        over = switch(failover_dag(), source, target, how="unplanned")
    finally:
        hdfs_cluster.start_namenode()
    assert over.report["outcome"] == "SWITCHED", over.report["text"]
    assert "of changes lost" in over.report["text"]
    role = json.loads(objects(s3_server, bucket, "sales/.livedata/role/")["000000000002.json"])
    assert (role["role"], role["how"], role["peer"]) == ("active", "unplanned", f"hdfs://{hdfs_cluster.rpc}{location}")
    refused = migrate(source, target)
    assert refused.failures["preflight"]["error"] == "TargetIsActive"

    client = s3_server.client()
    client.put_object(Bucket=bucket, Key="sales/orders.csv", Body=b"4,5,6")
    client.delete_object(Bucket=bucket, Key="sales/sub/gone")
    hdfs_cluster.fs("-touchz", f"{location}/late")
    back = switch(failback_dag(), source, target)
    assert back.report["outcome"] == "SWITCHED", back.report["text"]
    assert hdfs_cluster.fs("-cat", f"{location}/orders.csv").stdout == "4,5,6"
    assert hdfs_cluster.fs("-stat", "%u %g %a", f"{location}/sub/stock.bin").stdout.split() == ["ann", "staff", "640"]
    listed = hdfs_cluster.fs("-ls", "-R", location).stdout
    assert "sub/gone" not in listed
    aside = back.results["bring"]["aside"].split(location)[1]
    # As the run-book says: what was kept aside is looked at, and put back, with Hadoop's own commands.
    assert f"{aside}/late" in listed
    hdfs_cluster.fs("-mv", f"{location}{aside}/late", f"{location}/late")
    hdfs_cluster.fs("-rm", "-r", "-skipTrash", f"{location}{aside}")
    roles = hdfs_cluster.fs("-cat", f"{location}/.livedata/role/*").stdout.replace("}{", "}\n{").split("\n{")
    told = json.loads("{" + roles[-1])
    assert (told["role"], told["how"]) == ("active", "fail-back")
    assert "Live datanodes (2)" in hdfs_cluster.dfsadmin("-report", "-live").stdout
    again = migrate(source, target)
    assert again.report["outcome"] == "MIGRATED", again.report["text"]
    assert (again.results["copy"]["copied_files"], again.results["copy"]["deleted"]) == (1, 0)


def test_a_closed_location_keeps_writers_out_and_replication_in(
    location: str, hdfs_cluster: HdfsCluster, bucket: str
) -> None:
    from airflow_provider_livedata.dag_templates.failover import failover_dag

    source, target = f"hdfs://the_cluster@{hdfs_cluster.rpc}{location}", f"s3://the_lake@{bucket}/sales"
    assert migrate(source, target).report["outcome"] == "MIGRATED"
    hdfs_cluster.fs("-chmod", "777", f"{location}/sub")
    assert hdfs_cluster.fs("-touchz", f"{location}/sub/by-bob", user="bob").returncode == 0
    assert hdfs_cluster.fs("-stat", "%a", location).stdout.strip() == "755"
    hdfs_cluster.fs("-chmod", "700", location)
    refused = hdfs_cluster.fs("-touchz", f"{location}/sub/again", user="bob", check=False)
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr
    over = switch(failover_dag(), source, target)
    assert over.report["outcome"] == "SWITCHED", over.report["text"]
    assert over.results["bring"]["copied_files"] == 1
