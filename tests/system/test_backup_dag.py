"""The backup DAG on a real HDFS and a real S3 server, and its backups read with the tools that everybody has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.runs import Run, run
from tests.system.dag_common import connect, put_sales
from tests.system.test_migration_dag import objects

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

pytestmark = pytest.mark.usefixtures("airflow_home")
FILES = {"orders.csv": b"1,2,3", "sub/stock.bin": bytes(range(256)) * 400, "sub/ä b+%20": b"odd", "sub/gone": b"x"}


@pytest.fixture
def location(
    hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, hdfs_dir: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:  # fmt: skip
    connect(hdfs_cluster, s3_server, monkeypatch, store="the_vault")
    return put_sales(hdfs_cluster, hdfs_dir, tmp_path, FILES)


def back_up(source: str, place: str, **params: Any) -> Run:
    from airflow_provider_livedata.dag_templates.backup import backup_dag

    done = run(backup_dag(), conf={"source": source, "place": place, **params})
    assert done.report["outcome"] in {"BACKED UP", "DRY RUN"}, done.report["text"]
    return done


def files(server: S3Server | MotoServer, bucket: str, prefix: str) -> dict[str, bytes]:
    return {key: data for key, data in objects(server, bucket, prefix).items() if key and not key.endswith("/")}


def test_backups_in_a_bucket_store_each_version_once_and_old_ones_go(
    location: str, hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, bucket: str, tmp_path: Path
) -> None:
    source, place = f"hdfs://the_cluster@{hdfs_cluster.rpc}{location}", f"s3://the_vault@{bucket}/sales"
    planned = back_up(source, place, dry_run=True)
    assert planned.results["backup"]["changed_files"] == len(FILES)
    first = back_up(source, place, verify_level="content").report["backup"]
    assert files(s3_server, bucket, f"sales/{first}/") == FILES

    hdfs_cluster.fs("-rm", "-skipTrash", f"{location}/sub/gone")
    more = tmp_path / "more"
    more.write_bytes(b"4,5")
    hdfs_cluster.fs("-appendToFile", more, f"{location}/orders.csv")
    second = back_up(source, place)
    name = second.report["backup"]
    assert (second.results["backup"]["changed_files"], second.results["backup"]["changed_bytes"]) == (1, 8)
    assert second.results["verify"]["is_same"]
    assert files(s3_server, bucket, f"sales/{name}/") == {"orders.csv": b"1,2,34,5"}
    assert len(second.report["restore_commands"]) >= 1
    unchanged = back_up(source, place).results["backup"]
    assert (unchanged["changed_files"], unchanged["changed_bytes"]) == (0, 0)

    last = back_up(source, place, retention={"keep_last": 1})
    assert last.results["retention"]["removed"] == [first, name, unchanged["name"]]
    expected = {key: data for key, data in FILES.items() if key != "sub/gone"} | {"orders.csv": b"1,2,34,5"}
    assert files(s3_server, bucket, f"sales/{last.report['backup']}/") == expected
    assert files(s3_server, bucket, f"sales/{first}/") == {}
    secrets = json.dumps([last.results, planned.results]) + last.report["text"]
    assert s3_server.secret_key not in secrets


def test_snapshots_of_the_location_itself_are_backups_that_every_hadoop_command_reads(
    location: str, hdfs_cluster: HdfsCluster
) -> None:
    source = f"hdfs://the_cluster@{hdfs_cluster.rpc}{location}"
    first = back_up(source, "", verify_level="none")
    assert first.results["backup"]["layout"] == "in place"
    hdfs_cluster.fs("-rm", "-skipTrash", f"{location}/sub/gone")
    last = back_up(source, "", verify_level="none", retention={"keep_last": 1}, dry_run=True)
    assert last.results["retention"]["would_remove"] == []
    snapshot = first.results["backup"]["snapshot"]
    assert hdfs_cluster.fs("-cat", f"{location}/.snapshot/{snapshot}/sub/gone").stdout == "x"
    again = back_up(source, "", retention={"keep_last": 1})
    assert again.results["retention"]["removed"] == [first.report["backup"]]
    listed = hdfs_cluster.fs("-ls", "-C", f"{location}/.snapshot").stdout
    assert snapshot not in listed
    assert again.results["backup"]["snapshot"] in listed
