"""The tree below the root of a zone: where a path lies in the filesystem, what stands there, what a directory holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airflow_provider_livedata.engine.errors import (
    IsADirectory,
    NameRefused,
    NotADirectory,
    PathMissing,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.any_fsspec.errors import engine_errors
from airflow_provider_livedata.engine.zones.any_fsspec.filesystems import Filesystems
from airflow_provider_livedata.engine.zones.any_fsspec.told import NOT_UTF8, child_name, entry_of, shown

STATE = ".livedata"


@dataclass(frozen=True, slots=True)
class Tree:
    """``root``: as the filesystem calls it."""

    filesystems: Filesystems
    address: Address
    root: str

    def at(self, path: str) -> str:
        """Where a path lies.

        Raises:
            BadAddress: It has ``.``, ``..``, an empty name or NUL in it.
            NameRefused: It cannot be written as UTF-8.
        """
        try:
            path.encode()
        except UnicodeEncodeError:
            raise NameRefused("a name must be UTF-8", path=shown(path)) from None
        self.address.path_of(path)
        names = path.strip("/")
        return f"{self.root.rstrip('/')}/{names}" if names else self.root

    def file_at(self, path: str) -> str:
        """The same of a file, which the root is not."""
        if not path.strip("/"):
            raise IsADirectory("the root is a directory", address=str(self.address))
        return self.at(path)

    def entry(self, path: str, at: str | None = None) -> Entry | None:
        """What stands there, None where nothing does. ``at``: where to look instead."""
        there = self.at(path) if at is None else at
        try:
            with engine_errors(path):
                return entry_of(path.strip("/"), self.filesystems.get().info(there))
        except (PathMissing, NotADirectory):
            return None

    def scan(self, under: str) -> Iterator[Entry]:
        """See ``Zone.scan``."""
        if under.strip("/") and not self._is_directory(under.strip("/")):
            return
        levels = [self._children(under.strip("/"))]
        while levels:
            found = next(levels[-1], None)
            if found is None:
                levels.pop()
                continue
            yield found
            if found.kind == "directory":
                levels.append(self._children(found.path))

    def _children(self, path: str) -> Iterator[Entry]:
        """In the order of their keys."""
        found = self.within(path)
        if not path:
            found = [one for one in found if not one.path.startswith(STATE)]
        return iter(sorted(found, key=lambda one: one.key))

    def within(self, path: str) -> list[Entry]:
        """What a directory itself holds, in no order; nothing where it is gone."""
        at, found = self.at(path), list[Entry]()
        try:
            with engine_errors(path):
                infos = self.filesystems.get().ls(at, detail=True)
        except (PathMissing, NotADirectory):
            self._prove_gone(path)
            return []
        for info in infos:
            name = child_name(at, str(info["name"]))
            if name is not None:
                found.append(self._entry_of_child(f"{path}/{name}" if path else name, info))
        return found

    def _is_directory(self, path: str) -> bool:
        """Whether a directory is there that no link on the way leads to."""
        names = path.split("/")
        found = (self.entry("/".join(names[: count + 1])) for count in range(len(names)))
        return all(one is not None and one.kind == "directory" for one in found)

    def _prove_gone(self, path: str) -> None:
        # Some say "nothing is there" of whatever went wrong; what lies in such a directory would look deleted.
        there = self.entry(path)
        if there is not None and there.kind == "directory":
            raise ZoneUnreachable("a directory is there and could not be listed", path=path)

    def _entry_of_child(self, path: str, info: dict[str, object]) -> Entry:
        if shown(path) != path:
            return Entry(shown(path), "other", note=NOT_UTF8)
        return entry_of(path, info)
