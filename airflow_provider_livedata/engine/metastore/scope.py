"""Which tables may have changed, by the events of a log. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.metastore.model import Event

# Of what they tell, no constraint is changed: those have events of their own.
_WITHOUT_CONSTRAINTS = frozenset({"ALTER_TABLE", "INSERT", "ADD_PARTITION", "ALTER_PARTITION", "DROP_PARTITION"})


@dataclass(slots=True)
class Touched:
    """Databases that were changed themselves, and tables: None where the whole table was, else names of partitions.

    ``constrained``: those of the tables whose constraints may have changed, where the log tells of constraints at all.
    """

    databases: set[str] = field(default_factory=set)
    tables: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)
    constrained: set[tuple[str, str]] = field(default_factory=set)
    events: int = 0


def touched(events: Iterable[Event]) -> Touched:
    """What events touched."""
    found = Touched()
    for event in events:
        found.events += 1
        database = event.database.lower()
        if not event.tables and database and "FUNCTION" not in event.kind:
            found.databases.add(database)
        for table in event.tables:
            key = database, table.lower()
            if event.kind not in _WITHOUT_CONSTRAINTS:
                found.constrained.add(key)
            before = found.tables.get(key, frozenset())
            # A whole table stays a whole table; partitions of events that name them are gathered.
            found.tables[key] = None if before is None or event.partitions is None else before | set(event.partitions)
    return found
