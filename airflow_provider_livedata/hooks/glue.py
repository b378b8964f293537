"""The AWS Glue Data Catalog by its address: ``glue://[connection][/account]``, where the connection is one of type ``aws``.

glue://aws_prod                  the catalogue of the connection's account, in its region
glue://aws_prod/123456789012     that of another account, which shares it
glue://                          by ``aws_default``; where there is none, by what boto3 finds (environment, profile, role)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.metastore.registry import open_catalogue

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.metastore.base import CatalogueTarget

SCHEME = "glue://"
DEFAULT_CONNECTION = "aws_default"


def glue_catalogue(address: str) -> CatalogueTarget:
    """The catalogue at an address; the caller closes it. Credentials, region, endpoint and TLS are those of the connection.

    Raises:
        BadInput: The address or the connection cannot be used; says what to do.
    """
    conn_id, catalog_id = parts_of(address)
    known = _known(conn_id)
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    hook = AwsBaseHook(aws_conn_id=known, client_type="glue")
    # The engine tries again by itself: twice would be too often.
    once, given = Config(retries={"total_max_attempts": 1}), cast("Config | None", hook.config)
    try:
        client = hook.get_session(region_name=hook.region_name).client(
            "glue", region_name=hook.region_name, verify=hook.verify, config=given.merge(once) if given else once,
            endpoint_url=hook.conn_config.get_service_endpoint_url("glue"),
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        raise BadInput(
            f"no client for Glue by the connection {known or 'that boto3 finds'!r}: {error}", address=address
        ) from None
    return open_catalogue("glue", client=client, catalog_id=catalog_id, name=address)


def parts_of(address: str) -> tuple[str, str]:
    """The connection and the account in an address, each may be empty.

    Raises:
        BadInput: It is no such address.
    """
    found = re.fullmatch(r"glue://([A-Za-z0-9_.-]*)(?:/(\d{12})?)?", address)
    if not found:
        raise BadInput("Glue is named by glue://connection or glue://connection/account (12 digits)", address=address)
    return found[1], found[2] or ""


def _known(conn_id: str) -> str | None:
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
            f"the Airflow connection {connection.conn_id!r} is of type {connection.conn_type!r}; glue:// takes one of type 'aws'"
        )
    return str(connection.conn_id)
