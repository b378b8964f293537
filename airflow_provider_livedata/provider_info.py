"""What Airflow is told about this package, by the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any

_NAME = "LiveData"
_PACKAGE = "airflow_provider_livedata"


def get_provider_info() -> dict[str, Any]:
    """Return the description, in the form of Airflow's ``provider_info.schema.json``.

    There are no connection types: each store is reached by the connection of its own provider.
    """
    operators = ("copy", "fail_over", "snapshot", "verify")
    return {
        "package-name": "airflow-provider-livedata",
        "name": _NAME,
        "description": "Replicate, back up, migrate and govern data between HDFS and object stores, proved byte for byte.",
        "integrations": [{"integration-name": _NAME, "tags": ["software"]}],
        "operators": [
            {"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.operators.{name}" for name in operators]}
        ],
        "hooks": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.hooks.livedata"]}],
        "bundles": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.dag_bundle"]}],
    }
