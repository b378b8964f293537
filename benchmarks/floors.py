"""The floors beside the copies: read everything and keep nothing, write everything from memory. Both by our zones."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from airflow_provider_livedata.engine.checksums import checksum_of, combine
from airflow_provider_livedata.engine.model import Part
from airflow_provider_livedata.engine.zones.base import Upload, Zone
from benchmarks.shapes import Shape

PART_BYTES = 8 << 20


def read_all(zone: Zone, *, files: int, size_bytes: int, threads: int) -> int:
    """Read all files of a shape, a task a part; the number of bytes."""
    mine = threading.local()

    def read(task: tuple[str, int]) -> int:
        if not hasattr(mine, "buffer"):
            mine.buffer = bytearray(min(PART_BYTES, size_bytes))
        path, offset = task
        return zone.read_into(path, offset, memoryview(mine.buffer)[: min(PART_BYTES, size_bytes - offset)])

    paths = Shape("read", files, size_bytes).paths()
    tasks = [(path, offset) for path in paths for offset in range(0, size_bytes, PART_BYTES)]
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(read, tasks))


def write_all(zone: Zone, *, files: int, size_bytes: int, threads: int) -> int:
    """Write all files of a shape from memory, a task a part where the zone takes parts in any order; the number of bytes."""
    shape, data = Shape("written", files, size_bytes), os.urandom(min(size_bytes, PART_BYTES))
    with ThreadPoolExecutor(threads) as pool:
        if zone.facts.puts_publish and size_bytes <= PART_BYTES:
            checksum = checksum_of(data)
            return sum(pool.map(lambda path: zone.put(path, data, checksum=checksum).size_bytes, shape.paths()))
        if zone.facts.in_order:
            return sum(pool.map(lambda path: _write_in_order(zone, path, size_bytes, data), shape.paths()))
        return _write_parts(zone, shape, data, pool)


def _write_in_order(zone: Zone, path: str, size_bytes: int, data: bytes) -> int:
    upload = zone.begin(path, size_bytes)
    parts = [upload.part(n, piece, checksum_of(piece)) for n, piece in enumerate(_pieces(data, size_bytes))]
    upload.stage(parts, combine(parts))
    return upload.complete(parts, combine(parts)).size_bytes


def _write_parts(zone: Zone, shape: Shape, data: bytes, pool: ThreadPoolExecutor) -> int:
    def send(task: tuple[Upload, int, bytes]) -> Part:
        upload, index, piece = task
        return upload.part(index, piece, checksum_of(piece))

    uploads = [zone.begin(path, shape.size_bytes) for path in shape.paths()]
    pieces = list(enumerate(_pieces(data, shape.size_bytes)))
    sent = pool.map(send, [(upload, *piece) for upload in uploads for piece in pieces])
    whole = [(upload, [next(sent) for _ in pieces]) for upload in uploads]
    return sum(pool.map(lambda one: one[0].complete(one[1], combine(one[1])).size_bytes, whole))


def _pieces(data: bytes, size_bytes: int) -> Iterator[bytes]:
    for offset in range(0, size_bytes, PART_BYTES):
        left = size_bytes - offset
        yield data if left >= len(data) else data[:left]
