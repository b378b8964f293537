"""What the report step of the DAG of two-way syncs says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    ended,
    reported,
    states_told,
    stopped,
    titled,
)


def two_way_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a run ended: ``outcome``, ``why``, ``states``, ``conflicts``, addresses of ``reports``, and all of it as ``text``."""
    told = states_told(stages, states)
    found = {stage: reported(results.get(stage), failures.get(stage)) for stage in stages}
    newest = found["sync"] or found["preview"]
    about = {str(params.get(f"{side}_name")): params.get(side) for side in ("left", "right")}
    did = {stage: _said(found[stage]) for stage in stages}
    lists = [
        *titled("conflicts", [_conflict(one, newest) for one in newest.get("conflict_list") or ()]),
        *titled("left for the next run", list(newest.get("left_paths") or ())),
        *titled("failed", [f"{one['path']}: {one['reason']}" for one in newest.get("failures") or ()]),
        *titled("changed", list(newest.get("changed_examples") or ())),
    ]
    ending = _outcome(params, stages, told, newest, failures)
    return ended(ending, about, told, did, results, failures, before=lists, conflicts=int(newest.get("conflicts") or 0))


def _outcome(
    params: Mapping[str, Any],
    stages: Sequence[str],
    states: Mapping[str, str],
    newest: Mapping[str, Any],
    failures: Results,
) -> tuple[str, str]:
    if (failures.get("sync") or {}).get("error") == "ConflictsLeft":
        return "CONFLICTS", str(newest.get("why"))
    why_not = stopped(stages, states, failures, ("NOT SYNCED", "nobody approved it; nothing was changed"))
    if why_not:
        return why_not
    if params.get("dry_run"):
        return "PREVIEWED", newest.get(
            "why"
        ) or f"nothing was changed; {newest.get('changes', 0):,} changes planned, {_conflicts(newest)}"
    if states.get("sync") != "success":
        return "NOT FINISHED", "not every step was run"
    return "SYNCED", f"{newest.get('changes', 0):,} changes, {_conflicts(newest)}"


def _conflicts(newest: Mapping[str, Any]) -> str:
    return f"{newest.get('conflicts') or 0:,} conflicts"


def _said(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    sides = [found["left"], found["right"]]
    if found["state"] == "dry run":
        return "; ".join(f"to {side['name']}: {sum(side['planned'].values()):,} steps" for side in sides)
    return "; ".join(
        f"to {side['name']}: {side['copied_files']:,} copied, {side['deleted']:,} deleted" for side in sides
    )


def _conflict(one: Mapping[str, Any], newest: Mapping[str, Any]) -> str:
    if not one["loser"]:
        return f"{one['path']}: {one['kind']}, left as it is on both sides"
    kept = f", kept as {one['kept_at']}" if one["kept_at"] else ""
    return f"{one['path']}: {one['kind']}, that of {newest[one['loser']]['name']} gave way{kept}"
