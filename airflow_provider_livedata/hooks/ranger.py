"""Policies of a service by their address; Ranger by an Airflow connection of type ``livedataranger``.

ranger://ranger_prod/cl1_hive                     the service cl1_hive of the Ranger of that connection
s3://lake@bucket/export.json#cl1_hive             those of a file that Ranger exported, in any zone; to be read alone
lakeformation://aws_prod                          grants of Lake Formation on a Glue Data Catalog; a target alone
databricks://dbx_prod/main                        grants on a catalogue of Unity Catalog; a target alone
sentry://sentry_prod                              what a service of Sentry grants; to be read alone
s3://lake@bucket/sentry.ini                       those of a policy file of Sentry; to be read alone

The connection: ``host`` (with ``https://`` or ``http://``; without, https), ``port`` (6182, or 6080 for http), ``login``, ``password``, and
the extra keys ``tls_ca`` (a file of certificates that sign the server's) and ``timeout_s``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_livedata.bridge import as_float
from airflow_provider_livedata.engine.errors import BadAddress, BadInput, PathMissing
from airflow_provider_livedata.engine.policies.registry import open_policies
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.hooks.connections import connection_of_type
from airflow_provider_livedata.hooks.databricks import SCHEME as DATABRICKS
from airflow_provider_livedata.hooks.databricks import unity_catalog_grants
from airflow_provider_livedata.hooks.glue import GRANTS_SCHEME as LAKE_FORMATION
from airflow_provider_livedata.hooks.glue import lake_formation_grants
from airflow_provider_livedata.hooks.livedata import LiveDataHook
from airflow_provider_livedata.hooks.sentry import SCHEME as SENTRY
from airflow_provider_livedata.hooks.sentry import SentryHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource, PolicyTarget

CONN_TYPE = "livedataranger"
SCHEME = "ranger://"
PORTS = {"https": 6182, "http": 6080}
MOST_BYTES = 512 << 20  # of an exported file, which is read whole


class RangerHook(BaseHook):
    """Opens a service of the Ranger of a connection."""

    conn_name_attr = "ranger_conn_id"
    default_conn_name = "livedataranger_default"
    conn_type = CONN_TYPE
    hook_name = "LiveData Ranger"

    def __init__(self, ranger_conn_id: str = default_conn_name, service: str = "") -> None:
        super().__init__()
        self.ranger_conn_id, self.service = ranger_conn_id, service

    def get_conn(self) -> PolicyTarget:
        """The service; the caller closes it.

        Raises:
            BadInput: There is no such connection, or it cannot be used; says what to do.
        """
        return cast(
            "PolicyTarget",
            open_policies(
                "ranger", service=self.service, **access_of(connection_of_type(self.ranger_conn_id, CONN_TYPE, SCHEME))
            ),
        )

    def test_connection(self) -> tuple[bool, str]:
        """Whether Ranger answers and accepts the user, for the button of the form."""
        try:
            service = self.get_conn()
            try:
                return True, f"Ranger answers; {len(service.roles())} roles"
            finally:
                service.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the form shows it
            return False, str(error)


def policies_at(address: str) -> PolicySource:
    """The policies at an address; the caller closes them.

    Raises:
        BadInput: The address or its connection cannot be used; says what to do.
    """
    if address.startswith(SCHEME):
        return service_at(address)
    if address.startswith(SENTRY):
        return SentryHook(address.removeprefix(SENTRY)).get_conn()
    if address.endswith(".ini"):
        return open_policies("sentry", data=_read(address), name=address)
    file, _, service = address.rpartition("#")
    if not file or not service:
        raise BadAddress(
            f"policies are at {SCHEME}connection/service, {SENTRY}connection, in a file that Ranger exported (scheme://.../file.json#service), or in one of "
            "Sentry (scheme://.../file.ini)", address=address,
        )  # fmt: skip
    return open_policies("exported", data=_read(file), service=service, name=file)


def target_at(address: str) -> PolicyTarget | GrantTarget:
    """The target of a sync at an address: a service of Ranger, or a catalogue that knows grants alone; the caller closes it.

    Raises:
        BadInput: The address or its connection cannot be used; says what to do.
    """
    if address.startswith(LAKE_FORMATION):
        return lake_formation_grants(address)
    if address.startswith(DATABRICKS):
        return unity_catalog_grants(address)
    if address.startswith(SCHEME):
        return service_at(address)
    raise BadAddress(
        f"policies go to {SCHEME}connection/service, {LAKE_FORMATION}connection or {DATABRICKS}connection/catalogue",
        address=address,
    )


def service_at(address: str) -> PolicyTarget:
    """The service of a Ranger at an address; the caller closes it.

    Raises:
        BadInput: The address or its connection cannot be used; says what to do.
    """
    found = re.fullmatch(r"ranger://([A-Za-z0-9_.-]+)/([^/#?]+)", address)
    if not found:
        raise BadAddress(f"a service of Ranger is named by {SCHEME}connection/service", address=address)
    return RangerHook(found[1], found[2]).get_conn()


def access_of(connection: Connection) -> dict[str, Any]:
    """What ``open_policies`` takes, of a connection.

    Raises:
        BadInput: It names no host, no user, or a value that cannot be.
    """
    given = connection.host or ""
    scheme, _, host = given.rpartition("://")
    scheme = scheme or connection.schema or "https"
    if not host or not connection.login or scheme not in PORTS:
        raise BadInput(
            f"the Airflow connection {connection.conn_id!r} needs a host (https://ranger.example.com) and the login of an administrator of policies"
        )
    extra = connection.extra_dejson
    port = connection.port or PORTS[scheme]
    access: dict[str, Any] = {
        "url": f"{scheme}://{host if ':' in host else f'{host}:{port}'}", "user": connection.login, "password": connection.password or "",
    }  # fmt: skip
    if extra.get("tls_ca"):
        access["verify"] = str(extra["tls_ca"])
    if extra.get("timeout_s") not in (None, ""):
        access["timeout_s"] = as_float(extra["timeout_s"], "timeout_s")
    return access


def _read(file: str) -> bytes:
    """A file of a zone, whole."""
    folder, _, name = str(Address.parse(file)).rpartition("/")
    zone = LiveDataHook.open_zone(folder)
    try:
        entry = zone.stat(name)
        if entry is None or entry.kind != "file":
            raise PathMissing("there is no such file", address=file)
        if entry.size_bytes > MOST_BYTES:
            raise BadInput("the file is too large for an export of policies", address=file, size_bytes=entry.size_bytes)
        data = bytearray(entry.size_bytes)
        count = zone.read_into(name, 0, memoryview(data)) if data else 0
        return bytes(data[:count])
    finally:
        zone.close()
