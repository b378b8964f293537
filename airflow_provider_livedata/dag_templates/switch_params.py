"""The forms of the fail-over and fail-back DAGs: that of the migration, with other questions. Both ask for the same places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.disaster_recovery_params import DEFAULT_OPTIONS
from airflow_provider_livedata.dag_templates.follower_params import FOLLOWERS
from airflow_provider_livedata.dag_templates.migration_params import migration_params
from airflow_provider_livedata.dag_templates.protecting import protection_param

if TYPE_CHECKING:
    from airflow.sdk import Param

HOW = {
    "planned": "planned: the source is there, its writers are stopped",
    "unplanned": "unplanned: the source does not answer",
}
CONSISTENCY = {"snapshot": "all at once", "files": "each file as soon as it has landed"}
REPLICATING = forms.option_texts("consistency", "keep_removed")
_NOT_ASKED = {"verify_level", "catch_up_until_changes", "catch_up_max_rounds", *FOLLOWERS}


def switch_params(defaults: Mapping[str, Any], *, asks_how: bool) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    params = _places() | _choices() | (_how() if asks_how else {})
    rest = (_replicating() if asks_how else {}) | migration_params({}) | protection_param()
    params |= {name: param for name, param in rest.items() if name not in {*params, *_NOT_ASKED}}
    return forms.form(params, defaults, "this DAG")


def _places() -> dict[str, Param]:
    asks = "The {} of the replication, exactly as its DAG names it: {}."
    return {
        "source": forms.address("Source", asks.format("source", "hdfs://hdfs_prod@nn1:8020/data/sales")),
        "target": forms.address("Target", asks.format("target", "s3://aws_default@bucket/prefix")),
    }


def _how() -> dict[str, Param]:
    return {
        "how": forms.choice(
            "How", HOW, "planned",
            "Planned loses nothing. Unplanned takes what the target holds; the report says what is lost.",
        ),
        "block_writers": forms.yes_no(
            "Block the writers",
            "Planned, from HDFS or a local disk: close the source's directory to everybody but this user, readers too, until the "
            "fail-back. Needs its owner or a superuser.",
        ),
    }  # fmt: skip


def _replicating() -> dict[str, Param]:
    # As the replication does: with fewer days what it has kept would be removed before anybody has agreed to the switch.
    return {
        "consistency": forms.choice(
            "What comes appears", CONSISTENCY, DEFAULT_OPTIONS["consistency"], "As the replication has it.", section=forms.ADVANCED
        ),
        "keep_removed": forms.number(
            "Keep what is replaced or deleted", DEFAULT_OPTIONS["keep_removed"],
            "Days, at the target; as the replication has it, since what was kept longer ago is removed.", section=forms.ADVANCED,
        ),
    }  # fmt: skip


def _choices() -> dict[str, Param]:
    return {
        "dry_run": forms.yes_no(
            "Rehearse only", "Check everything and say what would happen: nothing is switched, copied or moved.", default=True
        ),
        "approval": forms.yes_no(
            "Ask before the switch", "Wait for a person who says that the writers have stopped.", default=True
        ),
    }  # fmt: skip
