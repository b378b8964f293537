"""A pair of NameNodes that share their edits, as a high-availability cluster has it; who is active is told by hand.

with HaCluster() as cluster:
    cluster.kill_namenode("nn1")      # a power cut
    cluster.make_active("nn2", force=True)
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
from typing import Any, Self

from tests.services.hadoop_conf import write_conf
from tests.services.hdfs import HdfsCluster
from tests.services.processes import ServerProcess, accepts, free_ports, start_process, wait_until

NAMENODES = ("nn1", "nn2")
SERVICE = "pair"


class HaCluster(HdfsCluster):
    """Like ``HdfsCluster``, with two NameNodes: ``nn1`` is active at first. ``rpcs`` and ``webs`` are their addresses by their ids."""

    def __init__(self, datanodes: int = 1, *, replication: int = 1) -> None:
        super().__init__(datanodes, replication=replication)
        ports = iter(free_ports(4))
        self.rpcs = {one: f"127.0.0.1:{next(ports)}" for one in NAMENODES}
        self.webs = {one: f"127.0.0.1:{next(ports)}" for one in NAMENODES}
        self._pair: dict[str, ServerProcess] = {}
        self.uri = f"hdfs://{SERVICE}"
        alone = ("dfs.namenode.rpc-address", "dfs.namenode.http-address")
        site = {name: value for name, value in self.site.items() if name not in alone}
        write_conf(self.conf_dir, {**self.core, "fs.defaultFS": self.uri}, {**site, **self._pair_site()})

    def start(self) -> Self:
        """Start both NameNodes and the DataNodes, and make the first NameNode the active one."""
        self._place_formatted_name_dir()
        for one in NAMENODES:
            shutil.copytree(self.data_dir / "name", self.data_dir / f"name-{one}")
        shared = self.data_dir / "shared" / "current"
        shared.mkdir(parents=True)
        for file in ("VERSION", "seen_txid"):
            shutil.copy(self.data_dir / "name" / "current" / file, shared / file)
        for one in NAMENODES:
            self.start_one(one)
        for index in range(len(self.ports)):
            self._launch_datanode(index)
        self.make_active("nn1")
        return self

    def stop(self) -> None:
        """See ``HdfsCluster.stop``."""
        for process in self._pair.values():
            process.kill()
        self._pair = {}
        super().stop()

    def start_one(self, name: str) -> None:
        """Start a NameNode; it waits as standby."""
        command = [*self._java("-Xmx384m", f"-Dnn.id={name}"), "org.apache.hadoop.hdfs.server.namenode.NameNode"]
        log = self.data_dir / f"{name}.log"
        self._pair[name] = start_process(command, log=log, env=self._environment(), cwd=self.data_dir)
        port = int(self.rpcs[name].rpartition(":")[2])
        wait_until(lambda: accepts(port), what=name, seconds=90, processes=[self._pair[name]])

    def kill_namenode(self, name: str) -> None:
        """End a NameNode with SIGKILL."""
        self._pair.pop(name).kill()

    def make_active(self, name: str, *, force: bool = False) -> None:
        """Have a NameNode take over, and wait until it takes writes. ``force``: without asking the other one, which is gone."""
        forced = ["--forceactive"] if force else []
        self._haadmin("-transitionToActive", *forced, name)

        def ready() -> bool:
            state = self.bean(name, "Hadoop:service=NameNode,name=FSNamesystemState")
            return bool(state.get("FSState") == "Operational" and state.get("NumLiveDataNodes", 0) >= len(self.ports))

        wait_until(ready, what=f"{name} as the active NameNode", seconds=90, processes=self._processes())

    def make_standby(self, name: str) -> None:
        """Have a NameNode stand by."""
        self._haadmin("-transitionToStandby", name)

    def bean(self, name: str, bean: str) -> dict[str, Any]:
        """One of a NameNode's JMX beans."""
        connection = http.client.HTTPConnection(self.webs[name], timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", f"/jmx?qry={bean}")
            beans = json.loads(connection.getresponse().read()).get("beans", [])
        return dict(beans[0]) if beans else {}

    def _haadmin(self, *args: str) -> None:
        self.hadoop("org.apache.hadoop.hdfs.tools.DFSHAAdmin", *args)

    def _processes(self) -> list[ServerProcess]:
        return [*super()._processes(), *self._pair.values()]

    def _pair_site(self) -> dict[str, str]:
        return {
            "dfs.nameservices": SERVICE,
            f"dfs.ha.namenodes.{SERVICE}": ",".join(NAMENODES),
            **{f"dfs.namenode.rpc-address.{SERVICE}.{one}": at for one, at in self.rpcs.items()},
            **{f"dfs.namenode.http-address.{SERVICE}.{one}": at for one, at in self.webs.items()},
            f"dfs.client.failover.proxy.provider.{SERVICE}": (
                "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
            ),
            "dfs.ha.namenode.id": "${nn.id}",
            "nn.id": "nn1",
            "dfs.namenode.name.dir": f"{(self.data_dir / 'name-').as_uri()}${{nn.id}}",
            "dfs.namenode.shared.edits.dir": (self.data_dir / "shared").as_uri(),
            "dfs.ha.fencing.methods": "shell(/bin/true)",
            "dfs.ha.tail-edits.period": "1s",
        }
