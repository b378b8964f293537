"""What an ``aws`` connection says of a bucket: session, region, endpoint, TLS. As every hook of the amazon provider reads it.

Extra keys that matter here: ``region_name``, ``endpoint_url`` (or ``service_config.s3.endpoint_url``), ``verify``,
``role_arn`` and its kin, ``config_kwargs.s3.addressing_style`` (``path`` or ``virtual``).
"""

from __future__ import annotations

from typing import Any

from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.address import Address


def s3_options(conn_id: str | None, address: Address, options: ReplicateOptions) -> dict[str, Any]:
    """Options of the S3 zone; without a connection those that boto3 finds by itself (environment, profile, role).

    Raises:
        CredentialsRefused: The connection's keys are incomplete, or its role may not be assumed.
        ZoneUnreachable: The role's service does not answer.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    from airflow_provider_livedata.engine.zones.s3.errors import s3_errors

    hook = AwsBaseHook(aws_conn_id=conn_id, client_type="s3")
    with s3_errors(address):
        session = hook.get_session(region_name=hook.region_name)
    style = (getattr(hook.config, "s3", None) or {}).get("addressing_style")
    return {
        "session": session,
        "endpoint_url": hook.conn_config.get_service_endpoint_url("s3"),
        "region": hook.region_name,
        "verify": True if hook.verify is None else hook.verify,
        "addressing_style": style if style in {"path", "virtual"} else None,
        "connections": max(64, options.threads),
        "exclusive": options.exclusive,
    }
