"""What the report step of the DAG of metadata syncs says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from airflow_provider_livedata.dag_templates.sync_outcome import sync_outcome


def _did(found: Mapping[str, Any]) -> str:
    left = {"touched": "touched", "skipped": "not registered", "waiting": "waiting for data"}
    named = [
        f"{len(found[name])} or more {what}" if len(found[name]) > 19 else f"{len(found[name])} {what}"
        for name, what in left.items()
        if found.get(name)
    ]
    return ", ".join([found["found_by"], *named]) if found.get("found_by") else ""


metastore_outcome = partial(sync_outcome, did=_did)
