"""Owners, modes, ACLs, extended attributes and checksums of HDFS, as Hadoop's own commands see them."""

from __future__ import annotations

import itertools
import shlex
import unicodedata
from collections.abc import Iterator

import pytest
import requests

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import Unsupported
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.services.hdfs import HdfsCluster
from tests.system.hdfs_common import Asked, put, stat, zone_of

FILE_ACL = "user:ann:rw-,group::r--,group:ops:r-x"
DIRECTORY_ACL = "user:ann:rwx,group::r-x,default:user::rwx,default:user:bob:r-x,default:group::r-x,default:mask::r-x,default:other::---"


@pytest.fixture
def zone(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[HdfsZone]:
    with zone_of(hdfs_cluster, hdfs_dir) as zone:
        yield zone


@pytest.fixture(scope="module")
def plain_cluster() -> Iterator[HdfsCluster]:
    """A cluster without ACLs and without extended attributes."""
    off = {"dfs.namenode.acls.enabled": "false", "dfs.namenode.xattrs.enabled": "false"}
    with HdfsCluster(1, replication=1, properties=off) as cluster:
        yield cluster


def shown(cluster: HdfsCluster, command: str, path: str) -> list[str]:
    """What ``hdfs dfs -getfacl`` or ``-getfattr -d`` shows, without the path."""
    return [
        line for line in cluster.fs(*shlex.split(command), path).stdout.splitlines() if line and "# file" not in line
    ]


class TestAcls:
    def test_acls_set_by_a_hadoop_command_are_scanned_and_arrive_elsewhere_as_that_command_shows_them(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        root = f"/{zone.address.path}"
        put(zone, "f", b"1")
        zone.make_directory("d")
        hdfs_cluster.fs("-setfacl", "-m", "user:ann:rw-,group:ops:r-x", f"{root}/f")
        hdfs_cluster.fs("-setfacl", "-m", "user:ann:rwx,default:user:bob:r-x,default:other::---", f"{root}/d")
        found = {entry.path: entry for entry in zone.scan()}
        assert {path: entry.acl for path, entry in found.items()} == {"f": FILE_ACL, "d": DIRECTORY_ACL}
        assert found["f"].mode == 0o674  # the group's bits are the mask
        zone.put("f2", b"1", checksum=checksum_of(b"1"), attributes=found["f"].attributes)
        zone.make_directory("d2", attributes=found["d"].attributes)
        for name in ("f", "d"):
            expected = shown(hdfs_cluster, "-getfacl", f"{root}/{name}")
            assert shown(hdfs_cluster, "-getfacl", f"{root}/{name}2") == expected
            assert "user:ann:" in str(expected)

    def test_only_entries_that_have_an_acl_are_asked_for_it(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, preserve={"acl"}) as zone:
            for number in range(20):
                put(zone, f"f{number:02d}", b"1", Attributes(acl=FILE_ACL) if number == 7 else None)
            asked = Asked(hdfs_cluster)
            acls = [entry.acl for entry in zone.scan()]
            assert [acl for acl in acls if acl] == [FILE_ACL]
            assert set(acls) == {FILE_ACL, ""}
            assert asked.count() == {"listStatus": 1, "getAclStatus": 1}

    def test_without_webhdfs_acls_are_found_as_well(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=None) as zone:
            for number in range(20):
                put(zone, f"f{number:02d}", b"1", Attributes(acl=FILE_ACL) if number == 7 else None)
            assert [entry.acl for entry in zone.scan()] == [FILE_ACL if number == 7 else "" for number in range(20)]
            assert stat(zone, "f07").acl == FILE_ACL

    def test_what_is_not_to_be_preserved_is_not_asked_for(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, preserve=()) as zone:
            put(zone, "f", b"1", Attributes(acl=FILE_ACL))
            asked = Asked(hdfs_cluster)
            assert [(entry.acl, entry.xattrs) for entry in zone.scan()] == [(None, None)]
            assert asked.count() == {"listStatus": 1}

    def test_acls_are_told_of_what_is_kept_aside_and_not_asked_for_in_records(
        self, hdfs_cluster: HdfsCluster, hdfs_dir: str
    ) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, preserve=["acl"]) as zone:
            for folder in ("removed", "runs"):
                put(zone, f".livedata/{folder}/1/f", b"1", Attributes(acl=FILE_ACL, mode=0o640))
            assert [entry.acl for entry in zone.scan(".livedata/removed/1")] == [FILE_ACL]
            asked = Asked(hdfs_cluster)
            assert [entry.acl for entry in zone.scan(".livedata/runs")] == [None, None]
            assert asked.count() == {"listStatus": 2}

    def test_an_acl_is_changed_and_removed(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        put(zone, "f", b"1", Attributes(acl=FILE_ACL, mode=0o640))
        changed = zone.set_attributes("f", Attributes(acl="user:bob:r--,group::---"))
        assert (changed.acl, changed.mode) == ("user:bob:r--,group::---", 0o640)
        removed = zone.set_attributes("f", Attributes(acl="", mode=0o604))
        assert (removed.acl, removed.mode) == ("", 0o604)
        assert shown(hdfs_cluster, "-getfacl", f"/{zone.address.path}/f")[2:] == [
            "user::rw-",
            "group::---",
            "other::r--",
        ]

    def test_files_do_not_inherit_an_acl_on_their_way_through_the_stage(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        zone.set_attributes(
            "", Attributes(acl="default:user::rwx,default:user:ann:rwx,default:group::rwx,default:other::rwx")
        )
        entry = put(zone, "f", b"1", Attributes(acl="", mode=0o640))
        assert (entry.acl, stat(zone, "f").acl, stat(zone, "f").mode) == ("", "", 0o640)

    def test_nobody_else_can_look_into_the_stage(self, zone: HdfsZone) -> None:
        put(zone, "f")
        assert stat(zone, ".livedata/stage").mode == 0o700

    def test_a_cluster_without_acls_and_xattrs_is_read_and_written_and_says_what_it_did_not_keep(
        self, plain_cluster: HdfsCluster
    ) -> None:
        plain_cluster.mkdirs("/plain")
        with zone_of(plain_cluster, "/plain", preserve={"acl"}) as zone:
            put(zone, "f", b"1", Attributes(acl=FILE_ACL, xattrs=(("user.a", b"1"),), mode=0o640))
            assert [(entry.path, entry.acl, entry.mode) for entry in zone.scan()] == [("f", "", 0o640)]
            assert [(one.path, one.reason.split(" ")[0]) for one in zone.unkept] == [("f", "ACL"), ("f", "user.a")]
        with zone_of(plain_cluster, "/plain", preserve={"acl"}, webhdfs=None) as zone:
            assert [(entry.path, entry.acl) for entry in zone.scan()] == [("f", "")]


class TestExtendedAttributes:
    def test_xattrs_set_by_a_hadoop_command_are_scanned_and_arrive_elsewhere_as_that_command_shows_them(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        root = f"/{zone.address.path}"
        put(zone, "f", b"1")
        hdfs_cluster.fs("-setfattr", "-n", "user.origin", "-v", "0x00ff41", f"{root}/f")
        hdfs_cluster.fs("-setfattr", "-n", "trusted.secret", "-v", "x y", f"{root}/f")
        hdfs_cluster.fs("-setfattr", "-n", "user.empty", f"{root}/f")
        entry = next(iter(zone.scan()))
        assert entry.xattrs == (("trusted.secret", b"x y"), ("user.empty", b""), ("user.origin", b"\x00\xffA"))
        zone.put("f2", b"1", attributes=entry.attributes)
        expected = shown(hdfs_cluster, "-getfattr -d -e hex", f"{root}/f")
        assert shown(hdfs_cluster, "-getfattr -d -e hex", f"{root}/f2") == expected
        assert len(expected) == 3

    def test_xattrs_are_replaced_as_a_whole(self, zone: HdfsZone) -> None:
        put(zone, "f", b"1", Attributes(xattrs=(("user.a", b"1"), ("user.b", b"2"))))
        assert zone.set_attributes("f", Attributes(xattrs=(("user.b", b"3"), ("user.c", b"")))).xattrs == (
            ("user.b", b"3"),
            ("user.c", b""),
        )
        assert zone.set_attributes("f", Attributes(mode=0o600)).xattrs == (("user.b", b"3"), ("user.c", b""))
        assert zone.set_attributes("f", Attributes(xattrs=())).xattrs == ()

    def test_many_entries_have_their_own(self, zone: HdfsZone) -> None:
        for number in range(30):
            put(zone, f"f{number:02d}", b"1", Attributes(xattrs=(("user.n", str(number).encode()),)))
        assert [entry.xattrs for entry in zone.scan()] == [(("user.n", str(number).encode()),) for number in range(30)]

    def test_without_webhdfs_they_are_told_as_not_kept(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=None) as zone:
            put(zone, "f", b"1", Attributes(xattrs=(("user.a", b"1"),)))
            assert [one.error for one in zone.unkept] == [Unsupported.__name__]
            assert "xattrs" not in zone.facts.attributes


class TestOwnersAndModes:
    def test_a_superuser_keeps_owner_group_mode_and_time(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        wanted = Attributes(mtime_ms=1_500_000_000_123, owner="ann", group="ops", mode=0o604)
        written = put(zone, "f", b"12345", wanted)
        zone.make_directory("d", attributes=wanted._replace(mode=0o1751))
        found = hdfs_cluster.fs("-stat", "%u %g %a %Y", *(f"/{zone.address.path}/{name}" for name in "fd")).stdout
        assert found.splitlines() == ["ann ops 604 1500000000123", "ann ops 1751 1500000000123"]
        assert written == stat(zone, "f")

    def test_an_upload_says_what_stat_says(self, zone: HdfsZone) -> None:
        wanted = [
            None,
            Attributes(),
            Attributes(mtime_ms=1_500_000_000_123, owner="ann", mode=0o600, acl=FILE_ACL, xattrs=()),
        ]
        for number, attributes in itertools.product(range(2), wanted):
            upload = zone.begin("d/f", 5, attributes=attributes)
            parts = [upload.part(0, b"1234" + str(number).encode(), checksum_of(b"x"))]
            staged = upload.stage(parts, checksum_of(b"x"))
            assert staged == upload.complete(parts, checksum_of(b"x")) == stat(zone, "d/f")

    def test_parents_of_a_private_directory_are_not_private(self, zone: HdfsZone) -> None:
        zone.make_directory("a/b/c", attributes=Attributes(mode=0o700))
        assert [stat(zone, path).mode for path in ("a", "a/b", "a/b/c")] == [0o755, 0o755, 0o700]

    def test_owners_that_this_user_may_not_set_are_left_and_told(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        path = f"/{zone.address.path}/hers"
        zone.make_directory("hers")
        zone.close()
        hdfs_cluster.fs("-chown", "alice:staff", path)
        with zone_of(hdfs_cluster, path, user="alice") as hers:
            wanted = Attributes(owner="bob", group="wheel", mode=0o640, mtime_ms=1_500_000_000_123)
            asked = Asked(hdfs_cluster)
            entries = [put(hers, f"f{number}", b"1", wanted) for number in range(5)]
            assert {(entry.owner, entry.group, entry.mode) for entry in entries} == {("alice", "staff", 0o640)}
            assert entries == list(hers.scan())
            assert [(one.path, one.error) for one in hers.unkept] == [("f0", "PermissionRefused")] * 2
            assert asked.count()["setOwner"] == 2  # not tried again for each file
            entry = hers.set_attributes("f0", Attributes(group="staff", owner="bob", mode=0o600))
            assert (entry.owner, entry.mode) == ("alice", 0o600)

    def test_a_small_file_costs_few_calls(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        wanted = Attributes(mtime_ms=1_500_000_000_123, mode=0o640)
        put(zone, "d/first", b"1", wanted)
        asked = Asked(hdfs_cluster)
        put(zone, "d/f", b"1", wanted)
        # And two that the audit log leaves out.
        assert asked.count_but_closing() == {"create": 1, "setTimes": 1, "rename": 1}


class TestStoreChecksums:
    def test_the_checksum_is_what_the_hadoop_command_says(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        put(zone, "f", b"12345" * 1000)
        put(zone, "empty", b"")
        for name in ("f", "empty"):
            _, kind, value = hdfs_cluster.fs("-checksum", f"/{zone.address.path}/{name}").stdout.split()
            assert zone.store_checksum(name) == f"{kind}:{value}"

    @pytest.mark.parametrize("by_session", [False, True])
    def test_names_of_one_look_are_not_taken_for_each_other(
        self, hdfs_cluster: HdfsCluster, hdfs_dir: str, by_session: bool
    ) -> None:
        session = requests.Session()
        session.auth = ("ann", "secret")  # something that only a session can carry
        with session, zone_of(hdfs_cluster, hdfs_dir, session=session if by_session else None) as zone:
            names = [unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD")]
            for name in names:
                put(zone, name, name.encode())
            put(zone, "same", names[1].encode())
            assert zone.store_checksum(names[1]) == zone.store_checksum("same") != zone.store_checksum(names[0])
            put(zone, "\\\u0301", names[1].encode())  # its %5C is composed with the accent by Java
            assert zone.store_checksum("\\\u0301") == zone.store_checksum("same")

    def test_without_webhdfs_there_is_none(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=None) as zone:
            put(zone, "f")
            assert zone.store_checksum("f") == ""
