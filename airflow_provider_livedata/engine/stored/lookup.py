"""Look rows up in the Parquet bytes of a manifest: what no path of a cover needs is not decoded.

row groups whose paths may be meant  ->  their columns of more than one value  ->  rows whose keys are meant
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
_SEVERAL = object()


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a manifest: their keys in order, the columns of one value in ``alike``, the others but the path in ``table``."""

    keys: Sequence[str]
    table: pa.Table
    alike: Mapping[str, Any]

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return int(self.table.nbytes) + sum(map(sys.getsizeof, self.keys)) + sys.getsizeof(self.keys)


def held_in(data: bytes, cover: Cover, *, name: str) -> Iterator[Held]:
    """Those rows of ``held_to_parquet`` that a cover holds.

    Raises:
        StateDamaged: See ``held_from_parquet``.
    """
    file = open_parquet(data, HELD_SCHEMA, name)
    touched = _touched(file.metadata, cover)
    while some := list(islice(touched, GROUPS_AT_ONCE)):
        yield from rows_in(_decoded(file, some), cover)


def decoded(data: bytes, *, name: str) -> Decoded:
    """All rows of ``held_to_parquet``, to look some up again and again.

    Raises:
        StateDamaged: See ``held_from_parquet``.
    """
    file = open_parquet(data, HELD_SCHEMA, name)
    return _decoded(file, range(file.metadata.num_row_groups))


def rows_in(decoded: Decoded, cover: Cover) -> Iterator[Held]:
    """Those of the rows that a cover holds."""
    keys = decoded.keys
    ranges = cover.ranges(keys[0], keys[-1]) if keys else ()
    wanted = [row for low, end in ranges for row in range(bisect_left(keys, low), bisect_left(keys, end))]
    if wanted:
        table = decoded.table.take(array_of(wanted, pa.int64()))
        found = {name: [value] * len(wanted) for name, value in decoded.alike.items()}
        found |= dict(zip(table.column_names, columns_of(table), strict=True))
        found["path"] = [keys[row].removesuffix("/") for row in wanted]
        yield from held_rows([found[name] for name in HELD_SCHEMA.names])


def _touched(metadata: pq.FileMetaData, cover: Cover) -> Iterator[int]:
    """The row groups that may hold something of a cover."""
    for number in range(metadata.num_row_groups):
        seen = metadata.row_group(number).column(0).statistics
        lowest, highest = (seen.min, seen.max) if seen is not None and seen.has_min_max else ("", _HIGHEST)
        if cover.touches_paths(lowest, highest):
            yield number


def _decoded(file: pq.ParquetFile, groups: Sequence[int]) -> Decoded:
    alike = _alike(file.metadata, groups)
    others = [name for name in HELD_SCHEMA.names if name not in alike]
    table = file.read_row_groups(list(groups), columns=others, use_threads=False).combine_chunks()
    paths = table.column("path").to_pylist()
    kinds = [alike["kind"]] * len(paths) if "kind" in alike else table.column("kind").to_pylist()
    keys = [f"{path}/" if kind == "directory" else path for path, kind in zip(paths, kinds, strict=True)]
    return Decoded(keys, table.drop_columns(["path"]), alike)


def _alike(metadata: pq.FileMetaData, groups: Sequence[int]) -> dict[str, Any]:
    """The columns that have one value in all rows of these groups, each with it, as their statistics say."""
    found: dict[str, Any] = {}
    chosen = [metadata.row_group(number) for number in groups]
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
