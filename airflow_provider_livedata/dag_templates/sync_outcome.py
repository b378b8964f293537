"""What the report steps of the DAGs of syncs say, of metadata and of policies: one text for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import (
    Results,
    counted,
    ended,
    reported,
    states_told,
    stopped,
    titled,
)


def sync_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results, *,
    did: Callable[[Mapping[str, Any]], str], titles: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Tell how a sync ended.

    Args:
        params: Those of the run.
        stages: The task ids, in order.
        states: The state of each task, as Airflow tells it.
        results: What each task returned, None where it did not.
        failures: What each failed task said of it; None where it did not.
        did: What a report says of its task, in one line.
        titles: Lists of the newest report that are shown, each with its title.

    Returns:
        ``outcome``, ``why``, ``states`` and addresses of ``reports`` by stage, and all of it as ``text``.
    """
    told = states_told(stages, states)
    found = {stage: reported(results.get(stage), failures.get(stage)) for stage in stages}
    said = {stage: _said(found[stage], failures.get(stage), did) for stage in stages}
    about = {"source": params.get("source"), "target": params.get("target")}
    newest = found["sync"] or found["preview"]
    lists = [
        line for name, title in (titles or {}).items() for line in titled(title, list(map(str, newest.get(name) or ())))
    ]
    ending = _outcome(params, stages, told, found, failures)
    return ended(ending, about, told, said, results, failures, before=lists)


def _outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, str], found: Results, failures: Results
) -> tuple[str, str]:
    why_not = stopped(stages, states, failures, ("NOT SYNCED", "nobody approved it; nothing was changed"))
    if why_not:
        return why_not
    if params.get("dry_run"):
        return "PREVIEWED", f"nothing was changed; planned: {counted(found['preview'].get('planned'))}"
    if states.get("sync") != "success":
        return "NOT FINISHED", "not every step was run"
    proved = ", and verified" if states.get("verify") == "success" else ""
    return "SYNCED", f"{counted(found['sync'].get('done'))}{proved}"


def _said(found: Mapping[str, Any], failure: Any, did: Callable[[Mapping[str, Any]], str]) -> str:
    if failure:
        return str(failure.get("error"))
    return did(found) if found else ""
