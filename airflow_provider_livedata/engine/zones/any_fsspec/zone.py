"""Any other filesystem, by fsspec: ``fsspec+sftp://conn_id@host/path``.

A source as each filesystem allows; a target where files can be renamed and the user promises that nobody else writes. What such a zone
cannot promise it says itself (``Cautions``).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BadAddress,
    IsADirectory,
    NotADirectory,
    NotEmpty,
    ObjectChanged,
    PathMissing,
    Unsupported,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts, Failure
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.any_fsspec.errors import engine_errors
from airflow_provider_livedata.engine.zones.any_fsspec.filesystems import (
    Filesystems,
    filesystem_of,
    protocol_of,
    root_of,
)
from airflow_provider_livedata.engine.zones.any_fsspec.promises import cautions, why_no_source, why_no_target
from airflow_provider_livedata.engine.zones.any_fsspec.stage import PIECE_BYTES, Stage
from airflow_provider_livedata.engine.zones.any_fsspec.tree import STATE, Tree
from airflow_provider_livedata.engine.zones.any_fsspec.upload import FsspecUpload
from airflow_provider_livedata.engine.zones.base import Upload, Zone, delete_each
from airflow_provider_livedata.engine.zones.ranges import AHEAD_BYTES, OpenRange, Range, ReadingOn

_CLIENT_BYTES = 8 << 20  # what files of fsspec hold: a block of 5 MiB, and what is taken from it


class FsspecZone(Zone):
    """A directory of a filesystem that fsspec knows. With the power Cautions."""

    def __init__(self, address: Address, filesystem: Any, *, is_ours: bool, exclusive: bool) -> None:
        self.address = address
        self.facts = Facts(
            address.scheme, in_order=True, puts_publish=False, reading_bytes=_CLIENT_BYTES, writing_bytes=_CLIENT_BYTES
        )
        self._files = Filesystems(filesystem, is_ours=is_ours)
        self._tree = Tree(self._files, address, root_of(address, filesystem))
        self._stage, self._reading, self._exclusive = Stage(self._tree), ReadingOn(), exclusive

    @classmethod
    def open(
        cls, address: Address, *, filesystem: Any = None, storage_options: dict[str, Any] | None = None, exclusive: bool = False
    ) -> FsspecZone:  # fmt: skip
        """Open a directory, which need not be there yet.

        Args:
            address: ``fsspec+<protocol>://authority/path``: what fsspec takes ``<protocol>://authority/path`` for.
            filesystem: One of fsspec, or a function that makes it; without it fsspec makes the one of the protocol. It is made again for
                each thread, from its own arguments.
            storage_options: Arguments of the filesystem that is made here.
            exclusive: The user's promise that nobody else writes to it.

        Raises:
            BadOption: The filesystem does not take these arguments.
            BadAddress: It names no protocol, or a place that is no absolute path.
            UnknownScheme: fsspec has no such filesystem, or what it needs is not installed.
            Unsupported: Nothing can be read from it safely.
            ZoneUnreachable, CredentialsRefused: Its server cannot be reached, or does not accept who asks.
        """
        protocol = protocol_of(address)
        if not protocol:
            raise BadAddress("name the filesystem: fsspec+sftp://..., fsspec+smb://...", address=str(address))
        if refused := why_no_source(protocol):
            raise Unsupported(refused, address=str(address))
        made = filesystem_of(address, filesystem, storage_options or {})
        if getattr(made, "local_file", False) and address.authority:
            raise BadAddress(
                f"a local path has no host; write {address.scheme}:///{address.path}", address=str(address)
            )
        return cls(address, made, is_ours=filesystem is None, exclusive=exclusive)

    def cautions(self, *, as_target: bool) -> list[str]:
        """See ``Cautions``."""
        return cautions(protocol_of(self.address), as_target=as_target)

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        if writable:
            self._allow()
            self._try_to_write(self._existing())
            return
        there = self._tree.entry("")
        if there is None:
            raise PathMissing("nothing is there; check the path", address=str(self.address))
        self._refuse_file(there)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        self._tree.at(under)
        return self._tree.scan(under)

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        return self._tree.entry(path)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``. What stands there is asked for after the bytes have come."""
        at = self._tree.file_at(path)
        filled, promised = self._reading.fill(
            (path, version), offset, buffer, AHEAD_BYTES, lambda count: self._request(path, at, offset, count, version)
        )
        if version:
            self._current(path, version)
        if filled != promised:
            raise ZoneUnreachable("fewer bytes came than the file has", path=path, expected=promised, found=filled)
        return filled

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``. The file is read back before it has its name; attributes are not kept."""
        self._allow(is_note=expect is None and _is_state(path))
        self._tree.file_at(path)
        token, writer = self._stage.create()
        try:
            with engine_errors(path), writer:
                writer.write(data)
            staged = self._stage.proved(token, path.strip("/"), len(data), checksum or checksum_of(data))
            self._stage.publish(token, staged, expect)
        except BaseException:
            self._stage.discard_quietly(token)
            raise
        return staged

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        self._allow()
        self._tree.file_at(path)
        token, writer = self._stage.create()
        return FsspecUpload(self._stage, path.strip("/"), token, size_bytes, self.facts.part_bytes(size_bytes), writer)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``: of whole files alone, since nobody knows which bytes of others are there."""
        self._allow()
        self._tree.file_at(path)
        found = self._stage.find(token)
        if found is None or found.size_bytes != size_bytes:
            return None
        return FsspecUpload(self._stage, path.strip("/"), token, size_bytes, self.facts.part_bytes(size_bytes))

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        self._allow()
        self._tree.at(path)
        self._stage.make_directory(path)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        self._allow(is_note=all(_is_state(entry.path) for entry in entries))
        return delete_each(entries, self._delete)

    def sweep(self, older_than_ms: int) -> int:
        """See ``Zone.sweep``."""
        self._allow()
        return self._stage.sweep(older_than_ms)

    def close(self) -> None:
        """See ``Zone.close``."""
        self._files.close()

    def _request(self, path: str, at: str, offset: int, count: int, version: str) -> Range:
        there = self._current(path, version)
        left = max(0, min(count, there.size_bytes - offset))
        return OpenRange(left, _pieces(path, lambda: self._files.get().open(at, "rb"), offset, left))

    def _current(self, path: str, version: str) -> Entry:
        there = self._tree.entry(path)
        if there is None:
            raise PathMissing("nothing is there", path=path)
        if there.kind == "directory":
            raise IsADirectory("a directory has no bytes", path=path)
        if there.kind != "file":
            raise Unsupported("neither a file nor a directory", path=path)
        if version and there.version != version:
            raise ObjectChanged("changed since it was listed", path=path, expected=version, found=there.version)
        return there

    def _delete(self, entry: Entry) -> None:
        at = self._tree.file_at(entry.path)
        there = self._tree.entry(entry.path)
        if there is None or (there.kind == "directory") != (entry.kind == "directory"):
            return
        if there.kind != "directory":
            with engine_errors(entry.path):
                self._files.get().rm_file(at)
            return
        # Asked before: some remove a directory with all that it holds.
        if self._tree.within(entry.path):
            raise NotEmpty("the directory holds entries", path=entry.path)
        self._stage.forget()
        with engine_errors(entry.path):
            self._files.remove_directory(at)

    def _allow(self, *, is_note: bool = False) -> None:
        # A report beside the copy, under a name of its own, is in nobody's way: so a copy can be verified without the promise.
        if refused := why_no_target(is_exclusive=self._exclusive or is_note, renames=self._files.renames):
            raise Unsupported(refused, address=str(self.address))

    def _refuse_file(self, there: Entry) -> None:
        if there.kind != "directory":
            raise NotADirectory(
                "a file stands where a directory should be; name another place", address=str(self.address)
            )

    def _existing(self) -> str:
        """Where the root lies, or the nearest directory above it that is there."""
        at = self._tree.root
        while (there := self._tree.entry("", at)) is None and at.strip("/"):
            at = at.rstrip("/").rpartition("/")[0] or "/"
        if there is not None:
            self._refuse_file(there)
        return at

    def _try_to_write(self, directory: str) -> None:
        probe = f"{directory.rstrip('/')}/.livedata-check-{secrets.token_hex(8)}"
        with engine_errors(str(self.address)):
            files = self._files.get()
            with files.open(probe, "wb") as file:
                file.write(b"livedata")
            files.rm_file(probe)


def _pieces(path: str, opened: Callable[[], Any], offset: int, left: int) -> Iterator[bytes]:
    """Bytes from an offset on, read as they are asked for."""
    if not left:
        return
    with engine_errors(path), opened() as file:
        file.seek(offset)
        while left and (piece := file.read(min(PIECE_BYTES, left))):
            left -= len(piece)
            yield bytes(piece)


def _is_state(path: str) -> bool:
    return path.startswith(f"{STATE}/")
