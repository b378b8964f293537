"""Publish a committed run: right after it was committed, or later in its place, from the target alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import PublishingCutOff, RunFailed, StagedBytesGone, StateDamaged
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import StagedFile
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.replication import committing
from airflow_provider_livedata.engine.replication.committing import Commit
from airflow_provider_livedata.engine.replication.finding import Known, known_of
from airflow_provider_livedata.engine.replication.keeping import freeze_target
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.planfile import Plan, unfinished_plan
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.timetable import Timetable
from airflow_provider_livedata.engine.transfer import bundles
from airflow_provider_livedata.engine.transfer.committed import Publishing
from airflow_provider_livedata.engine.transfer.route import Route, attribute_names
from airflow_provider_livedata.engine.transfer.staging import staged_files
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.base import Upload, Zone

log = logging.getLogger(__name__)
THREADS = 16


@dataclass(slots=True)
class Forward:
    """How a committed run is published: where, within which limits, and with what this process has at hand."""

    target: Zone
    allow: Callable[[], None]
    options: ReplicateOptions
    threads: int = THREADS
    uploads: dict[str, Upload] = field(default_factory=dict)
    files: Callable[[], Iterable[StagedFile]] | None = None  # None: as they are listed at the target
    is_again: bool = False  # in the place of a process that died
    is_alone: bool = False  # there is no source that could bring what was staged and is gone


def publish(commit: Commit, plan: Plan, journal: Journal, forward: Forward) -> Tally:
    """Let everything of the run appear; items that could not are counted and do not stop the others.

    Raises:
        LiveDataError: What no item can survive; see ``Transfer.run``.
    """
    state, run = journal.state, commit.run
    overwrites = forward.options.foreign == "replace"
    route = Route(
        forward.target, forward.target, Buffers(1 << 20), Bandwidth(Timetable.parse("")), None, forward.allow,
        exclusive=overwrites or forward.options.exclusive, preserve=attribute_names(commit.checkpoint.preserve),
    )  # fmt: skip
    with Progress("publish", every_s=forward.options.progress_s) as progress:
        publishing = Publishing(
            route, journal, progress, forward.threads,
            files=forward.files or (lambda: staged_files(state, commit.staged)),
            uploads=forward.uploads,
            unsettled=frozenset(commit.checkpoint.unsettled),
            overwrites=overwrites,
            is_passed=lambda phase: forward.is_again and committing.is_passed(state, run, phase),
            pass_=lambda phase: committing.pass_phase(state, run, phase),
        )  # fmt: skip
        return publishing.run(plan.steps)


def roll_forward(known: Known, forward: Forward) -> Checkpoint | None:
    """Publish what an earlier run had committed and not finished, from the target alone; None where there is no such run.

    A run of whose staged bytes some are gone is abandoned: None, and the next plan finds what it was to bring.

    Raises:
        PublishingCutOff: Some of it cannot appear, since someone else wrote meanwhile, or, with ``is_alone``, since staged bytes are
            gone; the message says what to do.
        RunFailed: Some of it did not appear; worth another try.
    """
    commit = committing.pending(known.state, known.unfinished)
    if commit is None:
        return None
    log.warning("run %s was committed and not finished: it is published now, from the target alone", commit.run)
    plan = _plan_of(known.state, commit)
    journal = Journal(known.state, commit.run, goes_on=True)
    tally = publish(commit, plan, journal, replace(forward, is_again=True))
    if tally.failed:
        _give_up(known.state, commit, tally, is_alone=forward.is_alone)
        return None
    everything = known_of(known.state)
    done = replace(commit.checkpoint, target_snapshot=freeze_target(forward.target, commit.checkpoint, forward.options))
    rows = overlay(everything.journals, with_gone=True)
    done = committing.conclude(known.state, done, known.checkpoint, rows, forward.allow)
    bundles.sweep(known.state)
    return done


def _first_of(tally: Tally) -> Mapping[str, object]:
    return {"failed": tally.failed, "first": tally.failures[0].path, "reason": tally.failures[0].reason}


def _plan_of(state: StateFolder, commit: Commit) -> Plan:
    plan = unfinished_plan(state, f"runs/{commit.run:012d}/plan")
    if plan is None or plan.digest != commit.plan_digest:
        raise StateDamaged("the plan of a committed run is not the one that was committed", run=commit.run,
                           file=state.address(f"runs/{commit.run:012d}/plan/plan.json"))  # fmt: skip
    return plan


def _give_up(state: StateFolder, commit: Commit, tally: Tally, *, is_alone: bool) -> None:
    if any(failure.retryable for failure in tally.failures):
        raise RunFailed(
            "a run that was committed earlier could not be published wholly; run again",
            run=commit.run,
            **_first_of(tally),
        )
    if any(failure.error != StagedBytesGone.__name__ for failure in tally.failures):
        raise PublishingCutOff(
            f"run {commit.run} was committed earlier and cannot be published wholly; the target is between its state and the one "
            "before; do what the reason says and run again",
            **_first_of(tally),
        )
    if is_alone:
        raise PublishingCutOff(
            f"run {commit.run} was committed, and files that it had staged were removed since, so the target cannot be brought to one "
            "state from itself; run a replication if the source can be had back, or remove the commit to go on with files of two "
            "states side by side, which the report then lists",
            commit=state.address(f"runs/{commit.run:012d}/commit.json"), **_first_of(tally),
        )  # fmt: skip
    why = f"{tally.failed} of its staged files are gone, first {tally.failures[0].path}"
    log.warning("run %s is abandoned: %s; what it was to bring comes from the source instead", commit.run, why)
    committing.abandon(state, commit.run, why)
