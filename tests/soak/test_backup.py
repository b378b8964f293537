"""Backups of very many files: what an unchanged location costs, and what a change does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import BackupOptions, RetentionPolicy, backup, catalogue, retain, verify_backup
from airflow_provider_livedata.testing.faults import Counting
from tests.system.conftest import Contents, Place, hdfs_place, s3_place
from tests.system.test_staged import put_all

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import S3Server

pytestmark = pytest.mark.soak
FILES = 20_000


@pytest.fixture
def source(hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Place:
    """An empty location on HDFS."""
    return hdfs_place(hdfs_cluster, hdfs_dir)


@pytest.fixture
def target(s3_server: S3Server, bucket: str) -> Place:
    """An empty prefix on S3."""
    return s3_place(s3_server, bucket)


def test_an_unchanged_location_of_20_000_files_sends_no_file_and_asks_as_little_as_one_of_20(
    source: Place, target: Place
) -> None:
    calls = []
    for number in (20, FILES):
        here, there = (
            Place(f"{source.address}/{number}", source.options),
            Place(f"{target.address}/{number}", target.options),
        )
        put_all(here.open(), {f"d{n % 100}/f{n}": b"x" * 100 for n in range(number)})
        first = backup(here.open(), there.open(), BackupOptions())
        counting = [Counting(here.open()), Counting(there.open())]
        report = backup(counting[0], counting[1], BackupOptions())
        assert (report.files, report.changed_files, report.changed_bytes) == (number, 0, 0)
        calls.append([one.counts.calls for one in counting])
        asked = [sum(one.values()) for one in calls[-1]]
        print(f"{number} files: first {first.seconds} s, unchanged {report.seconds} s, calls {asked}")  # noqa: T201
    assert calls[0] == calls[1]


def test_large_files_are_backed_up_proved_and_let_go(source: Place, target: Place) -> None:
    files: Contents = {f"large/{n}": os.urandom(5 << 20) for n in range(40)}
    put_all(source.open(), files | {"huge": os.urandom(40 << 20)})
    backup(source.open(), target.open(), BackupOptions())
    put_all(source.open(), {"large/0": os.urandom(6 << 20)})
    report = backup(source.open(), target.open(), BackupOptions())
    assert (report.changed_files, report.changed_bytes) == (1, 6 << 20)
    assert verify_backup(target.open(), report.name, level="content").is_same
    assert len(retain(target.open(), RetentionPolicy(keep_last=1)).removed) == 1
    assert verify_backup(target.open(), report.name, level="content").is_same
    assert [one.name for one in catalogue(target.open()).backups] == [report.name]
