"""What Databricks tells of Delta tables that may be copies. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from airflow_provider_livedata.engine.metastore.databricks_read import described
from airflow_provider_livedata.engine.metastore.databricks_sql import DELTA
from airflow_provider_livedata.engine.metastore.delta_plan import FoundDelta
from airflow_provider_livedata.engine.metastore.locations import canonical

# Properties are told as [a=1,b=2], as a mapping or as pairs; the mark is all that is looked for.
_MARK = re.compile(r"livedata\.copy\W+([0-9a-f]{32}/(?:[0-9a-f]{32}|pending))(?![0-9a-z])")


def found_from(rows: Iterable[Sequence[Any]]) -> FoundDelta:
    """Of DESCRIBE TABLE EXTENDED."""
    told = described(rows)
    kind = told.get("Type", "").lower()
    place = canonical(told["Location"]) if told.get("Location") else ""
    return FoundDelta(kind, told.get("Provider", "").lower(), place, _mark(told.get("Table Properties", "")))


def found_at(rows: Iterable[Sequence[Any]], place: str) -> FoundDelta | None:
    """Of DESCRIBE DETAIL of a place; None where no Delta table is told of."""
    row = next(iter(rows), ())
    is_delta = bool(row) and str(row[0]).lower() == DELTA
    return FoundDelta("external", DELTA, canonical(place), _mark(str(row))) if is_delta else None


def _mark(text: str) -> str:
    found = _MARK.search(text)
    return found[1] if found else ""
