"""What the report steps of DAGs have in common: states of tasks, what stopped a run, and where reports lie. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Results = Mapping[str, Any]


def states_told(stages: Sequence[str], states: Results) -> dict[str, str]:
    """The state of each task as a word."""
    return {stage: state_word(states.get(stage)) for stage in stages}


def state_word(state: Any) -> str:
    """The state of one task, as Airflow tells it, as a word."""
    return str(getattr(state, "value", state) or "not run")


def ended(
    ending: tuple[str, str], about: Mapping[str, Any], states: Mapping[str, str], did: Results,
    results: Results, failures: Results, *, before: Sequence[str] = (), after: Sequence[str] = (), **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """What a report step returns: the ``ending``, which is outcome and reason, and all of it as ``text``.

    Args:
        ending: See there.
        about: What the run was about, by name.
        states: The state of each task, as a word.
        did: What each task did, in a line.
        results: What each task returned, None where it did not.
        failures: What each failed task said of it, None where it did not.
        before: Lines of the text before those of the reports.
        after: Lines after them.
        more: What programs are told besides.
    """
    (outcome, why), reports = ending, _addresses(tuple(states), results, failures)
    lines = [*_headed(f"{outcome}: {why}", about, states, did), *before, *_reports_listed(reports), *after]
    return {"outcome": outcome, "why": why, "states": states, "reports": reports, **more, "text": "\n".join(lines)}


def _headed(headline: str, about: Mapping[str, Any], states: Mapping[str, str], did: Results) -> list[str]:
    """The outcome, what the run was ``about``, and a line for each task: its state, and what it ``did``."""
    width = max(14, *(len(name) + 2 for name in (*about, *states)))
    return [
        headline, "",
        *(f"{name:<{width}}{value}" for name, value in about.items()), "",
        *(f"{stage:<{width}}{state:<17}{did[stage]}".rstrip() for stage, state in states.items()),
    ]  # fmt: skip


def stopped(
    stages: Sequence[str], states: Mapping[str, str], failures: Results, unapproved: tuple[str, str]
) -> tuple[str, str] | None:
    """Outcome and reason of a run that a task stopped; ``unapproved``: those of one that nobody approved. None: none did."""
    found = next((stage for stage in stages if states[stage] in {"failed", "up_for_retry"}), None)
    if found is None:
        return None
    if found.startswith("approve"):
        return unapproved
    said = failures.get(found) or {}
    return "STOPPED", f"at {found}: {said.get('message') or 'see the log of this task'}"


def reported(result: Any, failure: Any) -> Mapping[str, Any]:
    """What a task returned, else the report that its failure has."""
    found = result if isinstance(result, dict) else (failure or {}).get("report")
    return found if isinstance(found, dict) else {}


def _addresses(stages: Sequence[str], results: Results, failures: Results) -> dict[str, str]:
    """Where the report of each task lies, as far as it has one."""
    found = ((stage, reported(results.get(stage), failures.get(stage)).get("address")) for stage in stages)
    return {stage: str(address) for stage, address in found if address}


def titled(title: str, lines: Sequence[str]) -> list[str]:
    """Lines below a title, and none where there are none."""
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _reports_listed(reports: Mapping[str, str]) -> list[str]:
    """Where reports lie, below a title."""
    width = max(12, 0, *(len(stage) + 2 for stage in reports))
    return titled("reports", [f"{stage:<{width}}{address}" for stage, address in reports.items()])


def counted(counts: Mapping[str, int] | None) -> str:
    """What was planned or done, by kind."""
    return ", ".join(f"{count:,} {what}" for what, count in sorted((counts or {}).items())) or "nothing to do"


def approved(result: Mapping[str, Any]) -> str:
    """Who said yes."""
    return f"approved by {(result.get('responded_by_user') or {}).get('name') or 'somebody'}"
