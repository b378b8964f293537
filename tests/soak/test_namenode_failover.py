"""Both sides on one pair of NameNodes: slow, since Hadoop's clients wait for a file that was being closed when a NameNode died."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.hdfs_ha import HaCluster
from tests.system.test_namenode_failover import place, survives


@pytest.fixture
def pair() -> Iterator[HaCluster]:
    with HaCluster() as cluster:
        yield cluster


@pytest.mark.timeout(1800)
def test_towards_the_same_pair_nothing_is_lost_either(pair: HaCluster) -> None:
    survives(pair, place(pair, "/source"), place(pair, "/target"))
