"""Look rows up in the Parquet bytes of a manifest: what no path of a cover needs is not decoded.

row groups whose paths may be meant  ->  their columns of more than one value  ->  rows whose path is meant
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.stored.tables import (
    FEW_VALUES,
    HELD_SCHEMA,
    array_of,
    columns_of,
    held_rows,
    open_parquet,
)

GROUPS_AT_ONCE = 4  # half the cost of one by one, and still little memory
_HIGHEST = chr(0x10FFFF)  # no path is higher
_FEW = 16  # texts that all paths are compared with one by one
_SEVERAL = object()


def held_in(data: bytes, cover: Cover, *, name: str) -> Iterator[Held]:
    """Those rows of ``held_to_parquet`` that a cover holds.

    Raises:
        StateDamaged: See ``held_from_parquet``.
    """
    file = open_parquet(data, HELD_SCHEMA, name)
    touched = _touched(file.metadata, cover)
    while some := list(islice(touched, GROUPS_AT_ONCE)):
        groups, lowest, highest = zip(*some, strict=True)
        alike = _alike(file.metadata, groups)
        others = [name for name in HELD_SCHEMA.names if name not in alike]
        table = file.read_row_groups(list(groups), columns=others, use_threads=False)
        wanted = _within(table.column(0), cover, min(lowest), max(highest))
        if count := len(wanted):
            found = dict(zip(others, columns_of(table.take(wanted)), strict=True))
            yield from held_rows(
                [found[name] if name in found else [alike[name]] * count for name in HELD_SCHEMA.names]
            )


def _touched(metadata: pq.FileMetaData, cover: Cover) -> Iterator[tuple[int, str, str]]:
    """The row groups that may hold something of a cover, with the lowest and the highest of their paths."""
    for group in range(metadata.num_row_groups):
        seen = metadata.row_group(group).column(0).statistics
        lowest, highest = (seen.min, seen.max) if seen is not None and seen.has_min_max else ("", _HIGHEST)
        if cover.touches_paths(lowest, highest):
            yield group, lowest, highest


def _alike(metadata: pq.FileMetaData, groups: Iterable[int]) -> dict[str, Any]:
    """The columns that have one value in all rows of these groups, each with it, as their statistics say."""
    found: dict[str, Any] = {}
    chosen = [metadata.row_group(group) for group in groups]
    for at in range(metadata.num_columns):
        name = metadata.schema.column(at).path
        if name in FEW_VALUES:
            values = {_only_value(group.column(at).statistics) for group in chosen}
            if len(values) == 1 and _SEVERAL not in values:
                found[name] = values.pop()
    return found


def _only_value(seen: pq.Statistics | None) -> Any:
    if seen is None or not seen.has_null_count:
        return _SEVERAL
    if not seen.num_values:
        return None
    is_one = not seen.null_count and seen.has_min_max and seen.min == seen.max
    return seen.min if is_one else _SEVERAL


def _within(column: pa.ChunkedArray, cover: Cover, lowest: str, highest: str) -> pa.Array:
    """Where in a column of paths those are that a cover holds."""
    from pyarrow import compute  # costs a start 20 ms, and a first copy looks nothing up

    paths, roots = cover.near(lowest, highest)
    if len(roots) > _FEW:
        found = [n for n, path in enumerate(column.to_pylist()) if path in paths or cover.is_whole(path)]
        return array_of(found, pa.int64())
    hits = compute.is_in(column, value_set=array_of(list(paths), pa.string()))
    for root in roots:
        hits = compute.or_(hits, compute.starts_with(column, root))
    return compute.indices_nonzero(hits)
