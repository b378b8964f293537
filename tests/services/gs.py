"""Google Cloud Storage for tests: fake-gcs-server, which compares checksums and knows conditional puts.

It keeps everything in memory, takes any credentials, and ignores conditions on compose, rewrite and delete.

with GsServer() as server:
    zone = open_zone(server, server.new_bucket("sales"), "some/prefix")
"""

from __future__ import annotations

import json
import secrets
import urllib.request

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.gs.zone import GsZone
from tests.services import fetch
from tests.services.one_process import OneProcess
from tests.services.processes import accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch


class GsServer(OneProcess):
    """One server on a port of its own."""

    def __init__(self) -> None:
        self._binary = fetch.fake_gcs_server()
        self.port = free_ports(1)[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        super().__init__(Scratch("fake-gcs-server"))

    def start(self) -> None:
        """Start it; what an earlier one held is gone."""
        listen = [
            "-scheme",
            "http",
            "-host",
            "127.0.0.1",
            "-port",
            str(self.port),
            "-public-host",
            f"127.0.0.1:{self.port}",
        ]
        command = [
            str(self._binary),
            *listen,
            "-backend",
            "memory",
            "-log-level",
            "error",
            "-external-url",
            self.endpoint,
        ]
        process = start_process(command, log=self._scratch.path / "server.log", cwd=self._scratch.path)
        self._process = process
        wait_until(lambda: accepts(self.port), what="fake-gcs-server", seconds=60, processes=[process])

    def new_bucket(self, prefix: str = "test") -> str:
        """Create a bucket with a name of its own and return that name."""
        name = f"{prefix}-{secrets.token_hex(6)}"
        self.ask("POST", "/storage/v1/b?project=test", json.dumps({"name": name}).encode())
        return name

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Make a request as another client would."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.endpoint}{path}", data=body, method=method, headers=headers)
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

    def connection_json(self) -> str:
        """Return an Airflow connection for this server, for ``AIRFLOW_CONN_...``, in its JSON form."""
        return json.dumps(
            {"conn_type": "google_cloud_platform", "extra": {"endpoint_url": self.endpoint, "is_anonymous": True}}
        )


def open_zone(server: GsServer, bucket: str, path: str = "", **options: object) -> GsZone:
    """A zone on a test server."""
    return GsZone.open(
        Address("gs", bucket, path), **{"endpoint_url": server.endpoint, "anonymous": True, "retries": 1, **options}
    )
