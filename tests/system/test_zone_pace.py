"""A zone's bandwidth is shared by runs on a real HDFS that copy to S3 at the same time, each with clients of its own."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.sharing.governed import Governed, SharedBandwidth
from airflow_provider_livedata.engine.sharing.shares import ShareTimes
from airflow_provider_livedata.engine.sharing.zone_pace import Direction, ZonePace
from airflow_provider_livedata.engine.stored.state import StateFolder
from tests.system.conftest import Contents, hdfs_place, s3_place, write

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import S3Server

MIB = 1 << 20
RATE = 4 * MIB
FILES: Contents = {f"f{n}": os.urandom(2 * MIB) for n in range(12)}
TIMES = ShareTimes(beat_s=1, silence_s=10, patience_s=60)


@pytest.mark.parametrize("direction", ["reading", "writing"])
def test_two_runs_together_take_what_the_zone_lets_all_runs_take_and_leave_no_files(
    direction: Direction, hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server, bucket: str
) -> None:
    sources = {name: hdfs_place(hdfs_cluster, f"{hdfs_dir}/{name}") for name in ("one", "two")}
    targets = {name: s3_place(s3_server, bucket, name) for name in sources}
    kept = hdfs_place(hdfs_cluster, f"{hdfs_dir}/kept")
    for source in sources.values():
        write(source, FILES)
    pace = ZonePace(kept.address, **{direction: "4MiB/s"})
    together = threading.Barrier(2)

    def run(name: str) -> str:
        share = SharedBandwidth(pace, direction, lambda _: kept.open(), holder=name, times=TIMES)
        source = Governed(sources[name].open(), [share])
        together.wait()
        report = replicate(source, targets[name].open(), ReplicateOptions(threads=4))
        source.close()
        return report.state

    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, sources)) == ["done", "done"]
    # The least time that all bytes take at the rate of the zone, but for the last piece of each.
    least_s = (2 * 12 * 2 * MIB - 2 * 2 * MIB) / RATE
    assert time.monotonic() - began >= least_s
    assert [one.path for one in StateFolder(kept.open()).files("pace")] == []
    for name, source in sources.items():
        assert verify(source.open(), targets[name].open(), level="content").is_same
