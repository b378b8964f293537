"""Zones on the S3 servers of the tests."""

from __future__ import annotations

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.s3.zone import S3Zone
from tests.services.proxy import FaultyProxy
from tests.services.s3 import MotoServer, S3Server

Server = S3Server | MotoServer


def open_zone(server: Server, bucket: str, path: str = "", **options: object) -> S3Zone:
    """A zone on a test server, as root unless the options say otherwise."""
    chosen = {"endpoint_url": server.endpoint, "region": server.region, "access_key_id": server.access_key,
              "secret_access_key": server.secret_key, **options}  # fmt: skip
    return S3Zone.open(Address("s3", bucket, path), **chosen)


def through(proxy: FaultyProxy, server: Server, bucket: str, path: str = "", **options: object) -> S3Zone:
    """A zone behind a proxy; its clients try nothing twice unless asked to, so that faults show."""
    return open_zone(server, bucket, path, **{"endpoint_url": proxy.endpoint, "retries": 0, **options})
