"""GsZone on fake-gcs-server: the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest

from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.services.gs import GsServer, open_zone


class TestGsZone(ZoneSuite):
    """Rooted at a prefix."""

    @pytest.fixture
    def zone(self, gs_server: GsServer) -> Iterator[Zone]:
        zone = open_zone(gs_server, gs_server.new_bucket(), "some/prefix")
        yield zone
        zone.close()

    @pytest.fixture
    def open_at(self, gs_server: GsServer, zone: Zone) -> OpenAt:
        return lambda path: open_zone(gs_server, zone.address.authority, zone.address.join(path).path)

    @pytest.fixture
    def foreign_marker(self, gs_server: GsServer, zone: Zone) -> Callable[[str], None]:
        def mark(path: str) -> None:
            name = f"some%2Fprefix%2F{path.replace('/', '%2F')}%2F"
            gs_server.ask("POST", f"/upload/storage/v1/b/{zone.address.authority}/o?uploadType=media&name={name}")

        return mark

    @pytest.fixture
    def refused_names(self) -> Collection[str]:
        return ("new\nline", "return\r")

    @pytest.fixture
    def many(self) -> int:
        return 1_100  # two pages: the server compares all that it holds for each request
