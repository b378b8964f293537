"""Backups come back on real servers: HDFS in place, S3 to HDFS with owners and ACLs, a local directory to S3; and drills."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import (
    BackupOptions,
    DrillOptions,
    ReplicateOptions,
    RestoreOptions,
    backup,
    bring_back,
    restore,
    restore_drill,
    undo_restore,
)
from airflow_provider_livedata.engine.errors import DestinationNewer, VerifyFailed
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.testing.faults import Counting
from tests.services.engine_process import start
from tests.system.conftest import Contents, Place, hdfs_place, s3_place, write
from tests.system.test_fail_over import guard_with_rights, rights, use
from tests.system.test_killed_worker import kill_when

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

FILES: Contents = {
    "a.txt": b"a at S", "dir": None, "dir/secret": b"secret at S" * 1000, "dir/both": b"both at S", "keep": b"keep", "empty": None,
    "big.bin": bytes(range(256)) * (9 << 12), "gone": b"deleted by mistake",
}  # fmt: skip
ACL = {"preserve": ["acl"]}
WATCHFUL = LeaseTimes(silence_s=600)  # a killed process of this machine is known to be dead at once


def spoil(cluster: HdfsCluster, directory: str, place: Place) -> None:
    """What a bad night does: deleted, overwritten, added, opened to everyone."""
    cluster.fs("-rm", "-r", "-skipTrash", f"{directory}/gone", f"{directory}/empty")
    use(place, {"a.txt": b"overwritten with garbage", "dir/new": b"of the bad job"})
    cluster.fs("-chmod", "-R", "777", f"{directory}/dir")
    cluster.fs("-setfacl", "-b", f"{directory}/dir/secret")


def options(**more: Any) -> RestoreOptions:
    return RestoreOptions(**{"mode": "mirror", "overwrite_newer": True, "max_delete_ratio": 1.0, **more})


def test_a_location_on_hdfs_comes_back_from_its_own_snapshot_and_that_can_be_undone(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    guard_with_rights(hdfs_cluster, hdfs_dir)
    was, guarded = source.contents(), rights(source)
    backup(source.open(**ACL))
    spoil(hdfs_cluster, hdfs_dir, source)
    spoiled, opened = source.contents(), rights(source)
    with pytest.raises(DestinationNewer, match=r"a\.txt"):
        restore(source.open(**ACL), options=options(overwrite_newer=False))
    assert source.contents() == spoiled

    counting = Counting(source.open(**ACL))
    report = restore(counting, options=options())
    assert (source.contents(), rights(source)) == (was, guarded)
    assert (report.copied_files, report.deleted, report.same) == (2, 1, {"size and time": 4})
    assert report.difference_count == 0
    assert restore(source.open(**ACL), options=options()).changes == 0

    by_hand = next(line for line in report.undo if "hdfs dfs -cp" in line).partition("hdfs dfs ")[2]
    hdfs_cluster.fs(*shlex.split(by_hand.replace("FILE", "a.txt")))
    assert source.contents()["a.txt"] == b"overwritten with garbage"
    undo_restore(source.open(**ACL), report.name)
    assert (source.contents(), rights(source)) == (spoiled, opened)


def test_paths_of_any_snapshot_come_back_without_listing_the_rest(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    zone = source.open(**ACL)
    assert isinstance(zone, Snapshots)
    zone.prepare_snapshots(allow=True)
    taken = zone.snapshot("by-hand")
    spoil(hdfs_cluster, hdfs_dir, source)
    view = Counting(zone.at(taken))
    chosen = options(paths=("gone", "dir/bo*"))
    report = bring_back(view, source.open(**ACL), chosen, taken_ms=taken.taken_ms, label="by-hand")
    assert (report.copied_files, source.contents()["gone"]) == (1, FILES["gone"])
    assert source.contents()["dir/new"] == b"of the bad job"
    assert view.counts.listed_entries == 2


@pytest.mark.parametrize("layout", ["increments", "tree"])
def test_a_backup_on_s3_comes_back_to_hdfs_with_owners_modes_and_acls(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str, layout: str
) -> None:
    write(source, FILES)
    guard_with_rights(hdfs_cluster, hdfs_dir)
    was, guarded = source.contents(), rights(source)
    copy = BackupOptions(layout=layout, copy=ReplicateOptions(max_delete_ratio=1.0))
    first = backup(source.open(**ACL), target.open(), copy).name
    spoil(hdfs_cluster, hdfs_dir, source)
    backup(source.open(**ACL), target.open(), copy)

    elsewhere = hdfs_place(hdfs_cluster, f"{hdfs_dir}-back")
    report = restore(target.open(), first, elsewhere.open(**ACL), options(mode="fail"))
    assert (elsewhere.contents(), rights(elsewhere)) == (was, guarded)
    assert (report.verified_files, report.proved_by_reading) == (6, 6)
    counting = Counting(target.open())
    again = restore(counting, first, elsewhere.open(**ACL), options())
    assert (again.changes, again.same) == (0, {"version": 6})  # which is size and time on HDFS

    in_place = restore(target.open(), first, source.open(**ACL), options())
    assert (source.contents(), rights(source)) == (was, guarded)
    assert (in_place.copied_files, in_place.same) == (2, {"version": 4})


@pytest.mark.parametrize("to", ["s3", "hdfs"])
def test_a_restore_that_was_killed_is_gone_on_with_and_undone_as_a_whole(
    to: str,
    source: Place,
    target: Place,
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    s3_server: S3Server | MotoServer,
    bucket: str,
) -> None:
    many: Contents = {"d": None, **{f"d/f{n:03d}": os.urandom(200_000) for n in range(100)}}
    write(source, many)
    backup(source.open(**ACL), target.open())
    place = source if to == "hdfs" else s3_place(s3_server, bucket, "elsewhere")
    old: Contents = {"d": None, "d/f000": b"old", "d/f099": b"old", "d/other": b"other"}
    if to == "hdfs":
        hdfs_cluster.fs("-rm", "-r", "-skipTrash", f"{hdfs_dir}/d")
    use(place, old)
    how = {"mode": "mirror", "overwrite_newer": True, "preserve": ["mtime"], "max_delete_ratio": 1.0}
    process = start(target, place, does="restore", threads=4, bandwidth="6MiB/s", **how)
    watching = place.open()
    kill_when(process, lambda: sum(entry.size_bytes == 200_000 for entry in watching.scan("d")) >= 20)

    there = {path for path, data in place.contents().items() if data and data == many.get(path)}
    assert 20 <= len(there) < 100
    reading = Counting(target.open())
    report = restore(reading, "latest", place.open(), options(preserve=frozenset({"mtime"})), lease_times=WATCHFUL)
    assert (report.attempt, report.failed, report.difference_count) == (2, 0, 0)
    assert (report.copied_files, report.verified_files) == (100 - len(there), 100)
    assert place.contents() == many
    undo_restore(place.open(), report.name)
    assert place.contents() == old


def test_a_user_who_may_not_give_files_away_is_told_what_did_not_come_back(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    guard_with_rights(hdfs_cluster, hdfs_dir)
    backup(source.open(**ACL), target.open())
    elsewhere = hdfs_place(hdfs_cluster, f"{hdfs_dir}-back", user="carl")
    hdfs_cluster.mkdirs(f"{hdfs_dir}-back")
    hdfs_cluster.fs("-chown", "carl", f"{hdfs_dir}-back")
    with pytest.raises(VerifyFailed, match="left out of preserve") as failed:
        restore(target.open(), "latest", elsewhere.open(**ACL), options(mode="fail"))
    report = failed.value.report
    assert {one.kind for one in report.differences} == {"attributes"}
    assert elsewhere.contents() == FILES
    mine = options(mode="fail", preserve=frozenset({"mode", "mtime"}))
    assert restore(target.open(), "latest", elsewhere.open(**ACL), mine).state == "done"


def test_a_backup_in_a_local_directory_comes_back_to_s3(
    target: Place, tmp_path: Path, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    place = Place(f"file://{tmp_path}/backups", {})
    use(target, FILES)
    target.open().make_directory("empty")
    backup(target.open(), place.open())
    use(target, {"a.txt": b"overwritten with garbage", "new": b"new"}, "gone")
    spoiled = target.contents()
    report = restore(place.open(), "latest", target.open(), options())
    assert target.contents() == FILES
    assert (report.copied_files, report.deleted, report.same) == (2, 1, {"version": 4})
    assert (report.verified_files, report.proved_by_store) == (2, 2)
    undo_restore(target.open(), report.name)
    assert target.contents() == spoiled

    elsewhere = s3_place(s3_server, bucket, "elsewhere")
    restore(place.open(), "latest", elsewhere.open(), options(mode="fail"))
    again = restore(place.open(), "latest", elsewhere.open(), options(verify="content"))
    assert (again.changes, again.same) == (
        0,
        {"content": 5, "checksum": 1},
    )  # the ETag of a file in parts is another one


def test_a_drill_on_real_servers_leaves_nothing_behind(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    backup(source.open(**ACL), target.open())
    scratch = hdfs_place(hdfs_cluster, f"{hdfs_dir}-scratch")
    drilled: list[Callable[[], Any]] = [
        lambda: restore_drill(target.open(), scratch.open(), options=DrillOptions(sample_files=4)),
        lambda: restore_drill(target.open(), scratch.open(), "latest", DrillOptions()),
    ]
    for make, count in zip(drilled, (4, 6), strict=True):
        report = make()
        assert (report.state, report.sample_files, report.verified_files, report.backup_files) == (
            "done",
            count,
            count,
            6,
        )
        assert report.is_cleaned
        assert report.estimated_seconds > 0
    assert scratch.contents() == {}
