"""The servers of the tests keep their promises: loopback only, gone when the run is gone, faults only on demand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import REPOSITORY
from tests.services.hdfs import HdfsCluster
from tests.services.processes import ServerFailed, free_ports, start_process, wait_until
from tests.services.s3 import MotoServer, S3Server
from tests.services.scratch import Scratch, sweep

OWNER = """
import sys, threading, time
from pathlib import Path
from tests.services.processes import start_process

started = []
def start():
    started.append(start_process(["sleep", "600"], log=Path(sys.argv[1])))
starter = threading.Thread(target=start)   # its end must not end the server
starter.start()
starter.join()
time.sleep(0.2)
print(started[0].pid, flush=True)
if sys.argv[2] == "wait":
    time.sleep(600)
"""


def listening(pids: list[int]) -> set[str]:
    return {
        one.laddr.ip
        for pid in pids
        for one in psutil.Process(pid).net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    }


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def owner(log: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(log), how], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )


def test_hdfs_listens_on_loopback_only(hdfs_cluster: HdfsCluster) -> None:
    assert listening(hdfs_cluster.pids) == {"127.0.0.1"}


def test_the_s3_server_listens_on_loopback_only(s3_server: S3Server | MotoServer) -> None:
    assert listening(s3_server.pids) == {"127.0.0.1"}


def test_the_commands_of_hadoop_see_what_was_written(hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    hdfs_cluster.fs("-put", tmp_path / "a.txt", hdfs_dir)
    assert hdfs_cluster.fs("-cat", f"{hdfs_dir}/a.txt").stdout == "hello"
    assert "Live datanodes (2)" in hdfs_cluster.dfsadmin("-report").stdout


def test_permissions_are_those_of_the_user_that_asks(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> None:
    refused = hdfs_cluster.fs("-mkdir", f"{hdfs_dir}/x", user="alice", check=False)
    assert refused.returncode == 1
    assert "Permission denied: user=alice" in refused.stderr


def test_nodes_come_back_on_their_old_data_and_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with HdfsCluster(properties={"dfs.namenode.fs-limits.max-component-length": "99"}) as cluster:
        cluster.fs("-put", tmp_path / "a.txt", "/a.txt")
        assert [len(cluster.block_files(index)) for index in (0, 1)] == [1, 1]
        cluster.kill_datanode(0)
        assert len(cluster.pids) == 2
        cluster.start_datanode(0)
        cluster.stop_namenode()
        cluster.start_namenode()
        assert cluster.fs("-cat", "/a.txt").stdout == "hello"
        assert cluster.fs("-mkdir", "/" + "x" * 100, check=False).returncode == 1
        pids, data = cluster.pids, cluster.data_dir
    assert all(is_gone(pid) for pid in pids)
    assert not data.exists()


def test_the_s3_server_keeps_its_data_over_a_restart(s3_integrity: S3Server, bucket: str) -> None:
    client = s3_integrity.client()
    client.put_object(Bucket=bucket, Key="a/b", Body=b"hello")
    s3_integrity.stop()
    s3_integrity.start()
    assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"hello"
    assert s3_integrity.object_path(bucket, "a/b").read_bytes() == b"hello"


def test_the_s3_server_refuses_wrong_checksums_and_users_without_rights(s3_integrity: S3Server, bucket: str) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match="BadDigest|XAmzContentChecksumMismatch"):
        s3_integrity.client().put_object(Bucket=bucket, Key="a", Body=b"hello", ChecksumCRC32C="AAAAAA==")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_integrity.client(*s3_integrity.new_user()).put_object(Bucket=bucket, Key="a", Body=b"hello")


@pytest.mark.parametrize("how", ["leave", "kill"])
def test_servers_are_gone_when_their_owner_is(tmp_path: Path, how: str) -> None:
    process = owner(tmp_path / "log", "wait" if how == "kill" else "leave")
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
    if how == "kill":
        assert not is_gone(pid)
        process.kill()
    process.wait(20)
    wait_until(lambda: is_gone(pid), what="end of the server", seconds=10)


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    process = start_process(["sh", "-c", "echo no such disk; exit 3"], log=tmp_path / "log")
    with pytest.raises(ServerFailed, match=r"exit code 3.*\n.*no such disk"):
        wait_until(lambda: False, what="it", seconds=10, processes=[process])


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    process = start_process(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], log=tmp_path / "log")
    wait_until(lambda: process.log.read_text() != "", what="it", seconds=10)
    process.stop(grace_seconds=0.2)
    assert is_gone(process.pid)


def test_ports_are_free_and_differ() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_the_directory_of_a_killed_owner_is_swept_and_that_of_a_living_one_is_not() -> None:
    code = textwrap.dedent("""
        import time
        from tests.services.scratch import Scratch
        print(Scratch("sweep").path, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        kept = Scratch("sweep")
        sweep(left.parent)
        assert left.exists()
        os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.1)
    sweep(left.parent)
    assert not left.exists()
    assert kept.path.exists()
    kept.remove()
    assert not kept.path.exists()


def test_hdfs_is_gone_when_its_owner_is_killed() -> None:
    code = textwrap.dedent("""
        import time
        from tests.services.hdfs import HdfsCluster
        with HdfsCluster(datanodes=1, replication=1) as cluster:
            print(cluster.data_dir, *cluster.pids, flush=True)
            time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        data, *pids = process.stdout.readline().split()
        assert len(pids) == 2
        process.kill()
    wait_until(lambda: all(is_gone(int(pid)) for pid in pids), what="end of HDFS", seconds=10)
    sweep(Path(data).parent)
    assert not Path(data).exists()
