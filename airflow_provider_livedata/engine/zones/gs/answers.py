"""Google's resources as objects, and bodies of requests. No request is made here."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from airflow_provider_livedata.engine.errors import ZoneError
from airflow_provider_livedata.engine.zones.objects.http import Piece
from airflow_provider_livedata.engine.zones.objects.listing import Listed, milliseconds
from airflow_provider_livedata.engine.zones.objects.metadata import VERSION, mtime_of


def listed(found: Mapping[str, Any], prefix: str) -> Listed:
    """An object of its resource; its name comes without ``prefix``.

    Raises:
        ZoneError: It is none.
    """
    try:
        name, metadata = str(found["name"]), found.get("metadata") or {}
        written = mtime_of(metadata)
        created = milliseconds(datetime.fromisoformat(found["timeCreated"])) if written is None else written
        size_bytes, version = int(found.get("size", 0)), str(found["generation"])
    except (KeyError, ValueError):
        raise ZoneError("the answer lacks what an object has; check the endpoint") from None
    crc32c = int.from_bytes(base64.b64decode(found["crc32c"]), "big") if found.get("crc32c") else None
    return Listed(name.removeprefix(prefix), size_bytes, created, version, crc32c, unquote(metadata.get(VERSION, "")))


def crc32c_text(crc32c: int) -> str:
    """A CRC32C as resources have it."""
    return base64.b64encode(crc32c.to_bytes(4, "big")).decode()


def as_json(about: Mapping[str, Any]) -> list[Piece]:
    """A body that tells something."""
    return [json.dumps(about).encode()]


def related(boundary: str, about: Mapping[str, Any], data: Piece) -> list[Piece]:
    """A body that tells something of the bytes that come with it."""
    head = f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(about)}\r\n"
    head += f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    return [head.encode(), memoryview(data).cast("B"), f"\r\n--{boundary}--\r\n".encode()]
