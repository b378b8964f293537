"""Replication from a real HDFS to a real S3 server, and to HDFS and local targets."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.deciding.tuning import LEAST, MOST
from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    CannotHold,
    CredentialsRefused,
    NotADirectory,
    PathMissing,
    PathsOverlap,
    PermissionRefused,
    RunFailed,
    SnapshotRefused,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import SetAttributes
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting
from tests.services.engine_process import finish, start
from tests.system.conftest import Contents, Place, hdfs_place, s3_place, write

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.proxy import FaultyProxy
    from tests.services.s3 import MotoServer, S3Server

ONCE = RetryPolicy(attempts=1)


def unretried(place: Place, **options: Any) -> Zone:
    return Retrying(place.open(**options), ONCE)


def test_a_location_arrives_proved_and_a_second_run_copies_only_what_differs(
    source: Place, target: Place, files: Contents
) -> None:
    write(source, files)
    report = replicate(source.open(), target.open())
    assert target.contents() == files
    assert (report.failed, report.copied_files) == (0, sum(data is not None for data in files.values()))
    assert report.snapshot
    for level in ("listing", "checksum", "content"):
        found = verify(source.open(), target.open(), level=level)
        assert found.is_same, found.table()
    write(source, {"a.txt": b"changed", "dir/new": b"new"})
    reading = Counting(source.open())
    again = replicate(reading, target.open())
    assert (again.copied_files, reading.counts.read_bytes) == (2, len(b"changed") + len(b"new"))
    assert target.contents() == source.contents()


def test_the_store_proves_every_file_without_sending_it(
    s3_integrity: S3Server, source: Place, target: Place, files: Contents
) -> None:
    write(source, files)
    replicate(source.open(), target.open())
    reading = Counting(target.open())
    report = verify(source.open(), reading, level="checksum")
    assert report.proved_by_store == report.files == sum(data is not None for data in files.values())
    assert report.read_bytes == 0


def test_a_flipped_byte_at_the_target_is_found_by_reading(
    s3_integrity: S3Server, source: Place, target: Place, bucket: str
) -> None:
    write(source, {"dir/f": b"0123456789" * 1000, "other": b"x"})
    replicate(source.open(), target.open())
    stored = s3_integrity.object_path(bucket, "copy/dir/f")
    data = bytearray(stored.read_bytes())
    data[5000] ^= 1
    with stored.open("r+b") as file:  # in place, so that the object keeps its metadata and checksum
        file.write(data)
    assert [(d.path, d.kind) for d in verify(source.open(), target.open(), level="content").differences] == [
        ("dir/f", "checksum")
    ]


def test_a_replaced_object_is_found_by_the_checksums_that_the_store_keeps(
    s3_integrity: S3Server, source: Place, target: Place
) -> None:
    write(source, {"dir/f": b"0123456789", "other": b"x"})
    replicate(source.open(), target.open())
    target.open().put("dir/f", b"9876543210")
    report = verify(source.open(), target.open(), level="checksum")
    assert [(d.path, d.kind) for d in report.differences] == [("dir/f", "checksum")]
    assert report.read_bytes == 0


def test_writers_at_the_source_do_not_disturb_the_copy(source: Place, target: Place, files: Contents) -> None:
    write(source, files)
    stop = threading.Event()

    def keep_writing() -> None:
        count = 0
        while not stop.is_set():
            write(source, {f"later/{count}": b"x", "a.txt": b"%d" % count})
            count += 1

    zone = source.open()
    take = zone.snapshot  # type: ignore[attr-defined]

    def take_then_let_writers_on(name: str, **more: str) -> Any:
        taken = take(name, **more)
        writer.start()
        return taken

    writer = threading.Thread(target=keep_writing)
    zone.snapshot = take_then_let_writers_on  # type: ignore[attr-defined]
    try:
        replicate(zone, target.open())
    finally:
        stop.set()
        writer.join()
    assert target.contents() == files


def test_a_file_of_a_gibibyte_arrives(source: Place, target: Place) -> None:
    piece = os.urandom(1 << 20)
    write(source, {"large": piece * 1024})
    report = replicate(source.open(), target.open())
    assert (report.copied_bytes, report.failed) == (1 << 30, 0)
    assert verify(source.open(), target.open(), level="content").is_same


@pytest.mark.parametrize(
    "options",
    [{}, {"part_bytes": 5 << 20}, {"part_bytes": 16 << 20}, {"checksum": "crc64nvme"}, {"checksum": "crc32c"}],
)
def test_parts_and_checksums_are_as_the_s3_connection_says(
    source: Place, s3_integrity: S3Server, bucket: str, options: dict[str, Any]
) -> None:
    files: Contents = {"small": b"1", "large": os.urandom((18 << 20) + 1)}
    write(source, files)
    target = s3_place(s3_integrity, bucket, **options)
    report = replicate(source.open(), target.open())
    assert report.copied_files == 2
    assert LEAST <= report.threads <= MOST
    assert target.contents() == files
    zone = target.open()
    kinds = {path: zone.store_checksum(path).partition(":")[0] for path in files}  # type: ignore[attr-defined]
    chosen = options.get("checksum")
    assert kinds == {"small": chosen or "crc64nvme", "large": chosen or "crc32c"}
    assert verify(source.open(), target.open(), level="checksum").proved_by_store == 2


def test_ten_thousand_entries_of_one_directory_arrive(source: Place, target: Place, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for n in range(10_000):
        (many / f"{n:05d}").write_bytes(b"%d" % n)
    report = replicate(f"file://{many}", target.open())
    assert report.copied_files == 10_000
    assert verify(f"file://{many}", target.open(), level="checksum").is_same
    assert replicate(f"file://{many}", target.open()).changes == 0


def test_attributes_travel_between_clusters_and_are_kept_in_the_manifest_of_an_object_store(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, {"d/f": b"x", "d/g": b"y"})
    path = source.address.split(hdfs_cluster.rpc)[1]
    hdfs_cluster.fs("-chmod", "640", f"{path}/d/f")
    hdfs_cluster.fs("-chown", "alice:staff", f"{path}/d/f")
    hdfs_cluster.fs("-setfacl", "-m", "user:bob:r--", f"{path}/d/f")
    hdfs_cluster.fs("-touch", "-m", "-t", "20200102:030405", f"{path}/d/f")
    hdfs_cluster.fs("-chmod", "1770", f"{path}/d")
    other = hdfs_place(hdfs_cluster, f"{hdfs_dir}-other")
    for place in (other, target):
        replicate(source.open(), place.open())
    left = {entry.path: entry for entry in source.open().scan()}
    right = {entry.path: entry for entry in other.open().scan()}
    for name in ("owner", "group", "mode", "acl", "mtime_ms"):
        assert [getattr(right[p], name) for p in sorted(left)] == [getattr(left[p], name) for p in sorted(left)], name
    assert left["d/f"].owner == "alice"
    assert left["d/f"].acl
    assert "user:bob:r--" in hdfs_cluster.fs("-getfacl", f"{hdfs_dir}-other/d/f").stdout
    hdfs_cluster.fs("-chmod", "600", f"{path}/d/g")
    again = replicate(source.open(), other.open())
    assert (again.copied_files, again.set_attributes) == (0, 1)
    assert isinstance(other.open(), SetAttributes)
    recorded = replicate(source.open(), target.open())
    assert (recorded.copied_files, recorded.changes) == (0, 0)


def test_attributes_that_may_not_be_set_are_left_and_said_in_the_report(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    there = Place(f"file://{tmp_path}", {})
    (tmp_path / "f").write_bytes(b"x")  # of the superuser, and only that one may give files away
    hdfs_cluster.fs("-chmod", "777", hdfs_dir)
    as_bob = hdfs_place(hdfs_cluster, hdfs_dir, user="bob")
    report = finish(start(there, as_bob))
    assert (report["copied_files"], report["failed"]) == (1, 0)
    assert any("could not be set" in note and "f:" in note for note in report["notes"]), report["notes"]


def test_s3_to_hdfs_and_back_is_the_same(
    source: Place, target: Place, files: Contents, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, files)
    replicate(source.open(), target.open())
    back = hdfs_place(hdfs_cluster, f"{hdfs_dir}-back")
    replicate(target.open(), back.open())
    assert back.contents() == files
    for level in ("checksum", "content"):
        assert verify(target.open(), back.open(), level=level).is_same


# Files that are being written --------------------------------------------------------------------------------------


@pytest.mark.parametrize("freezes", [False, True])
def test_a_file_that_is_being_written_is_never_mixed(
    freezes: bool, request: pytest.FixtureRequest, target: Place
) -> None:
    cluster: HdfsCluster = request.getfixturevalue("hdfs_cluster_freezing" if freezes else "hdfs_cluster")
    cluster.mkdirs("/open-files")
    place = hdfs_place(cluster, "/open-files")
    write(place, {"closed": b"closed"})
    writer = _client(cluster).create("/open-files/growing")
    writer.write(b"first" * 200)
    writer.hsync()
    try:
        first = replicate(place.open(), target.open())
        assert first.unsettled_paths == ([] if freezes else ["growing"])
        writer.write(b"second" * 100)
        second = replicate(place.open(), target.open())
        assert second.unsettled_paths == ([] if freezes else ["growing"])
    finally:
        writer.close()
    third = replicate(place.open(), target.open())
    assert third.unsettled == 0
    assert target.contents()["growing"] == b"first" * 200 + b"second" * 100
    assert verify(place.open(), target.open(), level="content").is_same
    assert replicate(place.open(), target.open()).changes == 0


def _client(cluster: HdfsCluster) -> Any:
    import hdfs_native

    os.environ.setdefault("HADOOP_USER_NAME", cluster.superuser)
    return hdfs_native.Client(cluster.uri)


# Bad input ---------------------------------------------------------------------------------------------------------


def test_what_cannot_work_is_one_clear_error_and_changes_nothing(
    source: Place,
    target: Place,
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    s3_server: S3Server | MotoServer,
    bucket: str,
) -> None:
    write(source, {"f": b"x"})
    cases: list[tuple[Place, Place, type[Exception], str]] = [
        (hdfs_place(hdfs_cluster, f"{hdfs_dir}/nothing-here"), target, PathMissing, "nothing-here"),
        (hdfs_place(hdfs_cluster, f"{hdfs_dir}/f"), target, NotADirectory, hdfs_dir),
        (source, s3_place(s3_server, "no-such-bucket"), BucketMissing, "no-such-bucket"),
        (source, s3_place(s3_server, bucket, endpoint_url="http://127.0.0.1:9"), ZoneUnreachable, bucket),
        (
            hdfs_place(hdfs_cluster, hdfs_dir, rpc=["127.0.0.1:9"], webhdfs=["http://127.0.0.1:9"]),
            target,
            ZoneUnreachable,
            hdfs_dir,
        ),
        (source, hdfs_place(hdfs_cluster, f"{hdfs_dir}/inside"), PathsOverlap, "inside"),
        (source, source, PathsOverlap, hdfs_dir),
    ]
    for given_source, given_target, error, named in cases:
        with pytest.raises(error) as refused:
            replicate(unretried(given_source), unretried(given_target))
        assert named in str(refused.value), refused.value
    assert target.contents() == {}
    assert list(StateFolder(target.open()).files("")) == []
    assert source.contents() == {"f": b"x"}


def test_wrong_keys_are_refused_and_never_shown(s3_integrity: S3Server, source: Place, bucket: str) -> None:
    write(source, {"f": b"x"})
    secret = "not-the-right-secret-key"
    for access_key in (s3_integrity.access_key, "nobody"):
        wrong = s3_place(s3_integrity, bucket, access_key_id=access_key, secret_access_key=secret)
        with pytest.raises(CredentialsRefused) as refused:
            replicate(unretried(source), unretried(wrong))
        assert secret not in f"{refused.value!r} {refused.value} {refused.value.__dict__}"


def test_a_key_without_rights_is_told_so(s3_integrity: S3Server, source: Place, bucket: str) -> None:
    write(source, {"f": b"x"})
    access_key, secret_key = s3_integrity.new_user()
    powerless = s3_place(s3_integrity, bucket, access_key_id=access_key, secret_access_key=secret_key)
    with pytest.raises(PermissionRefused, match=bucket):
        replicate(unretried(source), unretried(powerless))


def test_a_user_without_rights_at_the_source_or_target_is_told_so(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, {"secret/f": b"x"})
    replicate(source.open(), target.open())
    hdfs_cluster.fs("-chmod", "700", f"{hdfs_dir}/secret")
    as_bob = Place(source.address, {**source.options, "user": "bob"})
    with pytest.raises((PermissionRefused, SnapshotRefused)):
        replicate(unretried(as_bob), unretried(target))
    hdfs_cluster.fs("-chmod", "755", hdfs_dir)
    with pytest.raises(PermissionRefused):
        replicate(unretried(target), unretried(hdfs_place(hdfs_cluster, f"{hdfs_dir}-for-bob/x", user="bob")))


def test_without_the_right_to_allow_snapshots_the_command_for_the_administrator_is_printed(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, {"f": b"x"})
    hdfs_cluster.fs("-chown", "-R", "alice", hdfs_dir)
    as_alice = Place(source.address, {**source.options, "user": "alice"})
    theirs = unretried(as_alice)
    with pytest.raises(SnapshotRefused, match=f"hdfs dfsadmin -allowSnapshot {hdfs_dir}"):
        replicate(theirs, unretried(target))
    theirs.close()  # by RPC a process is one user at a time
    assert list(StateFolder(target.open()).files("")) == []
    with pytest.raises(SnapshotRefused, match="-allowSnapshot"):
        replicate(source.open(), target.open(), ReplicateOptions(allow_snapshot=False))
    hdfs_cluster.dfsadmin("-allowSnapshot", hdfs_dir)
    finish(start(as_alice, target))  # by RPC a process is one user at a time
    assert target.contents() == {"f": b"x"}


def test_a_key_that_s3_cannot_hold_is_found_in_the_plan(source: Place, target: Place) -> None:
    long = "/".join(["d" * 200] * 5 + ["e" * 100])
    write(source, {"ok": b"x", long: b"y"})
    with pytest.raises(CannotHold, match="1024|bytes"):
        replicate(source.open(), target.open())
    assert target.contents() == {}


# Faults ------------------------------------------------------------------------------------------------------------


def test_a_datanode_that_dies_during_the_copy_is_survived(
    source: Place, target: Place, hdfs_cluster: HdfsCluster
) -> None:
    write(source, {f"f{n}": os.urandom(9 << 20) for n in range(6)})
    expected = source.contents()
    killed = threading.Event()

    def kill() -> None:
        hdfs_cluster.kill_datanode(0)
        killed.set()

    try:
        replicate(_OnRead(source.open(), 4, kill), target.open(), ReplicateOptions(threads=4))
    finally:
        hdfs_cluster.start_datanode(0)
    assert killed.is_set()
    assert target.contents() == expected


def test_a_corrupt_block_fails_its_file_alone_and_says_so(
    source: Place, target: Place, hdfs_cluster: HdfsCluster
) -> None:
    before = {path for n in (0, 1) for path in hdfs_cluster.block_files(n)}
    write(source, {"bad": os.urandom(100_000)})
    hurt = [
        path
        for n in (0, 1)
        for path in hdfs_cluster.block_files(n)
        if path not in before and path.stat().st_size == 100_000
    ]
    assert hurt
    for path in hurt:
        data = bytearray(path.read_bytes())
        data[50_000] ^= 1
        path.write_bytes(data)
    write(source, {"good": b"good"})
    with pytest.raises(RunFailed) as failed:
        replicate(unretried(source), target.open())
    assert [(f.path, f.error) for f in failed.value.report.failures] == [("bad", "CorruptSource")]
    assert target.contents() == {"good": b"good"}


def test_a_restart_of_the_s3_server_is_survived(s3_integrity: S3Server, source: Place, target: Place) -> None:
    write(source, {f"f{n}": os.urandom(9 << 20) for n in range(4)})
    expected = source.contents()

    def restart() -> None:
        s3_integrity.stop()
        s3_integrity.start()

    replicate(_OnRead(source.open(), 3, restart), target.open(), ReplicateOptions(threads=4))
    assert target.contents() == expected


def test_throttling_and_cut_connections_are_survived(
    source: Place, s3_server: S3Server | MotoServer, s3_proxy: FaultyProxy, bucket: str, files: Contents
) -> None:
    write(source, files)
    s3_proxy.refuse(times=5, method="PUT", skip=6)
    s3_proxy.cut(after_bytes=100_000, times=2, side="request", method="PUT", skip=8)
    s3_proxy.lose_reply(times=2, method="PUT", skip=12)
    place = s3_place(s3_server, bucket, endpoint_url=s3_proxy.endpoint)
    report = replicate(source.open(), place.open())
    assert report.failed == 0
    assert s3_place(s3_server, bucket).contents() == files


@pytest.mark.parametrize("fault", ["none", "refused", "cut", "lost", "corrupt", "not implemented"])
def test_many_files_of_several_parts_go_in_one_request_each_and_in_parts_where_that_fails(
    source: Place, s3_integrity: S3Server, s3_proxy: FaultyProxy, bucket: str, fault: str
) -> None:
    files: Contents = {f"f{n}": os.urandom((9 << 20) + n) for n in range(LEAST)}
    write(source, files)
    path = r"copy/f[0-9](\?x-id.*)?$"
    if fault == "refused":
        s3_proxy.refuse(times=2, method="PUT", path=path)
    elif fault == "cut":
        s3_proxy.cut(after_bytes=3_000_000, times=2, side="request", method="PUT", path=path)
    elif fault == "lost":
        s3_proxy.lose_reply(times=2, method="PUT", path=path)
    elif fault == "corrupt":
        s3_proxy.corrupt(times=2, at_byte=2_000_000, method="PUT", path=path)
    elif fault == "not implemented":
        s3_proxy.refuse(times=LEAST, method="PUT", path=path, status=501, code="NotImplemented")
    through = s3_place(s3_integrity, bucket, endpoint_url=s3_proxy.endpoint)
    report = replicate(source.open(), through.open(), ReplicateOptions(threads=4))
    place = s3_place(s3_integrity, bucket)
    assert (report.failed, report.copied_files, report.copied_bytes) == (
        0,
        LEAST,
        sum(len(data or b"") for data in files.values()),
    )
    assert place.contents() == files
    in_parts = s3_proxy.count("POST", r"copy/f[0-9]\?uploads")
    assert in_parts == {"none": 0, "lost": 0, "not implemented": LEAST}.get(fault, 2)
    assert verify(source.open(), place.open(), level="content").is_same
    assert replicate(source.open(), place.open()).changes == 0


class _OnRead(Counting):
    """Does something once, at the n-th read."""

    def __init__(self, zone: Zone, calls: int, act: Any) -> None:
        super().__init__(zone)
        self._left, self._act, self._guard = calls, act, threading.Lock()

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        with self._guard:
            self._left -= 1
            if self._left == 0:
                self._act()
        return super().read_into(path, offset, buffer, version=version)

    def around_zone(self, zone: Zone) -> Zone:
        return type(self)(zone, self._left, self._act)


def test_the_report_and_the_checkpoint_lie_at_the_target_and_hold_no_secret(
    source: Place, target: Place, s3_server: S3Server | MotoServer, files: Contents
) -> None:
    write(source, files)
    report = replicate(source.open(), target.open())
    state = StateFolder(target.open())
    everything = b"".join(state.read(entry.path) or b"" for entry in state.files(""))
    assert s3_server.secret_key.encode() not in everything
    stored = json.loads(state.read(report.address.partition(".livedata/")[2]) or b"{}")
    assert stored["copied_files"] == report.copied_files
