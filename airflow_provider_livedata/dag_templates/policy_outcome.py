"""What the report step of the DAG of policy syncs says: one text for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    addresses,
    headed,
    reported,
    reports_listed,
    states_told,
    stopped,
    titled,
)

_NAMED = {
    "left": "NOT AS IT WAS", "widening": "restricts at the source alone", "failures": "not carried over",
    "lost": "less than at the source", "touched": "changed at the target by somebody else",
}  # fmt: skip


def policy_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """Tell how a sync ended.

    Returns:
        ``outcome``, ``why``, ``states`` and addresses of ``reports`` by stage, and all of it as ``text``.
    """
    told = states_told(stages, states)
    found = {stage: reported(results.get(stage), failures.get(stage)) for stage in stages}
    outcome, why = _outcome(params, stages, told, found, failures)
    did = {stage: _did(found[stage], failures.get(stage)) for stage in stages}
    reports = addresses(stages, results, failures)
    about = {"source": params.get("source"), "target": params.get("target")}
    newest = found["sync"] or found["preview"]
    lists = [
        line for name, title in _NAMED.items() for line in titled(title, [str(one) for one in newest.get(name) or ()])
    ]
    lines = [*headed(f"{outcome}: {why}", about, told, did), *lists, *reports_listed(reports)]
    return {"outcome": outcome, "why": why, "states": told, "reports": reports, "text": "\n".join(lines)}


def _outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, str], found: Results, failures: Results
) -> tuple[str, str]:
    why_not = stopped(stages, states, failures, ("NOT SYNCED", "nobody approved it; nothing was changed"))
    if why_not:
        return why_not
    if params.get("dry_run"):
        return "PREVIEWED", f"nothing was changed; planned: {_counts(found['preview'].get('planned'))}"
    if states.get("sync") != "success":
        return "NOT FINISHED", "not every step was run"
    proved = ", and verified" if states.get("verify") == "success" else ""
    return "SYNCED", f"{_counts(found['sync'].get('done'))}{proved}"


def _did(found: Mapping[str, Any], failure: Any) -> str:
    if failure:
        return str(failure.get("error"))
    return f"{found['seen']:,} policies read, {found['same']:,} the same" if found else ""


def _counts(counts: Any) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted((counts or {}).items())) or "nothing to do"
