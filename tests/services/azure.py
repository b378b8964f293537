"""Azure Blob Storage for tests: Azurite, which checks signatures, CRC-64 and conditions.

It has no hierarchical namespace, and its data is gone when it ends.

with AzureServer() as server:
    zone = open_zone(server, server.new_container("sales"), "some/directory")
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from typing import Any

from airflow_provider_livedata.engine.zones.abfs.auth import VERSION, SharedKey
from airflow_provider_livedata.engine.zones.abfs.zone import AbfsZone
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.objects.http import Answer, Http, Request
from tests.services import fetch
from tests.services.one_process import OneProcess
from tests.services.processes import accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch


class AzureServer(OneProcess):
    """One server on a port of its own, with one account."""

    def __init__(self) -> None:
        self._script = fetch.azurite()
        self.port, self.account = free_ports(1)[0], f"account{secrets.token_hex(4)}"
        self.key = base64.b64encode(secrets.token_bytes(48)).decode()
        self.endpoint = f"http://127.0.0.1:{self.port}/{self.account}"
        super().__init__(Scratch("azurite"))
        signer = SharedKey.of(self.account, self.key)
        self._http = Http("Azurite", signer.headers, connections=4, retries=0, timeout_s=60, verify=True)

    def start(self) -> None:
        """Start it; the key travels by environment, never on its command line."""
        listen = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--silent", "--disableTelemetry"]
        command = ["node", str(self._script), *listen, "--inMemoryPersistence"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._scratch.path)}
        process = start_process(
            command, log=self._scratch.path / "server.log", cwd=self._scratch.path,
            env={**environment, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"},
        )  # fmt: skip
        self._process = process
        wait_until(lambda: accepts(self.port), what="azurite", seconds=60, processes=[process])

    def close(self) -> None:
        """End it. Idempotent."""
        self._http.close()
        super().close()

    def new_container(self, prefix: str = "test") -> str:
        """Create a container with a name of its own and return that name."""
        name = f"{prefix}-{secrets.token_hex(6)}"
        self.ask("PUT", f"{name}?restype=container")
        return name

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Make a request as another client would, with those headers.

        On a connection of its own: Azurite closes one that was idle for six seconds, and a request that it crosses is lost.
        """
        given = {"x-ms-version": VERSION, "Connection": "close", **(headers or {})}
        answer = self._http.send(Request(method, f"{self.endpoint}/{path}", given, [body] if body else []))
        assert answer.status < 300, answer.body
        return answer

    def connection(self) -> dict[str, Any]:
        """Return an Airflow connection for this server."""
        return {"conn_type": "wasb", "login": self.account, "password": self.key, "host": self.endpoint}

    def connection_json(self) -> str:
        """The same, for ``AIRFLOW_CONN_...``."""
        return json.dumps(self.connection())


def open_zone(server: AzureServer, container: str, path: str = "", **options: object) -> AbfsZone:
    """A zone on a test server, with the account's key unless the options say otherwise."""
    given: dict[str, Any] = {
        "endpoint_url": server.endpoint,
        "account": server.account,
        "account_key": server.key,
        **options,
    }
    return AbfsZone.open(Address("abfs", container, path), **given)
