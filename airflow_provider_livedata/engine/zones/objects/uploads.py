"""What uploads to stores have in common that keep something below ``.livedata/stage`` while they are open: tokens, and what is swept.

<stage>/<name>...    name: when the upload was begun, in epoch milliseconds, and a random part
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.objects.listing import Listed
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.objects.store import ObjectStore

OURS = "livedata-upload"  # metadata that tells later which upload brought a file


@dataclass(frozen=True, slots=True)
class Token:
    """What another process needs to go on. Not a secret: without credentials it opens nothing."""

    name: str
    part_bytes: int
    size_bytes: int
    metadata: dict[str, str]

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


def new_token(size_bytes: int, part_bytes: int, attributes: Attributes | None) -> Token:
    """That of an upload that begins now."""
    name = f"{now_ms():013d}-{uuid.uuid4().hex}"
    return Token(name, part_bytes, size_bytes, {**metadata_of(attributes), OURS: name})


def token_of(text: str, size_bytes: int, attributes: Attributes | None) -> Token | None:
    """Read one; None for what is none, or is of an upload for another size or other attributes."""
    try:
        token = Token(**json.loads(text))
    except (ValueError, TypeError):
        return None
    if _begun_ms(token.name) is None or token.size_bytes != size_bytes:
        return None
    if attributes is not None and {**metadata_of(attributes), OURS: token.name} != token.metadata:
        return None
    return token


def _begun_ms(name: object) -> int | None:
    moment, dash, rest = str(name).partition("-")
    return int(moment) if moment.isdecimal() and dash and rest.isalnum() else None


def listed(store: ObjectStore, under: str) -> Iterator[Listed]:
    """All objects whose keys begin so."""
    token = ""
    while True:
        page = store.page(under, token=token)
        yield from page.objects
        token = page.token
        if not token:
            return


def sweep(store: ObjectStore, stage: str, older_than_ms: int) -> int:
    """Remove what uploads that were begun before keep below ``stage``; return how many uploads there were."""
    found = set()
    for one in listed(store, f"{stage}/"):
        name = one.key.removeprefix(f"{stage}/").partition("/")[0]
        begun = _begun_ms(name)
        if begun is not None and begun < older_than_ms:
            store.delete(one.key, one.version)
            found.add(name)
    return len(found)
