"""CRC32C and CRC-64/NVME of bytes as they stream, and of a whole file from its parts. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from awscrt import checksums as crt

from airflow_provider_livedata.engine.model import Checksum, Entry, Part

EMPTY = Checksum(0, 0)


def checksum_of(data: bytes | bytearray | memoryview, before: Checksum = EMPTY) -> Checksum:
    """Both checksums of ``data``, or of what ``before`` covers followed by ``data``."""
    return Checksum(crt.crc32c(data, before.crc32c), crt.crc64nvme(data, before.crc64nvme))


def combine(parts: Iterable[Part]) -> Checksum:
    """The checksum of the whole file, its parts given in index order."""
    whole = EMPTY
    for part in parts:
        whole = Checksum(
            crt.combine_crc32c(whole.crc32c, part.checksum.crc32c, part.size_bytes),
            crt.combine_crc64nvme(whole.crc64nvme, part.checksum.crc64nvme, part.size_bytes),
        )
    return whole


def store_text(entry: Entry) -> str:
    """The checksum that a store keeps of ``entry``, as ``kind:value``; "" where it keeps none."""
    if entry.crc64nvme is not None:
        return f"crc64nvme:{entry.crc64nvme:016x}"
    return f"crc32c:{entry.crc32c:08x}" if entry.crc32c is not None else ""


def agrees(entry: Entry, found: Checksum) -> bool:
    """Whether a checksum is that of an entry, as far as it has any."""
    pairs = ((entry.crc32c, found.crc32c), (entry.crc64nvme, found.crc64nvme))
    return all(ours is None or ours == theirs for ours, theirs in pairs)
