"""What Airflow is told about this package, by the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any

_NAME = "LiveData"
_PACKAGE = "airflow_provider_livedata"
_OPTIONS = {
    "config_file": {
        "description": "Path of livedata.yaml, which names zones, replications and backups (docs/configuration.md). Empty: none.",
        "version_added": "0.1.0",
        "type": "string",
        "example": "/opt/airflow/livedata.yaml",
        "default": "",
    },
}


def get_provider_info() -> dict[str, Any]:
    """Return the description, in the form of Airflow's ``provider_info.schema.json``.

    There are no connection types: each store is reached by the connection of its own provider.
    """
    modules = {
        "operators": ("backup", "copy", "fail_over", "replicate", "restore", "retention", "snapshot", "verify"),
        "sensors": ("change", "lag"),
        "triggers": ("location", "looks", "wait"),
        "hooks": ("livedata",),
    }
    return {
        "package-name": "airflow-provider-livedata",
        "name": _NAME,
        "description": "Replicate, back up, migrate and govern data between HDFS and object stores, proved byte for byte.",
        "integrations": [{"integration-name": _NAME, "tags": ["software"]}],
        **{
            kind: [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.{kind}.{name}" for name in names]}]
            for kind, names in modules.items()
        },
        "config": {
            "livedata": {"description": "What the DAGs of this provider are configured by.", "options": _OPTIONS}
        },
        "bundles": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.dag_bundle"]}],
    }
