"""What the tests of whole DAGs begin with: connections to the real servers, and a location on HDFS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.airflow_home import connection_variable

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server


def connect(
    cluster: HdfsCluster, server: S3Server | MotoServer, monkeypatch: pytest.MonkeyPatch, *, store: str
) -> None:
    """Have the connections ``the_cluster``, and ``store`` for S3."""
    host, port = cluster.http.split(":")
    hdfs = {
        "conn_type": "webhdfs", "host": host, "port": int(port), "login": cluster.superuser, "extra": {"rpc": cluster.rpc},
    }  # fmt: skip
    monkeypatch.setenv(connection_variable("the_cluster"), json.dumps(hdfs))
    monkeypatch.setenv(connection_variable(store), server.connection_json())


def put_sales(cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path, files: Mapping[str, bytes]) -> str:
    """Put files into ``sales`` with Hadoop's own command; returns the path of the location."""
    for name, data in files.items():
        path = tmp_path / "sales" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    cluster.fs("-put", f"{tmp_path}/sales", f"{hdfs_dir}/sales")
    return f"{hdfs_dir}/sales"
