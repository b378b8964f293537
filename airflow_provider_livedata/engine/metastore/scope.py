"""Which tables may have changed, by the events of a log. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.metastore.model import Event


@dataclass(slots=True)
class Touched:
    """Databases that were changed themselves, and tables: None where the whole table was, else names of partitions."""

    databases: set[str] = field(default_factory=set)
    tables: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)
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
            before = found.tables.get(key, frozenset())
            # A whole table stays a whole table; partitions of events that name them are gathered.
            found.tables[key] = None if before is None or event.partitions is None else before | set(event.partitions)
    return found
