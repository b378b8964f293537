"""HdfsZone on a real HDFS: the conformance suite, and what only HDFS has."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.hdfs import HdfsZone
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.services.hdfs import HdfsCluster


def open_zone(cluster: HdfsCluster, path: str, **options: object) -> HdfsZone:
    """A zone of a test cluster, as its superuser."""
    chosen = {"webhdfs": [f"http://{cluster.http}"], "preserve": ["acl", "xattrs"], **options}
    return HdfsZone.open(Address("hdfs", cluster.rpc, path.strip("/")), **chosen)  # type: ignore[arg-type]


class TestHdfsZone(ZoneSuite):
    """The suite, by RPC and WebHDFS."""

    @pytest.fixture
    def zone(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[Zone]:
        zone = open_zone(hdfs_cluster, hdfs_dir)
        yield zone
        zone.close()

    @pytest.fixture
    def open_at(self, hdfs_cluster: HdfsCluster, zone: Zone) -> OpenAt:
        return lambda path: open_zone(hdfs_cluster, zone.address.join(path).path)

    @pytest.fixture
    def refused_names(self) -> Collection[str]:
        return ("a:b",)
