"""HDFS on a bad day: damaged blocks, dead nodes, wrong addresses, wrong users, and what a read costs."""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BadOption,
    CorruptSource,
    LiveDataError,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    ZoneBusy,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Expect, Part
from airflow_provider_livedata.engine.retry import retry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.hdfs import check as hdfs_check
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.services.hdfs import HdfsCluster
from tests.services.processes import free_ports
from tests.system.hdfs_common import Asked, open_file, put, read, stat, zone_of

MIB = 1 << 20


@pytest.fixture
def zone(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[HdfsZone]:
    with zone_of(hdfs_cluster, hdfs_dir) as zone:
        yield zone


@pytest.fixture
def own_cluster() -> Iterator[HdfsCluster]:
    """A cluster of the test's own, to be broken."""
    with HdfsCluster() as cluster:
        cluster.mkdirs("/data")
        yield cluster


def random_bytes(size_bytes: int) -> bytes:
    return os.urandom(size_bytes)


def replicas(cluster: HdfsCluster, data: bytes) -> list[Path]:
    """The block files that hold ``data``."""
    found = [path for index in range(2) for path in cluster.block_files(index) if path.stat().st_size == len(data)]
    return [path for path in found if path.read_bytes() == data]


def flip_a_byte(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


class TestDamagedBlocks:
    def test_a_block_whose_replicas_are_all_damaged_is_a_corrupt_source(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        data = random_bytes(300_000)
        entry = put(zone, "f", data)
        put(zone, "intact", data[:1000])
        damaged = replicas(hdfs_cluster, data)
        assert len(damaged) == 2
        for path in damaged:
            flip_a_byte(path, 200_000)
        for _ in range(2):
            with pytest.raises(CorruptSource) as refused:
                read(zone, "f", 300_000, version=entry.version)
            assert refused.value.where["address"].endswith(f"{zone.address.path}/f")
            assert not refused.value.retryable
        assert read(zone, "f", 100_000, version=entry.version) == data[:100_000]
        assert read(zone, "intact") == data[:1000]

    def test_a_small_file_of_one_damaged_chunk_is_a_corrupt_source_once_others_were_read(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        data = random_bytes(400)
        put(zone, "f", data)
        put(zone, "intact", b"1")
        for path in replicas(hdfs_cluster, data):
            flip_a_byte(path, 100)
        assert read(zone, "intact") == b"1"
        with pytest.raises(CorruptSource):
            read(zone, "f")

    def test_blocks_whose_files_are_gone_are_a_corrupt_source(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        data = random_bytes(1000)
        put(zone, "f", data)
        put(zone, "intact", b"1")
        for path in replicas(hdfs_cluster, data):
            path.unlink()
        assert read(zone, "intact") == b"1"
        with pytest.raises(CorruptSource):
            read(zone, "f")

    def test_one_damaged_replica_goes_unnoticed(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        data = random_bytes(300_000)
        put(zone, "f", data)
        flip_a_byte(replicas(hdfs_cluster, data)[0], 200_000)
        assert [read(zone, "f") for _ in range(4)] == [data] * 4


class TestDeadNodes:
    def test_a_datanode_killed_in_the_middle_of_a_file_does_not_stop_the_reader(self, own_cluster: HdfsCluster) -> None:
        with zone_of(own_cluster, "/data") as zone:
            data = random_bytes(8 * MIB)
            version = put(zone, "f", data).version
            buffer, filled = bytearray(len(data)), 0
            while filled < len(data):
                filled += zone.read_into("f", filled, memoryview(buffer)[filled : filled + MIB], version=version)
                if filled == 2 * MIB:
                    own_cluster.kill_datanode(0)
            assert buffer == data
            own_cluster.kill_datanode(1)
            with pytest.raises(ZoneUnreachable) as refused:
                read(zone, "f", MIB, version=version)
            assert refused.value.retryable
            own_cluster.start_datanode(0)
            assert read(zone, "f", len(data), version=version) == data

    def test_blocks_that_moved_since_the_file_was_opened_are_found_again(self, own_cluster: HdfsCluster) -> None:
        data = random_bytes(MIB)
        local = own_cluster.data_dir / "moving"
        local.write_bytes(data)
        own_cluster.fs("-D", "dfs.replication=1", "-put", local, "/data/f")
        with zone_of(own_cluster, "/data") as zone:
            version = stat(zone, "f").version
            assert read(zone, "f", 1000, version=version) == data[:1000]  # its reader is kept, and knows one DataNode
            holder = 0 if own_cluster.block_files(0) else 1
            own_cluster.fs("-setrep", "-w", "2", "/data/f")
            own_cluster.kill_datanode(holder)
            assert read(zone, "f", 1000, 5000, version=version) == data[5000:6000]

    def test_a_datanode_killed_while_a_file_is_written_does_not_stop_the_writer(self, own_cluster: HdfsCluster) -> None:
        with zone_of(own_cluster, "/data") as zone:
            pieces = [random_bytes(MIB) for _ in range(16)]
            whole = b"".join(pieces)
            upload = zone.begin("f", len(whole))
            parts: list[Part] = []
            for index in range(0, len(whole), upload.part_bytes):
                piece = whole[index : index + upload.part_bytes]
                parts.append(upload.part(len(parts), piece, checksum_of(piece)))
                if len(parts) == 1:
                    own_cluster.kill_datanode(0)
            upload.stage(parts, checksum_of(whole))
            upload.complete(parts, checksum_of(whole))
            assert read(zone, "f", len(whole)) == whole

    def test_a_namenode_that_is_restarted_is_unreachable_for_a_while_and_then_served_by_the_same_zone(
        self, own_cluster: HdfsCluster
    ) -> None:
        with zone_of(own_cluster, "/data") as zone:
            entry = put(zone, "f", b"12345")
            own_cluster.stop_namenode()
            for attempt in (
                lambda: read(zone, "f"),
                lambda: zone.stat("f"),
                lambda: list(zone.scan()),
                lambda: put(zone, "g"),
                lambda: zone.check(writable=False),
                lambda: zone.is_open(entry),
                zone.snapshots,
            ):
                with pytest.raises(ZoneUnreachable) as refused:
                    attempt()
                assert refused.value.retryable
            own_cluster.start_namenode()
            assert stat(zone, "f") == entry
            assert retry(lambda: read(zone, "f")) == b"12345"  # DataNodes report their blocks a little later

    def test_a_namenode_in_safe_mode_is_busy_and_readable(self, own_cluster: HdfsCluster) -> None:
        with zone_of(own_cluster, "/data") as zone:
            put(zone, "f", b"12345")
            own_cluster.dfsadmin("-safemode", "enter")
            assert read(zone, "f") == b"12345"
            for attempt in (lambda: put(zone, "g"), lambda: zone.prepare_snapshots(allow=True)):
                with pytest.raises(ZoneBusy):
                    attempt()
            own_cluster.dfsadmin("-safemode", "leave")
            put(zone, "g")


class TestLostReplies:
    @pytest.mark.parametrize("expect", [None, ABSENT, "version"])
    def test_a_file_whose_publishing_was_not_answered_is_recognised(
        self, zone: HdfsZone, monkeypatch: pytest.MonkeyPatch, expect: Expect
    ) -> None:
        expected = put(zone, "d/f", b"older").version if expect == "version" else expect
        upload = zone.begin("d/f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        upload.stage(parts, checksum_of(b"12345"))
        rename = zone._data.rename

        def rename_and_break_off(old: str, new: str, *, replace: bool) -> None:
            rename(old, new, replace=replace)
            raise ZoneUnreachable("broken off")

        if expected != "version":
            zone.make_directory("d")
        with monkeypatch.context() as patch:
            patch.setattr(zone._data, "rename", rename_and_break_off)
            with pytest.raises(ZoneUnreachable):
                upload.complete(parts, checksum_of(b"12345"), expect=expected)
        assert upload.complete(parts, checksum_of(b"12345"), expect=expected) == stat(zone, "d/f")
        assert read(zone, "d/f") == b"12345"

    def test_a_stage_whose_file_someone_removed_is_not_taken_for_published(self, zone: HdfsZone) -> None:
        there = put(zone, "f", b"other")
        upload = zone.begin("f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        upload.stage(parts, checksum_of(b"12345"))
        zone.delete(list(zone.scan(".livedata/stage")))
        with pytest.raises(PathMissing):
            upload.complete(parts, checksum_of(b"12345"))
        assert stat(zone, "f") == there


class TestAddresses:
    def test_where_nothing_listens_the_error_comes_soon_and_names_the_address(self) -> None:
        port = free_ports(1)[0]
        for options in ({}, {"webhdfs": [f"http://127.0.0.1:{port}"]}):
            zone = HdfsZone.open(Address("hdfs", f"127.0.0.1:{port}", "data"), **options)  # type: ignore[arg-type]
            for writable in (True, False):
                with pytest.raises(ZoneUnreachable) as refused:
                    zone.check(writable=writable)
                assert refused.value.where["address"] == f"hdfs://127.0.0.1:{port}/data"
            zone.close()

    def test_a_server_that_accepts_and_never_answers_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hdfs_check, "DEADLINE_SECONDS", 1.0)
        with socket.create_server(("127.0.0.1", 0)) as mute:
            zone = HdfsZone.open(Address("hdfs", f"127.0.0.1:{mute.getsockname()[1]}", "data"))
            with pytest.raises(ZoneUnreachable, match="does not answer"):
                zone.check(writable=False)
            zone.close()

    def test_a_webhdfs_address_where_nothing_listens_is_named(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        wrong = f"http://127.0.0.1:{free_ports(1)[0]}"
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=[wrong]) as zone, pytest.raises(ZoneUnreachable, match=wrong):
            zone.check(writable=False)

    def test_a_web_address_that_is_no_webhdfs_is_told(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        datanode = f"http://127.0.0.1:{hdfs_cluster.ports[0].http}"
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=[f"{datanode}/nothing"]) as zone, pytest.raises(LiveDataError):
            zone.check(writable=False)

    def test_of_several_namenodes_the_one_that_is_active_is_found(
        self, hdfs_cluster: HdfsCluster, hdfs_dir: str
    ) -> None:
        dead = f"127.0.0.1:{free_ports(1)[0]}"
        with standby() as passive:
            web = [f"http://{dead}", passive, f"http://{hdfs_cluster.http}"]
            with zone_of(hdfs_cluster, hdfs_dir, rpc=[dead, hdfs_cluster.rpc], webhdfs=web) as zone:
                zone.check(writable=True)
                entry = put(zone, "f", b"12345")
                assert list(zone.scan()) == [entry]
                assert read(zone, "f", version=entry.version) == b"12345"
                zone.prepare_snapshots(allow=True)
                zone.snapshot("s1")
                zone.drop_snapshot("s1")
            with zone_of(hdfs_cluster, hdfs_dir, webhdfs=web[:2]) as zone, pytest.raises(ZoneBusy, match="active"):
                zone.stat("f")

    def test_what_stands_in_the_way_is_named_before_a_run(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        put(zone, "f")
        for path, writable, error in (
            ("f", True, NotADirectory),
            ("f/g", True, NotADirectory),
            ("gone", False, PathMissing),
        ):
            with zone_of(hdfs_cluster, f"{zone.address.path}/{path}") as other:
                with pytest.raises(error) as refused:
                    other.check(writable=writable)
                assert refused.value.where["address"] == str(other.address)


class TestUsers:
    @pytest.mark.parametrize("with_webhdfs", [True, False])
    def test_what_a_user_may_not_do_is_refused_before_a_run(
        self, hdfs_cluster: HdfsCluster, hdfs_dir: str, with_webhdfs: bool
    ) -> None:
        hdfs_cluster.mkdirs(f"{hdfs_dir}/closed")
        hdfs_cluster.fs("-chmod", "700", f"{hdfs_dir}/closed")
        options: dict[str, Any] = {"user": "alice"} if with_webhdfs else {"user": "alice", "webhdfs": None}
        for path, writable in ((hdfs_dir, True), (f"{hdfs_dir}/new", True), (f"{hdfs_dir}/closed", False)):
            with zone_of(hdfs_cluster, path, **options) as zone, pytest.raises(PermissionRefused):
                zone.check(writable=writable)
        with zone_of(hdfs_cluster, hdfs_dir, **options) as zone:
            zone.check(writable=False)
            with pytest.raises(PermissionRefused):
                list(zone.scan())
            with pytest.raises(PermissionRefused):
                put(zone, "f")

    def test_without_webhdfs_a_check_leaves_no_trace(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, webhdfs=None) as zone:
            before = stat(zone, "")
            zone.check(writable=True)
            assert (stat(zone, ""), list(zone.scan())) == (before, [])

    def test_two_users_at_once_in_one_process_are_refused(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
        with zone_of(hdfs_cluster, hdfs_dir, user="alice"):
            with pytest.raises(BadOption, match="alice"), zone_of(hdfs_cluster, hdfs_dir, user="bob"):
                pass
            with zone_of(hdfs_cluster, hdfs_dir, user="alice"):
                pass
        with zone_of(hdfs_cluster, hdfs_dir, user="bob"):
            assert os.environ["HADOOP_USER_NAME"] == "bob"
        assert os.environ.get("HADOOP_USER_NAME", getpass.getuser()) == getpass.getuser()


class TestWhatAReadCosts:
    def test_a_small_file_in_a_snapshot_costs_one_call_and_a_live_one_two(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        zone.prepare_snapshots(allow=True)
        entry = put(zone, "f", b"12345")
        view = zone.at(zone.snapshot("s1"))
        asked = Asked(hdfs_cluster)
        assert read(view, "f", 5, version=entry.version) == b"12345"
        assert asked.count() == {"open": 1}
        assert read(zone, "f", 5, version=entry.version) == b"12345"
        assert asked.count() == {"open": 1, "getfileinfo": 1}
        zone.drop_snapshot("s1")

    def test_the_parts_of_a_file_are_read_by_one_call_in_any_order(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        data = random_bytes(MIB)
        version = put(zone, "f", data).version
        asked = Asked(hdfs_cluster)
        for offset in (524_288, 0, 786_432, 262_144):
            assert read(zone, "f", 262_144, offset, version=version) == data[offset : offset + 262_144]
        assert asked.count() == {"open": 1, "getfileinfo": 1}

    def test_a_kept_reader_never_gives_bytes_of_another_version(self, zone: HdfsZone) -> None:
        old = put(zone, "f", b"a" * MIB)
        assert read(zone, "f", 10, version=old.version) == b"a" * 10
        new = put(zone, "f", b"b" * MIB)
        assert read(zone, "f", 10, version=new.version) == b"b" * 10
        with pytest.raises(ObjectChanged):
            read(zone, "f", 10, version=f"{MIB}:1")

    def test_a_live_file_that_is_being_written_is_told_and_never_read_in_part(
        self, hdfs_cluster: HdfsCluster, zone: HdfsZone
    ) -> None:
        with open_file(hdfs_cluster, f"/{zone.address.path}/open", b"a" * 1000):
            entry = stat(zone, "open")
            assert entry.size_bytes == 1000
            with pytest.raises(ObjectChanged, match="being written"):
                read(zone, "open", version=entry.version)
        assert read(zone, "open", version=stat(zone, "open").version) == b"a" * 1000

    def test_blocks_of_a_file_join_without_a_seam(self, hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
        data = random_bytes(10_000)
        local = hdfs_cluster.data_dir / "seamless"
        local.write_bytes(data)
        hdfs_cluster.fs("-D", "dfs.blocksize=1024", "-put", local, f"/{zone.address.path}/f")
        version = stat(zone, "f").version
        for offset, size in ((0, 10_000), (1023, 2), (1024, 1024), (5000, 3000), (9999, 10)):
            assert read(zone, "f", size, offset, version=version) == data[offset : offset + size]


class standby:  # noqa: N801 - used like a function
    """A stand-in for a NameNode that is not active: it answers everything as a real standby does."""

    def __enter__(self) -> str:
        said = {"exception": "StandbyException", "javaClassName": "org.apache.hadoop.ipc.StandbyException",
                "message": "Operation category READ is not supported in state standby"}  # fmt: skip
        body = json.dumps({"RemoteException": said}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(403)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_DELETE = do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
