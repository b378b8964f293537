"""Zones in this process's memory, for tests and demonstrations: ``memory://name/path``.

Zones of one name share what they hold, until ``forget(name)``. ``like`` says what a zone behaves like:

- "files" (default): directories, parts in any order, renames, snapshots, and checksums that refuse wrong bytes.
- "objects": an object store. Puts publish and may be streamed, directories are markers or implied, keys are limited, nothing is renamed.
- "hdfs": written in order, with snapshots and open files; its checksum is its own and no writer's.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Literal

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    BadOption,
    IsADirectory,
    NameRefused,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    Unsupported,
)
from airflow_provider_livedata.engine.model import (
    ABSENT,
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
from airflow_provider_livedata.engine.zones.base import Upload, Zone, delete_each, file_at
from airflow_provider_livedata.engine.zones.memory.difference import changes
from airflow_provider_livedata.engine.zones.memory.store import MemoryStore, Node, Pending, parents_of
from airflow_provider_livedata.engine.zones.memory.upload import MemoryUpload, refuse_other_bytes

Like = Literal["files", "objects", "hdfs"]

_PLAIN = frozenset({"mtime_ms", "owner", "group", "mode", "acl", "xattrs"})
_BOTH = frozenset({"crc32c", "crc64nvme"})
_FACTS = {
    "files": Facts("memory", puts_publish=False, max_name_bytes=255, checksums=_BOTH, attributes=_PLAIN),
    "objects": Facts("memory", min_part_bytes=1 << 10, max_parts=10_000, max_stream_bytes=1 << 62, max_key_bytes=1024, has_directories=False,
                     checksums=_BOTH, attributes=_PLAIN | {"source_version"}),
    "hdfs": Facts("memory", in_order=True, puts_publish=False, max_name_bytes=255, max_key_bytes=8000,
                  checksums=frozenset({"memory-sha256"}), attributes=_PLAIN),
}  # fmt: skip
_stores: dict[str, MemoryStore] = {}


def forget(name: str) -> None:
    """Forget what the zones of one name hold; zones that are open keep it."""
    _stores.pop(name, None)


class MemoryZone(Zone):
    """What all kinds have, and all that an object store has; the powers of the others are added below."""

    def __init__(self, address: Address, store: MemoryStore, facts: Facts) -> None:
        self.address = address
        self.facts = facts
        self.store = store
        self._lists_past = False

    @classmethod
    def open(
        cls, address: Address, *, like: Like = "files", part_bytes: int | None = None, bundle_bytes: int = 0
    ) -> MemoryZone:
        """Open a zone on the store that the address names, which is made when it is not there.

        ``part_bytes``: the size of upload parts, to have many without much memory. ``bundle_bytes``: see ``Facts``.

        Raises:
            BadOption: ``like`` is unknown, or not what the store was made as.
        """
        if like not in _FACTS or (part_bytes or 1) < 1:
            raise BadOption(
                "like must be files, objects or hdfs, and part_bytes 1 or more", like=like, part_bytes=part_bytes
            )
        facts = _FACTS[like]
        store = _stores.setdefault(address.authority, MemoryStore(has_directories=facts.has_directories))
        if store.has_directories != facts.has_directories:
            raise BadOption("zones of this name were opened as something else", address=str(address), like=like)
        if part_bytes:
            facts = replace(facts, min_part_bytes=part_bytes, max_part_bytes=part_bytes)
        facts = replace(facts, bundle_bytes=bundle_bytes)
        root_bytes = len(f"{address.path}/".encode()) if address.path else 0
        return _KINDS[like](address, store, replace(facts, max_key_bytes=facts.max_key_bytes - root_bytes))

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        root = self.address.path
        with self.store.lock:
            if writable:
                self.store.check_writable(root)
            for above in [*(key[:-1] for key in parents_of(root)), root]:
                if self.store.get(above) is not None:
                    raise NotADirectory("a file stands where a directory should be", address=str(self.address))
            if not writable and self.store.directory(root) is None:
                raise PathMissing("nothing is there; check the path", address=str(self.address))

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        top = self._full(under)
        root = len(self.address.path) + 1 if self.address.path else 0
        if f"{top}/" in self.store.unlisted:
            raise PermissionRefused(_UNLISTED, path=under)
        refused = ""
        for key in self.store.keys_below(top):
            path = key[root:].rstrip("/")
            if refused and key.startswith(refused):
                continue
            entry = None if not under and path.startswith(".livedata") else self._entry(path, key)
            if entry is None:
                continue
            if key in self.store.unlisted:
                refused = key
                entry = entry._replace(note=_UNLISTED)
            yield entry
            if refused == key and not self._lists_past:
                raise PermissionRefused(_UNLISTED, path=path)

    def listing_past(self) -> MemoryZone:
        """See ``ListsPast``."""
        made = copy(self)
        made._lists_past = True
        return made

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        full = self._full(path)
        with self.store.lock:
            file = self.store.get(full)
            if file is None or not path:
                return self._entry(path, f"{full}/")
            keeps_checksums = "crc64nvme" in self.facts.checksums
            sums = checksum_of(file.data or b"") if keeps_checksums else (None, None)
            return self._entry_of(path, file)._replace(crc32c=sums[0], crc64nvme=sums[1])

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        node = self._file(path)
        if version and version != node.version:
            raise ObjectChanged("replaced since it was listed", path=path, expected=version, found=node.version)
        piece = memoryview(node.data or b"")[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``."""
        full, whole = self.writable(path), bytes(data)
        refuse_other_bytes(self.facts, path, whole, checksum)
        self.store.write(full, whole, attributes or Attributes(), expect)
        return self.stat(path) or Entry(path)

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        pending = Pending(self.writable(path), size_bytes, attributes or Attributes(), now_ms())
        token = secrets.token_hex(8)
        with self.store.lock:
            self.store.uploads[token] = pending
        return MemoryUpload(self, path, token, pending)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``; the attributes are those of ``begin``."""
        pending = self.store.uploads.get(token)
        if pending is None or (pending.path, pending.size_bytes) != (self._full(path), size_bytes):
            return None
        return MemoryUpload(self, path, token, pending)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        self.store.make_directory(self.writable(path) if path else self.address.path, attributes or Attributes())

    def move(
        self, origin: str, path: str, *,
        version: str = "", checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Moves``."""
        data = self._file(origin).data or b""
        refuse_other_bytes(self.facts, path, data, checksum)
        self.store.take(self._full(origin), self.writable(path), version, attributes, expect)
        return self.stat(path) or Entry(path)

    def keep(self, origin: str, path: str, *, version: str = "") -> None:
        """See ``KeepsFiles``."""
        node = self._file(origin)
        if version and node.version != version:
            raise ObjectChanged(
                "not the version that was to be kept", path=origin, expected=version, found=node.version
            )
        if file_at(self, path) is None:
            self.store.write(self.writable(path), node.data or b"", node.attributes, ABSENT)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        return delete_each(
            entries,
            lambda entry: self.store.remove(self._full(entry.path) + ("/" if entry.kind == "directory" else "")),
        )

    def sweep(self, older_than_ms: int) -> int:
        """See ``Zone.sweep``."""
        prefix = f"{self.address.path}/" if self.address.path else ""
        with self.store.lock:
            old = [token for token, pending in self.store.uploads.items()
                   if pending.begun_ms < older_than_ms and pending.path.startswith(prefix)]  # fmt: skip
            for token in old:
                del self.store.uploads[token]
        return len(old)

    def store_checksum(self, path: str) -> str:
        """See ``StoreChecksum``."""
        data = self._file(path).data or b""
        if "crc64nvme" in self.facts.checksums:
            return f"crc64nvme:{checksum_of(data).crc64nvme:016x}"
        return f"memory-sha256:{hashlib.sha256(data).hexdigest()}"

    def _full(self, path: str) -> str:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise NameRefused("a name must be UTF-8", path=path) from None
        return self.address.join(path).path

    def writable(self, path: str) -> str:
        """Where in the store a file at ``path`` is to be kept, after every check that its name allows."""
        full = self._full(path)
        if not path:
            raise IsADirectory("the root is a directory", address=str(self.address))
        longest = max(len(name.encode()) for name in path.split("/"))
        if len(path.encode()) > self.facts.max_key_bytes or longest > self.facts.max_name_bytes:
            raise NameRefused("the name or path is too long", path=path)
        self.store.check_writable(path)
        return full

    def _file(self, path: str) -> Node:
        node = self.store.get(self._full(path))
        if node is not None:
            return node
        if self.store.has_directories and self.store.directory(self._full(path)) is not None:
            raise IsADirectory("a directory has no bytes", path=path)
        raise PathMissing("nothing is there", path=path)

    def _entry(self, path: str, key: str) -> Entry | None:
        if not key.endswith("/"):
            file = self.store.get(key)
            return self._entry_of(path, file) if file else None
        directory = self.store.directory(key.rstrip("/"))
        return self._entry_of(path, directory) if directory else None

    def _entry_of(self, path: str, node: Node) -> Entry:
        given = node.attributes
        found = Entry(path, "directory" if node.data is None else "file", len(node.data or b""), version=node.version,
                      mtime_ms=node.written_ms if given.mtime_ms is None else given.mtime_ms,
                      is_implied=node.is_implied, source_version=given.source_version)  # fmt: skip
        default = _UNSET if self.store.has_directories else Attributes()
        return found._replace(
            owner=given.owner or default.owner,
            group=given.group or default.group,
            mode=(0o755 if node.data is None else 0o644) if given.mode is None and default.owner else given.mode,
            acl=given.acl,
            xattrs=given.xattrs if given.xattrs is not None else default.xattrs,
        )


class MemoryObjects(MemoryZone):
    """With the power StreamedPuts."""

    def put_stream(
        self, path: str, size_bytes: int, piece_bytes: int, pieces: Iterator[memoryview], checksum: Callable[[], Checksum], *,
        attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``StreamedPuts``."""
        whole = b"".join(map(bytes, pieces))
        if len(whole) != size_bytes:
            raise ObjectChanged("the pieces are not all of the file", path=path, expected=size_bytes, found=len(whole))
        return self.put(path, whole, checksum=checksum(), attributes=attributes, expect=expect)


class MemoryFiles(MemoryZone):
    """With the powers Rename, SetAttributes, Snapshots and SnapshotDifference."""

    def rename(self, old: str, new: str) -> None:
        """See ``Rename``."""
        self.store.move(self.writable(old), self.writable(new))

    def set_attributes(self, path: str, attributes: Attributes) -> Entry:
        """See ``SetAttributes``."""
        full = self._full(path)
        is_file = bool(path) and self.store.get(full) is not None
        self.store.change(full if is_file else f"{full}/", attributes)
        return self.stat(path) or Entry(path)

    def prepare_snapshots(self, *, allow: bool) -> str:
        """See ``Snapshots``: any directory can be frozen."""
        return self.address.path

    def snapshot(self, name: str, *, root: str = "") -> Snapshot:
        """See ``Snapshots``."""
        root = self.address.path
        with self.store.lock:
            taken = self.store.snapshots.setdefault(root, [])
            for snapshot, _ in taken:
                if snapshot.name == name:
                    return snapshot
            new = Snapshot(name, root, now_ms())
            taken.append((new, self.store.frozen()))
        return new

    def snapshots(self) -> list[Snapshot]:
        """See ``Snapshots``."""
        return [snapshot for snapshot, _ in self.store.snapshots.get(self.address.path, [])]

    def drop_snapshot(self, name: str) -> None:
        """See ``Snapshots``."""
        with self.store.lock:
            kept = [one for one in self.store.snapshots.get(self.address.path, []) if one[0].name != name]
            self.store.snapshots[self.address.path] = kept

    def at(self, snapshot: Snapshot) -> Zone:
        """See ``Snapshots``."""
        return MemoryZone(self.address, self._frozen(snapshot), self.facts)

    def difference(self, old: Snapshot, new: Snapshot, *, most: int) -> Difference:
        """See ``SnapshotDifference``."""
        prefix = f"{self.address.path}/" if self.address.path else ""
        before, after = (
            {key[len(prefix) :]: node for key, node in self._frozen(one).nodes().items()
             if key.startswith(prefix) and key != prefix and not key.startswith(f"{prefix}.livedata")}
            for one in (old, new)
        )  # fmt: skip
        if self._frozen(new).unlisted:  # as HDFS, which wants to be allowed to read everything
            raise PermissionRefused(_UNLISTED, address=str(self.address))
        found = tuple(changes(before, after))
        if len(found) > most:
            raise Unsupported(f"the snapshots differ in more than {most:,} entries", address=str(self.address))
        return Difference("in memory", found)

    def _frozen(self, snapshot: Snapshot) -> MemoryStore:
        if not snapshot.name:
            return self.store
        for taken, frozen in self.store.snapshots.get(snapshot.root, []):
            if taken.name == snapshot.name:
                return frozen
        raise PathMissing("the snapshot is gone", snapshot=snapshot.name, address=str(self.address))


class MemoryHdfs(MemoryFiles):
    """With the power OpenFiles as well: tests add to ``store.open_paths`` what is being written."""

    def freezes_open_files(self) -> bool:
        """See ``OpenFiles``."""
        return False

    def may_have_open_files(self) -> bool:
        """See ``OpenFiles``."""
        return bool(self.store.open_paths)

    def is_open(self, entry: Entry) -> bool:
        """See ``OpenFiles``."""
        live = self.stat(entry.path)
        return self._full(entry.path) in self.store.open_paths or (
            live is not None and live.size_bytes != entry.size_bytes
        )


_UNLISTED = "this user may not list the directory"
_UNSET = Attributes(owner="memory", group="memory", xattrs=())
_KINDS: dict[str, type[MemoryZone]] = {"files": MemoryFiles, "objects": MemoryObjects, "hdfs": MemoryHdfs}
