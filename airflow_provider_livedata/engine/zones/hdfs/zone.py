"""HDFS: ``hdfs://nn1:8020/data/sales``, or ``hdfs://hdfs_prod@cluster/data/sales`` by an Airflow connection.

Bytes go by Hadoop's RPC (``hdfs_native``) where the NameNode's RPC address is known; snapshots, checksums and extended
attributes by WebHDFS. Files are written in ``<root>/.livedata/stage`` and appear by a rename.

    zone ------ Data                   bytes, names, attributes    by RPC or WebHDFS
       |------- Directories            status and listings         by WebHDFS where ACL flags are wanted
       `------- WebHdfs                snapshots, checksums, open files
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.engine.errors import (
    BadOption,
    IsADirectory,
    NameRefused,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    SnapshotRefused,
    Unsupported,
)
from airflow_provider_livedata.engine.limits import NO_LIMIT, Pace
from airflow_provider_livedata.engine.model import (
    Attributes,
    Checksum,
    Difference,
    Entry,
    Expect,
    Facts,
    Failure,
    Snapshot,
)
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import RECORDS, Upload, Zone, delete_each
from airflow_provider_livedata.engine.zones.hdfs import scan as hdfs_scan
from airflow_provider_livedata.engine.zones.hdfs import together
from airflow_provider_livedata.engine.zones.hdfs.attributes import AttributeStore
from airflow_provider_livedata.engine.zones.hdfs.check import check
from airflow_provider_livedata.engine.zones.hdfs.command import HdfsCommand, find_command
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.data import Data, NativeData
from airflow_provider_livedata.engine.zones.hdfs.directories import WebDirectories
from airflow_provider_livedata.engine.zones.hdfs.options import HdfsOptions, read_options
from airflow_provider_livedata.engine.zones.hdfs.reading import Reading
from airflow_provider_livedata.engine.zones.hdfs.snapshots import SnapshotStore
from airflow_provider_livedata.engine.zones.hdfs.stage import DIRECTORY_MODE, Stage, join
from airflow_provider_livedata.engine.zones.hdfs.status import Directories, Status
from airflow_provider_livedata.engine.zones.hdfs.upload import HdfsUpload
from airflow_provider_livedata.engine.zones.hdfs.web_data import WebData

if TYPE_CHECKING:
    from requests import Session

MAX_NAME_BYTES = 255  # dfs.namenode.fs-limits.max-component-length
MAX_PATH_CHARACTERS = 8000
PART_BYTES = 1 << 20  # written in order, so that a part is a pace of reading and no more
# What hdfs-native holds of an open file, measured: the process's peak less its buffers and its state before.
READING_BYTES, WRITING_BYTES = 2 << 20, 16 << 20
COMMIT_S = 0.25  # a half second, every other time, where very many files are closed; see ``closing``
YOUNG_MS = (
    3_600_000  # what was made or closed this long before a snapshot is likely to have been open when it was taken
)
_STATE = ".livedata"
_PLACE = Address("hdfs", "", "")
_COSTLY = frozenset({"acl", "xattrs"})
_NO_WEBHDFS = (
    "the cluster's WebHDFS address is not known; give the option 'webhdfs', such as http://nn1:9870, or the host and port of "
    "a webhdfs connection"
)


class HdfsZone(Zone):
    """A directory of an HDFS cluster.

    With the powers Snapshots, SnapshotDifference, OpenFiles, PacesCalls, Rename, SetAttributes and StoreChecksum. ``unkept`` lists attributes that this
    user may not set at files that were written nevertheless.
    """

    def __init__(
        self, address: Address, data: Data, control: WebHdfs | None, *, preserve: frozenset[str] = frozenset({"acl"}),
        snapshot: Snapshot | None = None, command: HdfsCommand | None = None,
    ) -> None:  # fmt: skip
        self.address, self._live = address, f"/{address.path}"
        self._data, self._control, self._preserve = data, control, preserve & _COSTLY
        self._snapshots = SnapshotStore(self._live, control, command) if control is not None else None
        self._snapshot, self._command, self._pace = snapshot, command, NO_LIMIT
        self._lists_past, self._young_since_ms = False, 0
        self._root = self._frozen(snapshot) if snapshot is not None else self._live
        self._attributes = AttributeStore(data, control, self._preserve)
        # A WebHDFS listing tells which entries have ACLs, at no more calls.
        self._directories: Directories = data.directories
        if control is not None and "acl" in self._preserve:
            self._directories = WebDirectories(control)
        self._stage = Stage(self._root, data, self._attributes)
        self._reading = Reading(data, is_frozen=snapshot is not None)
        self.facts = _facts(self._root, self._preserve, has_control=control is not None)

    @classmethod
    def open(
        cls, address: Address, *, rpc: Sequence[str] | None = None, webhdfs: Sequence[str] | None = None,
        session: Session | None = None, user: str | None = None, config: Mapping[str, Any] | None = None,
        config_dir: str | None = None, kerberos_principal: str | None = None, kerberos_keytab: str | None = None,
        kerberos_cache: str | None = None, preserve: Collection[str] = ("acl",), data: str = "auto",
        hdfs_command: str | None = None,
    ) -> HdfsZone:  # fmt: skip
        """Open a directory, which need not be there yet. Nothing is asked of the cluster.

        Args:
            address: Its authority is a NameNode's ``host:port``, a nameservice of the configuration, or any name for the
                cluster when ``rpc`` or ``webhdfs`` say where it is.
            rpc: RPC addresses of the NameNodes, ``host:port``.
            webhdfs: HTTP addresses of the NameNodes, ``http://host:9870``.
            session: Carries out requests to ``webhdfs``: authentication, TLS settings.
            user: As whom, where the cluster believes what it is told. By RPC one user at a time for a process.
            config: Hadoop client properties.
            config_dir: Directory of core-site.xml and hdfs-site.xml; else HADOOP_CONF_DIR.
            kerberos_principal: For RPC; with a keytab or a cache.
            kerberos_keytab: File with the principal's keys.
            kerberos_cache: Credential cache.
            preserve: Names of attributes; "acl" and "xattrs" are asked for only if named. xattrs cost a call an entry.
            data: "native": bytes by RPC; "webhdfs": by WebHDFS, slower; "auto": by RPC where its address is known.
            hdfs_command: Program to ask for differences of snapshots where the NameNode tells none by WebHDFS (Hadoop 2.10);
                None: ``hdfs`` where PATH has it; "": none.

        Raises:
            BadOption: One has a value that it cannot have, or no NameNode is named.
        """
        options = read_options(
            address, rpc=rpc, webhdfs=webhdfs, config=config, config_dir=config_dir, data=data, user=user or None,
            kerberos_principal=kerberos_principal, kerberos_keytab=kerberos_keytab, kerberos_cache=kerberos_cache,
        )  # fmt: skip
        control = WebHdfs(options.webhdfs, session, user, origin=options.origin) if options.webhdfs else None
        command = find_command(options, hdfs_command)
        return cls(address, _data(options, control), control, preserve=frozenset(preserve), command=command)

    def attributes_left(self) -> list[Failure]:
        """See ``LeavesAttributes``."""
        return list(self.unkept)

    @property
    def unkept(self) -> list[Failure]:
        """Attributes that could not be set at what was written, a thousand at most."""
        return self._attributes.unkept

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        check(self._root, str(self.address), self._data, self._control, writable=writable)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``. One NameNode call a page of a directory, and one for each ACL and xattr asked for."""
        self._path(under)
        return hdfs_scan.scan(under.strip("/"), self._pages, past=self._lists_past)

    def listing_past(self) -> HdfsZone:
        """See ``ListsPast``."""
        made = copy(self)
        made._lists_past = True
        return made

    def paced(self, pace: Pace) -> HdfsZone:
        """See ``PacesCalls``: RPC and WebHDFS together, attempts that are repeated included.

        One call each: a status, a page of a listing (1,000 entries), a file opened for reading, an ACL, an entry's extended attributes,
        a page of a difference, whatever is done to a snapshot, a setting or a number that the NameNode is asked for. Three: bytes or
        a checksum by WebHDFS, since the DataNode that answers asks as well. None: bytes by RPC once the file is open, the command
        ``hdfs snapshotDiff``, and what the client of RPC tries by itself at another NameNode.
        """
        if pace.calls_per_s == self._pace.calls_per_s:
            return self
        control = None if self._control is None else self._control.paced(pace)
        made = HdfsZone(self.address, self._data.paced(pace), control, preserve=self._preserve, snapshot=self._snapshot,
                        command=self._command)  # fmt: skip
        made._pace, made._lists_past, made._young_since_ms = pace, self._lists_past, self._young_since_ms
        return made

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        at = self._path(path)
        # By RPC: the ACL is a call of its own then, and both together cost half of what one by HTTP does.
        status = self._data.directories.status(at)
        return None if status is None else self._entry(path, at, status)

    def peek(self, path: str, *, for_file: bool = False) -> Entry | None:  # every directory is in the way
        """See ``Peeks``: one NameNode call, by RPC where that is."""
        status = self._data.directories.status(self._path(path))
        return None if status is None else status.entry(path.strip("/"), None, None)

    def stat_many(self, paths: Sequence[str]) -> dict[str, Entry]:
        """See ``StatsMany``: a NameNode call for a page of a directory that holds many of them, and one for each ACL."""
        if not isinstance(self._directories, WebDirectories):
            return {}
        return together.stat_many(paths, self._path, self._directories, self._attributes)

    def holds_any(self, path: str, counts: Callable[[str], bool]) -> bool:
        """See ``LooksInside``: a NameNode call for a page of its entries."""
        prefix = f"{path}/" if path else ""
        with suppress(PathMissing, NotADirectory):
            return any(name and counts(prefix + name) for name in self._data.directories.names(self._path(path)))
        return False

    def names_in(self, path: str) -> list[str]:
        """See ``ListsNames``: a NameNode call for a page of its entries."""
        with suppress(PathMissing, NotADirectory):
            return list(filter(None, self._data.directories.names(self._path(path))))
        return []

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        return self._reading.read_into(self._file(path), offset, buffer, version)

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``. HDFS compares no checksums of whole files: ``checksum`` is not looked at."""
        target = self._new(path, is_file=True)
        token = self._stage.write(data, attributes, urgent=path.startswith(f"{_STATE}/"))
        try:
            staged = self._stage.finish(token, path, len(data), attributes)
            self._stage.publish(token, target, staged, expect)
        except BaseException:
            self._stage.discard_quietly(token)
            raise
        return staged

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        target = self._new(path, is_file=True)
        token, writer = self._stage.create(attributes)
        part_bytes = self.facts.part_bytes(size_bytes)
        return HdfsUpload(self._stage, path, target, token, size_bytes, part_bytes, attributes, writer=writer)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``. A file that is not closed cannot be taken up: HDFS is written by one process at a time."""
        target = self._new(path, is_file=True)
        found = self._stage.find(token, size_bytes)
        if found is None:
            return None
        part_bytes = self.facts.part_bytes(size_bytes)
        return HdfsUpload(self._stage, path, target, token, size_bytes, part_bytes, attributes, found=found)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        at = self._new(path)
        if attributes is None:
            self._make(at, DIRECTORY_MODE)
        elif not self._is_directory(at):
            self._make(at, DIRECTORY_MODE if attributes.mode is None else attributes.mode)
            self._change(path, at, attributes)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        return delete_each(entries, self._delete)

    def sweep(self, older_than_ms: int) -> int:
        """See ``Zone.sweep``."""
        return self._stage.sweep(older_than_ms)

    def close(self) -> None:
        """See ``Zone.close``. Views of snapshots are closed with the zone that they came from."""
        self._attributes.close()
        if self._snapshot is not None:
            return
        self._data.close()
        if self._control is not None:
            self._control.close()

    def snapshot(self, name: str, *, root: str = "") -> Snapshot:
        """See ``Snapshots``."""
        taken = self._snapshotting().take(name, root)
        self._young_since_ms = taken.taken_ms - YOUNG_MS
        return taken

    def prepare_snapshots(self, *, allow: bool) -> str:
        """See ``Snapshots``."""
        return self._snapshotting().prepare(allow=allow)

    def snapshots(self) -> list[Snapshot]:
        """See ``Snapshots``."""
        return self._snapshotting().all()

    def drop_snapshot(self, name: str) -> None:
        """See ``Snapshots``."""
        self._snapshotting().drop(name)

    def at(self, snapshot: Snapshot) -> Zone:
        """See ``Snapshots``."""
        self._snapshotting()
        made = HdfsZone(self.address, self._data, self._control, preserve=self._preserve, snapshot=snapshot)
        made._pace = self._pace
        return made

    def difference(self, old: Snapshot, new: Snapshot, *, most: int) -> Difference:
        """See ``SnapshotDifference``."""
        return self._snapshotting().difference(old, new, most=most)

    def freezes_open_files(self) -> bool:
        """See ``OpenFiles``."""
        return self._control is not None and self._snapshotting().freezes_open_files()

    def may_have_open_files(self) -> bool:
        """See ``OpenFiles``."""
        return self._snapshotting().may_have_open_files()

    def is_open(self, entry: Entry) -> bool:
        """See ``OpenFiles``. One NameNode call, and one more for a file that was young when the snapshot was taken."""
        if self._control is None:
            raise SnapshotRefused(_NO_WEBHDFS, address=str(self.address))
        at = join(self._live, entry.path)
        try:
            located = self._control.blocks(at)
        except (PathMissing, NotADirectory, IsADirectory):
            return True  # a writer does not notice that his file got another name
        if located.get("isUnderConstruction") or located.get("fileLength") != entry.size_bytes:
            return True
        return entry.mtime_ms > self._young_since_ms and self._is_other(at, entry)

    def rename(self, old: str, new: str) -> None:
        """See ``Rename``."""
        origin, place = self._new(old), self._new(new)
        if f"{place}/".startswith(f"{origin}/"):
            raise Unsupported("a directory cannot be moved into itself", path=old, new=new)
        self._stage.rename(origin, place, replace=False)

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Moves``: a rename."""
        at, target = self._file(origin), self._new(path, is_file=True)
        status = self._directories.status(at)
        if status is None:
            raise PathMissing("nothing is there to be moved", address=self._shown(at))
        found = self._entry(path, at, status)
        if found.kind != "file":
            raise IsADirectory("only files are moved", address=self._shown(at))
        if version and found.version != version:
            raise ObjectChanged("not the version that was to be moved", address=self._shown(at), expected=version,
                                found=found.version)  # fmt: skip
        if attributes is not None:
            found = self._change(origin, at, attributes)._replace(path=found.path)
        self._stage.place(at, target, found.version, expect)
        return found

    def set_attributes(self, path: str, attributes: Attributes) -> Entry:
        """See ``SetAttributes``; as far as this user may."""
        return self._change(path, self._path(path), attributes)

    def store_checksum(self, path: str) -> str:
        """See ``StoreChecksum``. Equal only for equal block sizes; "" without WebHDFS."""
        if self._control is None:
            return ""
        found = self._control.call("GETFILECHECKSUM", self._file(path))["FileChecksum"]
        return f"{found['algorithm']}:{found['bytes'][: 2 * found['length']]}"  # padded with zeros behind its length

    def _pages(self, path: str) -> Iterator[list[Entry]]:
        at, is_record = self._path(path), _is_record(path)
        prefix, address = f"{path}/" if path else "", f"{at.rstrip('/')}/"
        for page in (self._data.directories if is_record else self._directories).pages(at):
            if page and not page[0].name:
                return  # a file lists itself
            shown = page if path else [status for status in page if not status.name.startswith(_STATE)]
            if is_record:  # by RPC, which costs the NameNode a fifth of WebHDFS
                yield [status.entry(prefix + status.name, None, None) for status in shown]
            else:
                yield self._attributes.entries(prefix, address, shown)

    def _entry(self, path: str, at: str, status: Status) -> Entry:
        return self._attributes.entry(path.strip("/"), at, status)

    def _change(self, path: str, at: str, attributes: Attributes) -> Entry:
        found = self._directories.status(at)
        if found is None:
            raise PathMissing("nothing is there", address=self._shown(at))
        if any(value is not None for value in attributes[:6]):
            self._attributes.change(path, at, attributes, found)
            found = self._directories.status(at) or found
        return self._entry(path, at, found)

    def _is_other(self, at: str, entry: Entry) -> bool:
        # Its bytes may all have been known when it was listed, and its time not: that is set when it is closed.
        now = self._data.directories.status(at)
        return now is None or now.mtime_ms != entry.mtime_ms

    def _make(self, at: str, mode: int) -> None:
        try:
            self._data.make_directory(at, mode)
        except PathMissing:
            self._data.make_directory(at.rpartition("/")[0], DIRECTORY_MODE, parents=True)
            self._data.make_directory(at, mode)

    def _is_directory(self, at: str) -> bool:
        status = self._data.directories.status(at)
        if status is not None and status.kind != "directory":
            raise NotADirectory("a file stands where a directory should be", address=self._shown(at))
        return status is not None

    def _delete(self, entry: Entry) -> None:
        at = self._file(entry.path)
        status = self._data.directories.status(at)
        if status is None:
            return
        if (status.kind == "directory") != (entry.kind == "directory"):
            kind = IsADirectory if status.kind == "directory" else NotADirectory
            raise kind("something of another kind is there by now; it was left", address=self._shown(at))
        self._data.delete(at)

    def _path(self, path: str) -> str:
        """The absolute path of one relative to the root."""
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise NameRefused("HDFS holds names in UTF-8 alone", path=ascii(path)) from error
        return join(self._root, _PLACE.path_of(path))

    def _file(self, path: str) -> str:
        at = self._path(path)
        if at == self._root:
            raise IsADirectory("the root is a directory", address=str(self.address))
        return at

    def _new(self, path: str, *, is_file: bool = False) -> str:
        """The absolute path of what is to be written."""
        at = self._file(path) if is_file else self._path(path)
        for name in path.split("/"):
            if len(name.encode()) > MAX_NAME_BYTES:
                raise NameRefused("HDFS does not hold names this long", path=path, max_name_bytes=MAX_NAME_BYTES)
            if ":" in name or name == ".snapshot":
                raise NameRefused("HDFS holds no name with ':' and none that is '.snapshot'", path=path)
        if len(path.encode()) > self.facts.max_key_bytes:
            raise NameRefused("HDFS does not hold paths this long", path=path, max_bytes=self.facts.max_key_bytes)
        return at

    def _shown(self, at: str) -> str:
        return f"hdfs://{self.address.authority}{at}"

    def _frozen(self, snapshot: Snapshot) -> str:
        return self._snapshotting().place(snapshot)

    def _snapshotting(self) -> SnapshotStore:
        if self._snapshots is None:
            raise SnapshotRefused(_NO_WEBHDFS, address=str(self.address))
        return self._snapshots


def _is_record(path: str) -> bool:
    """Whether a directory is one whose ACLs nobody asks for."""
    state, _, under = path.partition("/")
    return state == _STATE and under.partition("/")[0] in RECORDS


def _facts(root: str, preserve: frozenset[str], *, has_control: bool) -> Facts:
    kept = {"mtime_ms", "owner", "group", "mode"} | (preserve if has_control else preserve - {"xattrs"})
    return Facts(
        "hdfs",
        in_order=True,
        puts_publish=False,
        max_key_bytes=MAX_PATH_CHARACTERS - len(root.rstrip("/")) - 1,
        max_name_bytes=MAX_NAME_BYTES,
        forbidden_characters=frozenset(":"),
        usual_part_bytes=PART_BYTES,
        reading_bytes=READING_BYTES,
        writing_bytes=WRITING_BYTES,
        commit_s=COMMIT_S,
        attributes=frozenset(kept),
    )


def _data(options: HdfsOptions, control: WebHdfs | None) -> Data:
    if not options.url and control is not None:
        return WebData(control)
    try:
        return NativeData(options)
    except ImportError as error:
        raise BadOption("reading and writing by RPC needs hdfs-native, which cannot be imported here: pip install hdfs-native, "
                        "or open it with data='webhdfs'", address=options.origin, reason=str(error)) from error  # fmt: skip
