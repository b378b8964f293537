"""A throw-away AIRFLOW_HOME: migrated SQLite, no examples, nothing listening beyond loopback.

The migrated database is made once per version of Airflow and copied from the cache after that.
"""

from __future__ import annotations

import base64
import importlib.metadata
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.services import fetch

REPOSITORY = Path(__file__).parents[2]


class CommandFailed(Exception):
    """An ``airflow`` command ended with an error; the message carries what it said."""


class AirflowHome:
    """An Airflow of its own in a directory: for commands by ``run``, for this process by ``adopt``."""

    def __init__(self, path: Path, *, dags: Path = REPOSITORY / "dags") -> None:
        self.path = path
        self.environment = _settings(path, dags)

    def adopt(self) -> Self:
        """Make this process use it. Airflow must not be imported yet: it reads its settings then."""
        os.environ.update(self.environment)
        return self

    def place_database(self) -> Self:
        """Put the migrated, empty database in its place."""
        name = f"airflow-{importlib.metadata.version('apache-airflow')}-py{sys.version_info[0]}{sys.version_info[1]}"
        kept = fetch.ensure(fetch.cache() / name, _migrated_database)
        shutil.copy(kept / "airflow.db", self.path / "airflow.db")
        return self

    def run(
        self, *args: str | Path, env: Mapping[str, str] | None = None, check: bool = True, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run ``airflow ...`` in this home; standard output and error together are ``stdout``."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *map(str, args)],
            env={**os.environ, **self.environment, **(env or {})},
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check and done.returncode:
            raise CommandFailed(f"airflow {' '.join(map(str, args))}: {done.returncode}\n{done.stdout[-8000:]}")
        return done


def connection_variable(conn_id: str) -> str:
    """Return the name of the environment variable that defines this connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _settings(home: Path, dags: Path) -> dict[str, str]:
    """Return the environment that makes Airflow quiet, local and alone."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _migrated_database(draft: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="livedata-airflow-") as work:
        AirflowHome(Path(work), dags=Path(work)).run("db", "migrate")
        shutil.move(Path(work) / "airflow.db", draft / "airflow.db")
