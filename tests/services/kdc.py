"""A real Kerberos server for tests, and the settings of an HDFS cluster that uses it.

with Kdc(["ann"]) as kdc, kdc.cluster() as cluster:
    open_zone(f"{cluster.uri}/data", kerberos_principal="ann@EXAMPLE.COM", kerberos_keytab=str(kdc.keytab))
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.services import fetch
from tests.services.hdfs import _QUICK, HdfsCluster
from tests.services.hive import Metastore
from tests.services.one_process import OneProcess
from tests.services.processes import start_process, wait_until
from tests.services.scratch import Scratch

REALM = "EXAMPLE.COM"
_SETTINGS = """org.name=EXAMPLE
org.domain=COM
kdc.bind.address=127.0.0.1
kdc.port=0
instance=DefaultKrbServer
max.ticket.lifetime=86400000
max.renewable.lifetime=604800000
transport=TCP
debug=false
"""


class Kdc(OneProcess):
    """Apache Kerby with one keytab that holds the keys of all principals; gone when the context ends."""

    def __init__(self, principals: Sequence[str]) -> None:
        pom = fetch.POMS / "minikdc.xml"
        where = fetch.cache() / f"minikdc-{fetch.HADOOP_VERSION}" / fetch.digest(pom) / "lib"
        self._lib = fetch.ensure(where, lambda draft: fetch.copy_jars(pom, draft))
        self._principals = ["nn/localhost", "dn/localhost", "HTTP/localhost", *principals]
        super().__init__(Scratch("kdc"))
        self.keytab, self.krb5_conf = self._scratch.path / "all.keytab", self._scratch.path / "krb5.conf"

    def start(self) -> None:
        """See ``OneProcess``."""
        settings, log = self._scratch.path / "kdc.properties", self._scratch.path / "kdc.log"
        settings.write_text(_SETTINGS)
        main = ["java", *_QUICK, "-cp", f"{self._lib}/*", "org.apache.hadoop.minikdc.MiniKdc"]
        process = start_process([*main, self._scratch.path, settings, self.keytab, *self._principals], log=log)
        self._process = process
        wait_until(lambda: "Running at" in log.read_text(), what="Kerberos", seconds=60, processes=[process])

    def cluster(self) -> HdfsCluster:
        """Return an HDFS cluster, not yet started, that believes nobody without a ticket; its superuser is ``nn``."""
        keytab = {f"dfs.{one}.keytab.file": str(self.keytab) for one in ("namenode", "datanode")}
        properties = {
            "hadoop.security.authentication": "kerberos",
            "hadoop.security.authorization": "true",
            "dfs.namenode.kerberos.principal": f"nn/localhost@{REALM}",
            "dfs.datanode.kerberos.principal": f"dn/localhost@{REALM}",
            "dfs.web.authentication.kerberos.principal": f"HTTP/localhost@{REALM}",
            "dfs.web.authentication.kerberos.keytab": str(self.keytab),
            "dfs.namenode.kerberos.internal.spnego.principal": f"HTTP/localhost@{REALM}",
            "dfs.block.access.token.enable": "true",
            "dfs.datanode.hostname": "localhost",
            "ignore.secure.ports.for.testing": "true",
        }
        flags = (*_QUICK, f"-Djava.security.krb5.conf={self.krb5_conf}")
        return HdfsCluster(1, replication=1, properties={**properties, **keytab}, jvm_flags=flags)

    def metastore(self, protection: str = "authentication") -> Metastore:
        """Return a metastore, not yet started, that believes nobody without a ticket; its principal is ``hive/localhost``.

        ``protection``: "authentication", "integrity" or "privacy", what it asks of each message.
        """
        properties = {
            "metastore.sasl.enabled": "true", "hive.metastore.sasl.enabled": "true",
            "metastore.kerberos.keytab.file": str(self.keytab), "hive.metastore.kerberos.keytab.file": str(self.keytab),
            "metastore.kerberos.principal": f"hive/localhost@{REALM}", "hive.metastore.kerberos.principal": f"hive/localhost@{REALM}",
            "hadoop.rpc.protection": protection,
        }  # fmt: skip
        core = {"hadoop.security.authentication": "kerberos", "hadoop.rpc.protection": protection}
        flags = (
            f"-Djava.security.krb5.conf={self.krb5_conf}",
            "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
        )
        return Metastore(properties=properties, core=core, jvm_flags=flags, host="localhost")
