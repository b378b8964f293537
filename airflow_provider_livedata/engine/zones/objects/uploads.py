"""What uploads to stores have in common that keep something below ``.livedata/stage`` while they are open: tokens, and what is swept.

<stage>/<name>...    name: when the upload was begun, in epoch milliseconds, and a random part
"""

from __future__ import annotations

import json
import uuid
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Generic, Self, TypeVar

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ObjectChanged,
    PathMissing,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.objects.listing import Listed, file_of
from airflow_provider_livedata.engine.zones.objects.metadata import metadata_of
from airflow_provider_livedata.engine.zones.objects.parts import refuse_gaps, refuse_others
from airflow_provider_livedata.engine.zones.objects.store import ObjectStore

Store = TypeVar("Store", bound=ObjectStore)

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


class StagedUpload(Upload, Generic[Store]):
    """An upload whose parts are durable before the file appears; a store says how they are sent, and what makes them a file."""

    def __init__(self, store: Store, path: str, token: Token) -> None:
        self.token, self.part_bytes = str(token), token.part_bytes
        self._store, self._path, self._about = store, path, token

    @classmethod
    def resumed(cls, store: Store, path: str, text: str, size_bytes: int, attributes: Attributes | None) -> Self | None:
        """Take up an upload; None when nothing is left of it, or it was begun for another size or other attributes."""
        token = token_of(text, size_bytes, attributes)
        upload = cls(store, path, token) if token else None
        return upload if upload and upload.is_open() else None

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """Check that the parts make up the file; they are durable already."""
        self._refuse(parts, checksum)
        return Entry(self._path, size_bytes=self._about.size_bytes)

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """Make the file visible. When an earlier completion took place, say what it did."""
        self._refuse(parts, checksum)
        try:
            landed = self._appear(parts, checksum, expect)
        except (PathMissing, AlreadyExists, ObjectChanged, ZoneUnreachable):
            done = self._completed_before(checksum)
            if done is None:
                raise
            landed = done
        with suppress(ZoneError):  # what stays is swept
            self.abort()
        return file_of(landed)

    @abstractmethod
    def is_open(self) -> bool:
        """Whether what it keeps while it is open is there."""

    @abstractmethod
    def _appear(self, parts: Sequence[Part], checksum: Checksum, expect: Expect) -> Listed:
        """Have the store make a file of the parts."""

    @abstractmethod
    def _completed_before(self, checksum: Checksum) -> Listed | None:
        """The file, where this upload has brought it already."""

    def _refuse(self, parts: Sequence[Part], checksum: Checksum) -> None:
        refuse_gaps(parts, self._about.size_bytes, self._path)
        refuse_others(parts, checksum, self._path)
