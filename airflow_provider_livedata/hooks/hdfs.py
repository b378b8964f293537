"""What a ``webhdfs`` connection says of a cluster: where its NameNodes are and as whom they are asked.

The fields mean what the apache-hdfs provider's WebHDFSHook takes them for: ``host`` (several separated by commas are the
NameNodes of one HA cluster), ``port``, ``schema`` (a path before ``/webhdfs``), ``login`` (the user), ``password``, and
the extra keys ``use_ssl``, ``verify``, ``cert``, ``key``, ``cookies``, ``headers``; Kerberos where Airflow's
``[core] security`` is ``kerberos``. Extra keys of our own, for reading and writing by RPC, which is much faster:

    rpc              ``nn1:8020,nn2:8020``; without it the authority of the address counts
    hadoop_conf_dir  a directory with core-site.xml and hdfs-site.xml, where HADOOP_CONF_DIR is not to be used
    hadoop_config    an object of Hadoop client properties
    data             ``webhdfs`` where RPC is not to be used although its address is known
    kerberos_principal, kerberos_keytab, kerberos_cache
                     for RPC; by default the cache of ``airflow kerberos``, where ``[core] security`` is ``kerberos``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_livedata.bridge import as_texts
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.address import Address

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_KERBEROS = ("kerberos_principal", "kerberos_keytab", "kerberos_cache")


def hdfs_options(connection: Connection | None, address: Address, options: ReplicateOptions) -> dict[str, Any]:
    """Options of the HDFS zone; without a connection only what is asked of it, and the zone looks for the rest.

    Raises:
        BadInput: The connection names no host.
    """
    asked: dict[str, Any] = {"preserve": options.preserve}
    if connection is None:
        return asked
    extra = connection.extra_dejson
    clients = _clients(connection, address)
    kerberos = {name: extra[name] for name in _KERBEROS if extra.get(name)}
    config = dict(extra.get("hadoop_config") or {})
    if conf.get("core", "security", fallback="") == "kerberos":
        kerberos = kerberos or {"kerberos_cache": conf.get("kerberos", "ccache")}
        config = {"hadoop.security.authentication": "kerberos", **config}
    told = {
        **kerberos,
        "webhdfs": [client.url for client in clients],
        "session": clients[0]._session,  # its authentication, TLS settings, cookies and headers
        "user": connection.login or None,
        "rpc": list(as_texts(extra.get("rpc") or "", "rpc")) or None,
        "config_dir": extra.get("hadoop_conf_dir"),
        "config": config or None,
        "data": extra.get("data"),
    }
    return asked | {name: value for name, value in told.items() if value is not None}


def _clients(connection: Connection, address: Address) -> list[Any]:
    # Made as the provider's hook makes them, but without its probe of each host: which NameNode is active is the zone's
    # question, and the zone tells an unreachable one from one that refuses the user.
    from airflow.providers.apache.hdfs.hooks.webhdfs import WebHDFSHook

    hook: Any = WebHDFSHook(connection.conn_id)
    extra = connection.extra_dejson
    port = connection.port or (9871 if extra.get("use_ssl") else 9870)
    hosts = [host.strip() for host in (connection.host or "").split(",") if host.strip()]
    if not hosts:
        raise BadInput(
            f"the Airflow connection {connection.conn_id!r} names no host; put the NameNode there, or several with commas",
            address=str(address),
        )
    login, schema = connection.login or None, connection.schema or None
    return [hook._get_client(host, port, login, connection.password or None, schema, extra) for host in hosts]
