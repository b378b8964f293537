"""AbfsZone on Azurite: the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest

from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import NAMES
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.services.azure import AzureServer, open_zone

REFUSED = (
    "back\\slash",
    "\\",
    "new\nline",
    "tab\there",
    "return\r",
    "\x7f",
    "\x01",
    *(name for name in NAMES if name.endswith(".")),
)


class TestAbfsZone(ZoneSuite):
    """Rooted at a directory."""

    @pytest.fixture
    def zone(self, azure_server: AzureServer) -> Iterator[Zone]:
        zone = open_zone(azure_server, azure_server.new_container(), "some/directory")
        yield zone
        zone.close()

    @pytest.fixture
    def open_at(self, azure_server: AzureServer, zone: Zone) -> OpenAt:
        return lambda path: open_zone(azure_server, zone.address.authority, zone.address.join(path).path)

    @pytest.fixture(params=["a blob with a slash", "a blob that says so"])
    def foreign_marker(
        self, azure_server: AzureServer, zone: Zone, request: pytest.FixtureRequest
    ) -> Callable[[str], None]:
        def mark(path: str) -> None:
            blob = {"x-ms-blob-type": "BlockBlob"}
            name = f"{zone.address.authority}/{zone.address.path}/{path}"
            if request.param == "a blob with a slash":
                azure_server.ask("PUT", f"{name}/", headers=blob)
            else:
                azure_server.ask("PUT", name, headers={**blob, "x-ms-meta-Hdi_isfolder": "true"})

        return mark

    @pytest.fixture
    def refuses_wrong_bytes(self) -> bool:
        return True  # as they arrive, although it keeps no checksum of them

    @pytest.fixture
    def refused_names(self) -> Collection[str]:
        return REFUSED

    @pytest.fixture
    def many(self) -> int:
        return 1_100  # two pages
