"""A real Apache Sentry service 2.0 with an embedded database, listening on 127.0.0.1 alone.

with SentryService() as sentry:
    sentry.grant("reader", ["analysts"], ["server=server1->db=sales->action=select"])
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from airflow_provider_livedata.engine.policies.sentry_client import PROTOCOL, SentryClient, idl
from tests.services import fetch
from tests.services.hadoop_conf import site_xml
from tests.services.processes import ServerProcess, accepts, free_ports, start_process, wait_until
from tests.services.scratch import Scratch

ADMIN = "admin"
_QUICK = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Xmx256m",
]
_PACKAGES = ("lang", "util", "net", "nio", "io", "lang.reflect", "util.concurrent")
_OPENED = [
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _PACKAGES),
    "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED", "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
]  # fmt: skip
_SCOPES = ("column", "table", "db", "uri", "server")  # the narrowest that a privilege names
_FIELDS = {"db": "dbName", "table": "tableName", "column": "columnName", "uri": "URI", "server": "serverName"}


class SentryService:
    """One service; gone, data included, when the context ends."""

    def __init__(self) -> None:
        self._lib = fetch.sentry_lib()
        self._scratch = Scratch("sentry", need_bytes=256 << 20)
        self.data_dir, self.port = self._scratch.path, free_ports(1)[0]
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        (self.data_dir / "groups.ini").write_text(f"[users]\n{ADMIN} = {ADMIN}\nann = people\n", encoding="utf-8")
        conf = self.data_dir / "sentry-site.xml"
        conf.write_text(site_xml(self._site()), encoding="utf-8")
        main = ["-cp", f"{self._lib}/*", "org.apache.sentry.SentryMain", "--command", "service", "-conffile", str(conf)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("HADOOP_", "HIVE_"))}
        log = self.data_dir / "sentry.log"
        java = ["java", *_QUICK, *_OPENED, f"-Dderby.stream.error.file={self.data_dir}/derby.log"]
        self._process = start_process([*java, *main], log=log, cwd=self.data_dir, env=environment)
        try:
            wait_until(lambda: accepts(self.port), what="Sentry", seconds=120, processes=[self._process])
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Process id of the server, none while it is stopped."""
        return [self._process.pid] if self._process else []

    def stop(self) -> None:
        """End the server and remove its data. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._scratch.remove()

    def grant(self, role: str, groups: Sequence[str], privileges: Sequence[str]) -> None:
        """Make a role, give it to groups, and grant it privileges, as a person would by SQL."""
        client, thrift = SentryClient("127.0.0.1", self.port, ADMIN), idl()
        about = {"protocol_version": PROTOCOL, "requestorUserName": ADMIN, "roleName": role}
        client.call("create_sentry_role", thrift.TCreateSentryRoleRequest(**about))
        members = {thrift.TSentryGroup(groupName=group) for group in groups}
        client.call("alter_sentry_role_add_groups", thrift.TAlterSentryRoleAddGroupsRequest(groups=members, **about))
        for text in privileges:
            request = thrift.TAlterSentryRoleGrantPrivilegeRequest(privileges={_privilege(thrift, text)}, **about)
            client.call("alter_sentry_role_grant_privilege", request)
        client.close()

    def _site(self) -> dict[str, str]:
        return {
            "sentry.service.security.mode": "none", "sentry.verify.schema.version": "false", "sentry.service.web.enable": "false",
            "sentry.datanucleus.schema.autoCreateAll": "true", "sentry.service.server.rpc-address": "127.0.0.1",
            "sentry.service.server.rpc-port": str(self.port), "sentry.service.admin.group": ADMIN,
            "sentry.store.jdbc.url": f"jdbc:derby:;databaseName={self.data_dir}/db;create=true",
            "sentry.store.jdbc.driver": "org.apache.derby.jdbc.EmbeddedDriver", "sentry.store.jdbc.user": "sentry",
            "sentry.store.jdbc.password": "mine", "sentry.store.group.mapping": "org.apache.sentry.provider.file.LocalGroupMappingService",
            "sentry.store.group.mapping.resource": f"{self.data_dir}/groups.ini",
        }  # fmt: skip


def _privilege(thrift: Any, text: str) -> Any:
    parts = {name.lower(): value for name, _, value in (one.partition("=") for one in text.split("->"))}
    scope = next(one for one in _SCOPES if one in parts)
    named = {_FIELDS[one]: parts[one] for one in _SCOPES if one in parts}
    return thrift.TSentryPrivilege(
        privilegeScope={"db": "DATABASE"}.get(scope, scope.upper()), action=parts.get("action", "*"),
        grantOption=int(parts.get("grantoption") == "true"), **named,
    )  # fmt: skip
