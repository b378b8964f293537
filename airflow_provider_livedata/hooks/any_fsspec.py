"""Which filesystem of fsspec an address means: one that Airflow knows, with the connection that is named, else one of fsspec's own.

fsspec+<scheme>://conn_id@...    a scheme that one of the installed providers brings, or that was attached (``airflow.sdk.io.attach``):
                                 Airflow makes the filesystem, as it does for an ``ObjectStoragePath``
                                 any other one: fsspec makes it; of the connection host, port, login and password, and all of its extra,
                                 are its arguments. The connection may be of any type
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.engine.errors import BadInput, UnknownScheme
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.address import Address

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def fsspec_options(connection: Connection | None, address: Address, options: ReplicateOptions) -> dict[str, Any]:
    """Options of the zone.

    Raises:
        UnknownScheme: Neither Airflow nor fsspec has such a filesystem.
    """
    scheme = address.scheme.partition("+")[2]
    known = _known_to_airflow(scheme, address.conn_id)
    told = {"filesystem": known} if known is not None else {"storage_options": _arguments(scheme, connection)}
    return {"exclusive": options.exclusive, **told}


def _known_to_airflow(scheme: str, conn_id: str | None) -> Any:
    """A function that makes the filesystem; None where neither a provider nor the DAG brings it."""
    from airflow.sdk.io import attach, has_fs

    store = attach(scheme, conn_id)
    return (lambda: store.fs) if has_fs(scheme) or "fs" in vars(store) else None


def _arguments(scheme: str, connection: Connection | None) -> dict[str, Any]:
    if connection is None:
        return {}
    from fsspec import get_filesystem_class

    try:
        takes = inspect.signature(get_filesystem_class(scheme).__init__).parameters
    except (ImportError, ValueError) as error:
        raise UnknownScheme(f"neither Airflow nor fsspec has a filesystem {scheme!r}, or what it needs is not installed: "
                            f"pip install fsspec[{scheme}]", reason=type(error).__name__) from None  # fmt: skip
    fields = {
        "host": connection.host,
        "port": connection.port,
        "user" if "user" in takes else "username": connection.login,
        "password": connection.password,
    }
    extra = connection.extra_dejson
    if not isinstance(extra, dict):
        raise BadInput(f"the extra of the Airflow connection {connection.conn_id!r} is not a JSON object")
    return {**{name: value for name, value in fields.items() if value not in (None, "")}, **extra}
