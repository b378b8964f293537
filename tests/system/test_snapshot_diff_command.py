"""Where the NameNode tells no differences by WebHDFS, Hadoop's own command ``hdfs snapshotDiff`` does; here the real one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import replicate
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.system.conftest import Place, hdfs_place, s3_place
from tests.system.hdfs_common import put, zone_of

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

BY_COMMAND = "by the command hdfs snapshotDiff"
TOOL = "org.apache.hadoop.hdfs.tools.snapshot.SnapshotDiff"


@pytest.fixture
def zone(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[HdfsZone]:
    hdfs_cluster.mkdirs(f"{hdfs_dir}/source")
    with zone_of(hdfs_cluster, f"{hdfs_dir}/source") as zone:
        yield zone


@pytest.fixture
def old_namenode(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that knows neither form of the difference, as Hadoop 2.10."""
    call = WebHdfs.call

    def older(self: WebHdfs, op: str, path: str, **params: Any) -> dict[str, Any]:
        return call(self, "NOSUCHOPERATION" if op.startswith("GETSNAPSHOTDIFF") else op, path, **params)

    monkeypatch.setattr(WebHdfs, "call", older)


@pytest.fixture
def command(hdfs_cluster: HdfsCluster, tmp_path: Path) -> Path:
    """What ``bin/hdfs`` of a client machine does, for its one tool; it writes down how it was called."""
    java = [*hdfs_cluster._java("-Xmx128m")]
    script = tmp_path / "hdfs"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {shlex.quote(str(tmp_path / "calls"))}\n[ "$1" = snapshotDiff ] || exit 2\nshift\n'
        f'exec {java[0]} $HADOOP_CLIENT_OPTS {shlex.join(java[1:])} {TOOL} "$@"\n'
    )
    script.chmod(0o755)
    return script


def places(
    cluster: HdfsCluster, directory: str, server: S3Server | MotoServer, bucket: str, command: Path | str
) -> tuple[Place, Place]:
    return hdfs_place(cluster, f"{directory}/source", hdfs_command=str(command)), s3_place(server, bucket)


@pytest.mark.usefixtures("old_namenode")
def test_the_command_tells_what_changed_and_the_report_says_so(
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    zone: HdfsZone,
    s3_server: S3Server | MotoServer,
    bucket: str,
    command: Path,
) -> None:
    source, target = places(hdfs_cluster, hdfs_dir, s3_server, bucket, command)
    for path in ("a/f", "a/sub/g", "gone", "odd %+\u00e9\u00fc '\"$(x) \U0001f600/i", "keep", "grows"):
        put(zone, path, path.encode())
    replicate(source.open(), target.open())
    zone.rename("a", "moved to\u00e9")
    zone.delete([zone.stat("gone")])  # type: ignore[list-item]
    put(zone, "odd %+\u00e9\u00fc '\"$(x) \U0001f600/new", b"new")
    put(zone, "grows", b"grown")
    zone.make_directory("empty")
    zone.set_attributes("keep", Attributes(mode=0o600))
    report = replicate(source.open(), target.open())
    assert report.found_by.startswith("difference of snapshots"), report.found_by
    assert BY_COMMAND in report.found_by
    assert (report.copied_files, report.renamed) == (2, 2)
    assert target.contents() == source.contents()
    calls = (command.parent / "calls").read_text()
    assert f"-fs {hdfs_cluster.uri} {hdfs_dir}/source livedata-" in calls


@pytest.mark.usefixtures("old_namenode")
@pytest.mark.parametrize("name", ["line\nbreak", "question?"])
def test_names_that_the_command_does_not_print_faithfully_are_found_by_listings(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server | MotoServer, bucket: str, command: Path,
    name: str,
) -> None:  # fmt: skip
    source, target = places(hdfs_cluster, hdfs_dir, s3_server, bucket, command)
    put(zone, "keep")
    replicate(source.open(), target.open())
    put(zone, name, b"odd")
    report = replicate(source.open(), target.open())
    assert report.found_by.startswith("listings of both sides: hdfs snapshotDiff printed a line"), report.found_by
    assert target.contents() == {"keep": b"data", name: b"odd"}


@pytest.mark.usefixtures("old_namenode")
def test_a_command_that_fails_or_is_not_there_leaves_the_listings(
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    zone: HdfsZone,
    s3_server: S3Server | MotoServer,
    bucket: str,
    tmp_path: Path,
) -> None:
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho started; echo 'no such cluster' >&2; exit 3\n")
    failing.chmod(0o755)
    source, target = places(hdfs_cluster, hdfs_dir, s3_server, bucket, failing)
    put(zone, "keep")
    replicate(source.open(), target.open())
    report = replicate(source.open(), target.open())
    assert "exit code 3" in report.found_by
    assert "no such cluster" in report.found_by
    none, _ = places(hdfs_cluster, hdfs_dir, s3_server, bucket, "")
    assert "no command hdfs" in replicate(none.open(), target.open()).found_by
    wrong, _ = places(hdfs_cluster, hdfs_dir, s3_server, bucket, tmp_path / "nothing")
    with pytest.raises(BadOption, match="hdfs_command"):
        wrong.open()


@pytest.mark.usefixtures("old_namenode")
def test_too_many_changes_end_the_command(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, zone: HdfsZone, s3_server: S3Server | MotoServer, bucket: str, command: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("airflow_provider_livedata.engine.replication.finding.MOST_CHANGES", 2)
    source, target = places(hdfs_cluster, hdfs_dir, s3_server, bucket, command)
    put(zone, "keep")
    replicate(source.open(), target.open())
    for number in range(5):
        put(zone, f"f{number}")
    assert "more than 2" in replicate(source.open(), target.open()).found_by
    assert len(target.contents()) == 6
