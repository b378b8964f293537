"""The forms of the fail-over and fail-back DAGs: that of the migration, with other questions. Both ask for the same places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates.migration_params import ADDRESS, migration_params, with_defaults

HOW = {
    "planned": "planned: the source is there, its writers are stopped",
    "unplanned": "unplanned: the source does not answer",
}
_NOT_ASKED = {"verify_level", "catch_up_until_changes", "catch_up_max_rounds"}


def switch_params(defaults: Mapping[str, Any], *, asks_how: bool) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    params = _places() | _choices() | (_how() if asks_how else {})
    rest = migration_params({})
    params |= {name: param for name, param in rest.items() if name not in {*params, *_NOT_ASKED}}
    return with_defaults(params, defaults, "this DAG")


def _places() -> dict[str, Param]:
    return {
        "source": Param(
            type="string", title="Source", pattern=ADDRESS,
            description="The source of the replication, exactly as its DAG names it: hdfs://hdfs_prod@nn1:8020/data/sales.",
        ),
        "target": Param(
            type="string", title="Target", pattern=ADDRESS,
            description="The target of the replication, exactly as its DAG names it: s3://aws_default@bucket/prefix.",
        ),
    }  # fmt: skip


def _how() -> dict[str, Param]:
    return {
        "how": Param(
            "planned", type="string", enum=list(HOW), values_display=HOW, title="How",
            description="Planned loses nothing. Unplanned takes what the target holds; the report says what is lost.",
        ),
        "block_writers": Param(
            default=False, type="boolean", title="Block the writers",
            description="Planned, from HDFS or a local disk: close the source's directory to everybody but this user, readers too, until the "
            "fail-back. Needs its owner or a superuser.",
        ),
    }  # fmt: skip


def _choices() -> dict[str, Param]:
    return {
        "dry_run": Param(
            default=True, type="boolean", title="Rehearse only",
            description="Check everything and say what would happen: nothing is switched, copied or moved.",
        ),
        "approval": Param(
            default=True, type="boolean", title="Ask before the switch",
            description="Wait for a person who says that the writers have stopped.",
        ),
    }  # fmt: skip
