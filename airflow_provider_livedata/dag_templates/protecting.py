"""The protection of a replica in the DAGs that switch sides: lifted when the replica becomes the active side, set when it is one again.

It is asked for by one field of the form, an object with arguments of ``ReplicaProtectionOperator``; left empty, the step is skipped.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates.follower_params import object_arguments, object_schema
from airflow_provider_livedata.dag_templates.forms import ADVANCED
from airflow_provider_livedata.dag_templates.steps import AFTER, unless
from airflow_provider_livedata.operators.policies import ReplicaProtectionOperator

FIELD = "protection"
TEXTS = ("target", "state")
OBJECTS = ("writers", "databases", "locations", "options")


def protection_param() -> dict[str, Param]:
    """The field of the form."""
    return {
        FIELD: Param(
            None, title="Protection of the replica", section=ADVANCED,
            description="Ranger's deny on writes to the target for all but the replication (docs/security-policies.md): lifted after a fail-over, "
            'set after a fail-back: {"target": "ranger://dr/hive", "state": "s3://lake@bucket/policy-state", "writers": {"users": ["replicator"]}, '
            '"databases": {"sales": "sales"}}.', **object_schema(TEXTS, OBJECTS, required=(*TEXTS, "writers")),
        )
    }  # fmt: skip


def protection_step(task_id: str, *, lifted: bool) -> ReplicaProtectionOperator:
    """The step that comes after the switch."""
    arguments: dict[str, Any] = {**object_arguments(FIELD, TEXTS, OBJECTS)}
    return ReplicaProtectionOperator(
        task_id=task_id, lifted=lifted, trigger_rule=AFTER,
        pre_execute=unless(lambda params: params["dry_run"] or not params[FIELD], "not asked for"), **arguments,
    )  # fmt: skip
