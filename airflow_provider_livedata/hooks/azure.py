"""What a ``wasb`` or ``adls`` connection says of a container: which storage account, and who asks.

The fields mean what the microsoft.azure provider takes them for: ``host`` (the account's URL, or its name), ``login`` (the account's
name; an application's client id where the extra has ``tenant_id``), ``password`` (the account's key, or that application's secret),
and of the extra ``connection_string``, ``tenant_id``, ``sas_token``, ``shared_access_key``, ``managed_identity_client_id``. With none of
them the machine's managed identity asks. Of our own: ``verify``. The provider itself need not be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import ReplicateOptions

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_LONG = ("extra__wasb__", "extra__adls__", "extra__azure_data_lake__")  # how older forms of Airflow name the keys
_SUFFIX = "core.windows.net"


def azure_options(connection: Connection | None, options: ReplicateOptions) -> dict[str, Any]:
    """Options of the zone.

    Raises:
        BadInput: There is no connection, or it names no account.
    """
    if connection is None:
        raise BadInput("abfs:// needs an Airflow connection of type 'wasb' or 'adls', which names the storage account; create "
                       "wasb_default, or name another one before the @ of the address")  # fmt: skip
    extra = {_short(name): value for name, value in connection.extra_dejson.items() if value not in (None, "")}
    told = (
        _of_string(str(extra["connection_string"])) if "connection_string" in extra else _of_fields(connection, extra)
    )
    if not told.get("account"):
        raise BadInput(f"the Airflow connection {connection.conn_id!r} names no storage account; write its name into the login, or its "
                       "URL into the host")  # fmt: skip
    verify = {"verify": extra["verify"]} if "verify" in extra else {}
    return {"connections": max(64, options.threads), **verify, **{name: value for name, value in told.items() if value}}


def _of_string(text: str) -> dict[str, str]:
    fields = dict(part.partition("=")[::2] for part in text.split(";") if "=" in part)
    account, suffix = fields.get("AccountName", ""), fields.get("EndpointSuffix", _SUFFIX)
    scheme = fields.get("DefaultEndpointsProtocol", "https")
    usual = f"{scheme}://{account}.blob.{suffix}" if account else ""
    endpoint = fields.get("BlobEndpoint") or usual
    return {"account": account or _account_in(endpoint), "account_key": fields.get("AccountKey", ""), "endpoint_url": endpoint,
            "sas_token": fields.get("SharedAccessSignature", "")}  # fmt: skip


def _of_fields(connection: Connection, extra: dict[str, Any]) -> dict[str, str]:
    login, password, tenant = connection.login or "", connection.password or "", str(extra.get("tenant_id", ""))
    endpoint = _endpoint(connection.host or "")
    known = {"endpoint_url": endpoint, "account": (_account_in(endpoint) if tenant or not login else login)}
    if tenant and password:
        return {**known, "tenant_id": tenant, "client_id": login, "client_secret": password}
    sas = str(extra.get("sas_token", ""))
    if sas:
        return {**known, "sas_token": urlsplit(sas).query if sas.startswith("http") else sas}
    key = str(extra.get("shared_access_key", "")) or password
    return {**known, "account_key": key, "client_id": "" if key else str(extra.get("managed_identity_client_id", ""))}


def _endpoint(host: str) -> str:
    """The URL of the Blob service, of a URL, a domain or a name; "" for the usual one."""
    if not host:
        return ""
    if "." not in host and "://" not in host:
        return f"https://{host}.blob.{_SUFFIX}"
    url = host if "://" in host else f"https://{host}"
    return url.rstrip("/").replace(".dfs.", ".blob.")


def _account_in(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    named = parts.path.strip("/")  # as a server on an address of its own has it
    return named or (parts.hostname or "").partition(".")[0]


def _short(name: str) -> str:
    prefix = next((one for one in _LONG if name.startswith(one)), "")
    return name.removeprefix(prefix)
