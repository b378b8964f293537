"""What memory zones keep their entries in: one table of keys, changed under one lock.

A file is kept under its path, a directory or marker under its path with "/", as in ``Entry.key``. Where the store has
no directories, those that are only implied by a key below them are not in the table but counted in ``below``.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    IsADirectory,
    NotADirectory,
    NotEmpty,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Expect, Part, Snapshot


@dataclass(frozen=True, slots=True)
class Node:
    """A file, directory or marker. ``data`` is None for the last two. ``inode`` stays when it is moved or changed."""

    data: bytes | None
    version: str
    written_ms: int
    attributes: Attributes
    is_implied: bool = False
    inode: int = 0


@dataclass(slots=True)
class Pending:
    """An upload that is not published yet."""

    path: str
    size_bytes: int
    attributes: Attributes
    begun_ms: int
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)
    version: str = ""  # that it will have; given when it is staged


class MemoryStore:
    """A table of nodes. Paths are relative to the store, without "/" at either end; "" is its root."""

    def __init__(self, *, has_directories: bool, nodes: dict[str, Node] | None = None, is_frozen: bool = False) -> None:
        self.has_directories = has_directories
        self.lock = threading.RLock()
        self.uploads: dict[str, Pending] = {}
        self.snapshots: dict[str, list[tuple[Snapshot, MemoryStore]]] = {}  # by root, oldest first
        self.open_paths: set[str] = set()
        self.unlisted: set[str] = set()  # keys of directories that nobody may list
        self._nodes = nodes or {}
        self._below = Counter(parent for key in self._nodes for parent in parents_of(key))
        self._is_frozen = is_frozen
        self._versions = count(1)
        self._inodes = count(1)

    def get(self, path: str) -> Node | None:
        """The file at ``path``."""
        return self._nodes.get(path)

    def directory(self, path: str) -> Node | None:
        """The directory or marker at ``path``, made up where it is only implied."""
        implied = path == "" or self._below[path + "/"] > 0
        return self._nodes.get(path + "/") or (_IMPLIED if implied else None)

    def keys_below(self, path: str) -> Iterator[str]:
        """The keys below a directory in order, those of implied directories too."""
        prefix = f"{path}/" if path else ""
        with self.lock:
            found = {key for key in (*self._nodes, *self._below) if key.startswith(prefix) and key != prefix}
            found = {key for key in found if key in self._nodes or self._below[key] > 0}
        yield from sorted(found)

    def write(self, path: str, data: bytes, attributes: Attributes, expect: Expect, version: str = "") -> Node:
        """Make or replace a file, its parents too; a staged file brings its version."""
        with self.lock:
            self.check_writable(path)
            self._check_expected(path, expect)
            self._check_parents(path)
            if self.has_directories and f"{path}/" in self._nodes:
                raise IsADirectory("a directory stands where the file should be", path=path)
            self._make_parents(path)
            return self._keep(path, self._new(data, attributes, version))

    def make_directory(self, path: str, attributes: Attributes) -> None:
        """Make a directory or marker; one that is there stays as it is."""
        with self.lock:
            self.check_writable(path)
            self._check_parents(f"{path}/below")
            if path and f"{path}/" not in self._nodes:
                self._make_parents(path)
                self._keep(f"{path}/", self._new(None, attributes))

    def remove(self, key: str) -> None:
        """Remove what is under a key; nothing there is no error."""
        with self.lock:
            self.check_writable(key)
            if self.has_directories and key.endswith("/") and self._below[key] > 0:
                raise NotEmpty("the directory holds entries", path=key[:-1])
            if self._nodes.pop(key, None) is not None:
                self._below.subtract(parents_of(key))

    def move(self, old: str, new: str) -> None:
        """Rename a file or directory with all below it."""
        with self.lock:
            self.check_writable(new)
            self._check_move(old, new)
            moving = {key: node for key, node in self._nodes.items() if key == old or key.startswith(f"{old}/")}
            for key in moving:
                del self._nodes[key]
                self._below.subtract(parents_of(key))
            self._make_parents(new)
            for key, node in moving.items():
                self._keep(new + key.removeprefix(old), node)

    def take(self, old: str, new: str, version: str, attributes: Attributes | None, expect: Expect) -> None:
        """Let a file have another name, over what is there as far as expected; where there are directories the old name goes."""
        with self.lock:
            node = self._nodes.get(old)
            if node is None:
                raise PathMissing("nothing is there to be moved", path=old)
            if version and node.version != version:
                raise ObjectChanged(
                    "not the version that was to be moved", path=old, expected=version, found=node.version
                )
            given = node.attributes if attributes is None else attributes
            self.write(new, node.data or b"", given, expect, node.version if self.has_directories else "")
            if self.has_directories:
                self._nodes[new] = replace(node, attributes=given)
                self.remove(old)

    def change(self, key: str, attributes: Attributes) -> None:
        """Set those attributes of a node that are not None."""
        with self.lock:
            self.check_writable(key)
            node = self._nodes.get(key)
            if node is None:
                raise PathMissing("nothing is there", path=key)
            given = {name: value for name, value in attributes._asdict().items() if value not in (None, "")}
            self._nodes[key] = replace(node, attributes=node.attributes._replace(**given))

    def nodes(self) -> dict[str, Node]:
        """All nodes by their keys."""
        with self.lock:
            return dict(self._nodes)

    def frozen(self) -> MemoryStore:
        """A copy that nobody can change."""
        with self.lock:
            frozen = MemoryStore(has_directories=self.has_directories, nodes=dict(self._nodes), is_frozen=True)
            frozen.unlisted = set(self.unlisted)
            return frozen

    def check_writable(self, path: str) -> None:
        """Refuse changes to a snapshot."""
        if self._is_frozen:
            raise PermissionRefused("a snapshot cannot be changed", path=path)

    def _check_expected(self, path: str, expect: Expect) -> None:
        there = self._nodes.get(path)
        if expect is ABSENT and there is not None:
            raise AlreadyExists("something is there already", path=path)
        if isinstance(expect, str) and (there is None or there.version != expect):
            raise ObjectChanged("not the version that was to be replaced", path=path, expected=expect,
                                found=there.version if there else None)  # fmt: skip

    def _check_parents(self, path: str) -> None:
        for parent in parents_of(path) if self.has_directories else ():
            if parent[:-1] in self._nodes:
                raise NotADirectory("a file stands where a directory should be", path=parent[:-1])

    def _check_move(self, old: str, new: str) -> None:
        if old not in self._nodes and f"{old}/" not in self._nodes:
            raise PathMissing("nothing is there to be renamed", path=old)
        if new in self._nodes or f"{new}/" in self._nodes:
            raise AlreadyExists("something is there already", path=new)
        if new.startswith(f"{old}/"):
            raise NotADirectory("a directory cannot be moved into itself", path=old, new=new)
        self._check_parents(new)

    def _make_parents(self, path: str) -> None:
        for parent in parents_of(path) if self.has_directories else ():
            if parent not in self._nodes:
                self._keep(parent, self._new(None, Attributes()))

    def new_version(self) -> str:
        """One that no file has had."""
        return f"v{next(self._versions)}"

    def _new(self, data: bytes | None, attributes: Attributes, version: str = "") -> Node:
        if data is not None:
            version = version or self.new_version()
        return Node(data, version, now_ms(), attributes, inode=next(self._inodes))

    def _keep(self, key: str, node: Node) -> Node:
        if key not in self._nodes:
            self._below.update(parents_of(key))
        self._nodes[key] = node
        return node


_IMPLIED = Node(None, "", 0, Attributes(), is_implied=True)


def parents_of(key: str) -> list[str]:
    """Keys of the directories above a key, the outermost first."""
    names = key.rstrip("/").split("/")[:-1]
    return ["/".join(names[: depth + 1]) + "/" for depth in range(len(names))]
