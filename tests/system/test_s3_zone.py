"""S3Zone on a real S3 server: the conformance suite, and what only S3 has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.s3 import S3Zone
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite
from tests.services.s3 import MotoServer, S3Server

Server = S3Server | MotoServer


def open_zone(server: Server, bucket: str, path: str = "", **options: object) -> S3Zone:
    """A zone on a test server, as root."""
    chosen = {"endpoint_url": server.endpoint, "region": server.region, "access_key_id": server.access_key,
              "secret_access_key": server.secret_key, **options}  # fmt: skip
    return S3Zone.open(Address("s3", bucket, path), **chosen)


class TestS3Zone(ZoneSuite):
    """The suite, rooted at a prefix."""

    @pytest.fixture
    def zone(self, s3_server: Server, bucket: str) -> Iterator[Zone]:
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
    def refused_names(self, s3_server: Server) -> Collection[str]:
        return ("\x01",) if isinstance(s3_server, S3Server) else ()  # versitygw lists keys as plain XML

    @pytest.fixture
    def holds_file_beside_directory(self, s3_server: Server) -> bool:
        return not isinstance(s3_server, S3Server)  # versitygw keeps objects in files
