"""What may follow the data at the end of a DAG: security policies first, so that nobody reads more than before, then Hive metadata.

Each is asked for by one field of the form, an object with the arguments of its operator; left empty, its step is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import task

from airflow_provider_livedata.dag_templates.follower_params import OBJECTS, TEXTS, object_arguments
from airflow_provider_livedata.dag_templates.steps import AFTER, Params, unless
from airflow_provider_livedata.operators.base import failures_pushed
from airflow_provider_livedata.operators.metastore import MetastoreSyncOperator
from airflow_provider_livedata.operators.policies import PolicySyncOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context


_OPERATORS: dict[str, type[PolicySyncOperator | MetastoreSyncOperator]] = {
    "policies": PolicySyncOperator,
    "metadata": MetastoreSyncOperator,
}


def follower_steps() -> tuple[BaseOperator, ...]:
    """The steps, in order."""
    return tuple(
        operator(
            task_id=name,
            trigger_rule=AFTER,
            pre_execute=_unless_asked(name),
            **object_arguments(name, TEXTS, OBJECTS[name]),
        )
        for name, operator in _OPERATORS.items()
    )


def follower_operators(
    prefix: str, arguments: Mapping[str, Mapping[str, Any]], is_skipped: Callable[[Params], Any]
) -> list[BaseOperator]:
    """The same where what follows is known beforehand: a step for each that is asked for, named ``prefix`` and its name."""
    skip = unless(lambda params: params["dry_run"] or is_skipped(params), "dry run, or not chosen")
    return [
        operator(task_id=f"{prefix}{name}", trigger_rule=AFTER, pre_execute=skip, **arguments[name])
        for name, operator in _OPERATORS.items()
        if name in arguments
    ]


def _unless_asked(name: str) -> Any:
    return unless(lambda params: params["dry_run"] or not params[name], "not asked for")


def follower_tasks(arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    """The same where each of many locations has its own: ``arguments`` gives those of its operators, none for what is not asked for."""
    return tuple(_task(name, operator)(arguments[name]) for name, operator in _OPERATORS.items())


def _task(name: str, operator: type[PolicySyncOperator | MetastoreSyncOperator]) -> Any:
    @task(
        task_id=name,
        trigger_rule=AFTER,
        multiple_outputs=False,
        map_index_template="{{ task.op_args[0].get('target') or '' }}",
    )
    def follow(arguments: dict[str, Any], **context: Any) -> Any:
        if context["params"]["dry_run"] or not arguments:
            raise AirflowSkipException("not asked for")
        with failures_pushed(context):
            return operator(task_id=name, **arguments).work(cast("Context", context))

    return follow
