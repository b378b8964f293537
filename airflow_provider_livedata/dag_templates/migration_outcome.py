"""What the report step of the migration says: one table for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.follower_params import FOLLOWERS, followed
from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    approved,
    counted,
    ended,
    states_told,
    stopped,
)
from airflow_provider_livedata.engine.units import human_bytes, human_seconds


def migration_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a migration ended.

    Args:
        params: Those of the run.
        stages: The task ids, in order.
        states: The state of each task, as Airflow tells it.
        results: What each task returned, None where it did not.
        failures: What each failed task said of it: error, message, report; None where it did not.

    Returns:
        ``outcome``, ``why``, ``states`` and addresses of ``reports`` by stage, and all of it as ``text``.
    """
    told = states_told(stages, states)
    did = {stage: _did(stage, results.get(stage), failures.get(stage)) for stage in stages}
    about = {"source": params.get("source"), "target": params.get("target")}
    ending = _outcome(params, stages, told, results, failures)
    return ended(ending, about, told, did, results, failures)


def _outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, str], results: Results, failures: Results
) -> tuple[str, str]:
    unapproved = "NOT CUT OVER", "the cut-over was not approved; the copy stays as it was verified"
    why_not = stopped(stages, states, failures, unapproved)
    if why_not:
        return why_not
    if params.get("dry_run"):
        return "DRY RUN", "the plan is written and nothing else was changed"
    proof = results.get("final_verify") or {}
    if states.get("final_verify") == "success" and proof.get("is_same"):
        return (
            "MIGRATED",
            f"the target holds what the source holds, proved at level {proof['level']}{followed(results)}",
        )
    return "NOT FINISHED", "not every step was run"


def _did(stage: str, result: Any, failure: Any) -> str:
    if failure:
        return str(failure.get("error"))
    if not isinstance(result, dict):
        return ""
    if stage in FOLLOWERS:
        return counted(result["done"])
    if stage == "preflight":
        return "; ".join(result.get("notes") or [])
    if "level" in result:
        return _proved(result)
    if stage == "settle":
        return "nothing changes any more"
    if stage == "approve_cut_over":
        return approved(result)
    return _planned(result) if result.get("state") == "dry run" else _copied(result)


def _planned(result: Mapping[str, Any]) -> str:
    stops = f"; {result['why']}" if result.get("why") else ""
    return (
        f"{result['planned_files']:,} of {result['scanned_files']:,} files to copy, {human_bytes(result['planned_bytes'])}, "
        f"{result['planned_deletes']:,} to delete{stops}"
    )


def _copied(result: Mapping[str, Any]) -> str:
    rounds = result.get("round_changes")
    found = f"changes by round: {', '.join(f'{count:,}' for count in rounds)}; in the last one " if rounds else ""
    return (
        f"{found}{result['copied_files']:,} files copied, {human_bytes(result['copied_bytes'])}, {result['deleted']:,} deleted, "
        f"{result['skipped']:,} unchanged, in {human_seconds(result['seconds'])}"
    )


def _proved(result: Mapping[str, Any]) -> str:
    found = "same" if result["is_same"] else f"{result['difference_count']:,} differences"
    return (
        f"{result['level']}: {found}; {result['files']:,} files, {human_bytes(result['size_bytes'])}, "
        f"{result['proved_by_store']:,} proved by the store's checksum, {result['proved_by_reading']:,} by reading"
    )
