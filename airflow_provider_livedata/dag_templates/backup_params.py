"""The form of the backup DAG: a location, where its backups go, which of them stay; how the copy is made as for the migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.forms import ADVANCED
from airflow_provider_livedata.dag_templates.migration_params import OPTIONS as OPTIONS_OF_A_COPY
from airflow_provider_livedata.dag_templates.migration_params import migration_params
from airflow_provider_livedata.engine.backups.retention_policy import AGES, COUNTS
from airflow_provider_livedata.engine.options import BACKUP_LISTS_EVERY_H

LAYOUTS = {
    "auto": "the usual one of the place",
    "in place": "in place: snapshots of the location itself (HDFS, no place)",
    "snapshots": "snapshots: one tree, frozen for each backup (HDFS)",
    "increments": "increments: a directory for each backup with what was new or changed in it",
    "tree": "tree: a whole directory for each backup, unchanged files linked or copied within the place",
}
LEVELS = {
    "none": "not now",
    "checksum": "checksum: the place's own checksums, else by reading",
    "content": "content: every file is read",
}
RETENTION: dict[str, Any] = {
    "type": ["object", "null"],
    "properties": {
        **{name: {"type": "integer", "minimum": -1} for name in COUNTS},
        **{name: {"type": "string", "pattern": r"^(\d{1,6}[ymdh])*$"} for name in (*AGES, "grace")},
    },
    "additionalProperties": False,
}
_FIXED = {"foreign", "accept_new_filter"}  # by every backup, whatever a form says
_COPY = {name: text for name, text in OPTIONS_OF_A_COPY.items() if name not in _FIXED}
OPTIONS = {**_COPY, **forms.option_texts("list_every_h", "memory_mib")}


def backup_params(defaults: Mapping[str, Any], *, timezone: str = "UTC") -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own; ``timezone`` is that of the DAG's schedule.

    Raises:
        ValueError: A default for a param that is not there.
    """
    copy = {name: param for name, param in migration_params({}).items() if name in {*_COPY, "dry_run"}}
    return forms.form({**_essential(timezone), **copy, **_advanced()}, defaults, "the backup")


def _essential(timezone: str) -> dict[str, Param]:
    return {
        "source": forms.address(
            "Source",
            "Directory to back up, as scheme://[conn_id@]authority/path: hdfs://hdfs_prod@nn1:8020/data/sales. It is only read.",
        ),
        "place": forms.address(
            "Place", optional=True,
            description="Designated path, which keeps the backups of this location alone: s3://aws_default@vault/sales. Empty: snapshots of "
                        "the location itself (HDFS), which do not survive the loss of the cluster.",
        ),
        "layout": forms.choice(
            "Layout", LAYOUTS, "auto",
            "The usual one: increments on object stores, snapshots on HDFS, trees on file systems. All backups of a place have one.",
        ),
        "retention": Param(
            {}, **RETENTION, title="Which backups stay",
            description='{"keep_daily": 7, "keep_weekly": 4, "keep_monthly": 12, "keep_within": "2d"}: docs/retention.md. Empty: all.',
        ),
        "timezone": Param(
            timezone, type="string", title="Time zone", description="Whose days, weeks and so on the rules mean: Europe/Berlin.",
        ),
        "verify_level": forms.choice(
            "Verify", LEVELS, "checksum", "How the new backup is proved before older ones may go."
        ),
    }  # fmt: skip


def _advanced() -> dict[str, Param]:
    return {
        "max_delete_ratio": forms.largest_share(
            "Largest share that may have vanished", 0.9,
            "Since the backup before. Above it no backup is made, since retention would let the good ones go in time.",
        ),
        "list_every_h": forms.number(
            "Hours between full comparisons", BACKUP_LISTS_EVERY_H, section=ADVANCED,
            description="In between, an HDFS source is asked for its snapshot difference. 0: never.",
        ),
        "memory_mib": forms.whole("Memory of bytes on their way, in MiB", 80, least=8, section=ADVANCED),
    }  # fmt: skip
