"""Azure's answers as objects, and what goes along with a blob as its headers say it. No request is made here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from airflow_provider_livedata.engine.errors import ZoneError
from airflow_provider_livedata.engine.zones.objects.http import Answer
from airflow_provider_livedata.engine.zones.objects.listing import Listed, Page, milliseconds
from airflow_provider_livedata.engine.zones.objects.metadata import VERSION, mtime_of

FOLDER = "hdi_isfolder"
_META = "x-ms-meta-"
_KEPT = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control")


def page_of(body: bytes, prefix: str) -> Page:
    """Read a page of a listing; its names come without ``prefix``.

    Raises:
        ValueError, TypeError, ElementTree.ParseError: It is none.
    """
    root = ElementTree.fromstring(body)  # expat resolves no external entity and bounds expansion
    if root.tag != "EnumerationResults":  # an error's or a proxy's page would be read as an empty one, and the last
        raise ValueError(f"no listing: {root.tag}")
    return Page([_of_listing(one, prefix) for one in root.iterfind("Blobs/Blob")], root.findtext("NextMarker") or "")


def _of_listing(one: ElementTree.Element, prefix: str) -> Listed:
    named = one.find("Name")
    name = (named.text or "") if named is not None else ""
    if named is not None and named.get("Encoded") == "true":
        name = unquote(name)
    metadata = {_ours(found.tag): found.text or "" for found in one.iterfind("Metadata/*")}
    if one.findtext("Properties/ResourceType") == "directory":
        metadata[FOLDER] = "true"
    size, modified, etag = (
        one.findtext(f"Properties/{tag}", "") for tag in ("Content-Length", "Last-Modified", "Etag")
    )
    written = milliseconds(parsedate_to_datetime(modified))
    return listed(name.removeprefix(prefix), int(size or 0), written, etag.strip('"'), metadata)


def blob_of(key: str, answer: Answer) -> Listed:
    """A blob of its headers."""
    modified = milliseconds(parsedate_to_datetime(answer.headers["Last-Modified"]))
    return listed(
        key, int(answer.headers.get("Content-Length", "0")), modified, etag_of(answer), metadata_in(answer.headers)
    )


def kept_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """A blob's headers as a writer gives them."""
    return {f"x-ms-blob-{name.lower()}": str(headers[name]) for name in _KEPT if headers.get(name)}


def listed(key: str, size_bytes: int, written: int, version: str, metadata: Mapping[str, str]) -> Listed:
    """A blob, written at that time unless its metadata tells another."""
    mtime_ms = mtime_of(metadata)
    source = unquote(metadata.get(VERSION, ""))
    return Listed(
        key, size_bytes, written if mtime_ms is None else mtime_ms, version, None, source, is_folder(metadata)
    )


def is_folder(metadata: Mapping[str, str]) -> bool:
    """Whether a blob marks a directory."""
    return metadata.get(FOLDER, "").lower() == "true"


def etag_of(answer: Answer) -> str:
    """The version.

    Raises:
        ZoneError: There is none.
    """
    found = answer.headers.get("ETag", "").strip('"')
    if not found:
        raise ZoneError("the answer has no ETag: this does not speak as Azure Blob Storage does; check the endpoint")
    return found


def metadata_in(headers: Mapping[str, Any]) -> dict[str, str]:
    """What writers left beside a blob."""
    return {_ours(name[len(_META) :]): str(value) for name, value in headers.items() if name.lower().startswith(_META)}


def _ours(name: str) -> str:
    # names of metadata are identifiers there
    return name.lower().replace("livedata_", "livedata-")


def as_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata as a writer gives it."""
    return {_META + name.replace("-", "_"): value for name, value in metadata.items()}


def crc64_text(crc64: int) -> str:
    """A CRC-64 as headers have it."""
    return base64.b64encode(crc64.to_bytes(8, "little")).decode()
