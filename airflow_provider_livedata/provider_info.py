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
_METASTORE = {
    "connection-type": "livedatametastore",
    "hook-class-name": f"{_PACKAGE}.hooks.metastore.MetastoreHook",
    "hook-name": "LiveData Hive Metastore",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "password"],
        "relabeling": {"login": "User"},
        "placeholders": {"host": "ms1.example.com,ms2.example.com", "port": "9083"},
    },
    "conn-fields": {
        "use_tls": {"label": "TLS", "schema": {"type": ["boolean", "null"]}},
        "tls_ca": {"label": "TLS: file of certificates that sign the servers'", "schema": {"type": ["string", "null"]}},
        "tls_cert": {"label": "TLS: file of the client's certificate", "schema": {"type": ["string", "null"]}},
        "tls_key": {"label": "TLS: file of its key", "schema": {"type": ["string", "null"]}},
        "kerberos_service": {
            "label": "Kerberos service",
            "description": "Service part of the metastore's principal, such as hive; empty: no Kerberos. The ticket is that of the worker.",
            "schema": {"type": ["string", "null"]},
        },
        "timeout_s": {"label": "Seconds that a call may take", "schema": {"type": ["number", "null"]}},
    },
}
_RANGER = {
    "connection-type": "livedataranger",
    "hook-class-name": f"{_PACKAGE}.hooks.ranger.RangerHook",
    "hook-name": "LiveData Ranger",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {"login": "User"},
        "placeholders": {"host": "https://ranger.example.com", "port": "6182"},
    },
    "conn-fields": {
        "tls_ca": {"label": "TLS: file of certificates that sign the server's", "schema": {"type": ["string", "null"]}},
        "timeout_s": {"label": "Seconds that an answer may take", "schema": {"type": ["number", "null"]}},
    },
}
_SENTRY = {
    "connection-type": "livedatasentry",
    "hook-class-name": f"{_PACKAGE}.hooks.sentry.SentryHook",
    "hook-name": "LiveData Sentry",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "password"],
        "relabeling": {"login": "User"},
        "placeholders": {"host": "sentry.example.com", "port": "8038"},
    },
    "conn-fields": {
        "timeout_s": {"label": "Seconds that an answer may take", "schema": {"type": ["number", "null"]}},
    },
}


def get_provider_info() -> dict[str, Any]:
    """Return the description, in the form of Airflow's ``provider_info.schema.json``.

    Each store is reached by the connection of its own provider; metastores, Ranger and Sentry have connection types of their own.
    """
    modules = {
        "operators": (
            "backup",
            "copy",
            "delta",
            "fail_over",
            "follow",
            "metastore",
            "policies",
            "replicate",
            "restore",
            "retention",
            "snapshot",
            "two_way",
            "verify",
        ),
        "sensors": ("change", "conflict", "lag", "metastore"),
        "triggers": ("location", "looks", "metastore", "wait"),
        "hooks": ("livedata", "metastore", "ranger", "sentry"),
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
        "connection-types": [_METASTORE, _RANGER, _SENTRY],
        "config": {
            "livedata": {"description": "What the DAGs of this provider are configured by.", "options": _OPTIONS}
        },
        "bundles": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.dag_bundle"]}],
    }
