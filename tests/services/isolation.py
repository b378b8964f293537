"""Keep the tests to themselves: no real credentials, no configuration of this machine, no address but loopback."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_FOREIGN = ("AWS_", "AIRFLOW_", "AZURE_", "GOOGLE_", "HADOOP_", "HDFS_", "DATABRICKS_")
_KEPT = ("AWS_CA_BUNDLE", "HADOOP_USER_NAME")
_SETTINGS = {
    "AWS_EC2_METADATA_DISABLED": "true",  # else a client without keys asks 169.254.169.254
    "AWS_METADATA_ENDPOINT": "http://127.0.0.1:9",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


def isolate(environment: MutableMapping[str, str]) -> None:
    """Take out what could reach a real system and say where nothing is to be looked for. Idempotent."""
    for name in [one for one in environment if _is_foreign(one)]:
        del environment[name]
    environment.update(_SETTINGS)


def _is_foreign(name: str) -> bool:
    return (name.startswith(_FOREIGN) and name not in _KEPT) or name.lower() in _PROXIES
