"""Make Delta tables of tables that a sync registered: copies beside the replicated files, or in place once nothing is replicated any more.

    lease -> checkpoints of the data -> tables and their partitions -> what they are made of -> plan -> guard -> apply -> report

Deciding is pure (``metastore/delta_plan``). No file that was replicated is touched by a copy, and none that is there is removed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BadInput, BadOption, LiveDataError, RunFailed
from airflow_provider_livedata.engine.metastore import delta_plan as deciding
from airflow_provider_livedata.engine.metastore.base import (
    CatalogueTarget,
    NamesMissingPlaces,
    Rehearses,
)
from airflow_provider_livedata.engine.metastore.delta_data import ReplicatedPlaces
from airflow_provider_livedata.engine.metastore.delta_finding import Finding, Looked
from airflow_provider_livedata.engine.metastore.delta_options import DeltaOptions
from airflow_provider_livedata.engine.metastore.delta_plan import Copy, DeltaPlan
from airflow_provider_livedata.engine.metastore.delta_stored import DeltaState, delta_folder, write_known
from airflow_provider_livedata.engine.metastore.delta_tables import DeltaTables, MakesDelta
from airflow_provider_livedata.engine.metastore.model import Table
from airflow_provider_livedata.engine.metastore.plan import guard_places, note
from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)
_Step = tuple[str, str, Callable[[], str]]
_PAST = {"create": "made", "adopt": "made", "refresh": "refreshed", "move": "moved"}


def copy_to_delta(
    target: CatalogueTarget, options: DeltaOptions, *, state: Zone | str, data: Mapping[str, Zone | str], lease_times: LeaseTimes | None = None
) -> CatalogueReport:  # fmt: skip
    """Make a Delta table of each registered table, in another schema and beside the replicated files, and anew where these have changed.

    Args:
        target: A catalogue that can hold Delta tables.
        options: Which tables, and where the copies lie.
        state: A place for the state of these runs, of its own.
        data: For prefixes of the tables' locations, the targets of the replications that bring their files.
        lease_times: Of the lease at ``state``.

    Raises:
        PathsOverlap, RunRefused: Nothing was changed; says how to go on.
        RunFailed: Some copies failed, all others are done; its ``report`` names them.
        LiveDataError: The catalogue, or a place, cannot be used.
    """
    if not options.location:
        raise BadOption("copies need a location, a directory outside of every replicated one", location="")
    with ExitStack() as stack:
        return _Copying(target, options, stack, state, data, lease_times).run()


def convert_to_delta(
    target: CatalogueTarget, options: DeltaOptions, *, state: Zone | str, data: Mapping[str, Zone | str], lease_times: LeaseTimes | None = None
) -> CatalogueReport:  # fmt: skip
    """Turn registered Parquet tables into Delta tables where they lie, once their replication has ended: its target was made the active side.

    A table that was converted is left alone by every later sync. See ``copy_to_delta``.

    Raises:
        WrongSide: A replication may still write there; nothing was changed.
        RunFailed, LiveDataError: See ``copy_to_delta``.
    """
    if options.location:
        raise BadOption("a conversion in place takes no location", location=options.location)
    with ExitStack() as stack:
        return _Converting(target, options, stack, state, data, lease_times).run()


class _Making:
    """One run."""

    def __init__(
        self, target: CatalogueTarget, options: DeltaOptions, stack: ExitStack, state: Zone | str, data: Mapping[str, Zone | str],
        lease_times: LeaseTimes | None,
    ) -> None:  # fmt: skip
        if not isinstance(target, MakesDelta):
            raise BadInput(f"a catalogue of kind {target.facts.kind!r} makes no Delta tables", target=target.name)
        self.target, self.options, self.delta = target, options, target.delta()
        self.state = StateFolder(stack.enter_context(opened(state)))
        self.store: SyncFolder[DeltaState] = delta_folder(self.state)
        self._check = self.store.held(stack, options, lease_times)
        # Asked before the tables are: of what is written meanwhile the next run hears.
        self.data = ReplicatedPlaces(data, stack)
        number = 0 if options.dry_run else self.store.next_run()
        self.report = CatalogueReport(target.name, self._named(), number, started_ms=now_ms())
        self.where = f"runs/{number}" if number else f"dry/{self.report.started_ms}"
        self.finding = Finding(target, options, self.state, self.report.started_ms)
        self.plan = DeltaPlan()
        self._began = time.monotonic()

    def run(self) -> CatalogueReport:
        """See ``copy_to_delta``."""
        report = self.report
        try:
            self._plan()
            self._tell_plan()
            self._guard()
            if not self.options.dry_run:
                self._apply(self.delta, report.failures, report.done)
        except LiveDataError as error:
            report.state, report.why = "stopped", f"{type(error).__name__}: {error.args[0]}"
            self._tell()
            raise
        report.state = "dry run" if self.options.dry_run else "failed" if report.failures else "synced"
        if not self.options.dry_run:
            self._check()
            self.store.write(DeltaState(self.target.name, report.run))
            self.store.tidy()
        self._tell()
        if report.state == "failed":
            failed = RunFailed(
                "some tables failed, all others are done; the report names them", failed=len(report.failures), first=report.failures[0],
                report=report.address,
            )  # fmt: skip
            failed.report = report
            raise failed
        return report

    def _named(self) -> str:
        raise NotImplementedError

    def _plan(self) -> None:
        raise NotImplementedError

    def _guard(self) -> None:
        raise NotImplementedError

    def _steps(self, delta: DeltaTables) -> Iterator[_Step]:
        """Each step: name, what is counted of it, and what does it."""
        raise NotImplementedError

    def _apply(self, delta: DeltaTables, failures: list[str], done: dict[str, int]) -> None:
        failures += self.plan.taken
        for name, what, does in self._steps(delta):
            self._check()
            try:
                told = does()
            except LiveDataError as error:
                if error.retryable:
                    raise
                failures.append(f"{name}: {error.args[0]}")
                continue
            done[what] = done.get(what, 0) + 1
            if told:
                note(self.report.rows, told)

    def _rehearsed(self) -> list[str]:
        if not self.options.dry_run or not isinstance(self.target, Rehearses):
            return []
        target, statements = self.target.rehearsal()
        failures: list[str] = []
        if isinstance(target, MakesDelta):
            self._apply(target.delta(), failures, {})
        self.report.notes += [f"would fail: {one}" for one in failures]
        return statements

    def _tell_plan(self) -> None:
        report, plan = self.report, self.plan
        report.planned, report.compared = plan.totals(), dict(plan.compared)
        report.skipped, report.waiting, report.foreign = plan.skipped, plan.waiting, plan.foreign
        report.touched, report.notes = plan.taken, plan.notes
        lines = [*plan.lines(), *({"statement": text} for text in self._rehearsed())]
        report.plan, report.plan_digest = self.store.write_plan(self.where, lines)

    def _tell(self) -> None:
        self.report.target_calls = dict(self.target.calls())
        self.report.seconds = round(time.monotonic() - self._began, 3)
        self.store.write_report(self.where, self.report)
        log.info("Delta tables\n%s", self.report.table())


class _Copying(_Making):
    """Copies beside the replicated files."""

    def _named(self) -> str:
        return self.options.location

    def _plan(self) -> None:
        self.report.found_by = "the checkpoints of the replications, and what copies were made of"
        deciding.refuse_overlap(self.options.location, self.data.prefixes())
        looked = [one for table in self.finding.tables() if (one := self._looked(table)) is not None]
        deciding.refuse_overlap(self.options.location, (place for one in looked for place in one.places))
        self._find_files(looked)
        for one in looked:
            self._decide(one)
        for schema, database in self.finding.copies():
            self._gone(schema, set(self.finding.names(database)))

    def _looked(self, table: Table) -> Looked | None:
        self.plan.compared["tables"] += 1
        why = deciding.why_not_copied(table)
        if why:
            note(self.plan.skipped, f"{table.full_name}: {why}")
            return None
        one = self.finding.look(table)
        self.plan.compared["partitions"] += len(one.known.partitions)
        stamps = self.data.stamps(one.places)
        if stamps is None:
            note(self.plan.waiting, f"{table.full_name}: no checkpoint of a replication in data covers its files")
            return None
        one.known.stamp = deciding.digest_of_values([*stamps, *one.places])
        return one

    def _find_files(self, looked: list[Looked]) -> None:
        """The digests of files, of tables alone whose checkpoint is another one than it was."""
        names = {one.known.table: one.places for one in looked if one.known.stamp != one.before.stamp}
        found = self.data.digests(names) if names else {}
        for one in looked:
            one.known.files = found.get(one.known.table, one.known.files)
            if one.known != one.before and not self.options.dry_run:
                write_known(self.state, one.known)

    def _decide(self, one: Looked) -> None:
        schema = self.options.schema_of(one.table.database)
        copy = Copy(one.table, schema, deciding.place_of(self.options, schema, one.table.name))
        copy.mark = deciding.mark_of(copy, one.known.partitions, one.known.files)
        found = self.delta.found(schema, one.table.name) if schema in self.finding.databases else None
        self.plan.held += found is not None and deciding.is_ours(found, schema, one.table.name)
        self.plan.add(copy, found, self.delta.at(copy.place) if deciding.needs_place(copy, found) else None)

    def _gone(self, schema: str, present: set[str]) -> None:
        database = str(self.options.database_of(schema))
        for name in self.delta.names(schema):
            if name not in present and self.options.selection.takes(database, name):
                found = self.delta.found(schema, name)
                if found is not None:
                    self.plan.add_gone(schema, name, found, self.options)

    def _guard(self) -> None:
        deciding.guard_drops(self.plan, self.options)
        if isinstance(self.target, NamesMissingPlaces):
            guard_places(self.target.missing_places([one.place for one in self.plan.copies]))

    def _steps(self, delta: DeltaTables) -> Iterator[_Step]:
        for one in self.plan.copies:
            yield one.full_name, f"{_PAST[one.doing]} copies", partial(self._make, delta, one)
        for schema, name, place in self.plan.drops:
            yield f"{schema}.{name}", "dropped copies", partial(self._drop, delta, schema, name, place)

    def _make(self, delta: DeltaTables, copy: Copy) -> str:
        rows = delta.make(copy, counts=self.options.count_rows)
        if copy.former_place:
            note(self.report.notes, f"{copy.full_name}: the files of the former copy stay at {copy.former_place}")
        return "" if rows is None else f"{copy.full_name}: {rows:,} rows, as many as {copy.source.full_name}"

    def _drop(self, delta: DeltaTables, schema: str, name: str, place: str) -> str:
        delta.drop(schema, name)
        note(self.report.notes, f"{schema}.{name}: its files stay at {place}; remove them when nobody needs them")
        return ""


class _Converting(_Making):
    """In place."""

    def _named(self) -> str:
        return "in place"

    def _plan(self) -> None:
        self.report.found_by = "the roles of the replications' targets"
        for table in self.finding.tables():
            self.plan.compared["tables"] += 1
            partitions = self.finding.look(table, asks_all=True).known.partitions
            why = deciding.why_not_converted(table, partitions)
            if why:
                note(self.plan.skipped, f"{table.full_name}: {why}")
            else:
                self.plan.conversions.append(table)

    def _guard(self) -> None:
        places = {str(table.storage.location) for table in self.plan.conversions}
        told = {place: why for place in places if (why := self.data.why_not_ended(place))}
        deciding.refuse_not_ended(told)

    def _steps(self, delta: DeltaTables) -> Iterator[_Step]:
        for table in self.plan.conversions:
            yield table.full_name, "converted tables", partial(self._convert, delta, table)

    def _convert(self, delta: DeltaTables, table: Table) -> str:
        rows = delta.convert(table, counts=self.options.count_rows)
        return "" if rows is None else f"{table.full_name}: {rows:,} rows, as many as before"
