"""The form of the migration DAG. What most runs need stands open; the rest is folded away under "Advanced"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

ADDRESS = r"^[A-Za-z][A-Za-z0-9+.\-]*://([^@/:]+@)?[^/@]*(/.*)?$"
ADVANCED = "Advanced"
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
# What each task is given as options: a text for every option of the form. bool and numbers are read back from texts.
OPTIONS = {
    "exclude": "{{ (params.exclude or []) | tojson }}",
    "preserve": "{{ (params.preserve or []) | tojson }}",
    "bandwidth": "{{ params.bandwidth or '' }}",
    **{
        name: f"{{{{ params.{name} }}}}"
        for name in (
            "threads", "max_reads", "max_namenode_calls_per_s", "foreign", "max_delete_ratio", "skip_unholdable", "allow_snapshot", "accept_new_filter",
            "exclusive", "find_by",
        )
    },
}  # fmt: skip


def pace_params(**place: Any) -> dict[str, Param]:
    """How fast bytes may go; ``place``: the section that holds the fields."""
    return {
        "bandwidth": Param(
            "", type=["string", "null"], title="Bandwidth limit", **place,
            description="50MiB/s, or by time of day: 08:00-18:00=50MiB/s, 200MiB/s. Empty: no limit.",
        ),
        "threads": Param(
            0, type="integer", minimum=0, maximum=256, title="Threads", **place,
            description="Files and parts copied at one time; 0: as many as suit their sizes, the distance and the memory.",
        ),
    }  # fmt: skip


def migration_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return with_defaults({**_places(), **_choices(), **_advanced()}, defaults, "the migration")


def with_defaults(params: dict[str, Param], defaults: Mapping[str, Any], whose: str) -> dict[str, Param]:
    """The params of ``whose`` DAG, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    unknown = sorted(set(defaults) - set(params))
    if unknown:
        raise ValueError(f"{whose} has no params {unknown}; it has {sorted(params)}")
    for name, value in defaults.items():
        params[name].value = value
    return params


def _places() -> dict[str, Param]:
    return {
        "source": Param(
            type="string", title="Source", pattern=ADDRESS,
            description="Directory to migrate, as scheme://[conn_id@]authority/path: hdfs://hdfs_prod@nn1:8020/data/sales, "
                        "s3://aws_default@bucket/prefix or file:///srv/data. conn_id is an Airflow connection.",
        ),
        "target": Param(
            type="string", title="Target", pattern=ADDRESS,
            description="Directory that becomes equal to the source. What somebody else wrote there stops the run.",
        ),
    }  # fmt: skip


def _choices() -> dict[str, Param]:
    return {
        "exclude": Param(
            [], type=["array", "null"], items={"type": "string"}, title="Leave out",
            description="One pattern a line: *.tmp fits names anywhere, logs/*/raw fits paths from the source on. Trash, "
                        "snapshots and temporary folders of Hadoop, Hive and Spark are always left out.",
        ),
        **pace_params(),
        "verify_level": Param(
            "checksum", type="string", enum=list(VERIFY_LEVELS), values_display=VERIFY_LEVELS, title="Verify",
            description="How the copy is proved, before the cut-over and after it.",
        ),
        "dry_run": Param(
            default=False, type="boolean", title="Dry run",
            description="Write the plan and stop: nothing is copied, deleted or snapshotted.",
        ),
        "approval": Param(
            default=False, type="boolean", title="Ask before the cut-over",
            description="Wait for a person who says that the writers have stopped, then copy for the last time.",
        ),
    }  # fmt: skip


def _advanced() -> dict[str, Param]:
    return {
        "max_reads": Param(
            0, type="integer", minimum=0, maximum=256, title="Reads at one time", section=ADVANCED,
            description="From the source; 0: as many as threads.",
        ),
        "max_namenode_calls_per_s": Param(
            0, type="integer", minimum=0, maximum=1_000_000, title="NameNode calls a second", section=ADVANCED,
            description="Of the source, where it is HDFS; 0: no limit.",
        ),
        "max_delete_ratio": Param(
            0.5, type="number", minimum=0, maximum=1, title="Largest share deleted", section=ADVANCED,
            description="The run stops when more than this share of the target's files would go.",
        ),
        "foreign": Param(
            "stop", type="string", enum=list(FOREIGN), values_display=FOREIGN, title="Paths that somebody else wrote to the target",
            section=ADVANCED,
        ),
        "find_by": Param(
            "auto", type="string", enum=list(FIND_BY), values_display=FIND_BY, title="Find what changed", section=ADVANCED,
            description="After the first copy. Comparing everything takes longer, and repairs what somebody else changed at the target.",
        ),
        "skip_unholdable": Param(
            default=False, type="boolean", title="Go on without what the target cannot hold", section=ADVANCED,
            description="Names too long for it, links, devices. Without this they stop the run before anything is copied.",
        ),
        "preserve": Param(
            ["owner", "group", "mode", "mtime", "acl"], type=["array", "null"], items={"type": "string"},
            examples=["owner", "group", "mode", "mtime", "acl", "xattrs"], title="Attributes to keep", section=ADVANCED,
        ),
        "allow_snapshot": Param(
            default=True, type="boolean", title="Make the source snapshottable", section=ADVANCED,
            description="Where it is not yet and the connection's user may do it.",
        ),
        "accept_new_filter": Param(
            default=False, type="boolean", title="Accept other exclusions than last time", section=ADVANCED,
        ),
        "exclusive": Param(
            default=False, type="boolean", title="This run is the target's only writer", section=ADVANCED,
            description="A promise, for stores that cannot create a file only where none is.",
        ),
        "catch_up_until_changes": Param(
            100, type="integer", minimum=0, title="Catch up until a round finds at most", section=ADVANCED,
            description="Changes; the cut-over then has about that much left to copy.",
        ),
        "catch_up_max_rounds": Param(
            10, type="integer", minimum=1, title="Catch-up rounds at most", section=ADVANCED,
        ),
    }  # fmt: skip
