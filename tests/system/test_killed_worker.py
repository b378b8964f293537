"""A worker that is killed in the middle of a copy, on real servers: nothing half-written, and the next run goes on."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import replicate, verify
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.testing.faults import Counting
from tests.services.engine_process import kill, start
from tests.system.conftest import Contents, Place, hdfs_place, write

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.services.hdfs import HdfsCluster

FILES: Contents = {"d": None, **{f"d/f{n:03d}": os.urandom(200_000) for n in range(150)}, "large": os.urandom(60 << 20)}


def kill_when(process: subprocess.Popen[str], is_time: Callable[[], bool]) -> None:
    """Kill the process as soon as something is so; it must not end before."""
    while not is_time():
        assert process.poll() is None, "the copy ended before it could be killed"
        time.sleep(0.02)
    kill(process)


@pytest.mark.parametrize("to", ["s3", "hdfs"])
def test_what_had_landed_is_not_copied_again(
    to: str, source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    place = target if to == "s3" else hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy")
    watching = place.open()
    process = start(source, place, threads=4, bandwidth="20MiB/s")
    kill_when(process, lambda: sum(entry.kind == "file" for entry in watching.scan("d")) >= 20)

    there = {path: data for path, data in place.contents().items() if data is not None}
    assert 20 <= len(there) < len(FILES) - 1
    assert all(FILES[path] == data for path, data in there.items()), "something is half-written"

    reading = Counting(source.open())
    # The killed process was on this machine, so its lease need not run out first.
    report = replicate(reading, place.open(), lease_times=LeaseTimes(silence_s=600))
    assert report.failed == 0
    assert reading.counts.read_bytes == sum(len(data or b"") for path, data in FILES.items() if path not in there)
    assert place.contents() == FILES
    assert verify(source.open(), place.open(), level="content").is_same
