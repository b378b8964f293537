"""Whole-file checksums as S3 writes them, and entries from its answers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

from airflow_provider_livedata.engine.model import Checksum, Entry
from airflow_provider_livedata.engine.zones.objects.listing import milliseconds
from airflow_provider_livedata.engine.zones.objects.metadata import VERSION, mtime_of

Kind = Literal["crc64nvme", "crc32c"]
ALGORITHMS: Mapping[Kind, str] = {"crc64nvme": "CRC64NVME", "crc32c": "CRC32C"}
_WIDTHS: Mapping[Kind, int] = {"crc64nvme": 8, "crc32c": 4}


def checksum_fields(kind: Kind, checksum: Checksum) -> dict[str, str]:
    """The request's field that gives S3 a checksum, for example ``{"ChecksumCRC32C": "yZRlqg=="}``."""
    value: int = getattr(checksum, kind)
    return {f"Checksum{ALGORITHMS[kind]}": base64.b64encode(value.to_bytes(_WIDTHS[kind], "big")).decode()}


def checksums_in(answer: Mapping[str, Any]) -> dict[Kind, int]:
    """Whole-file checksums that a HEAD tells; those composed from the parts' checksums are left out."""
    if answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return {}
    given = {kind: answer.get(f"Checksum{name}", "-") for kind, name in ALGORITHMS.items()}
    return {kind: int.from_bytes(base64.b64decode(text), "big") for kind, text in given.items() if "-" not in text}


def written(entry: Entry, metadata: Mapping[str, str], kind: Kind, checksum: Checksum, now: int) -> Entry:
    """What stat will tell of a file just written: ``now`` stands in for the store's clock where no mtime was given."""
    mtime_ms = mtime_of(metadata)
    return Entry(
        entry.path,
        size_bytes=entry.size_bytes,
        mtime_ms=now if mtime_ms is None else mtime_ms,
        version=entry.version,
        crc32c=checksum.crc32c if kind == "crc32c" else None,
        crc64nvme=checksum.crc64nvme if kind == "crc64nvme" else None,
        source_version=unquote(metadata.get(VERSION, "")),
    )


def entry_of(path: str, answer: Mapping[str, Any]) -> Entry:
    """The entry of a file from the answer to its HEAD."""
    metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
    mtime_ms, checksums = mtime_of(metadata), checksums_in(answer)
    return Entry(
        path,
        size_bytes=answer["ContentLength"],
        mtime_ms=milliseconds(answer["LastModified"]) if mtime_ms is None else mtime_ms,
        version=answer["ETag"].strip('"'),
        source_version=unquote(metadata.get(VERSION, "")),
        crc32c=checksums.get("crc32c"),
        crc64nvme=checksums.get("crc64nvme"),
    )
