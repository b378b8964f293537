"""The two durable steps at the end of a run: that everything is staged, and that everything has appeared.

runs/<n>/commit.json      all that the run brings is staged: from here on it is carried forward, by whoever comes next
runs/<n>/passed-<phase>   a phase of publishing that must not be carried out twice has ended
checkpoint/<n>.json       all of it has appeared
runs/<n>/abandoned.json   a committed run that can no longer be carried forward, and why
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Held, Phase
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.state import StateFolder

FORMAT = 1
HELD = "stage/held"  # folder of what renames put aside, by run


@dataclass(frozen=True, slots=True)
class Commit:
    """A run whose bytes are all at the target. ``checkpoint``: what it will be, without its manifest. ``staged``: names of the lists of staged files."""

    checkpoint: Checkpoint
    plan_digest: str
    staged: tuple[str, ...]

    @property
    def run(self) -> int:
        """Its number."""
        return self.checkpoint.run


def commit(state: StateFolder, value: Commit) -> None:
    """Write it, create-only: the old state before, always forward after.

    Raises:
        AlreadyExists: The run has been committed before.
    """
    state.write_json(_name(value.run), {"format": FORMAT, **asdict(value)}, create_only=True)


def pending(state: StateFolder, runs: Iterable[int]) -> Commit | None:
    """The commit of the newest of these runs that has one and was not abandoned; None: nothing is to be carried forward.

    Raises:
        StateDamaged: It cannot be read.
    """
    for run in sorted(runs, reverse=True):
        value = state.read_json(_name(run))
        if value is not None and state.read_json(_abandoned(run)) is None:
            return _commit_from(value, state.address(_name(run)))
    return None


def may_have_moved(state: StateFolder, run: int) -> bool:
    """Whether a run that stages may have moved files: it was committed, or had begun to publish before somebody took its commit away."""
    has_begun = is_passed(state, run, "hold") or any(True for _ in state.files(f"{HELD}/{run:012d}"))
    return has_begun or state.read_json(_name(run)) is not None


def abandon(state: StateFolder, run: int, why: str) -> None:
    """Give a committed run up: what it was to bring is found by the plan of the next one."""
    state.write_json(_abandoned(run), {"format": FORMAT, "run": run, "why": why})


def pass_phase(state: StateFolder, run: int, phase: Phase) -> None:
    """Note that a phase was carried out to its end."""
    state.write_json(_passed(run, phase), {"format": FORMAT, "run": run, "phase": phase})


def is_passed(state: StateFolder, run: int, phase: Phase) -> bool:
    """Whether that was noted."""
    return state.read_json(_passed(run, phase)) is not None


def conclude(
    state: StateFolder, done: Checkpoint, base: Checkpoint | None, rows: Iterable[Held], allow: Callable[[], None]
) -> Checkpoint:
    """Write the manifest, then the checkpoint ``done`` with it; returns it as written.

    Args:
        state: Of the target.
        done: All but the manifest.
        base: The checkpoint before it.
        rows: What changed since that, in key order, with what is gone.
        allow: Raises when this run may change nothing any more.
    """
    allow()
    generations = manifests.grown(state, done.run, base.generations if base else (), rows)
    done = replace(done, generations=generations)
    allow()
    checkpoints.commit(state, done)
    return done


def _commit_from(value: dict[str, Any], name: str) -> Commit:
    if value.get("format") != FORMAT:
        raise StateDamaged(
            f"a commit has format {value.get('format')!r}, not {FORMAT}; use the version that wrote it", file=name
        )
    try:
        checkpoint = Checkpoint.from_json(value["checkpoint"], name=name)
        return Commit(checkpoint, value["plan_digest"], tuple(value["staged"]))
    except (KeyError, TypeError) as error:
        raise StateDamaged(f"a commit is not complete: {error}", file=name) from error


def _name(run: int) -> str:
    return f"runs/{run:012d}/commit.json"


def _abandoned(run: int) -> str:
    return f"runs/{run:012d}/abandoned.json"


def _passed(run: int, phase: Phase) -> str:
    return f"runs/{run:012d}/passed-{phase}.json"
