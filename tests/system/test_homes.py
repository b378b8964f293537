"""A few cycles of the long campaign of ``tests/soak/test_homes.py``: all followers equal their homes after each cycle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from tests.services import gs
from tests.system.conftest import hdfs_place, s3_place
from tests.system.homes_common import KINDS, Homes

if TYPE_CHECKING:
    from tests.services.gs import GsServer
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

CYCLES = 5


@pytest.fixture
def homes(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, s3_server: S3Server | MotoServer, bucket: str, gs_server: GsServer, tmp_path: Path
) -> Homes:  # fmt: skip
    """HDFS, S3, Google Cloud Storage and a local disk."""
    cloud = gs_server.new_bucket()

    def opened(text: str) -> Zone:
        address = Address.parse(text)
        if address.scheme == "hdfs":
            return hdfs_place(hdfs_cluster, f"/{address.path}").open()
        if address.scheme == "s3":
            return s3_place(s3_server, bucket, address.path).open()
        return gs.open_zone(gs_server, cloud, address.path) if address.scheme == "gs" else open_zone(text)

    zones = {
        "cluster": f"hdfs://{hdfs_cluster.rpc}{hdfs_dir}", "lake": f"s3://{bucket}/lake", "cloud": f"gs://{cloud}/cloud",
        "disk": f"file://{tmp_path}/disk",
    }  # fmt: skip
    return Homes(zones, opened, seed=1)


@pytest.mark.timeout(900)
def test_after_each_cycle_every_follower_holds_what_its_home_does(homes: Homes) -> None:
    for _ in range(CYCLES):
        homes.cycle()
    assert set(homes.done) == set(KINDS)
