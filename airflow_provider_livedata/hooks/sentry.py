"""The policy service of Apache Sentry by its Airflow connection, of type ``livedatasentry``: ``sentry://CONNECTION`` as a source.

``host``, ``port`` (8038), ``login`` (who asks: an administrator of Sentry sees all roles), and the extra key ``timeout_s``. No Kerberos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_livedata.bridge import as_float
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.registry import open_policies
from airflow_provider_livedata.hooks.connections import connection_of_type

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_livedata.engine.policies.base import PolicySource

CONN_TYPE = "livedatasentry"
SCHEME = "sentry://"
DEFAULT_PORT = 8038


class SentryHook(BaseHook):
    """Opens the service of a connection."""

    conn_name_attr = "sentry_conn_id"
    default_conn_name = "livedatasentry_default"
    conn_type = CONN_TYPE
    hook_name = "LiveData Sentry"

    def __init__(self, sentry_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.sentry_conn_id = sentry_conn_id

    def get_conn(self) -> PolicySource:
        """The service; the caller closes it.

        Raises:
            BadInput: There is no such connection, or it cannot be used; says what to do.
        """
        return open_policies("sentry service", **access_of(connection_of_type(self.sentry_conn_id, CONN_TYPE, SCHEME)))

    def test_connection(self) -> tuple[bool, str]:
        """Whether Sentry answers and tells its roles to the user, for the button of the form."""
        try:
            service = self.get_conn()
            try:
                return True, f"{len(service.roles())} roles"
            finally:
                service.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the form shows it
            return False, str(error)


def access_of(connection: Connection) -> dict[str, Any]:
    """What ``open_policies`` takes, of a connection.

    Raises:
        BadInput: It names no host, no user, or a value that cannot be.
    """
    if not connection.host or not connection.login:
        raise BadInput(
            f"the Airflow connection {connection.conn_id!r} needs a host, and the login of an administrator of Sentry"
        )
    access: dict[str, Any] = {
        "host": connection.host,
        "port": connection.port or DEFAULT_PORT,
        "user": connection.login,
    }
    timeout = connection.extra_dejson.get("timeout_s")
    return access if timeout in (None, "") else {**access, "timeout_s": as_float(timeout, "timeout_s")}
