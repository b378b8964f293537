"""The home of a location moves from a real HDFS to a real S3, and what followed it follows there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.dag_templates.configured_locations import hybrid_cloud_dags
from airflow_provider_livedata.dag_templates.move_home import move_home_dag
from tests.airflow.runs import Run, read_tree, run, run_dag
from tests.system.dag_common import connect, put_sales
from tests.system.test_migration_dag import objects

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

pytestmark = pytest.mark.usefixtures("airflow_home")
FILES = {"day=1/a.csv": b"1,2,3", "day=2/b.bin": bytes(range(256)) * 400, "top": b"x"}


def test_the_home_moves_into_a_bucket_and_the_cluster_and_a_disk_follow_it(
    hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, hdfs_dir: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    connect(hdfs_cluster, s3_server, monkeypatch, store="the_lake")
    put_sales(hdfs_cluster, hdfs_dir, tmp_path, FILES)
    hdfs_cluster.fs("-chmod", "640", f"{hdfs_dir}/sales/top")
    file = tmp_path / "livedata.yaml"
    monkeypatch.setenv("AIRFLOW__LIVEDATA__CONFIG_FILE", str(file))

    def cycle(home: str, followers: str) -> Run:
        file.write_text(f"""\
zones:
  onprem: {{address: "hdfs://the_cluster@{hdfs_cluster.rpc}{hdfs_dir}"}}
  cloud: {{address: "s3://the_lake@{bucket}/lake"}}
  archive: {{address: "file://{tmp_path}/archive"}}
locations:
  moving_sales: {{home: {home}, path: sales, followers: {followers}}}
""")
        found = read(file.read_text())
        found.raise_problems()
        return run_dag(next(iter(hybrid_cloud_dags(found))))

    assert cycle("onprem", "[cloud, archive]").state == "success"
    hdfs_cluster.fs("-touchz", f"{hdfs_dir}/sales/late")
    moved = run(
        move_home_dag(), conf={"location": "moving_sales", "to": "cloud", "dry_run": False}, mark_success="approve"
    )
    assert moved.report["outcome"] == "SWITCHED", moved.report["text"]

    client = s3_server.client()
    client.put_object(Bucket=bucket, Key="lake/sales/day=3/new.csv", Body=b"4,5,6")
    client.delete_object(Bucket=bucket, Key="lake/sales/day=1/a.csv")
    wrong = cycle("onprem", "[cloud, archive]")
    assert {one["error"] for one in wrong.failures.values()} == {"HomeMoved"}
    right = cycle("cloud", "[onprem, archive]")
    assert right.state == "success", right.report["text"]
    wanted = {"day=2/b.bin": FILES["day=2/b.bin"], "top": b"x", "late": b"", "day=3/new.csv": b"4,5,6"}
    assert objects(s3_server, bucket, "lake/sales/") == read_tree(tmp_path / "archive/sales") == wanted
    listed = hdfs_cluster.fs("-ls", "-R", "-C", f"{hdfs_dir}/sales").stdout.split()
    files = {path.removeprefix(f"{hdfs_dir}/sales/") for path in listed}
    assert set(wanted) <= files
    assert "day=1/a.csv" not in files
    assert hdfs_cluster.fs("-cat", f"{hdfs_dir}/sales/day=3/new.csv").stdout == "4,5,6"
    assert hdfs_cluster.fs("-stat", "%a", f"{hdfs_dir}/sales/top").stdout.strip() == "640"
    copied = {zone: right.results[f"moving_sales.{zone}.replicate"]["copied_files"] for zone in ("onprem", "archive")}
    assert copied == {"onprem": 1, "archive": 2}, "what was equal was not copied again"
