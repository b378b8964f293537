"""The AWS Glue Data Catalog by its address: ``glue://[connection][/account]``, where the connection is one of type ``aws``.

glue://aws_prod                  the catalogue of the connection's account, in its region
glue://aws_prod/123456789012     that of another account, which shares it
glue://                          by ``aws_default``; where there is none, by what boto3 finds (environment, profile, role)

Grants of Lake Formation on the same catalogues: ``lakeformation://[connection][/account]``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.metastore.registry import open_catalogue
from airflow_provider_livedata.engine.policies.registry import open_grants

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
    from airflow_provider_livedata.engine.policies.base import GrantTarget

SCHEME = "glue://"
GRANTS_SCHEME = "lakeformation://"
DEFAULT_CONNECTION = "aws_default"


def glue_catalogue(address: str) -> CatalogueTarget:
    """The catalogue at an address; the caller closes it. Credentials, region, endpoint and TLS are those of the connection.

    Raises:
        BadInput: The address or the connection cannot be used; says what to do.
    """
    conn_id, catalog_id = parts_of(address)
    client = client_of("glue", conn_id, address)
    return open_catalogue("glue", client=client, catalog_id=catalog_id, name=address)


def lake_formation_grants(address: str) -> GrantTarget:
    """The grants of Lake Formation at ``lakeformation://[connection][/account]``; the same holds.

    Raises:
        BadInput: The address or the connection cannot be used; says what to do.
    """
    conn_id, catalog_id = parts_of(address, GRANTS_SCHEME)
    client, glue = (client_of(service, conn_id, address) for service in ("lakeformation", "glue"))
    return open_grants("lake formation", client=client, glue=glue, catalog_id=catalog_id, name=address)


def client_of(service: str, conn_id: str, address: str) -> Any:
    """A client of boto3 by a connection, that does not try again by itself.

    Raises:
        BadInput: The connection cannot be used; says what to do.
    """
    known = _known(conn_id, address.partition("://")[0])
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    hook = AwsBaseHook(aws_conn_id=known, client_type=service)
    # The engine tries again by itself: twice would be too often.
    once, given = Config(retries={"total_max_attempts": 1}), cast("Config | None", hook.config)
    try:
        session: Any = hook.get_session(
            region_name=hook.region_name
        )  # its types know a client only by its literal name
        return session.client(
            service, region_name=hook.region_name, verify=hook.verify, config=given.merge(once) if given else once,
            endpoint_url=hook.conn_config.get_service_endpoint_url(service),
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        raise BadInput(
            f"no client for {service} by the connection {known or 'that boto3 finds'!r}: {error}", address=address
        ) from None


def parts_of(address: str, scheme: str = SCHEME) -> tuple[str, str]:
    """The connection and the account in an address, each may be empty.

    Raises:
        BadInput: It is no such address.
    """
    found = re.fullmatch(rf"{scheme}([A-Za-z0-9_.-]*)(?:/(\d{{12}})?)?", address)
    if not found:
        what = "Glue" if scheme == SCHEME else "Lake Formation"
        raise BadInput(
            f"{what} is named by {scheme}connection or {scheme}connection/account (12 digits)", address=address
        )
    return found[1], found[2] or ""


def _known(conn_id: str, scheme: str) -> str | None:
    """The connection to take. The amazon provider itself goes on without one that is not there, to whatever account that is."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        connection = BaseHook.get_connection(conn_id or DEFAULT_CONNECTION)
    except AirflowNotFoundException:
        if not conn_id:
            return None
        raise BadInput(
            f"there is no Airflow connection {conn_id!r}; create it with type 'aws', or correct the address"
        ) from None
    if connection.conn_type != "aws":
        raise BadInput(
            f"the Airflow connection {connection.conn_id!r} is of type {connection.conn_type!r}; {scheme}:// takes one of type 'aws'"
        )
    return str(connection.conn_id)
