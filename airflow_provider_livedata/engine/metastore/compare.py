"""Compare two catalogues, in batches, and make the plan that makes the target what the source is. Reads alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.base import Catalogue
from airflow_provider_livedata.engine.metastore.locations import data_location
from airflow_provider_livedata.engine.metastore.model import Function, Partition, Table
from airflow_provider_livedata.engine.metastore.plan import Action, CataloguePlan, TablePlan, note
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.metastore.wanted import (
    CONVERTED,
    Refused,
    wanted_database,
    wanted_function,
    wanted_partition,
    wanted_table,
)

COLUMNS_A_CALL = 200_000  # of all partitions of a call together: tables with very many columns take smaller batches
Scope = Mapping[tuple[str, str], frozenset[str] | None]  # tables that may have changed; None: all of their partitions
HasData = Callable[[Iterable[str]], frozenset[str]]  # those locations of the source whose files have arrived


class Comparison:
    """One comparison; ``plan`` is its result. With a ``scope`` only the databases and tables that it names are looked at.

    ``has_data`` says which locations may be registered; ``waits`` names tables that changed too late for that. Functions carry no
    marks: ``put_functions`` are those that earlier syncs put. ``constrained`` names the tables whose constraints may have changed; None:
    it is not known.
    """

    def __init__(
        self, source: Catalogue, target: Catalogue, options: SyncOptions, *, scope: Scope | None = None,
        databases: frozenset[str] = frozenset(), has_data: HasData = frozenset, waits: Scope | None = None,
        put_functions: frozenset[str] = frozenset(), constrained: frozenset[tuple[str, str]] | None = None,
    ) -> None:  # fmt: skip
        self.source, self.target, self.options = source, target, options
        self.scope, self.named = scope, databases
        self.has_data, self.waits, self.put_functions = has_data, waits or {}, put_functions
        self.constrained = constrained
        self.plan = CataloguePlan()
        self._keeps = options.unmapped == "keep"
        self._seen: set[str] = set()  # tables of the database at hand that the source has
        self._fit, self._refuses = target.facts.fit, target.facts.refuses
        self._lost: Counter[str] = Counter()  # of the partitions of the table at hand: what does not fit

    def run(self) -> CataloguePlan:
        """Compare everything that takes part.

        Raises:
            BadInput: What the source tells is not enough to make a table elsewhere.
        """
        if not self.source.facts.is_source:
            raise BadInput(f"a catalogue of kind {self.source.facts.kind!r} is a target alone", source=self.source.name)
        theirs = {name.lower() for name in self.source.database_names() if self.options.takes_database(name)}
        ours = {name.lower() for name in self.target.database_names() if self.options.takes_database(name)}
        for name in sorted(theirs | ours):
            if self.scope is None or name in self.named or any(database == name for database, _ in self.scope):
                self._database(name, is_at_source=name in theirs, is_at_target=name in ours)
        self._functions()
        return self.plan

    def _database(self, name: str, *, is_at_source: bool, is_at_target: bool) -> None:
        if is_at_source:
            self.plan.compared["databases"] += 1
            if name != "default" and (self.scope is None or name in self.named or not is_at_target):
                self._describe(name, is_at_target=is_at_target)
        self._seen = set()
        theirs = set(self._names(self.source, name) if is_at_source else ())
        ours = set(self._names(self.target, name) if is_at_target else ())
        for batch in batches(sorted(theirs), self.source.facts.tables_a_call):
            self._tables(name, batch, ours)
        gone = sorted(ours - self._seen)
        for batch in batches(gone, self.target.facts.tables_a_call):
            for table in self.target.tables(name, batch):
                self._gone(table)
        if not is_at_source and name != "default" and (self.scope is None or name in self.named):
            self._database_gone(name)

    def _names(self, catalogue: Catalogue, database: str) -> Iterator[str]:
        if self.scope is None or database in self.named:
            listed = [name.lower() for name in catalogue.table_names(database)]
        else:  # what is not there will not be told
            listed = [table for name, table in self.scope if name == database]
        return (name for name in listed if self.options.takes(database, name))

    def _describe(self, name: str, *, is_at_target: bool) -> None:
        told = self.source.database(name)
        if told is None:
            return
        wanted, notes = wanted_database(told, self.options.mapping)
        found = self.target.database(name) if is_at_target else None
        wanted, lost = self._fit(wanted)
        for text in (*notes, *lost):
            note(self.plan.notes, f"{name}: {text}")
        action = self._decided(diff.compare_database(wanted, found), name)
        if action != "nothing":
            self.plan.databases.append((action, diff.marked(wanted)))

    def _database_gone(self, name: str) -> None:
        found = self.target.database(name)
        if found is not None and diff.was_ours(found) and self._may_drop(name, is_ours=diff.is_ours(found)):
            self.plan.dropped_databases.append(name)

    def _tables(self, database: str, names: Sequence[str], ours: set[str]) -> None:
        sources = {table.name.lower(): table for table in self.source.tables(database, names)}
        shared = [name for name in names if name in ours]
        targets = {table.name.lower(): table for table in self.target.tables(database, shared)} if shared else {}
        arrived = self._arrived(sources.values())
        for name in names:
            if name in sources:
                self._seen.add(name)
                self.plan.compared["tables"] += 1
                self._table(sources[name], targets.get(name), arrived)

    def _table(self, source: Table, found: Table | None, arrived: frozenset[str]) -> None:
        self.plan.held["tables"] += found is not None and diff.was_ours(found)
        if found is not None and CONVERTED in found.parameters:
            note(
                self.plan.skipped,
                f"{source.full_name}: was converted to Delta at the target, so no sync changes it any more",
            )
            return
        if self.waits.get((source.database, source.name), frozenset()) is None:
            self._wait(source, source.full_name, "changed after the data that are there")
            return
        wanted = wanted_table(source, self.options.mapping, keeps_unmapped=self._keeps)
        why = wanted.why if isinstance(wanted, Refused) else self._refuses(wanted.table)
        if isinstance(wanted, Refused) or why:
            note(self.plan.skipped, f"{source.full_name}: {why}")
            return
        place = data_location(source)
        if place and source.kind != "view" and place not in arrived:
            self._wait(source, source.full_name, "its data have not arrived")
            return
        for text in wanted.notes:
            note(self.plan.notes, f"{source.full_name}: {text} lies under no mapping of locations and is kept")
        table, lost = self._fit(wanted.table)
        for text in lost:
            note(self.plan.notes, f"{source.full_name}: {text}")
        difference = diff.compare_table(table, found)
        is_replaced = difference == "touched" and found is not None and diff.needs_recreation(table, found)
        action = self._decided(difference, source.full_name)
        if action == "nothing" and difference == "touched":
            return
        one = TablePlan(source, table, found, "recreate" if is_replaced and action == "alter" else action)
        self._ask_details(one)
        if source.partition_columns and source.kind != "view":
            self._partitions(one, is_new=one.action in {"create", "recreate"})
        if not one.is_empty:
            self.plan.tables.append(one)

    def _ask_details(self, one: TablePlan) -> None:
        if self.options.details != "changed":
            one.has_details = self.options.details == "all"
            return
        named = self.constrained if self.constrained is not None else frozenset()
        may_differ = (one.source.database.lower(), one.source.name.lower()) in named
        one.has_details = may_differ or one.action != "nothing"
        is_kept = self.constrained is not None and not may_differ and one.action == "alter"
        one.has_same_constraints = is_kept and diff.keeps_constraints(one.wanted, one.found)

    def _partitions(self, one: TablePlan, *, is_new: bool) -> None:
        named = None if self.scope is None or is_new else self.scope.get((one.source.database, one.source.name))
        late = self.waits.get((one.source.database, one.source.name)) or frozenset()
        if named is None:
            theirs = set(self.source.partition_names(one.source))
            ours = set() if is_new else set(self.target.partition_names(one.wanted))
            looked = None
        else:
            looked = sorted(named)
            theirs, ours = set(), set()
        size = partitions_a_call(self.source, one.source)
        self._lost.clear()
        for batch in batches(sorted(theirs | ours) if looked is None else looked, size):
            self._batch(one, [name for name in batch if name not in late], theirs, ours, is_known=looked is None)
        for text, count in self._lost.items():
            note(self.plan.notes, f"{one.source.full_name}, {count:,} partitions: {text}")
        for name in sorted(late):
            self._wait(one.source, f"{one.source.full_name}/{name}", "changed after the data that are there")

    def _batch(self, one: TablePlan, names: Sequence[str], theirs: set[str], ours: set[str], *, is_known: bool) -> None:
        ask_source = [name for name in names if name in theirs] if is_known else names
        ask_target = [name for name in names if name in ours] if is_known else names
        self.plan.compared["partitions"] += len(ask_source)
        sources = self.source.partitions(one.source, ask_source) if ask_source else {}
        targets = self.target.partitions(one.wanted, ask_target) if ask_target else {}
        arrived = self._arrived(sources.values())
        for name in names:
            if name in sources:
                self._partition(one, name, sources[name], targets.get(name), arrived)
            elif name in targets:
                self._partition_gone(one, name, targets[name])

    def _partition(
        self, one: TablePlan, name: str, source: Partition, found: Partition | None, arrived: frozenset[str]
    ) -> None:
        self.plan.held["partitions"] += found is not None and diff.was_ours(found)
        full_name = f"{one.source.full_name}/{name}"
        wanted = wanted_partition(source, self.options.mapping, keeps_unmapped=self._keeps)
        why = wanted.why if isinstance(wanted, Refused) else self._refuses(one.wanted, wanted[0])
        if isinstance(wanted, Refused) or why:
            note(self.plan.skipped, f"{full_name}: {why}")
            return
        place = data_location(source)
        if place and place not in arrived:
            self._wait(one.source, full_name, "its data have not arrived")
            return
        partition, lost = self._fit(wanted[0])
        self._lost.update(lost)
        action = self._decided(diff.compare_partition(partition, found), full_name)
        if action == "create":
            one.add.append(name)
        elif action == "alter":
            one.alter.append(name)

    def _partition_gone(self, one: TablePlan, name: str, found: Partition) -> None:
        full_name = f"{one.source.full_name}/{name}"
        self.plan.held["partitions"] += diff.was_ours(found)
        if not diff.was_ours(found):
            note(self.plan.foreign, full_name)
        elif self._may_drop(full_name, is_ours=diff.is_ours(found)):
            one.drop.append(name)

    def _gone(self, table: Table) -> None:
        self.plan.held["tables"] += diff.was_ours(table)
        if not diff.was_ours(table):
            note(self.plan.foreign, table.full_name)
        elif self._may_drop(table.full_name, is_ours=diff.is_ours(table)):
            self.plan.dropped_tables.append(table)

    def _may_drop(self, name: str, *, is_ours: bool) -> bool:
        if self.options.deletes == "keep":
            note(self.plan.notes, f"{name} is gone at the source and stays (deletes='keep')")
            return False
        if not is_ours:
            note(self.plan.touched, name)
        return is_ours or self.options.changed_at_target == "overwrite"

    def _decided(self, difference: diff.Difference, name: str) -> Action:
        if difference == "touched":
            note(self.plan.touched, name)
            return "alter" if self.options.changed_at_target == "overwrite" else "nothing"
        return "nothing" if difference == "same" else difference

    def _arrived(self, things: Iterable[Table | Partition]) -> frozenset[str]:
        return self.has_data([place for one in things if (place := data_location(one))])

    def _wait(self, table: Table, name: str, why: str) -> None:
        note(self.plan.waiting, f"{name}: {why}")
        self.plan.again.add((table.database, table.name))

    def _functions(self) -> None:
        if "functions" not in self.source.facts.takes:
            note(
                self.plan.notes,
                f"functions of the source are left alone: {self.source.facts.lacks.get('functions', '')}",
            )
            return
        if "functions" not in self.target.facts.takes:
            why = self.target.facts.lacks.get("functions", "the target takes none")
            for name in sorted(self._functions_of(self.source)):
                note(self.plan.skipped, f"function {name}: {why}")
            return
        theirs, ours = self._functions_of(self.source), self._functions_of(self.target)
        for name, one in sorted(theirs.items()):
            self.plan.compared["functions"] += 1
            wanted, notes = wanted_function(one, self.options.mapping)
            for text in notes:
                note(self.plan.notes, f"{name}: {text} and is kept")
            if name not in ours or not diff.same_function(wanted, ours[name]):
                self.plan.functions.append(("alter" if name in ours else "create", wanted))
        for name, one in sorted(ours.items()):
            if name in theirs:
                continue
            if name not in self.put_functions:
                note(self.plan.foreign, f"function {name}")
            elif self._may_drop(f"function {name}", is_ours=True):
                self.plan.functions.append(("drop", one))

    def _functions_of(self, catalogue: Catalogue) -> dict[str, Function]:
        found = catalogue.functions()
        return {one.full_name.lower(): one for one in found if self.options.takes(one.database, one.name)}


def partitions_a_call(catalogue: Catalogue, table: Table) -> int:
    """How many partitions of a table one call may carry."""
    columns = max(1, len(table.storage.columns))
    return max(20, min(catalogue.facts.partitions_a_call, COLUMNS_A_CALL // columns))
