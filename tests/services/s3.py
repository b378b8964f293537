"""S3 servers for tests: versitygw, which checks checksums and signatures, and moto, which does neither.

with S3Server() as server:
    bucket = server.new_bucket("sales")
    server.client().put_object(Bucket=bucket, Key="a", Body=b"1")
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import fetch
from tests.services.one_process import OneProcess
from tests.services.processes import accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch, has_xattrs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Process(OneProcess):
    """What both servers share: an address, root keys, and a life as a process."""

    name = "s3"
    checks_integrity = False

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access_key, self.secret_key = f"AK{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)
        self.region = "us-east-1"
        super().__init__(Scratch(self.name, needs_xattrs=True))
        self.data_dir = self._scratch.path / "data"
        self.data_dir.mkdir()

    def start(self) -> None:
        """Start it, again if it was stopped: same port, same keys, same data (moto forgets its data)."""
        log = self._scratch.path / "server.log"
        process = start_process(self._command(), log=log, env=self._environment(), cwd=self._scratch.path)
        self._process = process
        wait_until(lambda: accepts(self.port), what=self.name, seconds=60, processes=[process])

    def client(self, access_key: str | None = None, secret_key: str | None = None) -> S3Client:
        """Return a boto3 client with path-style addresses, as root unless other keys are given."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=access_key or self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    def new_bucket(self, prefix: str = "test", *, versioned: bool = False) -> str:
        """Create a bucket with a name of its own and return that name."""
        name = f"{prefix}-{secrets.token_hex(6)}"
        client = self.client()
        client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def connection_json(self) -> str:
        """Return an Airflow connection for this server, for ``AIRFLOW_CONN_...``, in its JSON form."""
        extra = {"endpoint_url": self.endpoint, "region_name": self.region}
        keys = {"login": self.access_key, "password": self.secret_key}
        return json.dumps({"conn_type": "aws", **keys, "extra": extra})

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._scratch.path)}

    def _command(self) -> list[str]:
        raise NotImplementedError


class S3Server(S3Process):
    """versitygw on a directory, with versioning; keys travel by environment, never on its command line."""

    name = "versitygw"
    checks_integrity = True

    def __init__(self) -> None:
        self._binary = fetch.versitygw()
        super().__init__()

    def object_path(self, bucket: str, key: str) -> Path:
        """Return the file that holds an object's bytes: change it to corrupt the object."""
        return self.data_dir / bucket / key

    def new_user(self) -> tuple[str, str]:
        """Add a user without any right, and return its access and secret key."""
        access, secret = f"AK{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)
        admin = {"ADMIN_ACCESS_KEY_ID": self.access_key, "ADMIN_SECRET_ACCESS_KEY": self.secret_key}
        command = [str(self._binary), "admin", "--endpoint-url", self.endpoint, "create-user"]
        subprocess.run(
            [*command, "--access", access, "--secret", secret, "--role", "user"],
            env={**self._environment(), **admin, "ADMIN_REGION": self.region},
            check=True,
            capture_output=True,
        )
        return access, secret

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}

    def _command(self) -> list[str]:
        extra: dict[str, Path] = {"--versioning-dir": self._scratch.path / "versions"}
        if not has_xattrs(self.data_dir):
            extra["--sidecar"] = self._scratch.path / "sidecar"
        for directory in (*extra.values(), self._scratch.path / "iam"):
            directory.mkdir(exist_ok=True)
        options = [text for name, value in extra.items() for text in (name, str(value))]
        listen = ["--port", f"127.0.0.1:{self.port}", "--iam-dir", str(self._scratch.path / "iam")]
        return [str(self._binary), *listen, "--keep-alive", "--quiet", "posix", *options, str(self.data_dir)]


class MotoServer(S3Process):
    """moto, where versitygw can't be had: it accepts wrong checksums and any keys, so it proves neither."""

    name = "moto"

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
