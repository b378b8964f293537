"""Zones by address: what the address leaves open comes from its Airflow connection.

file://    needs no connection
hdfs://    a ``webhdfs`` connection (apache-hdfs provider), by default ``webhdfs_default`` where that exists
s3://      an ``aws`` connection (amazon provider), by default ``aws_default`` where that exists, else what boto3 finds
abfs://    a ``wasb`` or ``adls`` connection (microsoft.azure provider), by default ``wasb_default``
fsspec+x://  what ``hooks/any_fsspec.py`` says; no connection unless one is named
gs://      a ``google_cloud_platform`` connection (google provider), by default ``google_cloud_default`` where that exists
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.registry import open_zone, serving

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_livedata.engine.zones.base import Zone


class LiveDataHook(BaseHook):
    """Opens zones. It has no connection type of its own: each store's connection is that of its own provider."""

    @classmethod
    def open_zone(cls, address: str, options: ReplicateOptions | None = None, **zone_options: Any) -> Zone:
        """Open the zone of an address with its connection; the caller closes it.

        Args:
            address: ``scheme://[conn_id@]authority/path``.
            options: Tells the zone how many threads use it, and what is asked of it.
            zone_options: Go to the zone as they are, before those of the connection.

        Raises:
            BadInput: Not an address, an unknown scheme, or no such connection; says what to do.
            CredentialsRefused: The connection's credentials cannot be used.
        """
        parsed = Address.parse(address)
        options_of = _OPTIONS.get(serving(parsed))
        known = options_of(parsed, options or ReplicateOptions()) if options_of else {}
        return open_zone(parsed, **{**known, **zone_options})


def open_to_look(address: str) -> Zone:
    """A zone for small looks in a process that many share, as a triggerer is; the caller closes it.

    HDFS is asked by WebHDFS where a connection is there, since by RPC a process can be one user at a time.

    Raises:
        As ``LiveDataHook.open_zone``.
    """
    parsed = Address.parse(address)
    by_web = (
        parsed.scheme == "hdfs" and connection_of(parsed, conn_type="webhdfs", default="webhdfs_default") is not None
    )
    return LiveDataHook.open_zone(address, None, **({"data": "webhdfs"} if by_web else {}))


def connection_of(address: Address, *, conn_type: str, default: str, or_type: str = "") -> Connection | None:
    """The connection that an address names, else the default one; None where it names none and there is no default.

    ``conn_type``: "" takes one of any type.

    Raises:
        BadInput: The named one is not there, or is of another type.
    """
    conn_id = address.conn_id or default
    if not conn_id:
        return None
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        if address.conn_id is None:
            return None
        with_type = f" with type {conn_type!r}" if conn_type else ""
        raise BadInput(
            f"there is no Airflow connection {conn_id!r}; create it{with_type} (Admin, Connections, or the "
            f"environment variable AIRFLOW_CONN_{conn_id.upper()}), or correct the address",
            address=str(address),
        ) from None
    if conn_type and connection.conn_type not in {conn_type, or_type or conn_type}:
        raise BadInput(
            f"the Airflow connection {conn_id!r} is of type {connection.conn_type!r}; {address.scheme}:// takes one of "
            f"type {conn_type!r}",
            address=str(address),
        )
    return connection


def _hdfs(address: Address, options: ReplicateOptions) -> dict[str, Any]:
    from airflow_provider_livedata.hooks.hdfs import hdfs_options

    connection = connection_of(address, conn_type="webhdfs", default="webhdfs_default")
    return hdfs_options(connection, address, options)


def _s3(address: Address, options: ReplicateOptions) -> dict[str, Any]:
    from airflow_provider_livedata.hooks.s3 import s3_options

    connection = connection_of(address, conn_type="aws", default="aws_default")
    return s3_options(connection.conn_id if connection else None, address, options)


def _gs(address: Address, options: ReplicateOptions) -> dict[str, Any]:
    from airflow_provider_livedata.hooks.gs import gs_options

    connection = connection_of(address, conn_type="google_cloud_platform", default="google_cloud_default")
    return gs_options(connection, options)


def _abfs(address: Address, options: ReplicateOptions) -> dict[str, Any]:
    from airflow_provider_livedata.hooks.azure import azure_options

    connection = connection_of(address, conn_type="wasb", or_type="adls", default="wasb_default")
    return azure_options(connection, options)


def _fsspec(address: Address, options: ReplicateOptions) -> dict[str, Any]:
    from airflow_provider_livedata.hooks.any_fsspec import fsspec_options

    return fsspec_options(connection_of(address, conn_type="", default=""), address, options)


_OPTIONS: dict[str, Callable[[Address, ReplicateOptions], dict[str, Any]]] = {
    "hdfs": _hdfs, "s3": _s3, "gs": _gs, "abfs": _abfs, "fsspec": _fsspec,
}  # fmt: skip
