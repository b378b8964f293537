"""Where the demonstration takes place: two local directories, or a real HDFS and a real S3 server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.demo_data import DELETED, NEW, REWRITTEN

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import S3Server

SHOWN = 5


@dataclass
class Scene:
    """Addresses of source and target, and the connections that they name. ``data`` is where the data set was made."""

    data: Path
    source: str
    target: str
    connections: dict[str, str] = field(default_factory=dict)

    def bring(self) -> None:
        """Bring the data to the source, or what changed; here it is there already."""

    def where_to_look(self) -> list[str]:
        """Lines for people."""
        target = self.target.removeprefix("file://")
        return [
            f"source   {self.data}",
            f"target   {target}: compare them with diff -r",
            f"state    {target}/.livedata: plan, manifest, checkpoints and reports of every run",
        ]


@dataclass(kw_only=True)
class HadoopScene(Scene):
    """From HDFS to S3."""

    cluster: HdfsCluster
    server: S3Server
    bucket: str

    def bring(self) -> None:
        """Make the location what the local directory is, with the standard commands."""
        if self.cluster.fs("-test", "-d", "/data/sales", check=False).returncode:
            self.cluster.fs("-mkdir", "-p", "/data")
            self.cluster.fs("-put", self.data, "/data/sales")
            return
        # What demo_data.change did, said in Hadoop's words: the other files stay as they are.
        self.cluster.fs("-mkdir", "-p", f"/data/sales/{Path(NEW).parent}")
        for name in (NEW, REWRITTEN):
            self.cluster.fs("-put", "-f", self.data / name, f"/data/sales/{name}")
        self.cluster.fs("-rm", "-r", "-skipTrash", f"/data/sales/{DELETED}")

    def where_to_look(self) -> list[str]:
        """Lines for people."""
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="sales/")
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        copied = [key for key in keys if not key.startswith("sales/.livedata/")]
        return [
            f"HDFS     NameNode http://{self.cluster.http}, {self.cluster.uri}/data/sales",
            f"S3       {self.server.endpoint}, bucket {self.bucket}, keys in the connection demo_s3",
            f"         {len(copied)} keys of the copy, {len(keys) - len(copied)} of its state; for example",
            *(f"         {key!r}" for key in copied[:SHOWN]),
            "         both servers end with this program; --hold keeps them until Enter is pressed",
        ]


@contextlib.contextmanager
def local(place: Path) -> Iterator[Scene]:
    """From a directory to a directory."""
    yield Scene(place / "source", f"file://{place}/source", f"file://{place}/target")


@contextlib.contextmanager
def hadoop(place: Path) -> Iterator[Scene]:
    """From a real HDFS to a real S3 server, on loopback ports, gone at the end."""
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import S3Server

    print("Starting HDFS (a NameNode, two DataNodes) and an S3 server (versitygw)")
    with HdfsCluster() as cluster, S3Server() as server:
        bucket = server.new_bucket("demo")
        host, port = cluster.http.split(":")
        hdfs = {"conn_type": "webhdfs", "host": host, "port": int(port), "login": cluster.superuser}
        connections = {
            "demo_hdfs": json.dumps({**hdfs, "extra": {"rpc": cluster.rpc}}),
            "demo_s3": server.connection_json(),
        }
        source, target = f"hdfs://demo_hdfs@{cluster.rpc}/data/sales", f"s3://demo_s3@{bucket}/sales"
        data = place / "source"
        yield HadoopScene(data, source, target, connections, cluster=cluster, server=server, bucket=bucket)
