"""What a sync is going to do, in order; totals; and the guard that stops what nobody can have meant. Pure.

databases -> tables, each with its partitions -> functions -> drops: partitions, tables, functions, databases
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.errors import PlaceNotAllowed, SourceEmpty, TargetTouched, TooManyDeletes
from airflow_provider_livedata.engine.metastore.locations import data_location
from airflow_provider_livedata.engine.metastore.model import Database, Function, Table
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions

Action = Literal["create", "alter", "recreate", "drop", "nothing"]
KEPT = 1000  # names that lists of a plan hold


@dataclass(slots=True)
class TablePlan:
    """A table: ``wanted`` as it should be, ``source`` as it is there, and names of its partitions.

    With "create" and "recreate" all partitions of the source are added, so ``add`` holds all of them.
    """

    source: Table
    wanted: Table
    found: Table | None = None
    action: Action = "nothing"
    add: list[str] = field(default_factory=list)
    alter: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    has_details: bool = False  # constraints and statistics are asked for
    has_same_constraints: bool = False  # nobody has changed them: of the details, statistics alone are asked for

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.action == "nothing" and not (self.add or self.alter or self.drop or self.has_details)


@dataclass(slots=True)
class CataloguePlan:
    """All that is to be done, and what the comparison found besides."""

    databases: list[tuple[Action, Database]] = field(default_factory=list)
    tables: list[TablePlan] = field(default_factory=list)
    functions: list[tuple[Action, Function]] = field(default_factory=list)
    dropped_tables: list[Table] = field(default_factory=list)
    dropped_databases: list[str] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)  # databases, tables, partitions, functions of the source
    held: Counter[str] = field(default_factory=Counter)  # tables and partitions at the target that syncs registered
    touched: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # "name: why"
    waiting: list[str] = field(default_factory=list)  # "name: why", of what waits for its data
    foreign: list[str] = field(default_factory=list)  # at the target alone, and of somebody else
    notes: list[str] = field(default_factory=list)
    again: set[tuple[str, str]] = field(default_factory=set)  # tables that the next sync looks at whatever the log says

    def totals(self) -> dict[str, int]:
        """How much of what is planned: ``create tables``, ``drop partitions``, ..."""
        found: Counter[str] = Counter(f"{action} databases" for action, _ in self.databases)
        for one in self.tables:
            found[f"{one.action} tables"] += one.action != "nothing"
            found["add partitions"] += len(one.add)
            found["alter partitions"] += len(one.alter)
            found["drop partitions"] += len(one.drop)
        found.update(f"{action} functions" for action, _ in self.functions)
        found["drop tables"] += len(self.dropped_tables)
        found["drop databases"] += len(self.dropped_databases)
        return {name: count for name, count in sorted(found.items()) if count}

    def places(self) -> list[str]:
        """Where the data of tables lie that are to be created or altered."""
        wanted = (one.wanted for one in self.tables if one.action != "nothing" and one.wanted.kind != "view")
        return [place for table in wanted if (place := data_location(table))]

    def lines(self) -> Iterator[dict[str, Any]]:
        """Each step, for the file that holds the plan."""
        for action, database in self.databases:
            yield {"action": action, "database": database.name, "location": database.location}
        for one in self.tables:
            if one.action != "nothing":
                yield {"action": one.action, "table": one.wanted.full_name, "location": one.wanted.storage.location}
            for doing, names in (("add", one.add), ("alter", one.alter), ("drop", one.drop)):
                yield from ({"action": doing, "table": one.wanted.full_name, "partition": name} for name in names)
        for action, function in self.functions:
            yield {"action": action, "function": function.full_name}
        yield from ({"action": "drop", "table": table.full_name} for table in self.dropped_tables)
        yield from ({"action": "drop", "database": name} for name in self.dropped_databases)


def note(items: list[str], text: str) -> None:
    """Keep a text unless there are many already."""
    if len(items) < KEPT:
        items.append(text)


def guard(plan: CataloguePlan, options: SyncOptions, held: Mapping[str, int], *, is_whole: bool) -> None:
    """Stop a plan before anything is changed.

    ``held``: how many tables and partitions syncs have registered; ``is_whole``: everything was compared, not what a log names.

    Raises:
        TargetTouched, SourceEmpty, TooManyDeletes: each says how to go on.
    """
    if plan.touched and options.changed_at_target == "fail":
        raise TargetTouched(
            "somebody else changed objects of the target, or has others of the same name; look at them, then run again with "
            "changed_at_target='overwrite' or 'keep'",
            count=len(plan.touched), examples=plan.touched[:10],
        )  # fmt: skip
    tables, partitions = len(plan.dropped_tables), sum(len(one.drop) for one in plan.tables)
    if is_whole and tables and not plan.compared["tables"] and options.max_delete_ratio < 1:
        raise SourceEmpty(
            "the source has no tables of this selection while the target does; when that is meant, run again with max_delete_ratio=1",
            would_drop=tables,
        )
    for what, dropped in (("tables", tables), ("partitions", partitions)):
        all_held = max(held.get(what, 0), dropped)
        if dropped and dropped / all_held > options.max_delete_ratio:
            raise TooManyDeletes(
                f"{dropped} of {all_held} {what} that syncs registered would be dropped, more than max_delete_ratio "
                f"{options.max_delete_ratio:g} allows; when that is meant, run again with a higher max_delete_ratio",
                dropped=dropped, held=all_held,
            )  # fmt: skip


def guard_places(missing: Sequence[str]) -> None:
    """Stop a plan whose tables lie where the target takes none.

    Raises:
        PlaceNotAllowed: It names the places.
    """
    if missing:
        raise PlaceNotAllowed(
            f"no external location that this user may see covers {', '.join(missing[:10])}; have one created (CREATE EXTERNAL LOCATION name URL '...' "
            "WITH (STORAGE CREDENTIAL ...)) and CREATE EXTERNAL TABLE on it granted, then run again",
            count=len(missing),
        )  # fmt: skip
