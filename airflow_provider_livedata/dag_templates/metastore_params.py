"""The form of the DAG of metadata syncs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates import forms

_CHOICES: dict[str, tuple[str, dict[str, str], str]] = {
    "deletes": ("mirror", {"mirror": "drop what is gone at the source", "keep": "keep it"}, "What is gone"),
    "changed_at_target": (
        "fail", {"fail": "stop before anything is changed", "overwrite": "overwrite it", "keep": "keep it"}, "What somebody changed at the target",
    ),
    "unmapped": ("skip", {"skip": "leave out and report", "keep": "register where it is"}, "What lies under no mapping of locations"),
    "details": (
        "changed", {"changed": "of new and changed tables", "all": "of all tables", "none": "not at all"}, "Constraints and column statistics",
    ),
    "find_by": ("auto", {"auto": "the source's log, where it tells", "full": "comparing everything"}, "Changes are found by"),
}  # fmt: skip
_TEXTS = {
    "databases": (["*"], "Databases", "Patterns of databases that take part, such as sales_*."),
    "tables": (["*"], "Tables", "Patterns of tables, as database.table: sales_*.orders."),
    "exclude": (
        [],
        "Left out",
        "Patterns of tables that take no part; the target's tables of these names are left alone.",
    ),
}


def metastore_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return forms.form(_places() | _selection() | _choices() | _data() | _delta(), defaults, "the DAG of metadata syncs")


def _places() -> dict[str, Param]:
    return {
        "source": Param(type="string", title="Source", description="Airflow connection of the metastore to read (type livedatametastore), or glue://CONNECTION with one of type aws."),
        "target": Param(type="string", title="Target", description="Airflow connection of the metastore in which tables are registered, or glue://CONNECTION, or databricks://CONNECTION/CATALOGUE."),
        "locations": Param(
            type="object", title="Locations",
            description='Prefixes of the source\'s locations, each with the target\'s: {"hdfs://nn1:8020/data": "s3a://lake/data"}.',
        ),
        "state": forms.address(
            "State", "A directory of the sync's own for its state, plans and reports: s3://lake@bucket/metastore-state.",
        ),
        "dry_run": forms.yes_no("Preview only", "Write the plan and change nothing else.", default=True),
    }  # fmt: skip


def _selection() -> dict[str, Param]:
    return {name: forms.texts(title, text, default=default) for name, (default, title, text) in _TEXTS.items()}


def _choices() -> dict[str, Param]:
    chosen = {name: forms.choice(title, shown, default) for name, (default, shown, title) in _CHOICES.items()}
    return chosen | {
        "max_delete_ratio": forms.number(
            "Deletes at most", 0.5, maximum=1,
            description="Share of the registered tables, or partitions, above which deletes stop the run.",
        ),
        "approval": forms.yes_no("Ask before the sync", "Wait for a person who has looked at the plan."),
        "verify": forms.yes_no("Verify", "Compare everything after the sync.", default=True),
        "rows_at_target": Param(
            None, type=["string", "null"], title="Rows at the target are counted by",
            description="Airflow connection that runs SQL at the target (Hive, Trino, Athena, ...), or databricks://CONNECTION/CATALOGUE. Empty: rows are not counted.",
        ),
        "rows_at_source": Param(
            None, type=["string", "null"], title="Rows at the source are counted by",
            description="The same at the source. Empty: the source's statistics tell, where they hold.",
        ),
    }  # fmt: skip


def _data() -> dict[str, Param]:
    return {
        "after_data": forms.yes_no("After the data", "Register only what the newest checkpoints of the replications hold."),
        "data": Param(
            {}, type=["object", "null"], title="Replications",
            description='For prefixes of the locations, the targets of their replications: {"hdfs://nn1:8020/data": "s3://lake@bucket/data"}.',
        ),
        "up_to": Param(
            None, type=["integer", "null"], title="Up to event",
            description="Number of an event of the source's log; what changed after it waits for the next sync.",
        ),
    }  # fmt: skip


def _delta() -> dict[str, Param]:
    return {
        "delta_location": Param(
            None, type=["string", "null"], title="Copies in Delta lie at",
            description="Of Databricks alone: a directory outside of every replicated location, s3://lake/delta, where each table gets a copy in Delta. Needs Replications. Empty: none.",
        ),
        "delta_schema": Param(
            "{database}_delta", type="string", title="Schema of the copies",
            description="{database} stands for the schema of the tables.",
        ),
    }  # fmt: skip
