"""What HDFS tells of one file or directory, whichever way it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from airflow_provider_livedata.engine.model import Entry, Kind


class Status(NamedTuple):
    """One file or directory. ``name``: in its directory, "" for what was asked for itself. ``has_acl``: None if not told."""

    name: str
    kind: Kind
    size_bytes: int
    mtime_ms: int
    owner: str
    group: str
    mode: int
    has_acl: bool | None = None

    def entry(self, path: str, acl: str | None, xattrs: tuple[tuple[str, bytes], ...] | None) -> Entry:
        """The entry at ``path``."""
        version = f"{self.size_bytes}:{self.mtime_ms}" if self.kind == "file" else ""
        note = "symbolic link" if self.kind == "other" else ""
        return Entry(
            path, self.kind, self.size_bytes, self.mtime_ms, version, self.owner, self.group, self.mode, acl, xattrs, note=note
        )  # fmt: skip


Page = list[Status]


class Directories(Protocol):
    """Tells what is at a path and lists directories; paths are absolute."""

    def status(self, path: str) -> Status | None:
        """What is at ``path``, or None where nothing is."""
        ...

    def pages(self, path: str) -> Iterator[Page]:
        """The entries of a directory, a page for each call of the NameNode, in HDFS's order; of a file: itself, nameless.

        Raises:
            PathMissing: Nothing is there.
        """
        ...

    def names(self, path: str) -> Iterator[str]:
        """The names alone, as ``pages``."""
        ...
