"""What the policy service of Apache Sentry grants on Hive, to be read: a call for all roles, and one for each role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import Plain
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy, Who
from airflow_provider_livedata.engine.policies.sentry import PARTS, policies_of
from airflow_provider_livedata.engine.policies.sentry_client import PROTOCOL, SentryClient, idl

_NAMED = (("server", "serverName"), ("db", "dbName"), ("table", "tableName"), ("column", "columnName"), ("uri", "URI"))
_NOTHING = ("", "__NULL__")  # what Sentry writes where a privilege has no such part


class SentryServer(Plain):
    """The grants of one service; the caller closes it."""

    def __init__(self, client: SentryClient) -> None:
        self.client = client
        self.name = f"sentry {client.where}"

    def close(self) -> None:
        """See ``PolicySource``."""
        self.client.close()

    def calls(self) -> Mapping[str, int]:
        """See ``PolicySource``."""
        return self.client.calls

    def facts(self) -> Facts:
        """See ``PolicySource``."""
        return Facts("hive", frozenset(), PARTS)

    def policies(self) -> Iterator[Policy | Broken]:
        """See ``PolicySource``."""
        return policies_of({role: self._privileges(role) for role in self.roles()})

    def roles(self) -> dict[str, Who]:
        """See ``PolicySource``; Sentry gives roles to groups."""
        request = idl().TListSentryRolesRequest(protocol_version=PROTOCOL, requestorUserName=self.client.user)
        told = self.client.call("list_sentry_roles_by_group", request).roles or ()
        return {one.roleName: Who(groups=tuple(sorted(group.groupName for group in one.groups or ()))) for one in told}

    def _privileges(self, role: str) -> list[str]:
        request = idl().TListSentryPrivilegesRequest(
            protocol_version=PROTOCOL, requestorUserName=self.client.user, roleName=role
        )
        told = self.client.call("list_sentry_privileges_by_role", request).privileges or ()
        return sorted(_text(one) for one in told)


def _text(privilege: Any) -> str:
    """A privilege as Sentry writes it in its files."""
    named = [(name, getattr(privilege, field) or "") for name, field in _NAMED]
    parts = [f"{name}={value}" for name, value in named if value not in _NOTHING]
    option = "true" if privilege.grantOption == 1 else "false"
    return "->".join([*parts, f"action={privilege.action}", f"grantoption={option}"])


def open_sentry(host: str, port: int, user: str, **access: Any) -> SentryServer:
    """A service of Sentry; the caller closes it. ``access``: see ``SentryClient``.

    Raises:
        BadInput: The extra that brings Thrift is not installed.
    """
    if find_spec("thriftpy2") is None:
        raise BadInput("Sentry's service needs: pip install 'airflow-provider-livedata[sentry]'", missing="thriftpy2")
    return SentryServer(SentryClient(host, port, user, **access))
