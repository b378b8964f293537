"""A real Hive Metastore 2.3, with the notification log, on a Derby of its own: the one that Spark brings for its catalogue.

Its own main method listens on every address of the machine, so its parts are put together here, on 127.0.0.1.

with OldMetastore() as metastore:
    catalogue = open_catalogue("hive", uris=metastore.uri)
"""

from __future__ import annotations

from tests.services import fetch
from tests.services.processes import accepts, free_ports, wait_until
from tests.services.py4j import JvmService, quoted
from tests.services.scratch import Scratch

_METASTORE = "org.apache.hadoop.hive.metastore"
_SERVER = "org.apache.thrift.server.TThreadPoolServer"
_OPENED = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "net", "nio")]


class OldMetastore(JvmService):
    """One server and its database; gone, data included, when the context ends."""

    what = "the metastore 2.3"
    version = "2.3"

    def __init__(self) -> None:
        libs = fetch.metastore_lib("2.3"), fetch.spark_lib()
        super().__init__(Scratch("metastore", need_bytes=512 << 20), *libs)
        self.port = free_ports(1)[0]
        self.uri, self.warehouse = f"thrift://127.0.0.1:{self.port}", self.data_dir / "warehouse"
        self.options = ["-Xmx320m", *_OPENED, f"-Dderby.stream.error.file={self.data_dir}/derby.log"]

    def _open(self) -> None:
        self.warehouse.mkdir()
        server = self.gateway.new(f"{_SERVER}", f"r{self._serving(f'r{self._processor()}')}")
        kind = self.gateway.call("z:java.lang.Class", "forName", quoted("java.lang.Runnable"))
        serves = self.gateway.call("z:java.beans.EventHandler", "create", f"r{kind}", f"r{server}", quoted("serve"))
        self.gateway.call(self.gateway.new("java.lang.Thread", f"r{serves}"), "start")
        wait_until(
            lambda: accepts(self.port), what=self.what, seconds=120, processes=[self._process] if self._process else []
        )

    def _processor(self) -> str:
        conf = self.gateway.new("org.apache.hadoop.hive.conf.HiveConf")
        for name, value in self._site().items():
            self.gateway.call(conf, "set", quoted(name), quoted(value))
        base = self.gateway.new(f"{_METASTORE}.HiveMetaStore$HMSHandler", quoted("tests"), f"r{conf}", "bfalse")
        handler = self.gateway.call(
            f"z:{_METASTORE}.HiveMetaStore", "newRetryingHMSHandler", f"r{base}", f"r{conf}", "bfalse"
        )
        return self.gateway.new(f"{_METASTORE}.api.ThriftHiveMetastore$Processor", f"r{handler}")

    def _serving(self, processor: str) -> str:
        address = self.gateway.new("java.net.InetSocketAddress", quoted("127.0.0.1"), f"i{self.port}")
        socket = self.gateway.new("org.apache.thrift.transport.TServerSocket", f"r{address}")
        arguments = self.gateway.new(f"{_SERVER}$Args", f"r{socket}")
        self.gateway.call(arguments, "processor", processor)
        return arguments

    def _site(self) -> dict[str, str]:
        return {
            "hive.metastore.warehouse.dir": self.warehouse.as_uri(),
            "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={self.data_dir}/db;create=true",
            "javax.jdo.option.ConnectionDriverName": "org.apache.derby.jdbc.EmbeddedDriver",
            "datanucleus.schema.autoCreateAll": "true",
            "datanucleus.connectionPoolingType": "HikariCP",  # the default pool is not among Spark's jars
            "hive.metastore.schema.verification": "false",
            "hive.metastore.transactional.event.listeners": "org.apache.hive.hcatalog.listener.DbNotificationListener",
        }
