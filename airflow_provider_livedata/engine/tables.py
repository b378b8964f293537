"""Rows of manifests, journals and plans as Parquet bytes and back. The formats are fixed in docs/formats.md."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import nanoarrow
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_livedata.engine.cover import Cover
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Checksum, Entry, From, Held, Part, StagedFile, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_FEW = 32
_NO_ORIGIN = (None, None, None)
_HELD_SCHEMA = pa.schema(_ENTRY + _HELD, metadata={"livedata.format": FORMAT, "livedata.rows": "held"})
_STEP_SCHEMA = pa.schema(_ENTRY + _STEP, metadata={"livedata.format": FORMAT, "livedata.rows": "steps"})
_STAGED_SCHEMA = pa.schema(_ENTRY + _HELD + _STAGED, metadata={"livedata.format": FORMAT, "livedata.rows": "staged"})


def held_to_parquet(rows: Iterable[Held]) -> bytes:
    """Manifest or journal rows, in the order given; taken a row group at a time."""
    return _write(_HELD_SCHEMA, ((*_cells(r.entry), *r[1:]) for r in rows))


def held_from_parquet(data: bytes, *, name: str) -> Iterator[Held]:
    """The rows of ``held_to_parquet``, a row group in memory at a time.

    Raises:
        StateDamaged: Not such a file, or of a newer format.
    """
    for cells in _read(data, _HELD_SCHEMA, name):
        yield Held(_entry(cells), *cells[12:])


def held_in(data: bytes, cover: Cover, *, name: str) -> Iterator[Held]:
    """Those rows of ``held_to_parquet`` that a cover holds; row groups without any are not decoded.

    Raises:
        StateDamaged: See ``held_from_parquet``.
    """
    file = _open(data, _HELD_SCHEMA, name)
    for group in range(file.metadata.num_row_groups):
        seen = file.metadata.row_group(group).column(0).statistics
        if seen is not None and seen.has_min_max:
            if not cover.touches_paths(seen.min, seen.max):
                continue
            near = cover.near(seen.min, seen.max)
        else:
            near = frozenset(cover.paths), tuple(f"{path}/" for path in cover.trees)
        table = file.read_row_group(group, use_threads=False)
        wanted = _within(table.column(0).to_pylist(), *near)
        if wanted:
            for cells in _rows_of(table, wanted):
                yield Held(_entry(cells), *cells[12:])


def _rows_of(table: pa.Table, wanted: list[int]) -> Iterator[tuple[Any, ...]]:
    if len(wanted) > _FEW:
        taken = table.take(pa.array(nanoarrow.c_array(wanted, pa.int64())))
        return zip(*(column.to_pylist() for column in taken.columns), strict=True)
    columns = [column.chunk(0) for column in table.columns]  # a row group has one each
    return (tuple(column[n].as_py() for column in columns) for n in wanted)


def _within(column: list[str], paths: frozenset[str], roots: tuple[str, ...]) -> list[int]:
    if roots:
        return [n for n, path in enumerate(column) if path in paths or path.startswith(roots)]
    return [n for n, path in enumerate(column) if path in paths]


def steps_to_parquet(steps: Iterable[Step]) -> bytes:
    """Steps of a plan, in the order given; taken a row group at a time."""
    return _write(
        _STEP_SCHEMA,
        (
            (
                *_cells(s.entry),
                s.kind,
                s.phase,
                s.reason,
                s.expect,
                s.may_have_landed,
                *(s.origin or _NO_ORIGIN),
                *s[7:],
            )
            for s in steps
        ),
    )


def steps_from_parquet(data: bytes, *, name: str, backwards: bool = False) -> Iterator[Step]:
    """The steps of ``steps_to_parquet``; ``backwards`` yields the last one first.

    Raises:
        StateDamaged: Not such a file, or of a newer format.
    """
    for cells in _read(data, _STEP_SCHEMA, name, backwards=backwards):
        kind, phase, reason, expect, may_have_landed, path, version, is_like, *held = cells[12:]
        origin = None if path is None else From(path, version, is_like)
        yield Step(kind, phase, _entry(cells), reason, expect, may_have_landed, origin, *held)


def staged_to_parquet(files: Iterable[StagedFile]) -> bytes:
    """Files that wait to appear, in the order given."""
    return _write(
        _STAGED_SCHEMA, ((*_cells(f.row.entry), *f.row[1:], f.token, _of_parts(f.parts), *f[3:]) for f in files)
    )


def staged_from_parquet(data: bytes, *, name: str) -> Iterator[StagedFile]:
    """The files of ``staged_to_parquet``.

    Raises:
        StateDamaged: Not such a file, or of a newer format.
    """
    for cells in _read(data, _STAGED_SCHEMA, name):
        token, parts, *rest = cells[16:]
        yield StagedFile(Held(_entry(cells), *cells[12:16]), token, _to_parts(parts), *rest)


def _of_parts(parts: Iterable[Part]) -> str:
    return json.dumps([(p.index, p.receipt, p.size_bytes, *p.checksum) for p in parts])


def _to_parts(text: str) -> tuple[Part, ...]:
    return tuple(Part(index, receipt, size, Checksum(*sums)) for index, receipt, size, *sums in json.loads(text))


def _cells(entry: Entry) -> tuple[Any, ...]:
    xattrs = None if entry.xattrs is None else [{"name": name, "value": value} for name, value in entry.xattrs]
    return (*entry[:9], xattrs, entry.crc32c, entry.crc64nvme)


def _entry(cells: tuple[Any, ...]) -> Entry:
    xattrs = None if cells[9] is None else tuple((x["name"], x["value"]) for x in cells[9])
    path, kind, size_bytes, mtime_ms, version, owner, group, mode, acl = cells[:9]
    return Entry(path, kind, size_bytes, mtime_ms, version, owner, group, mode, acl, xattrs, cells[10], cells[11])


def _write(schema: pa.Schema, rows: Iterator[tuple[Any, ...]]) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink, schema, compression="zstd", use_dictionary=_REPEATED, write_statistics=["path"]
    ) as writer:
        while group := list(islice(rows, ROWS_A_GROUP)):
            columns = zip(zip(*group, strict=True), schema, strict=True)
            arrays = [_array(column, field.type) for column, field in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return sink.getvalue()


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    # pyarrow's own conversion imports pandas where that is installed: a second of every start, and 60 MiB.
    if not pa.types.is_list(kind):
        return pa.array(nanoarrow.c_array(values, kind))
    if all(value is None for value in values):
        return pa.nulls(len(values), kind)
    return pa.array(values, kind)


def _read(data: bytes, schema: pa.Schema, name: str, *, backwards: bool = False) -> Iterator[tuple[Any, ...]]:
    file = _open(data, schema, name)
    groups = range(file.metadata.num_row_groups)
    for group in reversed(groups) if backwards else groups:
        table = file.read_row_group(group, use_threads=False)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        yield from reversed(list(rows)) if backwards else rows


def _open(data: bytes, schema: pa.Schema, name: str) -> pq.ParquetFile:
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
