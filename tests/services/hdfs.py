"""A real HDFS cluster for tests: one NameNode and a few DataNodes as processes, on free ports of 127.0.0.1.

with HdfsCluster() as cluster:
    cluster.fs("-mkdir", "-p", "/data")
    zone = open_zone(f"{cluster.uri}/data")
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import urllib.parse
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.services import fetch
from tests.services.hadoop_conf import NodePorts, core_site, hdfs_site, write_conf
from tests.services.processes import ServerProcess, accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch

_SERVER = "org.apache.hadoop.hdfs.server"
_QUICK = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true"]


class CommandFailed(Exception):
    """A Hadoop command ended with an error; the message carries what it said."""


class HdfsCluster:
    """A NameNode and DataNodes with real data directories; gone, data included, when the context ends."""

    def __init__(
        self,
        datanodes: int = 2,
        *,
        replication: int = 2,
        capture_open_files: bool = False,
        properties: Mapping[str, str] | None = None,
        groups: Mapping[str, str] | None = None,
        jvm_flags: tuple[str, ...] = tuple(_QUICK),
    ) -> None:
        self.superuser = os.environ.get("HADOOP_USER_NAME") or pwd.getpwuid(os.getuid()).pw_name
        self._scratch = Scratch("hdfs")
        self.data_dir, self.conf_dir = self._scratch.path, self._scratch.path / "conf"
        (self.data_dir / "jvm").mkdir()
        # Else Jetty unpacks its pages into the machine's temporary directory, where they stay when a node is killed.
        self._lib, self._flags = fetch.hadoop_lib(), [*jvm_flags, f"-Djava.io.tmpdir={self.data_dir}/jvm"]
        rpc, web, *rest = free_ports(2 + 3 * datanodes)
        self.rpc, self.http = f"127.0.0.1:{rpc}", f"127.0.0.1:{web}"
        self.uri, self.webhdfs_port, self.rpc_port = f"hdfs://{self.rpc}", web, rpc
        self.ports = [NodePorts(*rest[3 * i : 3 * i + 3]) for i in range(datanodes)]
        site = hdfs_site(self.rpc, self.http, self.data_dir, replication, capture_open_files=capture_open_files)
        core = core_site(self.rpc, self.superuser, groups or {"alice": "staff", "bob": "staff"}, self.data_dir / "tmp")
        self.core, self.site = core, {**site, **(properties or {})}
        write_conf(self.conf_dir, self.core, self.site)
        for name in ("hdfs", "datanode"):
            (self.data_dir / "web" / "webapps" / name / "WEB-INF").mkdir(parents=True)
        self._namenode: ServerProcess | None = None
        self._datanodes: dict[int, ServerProcess] = {}

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start all nodes at once and wait until the cluster takes writes."""
        self._place_formatted_name_dir()
        self._launch_namenode()
        for index in range(len(self.ports)):
            self._launch_datanode(index)
        self.wait_ready()
        return self

    def stop(self) -> None:
        """End all nodes and remove their data. Idempotent."""
        for process in self._processes():  # their data goes with them: nothing is worth a clean end
            process.kill()
        self._namenode, self._datanodes = None, {}
        self._scratch.remove()

    @property
    def pids(self) -> list[int]:
        """Process ids of the NameNode and the running DataNodes."""
        return [process.pid for process in self._processes()]

    def wait_ready(self, seconds: float = 90) -> None:
        """Return when the NameNode is out of safe mode and every started DataNode is registered and listens."""
        ports = [port for i in self._datanodes for port in (self.ports[i].data, self.ports[i].http, self.ports[i].ipc)]

        def ready() -> bool:
            state = self.jmx("Hadoop:service=NameNode,name=FSNamesystemState")
            live, operational = state.get("NumLiveDataNodes", 0), state.get("FSState") == "Operational"
            return operational and live >= len(self._datanodes) and all(map(accepts, ports))

        wait_until(ready, what="HDFS", seconds=seconds, processes=self._processes())

    def jmx(self, bean: str) -> dict[str, Any]:
        """Return one of the NameNode's JMX beans, empty while it has none of that name."""
        connection = http.client.HTTPConnection(self.http, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", f"/jmx?qry={bean}")
            beans = json.loads(connection.getresponse().read()).get("beans", [])
        return dict(beans[0]) if beans else {}

    def mkdirs(self, path: str, *, user: str | None = None) -> None:
        """Create a directory and its parents by WebHDFS: milliseconds, where a command takes a second."""
        connection = http.client.HTTPConnection(self.http, timeout=30)
        with contextlib.closing(connection):
            query = urllib.parse.urlencode({"op": "MKDIRS", "user.name": user or self.superuser})
            connection.request("PUT", f"/webhdfs/v1{urllib.parse.quote(path)}?{query}")
            answer = connection.getresponse()
            if answer.status != 200:
                raise CommandFailed(f"MKDIRS {path}: {answer.status} {answer.read()!r}")

    def fs(self, *args: str | Path, user: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``hdfs dfs ...`` as ``user`` (default: the superuser), about 1.5 s a call."""
        return self.hadoop("org.apache.hadoop.fs.FsShell", *args, user=user, check=check)

    def dfsadmin(
        self, *args: str | Path, user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``hdfs dfsadmin ...``."""
        return self.hadoop(f"{_SERVER.rsplit('.', 1)[0]}.tools.DFSAdmin", *args, user=user, check=check)

    def hadoop(
        self, main_class: str, *args: str | Path, user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run any Hadoop command by its class, with this cluster's configuration."""
        done = subprocess.run(
            [*self._java("-Xmx256m"), main_class, *map(str, args)],
            env=self._environment(user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if check and done.returncode:
            raise CommandFailed(f"{main_class} {' '.join(map(str, args))}: {done.returncode}\n{done.stderr}")
        return done

    def kill_datanode(self, index: int) -> None:
        """End a DataNode with SIGKILL; the NameNode counts it as live for another 20 s."""
        self._datanodes.pop(index).kill()

    def start_datanode(self, index: int, *, wait: bool = True) -> None:
        """Start a DataNode that was killed, on its old ports and data."""
        self._launch_datanode(index)
        if wait:
            self.wait_ready()

    def pause_datanode(self, index: int) -> None:
        """Freeze a DataNode with SIGSTOP: it accepts connections and answers nothing."""
        os.kill(self._datanodes[index].pid, signal.SIGSTOP)

    def resume_datanode(self, index: int) -> None:
        """Let a frozen DataNode go on."""
        os.kill(self._datanodes[index].pid, signal.SIGCONT)

    def stop_namenode(self) -> None:
        """End the NameNode; its name directory stays."""
        if self._namenode is not None:
            self._namenode.kill()
            self._namenode = None

    def start_namenode(self, *, wait: bool = True) -> None:
        """Start the NameNode again on its old ports and data."""
        self._launch_namenode()
        if wait:
            self.wait_ready()

    def block_files(self, index: int) -> list[Path]:
        """Return the block files that a DataNode holds, without their checksum files: change them to corrupt data."""
        found = (self.data_dir / f"dn{index}").glob("current/BP-*/current/finalized/**/blk_*")
        return sorted(path for path in found if path.suffix != ".meta")

    def log(self, node: str = "namenode") -> str:
        """Return the log of ``namenode`` or ``dn0``, ``dn1``, ..."""
        return (self.data_dir / f"{node}.log").read_text(errors="replace")

    def _processes(self) -> list[ServerProcess]:
        return [process for process in (self._namenode, *self._datanodes.values()) if process is not None]

    def _java(self, *flags: str) -> list[str]:
        classpath = f"{self.conf_dir}:{self.data_dir / 'web'}:{self._lib}/*"
        return ["java", *self._flags, *flags, "-cp", classpath]

    def _environment(self, user: str | None = None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HADOOP_", "HDFS_"))}
        return {**inherited, "HADOOP_USER_NAME": user or self.superuser, "HADOOP_CONF_DIR": str(self.conf_dir)}

    def _launch_namenode(self) -> None:
        command = [*self._java("-Xmx512m"), f"{_SERVER}.namenode.NameNode"]
        log = self.data_dir / "namenode.log"
        self._namenode = start_process(command, log=log, env=self._environment(), cwd=self.data_dir)

    def _launch_datanode(self, index: int) -> None:
        ports = self.ports[index]
        who = [f"-Ddn.n={index}", f"-Ddn.data={ports.data}", f"-Ddn.http={ports.http}", f"-Ddn.ipc={ports.ipc}"]
        command = [*self._java("-Xmx384m", *who), f"{_SERVER}.datanode.DataNode"]
        log = self.data_dir / f"dn{index}.log"
        self._datanodes[index] = start_process(command, log=log, env=self._environment(), cwd=self.data_dir)

    def _place_formatted_name_dir(self) -> None:
        """Copy an empty file system that was formatted once (seconds saved), under identifiers of its own."""
        kept = self._lib.parent / f"formatted-by-{self.superuser}"
        shutil.copytree(fetch.ensure(kept, self._format), self.data_dir / "name", dirs_exist_ok=True)
        version, unique = self.data_dir / "name" / "current" / "VERSION", uuid.uuid4()
        text = re.sub(r"clusterID=.*", f"clusterID=CID-{unique}", version.read_text())
        text = re.sub(r"blockpoolID=.*", f"blockpoolID=BP-{unique.int % 10**9}-127.0.0.1-{unique.int % 10**13}", text)
        version.write_text(text)

    def _format(self, draft: Path) -> None:
        self.hadoop(f"{_SERVER}.namenode.NameNode", "-format", "-nonInteractive")
        shutil.copytree(self.data_dir / "name", draft, dirs_exist_ok=True)
        shutil.rmtree(self.data_dir / "name")
