"""The form of the DAG of two-way syncs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.forms import ADVANCED
from airflow_provider_livedata.dag_templates.migration_params import FIND_BY

_CONFLICTS = {
    "fail": "leave the path as it is on both sides, and fail at the end",
    "newest": "the newest holds; the other one is kept aside",
    "keep_both": "the newest holds; the other one is kept beside it",
    "prefer_left": "that of the first side holds; the other one is kept aside",
    "prefer_right": "that of the second side holds; the other one is kept aside",
}
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,31}$"


def two_way_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return forms.form({**_places(), **_choices(), **_advanced()}, defaults, "the DAG of two-way syncs")


def _places() -> dict[str, Param]:
    return {
        "left": forms.address("One side", "A directory that is written to: hdfs://hdfs_prod@nn1:8020/data/models. conn_id is an Airflow connection."),
        "right": forms.address("The other side", "s3://aws_default@bucket/models"),
        "left_name": _name("Name of the one side", "left"),
        "right_name": _name("Name of the other side", "right"),
    }  # fmt: skip


def _choices() -> dict[str, Param]:
    return {
        "conflicts": forms.choice("Where both sides changed a file", _CONFLICTS, "fail"),
        "exclude": forms.texts(
            "Leave out", "One pattern a line: *.tmp fits names anywhere, logs/*/raw fits paths from either side's root on.",
        ),
        **forms.pace(),
        "dry_run": forms.yes_no("Preview only", "Write what would be done and change nothing else.", default=True),
        "approval": forms.yes_no("Ask before the sync", "Wait for a person who has looked at what would be done."),
    }  # fmt: skip


def _advanced() -> dict[str, Param]:
    return {
        "keep_conflicts": forms.number("Keep losers of conflicts", 30, "Days, below .livedata/conflicts of their side.", section=ADVANCED),
        "keep_removed": forms.number("Keep what is deleted", 7, "Days, below .livedata/removed of its side.", section=ADVANCED),
        "max_delete_ratio": forms.largest_share(
            "Largest share deleted", 0.5, "The run stops when more than this share of the files of a side would go."
        ),
        "max_reads": forms.whole("Reads at one time", 0, "From each side; 0: as many as threads.", maximum=256, section=ADVANCED),
        "max_namenode_calls_per_s": forms.whole(
            "NameNode calls a second", 0, "Of each side that is HDFS; 0: no limit.", maximum=1_000_000, section=ADVANCED
        ),
        "priority": forms.priority(),
        "find_by": forms.choice(
            "Find what changed", FIND_BY, "auto", section=ADVANCED, description="After the first sync, where a side is HDFS."
        ),
        "skip_unholdable": forms.skip_unholdable("other side"),
        "preserve": forms.attributes("Attributes to keep"),
        "allow_snapshot": forms.allow_snapshot("sides"),
        "accept_new_filter": forms.yes_no("Accept other exclusions than last time", section=ADVANCED),
        "start_over": forms.yes_no(
            "Start over", "Forget what the sides agreed on, and merge them as by a first sync, which deletes nothing.", section=ADVANCED
        ),
    }  # fmt: skip


def _name(title: str, default: str) -> Param:
    return Param(
        default, type="string", title=title, pattern=_NAME,
        description="For reports and for names of files that are kept beside others: onprem, cloud.",
    )  # fmt: skip
