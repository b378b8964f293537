"""How a target stands, read from its ``.livedata`` alone: how old it is, when it was last proved, whether live runs are to stop."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from airflow_provider_livedata.engine import clock
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.units import human_seconds, moment
from airflow_provider_livedata.engine.zones.base import Zone

STOP = "stop.json"
REPORTS_READ = 100  # as many as are kept
TOUCHED: dict[str, Any] = {
    "partitions": (),
    "has_more_partitions": True,
    "changes_elsewhere": True,
}  # where it is not known
COUNTS = ("changes", "copied_files", "copied_bytes", "renamed", "deleted", "skipped", "failed", "unsettled")


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a target is behind its source. Times are epoch milliseconds.

    Args:
        target: Its address.
        source: What it is a copy of, "" before the first checkpoint.
        run: Number of the newest checkpoint, 0 before the first.
        snapshot: Of the source, "" where that has none.
        as_of_ms: The instant, where the data are written, that the target is a copy of, 0 before the first checkpoint.
        committed_ms: When that copy was complete.
        lag_s: Now minus ``as_of_ms``; None before the first checkpoint.
        report: Address of that run's report.
        checkpoint: Address of the checkpoint itself.
        last_contact_ms: When a run last reached both source and target, 0 before the first.
    """

    target: str
    source: str = ""
    run: int = 0
    snapshot: str = ""
    as_of_ms: int = 0
    committed_ms: int = 0
    lag_s: float | None = None
    report: str = ""
    checkpoint: str = ""
    last_contact_ms: int = 0

    def text(self) -> str:
        """One line for people: lag, last checkpoint, last contact."""
        contact = f"last contact {moment(self.last_contact_ms)}" if self.last_contact_ms else "never reached by a run"
        if self.lag_s is None:
            return f"{self.target} has no checkpoint: nothing was ever copied completely; {contact}"
        return f"{self.target} lags {human_seconds(self.lag_s)}: checkpoint {self.run}, as of {moment(self.as_of_ms)}; {contact}"


def lag(target: Zone | str, *, now_ms: int | None = None) -> Lag:
    """How far a target is behind, by its newest checkpoint. The source is not asked: it may be gone.

    Args:
        target: A target of replications.
        now_ms: Epoch milliseconds, by default now.

    Raises:
        StateDamaged: The newest checkpoint cannot be read.
        ZoneError: The target does not answer, or refuses.
    """
    with opened(target) as zone:
        state, address = StateFolder(zone), str(zone.address)
        newest = checkpoints.latest(state)
        contact = _last_contact(state)
    if newest is None:
        return Lag(address, last_contact_ms=contact)
    now = clock.now_ms() if now_ms is None else now_ms
    name = f"{newest.run:012d}"
    return Lag(
        address, newest.source, newest.run, newest.snapshot, newest.origin_ms, newest.committed_ms,
        round((now - newest.origin_ms) / 1000, 3), state.address(f"runs/{name}/report.json"),
        state.address(f"checkpoint/{name}.json"), max(contact, newest.as_of_ms),
    )  # fmt: skip


def newest_run(target: Zone | str) -> int:
    """The number of the run that made a target's newest checkpoint, 0 before the first. The cheapest look there is."""
    with opened(target) as zone:
        return checkpoints.newest(StateFolder(zone))


def completed(
    target: Zone | str, *, after: int | None = None, even_without_report: bool = True
) -> list[dict[str, Any]]:
    """The runs that ended with a checkpoint, oldest first: a summary each, as plain values.

    Args:
        target: A target of replications.
        after: Only runs with a higher number; None: only the newest.
        even_without_report: The newest one too when its report is not there: it is written just after the checkpoint, and never
            when the process died between the two. Its counts are None then.

    Returns:
        ``run``, ``source``, ``target``, ``snapshot``, ``as_of_ms``, ``lag_seconds`` (as it was when the run ended), the counts
        of ``COUNTS``, ``partitions`` and what else is in ``TOUCHED``, ``report`` and ``checkpoint`` (addresses). Of runs that long ago that their reports are gone nothing is told.

    Raises:
        As ``lag``.
    """
    with opened(target) as zone:
        state = StateFolder(zone)
        newest = checkpoints.newest(state)
        if not newest or (after is not None and newest <= after):
            return []
        first = newest if after is None else max(after + 1, newest - REPORTS_READ + 1)
        found = [_completed(state, run) for run in range(first, newest)]
        last = _completed(state, newest) or (_without_report(state) if even_without_report else None)
        return [one for one in (*found, last) if one is not None]


def _completed(state: StateFolder, run: int) -> dict[str, Any] | None:
    name = f"runs/{run:012d}/report.json"
    report = state.read_json(name)
    if report is None or report.get("state") != "done":
        return None
    told = ("run", "source", "target", "snapshot", "as_of_ms", "lag_seconds", *COUNTS)
    touched = {one: report.get(one, unknown) for one, unknown in TOUCHED.items()}
    return {one: report.get(one) for one in told} | touched | {
        "report": state.address(name), "checkpoint": state.address(f"checkpoint/{run:012d}.json"),
    }  # fmt: skip


def _without_report(state: StateFolder) -> dict[str, Any] | None:
    newest = checkpoints.latest(state)
    if newest is None:
        return None
    told = {one: getattr(newest, one) for one in ("run", "source", "target", "snapshot", "as_of_ms")}
    lag_seconds = round((newest.committed_ms - newest.origin_ms) / 1000, 3)
    return told | dict.fromkeys(COUNTS) | TOUCHED | {
        "lag_seconds": lag_seconds, "report": "", "checkpoint": state.address(f"checkpoint/{newest.run:012d}.json"),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proof:
    """A verification that found a target intact: what was copied is there, whatever the source did since."""

    level: str
    at_ms: int  # when it began, epoch milliseconds
    checkpoint: int
    report: str


def proofs(target: Zone | str) -> dict[str, Proof]:
    """The newest proof of a target at each level that has one, by the reports of verifications that are kept.

    Raises:
        StateDamaged: Such a report cannot be read.
        ZoneError: The target does not answer, or refuses.
    """
    with opened(target) as zone:
        state = StateFolder(zone)
        newest_first = sorted((entry.path for entry in state.files("verify")), reverse=True)
        found: dict[str, Proof] = {}
        for name in newest_first:
            _, _, level = name.rpartition("/")[2].removesuffix(".json").partition("-")
            if level not in found and (proof := _proof(state, name)) is not None:
                found[level] = proof
        return found


def _proof(state: StateFolder, name: str) -> Proof | None:
    report = state.read_json(name)
    if report is None or report.get("dry_run") or set(report["difference_kinds"]) - {"changed at source"}:
        return None
    return Proof(report["level"], report["started_ms"], report["checkpoint"], state.address(name))


def stop_live(target: Zone | str, *, by: str = "", why: str = "") -> str:
    """Ask the live replication that is under way into a target to stop before its next cycle; returns the file's address.

    A live replication that begins later is not concerned.
    """
    with opened(target) as zone:
        state = StateFolder(zone)
        state.write_json(STOP, {"format": 1, "asked_ms": clock.now_ms(), "by": by, "why": why})
        return state.address(STOP)


def stop_mark(target: Zone | str) -> str:
    """What names the present contents of the stop file, "" where there is none. Any contents will do, written by anyone."""
    with opened(target) as zone:
        data = StateFolder(zone).read(STOP)
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _last_contact(state: StateFolder) -> int:
    # A run writes down its intent once source and target have both answered.
    for run in reversed(state.runs()):
        intent = state.read_json(f"runs/{run:012d}/intent.json")
        if intent is not None:  # else it was cut off before, and left an empty folder
            return int(intent.get("started_ms") or 0)
    return 0
