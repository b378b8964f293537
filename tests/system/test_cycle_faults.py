"""What goes wrong in the middle of a cycle on real servers: a full target, a store that answers 503 for a minute, a suspended worker."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, Report, fail_over, replicate
from airflow_provider_livedata.engine.errors import LiveDataError, RunFailed, StoreFull, TargetHeld, TooManyDeletes
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from tests.services.engine_process import finish, start
from tests.services.processes import wait_until
from tests.system.conftest import Contents, Place, hdfs_place, s3_place, write
from tests.system.hdfs_common import put

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.proxy import FaultyProxy
    from tests.services.s3 import MotoServer, S3Server

STAGED = ReplicateOptions(max_delete_ratio=1.0, consistency="snapshot")
OLD: Contents = {"d": None, **{f"d/f{n:02d}": b"old" for n in range(30)}}
NEW: Contents = {**OLD, **{f"d/f{n:02d}": b"new" * 20_000 for n in range(20)}}


def change(source: Place) -> None:
    zone = source.open()
    for path, data in NEW.items():
        if data is not None and data != OLD[path]:
            put(zone, path, data)
    zone.close()


def test_a_full_target_keeps_the_old_state_and_the_next_cycle_brings_the_new_one(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    target = hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy")
    write(source, OLD)
    replicate(source.open(), target.open(), STAGED)
    change(source)
    hdfs_cluster.dfsadmin("-setSpaceQuota", "1m", f"{hdfs_dir}-copy")  # less than the block of one more file
    with pytest.raises((StoreFull, RunFailed)):
        replicate(source.open(), target.open(), STAGED)
    assert target.contents() == OLD
    hdfs_cluster.dfsadmin("-clrSpaceQuota", f"{hdfs_dir}-copy")
    assert replicate(source.open(), target.open(), STAGED).failed == 0
    assert target.contents() == NEW


@pytest.mark.timeout(600)
def test_a_store_that_answers_503_for_a_minute_is_waited_for_or_the_next_cycle_goes_on(
    source: Place, s3_server: S3Server | MotoServer, s3_proxy: FaultyProxy, bucket: str
) -> None:
    through, target = s3_place(s3_server, bucket, endpoint_url=s3_proxy.endpoint), s3_place(s3_server, bucket)
    write(source, OLD)
    replicate(source.open(), target.open(), STAGED)
    change(source)
    state = StateFolder(target.open())
    ended: list[Report | LiveDataError] = []

    def run() -> None:
        try:
            ended.append(replicate(source.open(), through.open(), STAGED))
        except LiveDataError as error:
            ended.append(error)

    s3_proxy.refuse(times=1_000_000, skip=30)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert state.read_json("runs/000000000002/commit.json") is not None or target.contents() == OLD
    s3_proxy.reset()
    thread.join(300)
    assert len(ended) == 1
    if isinstance(ended[0], LiveDataError):
        assert ended[0].retryable
        assert replicate(source.open(), through.open(), STAGED).failed == 0
    assert target.contents() == NEW


@pytest.mark.timeout(600)
@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_a_worker_that_was_suspended_and_whose_target_was_taken_meanwhile_changes_nothing_more(
    source: Place, target: Place, consistency: str
) -> None:
    write(source, OLD)
    replicate(source.open(), target.open(), STAGED)
    change(source)
    process = start(source, target, consistency=consistency, threads=1, bandwidth="100KiB/s")
    state = StateFolder(target.open())
    wait_until(lambda: state.read_json("runs/000000000002/plan/plan.json") is not None, what="the plan", seconds=60)
    process.send_signal(signal.SIGSTOP)
    try:
        taken = fail_over(source.address, target.open(), STAGED, how="unplanned")  # after a minute of silence
        assert taken.state == "switched"
        before = target.contents()
    finally:
        process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0, output
    assert target.contents() == before
    assert state.read_json("checkpoint/000000000002.json") is None


@pytest.mark.timeout(600)
def test_of_two_runs_at_once_the_second_refuses_and_names_the_first(source: Place, target: Place) -> None:
    write(source, OLD)
    replicate(source.open(), target.open(), STAGED)
    change(source)
    process = start(source, target, consistency="snapshot", threads=1, bandwidth="50KiB/s", holder="the first one")
    state = StateFolder(target.open())
    wait_until(lambda: state.read_json("runs/000000000002/plan/plan.json") is not None, what="the plan", seconds=60)
    with pytest.raises(TargetHeld, match="the first one"):
        replicate(source.open(), target.open(), STAGED, lease_times=LeaseTimes(watch_s=0.5))
    assert finish(process)["failed"] == 0
    assert target.contents() == NEW


def test_a_mass_delete_stops_the_cycle_and_says_how_to_allow_it(source: Place, target: Place) -> None:
    write(source, OLD)
    options = ReplicateOptions(consistency="snapshot")
    replicate(source.open(), target.open(), options)
    zone = source.open()
    zone.delete([entry for entry in zone.scan("d") if entry.path > "d/f05"])
    with pytest.raises(TooManyDeletes, match="24 of 30 files.*run again with a higher max_delete_ratio"):
        replicate(source.open(), target.open(), options)
    assert target.contents() == OLD
    assert replicate(source.open(), target.open(), STAGED).deleted == 24
    assert target.contents() == source.contents()


def test_a_snapshot_that_an_operator_deleted_costs_a_listing_and_is_said(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, OLD)
    replicate(source.open(), target.open(), STAGED)
    change(source)
    (snapshot,) = source.open().snapshots()  # type: ignore[attr-defined]
    hdfs_cluster.fs("-deleteSnapshot", hdfs_dir, snapshot.name)
    report = replicate(source.open(), target.open(), STAGED)
    assert report.found_by == f"listings of both sides: the snapshot {snapshot.name} is gone"
    assert (report.copied_files, report.failed) == (20, 0)
    assert target.contents() == NEW
    assert replicate(source.open(), target.open(), STAGED).found_by.startswith("difference of snapshots")
