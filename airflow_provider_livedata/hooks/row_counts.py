"""Rows of tables, counted by SQL: by an Airflow connection whose hook runs SQL (Hive, Trino, Athena, ...), or by ``databricks://``.

The statement is ``SELECT COUNT(*) FROM database.table``; identifiers are quoted as the connection's type wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.engine.clients.databricks import DatabricksClient
from airflow_provider_livedata.engine.clients.quoting import dotted
from airflow_provider_livedata.engine.errors import BadInput, MetastoreRefused
from airflow_provider_livedata.hooks.databricks import SCHEME, databricks_warehouse, parts_of

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.metastore.model import Table

_BACK_QUOTES = frozenset({"hiveserver2", "hive_cli", "spark", "spark_sql", "spark_connect", "impala", "databricks"})


class SqlRows:
    """Counts by one engine; see ``row_counts.CountRows``. Close it."""

    def __init__(self, name: str) -> None:
        """``name``: an Airflow connection, or ``databricks://connection/catalogue``.

        Raises:
            BadInput: There is none, or it runs no SQL; says what to do.
        """
        self.name = name
        self._warehouse = DatabricksClient(databricks_warehouse(name)) if name.startswith(SCHEME) else None
        self._hook = None if self._warehouse else _sql_hook(name)

    def __call__(self, table: Table) -> int:
        """How many rows a table has.

        Raises:
            MetastoreUnreachable, MetastoreRefused: They could not be counted.
        """
        if self._warehouse is not None:
            names = (parts_of(self.name)[1], table.database, table.name)
            return int(self._warehouse.rows(f"SELECT COUNT(*) FROM {dotted(*names)}")[0][0])
        return self._counted(f"SELECT COUNT(*) FROM {self._quoted(table.database)}.{self._quoted(table.name)}")

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        if self._warehouse is not None:
            self._warehouse.sender.close()

    def _counted(self, statement: str) -> int:
        try:
            row = self._hook.get_first(statement)  # type: ignore[union-attr]
        except Exception as error:  # noqa: BLE001 - each engine has errors of its own
            raise MetastoreRefused(f"{type(error).__name__}: {error}"[:1000], connection=self.name) from None
        return int(row[0])

    def _quoted(self, name: str) -> str:
        quote = "`" if getattr(self._hook, "conn_type", "") in _BACK_QUOTES else '"'
        return quote + name.replace(quote, quote * 2) + quote


def _sql_hook(conn_id: str) -> Any:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        hook = BaseHook.get_hook(conn_id)
    except AirflowNotFoundException:
        raise BadInput(
            f"there is no Airflow connection {conn_id!r} to count rows by; create it, or correct the name"
        ) from None
    if not hasattr(hook, "get_first"):
        raise BadInput(
            f"rows cannot be counted by the Airflow connection {conn_id!r}, whose hook {type(hook).__name__} runs no SQL; "
            f"name one of Hive, Trino, Athena or the like, or {SCHEME}connection/catalogue"
        )
    return hook
