"""S3Zone on a real S3 server: the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest

from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.services.s3 import MotoServer, S3Server
from tests.services.s3_zones import Server, open_zone

MOTO_LACKS = {
    "test_equal_bytes_have_equal_checksums_and_others_do_not": "keep CRC-64/NVME",
    "test_uploads_that_are_still_young_are_left": "know when uploads began",
    "test_an_upload_that_expects_a_version_replaces_only_that": "complete uploads conditionally",
    "test_all_names_side_by_side_are_listed_in_order_with_their_own_bytes": "hold keys with a line break",
    "test_names_of_directories_are_kept_and_scanned_under": "hold keys with a line break",
    "test_names_of_empty_directories_are_kept": "hold keys with a line break",
    "test_a_name_is_kept_as_it_is['new\\\\nline']": "hold keys with a line break",
}


class TestS3Zone(ZoneSuite):
    """Rooted at a prefix."""

    @pytest.fixture
    def zone(self, s3_server: Server, bucket: str, request: pytest.FixtureRequest) -> Iterator[Zone]:
        lacks = [why for name, why in MOTO_LACKS.items() if request.node.name.startswith(name)]
        if isinstance(s3_server, MotoServer) and lacks:
            pytest.skip(f"no versitygw on this machine, and moto does not do: {lacks[0]}")
        zone = open_zone(s3_server, bucket, "some/prefix")
        yield zone
        zone.close()

    @pytest.fixture
    def open_at(self, s3_server: Server, zone: Zone) -> OpenAt:
        return lambda path: open_zone(s3_server, zone.address.authority, zone.address.join(path).path)

    @pytest.fixture
    def foreign_marker(self, s3_server: Server, bucket: str) -> Callable[[str], None]:
        def mark(path: str) -> None:
            s3_server.client().put_object(
                Bucket=bucket, Key=f"some/prefix/{path}/", ContentType="application/x-directory"
            )

        return mark

    @pytest.fixture
    def refuses_wrong_bytes(self, s3_server: Server) -> bool:
        return s3_server.checks_integrity

    @pytest.fixture
    def refused_names(self, s3_server: Server) -> Collection[str]:
        return ("\x01",) if isinstance(s3_server, S3Server) else ()  # versitygw lists keys as plain XML

    @pytest.fixture
    def holds_file_beside_directory(self, s3_server: Server) -> bool:
        return not isinstance(s3_server, S3Server)  # versitygw keeps objects in files
