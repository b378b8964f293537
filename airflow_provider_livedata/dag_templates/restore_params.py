"""The forms of the restore DAG and of the restore drill DAG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.forms import ADVANCED

MODES = {
    "fail": "fail: stop when anything is at these paths",
    "merge": "merge: bring what the backup has, leave everything else",
    "mirror": "mirror: make these paths exactly what the backup holds",
}
PROOFS = {
    "checksum": "checksum: by the store's own checksums where they can be compared",
    "content": "content: every file is read again",
    "none": "none: nothing is compared",
}
RESTORE_OPTIONS = forms.option_texts(
    "paths", "exclude", "preserve", "bandwidth", "mode", "overwrite_newer", "verify", "threads", "max_delete_ratio", "may_lack",
    "keep_replaced", "allow_snapshot", "into_replica", "skip_unholdable", "exclusive",
)  # fmt: skip
DRILL = forms.item_of("place", "scratch", which={"type": "string"}, options={"type": "object"})


def restore_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params of the restore DAG, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return forms.form({**_what(), **_how(), **_advanced()}, defaults, "the restore")


def drill_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params of the restore drill DAG, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    params = {
        "drills": Param(
            [], type="array", items=DRILL, title="Drills",
            description='Each one is made on its own: {"place": "s3://aws_default@bucket/backups/sales", "scratch": '
                        '"hdfs://hdfs_prod@nn1:8020/tmp/drill"}. Its "which" may name a backup or a time, its options go before those below.',
        ),
        "sample_files": forms.whole(
            "Files to restore", 100, "Chosen at random among all of a backup that is chosen at random; 0: all of it.", maximum=100_000
        ),
        "sample_bytes": forms.whole("Bytes to restore at most", 1 << 30, "All files of the sample together.", least=1),
        "seed": Param(
            None, type=["integer", "null"], title="Seed",
            description="That of an earlier drill's report chooses the same backup and files again. Empty: others each time.",
        ),
    }  # fmt: skip
    return forms.form(params, defaults, "the restore drill")


def _what() -> dict[str, Param]:
    return {
        "place": forms.address(
            "Backups",
            "The place of the backups: s3://aws_default@bucket/backups/sales, or, for snapshots of a location itself, "
            "the location: hdfs://hdfs_prod@nn1:8020/data/sales.",
        ),
        "which": Param(
            "latest", type="string", title="Which backup",
            description="A name from the catalogue, a time such as 2024-05-17T08:30 (UTC unless it says otherwise), or latest.",
        ),
        "destination": forms.address(
            "Destination", optional=True,
            description="Directory to restore into: hdfs://hdfs_prod@nn1:8020/data/sales. Empty: the location itself, where its "
                        "backups are snapshots of its own.",
        ),
        "paths": forms.texts(
            "Paths", "One a line, relative to the location: files, directories, patterns such as logs/*/raw. None: everything."
        ),
    }  # fmt: skip


def _how() -> dict[str, Param]:
    return {
        "mode": forms.choice("What is there already", MODES, "fail"),
        "overwrite_newer": forms.yes_no(
            "Replace and delete also what is newer than the backup",
            "Without this, newer files stop the restore before anything is changed, and are named.",
        ),
        "dry_run": forms.yes_no(
            "Rehearse only", "Check everything, write the plan and say what would happen: nothing is changed.", default=True
        ),
        "approval": forms.yes_no(
            "Ask before the restore", "Wait for a person who has looked at the plan.", default=True
        ),
    }  # fmt: skip


def _advanced() -> dict[str, Param]:
    return {
        "verify": forms.choice("Compare with the backup", PROOFS, "checksum", section=ADVANCED),
        **forms.pace(section=ADVANCED),
        "max_delete_ratio": forms.largest_share(
            "Largest share deleted", 0.5,
            "With mirror: the restore stops when more than this share of the files at these paths would go.",
        ),
        "may_lack": forms.yes_no(
            "Delete paths that the backup does not hold", section=ADVANCED,
            description="With mirror: a path above that is not in the backup is deleted; else it stops the restore.",
        ),
        "keep_replaced": forms.yes_no(
            "Keep what is replaced or deleted", default=True, section=ADVANCED,
            description="By a snapshot where the destination has them, so that the restore can be undone.",
        ),
        "allow_snapshot": forms.allow_snapshot("destination"),
        "preserve": forms.attributes("Attributes to bring back"),
        "exclude": forms.texts(
            "Leave alone", "Patterns, beside those that were left out of the backup.", section=ADVANCED
        ),
        "into_replica": forms.yes_no(
            "Restore into the target of a replication", section=ADVANCED,
            description="The replication takes what is restored for someone else's, and stops where it comes across it.",
        ),
        "skip_unholdable": forms.skip_unholdable("destination"),
        "exclusive": forms.exclusive("destination"),
    }  # fmt: skip
