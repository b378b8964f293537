"""Make one catalogue what another one is, for the tables whose data are replicated: this is the order of a sync.

    lease -> position in the source's log -> what may have changed -> compare -> plan -> guard -> apply -> state -> report

Never touches data. ``metastore/`` holds the parts; deciding is pure there (``wanted``, ``diff``, ``plan``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import ChangesLost, LiveDataError, MetastoreRefused, RunFailed
from airflow_provider_livedata.engine.metastore.apply import Application, Applied
from airflow_provider_livedata.engine.metastore.arrived import Arrived
from airflow_provider_livedata.engine.metastore.base import (
    Catalogue,
    CatalogueTarget,
    NamesMissingPlaces,
    Rehearses,
    TellsChanges,
)
from airflow_provider_livedata.engine.metastore.compare import Comparison, HasData, Scope
from airflow_provider_livedata.engine.metastore.plan import CataloguePlan, guard, guard_places
from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from airflow_provider_livedata.engine.metastore.scope import Touched, touched
from airflow_provider_livedata.engine.metastore.stored import SyncState, sync_folder
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.lease import LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.sync_folder import SyncFolder
from airflow_provider_livedata.engine.zones.base import Zone

log = logging.getLogger(__name__)
HOUR_MS = 3_600_000
MOST_AGAIN = 10_000  # tables that the state names; with more of them the next sync compares everything


def sync_catalogue(
    source: Catalogue,
    target: CatalogueTarget,
    options: SyncOptions,
    *,
    state: Zone | str,
    data: Mapping[str, Zone | str] | None = None,
    lease_times: LeaseTimes | None = None,
) -> CatalogueReport:
    """Bring databases, tables, partitions, functions, constraints and statistics of the source to the target.

    Args:
        source: Where to read.
        target: Where to register; tables become external ones there.
        options: How; ``locations`` says where the data are at the target.
        state: A place for the state of this sync, of its own: it remembers there up to which change the target follows.
        data: With ``after_data``: for prefixes of ``locations``, the targets of their replications.
        lease_times: Of the lease at ``state``.

    Returns:
        The report, also stored at ``state``.

    Raises:
        RunRefused: A guard stopped it before anything was changed; says how to go on.
        RunFailed: Some objects failed, all others are done; its ``report`` names them.
        CatalogueError: A metastore does not answer, or refuses what is needed.
        LiveDataError: The place of the state cannot be used.
    """
    with ExitStack() as stack:
        store = sync_folder(StateFolder(stack.enter_context(opened(state))))
        check = store.held(stack, options, lease_times)
        where = f"dry/{now_ms()}" if options.dry_run else f"runs/{store.next_run()}"
        # Which data have arrived is asked before the source is: what changes in between waits for the next sync.
        has_data: HasData = Arrived(data or {}, stack) if options.after_data else frozenset
        return _Sync(source, target, options, store, where, has_data).run(check)


class _Sync:
    """One run."""

    def __init__(
        self,
        source: Catalogue,
        target: CatalogueTarget,
        options: SyncOptions,
        store: SyncFolder[SyncState],
        where: str,
        has_data: HasData,
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.store, self.where, self.has_data = store, where, has_data
        self.known = store.read()
        number = where.rpartition("/")[2]
        self.report = CatalogueReport(
            source.name, target.name, 0 if options.dry_run else int(number), started_ms=now_ms()
        )
        self._began = time.monotonic()
        self._is_whole = True  # everything is compared
        self._constrained: frozenset[tuple[str, str]] | None = None  # tables whose constraints may have changed

    def run(self, check: Callable[[], None]) -> CatalogueReport:
        """See ``sync_catalogue``."""
        plan, applied = CataloguePlan(), Applied()
        try:
            plan = self._planned()
            self._tell_plan(plan)
            guard(plan, self.options, self._held(plan), is_whole=self._is_whole)
            if isinstance(self.target, NamesMissingPlaces):
                guard_places(self.target.missing_places(plan.places()))
            if not self.options.dry_run:
                applied = self._apply(plan, check)
        except LiveDataError as error:
            self.report.state, self.report.why = "stopped", f"{type(error).__name__}: {error.args[0]}"
            self._tell(applied)
            raise
        self.report.state = "dry run" if self.options.dry_run else "failed" if applied.failures else "synced"
        if not self.options.dry_run:
            check()
            self._remember(plan, applied)
            self.store.tidy()
        self._tell(applied)
        if applied.failures:
            failed = RunFailed(
                "some objects could not be registered, all others are done; the report names them", failed=len(applied.failures),
                first=applied.failures[0], report=self.report.address,
            )  # fmt: skip
            failed.report = self.report
            raise failed
        return self.report

    # ---- what may have changed

    def _planned(self) -> CataloguePlan:
        newest = self._position()
        self.report.position = newest if self.options.up_to < 0 else min(self.options.up_to, newest)
        late = self._events(self.report.position, newest) if self.report.position < newest else Touched()
        scope, databases = self._scope()
        known = self.known
        comparison = Comparison(
            self.source, self.target, self.options, scope=scope, databases=databases, waits=late.tables,
            has_data=self.has_data,
            put_functions=frozenset(known.functions if known else ()), constrained=self._constrained,
        )  # fmt: skip
        return comparison.run()

    def _position(self) -> int:
        if not isinstance(self.source, TellsChanges):
            return -1
        try:
            return self.source.position()
        except MetastoreRefused as error:
            self.report.notes.append(f"the source tells no changes: {error.args[0]}")
            return -1

    def _scope(self) -> tuple[Scope | None, frozenset[str]]:
        """The tables that may have changed since the last sync; None: all of them."""
        why, known = self._why_full(), self.known
        if known is not None and not why:
            try:
                found = self._events(known.position, self.report.position)
            except ChangesLost as error:
                why = str(error.args[0])
            else:
                tables = {key: names for key, names in found.tables.items() if self.options.takes(*key)}
                tables |= dict.fromkeys((database, table) for database, table in known.again)
                self._is_whole = False
                self._constrained = self._may_be_constrained(found)
                self.report.found_by = f"{found.events:,} events of the source's log"
                return tables, frozenset(found.databases)
        self.report.found_by = f"comparing everything: {why}"
        return None, frozenset()

    def _may_be_constrained(self, found: Touched) -> frozenset[tuple[str, str]] | None:
        if not found.events or not isinstance(self.source, TellsChanges) or not self.source.tells_constraints():
            return None
        again = {(database, table) for database, table in self.known.again} if self.known else set()
        return frozenset(found.constrained | again)

    def _why_full(self) -> str:
        """Why the log cannot tell what to look at; empty where it can."""
        known, position = self.known, self.report.position
        if known is None:
            return "nothing was synced before"
        self.report.after = known.position
        overdue_ms = self.options.compare_every_h * HOUR_MS
        reasons = {
            "it was asked for": self.options.find_by == "full",
            "the source tells no changes": position < 0 or known.position < 0,
            "source or target are other ones": (known.source, known.target) != (self.source.name, self.target.name),
            "the options are other ones": known.options != self.options.digest(),
            "the source's log was begun anew": 0 <= position < known.position and self.options.up_to < 0,
            "it is due": 0 < overdue_ms <= now_ms() - known.compared_ms,
        }
        return next((why for why, holds in reasons.items() if holds), "")

    def _events(self, after: int, up_to: int) -> Touched:
        if not isinstance(self.source, TellsChanges) or after >= up_to:
            return Touched()
        return touched(self.source.changes(after, up_to))

    # ---- doing

    def _apply(self, plan: CataloguePlan, check: Callable[[], None]) -> Applied:
        application = Application(self.source, self.target, self.options, check)
        try:
            return application.run(plan)
        except LiveDataError:
            self._tell(application.applied)
            raise

    def _remember(self, plan: CataloguePlan, applied: Applied) -> None:
        again = plan.again | applied.again
        position = self.report.position if len(again) <= MOST_AGAIN and self._is_followed(applied) else -1
        compared = self.report.started_ms if self._is_whole or self.known is None else self.known.compared_ms
        self.store.write(
            SyncState(
                self.source.name, self.target.name, self.options.digest(), self.report.run, position, compared,
                sorted(map(list, again))[:MOST_AGAIN], self._functions(plan), self._held_after(plan, applied),
            )
        )  # fmt: skip

    def _held(self, plan: CataloguePlan) -> Mapping[str, int]:
        """How much syncs have registered: counted, where everything was compared."""
        return plan.held if self._is_whole or self.known is None else self.known.held

    def _held_after(self, plan: CataloguePlan, applied: Applied) -> dict[str, int]:
        before, done = self._held(plan), applied.done
        tables = before.get("tables", 0) + done["created tables"] + done["created views"] - done["dropped tables"]
        partitions = before.get("partitions", 0) + done["added partitions"] - done["dropped partitions"]
        return {"tables": max(0, tables), "partitions": max(0, partitions)}

    def _is_followed(self, applied: Applied) -> bool:
        # Tables of which something failed are looked at again; after any other failure everything is.
        return len(applied.failures) == applied.of_tables

    def _functions(self, plan: CataloguePlan) -> list[str]:
        names = set(self.known.functions if self.known else ())
        for action, function in plan.functions:
            (names.discard if action == "drop" else names.add)(function.full_name.lower())
        return sorted(names)

    # ---- telling

    def _tell_plan(self, plan: CataloguePlan) -> None:
        report = self.report
        lines = [*plan.lines(), *({"statement": text} for text in self._rehearsed(plan))]
        report.plan, report.plan_digest = self.store.write_plan(self.where, lines)
        report.planned, report.compared = plan.totals(), dict(plan.compared)
        report.touched, report.skipped, report.waiting = plan.touched, plan.skipped, plan.waiting
        report.foreign, report.notes = plan.foreign, report.notes + plan.notes

    def _rehearsed(self, plan: CataloguePlan) -> list[str]:
        """The statements that a target which can tell them would be sent, in a dry run."""
        if not self.options.dry_run or not isinstance(self.target, Rehearses):
            return []
        target, statements = self.target.rehearsal()
        applied = Application(self.source, target, self.options).run(plan)
        self.report.notes += [*(f"would fail: {one}" for one in applied.failures), *applied.notes]
        return statements

    def _tell(self, applied: Applied) -> None:
        report = self.report
        report.done = {name: count for name, count in sorted(applied.done.items()) if count} or report.done
        report.failures = applied.failures or report.failures
        report.notes = [*report.notes, *(one for one in applied.notes if one not in report.notes)]
        report.source_calls, report.target_calls = dict(self.source.calls()), dict(self.target.calls())
        report.seconds = round(time.monotonic() - self._began, 3)
        self.store.write_report(self.where, report)
        log.info("metadata sync\n%s", report.table())
