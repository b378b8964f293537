"""Carry out a plan: what one object's failure stops is that object alone; a metastore that is gone stops the run.

Nothing here touches data. Each step may be repeated, and marks are written last, so a run that was cut off is ended by the next one:
constraints and statistics that have not followed yet leave the mark "pending".
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    MetastoreRefused,
    ObjectExists,
    ObjectMissing,
    PartitionsRefused,
)
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.base import Catalogue, CatalogueTarget
from airflow_provider_livedata.engine.metastore.compare import partitions_a_call
from airflow_provider_livedata.engine.metastore.model import Constraint, Partition, Table
from airflow_provider_livedata.engine.metastore.plan import Action, CataloguePlan, TablePlan
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.metastore.wanted import Refused, wanted_partition

log = logging.getLogger(__name__)
_PAST = {"create": "created", "alter": "altered", "recreate": "made anew", "drop": "dropped"}


@dataclass(slots=True)
class Applied:
    """What was done: counts such as ``created tables``; failures as ``name: why``; functions that are there now."""

    done: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    again: set[tuple[str, str]] = field(default_factory=set)  # tables of which something failed
    of_tables: int = 0  # failures that ``again`` covers


class Application:
    """One run of a plan; ``check`` is called before each batch and raises when this run may not go on."""

    def __init__(
        self, source: Catalogue, target: CatalogueTarget, options: SyncOptions, check: Callable[[], None] = lambda: None
    ) -> None:
        self.source, self.target, self.options, self.check = source, target, options, check
        self.applied = Applied()
        # Foreign keys need the tables that they name: they come last, and then the marks of their tables, where those are pending.
        self._later: list[tuple[Table, list[Constraint], bool]] = []

    def run(self, plan: CataloguePlan) -> Applied:
        """Do it.

        Raises:
            MetastoreUnreachable: What was done until then is done.
        """
        for action, database in plan.databases:
            if action in {"create", "alter"}:
                call = self.target.create_database if action == "create" else self.target.alter_database
                self._try(database.name, f"{_PAST[action]} databases", partial(call, database))
        for one in plan.tables:
            self._table(one)
        self._foreign_keys()
        for action, function in plan.functions:
            does = self.target.drop_function if action == "drop" else self.target.put_function
            name = f"function {function.full_name}"
            self._try(name, f"{_PAST[action]} functions", partial(does, function))
        for table in plan.dropped_tables:
            self._try(table.full_name, "dropped tables", partial(self._drop, table))
        for name in plan.dropped_databases:
            self._drop_database(name)
        return self.applied

    # ---- tables

    def _table(self, one: TablePlan) -> None:
        before = len(self.applied.failures)
        self._table_and_partitions(one)
        self._look_again(one.source, len(self.applied.failures) - before)

    def _table_and_partitions(self, one: TablePlan) -> None:
        if not self._try(one.source.full_name, "", lambda: self._define(one)):
            return
        for names, doing, past in (
            (one.add, self.target.add_partitions, "added"),
            (one.alter, self.target.alter_partitions, "altered"),
        ):
            for batch in self._batches(one, names):
                what = f"{one.source.full_name}, partitions {batch[0]} to {batch[-1]}"
                self._try(what, "", partial(self._partitions, one, batch, doing, past))
        for batch in self._batches(one, one.drop):
            what = f"{one.source.full_name}, partitions {batch[0]} to {batch[-1]}"
            self._try(what, "", partial(self._drop_partitions, one, batch))

    def _batches(self, one: TablePlan, names: Sequence[str]) -> Iterator[Sequence[str]]:
        size = min(partitions_a_call(self.source, one.source), partitions_a_call(self.target, one.source))
        return batches(names, size)

    def _define(self, one: TablePlan) -> None:
        constraints, statistics = self._details(one)
        if one.action == "nothing" and not one.has_details:
            return
        has_more = bool(constraints or statistics)
        action = self._write(one, diff.marked(one.wanted, is_pending=has_more))
        if action == "recreate" != one.action:  # nothing is left of what it had
            constraints, statistics = self._details(one)
        added = self._constrain(one, constraints, is_new=action in {"create", "recreate"}) if one.has_details else []
        if statistics:
            self.target.put_statistics(one.wanted, {None: statistics})
        is_pending = has_more and action != "nothing"
        if added:
            self._later.append((one.wanted, added, is_pending))
        elif is_pending:
            self.target.alter_table(diff.marked(one.wanted))
        if action != "nothing":
            self.applied.done[f"{_PAST[action]} {'views' if one.wanted.kind == 'view' else 'tables'}"] += 1

    def _write(self, one: TablePlan, table: Table) -> Action:
        """Create or alter the table; what was done in the end."""
        if one.action == "create":
            self.target.create_table(table)
        elif one.action == "alter":
            try:
                self.target.alter_table(table)
            except MetastoreRefused as error:
                if not self.target.facts.makes_anew:
                    raise
                # Such as a type that the server holds to be incompatible. No data go with it, so it is made anew.
                log.info("%s is made anew, since altering was refused: %s", table.full_name, error)
                self._plan_anew(one)
                return self._anew(table)
        elif one.action == "recreate":
            return self._anew(table)
        return one.action

    def _plan_anew(self, one: TablePlan) -> None:
        """With the partitions that it had and those that were to come, not those whose data the target waits for; with all constraints."""
        if one.source.partition_columns:
            wanted = {*self.target.partition_names(one.wanted), *one.add} - set(one.drop)
            one.add = [name for name in self.source.partition_names(one.source) if name in wanted]
        one.alter, one.drop, one.has_same_constraints = [], [], False

    def _anew(self, table: Table) -> Action:
        self._drop(table)
        self.target.create_table(table)
        return "recreate"

    def _drop(self, table: Table) -> None:
        try:
            self.target.drop_table(table)
        except ObjectMissing:
            log.info("%s was dropped already", table.full_name)

    def _drop_database(self, name: str) -> None:
        left = self.target.table_names(name)
        if left:
            self.applied.notes.append(
                f"database {name} stays: it holds what no sync registered ({', '.join(left[:5])})"
            )
            return
        self._try(name, "dropped databases", lambda: self.target.drop_database(name))

    # ---- constraints and statistics

    def _details(self, one: TablePlan) -> tuple[list[Constraint], Any]:
        if not one.has_details or one.source.kind == "view":
            return [], ()
        takes = self.target.facts.takes
        constraints = [] if one.has_same_constraints else self.source.constraints(one.source)
        if constraints and "constraints" not in takes:
            why = self.target.facts.lacks.get("constraints", "the target takes none")
            names = ", ".join(constraint.name for constraint in constraints)
            self.applied.notes.append(f"{one.source.full_name}: constraints are left out ({names}): {why}")
            constraints = []
        columns = diff.columns_with_statistics(one.source.parameters) if "statistics" in takes else ()
        statistics = self.source.statistics(one.source, columns, None).get(None, ()) if columns else ()
        return constraints, statistics

    def _constrain(self, one: TablePlan, constraints: list[Constraint], *, is_new: bool) -> list[Constraint]:
        """Set the constraints but for foreign keys; returns those."""
        if "constraints" not in self.target.facts.takes or one.source.kind == "view" or one.has_same_constraints:
            return []
        found = [] if is_new else self.target.constraints(one.wanted)
        added, dropped = diff.constraint_changes(constraints, found)
        for name in dropped:
            self.target.drop_constraint(one.wanted, name)
        self.target.add_constraints(
            one.wanted, [constraint for constraint in added if constraint.kind != "foreign key"]
        )
        self.applied.done["constraints set"] += len(added)
        return [constraint for constraint in added if constraint.kind == "foreign key"]

    def _foreign_keys(self) -> None:
        for table, keys, is_pending in self._later:
            name = f"{table.full_name}, foreign key {', '.join(key.name for key in keys)}"
            if not self._try(name, "", partial(self._add_keys, table, keys, is_pending=is_pending)):
                self._look_again(table, 1)

    def _add_keys(self, table: Table, keys: list[Constraint], *, is_pending: bool) -> None:
        self.target.add_constraints(table, keys)
        if is_pending:
            self.target.alter_table(diff.marked(table))

    # ---- partitions

    def _partitions(
        self, one: TablePlan, names: Sequence[str], doing: Callable[[Table, list[Partition]], None], past: str
    ) -> None:
        wanted: dict[str, Partition] = {}
        for name, partition in self.source.partitions(
            one.source, names
        ).items():  # what is gone meanwhile is seen by the next sync
            made = wanted_partition(partition, self.options.mapping, keeps_unmapped=self.options.unmapped == "keep")
            why = made.why if isinstance(made, Refused) else self.target.facts.refuses(one.wanted, made[0])
            if isinstance(made, Refused) or why:
                self.applied.notes.append(f"{one.source.full_name}/{name} is left out: {why}")
            else:
                wanted[name] = self.target.facts.fit(made[0])[0]
        statistics = self._partition_statistics(one, wanted)
        pending = {name: diff.marked(partition, is_pending=name in statistics) for name, partition in wanted.items()}
        refused = self._refused(one, lambda: doing(one.wanted, list(pending.values()))) if pending else 0
        if statistics:
            self.target.put_statistics(one.wanted, statistics)
            self.target.alter_partitions(
                one.wanted, [diff.marked(wanted[name]) for name in statistics if name is not None]
            )
        self.applied.done[f"{past} partitions"] += len(pending) - refused

    def _drop_partitions(self, one: TablePlan, names: Sequence[str]) -> None:
        refused = self._refused(one, lambda: self.target.drop_partitions(one.wanted, names))
        self.applied.done["dropped partitions"] += len(names) - refused

    def _refused(self, one: TablePlan, does: Callable[[], None]) -> int:
        """How many partitions of a batch the target refuses, each a failure of its own; the others are done."""
        try:
            does()
        except PartitionsRefused as error:
            for name, why in error.where["refused"].items():
                log.warning("%s/%s was refused: %s", one.source.full_name, name, why)
                self.applied.failures.append(f"{one.source.full_name}/{name}: {why}")
            return len(error.where["refused"])
        return 0

    def _partition_statistics(self, one: TablePlan, wanted: dict[str, Partition]) -> dict[str | None, Any]:
        if self.options.details == "none" or "statistics" not in self.target.facts.takes:
            return {}
        columns = {name: diff.columns_with_statistics(partition.parameters) for name, partition in wanted.items()}
        asked = [name for name, found in columns.items() if found]
        if not asked:
            return {}
        every = sorted({column for found in columns.values() for column in found})
        told = self.source.statistics(one.source, every, asked)
        return {name: found for name, found in told.items() if found}

    def _look_again(self, table: Table, failures: int) -> None:
        if failures:
            self.applied.again.add((table.database, table.name))
            self.applied.of_tables += failures

    def _try(self, name: str, what: str, does: Callable[[], None], count: int = 1) -> bool:
        self.check()
        try:
            does()
        except ObjectExists as error:
            self._fail(name, error, "somebody made it meanwhile; run the sync again")
        except LiveDataError as error:
            if error.retryable:
                raise
            self._fail(name, error, "")
        else:
            if what:
                self.applied.done[what] += count
            return True
        return False

    def _fail(self, name: str, error: LiveDataError, hint: str) -> None:
        log.error("%s failed: %s", name, error)
        self.applied.failures.append(f"{name}: {error.args[0]}{'; ' + hint if hint else ''}")
