"""Backups on real HDFS, S3 and local storage: what each holds, what it costs, and that Hadoop's own commands bring it back."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import (
    BackupOptions,
    ReplicateOptions,
    backup,
    catalogue,
    restore_script,
    retain,
    verify_backup,
)
from airflow_provider_livedata.engine.backups.cataloguing import view_of
from airflow_provider_livedata.engine.backups.layering import commands_of
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.errors import LiveDataError, PathMissing, PermissionRefused, RunFailed, StoreFull
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.faults import Counting
from tests.services import fetch
from tests.services.fs_shell import run_script
from tests.system.conftest import Contents, Place, hdfs_place, s3_place
from tests.system.hdfs_common import put
from tests.system.test_staged import put_all

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

LAYOUTS = ["in place", "snapshots", "increments", "tree", "local tree"]
ODD = "names/with space %25 + # = '\" [x]{y} \u00e9e\u0301"
FIRST: Contents = {
    "a.txt": b"alpha", "dir/a": b"1", "dir/b": b"2" * 100_000, "gone/x": b"x", "gone/y": b"y", "kind": b"a file", ODD: b"odd", "old/deep/f": b"f",
}  # fmt: skip
SECOND: Contents = {
    "a.txt": b"changed",
    "dir/new": os.urandom(300_000),
    "kind/now": b"a directory",
    ODD + "2": b"odd too",
}
ATTRIBUTES = Attributes(owner="alice", group="staff", mode=0o640)


class Site:
    """A location on HDFS, and the place of its backups."""

    def __init__(self, source: Place, place: Place | None, layout: str, cluster: HdfsCluster) -> None:
        self.source, self.place, self.layout, self.cluster = source, place, layout, cluster
        self.at = place or source
        self.states: dict[str, Contents] = {}

    def backup(self, **options: Any) -> str:
        report = backup(
            self.source.open(), self.place.open() if self.place else None, BackupOptions(self.layout, **options)
        )
        assert report.state == "complete"
        self.states[report.name] = self.source.contents()
        return report.name

    def fill(self) -> None:
        """Two states of the location, each backed up, and a third backup of no change."""
        zone = self.source.open()
        put_all(zone, FIRST)
        zone.make_directory("empty/nested")
        zone.set_attributes("dir/a", ATTRIBUTES._replace(acl="user:bob:r--"))  # type: ignore[attr-defined]
        zone.set_attributes("dir", ATTRIBUTES._replace(mode=0o750))  # type: ignore[attr-defined]
        self.backup()
        for path in ("gone/x", "gone/y", "kind", "gone"):
            entry = zone.stat(path)
            assert entry is not None
            assert zone.delete([entry]) == []
        put_all(zone, SECOND)
        zone.rename("old/deep", "old/renamed")  # type: ignore[attr-defined]
        self.backup()
        self.backup()

    def held_by(self, name: str) -> Contents:
        zone = self.at.open()
        found = catalogue(zone)
        return _read(view_of(zone, found, found.find(name)))


def _read(zone: Zone) -> Contents:
    found: Contents = {}
    for entry in zone.scan():
        data = bytearray(entry.size_bytes)
        if entry.kind == "file" and data:
            assert zone.read_into(entry.path, 0, memoryview(data), version=entry.version) == len(data)
        found[entry.path] = None if entry.kind == "directory" else bytes(data)
    return found


@pytest.fixture(params=LAYOUTS)
def site(
    request: pytest.FixtureRequest,
    source: Place,
    target: Place,
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    tmp_path: Path,
) -> Site:
    """Each layout where it is usual, and a whole tree on S3 too."""
    place = {
        "in place": None,
        "snapshots": hdfs_place(hdfs_cluster, f"{hdfs_dir}-backups"),
        "local tree": Place(f"file://{tmp_path}/backups", {}),
    }.get(request.param, target)
    return Site(source, place, request.param.removeprefix("local "), hdfs_cluster)


def test_backups_hold_what_was_there_are_proved_and_let_go(site: Site) -> None:
    site.fill()
    for name, contents in site.states.items():
        assert site.held_by(name) == contents
        assert verify_backup(site.at.open(), name).is_same
    assert all(one.verified for one in catalogue(site.at.open()).backups)
    *older, last = site.states
    report = retain(site.at.open(), RetentionPolicy(keep_last=1))
    assert report.removed == older
    assert site.held_by(last) == site.states[last]
    assert verify_backup(site.at.open(), last, level="content").is_same
    site.backup()
    assert len(catalogue(site.at.open()).complete()) == 2


@pytest.fixture(params=["in place", "snapshots", "increments on local", "local tree", "increments on S3"])
def restorable(
    request: pytest.FixtureRequest,
    source: Place,
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    tmp_path: Path,
    s3_server: Any,
    bucket: str,
) -> tuple[Site, list[str | Path], dict[str, str]]:
    """A site, and what ``hadoop fs`` needs to reach it."""
    name = request.param
    classpath: list[str | Path] = [hdfs_cluster.conf_dir, f"{fetch.hadoop_lib()}/*"]
    properties: dict[str, str] = {}
    place: Place | None = hdfs_place(hdfs_cluster, f"{hdfs_dir}-backups")
    if name == "increments on S3":
        classpath, properties = [hdfs_cluster.conf_dir, f"{_s3a_lib()}/*"], _s3a(s3_server)
        place = s3_place(s3_server, bucket, "backups")
    elif "local" in name:
        place = Place(f"file://{tmp_path}/backups", {})
    layout = name.removeprefix("local ").partition(" on ")[0]
    return Site(source, None if name == "in place" else place, layout, hdfs_cluster), classpath, properties


def test_hadoops_own_commands_bring_a_backup_back(
    restorable: tuple[Site, list[str | Path], dict[str, str]], hdfs_dir: str, tmp_path: Path
) -> None:
    site, classpath, properties = restorable
    site.fill()
    _, second, _ = site.states
    has_times = site.layout != "increments"  # which take a command for each moment: shown once, with "tree"
    expected = _attributes(site.source.open(), has_times=has_times)
    site.source.open().put("written later", b"by somebody")
    site.backup()
    where = hdfs_place(site.cluster, f"{hdfs_dir}-restored")
    script = restore_script(site.at.open(), second)
    run_script(
        script, tmp_path / "whole", classpath, where.address,
        user=site.cluster.superuser, properties=properties, env={"TIMES": "yes" if has_times else "no"},
    )  # fmt: skip
    assert where.contents() == site.states[second]
    assert _attributes(where.open(), has_times=has_times) == expected


def test_distcp_brings_a_backup_back(source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path) -> None:
    site = Site(source, hdfs_place(hdfs_cluster, f"{hdfs_dir}-backups"), "snapshots", hdfs_cluster)
    site.fill()
    _, second, _ = site.states
    expected = _attributes(site.source.open())
    where = hdfs_place(site.cluster, f"{hdfs_dir}-restored")
    classpath: list[str | Path] = [hdfs_cluster.conf_dir, f"{fetch.distcp_lib()}/*"]
    own = {"hadoop.tmp.dir": str(tmp_path / "job"), "yarn.app.mapreduce.am.staging-dir": f"{hdfs_dir}-staging"}
    script = restore_script(site.at.open(), second)
    run_script(
        script, tmp_path / "whole", classpath, where.address,
        user=hdfs_cluster.superuser, properties=own, env={"WITH": "distcp"},
    )  # fmt: skip
    assert where.contents() == site.states[second]
    assert _attributes(where.open()) == expected


def test_the_aws_cli_brings_the_bytes_of_a_backup_back(
    source: Place, hdfs_cluster: HdfsCluster, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    if shutil.which("aws") is None or subprocess.run(["aws", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("the AWS CLI is not here; its commands are compared as texts in tests/unit/test_backup_record.py")
    site = Site(source, s3_place(s3_server, bucket, "backups"), "increments", hdfs_cluster)
    site.fill()
    state, found = StateFolder(site.at.open()), catalogue(site.at.open())
    keys = {"AWS_ACCESS_KEY_ID": s3_server.access_key, "AWS_SECRET_ACCESS_KEY": s3_server.secret_key}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": s3_server.endpoint, "AWS_DEFAULT_REGION": s3_server.region}
    for name, contents in site.states.items():
        record = found.find(name).record
        assert record is not None
        lines = [line for line in commands_of(state, found, record)[1] if line.startswith("aws ")]
        script = "\n".join(["set -e", f"DESTINATION=s3://{bucket}/back/{name}", *lines])
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        back = s3_place(s3_server, bucket, f"back/{name}").contents()
        files = {path: data for path, data in contents.items() if data is not None}
        assert {path: data for path, data in back.items() if data is not None} == files


def test_hadoops_own_commands_bring_a_part_of_a_backup_back(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    site = Site(source, Place(f"file://{tmp_path}/backups", {}), "increments", hdfs_cluster)
    site.fill()
    _, second, _ = site.states
    wanted = {
        "dir": {
            path.removeprefix("dir/"): data for path, data in site.states[second].items() if path.startswith("dir/")
        },
        "dir/b": {"b": FIRST["dir/b"]},
    }
    for number, path in enumerate(wanted):
        where = hdfs_place(site.cluster, f"{hdfs_dir}-restored/{number}")
        classpath: list[str | Path] = [hdfs_cluster.conf_dir, f"{fetch.hadoop_lib()}/*"]
        script = restore_script(site.at.open(), second, path)
        run_script(
            script, tmp_path / "part", classpath, where.address, user=site.cluster.superuser, env={"TIMES": "no"}
        )
        assert where.contents() == wanted[path]
    with pytest.raises(PathMissing, match="does not hold"):
        restore_script(site.at.open(), second, "gone/x")


def _attributes(zone: Zone, *, has_times: bool = True) -> dict[str, tuple[Any, ...]]:
    """Of each entry; FsShell sets times to the second."""
    return {
        entry.path: (entry.owner, entry.group, entry.mode, entry.acl, entry.mtime_ms // 1000 if has_times else 0)
        for entry in zone.scan()
    }


def _s3a_lib() -> Path:
    from benchmarks.fetch import distcp_lib, is_fetched

    if not is_fetched("distcp"):
        pytest.skip("Hadoop's S3A client (750 MB) is not there; python -m benchmarks.fetch distcp fetches it")
    return distcp_lib()


def _s3a(server: S3Server | MotoServer) -> dict[str, str]:
    return {
        "fs.s3a.endpoint": server.endpoint, "fs.s3a.endpoint.region": server.region, "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false", "fs.s3a.access.key": server.access_key, "fs.s3a.secret.key": server.secret_key,
        "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    }  # fmt: skip


def test_the_script_follows_when_backups_go(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str, tmp_path: Path
) -> None:
    site = Site(source, Place(f"file://{tmp_path}/backups", {}), "increments", hdfs_cluster)
    site.fill()
    _, second, last = site.states
    site.backup()
    retain(site.at.open(), RetentionPolicy(keep_last=2))
    zone = site.at.open()
    stored = zone.stat(f".livedata/backups/{last}/restore.sh")
    assert stored is not None
    text = bytearray(stored.size_bytes)
    zone.read_into(stored.path, 0, memoryview(text))
    back = hdfs_place(hdfs_cluster, f"{hdfs_dir}-restored")
    run_script(
        bytes(text).decode(),
        tmp_path / "s",
        [hdfs_cluster.conf_dir, f"{fetch.hadoop_lib()}/*"],
        back.address,
        user=hdfs_cluster.superuser,
        env={"TIMES": "no"},
    )
    assert back.contents() == site.states[last] == site.states[second]


def test_an_unchanged_location_costs_requests_that_do_not_grow_with_its_files(source: Place, target: Place) -> None:
    calls = []
    for number in (20, 400):
        here, there = (
            Place(f"{source.address}/{number}", source.options),
            Place(f"{target.address}/{number}", target.options),
        )
        put_all(here.open(), {f"d{n % 10}/f{n}": b"x" * 100 for n in range(number)})
        backup(here.open(), there.open(), BackupOptions())
        counting = [Counting(here.open()), Counting(there.open())]
        report = backup(counting[0], counting[1], BackupOptions())
        assert (report.files, report.changed_files, report.changed_bytes) == (number, 0, 0)
        calls.append([one.counts.calls for one in counting])
    assert calls[0] == calls[1]


def test_thirty_days_of_one_percent_are_stored_in_less_than_1_4_times_one_copy(source: Place, target: Place) -> None:
    zone = source.open()
    put_all(zone, {f"d{n % 7}/f{n}": os.urandom(200_000) for n in range(100)})
    for day in range(30):
        assert backup(zone, target.open(), BackupOptions()).size_bytes == 20_000_000
        put(zone, f"d{day % 7}/f{day}", os.urandom(200_000))
    stored = target.open()
    everything = sum(entry.size_bytes for under in ("", ".livedata") for entry in stored.scan(under))
    assert everything < 1.4 * 20_000_000
    assert len(catalogue(stored).complete()) == 30


def test_a_full_place_leaves_the_backup_incomplete_and_the_next_completes_it(
    source: Place, hdfs_cluster: HdfsCluster, hdfs_dir: str
) -> None:
    site = Site(source, hdfs_place(hdfs_cluster, f"{hdfs_dir}-backups"), "snapshots", hdfs_cluster)
    put_all(source.open(), FIRST)
    first = site.backup()
    put_all(source.open(), {f"more/f{n}": b"more" for n in range(60)})
    names = sum(map(int, hdfs_cluster.fs("-count", f"{hdfs_dir}-backups").stdout.split()[:2]))
    hdfs_cluster.dfsadmin("-setQuota", str(names + 40), f"{hdfs_dir}-backups")
    with pytest.raises(LiveDataError) as refused:
        backup(source.open(), site.at.open(), BackupOptions())
    assert isinstance(refused.value, (StoreFull, RunFailed))
    found = catalogue(site.at.open())
    assert [one.state for one in found.backups] == ["complete", "incomplete"]
    assert site.held_by(first) == site.states[first]
    hdfs_cluster.dfsadmin("-clrQuota", f"{hdfs_dir}-backups")
    assert site.backup() == found.backups[1].name
    assert catalogue(site.at.open()).find().name == found.backups[1].name


def test_a_part_that_may_not_be_read_is_named_and_the_backup_is_incomplete(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, target: Place
) -> None:
    boss = hdfs_place(hdfs_cluster, hdfs_dir)
    zone = boss.open()
    put_all(zone, FIRST)
    zone.set_attributes("dir/b", Attributes(mode=0o600))  # type: ignore[attr-defined]
    zone.prepare_snapshots(allow=True)  # type: ignore[attr-defined]
    hdfs_cluster.fs("-chown", "alice:staff", hdfs_dir)
    zone.close()
    theirs = hdfs_place(hdfs_cluster, hdfs_dir, user="alice")
    with pytest.raises((RunFailed, PermissionRefused)) as refused:
        backup(theirs.open(), target.open(), BackupOptions(copy=ReplicateOptions(allow_snapshot=False)))
    assert "dir/b" in str(refused.value)
    assert [one.state for one in catalogue(target.open()).backups] == ["incomplete"]


def test_a_directory_that_may_not_be_listed_is_named_and_all_else_is_backed_up(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, target: Place
) -> None:
    boss = hdfs_place(hdfs_cluster, hdfs_dir, data="webhdfs")  # by RPC a process is one user at a time
    zone = boss.open()
    put_all(zone, FIRST)
    zone.prepare_snapshots(allow=True)  # type: ignore[attr-defined]
    hdfs_cluster.fs("-chown", "-R", "alice:staff", hdfs_dir)
    options = BackupOptions(copy=ReplicateOptions(allow_snapshot=False))
    theirs = hdfs_place(hdfs_cluster, hdfs_dir, user="alice")
    first = backup(theirs.open(), target.open(), options).name
    put_all(zone, {"dir/late": b"not seen", "new/n": b"brought"})
    for path, mode in (("dir", 0o700), ("gone", 0o644)):  # no right at all, and one to read names but not to go in
        zone.set_attributes(path, Attributes(owner=hdfs_cluster.superuser, mode=mode))  # type: ignore[attr-defined]
    with pytest.raises(RunFailed) as refused:
        backup(theirs.open(), target.open(), options)
    assert [one.path for one in refused.value.report.failures] == ["dir", "gone"]
    assert refused.value.report.copied_files == 1
    found = catalogue(target.open())
    assert [one.state for one in found.backups] == ["complete", "incomplete"]
    assert _read(view_of(target.open(), found, found.find(first)))["dir/a"] == b"1"
    hdfs_cluster.fs("-chown", "-R", "alice:staff", hdfs_dir)
    with pytest.raises(RunFailed) as refused:  # the difference is told now, but "gone" may still not be gone into
        backup(theirs.open(), target.open(), options)
    assert [one.path for one in refused.value.report.failures] == ["gone"]
    assert "may not be read" in refused.value.report.found_by
    hdfs_cluster.fs("-chmod", "755", f"{hdfs_dir}/gone")
    done = backup(theirs.open(), target.open(), options)
    assert done.name == found.backups[1].name
    found = catalogue(target.open())
    held = _read(view_of(target.open(), found, found.find(done.name)))
    assert held == boss.contents()
    zone.close()
