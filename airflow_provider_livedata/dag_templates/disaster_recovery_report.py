"""What the report step of disaster recovery says: one table for people, one dictionary for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.units import human_seconds, moment

WIDTHS = (12, 13, 26, 26)


@dataclass(frozen=True, slots=True)
class LocationEnd:
    """How one location ended, as far as it is known.

    Args:
        source: Its address.
        target: Its address.
        states: State of each of its tasks, by the task's name.
        result: What its replication returned.
        failures: What failed tasks said, by the task's name: error, message.
        lag_s: Seconds; None where the target has no checkpoint or cannot be read.
        as_of_ms: The instant that the target is a copy of.
        proved_ms: When it was last proved, by level.
        unread: Why the target could not be read.
        name: What it is called; by default its places.
        did: What was done, where that went well; by default the cycles of its live replication.
    """

    source: str
    target: str
    states: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    failures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lag_s: float | None = None
    as_of_ms: int = 0
    proved_ms: Mapping[str, int] = field(default_factory=dict)
    unread: str = ""
    name: str = ""
    did: str = ""


def disaster_recovery_report(
    locations: Sequence[LocationEnd], levels: Sequence[str], *, refused: str = ""
) -> dict[str, Any]:
    """Tell how a run of the disaster recovery DAG ended.

    Args:
        locations: In the order of the form.
        levels: Of verification, whose times are shown.
        refused: Why nothing was started, if so.

    Returns:
        ``outcome`` (``OK``, ``FAILED``, ``DRY RUN``, ``REFUSED``), ``why``, ``locations`` with a dictionary each, and all of it as ``text``.
    """
    told = [_told(one, levels) for one in locations]
    failed = [one for one in told if one["state"] == "failed"]
    if refused:
        outcome, why = "REFUSED", refused
    elif failed:
        outcome, why = "FAILED", f"{len(failed)} of {len(told)} locations; {failed[0]['target']}: {failed[0]['why']}"
    elif told and all(one["state"] == "dry run" for one in told):
        outcome, why = "DRY RUN", "the plans are written and nothing else was changed"
    else:
        outcome, why = "OK", f"{len(told)} locations"
    head = [_line("state", "lag", *(f"last {level} proof" for level in levels), "location"), ""] if told else []
    lines = [f"{outcome}: {why}", "", *head, *(line for one in told for line in _lines(one, levels))]
    return {"outcome": outcome, "why": why, "locations": told, "text": "\n".join(lines).rstrip()}


def _told(one: LocationEnd, levels: Sequence[str]) -> dict[str, Any]:
    state, why = _state(one)
    result = one.result or {}
    return {
        "name": one.name or f"{one.source} -> {one.target}", "source": one.source, "target": one.target, "state": state, "why": why, "lag_seconds": one.lag_s, "as_of_ms": one.as_of_ms,
        "verified_ms": {level: one.proved_ms.get(level) for level in levels}, "live": result.get("live"),
        "report": result.get("address", ""),
    }  # fmt: skip


def _state(one: LocationEnd) -> tuple[str, str]:
    """``ok``, ``failed`` or ``dry run``, and why."""
    for task, state in one.states.items():
        if state in {"failed", "upstream_failed", "up_for_retry", "not run"}:
            said = one.failures.get(task, {})
            return "failed", f"{task}: {said.get('message') or 'see the log of this task'}"
    if one.unread:
        return "failed", f"the target cannot be read: {one.unread}"
    result = one.result or {}
    if result.get("state") == "dry run":
        stops = f"; {result['why']}" if result.get("why") else ""
        return "dry run", f"{result['planned_files']:,} files to copy, {result['planned_deletes']:,} to delete{stops}"
    if one.did:
        return "ok", one.did
    live = result.get("live") or {}
    borne = f", {live['failed_cycles']:,} failed and were made up for" if live.get("failed_cycles") else ""
    worst = f", worst lag {human_seconds(live['worst_lag_seconds'])}" if live.get("cycles") else ""
    return "ok", f"{live.get('cycles', 0):,} cycles, {live.get('changes', 0):,} changes{borne}{worst}"


def _lines(one: Mapping[str, Any], levels: Sequence[str]) -> list[str]:
    lag = "unknown" if one["lag_seconds"] is None else human_seconds(one["lag_seconds"])
    times = [moment(at) if (at := one["verified_ms"][level]) else "never" for level in levels]
    return [
        _line(one["state"], lag, *times, one["name"]),
        f"{'':<{WIDTHS[0]}}{one['why']}",
        "",
    ]


def _line(*cells: str) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=False)]
    return "".join([*padded, *cells[len(padded) :]]).rstrip()
