"""A limit on calls of the source's NameNode, as the NameNode itself counts them.

Of a whole run RPC is counted by its JMX bean RpcDetailedActivity, which it renews every ten seconds; what comes by WebHDFS does
not pass there, and is counted in its audit log. Of single calls all are, those of the DataNodes for WebHDFS included, but for
what only that bean tells: a DataNode asks for the server's defaults now and then.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.limits import MADE_UP_S, Pace
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.system.conftest import Contents, Place, write
from tests.system.hdfs_common import Asked, read, stat, zone_of

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster

RENEWED_S = 10.5
FILES: Contents = {f"d{n % 3}/f{n:03d}": b"x" * 5000 for n in range(150)}
_OF_DATANODES = {
    "SendHeartbeat", "BlockReceivedAndDeleted", "BlockReport", "RegisterDatanode", "VersionRequest", "GetServerDefaults",
}  # fmt: skip
_BY_WEB = re.compile(r"FSNamesystem\.audit: allowed=.*?\tcmd=(\S+).*?\tproto=webhdfs")


class Counted(Pace):
    """Lets everything pass, and counts it."""

    def __init__(self) -> None:
        super().__init__(1e9)
        self.calls, self._lock = 0, threading.Lock()

    def take(self, calls: int = 1) -> None:
        with self._lock:
            self.calls += calls


def asked(cluster: HdfsCluster) -> Counter[str]:
    """What clients asked of the NameNode so far."""
    time.sleep(RENEWED_S)
    found = Counter(f"webhdfs {name}" for name in _BY_WEB.findall(cluster.log()))
    bean = cluster.jmx(f"Hadoop:service=NameNode,name=RpcDetailedActivityForPort{cluster.rpc_port}")
    for key, value in bean.items():
        name = key.removesuffix("NumOps")
        is_call = name != key and not name.startswith("Overall") and "Exception" not in name
        if is_call and name not in _OF_DATANODES | {"(external)"}:
            found[f"rpc {name}"] = int(value)
    return found


def test_a_run_and_its_proof_ask_the_namenode_no_more_often_than_they_may(
    hdfs_cluster: HdfsCluster, source: Place, tmp_path: Path
) -> None:
    rate, target = 30, f"file://{tmp_path}/copy"
    write(source, FILES)
    before = asked(hdfs_cluster)
    began = time.monotonic()
    replicate(source.open(), target, ReplicateOptions(max_namenode_calls_per_s=rate))
    verify(source.open(), target, level="content", max_namenode_calls_per_s=rate)
    took_s = time.monotonic() - began
    calls = asked(hdfs_cluster) - before
    assert calls.total() > 2 * len(FILES), calls
    assert calls.total() <= rate * (took_s + 2 * MADE_UP_S) + 2, calls  # each of the two has a pace of its own


@pytest.mark.parametrize("data", ["native", "webhdfs"])
@pytest.mark.parametrize("act", ["names", "bytes", "snapshots"])
def test_every_call_counts_and_none_counts_twice(hdfs_cluster: HdfsCluster, source: Place, act: str, data: str) -> None:
    write(source, FILES)
    pace = Counted()
    with zone_of(hdfs_cluster, source.address.partition(hdfs_cluster.rpc)[2], data=data) as opened:
        opened.prepare_snapshots(allow=True)
        opened.snapshot("first")
        zone = opened.paced(pace)
        zone.snapshots()  # asks for settings, which no audit log tells
        pace.calls, log = 0, Asked(hdfs_cluster)
        _ACTS[act](zone)
        calls = log.count()
    assert pace.calls == calls.total() > 20, calls


def _names(zone: HdfsZone) -> None:
    list(zone.scan())
    for path in FILES:
        zone.stat(path)
    zone.peek("d0")
    zone.holds_any("d0", lambda _: True)


def _bytes(zone: HdfsZone) -> None:
    for path in sorted(FILES)[:30]:
        read(zone, path, version=stat(zone, path).version)
        zone.store_checksum(path)
        zone.is_open(stat(zone, path))


def _snapshots(zone: HdfsZone) -> None:
    first = zone.snapshots()[0]
    for n in range(5):
        taken = zone.snapshot(f"n{n}")
        list(zone.at(taken).scan())
        zone.difference(first, taken, most=100)
        zone.drop_snapshot(taken.name)


_ACTS: dict[str, Callable[[HdfsZone], None]] = {"names": _names, "bytes": _bytes, "snapshots": _snapshots}
