"""What the suite's tests share: bytes to write, ways to read them back, and whole uploads in one call."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload, Zone

OpenAt = Callable[[str], Zone]  # a new Zone object, rooted at that path below the root of the fixture ``zone``

# Names that some store, client or shell has stumbled over; each is a legal file name on Linux.
NAMES = (
    "plain", "part-00000-9f.snappy.parquet", "year=2024", "with space", " leading", "trailing ", " ", ".hidden",
    "..two", "dot.", "...", "100%", "%2F", "%20", "%", "a+b", "a#b", "a=b", "a&b", "a;b", "a,b", "a!b", "a@b", "a:b",
    "it's", 'say "hi"', "`id`", "$HOME", "${x}", "~", "~root", "-rf", "--", "(a)", "<a>", "a|b", "a^b", "{a,b}", "[a]",
    "[!a]*", "a*b", "a?b", "?x=1", "back\\slash", "\\", "new\nline", "tab\there", "return\r", "\x7f", "\x01",
    "caf\u00e9", "cafe\u0301", "\u65e5\u672c\u8a9e", "\U0001f600", "\uff5e", "\u202egnp", "\u200b", "\ufefffirst", "\u00a0",
    "CON", "a.livedata", "_SUCCESS", "n" * 255, "\u00e9" * 127, "\U0001f600" * 63 + "end",
)  # fmt: skip


def data_of(seed: object, size_bytes: int = 1000) -> bytes:
    """Bytes that look random and are the same for the same seed."""
    return random.Random(repr(seed)).randbytes(size_bytes)


def wrong_checksum_of(data: bytes) -> Checksum:
    """A checksum that does not belong to ``data``."""
    right = checksum_of(data)
    return Checksum(right.crc32c ^ 1, right.crc64nvme ^ 1)


def read(zone: Zone, path: str, offset: int, size_bytes: int, *, version: str = "") -> bytes:
    """Up to ``size_bytes`` bytes of a file from ``offset``."""
    buffer = bytearray(size_bytes)
    count = zone.read_into(path, offset, memoryview(buffer), version=version)
    return bytes(buffer[:count])


def read_all(zone: Zone, path: str) -> bytes:
    """The whole file, asked for with one byte too many, so that a longer one shows."""
    return read(zone, path, 0, stat(zone, path).size_bytes + 1)


def stat(zone: Zone, path: str) -> Entry:
    """The entry at ``path``, which must be there."""
    entry = zone.stat(path)
    assert entry is not None, f"nothing is at {path!r}"
    return entry


def put(zone: Zone, path: str, data: bytes = b"", *, expect: Expect = None) -> Entry:
    """Put with the checksum that belongs to the data."""
    return zone.put(path, data, checksum=checksum_of(data), expect=expect)


def listed(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Paths and kinds."""
    return [(entry.path, entry.kind) for entry in entries]


def keys(zone: Zone, under: str = "") -> list[str]:
    """The keys of a scan."""
    return [entry.key for entry in zone.scan(under)]


def files_below_state(zone: Zone) -> list[str]:
    """Files in ``.livedata``: what a store that stages there has left."""
    return [entry.path for entry in zone.scan(".livedata") if entry.kind == "file"]


def cut(data: bytes, part_bytes: int) -> list[bytes]:
    """The parts of ``data``."""
    return [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]


def send(upload: Upload, data: bytes) -> list[Part]:
    """Send all parts in order; an empty file has one empty part."""
    pieces = cut(data, upload.part_bytes) or [b""]
    return [upload.part(index, piece, checksum_of(piece)) for index, piece in enumerate(pieces)]


def upload_whole(
    zone: Zone, path: str, data: bytes, *, attributes: Attributes | None = None, expect: Expect = None
) -> Entry:
    """Write a file in parts."""
    upload = zone.begin(path, len(data), attributes=attributes)
    parts = send(upload, data)
    if not zone.facts.puts_publish:  # elsewhere the open upload is staging enough
        upload.stage(parts, checksum_of(data))
    return upload.complete(parts, checksum_of(data), expect=expect)
