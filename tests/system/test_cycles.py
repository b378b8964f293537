"""A few cycles of the long campaign of ``tests/soak/test_cycles.py``: targets equal snapshots while others write."""

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

CYCLES = 6


@pytest.mark.timeout(600)
def test_after_each_cycle_every_target_is_the_snapshot_while_two_users_write(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server | MotoServer, bucket: str, tmp_path: Path
) -> None:
    source = hdfs_place(hdfs_cluster, f"{hdfs_dir}/source")
    write(source, {"kept": b"kept"})
    targets = three_targets(hdfs_cluster, hdfs_dir, s3_server, bucket, tmp_path)
    done = campaign(hdfs_cluster, source, f"{hdfs_dir}/source", targets, tmp_path, cycles=CYCLES, seed=1)
    assert all(done[kind] for kind in KINDS), done
