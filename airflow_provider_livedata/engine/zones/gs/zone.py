"""A bucket of Google Cloud Storage, or a prefix in one, as a zone.

What is proved: the store compares what arrives with the CRC32C that comes along, of each file and each part, and refuses other
bytes; it keeps the CRC32C of every object, of those put together from parts too, and tells it by itself in listings and stat. MD5,
which it keeps of objects that came in one piece alone, is not asked for: nothing here computes it.
``version`` is the generation. See objects/zone.py for the rest.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_livedata.engine.checksums import store_text
from airflow_provider_livedata.engine.errors import BadOption, PathMissing, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.gs import upload as gs_upload
from airflow_provider_livedata.engine.zones.gs.options import GsOptions
from airflow_provider_livedata.engine.zones.gs.store import GsStore
from airflow_provider_livedata.engine.zones.objects.listing import file_of
from airflow_provider_livedata.engine.zones.objects.store import NOTHING
from airflow_provider_livedata.engine.zones.objects.uploads import sweep
from airflow_provider_livedata.engine.zones.objects.zone import ObjectZone

MIB = 1 << 20
MAX_FILE_BYTES = 5 << 40
MAX_KEY_BYTES = 1024
MAX_PARTS = gs_upload.AT_ONCE**3  # put together in three steps
RESERVED = ".well-known/acme-challenge/"
BUNDLE_BYTES = 4 * MIB  # an upload takes three requests, as on S3
CLIENT_BYTES = MIB


class GsZone(ObjectZone):
    """See the module's text. Thread-safe; for more than 64 threads raise the option ``connections``."""

    _store: GsStore

    def __init__(self, address: Address, options: GsOptions) -> None:
        super().__init__(GsStore(address, _facts(address, options), options), options.connections)

    @classmethod
    def open(cls, address: Address, **options: Any) -> GsZone:
        """Open ``gs://bucket/prefix``; the options are the fields of ``GsOptions``. Sends nothing yet.

        Raises:
            BadOption: Not one of them, or not a value of it.
            CredentialsRefused: A key file that cannot be read.
        """
        if not address.authority:
            raise BadOption("the address names no bucket; write gs://bucket/prefix", address=str(address))
        if f"{address.path}/".startswith(RESERVED):
            raise BadOption(
                f"the store reserves names that begin with {RESERVED}; choose another prefix", address=str(address)
            )
        unknown = set(options) - set(GsOptions.__dataclass_fields__)
        if unknown:
            raise BadOption(
                "a zone of Google Cloud Storage has no such options", options=sorted(unknown), address=str(address)
            )
        return cls(address, GsOptions(**options))

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See Zone.begin."""
        if size_bytes > MAX_FILE_BYTES:
            raise Unsupported(
                "larger than the 5 TiB that the store takes; exclude it", path=path, size_bytes=size_bytes
            )
        return gs_upload.begin(self._store, path, size_bytes, self.facts.part_bytes(size_bytes), attributes)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See Zone.resume."""
        return gs_upload.GsUpload.resumed(self._store, path, token, size_bytes, attributes)

    def sweep_uploads(self, older_than_ms: int) -> int:
        """See ObjectZone."""
        return sweep(self._store, gs_upload.STAGE, older_than_ms)

    def store_checksum(self, path: str) -> str:
        """See StoreChecksum: ``crc32c:``, which the store itself computed.

        Raises:
            PathMissing: Nothing is there.
        """
        found = self._store.head(self._store.key(path))
        if found is None:
            raise PathMissing(NOTHING, address=str(self.address), path=path)
        return store_text(file_of(found))

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See Moves: the store copies, and the origin stays."""
        return file_of(self._store.copy(self._store.key(origin), self._store.key(path), version=version, checksum=checksum,
                                        attributes=attributes, expect=expect))  # fmt: skip


def _facts(address: Address, options: GsOptions) -> Facts:
    return Facts(
        scheme="gs",
        min_part_bytes=MIB,
        usual_part_bytes=options.part_bytes,
        max_parts=MAX_PARTS,
        max_put_bytes=MAX_FILE_BYTES,
        max_key_bytes=MAX_KEY_BYTES - len(f"{address.path}/".encode() if address.path else b""),
        forbidden_characters=frozenset("\r\n"),
        forbidden_beginnings=_reserved_below(f"{address.path}/" if address.path else ""),
        has_directories=False,
        reading_bytes=CLIENT_BYTES,
        writing_bytes=CLIENT_BYTES,
        bundle_bytes=BUNDLE_BYTES,
        checksums=frozenset({"crc32c"}),
        attributes=frozenset({"mtime_ms", "source_version"}),
    )


def _reserved_below(prefix: str) -> tuple[str, ...]:
    """The reserved beginning of names as paths below a prefix see it."""
    return (RESERVED.removeprefix(prefix),) if RESERVED.startswith(prefix) else ()
