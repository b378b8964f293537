"""Rows of manifests, journals and plans as Parquet bytes and back. The formats are fixed in docs/formats.md."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, TypeVar

import nanoarrow
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Checksum, Entry, From, Held, Part, StagedFile, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Column = Sequence[Any]
Row = TypeVar("Row", Held, Step, StagedFile)

# As their ``_make``, without a function of Python for each row.
_entry_of: Callable[[Iterable[Any]], Entry] = partial(tuple.__new__, Entry)
_held_of: Callable[[Iterable[Any]], Held] = partial(tuple.__new__, Held)
_step_of: Callable[[Iterable[Any]], Step] = partial(tuple.__new__, Step)
_staged_of: Callable[[Iterable[Any]], StagedFile] = partial(tuple.__new__, StagedFile)

FORMAT = "1"
ROWS_A_GROUP = 1000  # look-ups by path touch one group; larger groups were much slower for that
ROWS_A_FILE = 65_536

_XATTRS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
_ENTRY = [
    ("path", pa.string()),
    ("kind", pa.string()),
    ("size_bytes", pa.int64()),
    ("mtime_ms", pa.int64()),
    ("version", pa.string()),
    ("owner", pa.string()),
    ("group", pa.string()),
    ("mode", pa.int32()),
    ("acl", pa.string()),
    ("xattrs", _XATTRS),
    ("crc32c", pa.uint32()),
    ("crc64nvme", pa.uint64()),
]
_HELD = [
    ("target_version", pa.string()),
    ("target_checksum", pa.string()),
    ("is_settled", pa.bool_()),
    ("is_gone", pa.bool_()),
]
_STEP = [
    ("step", pa.string()),
    ("phase", pa.string()),
    ("reason", pa.string()),
    ("expect", pa.string()),
    ("may_have_landed", pa.bool_()),
    ("origin", pa.string()),
    ("origin_version", pa.string()),
    ("origin_is_like", pa.bool_()),
    ("held_at", pa.string()),
    ("or_absent", pa.bool_()),
]
_STAGED = [
    ("token", pa.string()),
    ("parts", pa.string()),  # JSON: index, receipt, bytes and checksums of each
    ("expect", pa.string()),
    ("or_absent", pa.bool_()),
]
# The others have nearly as many values as rows, so that a dictionary makes them larger and slower to read.
_REPEATED = ["kind", "owner", "group", "acl", "step", "phase", "reason"]
# Zstandard makes half of these what Snappy does. Of the others it saves little, and reading them costs more.
_ZSTD = ["path", "version", "target_version", "target_checksum", "expect", "origin", "origin_version", "token", "parts"]
# Often the same in all rows of a group, which then are not decoded to look some up: statistics tell of them.
FEW_VALUES = frozenset({"kind", "owner", "group", "mode", "acl", "is_settled", "is_gone"})
_COUNTED = ["path", *sorted(FEW_VALUES)]
_ENTRY_COLUMNS, _XATTRS_AT = len(_ENTRY), 9
_NOT_STORED = Entry("")[_ENTRY_COLUMNS:]  # what an entry has besides
_NO_ORIGIN = (None, None, None)
HELD_SCHEMA = pa.schema(_ENTRY + _HELD, metadata={"livedata.format": FORMAT, "livedata.rows": "held"})
_STEP_SCHEMA = pa.schema(_ENTRY + _STEP, metadata={"livedata.format": FORMAT, "livedata.rows": "steps"})
_STAGED_SCHEMA = pa.schema(_ENTRY + _HELD + _STAGED, metadata={"livedata.format": FORMAT, "livedata.rows": "staged"})
_LEAVES = [name for name, _ in _ENTRY + _HELD + _STEP + _STAGED if name != "xattrs"] + [
    "xattrs.list.element.name", "xattrs.list.element.value",
]  # fmt: skip
_CODECS = {name: "zstd" if name in _ZSTD else "snappy" for name in _LEAVES}


def held_to_parquet(rows: Iterable[Held]) -> bytes:
    """Manifest or journal rows, in the order given; taken a row group at a time."""
    return _write(HELD_SCHEMA, rows, _held_columns)


def held_from_parquet(data: bytes, *, name: str) -> Iterator[Held]:
    """The rows of ``held_to_parquet``, a row group in memory at a time.

    Raises:
        StateDamaged: Not such a file, or of a newer format.
    """
    for columns in _read(data, HELD_SCHEMA, name):
        yield from held_rows(columns)


def steps_to_parquet(steps: Iterable[Step]) -> bytes:
    """Steps of a plan, in the order given; taken a row group at a time."""
    return _write(_STEP_SCHEMA, steps, _step_columns)


def steps_from_parquet(data: bytes, *, name: str, backwards: bool = False) -> Iterator[Step]:
    """The steps of ``steps_to_parquet``; ``backwards`` yields the last one first.

    Raises:
        StateDamaged: Not such a file, or of a newer format.
    """
    for columns in _read(data, _STEP_SCHEMA, name, backwards=backwards):
        kinds, phases, reasons, expects, landed, *origins, held_at, or_absent = columns[_ENTRY_COLUMNS:]
        entries, before = _entries(columns), map(_from, *origins)
        yield from map(
            _step_of, zip(kinds, phases, entries, reasons, expects, landed, before, held_at, or_absent, strict=True)
        )


def staged_to_parquet(files: Iterable[StagedFile]) -> bytes:
    """Files that wait to appear, in the order given."""
    return _write(_STAGED_SCHEMA, files, _staged_columns)


def staged_from_parquet(data: bytes, *, name: str) -> Iterator[StagedFile]:
    """The files of ``staged_to_parquet``.

    Raises:
        StateDamaged: Not such a file, or of a newer format.
    """
    for columns in _read(data, _STAGED_SCHEMA, name):
        tokens, parts, *rest = columns[_ENTRY_COLUMNS + 4 :]
        held = held_rows(columns[: _ENTRY_COLUMNS + 4])
        yield from map(_staged_of, zip(held, tokens, map(_to_parts, parts), *rest, strict=True))


def _of_parts(parts: Iterable[Part]) -> str:
    return json.dumps([(p.index, p.receipt, p.size_bytes, *p.checksum) for p in parts])


def _to_parts(text: str) -> tuple[Part, ...]:
    return tuple(Part(index, receipt, size, Checksum(*sums)) for index, receipt, size, *sums in json.loads(text))


# Rows are taken apart and put together a column at a time: a function of Python called for each row or cell would cost more than all
# the rest.


def _entry_columns(entries: Iterable[Entry]) -> list[Column]:
    columns = list(zip(*entries, strict=True))[:_ENTRY_COLUMNS]
    if any(cell is not None for cell in columns[_XATTRS_AT]):
        columns[_XATTRS_AT] = tuple(map(_of_xattrs, columns[_XATTRS_AT]))
    return list(columns)


def _held_columns(rows: Sequence[Held]) -> list[Column]:
    entries, *more = zip(*rows, strict=True)
    return [*_entry_columns(entries), *more]


def _step_columns(steps: Sequence[Step]) -> list[Column]:
    kinds, phases, entries, reasons, expects, landed, origins, held_at, or_absent = zip(*steps, strict=True)
    before = zip(*(origin or _NO_ORIGIN for origin in origins), strict=True)
    return [*_entry_columns(entries), kinds, phases, reasons, expects, landed, *before, held_at, or_absent]


def _staged_columns(files: Sequence[StagedFile]) -> list[Column]:
    rows, tokens, parts, *more = zip(*files, strict=True)
    return [*_held_columns(rows), tokens, tuple(map(_of_parts, parts)), *more]


def _entries(columns: Sequence[Column]) -> Iterator[Entry]:
    plain = list(columns[:_ENTRY_COLUMNS])
    if any(cell is not None for cell in plain[_XATTRS_AT]):
        plain[_XATTRS_AT] = tuple(map(_to_xattrs, plain[_XATTRS_AT]))
    return map(_entry_of, zip(*plain, *map(repeat, _NOT_STORED)))  # noqa: B905 - the latter never end


def held_rows(columns: Sequence[Column]) -> Iterator[Held]:
    """Rows of all columns of ``HELD_SCHEMA``."""
    return map(_held_of, zip(_entries(columns), *columns[_ENTRY_COLUMNS:], strict=True))


def _of_xattrs(xattrs: tuple[tuple[str, bytes], ...] | None) -> list[dict[str, str | bytes]] | None:
    return None if xattrs is None else [{"name": name, "value": value} for name, value in xattrs]


def _to_xattrs(cell: list[dict[str, Any]] | None) -> tuple[tuple[str, bytes], ...] | None:
    return None if cell is None else tuple((one["name"], one["value"]) for one in cell)


def _from(path: str | None, version: str, is_like: bool) -> From | None:  # noqa: FBT001
    return None if path is None else From(path, version, is_like)


def _write(schema: pa.Schema, rows: Iterable[Row], taken_apart: Callable[[list[Row]], list[Column]]) -> bytes:
    sink, rows = io.BytesIO(), iter(rows)
    with pq.ParquetWriter(
        sink, schema, compression=_CODECS, use_dictionary=_REPEATED, write_statistics=_COUNTED
    ) as writer:
        while group := list(islice(rows, ROWS_A_GROUP)):
            columns = zip(taken_apart(group), schema, strict=True)
            arrays = [array_of(column, field.type) for column, field in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return sink.getvalue()


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The values as Arrow has them."""
    if values.count(None) == len(values):
        return pa.nulls(len(values), kind)
    # pyarrow's own conversion imports pandas where that is installed: a second of every start, and 60 MiB.
    return pa.array(values, kind) if pa.types.is_list(kind) else pa.array(nanoarrow.c_array(values, kind))


def _read(data: bytes, schema: pa.Schema, name: str, *, backwards: bool = False) -> Iterator[list[Column]]:
    file = open_parquet(data, schema, name)
    groups = range(file.metadata.num_row_groups)
    for group in reversed(groups) if backwards else groups:
        columns = columns_of(file.read_row_group(group, use_threads=False))
        yield [column[::-1] for column in columns] if backwards else columns


def columns_of(table: pa.Table) -> list[Column]:
    """The values of a table."""
    return [column.to_pylist() for column in table.columns]


def open_parquet(data: bytes, schema: pa.Schema, name: str) -> pq.ParquetFile:
    """Open the bytes of a file of that schema.

    Raises:
        StateDamaged: It is none, or of another format.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise StateDamaged(f"a state file is not readable Parquet: {error}", file=name) from error
    found: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
    if (
        found.get(b"livedata.format") != FORMAT.encode()
        or found.get(b"livedata.rows") != schema.metadata[b"livedata.rows"]
    ):
        raise StateDamaged(
            f"a state file has another format than {FORMAT}: a newer version of livedata wrote it, or something else did; run that "
            "version or a later one here as well; nothing was changed",
            file=name,
        )
    return file
