"""What the report step of the restore DAG says: one text for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    approved,
    ended,
    reported,
    states_told,
    stopped,
    titled,
)
from airflow_provider_livedata.engine.units import human_bytes, human_seconds


def restore_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a restore ended; the last stage is the restore itself.

    Returns:
        ``outcome``, ``why``, ``states``, addresses of ``reports`` by stage, how to ``undo``, and all of it as ``text``.
    """
    told = states_told(stages, states)
    found = {stage: reported(results.get(stage), failures.get(stage)) for stage in stages}
    undo = list(found[stages[-1]].get("undo") or ())
    about = {
        "backups": params.get("place"), "which": params.get("which"),
        "destination": params.get("destination") or params.get("place"),
    }  # fmt: skip
    did = {stage: _did(found[stage], failures.get(stage)) for stage in stages}
    ending = _outcome(params, stages, told, results, failures)
    return ended(ending, about, told, did, results, failures, after=titled("to undo it", undo), undo=undo)


def _outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, str], results: Results, failures: Results
) -> tuple[str, str]:
    why_not = stopped(stages, states, failures, ("NOT RESTORED", "nobody approved it; nothing was changed"))
    if why_not:
        return why_not
    first, last = results.get(stages[0]) or {}, results.get(stages[-1]) or {}
    if params.get("dry_run"):
        return "REHEARSED", first.get("why") or f"nothing was changed; the backup would be {first.get('backup')}"
    if states[stages[-1]] == "success" and last.get("state") == "done":
        return "RESTORED", f"backup {last['backup']}, compared: {last['verified_files']:,} files"
    return "NOT FINISHED", "not every step was run"


def _did(found: Mapping[str, Any], failure: Any) -> str:
    if failure:
        return str(failure.get("error"))
    if "responded_by_user" in found:
        return approved(found)
    if found.get("state") == "dry run":
        planned = f"{found['planned_files']:,} files, {human_bytes(found['planned_bytes'])}"
        return f"{planned} to restore, {found['planned_deletes']:,} to delete, {sum(found['same'].values()):,} the same already"
    if "copied_files" in found:
        copied = f"{found['copied_files']:,} files, {human_bytes(found['copied_bytes'])}"
        return f"{copied} restored, {found['deleted']:,} deleted, in {human_seconds(found['seconds'])}"
    return ""
