"""Airflow connections by their name and type, for the addresses that name one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_livedata.engine.errors import BadInput

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def connection_of_type(conn_id: str, conn_type: str, scheme: str) -> Connection:
    """The connection of that name, which ``scheme`` takes.

    Raises:
        BadInput: There is none, or it is of another type; says what to do.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise BadInput(
            f"there is no Airflow connection {conn_id!r}; create it with type {conn_type!r}, or correct the address"
        ) from None
    if connection.conn_type != conn_type:
        raise BadInput(
            f"the Airflow connection {conn_id!r} is of type {connection.conn_type!r}; {scheme} takes one of type {conn_type!r}"
        )
    return connection
