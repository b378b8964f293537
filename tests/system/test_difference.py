"""Changes found by the snapshot difference of a real HDFS, towards S3, HDFS and local targets."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, Report, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError, PathMissing, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Change
from airflow_provider_livedata.engine.zones.hdfs import difference as hdfs_difference
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.services.processes import wait_until
from tests.system.conftest import Place, hdfs_place, s3_place, write
from tests.system.hdfs_common import Asked, put, zone_of

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import S3Server

CYCLES, OPERATIONS = 10, 12
ALL = ReplicateOptions(max_delete_ratio=1.0)
NAMES = ["a", "b", "a!", "b0", "odd %+\u00e9\u00fc"]


@pytest.fixture
def zone(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[HdfsZone]:
    hdfs_cluster.mkdirs(f"{hdfs_dir}/source")
    with zone_of(hdfs_cluster, f"{hdfs_dir}/source", preserve=["acl"]) as zone:
        yield zone


def some_path(chance: random.Random) -> str:
    return "/".join(chance.choice(NAMES) for _ in range(chance.randint(1, 3)))


def act(zone: HdfsZone, chance: random.Random) -> None:
    """One operation of a user, of those that HDFS may refuse."""
    path, other = some_path(chance), some_path(chance)
    kind = chance.choice(["write", "write", "append", "make", "rename", "rename", "delete", "mode", "attributes"])
    if kind == "write":
        put(zone, path, chance.randbytes(chance.randint(0, 3000)))
    elif kind == "append":
        writer = zone._data._client.append(f"{zone._root}/{path}")  # type: ignore[attr-defined]
        writer.write(b"more")
        writer.close()
    elif kind == "make":
        zone.make_directory(path)
    elif kind == "rename":
        zone.rename(path, other)
    elif kind == "delete":
        zone._data._client.delete(f"{zone._root}/{path}", True)  # type: ignore[attr-defined]
    elif kind == "mode":
        zone.set_attributes(path, Attributes(mode=chance.choice([0o700, 0o755, 0o750])))
    else:
        zone.set_attributes(
            path, Attributes(acl=chance.choice(["user:ann:r-x,group::r-x", "user:bob:rwx,group::---", ""]))
        )


def operate(zone: HdfsZone, chance: random.Random, count: int) -> None:
    for _ in range(count):
        try:
            act(zone, chance)
        except (LiveDataError, RuntimeError, FileNotFoundError, OSError):
            continue


def listed(place: Place) -> dict[str, tuple[object, ...]]:
    """Kinds, sizes and attributes, but no times of directories: HDFS does not tell of one whose entries came and went."""
    zone, found = place.open(), dict[str, tuple[object, ...]]()
    for entry in zone.scan():
        time = entry.mtime_ms if entry.kind == "file" else None
        found[entry.path] = (entry.kind, entry.size_bytes, entry.mode, entry.acl, time)
    zone.close()
    return found


@pytest.mark.parametrize(("seed", "options"), [(1, ALL), (2, replace(ALL, consistency="snapshot"))])
def test_after_each_cycle_of_random_changes_every_target_is_the_source(
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    zone: HdfsZone,
    s3_server: S3Server,
    bucket: str,
    tmp_path: Path,
    seed: int,
    options: ReplicateOptions,
) -> None:
    chance = random.Random(seed)
    source = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source")
    targets = [
        s3_place(s3_server, bucket), hdfs_place(hdfs_cluster, f"{hdfs_dir}/target"), Place(f"file://{tmp_path}/t", {}),
    ]  # fmt: skip
    put(zone, "kept", b"kept")
    for cycle in range(CYCLES):
        operate(zone, chance, OPERATIONS)
        for target in targets:
            report = replicate(source.open(), target.open(), options)
            assert report.found_by.startswith("difference of snapshots" if cycle else "listings"), report.found_by
            assert target.contents() == source.contents(), f"cycle {cycle} to {target.address}"
        assert listed(targets[1]) == listed(source), f"cycle {cycle}"
    for target in targets:
        found = verify(source.open(), target.open(), level="checksum")
        assert found.is_same, found.table()


Told = tuple[set[Change], set[Change]]


@pytest.fixture
def told(hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone) -> Iterator[Callable[[Callable[[], None]], Told]]:
    """What both forms of the difference tell of some changes."""

    def ask(change: Callable[[], None]) -> Told:
        zone.prepare_snapshots(allow=True)
        zone.snapshot("s1")
        change()
        zone.snapshot("s2")
        root = f"{hdfs_dir}/source"
        control = zone._control
        assert control is not None
        ways = (hdfs_difference._paged, hdfs_difference._whole)
        paged, whole = (set(hdfs_difference._located(way(control, root, "s1", "s2"), "")) for way in ways)
        return paged, whole

    yield ask
    for name in ("s1", "s2"):
        zone.drop_snapshot(name)


def test_pages_and_the_single_answer_name_the_same_places(
    zone: HdfsZone, told: Callable[[Callable[[], None]], Told]
) -> None:
    for path in ("gone", "stays/f", "moved/in/f", "swap1", "swap2", "out"):
        put(zone, path)

    def change() -> None:
        zone.delete([zone.stat("gone")])  # type: ignore[list-item]
        put(zone, "stays/new")
        zone.rename("moved", "away")
        put(zone, "away/in/later")
        for old, new in (("swap1", "t"), ("swap2", "swap1"), ("t", "swap2")):
            zone.rename(old, new)

    paged, whole = told(change)
    assert {one for one in whole if one.kind != "create"} <= paged
    assert Change("rename", "moved", "away") in paged
    assert {Change("rename", "swap1", "swap2"), Change("rename", "swap2", "swap1")} <= paged
    assert Change("create", "moved/in/later") in whole & paged
    assert Change("delete", "gone") in whole & paged


def test_a_difference_of_many_entries_comes_in_pages_and_whole(
    zone: HdfsZone, told: Callable[[Callable[[], None]], Told]
) -> None:
    put(zone, "d/old")

    def change() -> None:
        for number in range(1100):  # dfs.snapshotdiff-report.limit is 1,000
            zone.make_directory(f"d/{number:04d}")

    paged, whole = told(change)
    assert len([one for one in paged if one.kind == "create"]) == 1100
    assert paged == whole


def test_an_old_namenode_is_asked_for_the_single_answer_and_an_older_one_not_at_all(
    hdfs_dir: str, zone: HdfsZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.prepare_snapshots(allow=True)
    old = zone.snapshot("s1")
    put(zone, "new")
    new = zone.snapshot("s2")
    assert zone.difference(old, new, most=10).way == hdfs_difference.PAGED
    control, unknown = zone._control, {"GETSNAPSHOTDIFFLISTING"}
    assert control is not None
    call = control.call

    def older(op: str, path: str, **params: object) -> object:
        return call("NOSUCHOPERATION" if op in unknown else op, path, **params)  # type: ignore[arg-type]

    monkeypatch.setattr(control, "call", older)
    found = zone.difference(old, new, most=10)
    assert found.way == hdfs_difference.WHOLE
    assert Change("create", "new") in found.changes
    unknown.add("GETSNAPSHOTDIFF")
    with pytest.raises(Unsupported, match="3.1"):
        zone.difference(old, new, most=10)
    for name in ("s1", "s2"):
        zone.drop_snapshot(name)


def test_a_cycle_without_changes_asks_the_namenode_five_times(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server, bucket: str
) -> None:
    put(zone, "d/f", b"data")
    source, target = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source"), s3_place(s3_server, bucket)
    for _ in range(4):
        replicate(source.open(), target.open(), ALL)
    asked = Asked(hdfs_cluster)
    report = replicate(source.open(), target.open(), ALL)
    assert report.changes == 0
    calls = asked.count()
    assert sum(calls.values()) <= 5, calls


def test_many_changes_in_one_directory_are_told_by_a_page_of_its_listing(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server, bucket: str
) -> None:
    source, target = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source"), s3_place(s3_server, bucket)
    letters = ("old", "\u00e9", "\u65e5\u672c")  # HDFS sorts the latter before all ASCII
    write(source, {f"d/{name}{n:03d}": b"old" for n in range(40) for name in letters})
    replicate(source.open(), target.open(), ALL)
    write(source, {f"d/{name}{n:03d}": b"new one" for n in range(20) for name in (*letters, "new")})
    zone.set_attributes("d/new007", Attributes(acl="user:ann:r--,group::r--"))
    asked = Asked(hdfs_cluster)
    report = replicate(source.open(), target.open(), ALL)
    calls = asked.count()
    assert (report.copied_files, report.found_by.split()[0]) == (80, "difference")
    assert calls["getAclStatus"] < 10, calls  # 80 if each were asked for alone
    # 160 if each were; where any file of the cluster is open, it is asked of each of the 80 whether it is that one.
    assert calls["getfileinfo"] < 100, calls
    assert target.contents() == source.contents()
    assert verify(source.open(), target.open(), level="content").is_same


def test_another_file_of_the_same_size_and_time_is_another_file(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server, bucket: str
) -> None:
    """HDFS tells a version by size and time alone; the difference tells that something else stands there."""
    source, same_time = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source"), Attributes(mtime_ms=1_700_000_000_000)
    targets = [s3_place(s3_server, bucket), hdfs_place(hdfs_cluster, f"{hdfs_dir}/target")]
    for path in ("x", "y", "again", "d/f"):
        put(zone, path, path[:1].encode(), same_time)
    for target in targets:
        replicate(source.open(), target.open(), ALL)
    for old, new in (("x", "t"), ("y", "x"), ("t", "y")):
        zone.rename(old, new)
    zone.delete([zone.stat("again")])  # type: ignore[list-item]
    put(zone, "again", b"!", same_time)
    zone.rename("d", "gone")
    put(zone, "d/f", b"?", same_time)
    for target in targets:
        report = replicate(source.open(), target.open(), ALL)
        assert report.renamed == 3
        assert target.contents() == source.contents()
        assert verify(source.open(), target.open(), level="content").is_same


def test_a_snapshot_that_is_gone_and_too_many_changes_are_said(zone: HdfsZone) -> None:
    zone.prepare_snapshots(allow=True)
    old = zone.snapshot("s1")
    for number in range(5):
        put(zone, f"f{number}")
    new = zone.snapshot("s2")
    with pytest.raises(Unsupported, match="more than 4"):
        zone.difference(old, new, most=4)
    zone.drop_snapshot("s1")
    with pytest.raises(PathMissing):
        zone.difference(old, new, most=100)
    zone.drop_snapshot("s2")


def test_what_hdfs_leaves_out_of_its_differences_is_found_by_listings(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    """Why ``list_every_h`` is there: HDFS compares length, owner, mode, ACL and xattrs, and no times."""
    put(zone, "cut-and-grown", b"0123456789")
    put(zone, "touched", b"same")
    source, target = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source"), s3_place(s3_server, bucket)
    replicate(source.open(), target.open())
    root = zone._root
    hdfs_cluster.fs("-truncate", "-w", "5", f"{root}/cut-and-grown")
    wait_until(lambda: zone._data.is_closed(f"{root}/cut-and-grown"), what="the truncated file", seconds=60)
    (tmp_path / "other").write_bytes(b"other")
    # By Hadoop's own client: after an append to a truncated block by the native one, no replica was whole at times.
    hdfs_cluster.fs("-appendToFile", str(tmp_path / "other"), f"{root}/cut-and-grown")
    zone.set_attributes("touched", Attributes(mtime_ms=1_600_000_000_000))
    missed = replicate(source.open(), target.open())
    assert missed.found_by.startswith("difference of snapshots")
    assert target.contents()["cut-and-grown"] == b"0123456789"
    found = replicate(source.open(), target.open(), ReplicateOptions(list_every_h=1e-9))
    assert found.copied_files == 2
    assert target.contents() == {"cut-and-grown": b"01234other", "touched": b"same"}


CopiedBelow = Callable[..., tuple[Place, Place]]


@pytest.fixture
def copied_below(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server, bucket: str
) -> Iterator[CopiedBelow]:
    """Source and target of a first copy of "in", where the directory above it is the snapshottable one and holds some files."""

    def make(*paths: str) -> tuple[Place, Place]:
        zone.prepare_snapshots(allow=True)
        for path in paths:
            put(zone, path)
        source, target = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source/in"), s3_place(s3_server, bucket)
        replicate(source.open(), target.open())
        return source, target

    yield make
    for snapshot in zone.snapshots():
        zone.drop_snapshot(snapshot.name)


def test_a_location_below_the_snapshottable_directory_hears_of_its_own_changes(
    zone: HdfsZone, copied_below: CopiedBelow
) -> None:
    source, target = copied_below("in/a", "in/b", "in!/c", "beside/d")
    zone.rename("in/a", "beside/a")
    zone.rename("beside/d", "in/d")
    put(zone, "in!/c", b"not ours")
    report: Report = replicate(source.open(), target.open())
    assert report.found_by.endswith(": 2 paths")
    assert target.contents() == {"b": b"data", "d": b"data"}


def test_a_location_that_was_replaced_between_the_snapshots_is_listed(
    zone: HdfsZone, copied_below: CopiedBelow
) -> None:
    source, target = copied_below("in/a", "in/b", "other/a", "other/c")
    zone.rename("in", "was")
    zone.rename("other", "in")
    report = replicate(source.open(), target.open())
    assert "moved or replaced" in report.found_by
    assert target.contents() == {"a": b"data", "c": b"data"}


@pytest.mark.parametrize("to", ["s3", "hdfs", "file"])
def test_what_was_renamed_is_renamed_at_the_target_and_not_copied_again(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server, bucket: str, tmp_path: Path, to: str
) -> None:
    source = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source")
    target = {
        "s3": s3_place(s3_server, bucket),
        "hdfs": hdfs_place(hdfs_cluster, f"{hdfs_dir}/target"),
        "file": Place(f"file://{tmp_path}/t", {}),
    }[to]
    for path in ("a/f", "a/sub/g", "b/f", "b/h", "odd %+\u00e9/i", "keep"):
        put(zone, path, path.encode() * 10)
    put(zone, "a/large", bytes(range(256)) * 4096 * 20)  # 20 MiB: in parts
    replicate(source.open(), target.open())
    for old, new in (("a", "x"), ("b", "a"), ("x", "b"), ("b/sub", "sub!"), ("odd %+\u00e9", "new \u00fc/odd")):
        zone.rename(old, new)
    put(zone, "a/new", b"new")
    zone.set_attributes("b/f", Attributes(mode=0o600))
    report = replicate(source.open(), target.open(), ALL)
    assert report.found_by.startswith("difference of snapshots")
    assert (report.copied_files, report.renamed, report.failed) == (1, 6, 0), report.table()
    assert target.contents() == source.contents()
    if to == "hdfs":
        assert listed(target) == listed(source)
    assert verify(source.open(), target.open(), level="content").is_same
    assert replicate(source.open(), target.open(), ALL).changes == 0


@pytest.mark.parametrize("options", [ALL, replace(ALL, consistency="snapshot")], ids=lambda one: one.consistency)
def test_a_renamed_directory_is_one_rename_at_the_target_whatever_changed_inside(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, options: ReplicateOptions
) -> None:
    source, target = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source"), hdfs_place(hdfs_cluster, f"{hdfs_dir}/target")
    for number in range(40):
        put(zone, f"day/{number % 4}/f{number:02d}", b"data %d" % number)
    for path in ("day/gone/x", "day/empty", "keep"):
        put(zone, path)
    replicate(source.open(), target.open(), options)
    asked = Asked(hdfs_cluster)
    zone.make_directory("archive")
    zone.rename("day", "archive/day")
    zone._data._client.delete(f"{zone._root}/archive/day/gone", True)  # type: ignore[attr-defined]
    put(zone, "archive/day/0/f00", b"written anew")
    put(zone, "archive/day/1/new", b"new")
    writer = zone._data._client.append(f"{zone._root}/archive/day/2/f02")  # type: ignore[attr-defined]
    writer.write(b"more")
    writer.close()
    zone.set_attributes("archive/day/3", Attributes(mode=0o700))
    zone.set_attributes("archive/day/3/f03", Attributes(acl="user:ann:r--,group::r--"))
    asked.renames()
    report = replicate(source.open(), target.open(), options)
    renames = [(old, new) for old, new in asked.renames() if old.startswith(f"{hdfs_dir}/target/")]
    assert renames == [(f"{hdfs_dir}/target/day", f"{hdfs_dir}/target/archive/day")]
    assert (report.copied_files, report.renamed, report.failed) == (3, 39, 0), report.table()
    assert target.contents() == source.contents()
    assert listed(target) == listed(source)
    assert verify(source.open(), target.open(), level="content").is_same
    assert replicate(source.open(), target.open(), options).changes == 0
