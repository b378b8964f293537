"""Grant and revoke what was planned: the target becomes that, or is put back to what it was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.errors import LeaseLost, LiveDataError, PolicyRefused
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed
from airflow_provider_livedata.engine.policies.base import GrantTarget
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, GrantStep

log = logging.getLogger(__name__)
PAST = {"grant": "granted", "revoke": "revoked"}
OPPOSITE = {"grant": "revoke", "revoke": "grant"}
Batch = Sequence[GrantStep]  # of one action


def apply(plan: GrantPlan, target: GrantTarget, check: Callable[[], None], applied: Applied) -> set[GrantStep]:
    """Carry out all steps, in order. A grant that is refused as such fails alone; returns what was done.

    Raises:
        BatchFailed: Any other failure.
    """
    undo: list[Batch] = []
    try:
        for batch in _batches(plan.steps, target.granted_a_call):
            check()
            _do(batch, target, applied, undo)
    except LeaseLost as error:  # another run may be at work: nothing more is changed
        applied.left += [f"{step.action} of {step.name}: done" for batch in undo for step in batch]
        raise BatchFailed(error) from error
    except LiveDataError as error:
        _put_back(undo, target, applied)
        raise BatchFailed(error) from error
    return {step for batch in undo for step in batch}


def _batches(steps: Sequence[GrantStep], most: int) -> Iterator[Batch]:
    for _, of_one in groupby(steps, key=lambda step: step.action):
        yield from batches(list(of_one), most)


def _do(batch: Batch, target: GrantTarget, applied: Applied, undo: list[Batch]) -> None:
    # Before the attempt: what fails without an answer, or half-way, may have been done all the same.
    undo.append(batch)
    refused = _sent(batch, batch[0].action, target)
    undo[-1] = [step for step in batch if step not in refused]
    applied.done[PAST[batch[0].action]] += len(undo[-1])
    for step, why in refused.items():
        if step.action == "revoke":
            raise PolicyRefused(f"{step.name} cannot be revoked: {why}")
        applied.failures.append(f"{step.name}: {why}")


def _sent(batch: Batch, action: str, target: GrantTarget) -> dict[GrantStep, str]:
    call = target.grant if action == "grant" else target.revoke
    refused = call([step.permission for step in batch])
    return {step: refused[step.permission] for step in batch if step.permission in refused}


def _put_back(undo: Sequence[Batch], target: GrantTarget, applied: Applied) -> None:
    """Take all back, the last first; what cannot be taken back does not stop the rest."""
    for batch in reversed(undo):
        if not batch:
            continue
        try:
            left = _sent(batch, OPPOSITE[batch[0].action], target)
        except LiveDataError as error:
            left = {step: str(error) for step in batch}
        for step, why in left.items():
            applied.left.append(f"{step.action} of {step.name}: {why}")
            log.warning("the %s of %s could not be taken back: %s", step.action, step.name, why)
    applied.done.clear()
