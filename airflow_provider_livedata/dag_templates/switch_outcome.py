"""What the report step of a fail-over or fail-back says: one text for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    approved,
    counted,
    ended,
    states_told,
    stopped,
)
from airflow_provider_livedata.engine.units import human_bytes, human_seconds

SWITCHES = ("fail_over", "fail_back")


def switch_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a switch ended; one of ``SWITCHES`` is the switch itself, and a stage whose name begins with "approve" the approval.

    Returns:
        ``outcome``, ``why``, ``states`` and addresses of ``reports`` by stage, and all of it as ``text``.
    """
    told = states_told(stages, states)
    did = {stage: _did(results.get(stage), failures.get(stage)) for stage in stages}
    about = {"source": params.get("source"), "target": params.get("target")}
    ending = _outcome(params, stages, told, results, failures)
    return ended(ending, about, told, did, results, failures)


def _outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, str], results: Results, failures: Results
) -> tuple[str, str]:
    switch = next(stage for stage in stages if stage in SWITCHES)
    done = results.get(switch) or {}
    is_done = states[switch] == "success" and done.get("active")
    why_not = stopped(stages, states, failures, ("NOT SWITCHED", "nobody approved it; both sides keep their roles"))
    if is_done:  # what comes after it does not take it back
        left = f"; stopped {why_not[1]}; clear that task" if why_not else ""
        return "SWITCHED", f"{done['active']} is the active side, {done['standby']} the standby side{left}"
    if why_not:
        return why_not
    if params.get("dry_run"):
        why = (results.get(stages[0]) or {}).get("why")
        return "REHEARSED", why or "nothing was switched"
    return "NOT FINISHED", "not every step was run"


def _did(result: Any, failure: Any) -> str:
    if failure:
        return str(failure.get("error"))
    if not isinstance(result, dict):
        return ""
    if "found" in result:
        found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(result["found"].items())) or "nothing"
        return (
            f"{result['state']}; written to the old source meanwhile: {found}; kept aside: {result['kept_aside']:,} files; "
            f"back: {result['copied_files']:,} files, {human_bytes(result['copied_bytes'])}"
        )
    if "lost_seconds" in result:
        lost = (
            f"up to {human_seconds(result['lost_seconds'])} of changes lost"
            if result["lost_seconds"]
            else "nothing lost"
        )
        return f"{result['state']}; checkpoint {result['run']}; {lost}"
    if "copied_files" in result:
        return f"{result['copied_files']:,} files copied, {human_bytes(result['copied_bytes'])}, {result['deleted']:,} deleted"
    if "planned" in result:
        return counted(result["done"])
    return approved(result)
