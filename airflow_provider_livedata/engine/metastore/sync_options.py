"""What a user may ask of a sync of catalogues; every field is checked when it is made. Pure."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.choices import refuse_unknown
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.locations import Locations

Deletes = Literal["mirror", "keep"]
ChangedAtTarget = Literal["fail", "overwrite", "keep"]
Unmapped = Literal["skip", "keep"]
Details = Literal["changed", "all", "none"]
FindBy = Literal["auto", "full"]


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How to sync.

    Args:
        locations: Prefixes of the source's locations, each with the target's; the longest that fits holds.
        databases: Patterns (``sales_*``) of databases that take part.
        tables: Patterns of tables, as ``database.table``.
        exclude: Patterns as ``tables``, of what takes no part; the target's objects of these names are left alone.
        dry_run: Write the whole plan and change nothing else.
        deletes: "mirror": what a sync registered and the source no longer has goes; "keep": it stays.
        max_delete_ratio: Share of the tables that syncs registered, or of partitions seen, above which deletes stop the run.
        changed_at_target: What to do where somebody else changed an object of the target, or has one of that name: fail before
            anything is changed, overwrite, or keep theirs. It is reported in any case.
        unmapped: Tables and partitions under no prefix: skip and report, or keep them with the source's location.
        details: Constraints and column statistics of what has "changed" (six calls a table), of "all" tables, or "none".
        find_by: "auto": by the source's log of changes from the second run on; "full": by comparing everything.
        compare_every_h: Hours after which everything is compared again, which also finds what somebody changed at the target
            where the source did not change; 0: never.
        after_data: Register only what lies in directories that the newest checkpoint of their replication holds; needs the targets
            of the replications.
        up_to: Number of an event of the source's log (from before the snapshot that was replicated); what was changed after it
            waits for the next sync. -1: no bound.
        holder: Who runs this, as another run will be told.
    """

    locations: Mapping[str, str] = field(default_factory=dict)
    databases: tuple[str, ...] = ("*",)
    tables: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    dry_run: bool = False
    deletes: Deletes = "mirror"
    max_delete_ratio: float = 0.5
    changed_at_target: ChangedAtTarget = "fail"
    unmapped: Unmapped = "skip"
    details: Details = "changed"
    find_by: FindBy = "auto"
    compare_every_h: float = 24.0
    after_data: bool = False
    up_to: int = -1
    holder: str = ""
    mapping: Locations = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mapping", Locations(self.locations))
        choices = {
            "deletes": Deletes,
            "changed_at_target": ChangedAtTarget,
            "unmapped": Unmapped,
            "details": Details,
            "find_by": FindBy,
        }
        for name, kind in choices.items():
            refuse_unknown(name, getattr(self, name), kind)
        for name in ("databases", "tables", "exclude"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(item, str) and item for item in value):
                raise BadOption(f"{name} is a list of patterns", **{name: value})
            object.__setattr__(self, name, tuple(item.lower() for item in value))
        for name in ("databases", "tables"):
            if not getattr(self, name):
                raise BadOption(f"{name} is empty, so that nothing would be synced; * takes all", **{name: []})
        if not 0 <= self.max_delete_ratio <= 1:
            raise BadOption("max_delete_ratio is a number from 0 to 1", max_delete_ratio=self.max_delete_ratio)

    def digest(self) -> str:
        """Equal for options by which syncs find and make the same."""
        what = [
            sorted(self.mapping.pairs),
            self.databases,
            self.tables,
            self.exclude,
            self.unmapped,
            self.deletes,
            self.details,
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]

    def takes_database(self, name: str) -> bool:
        """Whether a database takes part."""
        return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in self.databases)

    def takes(self, database: str, table: str) -> bool:
        """Whether a table, view or function takes part."""
        name = f"{database}.{table}".lower()
        included = any(fnmatch.fnmatchcase(name, pattern) for pattern in self.tables)
        return (
            self.takes_database(database)
            and included
            and not any(fnmatch.fnmatchcase(name, one) for one in self.exclude)
        )
