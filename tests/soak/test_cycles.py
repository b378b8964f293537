"""Fifty cycles on a live HDFS towards HDFS, S3 and local targets; ``tests/system/test_cycles.py`` runs a few."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.writer import KINDS
from tests.system.conftest import hdfs_place, write
from tests.system.cycles_common import campaign, three_targets

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

CYCLES = 50


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("freezes", [False, True])
def test_after_each_of_fifty_cycles_every_target_is_the_snapshot(
    freezes: bool, request: pytest.FixtureRequest, s3_server: S3Server | MotoServer, bucket: str, tmp_path: Path
) -> None:
    cluster: HdfsCluster = request.getfixturevalue("hdfs_cluster_freezing" if freezes else "hdfs_cluster")
    root = "/fifty-cycles"
    cluster.mkdirs(f"{root}/source")
    source = hdfs_place(cluster, f"{root}/source")
    write(source, {"kept": b"kept"})
    targets = three_targets(cluster, root, s3_server, bucket, tmp_path)
    done = campaign(cluster, source, f"{root}/source", targets, tmp_path, cycles=CYCLES, seed=50, times=not freezes)
    print(f"\n{dict(done)}")  # noqa: T201
    assert all(done[kind] for kind in KINDS), done
