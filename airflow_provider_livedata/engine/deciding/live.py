"""What a live replication decides between its cycles: when the next one starts, whether to go on, whether a proof is due. Pure.

cycle        |====|          |=========|=====|        starts are an interval apart; after a cycle that was longer
interval     |---------------|------|------|          than it the next one starts at once
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_livedata.engine.errors import BadOption

LEVELS = ("listing", "checksum", "content")  # of verifications, each proving what the one before it proves, and more


@dataclass(frozen=True, slots=True)
class Pace:
    """How a live replication goes on.

    Args:
        interval_s: Seconds from the start of a cycle to the start of the next.
        duration_s: Seconds in which cycles start: 0 is one cycle, None goes on until told to stop.
        max_failures_in_row: Cycles that may fail one after the other before the whole run fails.
    """

    interval_s: float = 15
    duration_s: float | None = None
    max_failures_in_row: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.interval_s < float("inf"):
            raise BadOption("interval_s is a number of seconds above 0", interval_s=self.interval_s)
        if self.duration_s is not None and not 0 <= self.duration_s < float("inf"):
            raise BadOption("duration_s is a number of seconds, or empty for no end", duration_s=self.duration_s)
        if self.max_failures_in_row < 1:
            raise BadOption("max_failures_in_row is 1 or more", max_failures_in_row=self.max_failures_in_row)


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What a live replication carries from cycle to cycle, also while its task is not in any worker.

    Times are epoch milliseconds. ``until_ms``: no cycle starts then or later, None: no end. ``stop_mark``: what the stop file said when the run began, which asks others and not this
    run. ``as_of_ms``: of the newest checkpoint of this run, 0 before its first. ``last``: the summary of its last report.
    """

    began_ms: int
    until_ms: int | None = None
    stop_mark: str = ""
    cycle_began_ms: int = 0
    cycles: int = 0
    failed_cycles: int = 0
    failures_in_row: int = 0
    reason: str = ""  # of the last failure
    changes: int = 0
    copied_files: int = 0
    copied_bytes: int = 0
    deleted: int = 0
    as_of_ms: int = 0
    worst_lag_seconds: float = 0.0
    last_lag_seconds: float | None = None
    closed_until_ms: int = 0  # bytes may not be moved before
    last: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, now_ms: int, pace: Pace, stop_mark: str = "") -> LiveRun:
        """A run before its first cycle."""
        until_ms = None if pace.duration_s is None else now_ms + round(pace.duration_s * 1000)
        return cls(now_ms, until_ms, stop_mark)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LiveRun:
        """What ``to_json`` gave; what a newer version added is left out."""
        known = {one.name for one in dataclasses.fields(cls)}
        return cls(**{name: given for name, given in value.items() if name in known})

    def totals(self, now_ms: int) -> dict[str, Any]:
        """Over all cycles, for people and XCom."""
        names = (
            "cycles", "failed_cycles", "changes", "copied_files", "copied_bytes", "deleted", "worst_lag_seconds",
            "last_lag_seconds",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"seconds": round((now_ms - self.began_ms) / 1000, 3)}


def next_start_ms(run: LiveRun, pace: Pace, now_ms: int) -> int | None:
    """When the next cycle starts, ``now_ms`` or later; None: time is up. The first cycle always starts, once it may."""
    if not run.cycle_began_ms:
        return max(now_ms, run.closed_until_ms)
    start = max(now_ms, run.cycle_began_ms + round(pace.interval_s * 1000), run.closed_until_ms)
    return None if run.until_ms is not None and start >= run.until_ms else start


def is_told_to_stop(run: LiveRun, mark: str) -> bool:
    """Whether the stop file says something, and something else than when the run began."""
    return bool(mark) and mark != run.stop_mark


def has_failed_too_often(run: LiveRun, pace: Pace) -> bool:
    """Whether as many cycles as are borne failed one after the other."""
    return run.failures_in_row >= pace.max_failures_in_row


def after_cycle(run: LiveRun, began_ms: int, summary: Mapping[str, Any], now_ms: int) -> LiveRun:
    """The run after a cycle that ended well, with ``summary`` of its report."""
    return dataclasses.replace(
        _counted(run, began_ms, summary, now_ms), failures_in_row=0, as_of_ms=summary["as_of_ms"],
        last_lag_seconds=summary["lag_seconds"],
    )  # fmt: skip


def after_failure(run: LiveRun, began_ms: int, reason: str, summary: Mapping[str, Any] | None, now_ms: int) -> LiveRun:
    """The run after a cycle that failed; ``summary``: of its report, where it came so far."""
    counted = _counted(run, began_ms, summary or run.last, now_ms, is_new=summary is not None)
    lag = round((now_ms - run.as_of_ms) / 1000, 3) if run.as_of_ms else (summary or {}).get("lag_seconds")
    return dataclasses.replace(
        counted, failed_cycles=run.failed_cycles + 1, failures_in_row=run.failures_in_row + 1, reason=reason,
        changes=run.changes,  # they are found again by the next cycle, and counted there
        last_lag_seconds=run.last_lag_seconds if lag is None else lag,
    )  # fmt: skip


def due_level(
    proved_ms: Mapping[str, int], every_s: Mapping[str, float], now_ms: int, levels: Sequence[str] = LEVELS
) -> str | None:
    """The level at which a target is to be verified now, None when nothing is due.

    Args:
        proved_ms: When the target was last found intact, by level; a level is left out before its first proof.
        every_s: Seconds after which a level is due again; a level that is 0 or left out is never due.
        now_ms: Epoch milliseconds.
        levels: From the weakest to the strongest; a proof at one counts as a proof at all before it.

    Returns:
        The strongest level that is due, since its proof holds for the weaker ones too.
    """
    newest, due = 0, None
    for level in reversed(levels):
        newest = max(newest, proved_ms.get(level, 0))
        every = every_s.get(level, 0)
        if due is None and every > 0 and now_ms - newest >= every * 1000:
            due = level
    return due


def _counted(run: LiveRun, began_ms: int, summary: Mapping[str, Any], now_ms: int, *, is_new: bool = True) -> LiveRun:
    added = {
        name: getattr(run, name) + (summary[name] if is_new else 0)
        for name in ("changes", "copied_files", "copied_bytes", "deleted")
    }
    # Just before a checkpoint moves, the target is as old as it gets: as the one before it.
    lags = [run.worst_lag_seconds, (now_ms - run.as_of_ms) / 1000 if run.as_of_ms else 0.0]
    if is_new and summary.get("lag_seconds") is not None:
        lags.append(summary["lag_seconds"])
    return dataclasses.replace(
        run, cycle_began_ms=began_ms, cycles=run.cycles + 1, worst_lag_seconds=round(max(lags), 3), last=dict(summary),
        **added,
    )  # fmt: skip
