"""The bytes and attributes of files by WebHDFS alone, for clusters whose RPC ports are out of reach. Paths are absolute.

Slower: each range and each part is an HTTP request that a DataNode serves, and a file of several parts is appended to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from airflow_provider_livedata.engine.errors import AlreadyExists, IsADirectory, PathMissing, ZoneUnreachable
from airflow_provider_livedata.engine.limits import Pace
from airflow_provider_livedata.engine.zones.hdfs.acl import AclRule, rules_of
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.data import NoReplica, Reader, Writer
from airflow_provider_livedata.engine.zones.hdfs.directories import WebDirectories
from airflow_provider_livedata.engine.zones.hdfs.status import Directories

STICKY = 0o1000


class WebData:
    """See ``Data``."""

    def __init__(self, control: WebHdfs) -> None:
        self._control = control
        self.directories: Directories = WebDirectories(control)

    def paced(self, pace: Pace) -> WebData:
        """See ``Data.paced``."""
        return WebData(self._control.paced(pace))

    def read(self, path: str) -> Reader:
        """See ``Data.read``."""
        status = self.directories.status(path)
        if status is None:
            raise PathMissing("nothing is there", address=f"{self._control.origin}{path}")
        if status.kind == "directory":
            raise IsADirectory("a directory stands where a file should be", address=f"{self._control.origin}{path}")
        return _WebReader(self._control, path, status.size_bytes)

    def create(self, path: str, mode: int) -> Writer:
        """See ``Data.create``. The file comes into being with its first bytes."""
        directory = path.rpartition("/")[0]
        if self.directories.status(directory) is None:
            raise PathMissing("the directory is not there", address=f"{self._control.origin}{directory}")
        return _WebWriter(self._control, path, mode)

    def make_directory(self, path: str, mode: int, *, parents: bool = False) -> None:
        """See ``Data.make_directory``."""
        parent = path.rpartition("/")[0] or "/"
        if not parents and self.directories.status(parent) is None:
            raise PathMissing("the directory above is not there", address=f"{self._control.origin}{parent}")
        self._put("MKDIRS", path, permission=f"{mode:o}")

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """See ``Data.rename``."""
        try:
            self._put("RENAME", old, destination=new, renameoptions="OVERWRITE" if replace else "NONE")
        except IsADirectory as error:
            if replace:
                raise
            raise AlreadyExists("something is there already", **error.where) from error

    def delete(self, path: str) -> bool:
        """See ``Data.delete``."""
        return bool(self._control.call("DELETE", path, method="DELETE", recursive="false").get("boolean"))

    def set_mtime(self, path: str, mtime_ms: int) -> None:
        """See ``Data.set_mtime``."""
        self._put("SETTIMES", path, modificationtime=mtime_ms, accesstime=-1)

    def set_owner(self, path: str, owner: str | None, group: str | None) -> None:
        """See ``Data.set_owner``."""
        self._put("SETOWNER", path, **{name: value for name, value in (("owner", owner), ("group", group)) if value})

    def set_mode(self, path: str, mode: int) -> None:
        """See ``Data.set_mode``."""
        self._put("SETPERMISSION", path, permission=f"{mode:o}")

    def acl(self, path: str) -> list[AclRule]:
        """See ``Data.acl``."""
        return rules_of(",".join(self._control.call("GETACLSTATUS", path)["AclStatus"]["entries"]))

    def set_acl(self, path: str, rules: Sequence[AclRule]) -> None:
        """See ``Data.set_acl``."""
        if rules:
            self._put("SETACL", path, aclspec=",".join(map(str, rules)))
        else:
            self._put("REMOVEACL", path)

    def is_closed(self, path: str) -> bool:
        """See ``Data.is_closed``. A writer that died is not fenced off: its file counts as open for HDFS's hard limit."""
        return not self._control.blocks(path).get("isUnderConstruction", True)

    def close(self) -> None:
        """See ``Data.close``. The connections are the zone's."""

    def _put(self, op: str, path: str, **params: Any) -> None:
        self._control.call(op, path, method="PUT", **params)


class _WebReader:
    """See ``Reader``."""

    def __init__(self, control: WebHdfs, path: str, size_bytes: int) -> None:
        self._control, self._path, self.size_bytes = control, path, size_bytes

    def stream(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """See ``Reader.stream``. In one piece."""
        try:
            yield self._control.read(self._path, offset, size_bytes)
        except ZoneUnreachable as error:
            if "IncompleteRead" in str(error.where.get("reason", "")):
                broken = NoReplica("the DataNode broke off", **error.where)
                broken.nodes = None
                raise broken from error
            raise

    def whole(self) -> bytes:
        """See ``Reader.whole``."""
        return b"".join(self.stream(0, self.size_bytes))


class _WebWriter:
    """See ``Writer``."""

    def __init__(self, control: WebHdfs, path: str, mode: int) -> None:
        self._control, self._path, self._mode, self._is_there = control, path, mode, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See ``Writer.write``."""
        if self._is_there:
            self._control.write("APPEND", self._path, bytes(data), method="POST")
        else:
            self._create(bytes(data))

    def sync(self) -> None:
        """See ``Writer.sync``. Each request ends with the bytes at the DataNodes; WebHDFS cannot ask for more."""

    def close(self, *, urgent: bool = False) -> None:
        """See ``Writer.close``. A DataNode waits for the last block, however urgent it is."""
        if not self._is_there:
            self._create(b"")

    def _create(self, data: bytes) -> None:
        options = {"permission": f"{self._mode:o}", "overwrite": "false", "createparent": "false"}
        self._control.write("CREATE", self._path, data, method="PUT", **options)
        self._is_there = True
        if self._mode & STICKY:  # WebHDFS leaves it out
            self._control.call("SETPERMISSION", self._path, method="PUT", permission=f"{self._mode:o}")
