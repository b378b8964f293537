"""Which system keeps policies of a kind; each is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import GrantTarget, PolicySource

_KINDS = {
    "ranger": "ranger:open_ranger",
    "exported": "exported:ExportedPolicies",
    "sentry": "sentry_file:SentryFile",
    "sentry service": "sentry_service:open_sentry",
}


_GRANTS = {
    "lake formation": "lake_formation:open_lake_formation",
    "unity catalog": "unity_catalog:open_unity_catalog",
}


def open_policies(kind: str, **options: Any) -> PolicySource:
    """Open a service's policies; the caller closes them. The options are those of its kind. Ranger's are a ``PolicyTarget`` too.

    Raises:
        BadInput: An unknown kind, or options that cannot be used.
    """
    return cast("PolicySource", _found(kind, _KINDS, "policies are kept by")(**options))


def open_grants(kind: str, **options: Any) -> GrantTarget:
    """Open a target that knows grants alone; the caller closes it. The options are those of its kind.

    Raises:
        BadInput: An unknown kind, or options that cannot be used.
    """
    return cast("GrantTarget", _found(kind, _GRANTS, "grants are kept by")(**options))


def _found(kind: str, known: Mapping[str, str], what: str) -> Callable[..., Any]:
    if kind not in known:
        raise BadInput(f"{what} {', '.join(known)}", kind=kind)
    module, function = known[kind].split(":")
    found: Callable[..., Any] = getattr(import_module(f"{__package__}.{module}"), function)
    return found
