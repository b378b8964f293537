"""Local zones show what every zone shows, and keep to their root."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.local import LocalZone
from airflow_provider_livedata.testing.zone_suite import ZoneSuite


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "the root"
    found.mkdir()
    return found


@pytest.fixture
def zone(root: Path) -> LocalZone:
    return LocalZone.open(Address.parse(f"file://{root}"))


class TestLocalZone(ZoneSuite):
    @pytest.fixture
    def zone(self, root: Path) -> LocalZone:
        return LocalZone.open(Address.parse(f"file://{root}"))
