"""Fail-over and fail-back on real servers: HDFS to S3 and back with owners and ACLs, HDFS to HDFS, S3 to a local directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, fail_back, fail_over, replicate, verify
from airflow_provider_livedata.engine.errors import StillChanging, TargetIsActive, WritersNotBlocked
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.switching.putting_back import BESIDE
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter
from tests.crash.test_crashes import IMPATIENT
from tests.system.conftest import Contents, Place, hdfs_place, write
from tests.system.hdfs_common import Asked, open_file

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

OPTIONS = ReplicateOptions(max_delete_ratio=1.0)
FILES: Contents = {
    "a.txt": b"a at S", "dir": None, "dir/secret": b"secret at S" * 1000, "dir/both": b"both at S", "keep": b"keep", "empty": None,
    "gone": b"to be deleted",
}  # fmt: skip
LATE: Contents = {"late": b"late", "dir/both": b"both of the old source", "extra": None, "extra/late": b"later"}
ON_ACTIVE: Contents = {
    "a.txt": b"a of the active side",
    "new": None,
    "new/file": b"new",
    "dir/both": b"both of the active side",
}
WANTED: Contents = {**{path: data for path, data in FILES.items() if path != "gone"}, **ON_ACTIVE}


def use(place: Place, files: Contents, *gone: str) -> None:
    zone = place.open()
    for path, data in files.items():
        if data is not None:
            zone.put(path, data)
    for path in gone:
        entry = zone.stat(path)
        assert entry is not None
        assert zone.delete([entry]) == []
    zone.close()


def aside(place: Place) -> Contents:
    zone, found = place.open(), Contents()
    for entry in zone.scan(".livedata/aside"):
        if entry.kind == "file":
            data = bytearray(entry.size_bytes)
            zone.read_into(entry.path, 0, memoryview(data))
            found[entry.path.split("/", 3)[3]] = bytes(data)
    zone.close()
    return found


def rights(place: Place) -> dict[str, tuple[str | None, str | None, int | None, str | None]]:
    zone = place.open(preserve=["acl"])
    found = {entry.path: (entry.owner, entry.group, entry.mode, entry.acl) for entry in zone.scan()}
    zone.close()
    return found


def guard_with_rights(cluster: HdfsCluster, directory: str) -> None:
    cluster.fs("-chown", "ann:staff", f"{directory}/dir")
    cluster.fs("-chmod", "750", f"{directory}/dir")
    cluster.fs("-chown", "bob:audit", f"{directory}/dir/secret", f"{directory}/dir/both", f"{directory}/a.txt")
    cluster.fs("-chmod", "640", f"{directory}/dir/secret", f"{directory}/a.txt")
    cluster.fs("-setfacl", "-m", "user:eve:r--", f"{directory}/dir/secret")


def test_from_hdfs_to_s3_and_back_with_owners_modes_and_acls(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    write(source, FILES)
    guard_with_rights(hdfs_cluster, hdfs_dir)
    before = rights(source)
    replicate(source.open(preserve=["acl"]), target.open(), OPTIONS)
    use(source, {"lost": b"lost"})

    asked = Asked(hdfs_cluster)
    lost = fail_over(source.address, target.open(), OPTIONS, how="unplanned")
    assert asked.count() == {}  # a source that is gone is not waited for
    assert (lost.state, lost.run, lost.standby) == ("switched", 1, source.address)
    assert lost.lost_seconds > 0
    with pytest.raises(TargetIsActive):
        replicate(source.open(preserve=["acl"]), target.open(), OPTIONS)

    use(target, ON_ACTIVE, "gone")
    use(source, LATE, "dir/secret")
    hdfs_cluster.fs("-chown", "mallory", f"{hdfs_dir}/keep")
    rehearsed = fail_back(target.open(), source.open(preserve=["acl"]), OPTIONS, dry_run=True)
    assert source.contents()["late"] == b"late"
    report = fail_back(target.open(), source.open(preserve=["acl"]), OPTIONS)
    assert rehearsed.found == report.found
    assert report.found == {"new": 4, "changed": 1, "deleted": 1, "attributes": 1}
    assert report.found_by.startswith("difference of snapshots")
    assert source.contents() == WANTED
    assert aside(source) == {**{path: data for path, data in LATE.items() if data}, "lost": b"lost"}
    assert report.copied_files == 4  # three that changed, and one that had been deleted here
    now = rights(source)
    for path in ("dir", "dir/secret", "dir/both", "a.txt", "keep"):
        assert now[path] == before[path], path
    assert now["dir/secret"] == ("bob", "audit", 0o640, "user:eve:r--,group::r--")
    listed = hdfs_cluster.fs("-ls", f"{hdfs_dir}/.livedata/aside").stdout
    assert "drwx------" in listed

    reading = Counting(source.open(preserve=["acl"]))
    forward = replicate(reading, target.open(), OPTIONS)
    assert (forward.copied_files, forward.deleted) == (0, 0)
    assert forward.found_by.startswith("difference of snapshots")
    use(source, {"a.txt": b"and on it goes"})
    assert replicate(source.open(preserve=["acl"]), target.open(), OPTIONS).copied_files == 1
    assert verify(source.open(preserve=["acl"]), target.open(), level="content").is_same


class DiesBetweenTwoNames(CrashAfter):
    """Dies where a second file would appear under a new name."""

    def __init__(self, zone: Zone) -> None:
        super().__init__(zone, 1 << 30)
        self.appeared = 0

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        if name == "move" and not args[1].startswith(".livedata/"):
            self.appeared += 1
            self.left = 0 if self.appeared == 2 else self.left
        return super().around_power(name, *args, **options)


@pytest.mark.parametrize("kind", ["s3", "hdfs"])
def test_of_two_files_that_swap_names_neither_is_lost_when_the_run_between_both_dies(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str, kind: str
) -> None:
    target = target if kind == "s3" else hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy")
    write(source, FILES)
    replicate(source.open(), target.open(), OPTIONS)
    for old, new in (("keep", "x"), ("dir/both", "keep"), ("x", "dir/both")):
        hdfs_cluster.fs("-mv", f"{hdfs_dir}/{old}", f"{hdfs_dir}/{new}")
    dying = DiesBetweenTwoNames(target.open())
    with pytest.raises(Crash):
        replicate(
            source.open(), Retrying(dying, RetryPolicy(attempts=1)), replace(OPTIONS, threads=1), lease_times=IMPATIENT
        )
    report = fail_over(source.address, target.open(), OPTIONS, how="unplanned", lease_times=IMPATIENT)
    now = target.contents()
    assert {FILES["keep"], FILES["dir/both"]} <= set(now.values())
    assert report.put_back == 1
    beside = [path for path in now if BESIDE in path]
    assert len(beside) == (1 if kind == "s3" else 0)
    assert all(any(path in note for note in report.notes) for path in beside)


def test_between_two_directories_of_hdfs_only_what_changed_is_looked_at(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    target = hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy")
    write(source, FILES)
    guard_with_rights(hdfs_cluster, hdfs_dir)
    replicate(source.open(preserve=["acl"]), target.open(preserve=["acl"]), OPTIONS)
    use(source, {"last": b"word"})
    done = fail_over(source.open(preserve=["acl"]), target.open(preserve=["acl"]), OPTIONS)
    assert (done.not_held, target.contents()["last"]) == ([], b"word")
    use(target, ON_ACTIVE, "gone")
    hdfs_cluster.fs("-chmod", "600", f"{hdfs_dir}-copy/keep")
    use(source, LATE)
    reading = Counting(target.open(preserve=["acl"]))
    report = fail_back(reading, source.open(preserve=["acl"]), OPTIONS)
    assert report.brought_by.startswith("difference of snapshots")
    assert report.found_by.startswith("difference of snapshots")
    assert source.contents() == {**WANTED, "last": b"word"}
    assert aside(source) == {path: data for path, data in LATE.items() if data}
    assert rights(source)["keep"][2] == 0o600
    assert rights(source)["dir/secret"] == ("bob", "audit", 0o640, "user:eve:r--,group::r--")
    assert [name for name in snapshot_names(target) if name.startswith("livedata-")] == []
    forward = replicate(source.open(preserve=["acl"]), target.open(preserve=["acl"]), OPTIONS)
    assert (forward.copied_files, forward.found_by.startswith("difference of snapshots")) == (0, True)
    assert len(snapshot_names(source)) == 1


def snapshot_names(place: Place) -> list[str]:
    return [snapshot.name for snapshot in place.open().snapshots()]  # type: ignore[attr-defined]


def test_from_s3_to_a_local_directory_and_back(
    target: Place, tmp_path: Path, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    source, local = target, Place(f"file://{tmp_path}/copy", {})
    use(source, FILES)
    source.open().make_directory("empty")
    replicate(source.open(), local.open(), OPTIONS)
    fail_over(source.open(), local.open(), OPTIONS)
    use(local, ON_ACTIVE, "gone")
    use(source, LATE)
    report = fail_back(local.open(), source.open(), OPTIONS)
    assert source.contents() == WANTED
    assert aside(source) == {path: data for path, data in LATE.items() if data}
    assert report.found_by.startswith("listings")
    keys = {item["Key"] for item in s3_server.client().list_objects_v2(Bucket=bucket)["Contents"]}
    assert f"{report.aside}/late".removeprefix(f"s3://{bucket}/") in keys
    forward = replicate(source.open(), local.open(), OPTIONS)
    assert (forward.copied_files, forward.deleted) == (0, 0)
    assert verify(source.open(), local.open(), level="content").is_same


def test_a_late_file_of_the_same_size_and_time_is_kept_aside_too(
    source: Place, target: Place, hdfs_cluster: HdfsCluster
) -> None:
    """HDFS tells a version by size and time alone; the difference from the snapshot of the switch tells that another file stands there."""
    write(source, {"replaced": b"at S", "swapped": b"1234", "with": b"5678", "dir/as is": b"same"})
    live = source.open()
    for entry in list(live.scan()):
        live.set_attributes(entry.path, Attributes(mtime_ms=1_700_000_000_000))  # type: ignore[attr-defined]
    before = source.contents()
    replicate(source.open(), target.open(), OPTIONS)
    fail_over(None, target.open(), OPTIONS, how="unplanned")
    use(source, {"replaced": b"late"})
    live.set_attributes("replaced", Attributes(mtime_ms=1_700_000_000_000))  # type: ignore[attr-defined]
    for old, new in (("swapped", "t"), ("with", "swapped"), ("t", "with")):
        live.rename(old, new)  # type: ignore[attr-defined]
    first = fail_back(target.open(), source.open(), OPTIONS, switch=False)
    assert first.found == {"changed": 3}, first.table()
    assert aside(source) == {"replaced": b"late", "swapped": b"5678", "with": b"1234"}
    second = fail_back(target.open(), source.open(), OPTIONS)
    assert (second.found, second.kept_aside) == ({}, 0)
    assert source.contents() == before
    assert verify(source.open(), target.open(), level="content").is_same


# writers are blocked ----------------------------------------------------------------------------------------------


def denied(cluster: HdfsCluster, user: str, path: str) -> bool:
    done = cluster.fs("-touchz", path, user=user, check=False)
    return done.returncode != 0 and "Permission denied" in done.stderr


def rights_of(cluster: HdfsCluster, path: str) -> str:
    return cluster.fs("-getfacl", path).stdout


def test_writers_are_blocked_deep_below_for_the_switch_and_let_in_again_by_the_fail_back(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    hdfs_cluster.fs("-chown", "-R", "ann:staff", hdfs_dir)
    hdfs_cluster.fs("-chmod", "-R", "777", f"{hdfs_dir}/dir")
    hdfs_cluster.fs("-setfacl", "-m", "user:eve:rwx", hdfs_dir)
    before = rights_of(hdfs_cluster, hdfs_dir)
    replicate(source.open(), target.open(), OPTIONS)
    report = fail_over(source.open(), target.open(), OPTIONS, block_writers=True)
    assert report.state == "switched"
    assert denied(hdfs_cluster, "ann", f"{hdfs_dir}/dir/by-its-owner")
    assert denied(hdfs_cluster, "eve", f"{hdfs_dir}/dir/by-one-of-the-acl")
    assert denied(hdfs_cluster, "bob", f"{hdfs_dir}/dir/by-anybody")
    back = fail_back(target.open(), source.open(), OPTIONS)
    assert back.found == {}
    assert rights_of(hdfs_cluster, hdfs_dir) == before
    assert not denied(hdfs_cluster, "eve", f"{hdfs_dir}/dir/by-one-of-the-acl")
    assert replicate(source.open(), target.open(), OPTIONS).copied_files == 1


def test_a_file_that_is_open_goes_on_and_stops_the_switch_which_lets_everybody_in_again(
    source: Place, target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    write(source, FILES)
    hdfs_cluster.fs("-chmod", "775", hdfs_dir)
    replicate(source.open(), target.open(), OPTIONS)
    with (
        open_file(hdfs_cluster, f"{hdfs_dir}/dir/open", b"so far"),
        pytest.raises(StillChanging, match="dir/open .being written"),
    ):
        fail_over(source.open(), target.open(), OPTIONS, block_writers=True)
    assert hdfs_cluster.fs("-stat", "%a", hdfs_dir).stdout.strip() == "775"
    assert fail_over(source.open(), target.open(), OPTIONS, block_writers=True).state == "switched"
    assert hdfs_cluster.fs("-stat", "%a", hdfs_dir).stdout.strip() == "0"


def test_an_owner_may_block_the_others_and_nobody_else_may_block_anyone(
    target: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    location = f"{hdfs_dir}/location"
    hdfs_cluster.mkdirs(location)
    hdfs_cluster.fs("-chown", "alice", hdfs_dir)  # who may take snapshots there
    hdfs_cluster.fs("-chmod", "777", location)  # of the superuser, and open to all
    hdfs_cluster.dfsadmin("-allowSnapshot", hdfs_dir)
    theirs = hdfs_place(hdfs_cluster, location, user="alice")
    write(theirs, {"f": b"data"})
    replicate(theirs.open(), target.open(), OPTIONS)
    with pytest.raises(WritersNotBlocked, match="owner or a superuser"):
        fail_over(theirs.open(), target.open(), OPTIONS, block_writers=True)
    assert hdfs_cluster.fs("-stat", "%a", location).stdout.strip() == "777"
    hdfs_cluster.fs("-chown", "alice", location)
    fail_over(theirs.open(), target.open(), OPTIONS, block_writers=True)
    assert hdfs_cluster.fs("-stat", "%a", location).stdout.strip() == "700"
    assert denied(hdfs_cluster, "bob", f"{location}/late")
    fail_back(target.open(), theirs.open(), OPTIONS)
    assert hdfs_cluster.fs("-stat", "%a", location).stdout.strip() == "777"
