"""Look rows up in the Parquet bytes of a manifest: what no path of a cover needs is not decoded.

row groups whose paths may be meant  ->  their columns of more than one value  ->  rows whose keys are meant
"""

from __future__ import annotations

from array import array
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
    columns_of,
    held_rows,
    open_parquet,
)

MARKED_EVERY, MARK_BYTES = 64, 120  # rows a key that is kept as a text of Python, and what one takes of memory
GROUPS_AT_ONCE = 4  # half the cost of one by one, and still little memory
_HIGHEST = chr(0x10FFFF)  # no path is higher
_SEVERAL = object()


class _Texts:
    """The texts of a column of one chunk, each made when it is wanted: half of what pyarrow takes for it."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        chunk = column.chunk(0)
        _, ends, data = chunk.buffers()
        self._ends, self._data = memoryview(ends).cast("B").cast("i")[chunk.offset :], memoryview(data or b"")

    def __getitem__(self, row: int) -> str:
        return str(self._data[self._ends[row] : self._ends[row + 1]], "utf-8")


class Keys:
    """The keys of rows, in order, told by their columns: as texts of Python they would take five times the memory."""

    def __init__(self, paths: pa.ChunkedArray, kinds: pa.ChunkedArray | str) -> None:
        """``kinds``: a text where all rows have one."""
        self._rows = len(paths)
        self._paths = _Texts(paths) if self._rows else ()
        self._kinds = kinds if isinstance(kinds, str) else _Texts(kinds) if self._rows else ()
        self._marks = [self[row] for row in range(0, self._rows, MARKED_EVERY)]

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: int) -> str:
        kind = self._kinds if isinstance(self._kinds, str) else self._kinds[row]
        return f"{self._paths[row]}/" if kind == "directory" else self._paths[row]

    def first(self, key: str) -> int:
        """The first row whose key is not lower, or their number."""
        mark = bisect_left(self._marks, key)
        return bisect_left(self, key, max(0, mark - 1) * MARKED_EVERY, min(self._rows, mark * MARKED_EVERY))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a manifest: their keys in order, the columns of one value in ``alike``, the others in ``table``."""

    keys: Keys
    table: pa.Table
    alike: Mapping[str, Any]

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return int(self.table.nbytes) + MARK_BYTES * len(self.keys) // MARKED_EVERY


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
    keys, rows = decoded.keys, array("q")
    for low, end in cover.ranges(keys[0], keys[len(keys) - 1]) if keys else ():
        row = keys.first(low)
        while row < len(keys) and keys[row] < end:
            rows.append(row)
            row += 1
    if rows:
        # Not by ``array_of``, which takes ten times as long for a few numbers.
        table = decoded.table.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)]))
        found = {name: [value] * len(rows) for name, value in decoded.alike.items()}
        found |= dict(zip(table.column_names, columns_of(table), strict=True))
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
    kinds = alike["kind"] if "kind" in alike else table.column("kind")
    return Decoded(Keys(table.column("path"), kinds), table, alike)


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
