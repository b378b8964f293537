"""What the report step of a backup says: one text for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    ended,
    states_told,
    stopped,
    titled,
)
from airflow_provider_livedata.engine.units import human_bytes, moment


def backup_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a run of the backup DAG ended.

    Args:
        params: Those of the run.
        stages: The task ids, in order: backup, verify, retention.
        states: The state of each task, as Airflow tells it.
        results: What each task returned, None where it did not.
        failures: What each failed task said of it: error, message, report; None where it did not.

    Returns:
        ``outcome`` (``BACKED UP``, ``DRY RUN``, ``STOPPED``, ``NOT FINISHED``), ``why``, ``backup`` (its name, "" where there is no new one), ``states``
        and addresses of ``reports`` by stage, ``restore_commands``, and all of it as ``text``.
    """
    told = states_told(stages, states)
    made = results.get("backup") or {}
    commands = list(made.get("restore_commands") or [])
    about = {"source": params.get("source"), "place": params.get("place") or "snapshots of the source itself"}
    did = {stage: _did(stage, results.get(stage), failures.get(stage)) for stage in stages}
    after = ["", *(f"WARNING: {one}" for one in made["warnings"])] if made.get("warnings") else []
    after += titled("restored by", commands)
    after += titled("or, for much data or without Hadoop", made.get("bulk_commands") or [])
    name = made["name"] if made.get("state") == "complete" else ""
    ending = _outcome(stages, told, made, failures)
    return ended(ending, about, told, did, results, failures, after=after, backup=name, restore_commands=commands)


def _outcome(
    stages: Sequence[str], states: Mapping[str, str], made: Mapping[str, Any], failures: Results
) -> tuple[str, str]:
    why_not = stopped(stages, states, failures, ("STOPPED", "nobody approved it"))
    if why_not:
        return why_not
    if made.get("state") == "dry run":
        return "DRY RUN", "nothing was backed up or removed"
    if made and all(states[stage] in {"success", "skipped"} for stage in stages):
        return "BACKED UP", f"{made['name']}, as of {moment(made['as_of_ms'])}"
    return "NOT FINISHED", "not every step was run"


def _did(stage: str, result: Any, failure: Any) -> str:
    if failure or not result:
        return str((failure or {}).get("error") or "")
    if stage == "verify":
        return f"{result['level']}: {result['files']:,} files, {human_bytes(result['size_bytes'])}, all same"
    if stage == "retention":
        going = result["would_remove"] if result["state"] == "dry run" else result["removed"]
        verb = "to be removed" if result["state"] == "dry run" else "removed"
        return f"{result['kept']:,} kept, {len(going):,}{'+' if len(going) == 20 else ''} {verb}"
    if result["changed_files"] is None:
        return f"{result['state']}: {result['layout']}, no byte copied"
    linked = result["linked_files"] or result["planned_links"]
    return (
        f"{result['state']}: {result['changed_files']:,} files new or changed, {human_bytes(result['changed_bytes'] or 0)}"
        f"{f'; {linked:,} linked or copied within the place' if linked else ''}"
    )
