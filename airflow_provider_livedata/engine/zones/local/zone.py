"""Local file systems, and those mounted like local ones: ``file:///srv/data``.

Files are written in ``<root>/.livedata/stage`` and appear by a rename. Nothing below the root is reached by way of a
symbolic link; links, devices and names that are not UTF-8 are listed as "other" and never copied.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BadAddress,
    CorruptSource,
    IsADirectory,
    NameRefused,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    Unsupported,
)
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts, Failure
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Upload, Zone, delete_each
from airflow_provider_livedata.engine.zones.local import scan as local_scan
from airflow_provider_livedata.engine.zones.local.attributes import (
    NOT_UTF8,
    entry_of,
    set_attributes,
    version_of,
    without_same_time,
    xattrs_of,
    xattrs_told,
)
from airflow_provider_livedata.engine.zones.local.errors import GONE, engine_error, engine_errors
from airflow_provider_livedata.engine.zones.local.paths import keep_names, names_of, opened, opened_directory, path_by
from airflow_provider_livedata.engine.zones.local.stage import Stage
from airflow_provider_livedata.engine.zones.local.upload import LocalUpload, read_at, write_at

_KEPT = frozenset({"mtime_ms", "owner", "group", "mode"})


class LocalZone(Zone):
    """A directory. Owner, group and extended attributes are kept as far as this process and file system allow.

    With the powers Rename and SetAttributes.
    """

    def __init__(self, address: Address, *, sync: bool = True) -> None:
        self.address = address
        self.root, self._lists_past = f"/{address.path}", False
        self._stage = Stage(self.root, sync)
        existing = _existing(self.root)
        self._has_xattrs = xattrs_of(os.path.realpath(existing)) is not None
        self.facts = Facts(
            "file",
            puts_publish=False,
            max_name_bytes=os.pathconf(existing, "PC_NAME_MAX"),
            attributes=_KEPT | {"xattrs"} if self._has_xattrs else _KEPT,
        )

    @classmethod
    def open(cls, address: Address, *, sync: bool = True) -> LocalZone:
        """Open a directory, which need not be there yet.

        Without ``sync`` files are not forced to the disk: faster, and lost or cut short by a power failure.

        Raises:
            BadAddress: It names a host.
        """
        if address.authority:
            raise BadAddress("a file address has no host; write file:///srv/data", address=str(address))
        with engine_errors(str(address)):
            return cls(address, sync=sync)

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        try:
            place = _existing(self.root) if writable else self.root
            if not stat.S_ISDIR(os.stat(place).st_mode):
                raise NotADirectory("a file stands where a directory should be; name another place",
                                    address=str(self.address), at=place)  # fmt: skip
            if writable:
                _try_to_write(place)
            with os.scandir(place):
                pass
        except OSError as error:
            found = engine_error(error, str(self.address))
            way_out = "; check the path" if isinstance(found, PathMissing) else ""
            raise type(found)(f"{found.args[0]}{way_out}", address=str(self.address), reason=error.strerror) from error

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        names = names_of(self.address, under)
        return local_scan.scan(self.root, names, with_xattrs=self._has_xattrs, past=self._lists_past)

    def listing_past(self) -> LocalZone:
        """See ``ListsPast``."""
        made = copy(self)
        made._lists_past = True
        return made

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        names = names_of(self.address, path)
        with engine_errors(path):
            try:
                if not names:
                    return entry_of("", os.stat(self.root), self._xattrs(self.root))
                with opened_directory(self.root, names[:-1]) as parent:
                    found = os.stat(names[-1], dir_fd=parent, follow_symlinks=False)
                    return entry_of("/".join(names), found, self._xattrs(path_by(parent, names[-1])))
            except OSError as error:
                if error.errno in (*GONE, errno.ENAMETOOLONG):
                    return None
                raise

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        names = names_of(self.address, path)
        if not names:
            raise IsADirectory("a directory has no bytes", path=path)
        try:
            # Without O_NONBLOCK opening a named pipe would wait for a writer.
            with opened_directory(self.root, names[:-1]) as parent, opened(parent, names[-1], os.O_NONBLOCK) as handle:
                _check_file(path, os.fstat(handle), version)
                count = read_at(handle, buffer, offset)
                _check_file(path, os.fstat(handle), version)  # it may have been written to meanwhile
                return count
        except OSError as error:
            if error.errno == errno.EIO:
                raise CorruptSource("the disk cannot give the bytes back", path=path, offset=offset) from error
            raise (
                PathMissing("nothing is there", path=path) if error.errno in GONE else engine_error(error, path)
            ) from error

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``. A file system compares no checksums: ``checksum`` is not looked at."""
        names = self._file_names(path)
        with engine_errors(path):
            token, handle = self._stage.create(attributes)
            try:
                write_at(handle, data, 0)
                found = self._stage.finish(handle, attributes)
                self._stage.publish(token, names, expect, is_sealed=False)
                return entry_of("/".join(names), found, self._xattrs(handle))
            except BaseException:
                self._stage.discard(token)
                raise
            finally:
                os.close(handle)

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        names = self._file_names(path)
        with engine_errors(path):
            token, handle = self._stage.create(attributes)
        part_bytes = self.facts.part_bytes(size_bytes)
        return LocalUpload(self._stage, names, token, size_bytes, part_bytes, attributes, handle=handle)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``."""
        names = self._file_names(path)
        with engine_errors(path):
            found = self._stage.find(token)
        if found is None or found[1].st_size > size_bytes or (found[0] and found[1].st_size != size_bytes):
            return None
        staged = entry_of("/".join(names), found[1], None) if found[0] else None
        part_bytes = self.facts.part_bytes(size_bytes)
        return LocalUpload(self._stage, names, token, size_bytes, part_bytes, attributes, staged=staged)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        names = names_of(self.address, path)
        with engine_errors(path):
            if not names:
                os.makedirs(self.root, exist_ok=True)
                return
            with opened_directory(self.root, names[:-1], make=True) as parent:
                try:
                    os.mkdir(names[-1], dir_fd=parent)
                except FileExistsError:
                    if stat.S_ISDIR(os.stat(names[-1], dir_fd=parent, follow_symlinks=False).st_mode):
                        return
                    raise
                with opened(parent, names[-1], os.O_DIRECTORY) as handle:
                    set_attributes(handle, attributes or Attributes())
                if self._stage.sync:
                    keep_names(parent)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        return delete_each(entries, self._delete)

    def sweep(self, older_than_ms: int) -> int:
        """See ``Zone.sweep``."""
        with engine_errors(".livedata/stage"):
            return self._stage.sweep(older_than_ms)

    def rename(self, old: str, new: str) -> None:
        """See ``Rename``."""
        origin, place = self._file_names(old), self._file_names(new)
        if place[: len(origin)] == origin and place != origin:
            raise Unsupported("a directory cannot be moved into itself", path=old, new=new)
        with engine_errors(old), opened_directory(self.root, origin[:-1]) as left:
            is_directory = stat.S_ISDIR(os.stat(origin[-1], dir_fd=left, follow_symlinks=False).st_mode)
            with engine_errors(new), opened_directory(self.root, place[:-1], make=True) as entered:
                _move(origin[-1], left, place[-1], entered, is_directory=is_directory)
                if self._stage.sync:
                    keep_names(entered)
                    keep_names(left)

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Moves``: a rename."""
        old, new = self._file_names(origin), self._file_names(path)
        with engine_errors(origin), opened_directory(self.root, old[:-1]) as left:
            found = os.stat(old[-1], dir_fd=left, follow_symlinks=False)
            _check_file(origin, found, version)
            at = path_by(left, old[-1])
            if attributes is not None:
                set_attributes(at, without_same_time(attributes, found))
            found, xattrs = os.stat(at, follow_symlinks=False), self._xattrs(at)
            with engine_errors(path):
                self._stage.place(old[-1], left, new, expect)
            if self._stage.sync:
                keep_names(left)
        return entry_of("/".join(new), found, xattrs)

    def keep(self, origin: str, path: str, *, version: str = "") -> None:
        """See ``KeepsFiles``: a hard link. Nothing here writes into a file that has its name already."""
        old, new = self._file_names(origin), self._file_names(path)
        with engine_errors(origin), opened_directory(self.root, old[:-1]) as left:
            _check_file(origin, os.stat(old[-1], dir_fd=left, follow_symlinks=False), version)
            if new[0] == ".livedata":
                self._stage.make_private(new[1])
            with engine_errors(path), opened_directory(self.root, new[:-1], make=True) as parent:
                with suppress(FileExistsError):
                    os.link(old[-1], new[-1], src_dir_fd=left, dst_dir_fd=parent, follow_symlinks=False)
                if self._stage.sync:
                    keep_names(parent)

    def set_attributes(self, path: str, attributes: Attributes) -> Entry:
        """See ``SetAttributes``; as far as this process may."""
        names = names_of(self.address, path)
        with (
            engine_errors(path),
            opened_directory(self.root, names[:-1]) as parent,
            opened(parent, names[-1] if names else ".", os.O_PATH) as handle,
        ):
            found = os.fstat(handle)
            if not stat.S_ISDIR(found.st_mode) and not stat.S_ISREG(found.st_mode):
                raise Unsupported("neither a file nor a directory", path=path)
            set_attributes(path_by(handle), attributes)
            return entry_of(
                "/".join(names), os.fstat(handle), self._xattrs(f"{path_by(parent)}/{names[-1] if names else '.'}")
            )

    def _delete(self, entry: Entry) -> None:
        if entry.note == NOT_UTF8:
            raise NameRefused("its name cannot be written here; remove it by hand", path=entry.path)
        names = self._file_names(entry.path)
        with engine_errors(entry.path):
            try:
                with opened_directory(self.root, names[:-1]) as parent:
                    remove = os.rmdir if entry.kind == "directory" else os.unlink
                    remove(names[-1], dir_fd=parent)
            except OSError as error:
                # ENOTDIR of rmdir: a file, so not what was to go; the same from the way there: gone.
                if error.errno not in GONE or (error.errno == errno.ENOTDIR and self.stat(entry.path) is not None):
                    raise

    def _file_names(self, path: str) -> list[str]:
        names = names_of(self.address, path)
        if not names:
            raise IsADirectory("the root is a directory", address=str(self.address))
        for name in names:
            if len(name.encode()) > self.facts.max_name_bytes:
                raise NameRefused("the file system does not hold names this long", path=path,
                                  max_name_bytes=self.facts.max_name_bytes)  # fmt: skip
        return names

    def _xattrs(self, at: int | str) -> tuple[tuple[str, bytes], ...] | None:
        return xattrs_told(at) if self._has_xattrs else None


def _check_file(path: str, found: os.stat_result, version: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectory("a directory has no bytes", path=path)
    if not stat.S_ISREG(found.st_mode):
        raise Unsupported("neither a file nor a directory", path=path)
    if version and version != version_of(found):
        raise ObjectChanged("changed since it was listed", path=path, expected=version, found=version_of(found))


def _move(old: str, left: int, new: str, entered: int, *, is_directory: bool) -> None:
    if not is_directory:
        # As a link first: a rename would replace what came to the new name meanwhile.
        os.link(old, new, src_dir_fd=left, dst_dir_fd=entered, follow_symlinks=False)
        os.unlink(old, dir_fd=left)
        return
    with suppress(FileNotFoundError):
        os.stat(new, dir_fd=entered, follow_symlinks=False)
        raise AlreadyExists("something is there already", path=new)
    os.rename(old, new, src_dir_fd=left, dst_dir_fd=entered)


def _existing(path: str) -> str:
    """The path, or the nearest directory above it that is there."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _try_to_write(directory: str) -> None:
    probe = os.path.join(directory, f".livedata-check-{secrets.token_hex(8)}")
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    os.unlink(probe)
