"""What goes along with an object: attributes as user metadata.

mtime              seconds since 1970 as decimal text, as rclone and others write and read it
livedata-version   version of the source file, percent-encoded
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

from airflow_provider_livedata.engine.model import Attributes

MTIME, VERSION = "mtime", "livedata-version"


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
