"""Files on their way into a zone: written in ``.livedata/stage``, read back and compared, then given their name.

A name is given by a rename, which some filesystems refuse where something stands: that is removed first. So between the two calls nothing
is there, and what is to be replaced is compared and replaced in two steps. Within a process a lock keeps others out; between processes
only the user's promise does.
"""

from __future__ import annotations

import re
import secrets
import threading
from contextlib import suppress
from typing import Any

from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    IsADirectory,
    LiveDataError,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import ABSENT, Checksum, Entry, Expect
from airflow_provider_livedata.engine.zones.any_fsspec.errors import engine_errors
from airflow_provider_livedata.engine.zones.any_fsspec.tree import STATE, Tree

STAGE = f"{STATE}/stage"
PIECE_BYTES = 1 << 20  # read back at once
_TOKEN = re.compile(r"[0-9a-f]{32}")


class Stage:
    """The stage of a zone; raises engine errors."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._publishing = threading.Lock()
        self._known: set[str] = set()  # directories that were seen to be directories

    def create(self) -> tuple[str, Any]:
        """A new file: its token and what to write into."""
        token = secrets.token_hex(16)
        self.make_directory(STAGE)
        with engine_errors(STAGE):
            return token, self._tree.filesystems.get().open(self._at(token), "wb")

    def find(self, token: str) -> Entry | None:
        """The staged file of a token."""
        found = self._tree.entry("", self._at(token)) if _TOKEN.fullmatch(token) else None
        return found if found is not None and found.kind == "file" else None

    def proved(self, token: str, path: str, size_bytes: int, checksum: Checksum | None) -> Entry:
        """The entry of a file that is written, once what the store gives back is what was sent.

        Raises:
            PathMissing: It is gone.
            ChecksumMismatch: Other bytes are there.
        """
        found = self.find(token)
        if found is None:
            raise PathMissing("the staged file is gone", path=path)
        if found.size_bytes != size_bytes or checksum not in (None, self._read_back(token, path)):
            raise ChecksumMismatch("read back after writing, the file has other bytes than were sent", path=path,
                                   expected=size_bytes, found=found.size_bytes)  # fmt: skip
        return found._replace(path=path)

    def publish(self, token: str, staged: Entry, expect: Expect) -> None:
        """Give a finished file its name, replacing what ``expect`` allows to replace.

        Raises:
            AlreadyExists, ObjectChanged, IsADirectory: Something else is there; the file stays staged.
            PathMissing: The file is gone.
        """
        path = staged.path
        at = self._tree.file_at(path)
        with self._publishing:
            there = self._tree.entry(path)
            _refuse_others(path, there, expect)
            if self.find(token) is None:
                raise PathMissing("the staged file is gone", path=path)
            self.make_directory(path.rpartition("/")[0])
            with engine_errors(path):
                files = self._tree.filesystems.get()
                if there is not None:
                    files.rm_file(at)
                files.mv(self._at(token), at)
            self._prove_landed(staged)

    def discard(self, token: str) -> None:
        """Remove the file of a token; none is no error."""
        if self.find(token) is not None:
            with suppress(PathMissing), engine_errors(STAGE):
                self._tree.filesystems.get().rm_file(self._at(token))

    def discard_quietly(self, token: str) -> None:
        """The same; what fails here is left to the next sweep, so that the caller hears of what failed before."""
        with suppress(LiveDataError):
            self.discard(token)

    def sweep(self, older_than_ms: int) -> int:
        """Remove files last written before that time (epoch ms), where the filesystem tells it; returns how many."""
        old = [one.path for one in self._tree.scan(STAGE) if one.kind == "file" and 0 < one.mtime_ms < older_than_ms]
        tokens = [name for name in (path.rpartition("/")[2] for path in old) if _TOKEN.fullmatch(name)]
        for token in tokens:
            self.discard(token)
        return len(tokens)

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it, none of which may be a link that leads elsewhere.

        Raises:
            NotADirectory: Something else stands there or on the way.
        """
        names = path.strip("/").split("/") if path.strip("/") else []
        ways = ["/".join(names[:count]) for count in range(len(names) + 1)]
        new = [way for way in ways if way not in self._known]
        for way in new:
            there = self._tree.entry(way)
            if there is not None and there.kind != "directory" and way:
                raise NotADirectory("a file or link stands where a directory should be", path=way)
        if not new:
            return
        with engine_errors(path):
            self._tree.filesystems.get().makedirs(self._tree.at(path), exist_ok=True)
        made = self._tree.entry(path)
        if made is None or made.kind != "directory":  # some say nothing when they make none
            raise ZoneUnreachable("a directory was not made", path=path)
        self._known.update(new)

    def forget(self) -> None:
        """Directories may have gone."""
        self._known.clear()

    def _prove_landed(self, staged: Entry) -> None:
        landed = self._tree.entry(staged.path)  # some say nothing when they do not rename
        if landed is None or landed.version != staged.version:
            self.forget()
            raise ZoneUnreachable("the file did not get its name", path=staged.path, expected=staged.version,
                                  found=landed.version if landed else None)  # fmt: skip

    def _read_back(self, token: str, path: str) -> Checksum:
        found = EMPTY
        with engine_errors(path), self._tree.filesystems.get().open(self._at(token), "rb") as file:
            while piece := file.read(PIECE_BYTES):
                found = checksum_of(piece, found)
        return found

    def _at(self, token: str) -> str:
        return self._tree.at(f"{STAGE}/{token}")


def _refuse_others(path: str, there: Entry | None, expect: Expect) -> None:
    if there is not None and there.kind == "directory":
        raise IsADirectory("a directory stands where a file should be", path=path)
    if expect is ABSENT and there is not None:
        raise AlreadyExists("something is there already", path=path)
    if isinstance(expect, str) and (there is None or there.version != expect):
        raise ObjectChanged("not the version that was to be replaced", path=path, expected=expect,
                            found=there.version if there else None)  # fmt: skip
