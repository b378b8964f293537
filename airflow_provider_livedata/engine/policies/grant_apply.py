"""Grant and revoke, set filters and masks and remove them, as was planned: the target becomes that, or is put back to what it was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.errors import LeaseLost, LiveDataError, PolicyRefused
from airflow_provider_livedata.engine.policies.apply import Applied, BatchFailed
from airflow_provider_livedata.engine.policies.base import GrantTarget, GuardTarget
from airflow_provider_livedata.engine.policies.grant_plan import GrantPlan, GrantStep
from airflow_provider_livedata.engine.policies.guard_plan import GuardStep

log = logging.getLogger(__name__)
PAST = {"grant": "granted", "revoke": "revoked", "set": "set", "unset": "unset"}
OPPOSITE = {"grant": "revoke", "revoke": "grant"}
Batch = Sequence[GrantStep | GuardStep]  # of one action


def apply(
    plan: GrantPlan, target: GrantTarget, check: Callable[[], None], applied: Applied
) -> set[GrantStep | GuardStep]:
    """Carry out all steps, in order. A grant that is refused as such fails alone; returns what was done.

    Raises:
        BatchFailed: Any other failure.
    """
    doing = _Doing(target, plan.sync)
    undo: list[Batch] = []
    try:
        for batch in _batches(plan.steps, target.granted_a_call):
            check()
            doing.do(batch, applied, undo)
    except LeaseLost as error:  # another run may be at work: nothing more is changed
        applied.left += [f"{step.action} of {step.name}: done" for batch in undo for step in batch]
        raise BatchFailed(error) from error
    except LiveDataError as error:
        doing.put_back(undo, applied)
        raise BatchFailed(error) from error
    doing.tidy(plan.litter)
    return {step for batch in undo for step in batch}


def _batches(steps: Batch, most: int) -> Iterator[Batch]:
    for action, of_one in groupby(steps, key=lambda step: step.action):
        yield from batches(list(of_one), most if action in OPPOSITE else 1)


class _Doing:
    """Steps at a target."""

    def __init__(self, target: GrantTarget, sync: str) -> None:
        self._target, self._sync = target, sync

    def do(self, batch: Batch, applied: Applied, undo: list[Batch]) -> None:
        """Carry out steps of one action."""
        # Before the attempt: what fails without an answer, or half-way, may have been done all the same.
        undo.append(batch)
        refused = self._sent(batch)
        undo[-1] = [step for step in batch if step not in refused]
        applied.done[PAST[batch[0].action]] += len(undo[-1])
        for step, why in refused.items():
            if step.action == "revoke":
                raise PolicyRefused(f"{step.name} cannot be revoked: {why}")
            applied.failures.append(f"{step.name}: {why}")

    def put_back(self, undo: Sequence[Batch], applied: Applied) -> None:
        """Take all back, the last first; what cannot be taken back does not stop the rest."""
        for batch in reversed(undo):
            if not batch:
                continue
            try:
                left = self._sent(batch, is_back=True)
            except LiveDataError as error:
                left = {step: str(error) for step in batch}
            for step, why in left.items():
                applied.left.append(f"{step.action} of {step.name}: {why}")
                log.warning("the %s of %s could not be taken back: %s", step.action, step.name, why)
        applied.done.clear()

    def tidy(self, functions: Sequence[str]) -> None:
        """Remove what nothing asks; it may stay, and be removed by the next run."""
        if not functions or not isinstance(self._target, GuardTarget):
            return
        try:
            self._target.drop_functions(functions)
        except LiveDataError as error:
            log.warning("functions that nothing asks any more could not be dropped: %s", error)

    def _sent(self, batch: Batch, *, is_back: bool = False) -> Mapping[GrantStep | GuardStep, str]:
        grants = [step for step in batch if isinstance(step, GrantStep)]
        for step in batch:
            if isinstance(step, GuardStep):
                self._guard(step, is_back=is_back)
        if not grants:
            return {}
        action = OPPOSITE[grants[0].action] if is_back else grants[0].action
        call = self._target.grant if action == "grant" else self._target.revoke
        refused = call([step.permission for step in grants])
        return {step: refused[step.permission] for step in grants if step.permission in refused}

    def _guard(self, step: GuardStep, *, is_back: bool) -> None:
        if not isinstance(self._target, GuardTarget):
            raise TypeError(self._target)
        wanted = step.before if is_back else step.guard if step.action == "set" else None
        if wanted:
            self._target.set_guard(wanted, self._sync)
        else:
            self._target.unset_guard(step.guard.place)
