"""Files of RPC on a real HDFS: whole when they are said to be, and never taken from a writer that is at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import hdfs_native
import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.model import ABSENT
from airflow_provider_livedata.engine.zones.hdfs import closing as hdfs_closing
from airflow_provider_livedata.engine.zones.hdfs.closing import PromptClosing
from airflow_provider_livedata.engine.zones.hdfs.data import NativeData, whole_bytes
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.system.hdfs_common import open_file, read, stat, zone_of

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster

MOST_FILES = 300
ASKED_AGAIN_S = 1.0  # the client sleeps half as long
MIB = 1 << 20


@pytest.fixture
def zone(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[HdfsZone]:
    with zone_of(hdfs_cluster, hdfs_dir) as zone:
        yield zone


def blocks_of(zone: HdfsZone, path: str) -> dict[str, Any]:
    assert zone._control is not None
    return dict(zone._control.call("GET_BLOCK_LOCATIONS", f"/{zone.address.path}/{path}")["LocatedBlocks"])


def is_open(zone: HdfsZone, path: str) -> bool:
    return bool(blocks_of(zone, path)["isUnderConstruction"])


def put_until_a_lease_is_given_up(zone: HdfsZone, folder: str) -> list[str]:
    """Write small files until the client of one slept; their paths, that one's last."""
    closing, paths, given_up = cast("NativeData", zone._data)._closing, list[str](), list[str]()
    release = closing._release

    def noted(path: str) -> bool:
        given_up.append(path)
        return release(path)

    closing._release = noted
    while not given_up:
        if len(paths) == MOST_FILES:
            pytest.skip("this NameNode always knew of the last block when the client asked first")
        paths.append(f"{folder}/{len(paths)}")
        zone.put(paths[-1], paths[-1].encode(), expect=ABSENT)
    return paths


@pytest.mark.parametrize("folder", [".livedata/runs", "data"])
def test_files_are_whole_when_they_are_said_to_be_and_after_the_client_asked_again(zone: HdfsZone, folder: str) -> None:
    paths = put_until_a_lease_is_given_up(zone, folder)
    assert not is_open(zone, paths[-1])
    time.sleep(ASKED_AGAIN_S)
    for path in paths:
        assert not is_open(zone, path)
        assert read(zone, path) == path.encode()
        assert stat(zone, path).attributes.mode == 0o644
    assert zone.sweep(1 << 62) == 0


def test_what_was_deleted_stays_deleted_when_the_client_asks_again(zone: HdfsZone) -> None:
    paths = put_until_a_lease_is_given_up(zone, "data")
    last = zone.stat(paths[-1])
    assert last is not None
    assert zone.delete([last]) == []
    time.sleep(ASKED_AGAIN_S)
    assert zone.stat(paths[-1]) is None
    assert zone.sweep(1 << 62) == 0


@pytest.mark.parametrize("size_bytes", [MIB - 1, MIB, 2 * MIB, 2 * MIB + 1])
def test_files_that_end_at_a_block_s_end_are_whole_too(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    monkeypatch.setattr(hdfs_native, "WriteOptions", partial(hdfs_native.WriteOptions, block_size=MIB))
    with zone_of(hdfs_cluster, hdfs_dir) as zone:
        data = bytes(range(256)) * (size_bytes // 256) + b"x" * (size_bytes % 256)
        for number in range(10):
            upload = zone.begin(f"f{number}", size_bytes)
            parts = [
                upload.part(index, data[start : start + MIB], checksum_of(data[start : start + MIB]))
                for index, start in enumerate(range(0, size_bytes, MIB))
            ]
            upload.complete(parts, checksum_of(data))
            assert not is_open(zone, f"f{number}")
            assert len(blocks_of(zone, f"f{number}")["locatedBlocks"]) == -(-size_bytes // MIB)
            assert read(zone, f"f{number}", size_bytes) == data


def test_no_lease_is_taken_from_a_writer_at_work(hdfs_cluster: HdfsCluster, zone: HdfsZone) -> None:
    data, given_up = cast("NativeData", zone._data), list[str]()

    def release(path: str) -> bool:
        given_up.append(path)
        return bool(data._client.recover_lease(path))

    at, written = f"/{zone.address.path}/slow", threading.Event()
    closing = PromptClosing(partial(whole_bytes, data._client), release)
    with open_file(hdfs_cluster, at, b"a" * 1000) as writer:
        waiting = threading.Thread(target=closing.close, args=(at, 1000, 0, written.wait))
        waiting.start()
        time.sleep(2 * sum(hdfs_closing.PAUSES_S))
        writer.write(b"b" * 1000)  # as a client does that found out late that there is more
        writer.hsync()
        written.set()
        waiting.join()
    assert given_up == []
    assert read(zone, "slow") == b"a" * 1000 + b"b" * 1000


def test_state_is_written_where_webhdfs_does_not_answer(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
    with zone_of(hdfs_cluster, hdfs_dir, webhdfs=["http://127.0.0.1:1"], preserve=[]) as zone:
        for number in range(20):
            zone.put(f".livedata/{number}", b"state", expect=ABSENT)
        assert [read(zone, f".livedata/{number}") for number in range(20)] == [b"state"] * 20
        assert zone.sweep(1 << 62) == 0
