"""The whole migration DAG from a real HDFS to a real S3 server, reached by Airflow connections alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.airflow.runs import migrate
from tests.services.airflow_home import connection_variable

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

pytestmark = pytest.mark.usefixtures("airflow_home")
FILES = {"a.txt": b"1", "sub/b c.txt": b"22", "sub/ä%20+#='.bin": bytes(range(256)) * 40_000, "empty": b""}


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
def source(connections: None, hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path) -> str:
    for name, data in FILES.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    hdfs_cluster.fs("-put", f"{tmp_path}/data", f"{hdfs_dir}/data")
    hdfs_cluster.fs("-mkdir", f"{hdfs_dir}/data/nothing in here")
    return f"hdfs://the_cluster@{hdfs_cluster.rpc}{hdfs_dir}/data"


def objects(server: S3Server | MotoServer, bucket: str, prefix: str) -> dict[str, bytes]:
    client = server.client()
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    names = {key: key.removeprefix(prefix) for key in keys}
    return {
        name: client.get_object(Bucket=bucket, Key=key)["Body"].read()
        for key, name in names.items()
        if not name.startswith(".livedata/")
    }


def test_a_location_arrives_in_a_bucket_proved_and_a_second_run_copies_only_what_came_since(
    source: str, hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    target = f"s3://the_lake@{bucket}/copy"
    run = migrate(source, target, verify_level="content")
    assert run.report["outcome"] == "MIGRATED", run.report["text"]
    assert run.state == "success"
    expected = {**FILES, "nothing in here/": b""}
    found = objects(s3_server, bucket, "copy/")
    assert {key: data for key, data in found.items() if key != "sub/"} == expected
    assert run.results["copy"]["snapshot"].startswith("livedata-")
    assert run.results["final_verify"]["is_same"]

    hdfs_cluster.fs("-rm", "-skipTrash", f"{hdfs_dir}/data/a.txt")
    hdfs_cluster.fs("-touchz", f"{hdfs_dir}/data/new")
    again = migrate(source, target)
    assert again.report["outcome"] == "MIGRATED", again.report["text"]
    copied = again.results["copy"]
    assert (copied["copied_files"], copied["deleted"], copied["skipped"]) == (1, 1, len(FILES) - 1)
    found = objects(s3_server, bucket, "copy/")
    assert "a.txt" not in found
    assert found["new"] == b""


def test_a_dry_run_leaves_the_cluster_as_it_was_and_says_what_the_run_needs(
    source: str, hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    run = migrate(source, f"s3://the_lake@{bucket}/copy", dry_run=True)
    assert run.report["outcome"] == "DRY RUN", run.report["text"]
    assert run.results["plan"]["planned_files"] == len(FILES)
    assert any("-allowSnapshot" in note for note in run.results["preflight"]["notes"])
    snapshottable = hdfs_cluster.hadoop("org.apache.hadoop.hdfs.tools.snapshot.LsSnapshottableDir").stdout
    assert hdfs_dir not in snapshottable
    assert objects(s3_server, bucket, "copy/") == {}


def test_no_secret_reaches_a_log_an_xcom_or_the_state(
    source: str, s3_server: S3Server | MotoServer, bucket: str, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("airflow_provider_livedata").setLevel(logging.DEBUG)
    target = f"s3://the_lake@{bucket}/copy"
    good = migrate(source, target)
    refused = migrate(source, f"s3://the_lake@no-such-{bucket}/copy")
    logging.getLogger("airflow_provider_livedata").setLevel(logging.NOTSET)
    assert good.report["outcome"] == "MIGRATED"
    assert refused.failures["preflight"]["error"] == "BucketMissing"
    logged = "".join(capfd.readouterr())
    assert "copied" in logged
    state = b"".join(objects(s3_server, bucket, "copy/.livedata/").values())
    assert b"the_lake" in state
    for text in (logged, json.dumps([good.results, refused.results, refused.failures]), state.decode(errors="replace")):
        assert s3_server.secret_key not in text


def test_wrong_keys_are_refused_before_anything_is_copied(
    source: str, s3_integrity: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.loads(s3_integrity.connection_json()) | {"password": "not-the-key-of-this-server"}
    monkeypatch.setenv(connection_variable("the_lake"), json.dumps(wrong))
    run = migrate(source, f"s3://the_lake@{bucket}/copy")
    assert run.states["preflight"] == "failed"
    assert run.failures["preflight"]["error"] == "CredentialsRefused"
    assert run.tries["preflight"] == 1
    assert objects(s3_integrity, bucket, "copy/") == {}
    assert "not-the-key-of-this-server" not in run.report["text"]
