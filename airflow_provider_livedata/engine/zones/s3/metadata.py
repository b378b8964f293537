"""What goes along with an object: attributes as user metadata, whole-file checksums as S3 writes them.

mtime              seconds since 1970 as decimal text, as rclone and others write and read it
livedata-version   version of the source file, percent-encoded
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from urllib.parse import quote, unquote

from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry
from airflow_provider_livedata.engine.zones.s3.listing import milliseconds

Kind = Literal["crc64nvme", "crc32c"]
MTIME, VERSION = "mtime", "livedata-version"
ALGORITHMS: Mapping[Kind, str] = {"crc64nvme": "CRC64NVME", "crc32c": "CRC32C"}
_WIDTHS: Mapping[Kind, int] = {"crc64nvme": 8, "crc32c": 4}


def metadata_of(attributes: Attributes | None) -> dict[str, str]:
    """User metadata that keeps what S3 can keep of the attributes."""
    if attributes is None:
        return {}
    kept = {}
    if attributes.mtime_ms is not None:
        seconds, rest = divmod(abs(attributes.mtime_ms), 1000)
        kept[MTIME] = f"{'-' if attributes.mtime_ms < 0 else ''}{seconds}.{rest:03d}"
    if attributes.source_version:
        kept[VERSION] = quote(attributes.source_version, safe=":;,=+@/")
    return kept


_AS_WE_WRITE = re.compile(r"([0-9]+)\.([0-9]{3})")


def mtime_of(metadata: Mapping[str, str]) -> int | None:
    """The modification time that a writer left, in epoch milliseconds, rounded down; None where there is none."""
    ours = _AS_WE_WRITE.fullmatch(metadata.get(MTIME, ""))
    if ours is not None:
        return int(ours[1] + ours[2])
    try:
        return int(Decimal(metadata[MTIME]).scaleb(3) // 1)
    except (KeyError, InvalidOperation, OverflowError, ValueError):
        return None


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
