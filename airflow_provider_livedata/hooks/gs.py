"""What a ``google_cloud_platform`` connection says of a bucket: who asks, and which endpoint.

The extra keys mean what the google provider takes them for: ``keyfile_dict`` (what a key file holds), ``key_path`` (where one is),
``is_anonymous``. Without a key those of the environment count, else the machine's own account. Of our own: ``endpoint_url``,
``user_project`` (who pays, where that is the requester), ``verify``. The provider itself need not be installed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.options import ReplicateOptions

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_LONG = "extra__google_cloud_platform__"  # how older forms of Airflow name the keys
_NOT_READ = ("key_secret_name", "credential_config_file", "impersonation_chain", "idp_issuer_url")
_OURS = ("endpoint_url", "user_project", "verify")


def gs_options(connection: Connection | None, options: ReplicateOptions) -> dict[str, Any]:
    """Options of the zone; without a connection the environment's key or the machine's account is used.

    Raises:
        BadInput: The connection wants a way to log in that is not known here, or holds a key that is none.
        CredentialsRefused: The key file cannot be read.
    """
    asked: dict[str, Any] = {"connections": max(64, options.threads)}
    if connection is None:
        return asked
    extra = {
        name.removeprefix(_LONG): value for name, value in connection.extra_dejson.items() if value not in (None, "")
    }
    unknown = [name for name in _NOT_READ if name in extra]
    if unknown:
        raise BadInput(f"the Airflow connection {connection.conn_id!r} logs in by what is not known here; give it keyfile_dict or "
                       "key_path, or leave both out for the machine's own account", not_known=unknown)  # fmt: skip
    told = {name: extra[name] for name in _OURS if name in extra}
    return {
        **asked,
        **told,
        "anonymous": extra.get("is_anonymous") in (True, "true", "True"),
        "key": _key(connection, extra),
    }


def _key(connection: Connection, extra: dict[str, Any]) -> dict[str, Any] | None:
    from airflow_provider_livedata.engine.zones.gs.auth import read_key

    given = extra.get("keyfile_dict")
    if given is None:
        return read_key(str(extra["key_path"])) if "key_path" in extra else None
    try:
        key = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        key = None
    if not isinstance(key, dict):
        raise BadInput(f"keyfile_dict of the Airflow connection {connection.conn_id!r} is not the JSON of a key file")
    return key
