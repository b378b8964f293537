"""What the report step of the DAG of policy syncs says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from airflow_provider_livedata.dag_templates.sync_outcome import sync_outcome

_TITLES = {
    "left": "NOT AS IT WAS", "widening": "restricts at the source alone", "failures": "not carried over",
    "lost": "less than at the source", "touched": "changed at the target by somebody else",
}  # fmt: skip


def _did(found: Mapping[str, Any]) -> str:
    return f"{found['seen']:,} policies read, {found['same']:,} the same"


policy_outcome = partial(sync_outcome, did=_did, titles=_TITLES)
