"""Carry a plan out: the target becomes what was planned, or is put back to what it was."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_livedata.engine.errors import LeaseLost, LiveDataError, PolicyRefused
from airflow_provider_livedata.engine.policies.base import PolicyTarget, kept_of
from airflow_provider_livedata.engine.policies.plan import RoleStep, Step, SyncPlan

log = logging.getLogger(__name__)
CHECK_EVERY = 20  # steps after which the lease is looked at again


@dataclass(slots=True)
class Applied:
    """What was done. ``left``: what is neither as it was nor as planned, after putting back failed as well; ``notes``: what may stay."""

    done: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class BatchFailed(Exception):
    """The plan could not be carried out; ``cause`` is why, and the target was put back unless ``Applied.left`` says otherwise."""

    def __init__(self, cause: LiveDataError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def apply(plan: SyncPlan[Step | RoleStep], target: PolicyTarget, check: Callable[[], None], applied: Applied) -> None:
    """Carry out all steps, in order. One that Ranger refuses as such, and that only allows, fails alone.

    Raises:
        BatchFailed: Any other failure.
    """
    undo: list[Step | RoleStep] = []
    try:
        for count, step in enumerate(plan.steps):
            if count % CHECK_EVERY == 0:
                check()
            _do_or_note(step, target, applied, undo)
    except LeaseLost as error:  # another run may be at work: nothing more is changed
        applied.left += [f"{step.action} of {step.name}: done" for step in undo]
        raise BatchFailed(error) from error
    except LiveDataError as error:
        _put_back(undo, target, applied)
        raise BatchFailed(error) from error


def _do_or_note(step: Step | RoleStep, target: PolicyTarget, applied: Applied, undo: list[Step | RoleStep]) -> None:
    # Before the attempt: what fails without an answer may have been done all the same.
    undo.append(step)
    try:
        undo[-1] = _do(step, target)
    except PolicyRefused as error:
        undo.pop()
        if isinstance(step, RoleStep) and step.after is None:
            applied.notes.append(f"role {step.name} stays: {error}")
            return
        if not step.fails_alone:
            raise
        applied.failures.append(f"{step.name}: {error}")
        return
    applied.done[step.done] += 1


def _do(step: Step | RoleStep, target: PolicyTarget) -> Step | RoleStep:
    """Do it; the step with the numbers by which it can be taken back."""
    if step.after is None:
        if step.before:
            target.delete(step.before)
        return step
    done: Any = target.create(step.after) if step.before is None else target.update(step.after)
    return replace(step, after=done)


def _put_back(undo: list[Step | RoleStep], target: PolicyTarget, applied: Applied) -> None:
    """Take the steps back, the last first; one that cannot be taken back does not stop the others."""
    for step in reversed(undo):
        try:
            _take_back(step, target)
        except LiveDataError as error:
            applied.left.append(f"{step.action} of {step.name}: {error}")
            log.warning("the %s of %s could not be taken back: %s", step.action, step.name, error)
    applied.done.clear()


def _take_back(step: Step | RoleStep, target: PolicyTarget) -> None:
    if step.before is None:
        made = step.after
        if made is not None and not made.number:  # it failed without an answer
            made = kept_of(target, made)
        if made is not None:
            target.delete(made)
    elif step.after is not None:
        target.update(step.before)
    elif kept_of(target, step.before) is None:  # else its delete failed without an answer, and did not take place
        target.create(step.before.as_new())
