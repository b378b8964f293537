"""What the report step of the DAG of metadata syncs says: one text for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Results = Mapping[str, Any]


def metastore_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a sync ended.

    Returns:
        ``outcome``, ``why``, ``states`` and addresses of ``reports`` by stage, and all of it as ``text``.
    """
    told = {stage: str(getattr(states.get(stage), "value", states.get(stage)) or "not run") for stage in stages}
    found = {stage: _found(results.get(stage), failures.get(stage)) for stage in stages}
    outcome, why = _outcome(params, stages, told, found, failures)
    lines = [
        f"{outcome}: {why}",
        "",
        f"{'source':<14}{params.get('source')}",
        f"{'target':<14}{params.get('target')}",
        "",
    ]
    lines += [f"{stage:<14}{told[stage]:<17}{_did(found[stage], failures.get(stage))}".rstrip() for stage in stages]
    reports = {stage: one["address"] for stage, one in found.items() if one.get("address")}
    lines += ["", "reports", *(f"  {stage:<12}{address}" for stage, address in reports.items())] if reports else []
    return {"outcome": outcome, "why": why, "states": told, "reports": reports, "text": "\n".join(lines)}


def _outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, str], found: Results, failures: Results
) -> tuple[str, str]:
    stopped = next((stage for stage in stages if states[stage] in {"failed", "up_for_retry"}), None)
    if stopped == "approve":
        return "NOT SYNCED", "nobody approved it; nothing was changed"
    if stopped:
        said = failures.get(stopped) or {}
        return "STOPPED", f"at {stopped}: {said.get('message') or 'see the log of this task'}"
    if params.get("dry_run"):
        return "PREVIEWED", f"nothing was changed; planned: {_counts(found['preview'].get('planned'))}"
    if states.get("sync") != "success":
        return "NOT FINISHED", "not every step was run"
    proved = ", and verified" if states.get("verify") == "success" else ""
    return "SYNCED", f"{_counts(found['sync'].get('done'))}{proved}"


def _found(result: Any, failure: Any) -> Mapping[str, Any]:
    found = result if isinstance(result, dict) else (failure or {}).get("report")
    return found if isinstance(found, dict) else {}


def _did(found: Mapping[str, Any], failure: Any) -> str:
    if failure:
        return str(failure.get("error"))
    left = {"touched": "touched", "skipped": "not registered", "waiting": "waiting for data"}
    named = [
        f"{len(found[name])} or more {what}" if len(found[name]) > 19 else f"{len(found[name])} {what}"
        for name, what in left.items()
        if found.get(name)
    ]
    return ", ".join([found["found_by"], *named]) if found.get("found_by") else ""


def _counts(counts: Any) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted((counts or {}).items())) or "nothing to do"
