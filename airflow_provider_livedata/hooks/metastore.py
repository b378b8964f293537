"""A Hive Metastore by its Airflow connection, of type ``livedatametastore``; or Glue or Databricks, where the name is an address of theirs.

``host`` (several separated by commas, each with ``:port`` where it is not that of the field), ``port`` (9083), ``login`` (the user, where
there is no Kerberos), and the extra keys ``use_tls``, ``tls_ca``, ``tls_cert``, ``tls_key``, ``kerberos_service``, ``timeout_s``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_livedata.bridge import as_bool, as_float
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.metastore.registry import open_catalogue
from airflow_provider_livedata.hooks.databricks import SCHEME as DATABRICKS
from airflow_provider_livedata.hooks.databricks import databricks_catalogue
from airflow_provider_livedata.hooks.glue import SCHEME, glue_catalogue

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_livedata.engine.metastore.base import CatalogueTarget

CONN_TYPE = "livedatametastore"
DEFAULT_PORT = 9083
_TEXTS = ("tls_ca", "tls_cert", "tls_key", "kerberos_service")


class MetastoreHook(BaseHook):
    """Opens the catalogue of a connection."""

    conn_name_attr = "metastore_conn_id"
    default_conn_name = "livedatametastore_default"
    conn_type = CONN_TYPE
    hook_name = "LiveData Hive Metastore"

    def __init__(self, metastore_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.metastore_conn_id = metastore_conn_id

    def get_conn(self) -> CatalogueTarget:
        """The catalogue; the caller closes it.

        Raises:
            BadInput: There is no such connection, or it cannot be used; says what to do.
        """
        if self.metastore_conn_id.startswith(SCHEME):
            return glue_catalogue(self.metastore_conn_id)
        if self.metastore_conn_id.startswith(DATABRICKS):
            return databricks_catalogue(self.metastore_conn_id)
        return open_catalogue("hive", **access_of(self._connection()))

    def test_connection(self) -> tuple[bool, str]:
        """Whether the metastore answers, for the button of the form."""
        try:
            catalogue = self.get_conn()
            try:
                return True, f"{len(catalogue.database_names())} databases"
            finally:
                catalogue.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the form shows it
            return False, str(error)

    def _connection(self) -> Connection:
        try:
            connection = self.get_connection(self.metastore_conn_id)
        except AirflowNotFoundException:
            raise BadInput(
                f"there is no Airflow connection {self.metastore_conn_id!r}; create it with type {CONN_TYPE!r}, or correct the name"
            ) from None
        if connection.conn_type != CONN_TYPE:
            others = {"aws": f"; Glue is named by {SCHEME}", "databricks": f"; Databricks is named by {DATABRICKS}"}
            hint = others.get(str(connection.conn_type), "")
            hint += self.metastore_conn_id if hint else ""
            raise BadInput(
                f"the Airflow connection {self.metastore_conn_id!r} is of type {connection.conn_type!r}; a metastore takes one of type "
                f"{CONN_TYPE!r}{hint}"
            )
        return connection


def access_of(connection: Connection) -> dict[str, Any]:
    """What ``open_catalogue`` takes, of a connection.

    Raises:
        BadInput: It names no host, or a value that cannot be.
    """
    extra = connection.extra_dejson
    hosts = [host.strip() for host in (connection.host or "").split(",") if host.strip()]
    if not hosts:
        raise BadInput(
            f"the Airflow connection {connection.conn_id!r} names no host; put the metastore there, or several with commas"
        )
    port = connection.port or DEFAULT_PORT
    access: dict[str, Any] = {"uris": [f"thrift://{host if ':' in host else f'{host}:{port}'}" for host in hosts]}
    access |= {name: str(extra[name]) for name in _TEXTS if extra.get(name)}
    if connection.login:
        access["user"] = connection.login
    if extra.get("use_tls") not in (None, ""):
        access["use_tls"] = as_bool(extra["use_tls"], "use_tls")
    if extra.get("timeout_s") not in (None, ""):
        access["timeout_s"] = as_float(extra["timeout_s"], "timeout_s")
    return access
