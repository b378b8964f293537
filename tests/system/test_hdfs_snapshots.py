"""Snapshots of HDFS: whose, where, how many, and files that are open in them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from airflow_provider_livedata.engine.errors import ObjectChanged, SnapshotRefused
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.zones.hdfs import snapshots as hdfs_snapshots
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.services.hdfs import HdfsCluster
from tests.system.hdfs_common import open_file, put, read, stat, zone_of


@pytest.fixture
def zone(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[HdfsZone]:
    with zone_of(hdfs_cluster, hdfs_dir) as zone:
        yield zone


@pytest.fixture(scope="module")
def narrow_cluster() -> Iterator[HdfsCluster]:
    """A cluster that keeps three snapshots a directory."""
    with HdfsCluster(1, replication=1, properties={"dfs.namenode.snapshot.max.limit": "3"}) as cluster:
        yield cluster


def command_in(message: str) -> list[str]:
    """The words of the ``hdfs dfsadmin`` command that a message tells to run."""
    import shlex

    found = re.search(r"hdfs dfsadmin (-\w+ (?:'[^']*'|\S+))", message)
    assert found is not None, message
    return shlex.split(found[1])


class TestWhereSnapshotsAreTaken:
    def test_the_message_holds_the_command_that_makes_it_possible(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        zone.make_directory("with space & $HOME")
        with zone_of(hdfs_cluster, f"{zone.address.path}/with space & $HOME") as inner:
            with pytest.raises(SnapshotRefused) as refused:
                inner.prepare_snapshots(allow=False)
            command = command_in(str(refused.value))
            assert command == ["-allowSnapshot", f"/{inner.address.path}"]
            hdfs_cluster.dfsadmin(*command)
            assert inner.prepare_snapshots(allow=False) == f"/{inner.address.path}"
            assert inner.snapshot("s1").name == "s1"
            inner.drop_snapshot("s1")

    def test_nothing_is_allowed_unless_asked_for(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        with pytest.raises(SnapshotRefused):
            zone.prepare_snapshots(allow=False)
        with pytest.raises(SnapshotRefused, match="allowSnapshot"):
            zone.snapshot("s1")
        assert f"/{zone.address.path}" not in allowed(hdfs_cluster)
        assert zone.snapshots() == []
        zone.drop_snapshot("s1")

    def test_with_the_right_to_do_so_the_location_is_allowed_itself(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        assert zone.prepare_snapshots(allow=True) == f"/{zone.address.path}"
        assert f"/{zone.address.path}" in allowed(hdfs_cluster)

    def test_a_directory_above_that_may_be_snapshotted_is_used(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        put(zone, "a/b/f", b"before")
        put(zone, "beside", b"1")
        zone.prepare_snapshots(allow=True)
        with zone_of(hdfs_cluster, f"{zone.address.path}/a/b") as inner:
            assert inner.prepare_snapshots(allow=True) == f"/{zone.address.path}"
            snapshot = inner.snapshot("s1")
            assert snapshot.root == f"/{zone.address.path}"
            put(inner, "f", b"after!")
            view = inner.at(snapshot)
            assert [entry.path for entry in view.scan()] == ["f"]
            assert read(view, "f") == b"before"
            assert [one.name for one in zone.snapshots()] == ["s1"]
            inner.drop_snapshot("s1")
            assert zone.snapshots() == []

    def test_a_snapshottable_directory_below_makes_it_impossible_and_is_named(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        zone.make_directory("inner/deep")
        with zone_of(hdfs_cluster, f"{zone.address.path}/inner/deep") as inner:
            inner.prepare_snapshots(allow=True)
        with pytest.raises(SnapshotRefused, match="inner/deep is snapshottable already") as refused:
            zone.prepare_snapshots(allow=True)
        hdfs_cluster.dfsadmin(*command_in(str(refused.value)))
        assert zone.prepare_snapshots(allow=True) == f"/{zone.address.path}"

    def test_a_directory_that_holds_as_many_as_it_may_is_refused_before_anything_is_done(
        self, narrow_cluster: HdfsCluster
    ) -> None:
        narrow_cluster.mkdirs("/full")
        with zone_of(narrow_cluster, "/full") as zone:
            zone.prepare_snapshots(allow=True)
            for number in range(3):
                zone.prepare_snapshots(allow=False)
                zone.snapshot(f"s{number}")
            with pytest.raises(SnapshotRefused, match="-deleteSnapshot /full"):
                zone.prepare_snapshots(allow=False)
            with pytest.raises(SnapshotRefused, match="-deleteSnapshot /full"):
                zone.snapshot("s3")
            zone.drop_snapshot("s1")
            zone.prepare_snapshots(allow=False)

    def test_without_webhdfs_the_message_says_what_is_missing(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=None) as zone:
            for attempt in (lambda: zone.prepare_snapshots(allow=True), zone.snapshots, zone.may_have_open_files):
                with pytest.raises(SnapshotRefused, match="webhdfs"):
                    attempt()

    def test_a_snapshot_of_another_directory_has_no_view_here(self, zone: HdfsZone) -> None:
        with pytest.raises(SnapshotRefused):
            zone.at(Snapshot("s1", "/elsewhere", 0))

    def test_older_clusters_that_tell_less_are_found_out_by_looking(
        self, zone: HdfsZone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Hadoop before 3.1 has no list of snapshottable directories, before 3.3 none of snapshots: it refuses the op.
        call = zone._control.call  # type: ignore[union-attr]

        def older(op: str, path: str, **named: object) -> object:
            return call("NOSUCHOP" if op in ("GETSNAPSHOTTABLEDIRECTORYLIST", "GETSNAPSHOTLIST") else op, path, **named)  # type: ignore[arg-type]

        zone.prepare_snapshots(allow=True)
        zone.snapshot("s1")
        monkeypatch.setattr(zone._control, "call", older)
        again = hdfs_snapshots.SnapshotStore(f"/{zone.address.path}", zone._control)  # type: ignore[arg-type]
        assert [one.name for one in again.all()] == ["s1"]
        assert again.all() == zone.snapshots()


class TestUsersWithFewerRights:
    def test_an_owner_takes_snapshots_once_an_administrator_has_allowed_them(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        path = own_directory(hdfs_cluster, zone, "alice")
        with zone_of(hdfs_cluster, path, user="alice") as hers:
            for allow in (False, True):
                with pytest.raises(SnapshotRefused) as refused:
                    hers.prepare_snapshots(allow=allow)
                assert command_in(str(refused.value)) == ["-allowSnapshot", path]
            hdfs_cluster.dfsadmin("-allowSnapshot", path)
            assert hers.prepare_snapshots(allow=False) == path
            assert hers.at(hers.snapshot("s1")).stat("") is not None
            hers.drop_snapshot("s1")

    def test_a_snapshottable_directory_of_someone_else_is_named_with_what_to_do(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        path = own_directory(hdfs_cluster, zone, "alice")
        above = f"/{zone.address.path.rpartition('/')[0]}" if path.count("/") < 3 else path.rpartition("/")[0]
        hdfs_cluster.dfsadmin("-allowSnapshot", above)
        with zone_of(hdfs_cluster, path, user="alice") as hers:
            with pytest.raises(SnapshotRefused, match=f"{above} may be snapshotted, but only by its owner"):
                hers.prepare_snapshots(allow=True)
            with pytest.raises(SnapshotRefused, match="only the owner"):
                hers.snapshot("s1")


class TestFilesThatAreOpen:
    def test_without_freezing_an_open_file_grows_in_the_snapshot_and_is_told(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        put(zone, "closed", b"12345")
        zone.prepare_snapshots(allow=True)
        with open_file(hdfs_cluster, f"/{zone.address.path}/open", b"a" * 1000) as writer:
            snapshot = zone.snapshot("s1")
            assert snapshot.opened_files_frozen is False
            assert zone.may_have_open_files()
            view = zone.at(snapshot)
            entries = {entry.path: entry for entry in view.scan()}
            assert {path: zone.is_open(entry) for path, entry in entries.items()} == {"open": True, "closed": False}
            listed = entries["open"]
            assert (listed.size_bytes, read(view, "open", version=listed.version)) == (1000, b"a" * 1000)
            writer.write(b"b" * 5000)
        assert zone.is_open(entries["open"])
        assert read(view, "open", version=entries["open"].version) == b"a" * entries["open"].size_bytes  # as listed
        with pytest.raises(ObjectChanged):
            read(view, "open", version="6001:1")
        grown = stat(view, "open")
        assert grown.size_bytes == 6000
        assert not zone.is_open(grown)
        assert read(view, "open", version=grown.version) == b"a" * 1000 + b"b" * 5000
        zone.drop_snapshot("s1")

    def test_with_freezing_an_open_file_keeps_its_length_and_nothing_is_asked(
        self, hdfs_cluster_freezing: HdfsCluster
    ) -> None:
        hdfs_cluster_freezing.mkdirs("/frozen")
        with zone_of(hdfs_cluster_freezing, "/frozen") as zone:
            zone.prepare_snapshots(allow=True)
            with open_file(hdfs_cluster_freezing, "/frozen/open", b"a" * 1000) as writer:
                snapshot = zone.snapshot("s1")
                assert snapshot.opened_files_frozen is True
                assert not zone.may_have_open_files()
                before = stat(zone.at(snapshot), "open")
                writer.write(b"b" * 5000)
            assert (before.size_bytes, stat(zone.at(snapshot), "open").size_bytes) == (1000, 1000)
            assert read(zone.at(snapshot), "open", version=before.version) == b"a" * 1000
            assert stat(zone, "open").size_bytes == 6000
            zone.drop_snapshot("s1")

    def test_a_file_that_went_from_the_live_tree_may_be_open_by_another_name(self, zone: HdfsZone) -> None:
        entry = put(zone, "d/f", b"12345")
        assert not zone.is_open(entry)
        zone.delete([entry, stat(zone, "d")])
        assert zone.is_open(entry)
        put(zone, "d", b"a file where the directory was")
        assert zone.is_open(entry)

    def test_a_file_that_is_renamed_while_it_is_written_grows_in_the_snapshot_and_is_told(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        zone.prepare_snapshots(allow=True)
        zone.make_directory("d")
        with open_file(hdfs_cluster, f"/{zone.address.path}/d/open", b"a" * 1000) as writer:
            view = zone.at(zone.snapshot("s1"))
            listed = stat(view, "d/open")
            zone.rename("d", "e")
            assert zone.is_open(listed)
            writer.write(b"b" * 5000)
        assert stat(view, "d/open").size_bytes == 6000
        zone.drop_snapshot("s1")

    def test_a_file_that_was_closed_after_it_was_listed_has_another_time(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        zone.prepare_snapshots(allow=True)
        with open_file(hdfs_cluster, f"/{zone.address.path}/empty", b""):
            view = zone.at(zone.snapshot("s1"))
            listed = stat(view, "empty")
            time.sleep(0.01)
        closed = stat(view, "empty")
        assert (closed.size_bytes, closed.mtime_ms > listed.mtime_ms) == (0, True)
        assert zone.is_open(listed)
        assert not zone.is_open(closed)
        zone.drop_snapshot("s1")

    def test_numbers_from_before_the_snapshot_do_not_count(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        zone.prepare_snapshots(allow=True)
        wait_for_none_open(zone)  # now the NameNode shows "none open" for up to ten seconds
        with open_file(hdfs_cluster, f"/{zone.address.path}/open", b"a"):
            zone.snapshot("s1")
            assert zone.may_have_open_files()
        zone.drop_snapshot("s1")

    def test_when_nothing_is_open_on_the_cluster_no_file_needs_to_be_asked(self, zone: HdfsZone) -> None:
        zone.prepare_snapshots(allow=True)
        put(zone, "f")
        zone.snapshot("s1")
        wait_for_none_open(zone)
        zone.drop_snapshot("s1")


def wait_for_none_open(zone: HdfsZone) -> None:
    deadline = time.monotonic() + 60
    while zone.may_have_open_files():
        assert time.monotonic() < deadline, "the NameNode still shows open files"
        time.sleep(0.5)


def own_directory(cluster: HdfsCluster, zone: HdfsZone, user: str) -> str:
    """A directory in the zone that belongs to ``user``; the zone is closed: a process is one user at a time."""
    zone.make_directory("above/hers")
    path = f"/{zone.address.path}/above/hers"
    zone.close()
    cluster.fs("-chown", f"{user}:staff", path)
    return path


def allowed(cluster: HdfsCluster) -> set[str]:
    """The cluster's snapshottable directories."""
    found = cluster.hadoop("org.apache.hadoop.hdfs.tools.snapshot.LsSnapshottableDir").stdout
    return {line.split()[-1] for line in found.splitlines() if line.strip()}
