"""The XML of a listing, as pages of objects."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from airflow_provider_livedata.engine.errors import ZoneError
from airflow_provider_livedata.engine.zones.objects.listing import Listed, Page, milliseconds


def parse_page(body: bytes, skip: str = "") -> Page:
    """Read the XML of a page; its keys must begin with ``skip`` and come without it.

    Raises:
        ZoneError: It is none, or not one of ListObjectsV2.

    Source: Amazon S3 API reference, ListObjectsV2; with EncodingType url keys come percent-encoded, "+" for a space.
    """
    root = ElementTree.fromstring(body)  # expat resolves no external entity and bounds expansion
    space, _, name = root.tag.rpartition("}")
    if name != "ListBucketResult":
        raise ZoneError("the store answered a listing with something else; check the endpoint", answer=name)
    space = f"{space}}}" if space else ""
    encodes = root.findtext(f"{space}EncodingType") == "url"
    names = [f"{space}{one}" for one in ("Key", "Size", "LastModified", "ETag")]
    objects = [_listed([one.findtext(name, "") for name in names], skip, encodes=encodes)
               for one in root.iterfind(f"{space}Contents")]  # fmt: skip
    goes_on = root.findtext(f"{space}IsTruncated") == "true"
    token = root.findtext(f"{space}NextContinuationToken", "") if goes_on else ""
    if goes_on and not token:  # as the last page it would make the rest look deleted
        raise ZoneError("the store says that its listing goes on, and not how: it does not speak ListObjectsV2; check the endpoint, "
                        "or use a version of the store that does")  # fmt: skip
    return Page(objects, token, encodes)


def _listed(texts: list[str], skip: str, *, encodes: bool) -> Listed:
    key, size, modified, etag = texts
    if encodes and ("%" in key or "+" in key):
        key = unquote_plus(key, errors="surrogateescape")
    if not key.startswith(skip):
        raise ZoneError("the store lists a key that was not asked for; it is not listed here", key=key, prefix=skip)
    return Listed(key[len(skip) :], int(size or 0), milliseconds(datetime.fromisoformat(modified)), etag.strip('"'))
