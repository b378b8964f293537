"""The forms of the restore DAG and of the restore drill DAG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates.migration_params import ADDRESS, ADVANCED, pace_params, with_defaults

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
# What the tasks are given as options: a text for every option of the form.
RESTORE_OPTIONS = {
    "paths": "{{ (params.paths or []) | tojson }}",
    "exclude": "{{ (params.exclude or []) | tojson }}",
    "preserve": "{{ (params.preserve or []) | tojson }}",
    "bandwidth": "{{ params.bandwidth or '' }}",
    **{
        name: f"{{{{ params.{name} }}}}"
        for name in (
            "mode", "overwrite_newer", "verify", "threads", "max_delete_ratio", "may_lack", "keep_replaced", "allow_snapshot",
            "into_replica", "skip_unholdable", "exclusive",
        )
    },
}  # fmt: skip
DRILL = {
    "type": "object",
    "properties": {
        "place": {"type": "string", "pattern": ADDRESS},
        "scratch": {"type": "string", "pattern": ADDRESS},
        "which": {"type": "string"},
        "options": {"type": "object"},
    },
    "required": ["place", "scratch"],
    "additionalProperties": False,
}


def restore_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params of the restore DAG, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return with_defaults({**_what(), **_how(), **_advanced()}, defaults, "the restore")


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
        "sample_files": Param(
            100, type="integer", minimum=0, maximum=100_000, title="Files to restore",
            description="Chosen at random among all of a backup that is chosen at random; 0: all of it.",
        ),
        "sample_bytes": Param(
            1 << 30, type="integer", minimum=1, title="Bytes to restore at most", description="All files of the sample together.",
        ),
        "seed": Param(
            None, type=["integer", "null"], title="Seed",
            description="That of an earlier drill's report chooses the same backup and files again. Empty: others each time.",
        ),
    }  # fmt: skip
    return with_defaults(params, defaults, "the restore drill")


def _what() -> dict[str, Param]:
    return {
        "place": Param(
            type="string", title="Backups", pattern=ADDRESS,
            description="The place of the backups: s3://aws_default@bucket/backups/sales, or, for snapshots of a location itself, "
                        "the location: hdfs://hdfs_prod@nn1:8020/data/sales.",
        ),
        "which": Param(
            "latest", type="string", title="Which backup",
            description="A name from the catalogue, a time such as 2024-05-17T08:30 (UTC unless it says otherwise), or latest.",
        ),
        "destination": Param(
            "", type=["string", "null"], title="Destination",
            description="Directory to restore into. Empty: the location itself, where its backups are snapshots of its own.",
        ),
        "paths": Param(
            [], type=["array", "null"], items={"type": "string"}, title="Paths",
            description="One a line, relative to the location: files, directories, patterns such as logs/*/raw. None: everything.",
        ),
    }  # fmt: skip


def _how() -> dict[str, Param]:
    return {
        "mode": Param("fail", type="string", enum=list(MODES), values_display=MODES, title="What is there already"),
        "overwrite_newer": Param(
            default=False, type="boolean", title="Replace and delete also what is newer than the backup",
            description="Without this, newer files stop the restore before anything is changed, and are named.",
        ),
        "dry_run": Param(
            default=True, type="boolean", title="Rehearse only",
            description="Check everything, write the plan and say what would happen: nothing is changed.",
        ),
        "approval": Param(
            default=True, type="boolean", title="Ask before the restore",
            description="Wait for a person who has looked at the plan.",
        ),
    }  # fmt: skip


def _advanced() -> dict[str, Param]:
    return {
        "verify": Param(
            "checksum", type="string", enum=list(PROOFS), values_display=PROOFS, title="Compare with the backup", section=ADVANCED,
        ),
        **pace_params(section=ADVANCED),
        "max_delete_ratio": Param(
            0.5, type="number", minimum=0, maximum=1, title="Largest share deleted", section=ADVANCED,
            description="With mirror: the restore stops when more than this share of the files at these paths would go.",
        ),
        "may_lack": Param(
            default=False, type="boolean", title="Delete paths that the backup does not hold", section=ADVANCED,
            description="With mirror: a path above that is not in the backup is deleted; else it stops the restore.",
        ),
        "keep_replaced": Param(
            default=True, type="boolean", title="Keep what is replaced or deleted", section=ADVANCED,
            description="By a snapshot where the destination has them, so that the restore can be undone.",
        ),
        "allow_snapshot": Param(
            default=True, type="boolean", title="Make the destination snapshottable", section=ADVANCED,
            description="Where it is not yet and the connection's user may do it.",
        ),
        "preserve": Param(
            ["owner", "group", "mode", "mtime", "acl"], type=["array", "null"], items={"type": "string"},
            examples=["owner", "group", "mode", "mtime", "acl", "xattrs"], title="Attributes to bring back", section=ADVANCED,
        ),
        "exclude": Param(
            [], type=["array", "null"], items={"type": "string"}, title="Leave alone", section=ADVANCED,
            description="Patterns, beside those that were left out of the backup.",
        ),
        "into_replica": Param(
            default=False, type="boolean", title="Restore into the target of a replication", section=ADVANCED,
            description="The replication takes what is restored for someone else's, and stops where it comes across it.",
        ),
        "skip_unholdable": Param(
            default=False, type="boolean", title="Go on without what the destination cannot hold", section=ADVANCED,
        ),
        "exclusive": Param(
            default=False, type="boolean", title="This run is the destination's only writer", section=ADVANCED,
            description="A promise, for stores that cannot create a file only where none is.",
        ),
    }  # fmt: skip
