"""A real Hive Metastore for tests, on a Derby of its own that has the whole schema, with the notification log.

with Metastore() as metastore:
    catalogue = open_catalogue(metastore.uri)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services import fetch
from tests.services.hadoop_conf import site_xml
from tests.services.processes import ServerProcess, accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch

ARCHIVES = {
    "3.1": "hive-standalone-metastore-3.1.3-bin.tar.gz"
}  # that hold the schema tool's scripts; others make tables as they need them
_METASTORE = "org.apache.hadoop.hive.metastore"
_QUICK = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Xmx320m",
]
_OPENED = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "net", "nio")]


class Metastore:
    """One server and its database; gone, data included, when the context ends."""

    def __init__(
        self, version: str = "3.1", *, properties: Mapping[str, str] | None = None, core: Mapping[str, str] | None = None,
        jvm_flags: Sequence[str] = (), host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        """``core``: what Hadoop's own site file says; ``host``: what clients call the server."""
        self.version = version
        self._lib = fetch.metastore_lib(version)
        self._scratch = Scratch("metastore", need_bytes=512 << 20)
        self.data_dir, self.port = self._scratch.path, free_ports(1)[0]
        self.uri, self.warehouse = f"thrift://{host}:{self.port}", self.data_dir / "warehouse"
        self.properties, self._core, self._flags = dict(properties or {}), dict(core or {}), jvm_flags
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        try:
            self.warehouse.mkdir()
            if self.version in ARCHIVES:
                shutil.copytree(_empty_database(self.version, self._lib), self.data_dir / "db")
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Process id of the server, none while it is stopped."""
        return [self._process.pid] if self._process else []

    def start(self) -> Self:
        """Start the server on its database, and wait until it answers."""
        conf = self.data_dir / "conf"
        conf.mkdir(exist_ok=True)
        (conf / "metastore-site.xml").write_text(site_xml({**self._site(), **self.properties}), encoding="utf-8")
        if self._core:
            (conf / "core-site.xml").write_text(site_xml(self._core), encoding="utf-8")
        log = self.data_dir / "metastore.log"
        java = ["java", *_QUICK, *_OPENED, *self._flags, f"-Dderby.stream.error.file={self.data_dir}/derby.log"]
        main = ["-cp", f"{conf}:{self._lib}/*", f"{_METASTORE}.HiveMetaStore", "-p", str(self.port)]
        self._process = start_process([*java, *main], log=log, cwd=self.data_dir, env=_environment())
        wait_until(lambda: accepts(self.port), what="the metastore", seconds=180, processes=[self._process])
        return self

    def kill(self) -> None:
        """End the server at once, as a power cut would; its database stays."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def stop(self) -> None:
        """End the server and remove its data. Idempotent."""
        self.kill()
        self._scratch.remove()

    def _site(self) -> dict[str, str]:
        has_schema = self.version in ARCHIVES
        of_the_log = {
            "metastore.transactional.event.listeners": "org.apache.hive.hcatalog.listener.DbNotificationListener",
            "hive.metastore.event.db.notification.api.auth": "false",
        }
        without_schema = {"datanucleus.schema.autoCreateAll": "true", "metastore.schema.verification": "false"}
        return {
            "metastore.thrift.bind.host": "127.0.0.1",
            "metastore.warehouse.dir": self.warehouse.as_uri(),
            "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={self.data_dir}/db;create={str(not has_schema).lower()}",
            "javax.jdo.option.ConnectionDriverName": "org.apache.derby.jdbc.EmbeddedDriver",
            "javax.jdo.option.ConnectionUserName": "APP",
            "javax.jdo.option.ConnectionPassword": "mine",
            "metastore.expression.proxy": f"{_METASTORE}.DefaultPartitionExpressionProxy",
            "metastore.task.threads.remote": "",
            "metastore.task.threads.always": f"{_METASTORE}.events.EventCleanerTask",
            **(of_the_log if has_schema else without_schema),
        }


def _empty_database(version: str, lib: Path) -> Path:
    """A database with the schema and nothing in it, made once by Hive's own schema tool."""
    return fetch.ensure(lib.parent / "empty-derby", lambda draft: _init_schema(version, lib, draft))


def _init_schema(version: str, lib: Path, draft: Path) -> None:
    home = draft / "home"
    with tarfile.open(lib / ARCHIVES[version]) as packed:
        scripts = [one for one in packed.getmembers() if "/scripts/" in one.name]
        packed.extractall(home, scripts, filter="data")
    (root,) = home.iterdir()
    url = f"jdbc:derby:;databaseName={draft}/db;create=true"
    tool = [f"{_METASTORE}.tools.MetastoreSchemaTool", "-dbType", "derby", "-initSchema", "-url", url]
    who = ["-driver", "org.apache.derby.jdbc.EmbeddedDriver", "-userName", "APP", "-passWord", "mine"]
    done = subprocess.run(
        ["java", *_QUICK, "-cp", f"{lib}/*", *tool, *who],
        env={**_environment(), "METASTORE_HOME": str(root)}, cwd=draft, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise fetch.CannotFetch(f"the metastore's schema could not be made:\n{(done.stdout + done.stderr)[-3000:]}")
    shutil.rmtree(home)
    for item in (draft / "db").iterdir():
        item.rename(draft / item.name)
    (draft / "db").rmdir()
    (draft / "derby.log").unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("HADOOP_", "HIVE_"))}
