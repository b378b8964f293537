"""The form of the migration DAG. What most runs need stands open; the rest is folded away under "Advanced"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.follower_params import follower_params
from airflow_provider_livedata.dag_templates.forms import ADVANCED

if TYPE_CHECKING:
    from airflow.sdk import Param

VERIFY_LEVELS = {
    "listing": "listing: names and sizes",
    "checksum": "checksum: also the target's own checksums",
    "content": "content: both sides are read again",
}
FOREIGN = {
    "stop": "stop, and say which",
    "keep": "keep those that are not in the way",
    "replace": "replace and delete them",
}
FIND_BY = {
    "auto": "by the difference of snapshots, where the source tells it",
    "listings": "by comparing everything at both sides",
}
OPTIONS = forms.option_texts(
    "exclude", "preserve", "bandwidth", "threads", "max_reads", "max_namenode_calls_per_s", "priority", "foreign", "max_delete_ratio",
    "skip_unholdable", "allow_snapshot", "accept_new_filter", "exclusive", "find_by",
)  # fmt: skip


def migration_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return forms.form({**_places(), **_choices(), **_advanced(), **follower_params()}, defaults, "the migration")


def _places() -> dict[str, Param]:
    return {
        "source": forms.address(
            "Source",
            "Directory to migrate, as scheme://[conn_id@]authority/path: hdfs://hdfs_prod@nn1:8020/data/sales, "
            "s3://aws_default@bucket/prefix or file:///srv/data. conn_id is an Airflow connection.",
        ),
        "target": forms.address(
            "Target",
            "Directory that becomes equal to the source: s3://aws_default@bucket/prefix. What somebody else wrote there stops the run.",
        ),
    }  # fmt: skip


def _choices() -> dict[str, Param]:
    return {
        "exclude": forms.texts(
            "Leave out",
            "One pattern a line: *.tmp fits names anywhere, logs/*/raw fits paths from the source on. Trash, "
            "snapshots and temporary folders of Hadoop, Hive and Spark are always left out.",
        ),
        **forms.pace(),
        "verify_level": forms.choice(
            "Verify", VERIFY_LEVELS, "checksum", "How the copy is proved, before the cut-over and after it."
        ),
        "dry_run": forms.yes_no("Dry run", "Write the plan and stop: nothing is copied, deleted or snapshotted."),
        "approval": forms.yes_no(
            "Ask before the cut-over", "Wait for a person who says that the writers have stopped, then copy for the last time."
        ),
    }  # fmt: skip


def _advanced() -> dict[str, Param]:
    return {
        "max_reads": forms.whole(
            "Reads at one time", 0, "From the source; 0: as many as threads.", maximum=256, section=ADVANCED
        ),
        "max_namenode_calls_per_s": forms.whole(
            "NameNode calls a second", 0, "Of the source, where it is HDFS; 0: no limit.", maximum=1_000_000, section=ADVANCED
        ),
        "priority": forms.priority(),
        "max_delete_ratio": forms.largest_share(
            "Largest share deleted", 0.5, "The run stops when more than this share of the target's files would go."
        ),
        "foreign": forms.choice("Paths that somebody else wrote to the target", FOREIGN, "stop", section=ADVANCED),
        "find_by": forms.choice(
            "Find what changed", FIND_BY, "auto", section=ADVANCED,
            description="After the first copy. Comparing everything takes longer, and repairs what somebody else changed at the target.",
        ),
        "skip_unholdable": forms.skip_unholdable("target"),
        "preserve": forms.attributes("Attributes to keep"),
        "allow_snapshot": forms.allow_snapshot("source"),
        "accept_new_filter": forms.yes_no("Accept other exclusions than last time", section=ADVANCED),
        "exclusive": forms.exclusive("target"),
        "catch_up_until_changes": forms.whole(
            "Catch up until a round finds at most", 100, "Changes; the cut-over then has about that much left to copy.", section=ADVANCED
        ),
        "catch_up_max_rounds": forms.whole("Catch-up rounds at most", 10, least=1, section=ADVANCED),
    }  # fmt: skip
