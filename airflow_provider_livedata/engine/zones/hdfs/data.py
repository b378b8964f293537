"""The bytes and attributes of files by Hadoop's RPC, through ``hdfs_native``. Paths are absolute."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BadOption,
    IsADirectory,
    LiveDataError,
    PathMissing,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.limits import NO_LIMIT, Pace
from airflow_provider_livedata.engine.zones.hdfs import identity as hdfs_identity
from airflow_provider_livedata.engine.zones.hdfs.acl import AclRule
from airflow_provider_livedata.engine.zones.hdfs.closing import PromptClosing
from airflow_provider_livedata.engine.zones.hdfs.directories import NativeDirectories
from airflow_provider_livedata.engine.zones.hdfs.errors import native_error
from airflow_provider_livedata.engine.zones.hdfs.status import Directories

if TYPE_CHECKING:
    from hdfs_native import Client, FileReader, FileWriter

    from airflow_provider_livedata.engine.zones.hdfs.options import HdfsOptions

_NODE = re.compile(r'ip_addr: \\?"([^"\\]*)\\?", host_name: \\?"([^"\\]*)\\?".*?xfer_port: (\d+)')
_WRITTEN_AT_ONCE = 256 << 10  # more would be allocated afresh each time, and kept by malloc for each thread
_UNCHANGED = (1 << 64) - 1  # -1 for Java: leave the access time


class NoReplica(ZoneUnreachable):
    """No DataNode gave the bytes of a block; ``nodes`` are those that should have: host and port.

    None: they are not known, but one of them answered and broke off.
    """

    nodes: Sequence[tuple[str, int]] | None = ()


class Reader(Protocol):
    """An open file, for any number of threads."""

    size_bytes: int

    def stream(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """The bytes of a range that lies within the file, in pieces."""
        ...

    def whole(self) -> bytes:
        """All bytes of a small file."""
        ...


class Writer(Protocol):
    """A file being written; nobody else sees it whole before ``close``."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append."""
        ...

    def sync(self) -> None:
        """Have what was written on the DataNodes' disks, and nothing of it in this process."""
        ...

    def close(self, *, urgent: bool = False) -> None:
        """Make it whole. ``urgent``: somebody waits for this one, while nothing else is done."""
        ...


class Data(Protocol):
    """What a zone needs besides control; every failure is an engine error."""

    directories: Directories

    def paced(self, pace: Pace) -> Data:
        """The same, whose calls of the NameNode wait for ``pace``: one for each method, a page, a range by WebHDFS.

        What goes on within a file that is being written is not counted. Closing is for the one that this came from.
        """
        ...

    def read(self, path: str) -> Reader:
        """Open a file: one call of the NameNode."""
        ...

    def create(self, path: str, mode: int) -> Writer:
        """Create a file in a directory that is there; AlreadyExists, PathMissing."""
        ...

    def make_directory(self, path: str, mode: int, *, parents: bool = False) -> None:
        """Make a directory; one that is there is left as it is."""
        ...

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """Move; a file is replaced only with ``replace``, else AlreadyExists. ``what`` of PathMissing tells which lacks."""
        ...

    def delete(self, path: str) -> bool:
        """Delete a file or an empty directory; says whether it was there."""
        ...

    def set_mtime(self, path: str, mtime_ms: int) -> None:
        """Set the modification time."""
        ...

    def set_owner(self, path: str, owner: str | None, group: str | None) -> None:
        """Set those that are given."""
        ...

    def set_mode(self, path: str, mode: int) -> None:
        """Set the mode, sticky bit included."""
        ...

    def acl(self, path: str) -> list[AclRule]:
        """The entries that the mode cannot tell."""
        ...

    def set_acl(self, path: str, rules: Sequence[AclRule]) -> None:
        """Replace the whole ACL, and with it the mode; none: leave the mode alone."""
        ...

    def is_closed(self, path: str) -> bool:
        """Whether a file is whole; a writer that died is fenced off by asking."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class NativeData:
    """See ``Data``."""

    def __init__(self, options: HdfsOptions) -> None:
        if not options.is_kerberos:
            hdfs_identity.claim(self, options.user)
        self._origin, self._by_name, self._pace = options.origin, options.uses_host_names, NO_LIMIT
        try:
            self._client = _client(options)
        except BaseException:
            hdfs_identity.release(self)
            raise
        self.directories: Directories = NativeDirectories(self._client, self._origin)
        # Nothing of this one itself: what nobody uses any more is to leave its identity to others at once.
        self._closing = PromptClosing(partial(whole_bytes, self._client), self._client.recover_lease)

    def paced(self, pace: Pace) -> NativeData:
        """See ``Data.paced``."""
        made = copy(self)
        made._pace, made.directories = pace, NativeDirectories(self._client, self._origin, pace)
        return made

    def read(self, path: str) -> Reader:
        """See ``Data.read``."""
        return _NativeReader(self._ask(path, self._client.read), f"{self._origin}{path}", by_name=self._by_name)

    def create(self, path: str, mode: int) -> Writer:
        """See ``Data.create``."""
        from hdfs_native import WriteOptions

        options = WriteOptions(permission=mode, overwrite=False, create_parent=False)
        return _NativeWriter(self._ask(path, self._client.create, options), self._origin, path, self._closing)

    def make_directory(self, path: str, mode: int, *, parents: bool = False) -> None:
        """See ``Data.make_directory``."""
        self._ask(path, self._client.mkdirs, mode, parents)

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """See ``Data.rename``."""
        try:
            self._ask(old, self._client.rename, new, replace)
        except IsADirectory as error:
            if replace:
                raise
            raise AlreadyExists("something is there already", **error.where) from error

    def delete(self, path: str) -> bool:
        """See ``Data.delete``."""
        return bool(self._ask(path, self._client.delete))

    def set_mtime(self, path: str, mtime_ms: int) -> None:
        """See ``Data.set_mtime``."""
        self._ask(path, self._client.set_times, mtime_ms, _UNCHANGED)

    def set_owner(self, path: str, owner: str | None, group: str | None) -> None:
        """See ``Data.set_owner``."""
        self._ask(path, self._client.set_owner, owner, group)

    def set_mode(self, path: str, mode: int) -> None:
        """See ``Data.set_mode``."""
        self._ask(path, self._client.set_permission, mode)

    def acl(self, path: str) -> list[AclRule]:
        """See ``Data.acl``."""
        found = self._ask(path, self._client.get_acl_status).entries
        return [AclRule(one.scope, one.type, one.name or "", one.permissions) for one in found]

    def set_acl(self, path: str, rules: Sequence[AclRule]) -> None:
        """See ``Data.set_acl``."""
        from hdfs_native import AclEntry

        entries: Any = [AclEntry(*_acl_arguments(rule)) for rule in rules]
        if entries:
            self._ask(path, self._client.set_acl, entries)
        else:
            self._ask(path, self._client.remove_acl)

    def is_closed(self, path: str) -> bool:
        """See ``Data.is_closed``."""
        return bool(self._ask(path, self._client.recover_lease))

    def close(self) -> None:
        """See ``Data.close``."""
        self._closing.end()
        hdfs_identity.release(self)

    def _ask(self, path: str, call: Callable[..., Any], *args: Any) -> Any:
        self._pace.take()
        try:
            return call(path, *args)
        except Exception as error:
            raise native_error(error, address=f"{self._origin}{path}") from error


class _NativeReader:
    """See ``Reader``."""

    def __init__(self, reader: FileReader, address: str, *, by_name: bool) -> None:
        self._reader, self._address, self._by_name = reader, address, by_name
        self.size_bytes = len(reader)

    def stream(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """See ``Reader.stream``. Pieces of 64 KiB: the fastest way to read."""
        try:
            yield from self._reader.read_range_stream(offset, size_bytes)
        except Exception as error:
            raise self._error(error) from error

    def whole(self) -> bytes:
        """See ``Reader.whole``."""
        try:
            return bytes(self._reader.read_range(0, self.size_bytes))
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> LiveDataError:
        text = str(error)
        if "All DataNodes failed" not in text:
            return native_error(error, address=self._address)
        found = NoReplica("no DataNode gave the bytes of a block", address=self._address)
        found.nodes = [(name if self._by_name else ip, int(port)) for ip, name, port in _NODE.findall(text)]
        return found


class _NativeWriter:
    """See ``Writer``."""

    def __init__(self, writer: FileWriter, origin: str, path: str, closing: PromptClosing) -> None:
        self._writer, self._path, self._address, self._closing = writer, path, f"{origin}{path}", closing
        self._written_bytes, self._synced_bytes = 0, 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See ``Writer.write``."""
        whole = memoryview(data)
        try:
            for start in range(0, len(whole), _WRITTEN_AT_ONCE):
                # The client takes anything but bytes apart byte by byte: 14 s of CPU a GiB instead of 1.5.
                self._writer.write(bytes(whole[start : start + _WRITTEN_AT_ONCE]))
        except Exception as error:
            raise native_error(error, address=self._address) from error
        self._written_bytes += len(whole)

    def sync(self) -> None:
        """See ``Writer.sync``."""
        try:
            self._writer.hsync()
        except Exception as error:
            raise native_error(error, address=self._address) from error
        self._synced_bytes = self._written_bytes

    def close(self, *, urgent: bool = False) -> None:
        """See ``Writer.close``."""
        held_bytes = self._written_bytes - self._synced_bytes
        try:
            self._closing.close(self._path, self._written_bytes, held_bytes, self._writer.close, urgent=urgent)
        except Exception as error:
            raise native_error(error, address=self._address) from error


def whole_bytes(client: Client, path: str) -> int:
    """The length of a file; of one that is being written, what its complete blocks hold."""
    return len(client.read(path))


def _client(options: HdfsOptions) -> Any:
    import hdfs_native

    cache = options.kerberos_cache
    if cache and not options.kerberos_principal:  # the client takes a cache only with a name; this is the way without
        os.environ.setdefault("KRB5CCNAME", cache)
        cache = None
    try:
        return hdfs_native.Client(
            options.url, dict(options.config), options.config_dir,
            kerberos_principal=options.kerberos_principal, kerberos_keytab=options.kerberos_keytab,
            kerberos_cache=cache,
        )  # fmt: skip
    except Exception as error:
        raise BadOption(f"the HDFS client does not take these options: {error}", address=options.origin) from error


def _acl_arguments(rule: AclRule) -> tuple[Any, Any, Any, str | None]:
    return rule.type, rule.scope, rule.permissions, rule.name or None


def is_parent_missing(error: PathMissing) -> bool:
    """Whether a rename failed since the new name's directory is not there, and not what was to be moved."""
    return "destination parent" in str(error.where.get("reason", ""))
