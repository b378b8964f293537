"""The form of the DAG of policy syncs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates import forms

_CHOICES: dict[str, tuple[str, dict[str, str], str]] = {
    "roles_as": (
        "members",
        {"members": "the users and groups in them", "mirror": "roles made at the target", "keep": "roles that are at the target"},
        "Roles become",
    ),
    "deletes": ("mirror", {"mirror": "delete those of this sync", "keep": "keep them"}, "Policies that are gone"),
    "changed_at_target": (
        "fail", {"fail": "stop before anything is changed", "overwrite": "overwrite it", "keep": "keep it"}, "What somebody changed at the target",
    ),
    "inexpressible": (
        "stop", {"stop": "stop before anything is changed", "leave_out": "leave it out: more is allowed then"},
        "What denies, masks or filters and cannot be carried over",
    ),
    "tags": (
        "stop",
        {
            "stop": "stop before anything is changed",
            "resolve": "as policies of what bears the tags now",
            "leave_out": "leave them out: more may be allowed then",
        },
        "Policies by tags",
    ),
}  # fmt: skip
_MAPPINGS = {
    "databases": ("Databases", 'Replicated databases, each with the target\'s name: {"sales": "sales"}.'),
    "locations": (
        "Locations",
        'Replicated directories, each with the target\'s: {"hdfs://nn1:8020/data": "hdfs://nn2:8020/data"}.',
    ),
    "users": ("Users", 'Names at the target, or rules with one *: {"etl_*": "svc-*"}. Empty: all stay what they are.'),
    "groups": (
        "Groups",
        'Names at the target, or rules with one *: {"hdfs_*": "grp-*"}. Empty: all stay what they are.',
    ),
    "roles": ("Roles", "Names at the target of roles that are made or kept there."),
}


def policy_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    mappings = {
        name: Param({}, type=["object", "null"], title=title, description=text)
        for name, (title, text) in _MAPPINGS.items()
    }
    chosen = {name: forms.choice(title, shown, default) for name, (default, shown, title) in _CHOICES.items()}
    return forms.form(_places() | mappings | chosen | _rest(), defaults, "the DAG of policy syncs")


def _places() -> dict[str, Param]:
    return {
        "source": Param(
            type="string", title="Source", pattern=r"^(ranger://[^/]+/[^/#?]+|sentry://[^/#?]+|[A-Za-z][A-Za-z0-9+.\-]*://.+(#.+|\.ini))$",
            description="ranger://CONNECTION/SERVICE (type livedataranger), or sentry://CONNECTION (type livedatasentry), a file that Ranger exported: s3://lake@bucket/export.json#SERVICE, or a policy file of Sentry: s3://lake@bucket/sentry.ini.",
        ),
        "target": Param(
            type="string", title="Target",
            pattern=r"^(ranger://[^/]+/[^/#?]+|lakeformation://[^/]*(/\d{12})?|databricks://[^/]*/[^/]+)$",
            description="ranger://CONNECTION/SERVICE, of the same kind; or grants: lakeformation://CONNECTION (type aws), databricks://CONNECTION/CATALOGUE (type databricks).",
        ),
        "state": forms.address(
            "State", "A directory of the sync's own for its state, plans and reports: s3://lake@bucket/policy-state.",
        ),
        "dry_run": forms.yes_no("Preview only", "Write the plan and change nothing else.", default=True),
    }  # fmt: skip


def _rest() -> dict[str, Param]:
    return {
        "max_delete_ratio": forms.number(
            "Deletes at most", 0.5, maximum=1, description="Share of the policies of this sync above which deletes stop the run.",
        ),
        "prefix": Param("livedata ", type=["string", "null"], title="Names begin with", description="What the names of its policies begin with at the target."),
        "approval": forms.yes_no("Ask before the sync", "Wait for a person who has looked at the changes."),
        "verify": forms.yes_no("Verify", "Compare all policies after the sync.", default=True),
    }  # fmt: skip
