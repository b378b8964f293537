"""Write down what is to be done to either side, and every conflict, before anything is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.deciding.guard import guard
from airflow_provider_livedata.engine.deciding.policy import Policy
from airflow_provider_livedata.engine.deciding.totals import EXAMPLES
from airflow_provider_livedata.engine.errors import RunRefused
from airflow_provider_livedata.engine.stored.planfile import Plan, PlanWriter
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.two_way.acting import Accounts, Act, Rules
from airflow_provider_livedata.engine.two_way.changes import Pair, Side, judge
from airflow_provider_livedata.engine.two_way.merging import Merger
from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
from airflow_provider_livedata.engine.two_way.probing import Probing
from airflow_provider_livedata.engine.two_way.report import KEPT, TwoWayReport
from airflow_provider_livedata.engine.two_way.settling import Conflict, other
from airflow_provider_livedata.engine.two_way.stored import SIDES

CONFLICTS_A_FILE = 10_000


@dataclass(slots=True)
class Planned:
    """The plan of each side, the one that is changed by it, and what was decided on the way."""

    plans: dict[Side, Plan]
    merger: Merger


@dataclass(slots=True)
class Planning:
    """Writes plans of a run into ``folder``, conflicts beside ``conflicts_in``, and what they amount to into ``report``."""

    state: StateFolder
    folder: str
    conflicts_in: str
    rules: Rules
    report: TwoWayReport
    _lines: list[str] = field(default_factory=list)
    _files: int = 0

    def write(self, pairs: Iterator[Pair], probing: Probing) -> Planned:
        """Decide about every pair, and write it down."""
        merger = Merger(Accounts(self.rules))
        writers = {side: PlanWriter(self.state, f"{self.folder}/{side}/plan") for side in SIDES}
        judged = (judge(pair, self.rules.compared) for pair in pairs)
        for act in merger.acts(probing.probed(judged)):
            if isinstance(act, Act):
                writers[act.side].write([act.step])
            else:
                self._note(act)
        self._flush()
        plans = {side: self._closed(side, writers[side], merger) for side in SIDES}
        self._account(merger, probing)
        return Planned(plans, merger)

    def _closed(self, side: Side, writer: PlanWriter, merger: Merger) -> Plan:
        totals, report = merger.accounts.totals[side], self.report.of(side)
        about = {"source": self.report.of(other(side)).address, "target": report.address}
        plan = writer.close(totals, about)
        report.plan, report.plan_digest, report.planned = plan.address, plan.digest, dict(totals.reasons)
        return plan

    def _note(self, conflict: Conflict) -> None:
        report = self.report
        report.conflicts += 1
        report.unsettled_conflicts += not conflict.loser
        if len(report.conflict_list) < KEPT:
            report.conflict_list.append(conflict)
        self._lines.append(json.dumps(conflict.to_json(), ensure_ascii=False))
        if len(self._lines) >= CONFLICTS_A_FILE:
            self._flush()

    def _flush(self) -> None:
        if self._lines:
            name = f"{self.conflicts_in}-conflicts-{self._files:06d}.jsonl"
            self.state.write(name, ("\n".join(self._lines) + "\n").encode())
            self.report.conflicts_at = self.report.conflicts_at or self.state.address(name)
            self._lines, self._files = [], self._files + 1

    def _account(self, merger: Merger, probing: Probing) -> None:
        report = self.report
        report.compared_bytes = probing.read_bytes
        report.rescued, report.rescued_examples = merger.accounts.rescued, merger.accounts.rescued_examples
        for side in SIDES:
            totals = merger.accounts.totals[side]
            report.changes += totals.changes
            report.not_copied += totals.unholdable_examples
            room = EXAMPLES - len(report.changed_examples)
            name = self.rules.name_of(side)
            report.changed_examples += [f"{name}: {example}" for example in totals.changed_examples[:room]]


def guard_both(planned: Planned, rules: Rules, options: TwoWayOptions) -> None:
    """Stop a plan that nobody can have meant, on either side.

    Raises:
        CannotHold, SourceEmpty, TooManyDeletes: Naming the side that gives, and the one that would be changed.
    """
    how = options.how
    for side in SIDES:
        policy = Policy(rules.facts_of(side), rules.compared, "stop", how.max_delete_ratio, how.skip_unholdable)
        try:
            guard(planned.merger.accounts.totals[side], policy)
        except RunRefused as error:
            error.where |= {"source": rules.name_of(other(side)), "target": rules.name_of(side)}
            raise


def unseen(planned: Planned, files: int, size_bytes: int) -> None:
    """Count what a partial look did not look at, which both sides hold."""
    for totals in planned.merger.accounts.totals.values():
        totals.unseen_files, totals.unseen_bytes = files, size_bytes
