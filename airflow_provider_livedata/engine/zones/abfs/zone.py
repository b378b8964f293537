"""A container of Azure Blob Storage or ADLS Gen2, or a directory in one, as a zone.

What is proved: the store compares what arrives with the CRC-64 that comes along, of each file and each block, and refuses other
bytes; blocks become visible only after their checksums were found to make up the file's. What is not: the store keeps no checksum of
a blob that it could be asked for later (an MD5 that it tells is what its writer said), so what lies there is proved by reading it.
``version`` is the ETag. See objects/zone.py for the rest.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_livedata.engine.errors import BadOption, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts
from airflow_provider_livedata.engine.zones.abfs import upload as abfs_upload
from airflow_provider_livedata.engine.zones.abfs.options import AbfsOptions
from airflow_provider_livedata.engine.zones.abfs.store import AbfsStore
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.objects.uploads import sweep
from airflow_provider_livedata.engine.zones.objects.zone import ObjectZone

MIB = 1 << 20
MAX_PUT_BYTES = 5_000 * MIB
MAX_BLOCK_BYTES = 4_000 * MIB
MAX_BLOCKS = 50_000
MAX_KEY_CHARACTERS = 1_024
MAX_NAMES = 254
BUNDLE_BYTES = 4 * MIB  # an upload takes four requests
CLIENT_BYTES = MIB
# Control characters are not allowed in names, what XML cannot hold cannot be listed, and a backslash becomes a slash.
_NOT_IN_NAMES = frozenset(map(chr, [*range(1, 32), *range(127, 160), 0x5C, 0xFFFE, 0xFFFF]))


class AbfsZone(ObjectZone):
    """See the module's text. Thread-safe; for more than 64 threads raise the option ``connections``."""

    _store: AbfsStore

    def __init__(self, address: Address, options: AbfsOptions) -> None:
        super().__init__(AbfsStore(address, _facts(address, options), options), options.connections)

    @classmethod
    def open(cls, address: Address, **options: Any) -> AbfsZone:
        """Open ``abfs://container/directory``; the options are the fields of ``AbfsOptions``. Sends nothing yet.

        Raises:
            BadOption: Not one of them, or not a value of it.
            CredentialsRefused: A key that is none.
        """
        if not address.authority:
            raise BadOption("the address names no container; write abfs://container/directory", address=str(address))
        unknown = set(options) - set(AbfsOptions.__dataclass_fields__)
        if unknown:
            raise BadOption("a zone of Azure has no such options", options=sorted(unknown), address=str(address))
        return cls(address, AbfsOptions(**options))

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See Zone.begin."""
        if size_bytes > MAX_BLOCKS * MAX_BLOCK_BYTES:
            raise Unsupported("larger than the store takes; exclude it", path=path, size_bytes=size_bytes)
        return abfs_upload.begin(self._store, path, size_bytes, self.facts.part_bytes(size_bytes), attributes)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See Zone.resume."""
        return abfs_upload.AbfsUpload.resumed(self._store, path, token, size_bytes, attributes)

    def sweep_uploads(self, older_than_ms: int) -> int:
        """See ObjectZone."""
        return sweep(self._store, abfs_upload.STAGE, older_than_ms)

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See Moves: the store copies, and the origin stays."""
        return abfs_upload.copy(self._store, self._store.key(origin), self._store.key(path), version=version, checksum=checksum,
                                attributes=attributes, expect=expect)  # fmt: skip


def _facts(address: Address, options: AbfsOptions) -> Facts:
    prefix = f"{address.path}/" if address.path else ""
    return Facts(
        scheme="abfs",
        min_part_bytes=MIB,
        usual_part_bytes=options.part_bytes,
        max_part_bytes=MAX_BLOCK_BYTES,
        max_parts=MAX_BLOCKS,
        max_put_bytes=MAX_PUT_BYTES,
        max_key_characters=MAX_KEY_CHARACTERS - len(prefix),
        max_names=MAX_NAMES - prefix.count("/"),
        forbidden_characters=_NOT_IN_NAMES,
        forbidden_endings=(".",),
        has_directories=False,
        reading_bytes=CLIENT_BYTES,
        writing_bytes=CLIENT_BYTES,
        bundle_bytes=BUNDLE_BYTES,
        attributes=frozenset({"mtime_ms", "source_version"}),
    )
