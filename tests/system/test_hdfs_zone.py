"""HdfsZone on a real HDFS: the conformance suite."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.services.hdfs import HdfsCluster
from tests.system.hdfs_common import open_zone, zone_of


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


class TestHdfsZoneByWebHdfsAlone(ZoneSuite):
    """The suite where the cluster's RPC ports are out of reach."""

    @pytest.fixture
    def zone(self, hdfs_cluster: HdfsCluster, hdfs_dir: str) -> Iterator[Zone]:
        with zone_of(hdfs_cluster, hdfs_dir, data="webhdfs") as zone:
            yield zone

    @pytest.fixture
    def open_at(self, hdfs_cluster: HdfsCluster, zone: Zone) -> OpenAt:
        return lambda path: open_zone(hdfs_cluster, zone.address.join(path).path, data="webhdfs")

    @pytest.fixture
    def refused_names(self) -> Collection[str]:
        return ("a:b",)

    @pytest.fixture
    def many(self) -> int:
        return 1200
