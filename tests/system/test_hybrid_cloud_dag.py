"""Locations with homes from a real HDFS to a real S3 and on to a disk, by the DAG and Airflow connections alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.dag_templates.configured_locations import hybrid_cloud_dags
from tests.airflow.runs import Run, asset_events, read_tree, run_dag
from tests.system.dag_common import connect, put_sales
from tests.system.test_migration_dag import objects

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

pytestmark = pytest.mark.usefixtures("airflow_home")
FILES = {"day=1/a.csv": b"1,2,3", "day=2/b.bin": bytes(range(256)) * 400, "top": b"x"}


@pytest.fixture
def configured(
    hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, hdfs_dir: str, bucket: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:  # fmt: skip
    """The DAG of sales, at home on HDFS."""
    connect(hdfs_cluster, s3_server, monkeypatch, store="the_lake")
    put_sales(hdfs_cluster, hdfs_dir, tmp_path, FILES)

    def dag(followers: str) -> Run:
        found = read(f"""\
zones:
  onprem: {{address: "hdfs://the_cluster@{hdfs_cluster.rpc}{hdfs_dir}"}}
  cloud: {{address: "s3://the_lake@{bucket}/lake"}}
  archive: {{address: "file://{tmp_path}/archive"}}
locations:
  hdfs_sales: {{home: onprem, path: sales, followers: {followers}}}
""")
        found.raise_problems()
        return run_dag(next(iter(hybrid_cloud_dags(found))))

    return dag


def test_a_location_is_fed_into_a_bucket_and_told_of_partition_by_partition(
    configured: Any, hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    before = len(asset_events("livedata://cloud/hdfs_sales"))
    run = configured("[cloud]")
    assert run.state == "success", run.report["text"]
    assert objects(s3_server, bucket, "lake/sales/") == FILES
    event = asset_events("livedata://cloud/hdfs_sales")[-1]
    assert (event["partitions"], event["changes_elsewhere"]) == (["day=1", "day=2"], True)

    hdfs_cluster.fs("-mv", f"{hdfs_dir}/sales/day=1/a.csv", f"{hdfs_dir}/sales/day=2/a.csv")
    run = configured("[cloud]")
    assert run.state == "success", run.report["text"]
    assert run.results["hdfs_sales.cloud.replicate"]["found_by"].startswith("difference of snapshots")
    event = asset_events("livedata://cloud/hdfs_sales")[-1]
    assert (event["partitions"], event["changes_elsewhere"], event["copied_files"]) == (["day=1", "day=2"], False, 0)
    assert event["snapshot"].startswith("livedata-")
    assert configured("[cloud]").states["hdfs_sales.cloud.announce"] == "skipped"
    assert len(asset_events("livedata://cloud/hdfs_sales")) == before + 2


def test_one_home_feeds_many(
    configured: Any, hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server | MotoServer, bucket: str, tmp_path: Path
) -> None:  # fmt: skip
    run = configured("[cloud, archive]")
    assert run.state == "success", run.report["text"]
    assert objects(s3_server, bucket, "lake/sales/") == read_tree(tmp_path / "archive/sales") == FILES
    as_of = {one["as_of_ms"] for one in run.report["locations"]}
    assert len(as_of) == 2, "each has a snapshot of its own"


def test_a_bucket_feeds_what_is_behind_it(
    configured: Any, hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    chain = "[{zone: archive, follows: cloud}, cloud]"
    assert configured(chain).state == "success"
    assert read_tree(tmp_path / "archive/sales") == FILES
    hdfs_cluster.fs("-rm", "-skipTrash", f"{hdfs_dir}/sales/top")
    run = configured(chain)
    assert run.state == "success", run.report["text"]
    assert "top" not in read_tree(tmp_path / "archive/sales")
    (one,) = {one["as_of_ms"] for one in run.report["locations"]}
    assert one > 0, "both are at the snapshot of the home"
