"""Configuration of the HDFS cluster of the tests: small, quick, on 127.0.0.1 only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

LOG4J = """log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""
# What comes by WebHDFS is closed by a DataNode, which asks again when the NameNode has not heard of the last block: after 20 ms
# instead of 400, and as long as by default.
HURRIED = {
    "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": "20",
    "dfs.client.block.write.locateFollowingBlock.retries": "10",
}


@dataclass(frozen=True, slots=True)
class NodePorts:
    """The three ports of one DataNode."""

    data: int
    http: int
    ipc: int


def write_conf(directory: Path, core: Mapping[str, str], hdfs: Mapping[str, str]) -> None:
    """Write the files that Hadoop's processes and clients read from their configuration directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "core-site.xml").write_text(site_xml(core), encoding="utf-8")
    (directory / "hdfs-site.xml").write_text(site_xml(hdfs), encoding="utf-8")
    (directory / "log4j.properties").write_text(LOG4J, encoding="utf-8")


def site_xml(properties: Mapping[str, str]) -> str:
    """Return a Hadoop configuration file of these properties."""
    rows = (
        f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>"
        for name, value in properties.items()
    )
    return "<configuration>\n" + "\n".join(rows) + "\n</configuration>\n"


def core_site(rpc: str, superuser: str, groups: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """Return core-site.xml: who is who is fixed here, so that no look-up can stall a request."""
    members = ";".join(f"{user}={names}" for user, names in {superuser: "supergroup", **groups}.items())
    return {
        "fs.defaultFS": f"hdfs://{rpc}",
        "hadoop.tmp.dir": str(temporary),
        "hadoop.security.group.mapping": "org.apache.hadoop.security.NullGroupsMapping",
        "hadoop.user.group.static.mapping.overrides": f"dr.who=;{members}",
        "hadoop.http.staticuser.user": superuser,
        f"hadoop.proxyuser.{superuser}.hosts": "*",
        f"hadoop.proxyuser.{superuser}.groups": "*",
        "ipc.client.connect.max.retries": "3",
    }


def hdfs_site(rpc: str, http: str, data: Path, replication: int, *, capture_open_files: bool) -> dict[str, str]:
    """Return hdfs-site.xml; ``${dn.*}`` is filled per DataNode by system properties."""
    return {
        "dfs.replication": str(replication),
        "dfs.namenode.rpc-address": rpc,
        "dfs.namenode.http-address": http,
        "dfs.namenode.name.dir": (data / "name").as_uri(),
        "dfs.namenode.acls.enabled": "true",
        "dfs.namenode.xattrs.enabled": "true",
        "dfs.webhdfs.enabled": "true",
        "dfs.namenode.snapshot.capture.openfiles": str(capture_open_files).lower(),
        "dfs.namenode.safemode.extension": "0",
        "dfs.namenode.fs-limits.min-block-size": "512",  # small files of several blocks
        "dfs.namenode.edits.noeditlogchannelflush": "true",
        "dfs.namenode.heartbeat.recheck-interval": "5000",  # a dead DataNode is known as dead after 20 s
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.namenode.redundancy.interval.seconds": "1s",
        "dfs.heartbeat.interval": "1",
        "dfs.blockreport.initialDelay": "0",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.datanode.data.dir": (data / "dn${dn.n}")
        .as_uri()
        .replace("%7B", "{")
        .replace("%7D", "}")
        .replace("%24", "$"),
        "dfs.datanode.address": "127.0.0.1:${dn.data}",
        "dfs.datanode.http.address": "127.0.0.1:${dn.http}",
        "dfs.datanode.ipc.address": "127.0.0.1:${dn.ipc}",
        "dfs.datanode.du.reserved": "0",
        "dn.n": "0",
        "dn.data": "0",
        "dn.http": "0",
        "dn.ipc": "0",
    }
