"""Which system keeps policies of a kind; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.policies.base import PolicySource

_KINDS = {
    "ranger": "ranger:open_ranger",
    "exported": "exported:ExportedPolicies",
    "sentry": "sentry_file:SentryFile",
    "sentry service": "sentry_service:open_sentry",
}


def open_policies(kind: str, **options: Any) -> PolicySource:
    """Open a service's policies; the caller closes them. The options are those of its kind. Ranger's are a ``PolicyTarget`` too.

    Raises:
        BadInput: An unknown kind, or options that cannot be used.
    """
    if kind not in _KINDS:
        raise BadInput(f"policies are kept by {', '.join(_KINDS)}", kind=kind)
    module, function = _KINDS[kind].split(":")
    found = getattr(import_module(f"{__package__}.{module}"), function)
    return found(**options)  # type: ignore[no-any-return]
