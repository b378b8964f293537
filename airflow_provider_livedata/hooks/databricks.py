"""A catalogue of Databricks by its address: ``databricks://[connection][/catalogue]``, where the connection is one of type ``databricks``.

databricks://dbx_prod            the old catalogue of the workspace, ``hive_metastore``
databricks://dbx_prod/main       the catalogue ``main`` of Unity Catalog
databricks://                    ``hive_metastore`` by ``databricks_default``

Statements run on the SQL warehouse or cluster that the connection names (extra ``http_path``).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.engine.errors import BadInput, MetastoreRefused, MetastoreUnreachable
from airflow_provider_livedata.engine.metastore.registry import open_catalogue
from airflow_provider_livedata.engine.policies.registry import open_grants
from airflow_provider_livedata.hooks.connections import connection_of_type

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
    from airflow_provider_livedata.engine.policies.base import GrantTarget

SCHEME = "databricks://"
DEFAULT_CONNECTION = "databricks_default"
_OLD = "hive_metastore"


def databricks_catalogue(address: str) -> CatalogueTarget:
    """The catalogue at an address; the caller closes it. Host, token and warehouse are those of the connection.

    Raises:
        BadInput: The address or the connection cannot be used; says what to do.
    """
    return open_catalogue("databricks", sender=databricks_warehouse(address), catalog=parts_of(address)[1])


def unity_catalog_grants(address: str) -> GrantTarget:
    """The grants of the catalogue of Unity Catalog at an address; the caller closes it.

    Raises:
        BadInput: The address or the connection cannot be used; says what to do.
    """
    return open_grants("unity catalog", sender=databricks_warehouse(address), catalog=parts_of(address)[1])


def databricks_warehouse(address: str) -> Warehouse:
    """What runs statements at an address; the caller closes it.

    Raises:
        BadInput: See ``databricks_catalogue``.
    """
    conn_id, _ = parts_of(address)
    _check(conn_id)

    def connect() -> Any:
        from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

        return DatabricksSqlHook(databricks_conn_id=conn_id, caller="LiveData").get_conn()

    return Warehouse(f"{SCHEME}{conn_id}", connect)


def parts_of(address: str) -> tuple[str, str]:
    """The connection and the catalogue in an address.

    Raises:
        BadInput: It is no such address.
    """
    found = re.fullmatch(r"databricks://([A-Za-z0-9_.-]*)(?:/([^/]*))?", address)
    if not found:
        raise BadInput(
            "Databricks is named by databricks://connection or databricks://connection/catalogue", address=address
        )
    return found[1] or DEFAULT_CONNECTION, found[2] or _OLD


class Warehouse:
    """Runs statements by a connection of the provider's SQL hook; a new one is opened after one that broke."""

    def __init__(self, name: str, connect: Callable[[], Any]) -> None:
        self.name = name
        self._connect = connect
        self._connection: Any = None

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        """See ``Sender``."""
        with self._mapped():
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        """See ``Sender``."""
        if self._connection is not None:
            with contextlib.suppress(Exception):  # it may be broken
                self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def _mapped(self) -> Iterator[None]:
        from databricks.sql import exc

        try:
            yield
        except (exc.RequestError, exc.InterfaceError, OSError) as error:
            self.close()
            raise MetastoreUnreachable(f"Databricks does not answer: {error}"[:1000], target=self.name) from None
        except exc.Error as error:
            raise MetastoreRefused(str(error)[:4000], target=self.name) from None


def _check(conn_id: str) -> None:
    connection = connection_of_type(conn_id, "databricks", SCHEME)
    if not connection.extra_dejson.get("http_path"):
        raise BadInput(
            f"the Airflow connection {conn_id!r} names no SQL warehouse or cluster: put its HTTP path into the extra as http_path"
        )
