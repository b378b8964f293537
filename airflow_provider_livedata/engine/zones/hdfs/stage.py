"""Files on their way into a location: written in ``.livedata/stage``, then given their name by a rename."""

from __future__ import annotations

import re
import secrets
import threading
from contextlib import nullcontext, suppress

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    LiveDataError,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    Unsupported,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Entry, Expect
from airflow_provider_livedata.engine.zones.hdfs.attributes import AttributeStore
from airflow_provider_livedata.engine.zones.hdfs.data import Data, Writer, is_parent_missing
from airflow_provider_livedata.engine.zones.hdfs.status import Status

FILE_MODE, DIRECTORY_MODE, PRIVATE_MODE = 0o644, 0o755, 0o700
_TOKEN = re.compile(r"([0-9a-f]{11,12})-[0-9a-f]{16}")  # begun at (epoch ms), and a random part
_LOCKS = 64


class Stage:
    """The stage of the location at ``root``, an absolute path."""

    def __init__(self, root: str, data: Data, attributes: AttributeStore) -> None:
        self._state, self._stage = join(root, ".livedata"), join(root, ".livedata/stage")
        self._data, self._attributes = data, attributes
        self._made_as: Status | None = None
        self._replacing = [threading.Lock() for _ in range(_LOCKS)]  # a version is compared and replaced under one

    def create(self, attributes: Attributes | None) -> tuple[str, Writer]:
        """A new file: its token, and where its bytes go."""
        token, mode = _new_token(), _mode_of(attributes)
        try:
            return token, self._data.create(self._at(token), mode)
        except PathMissing:
            self._make()
            return token, self._data.create(self._at(token), mode)

    def write(
        self, data: bytes | bytearray | memoryview, attributes: Attributes | None, *, urgent: bool = False
    ) -> str:
        """A whole new file: its token."""
        token, writer = self.create(attributes)
        try:
            if len(data):
                writer.write(data)
            writer.close(urgent=urgent)
        except BaseException:
            self.discard_quietly(token)
            raise
        return token

    def find(self, token: str, size_bytes: int) -> Status | None:
        """The whole file of a token; None where it is gone, shorter, or not closed."""
        if not _TOKEN.fullmatch(token):
            return None
        found = self._data.directories.status(self._at(token))
        if found is None or found.size_bytes != size_bytes:
            return None
        with suppress(PathMissing):
            return found if self._data.is_closed(self._at(token)) else None
        return None

    def finish(self, token: str, path: str, size_bytes: int, attributes: Attributes | None) -> Entry:
        """Give a closed file its attributes; it is then as it will be once published at ``path``."""
        wanted, address = attributes or Attributes(), self._at(token)
        status = self._made_as
        if status is None or wanted.mtime_ms is None:
            status = self._status(token, path)
            self._made_as = self._made_as or status  # owner and group are the same for all that is made here
        mode = FILE_MODE if wanted.mode is None else wanted.mode
        made_as = status._replace(size_bytes=size_bytes, mode=mode, has_acl=False)
        return self._attributes.set_new(path, address, wanted, made_as)

    def finish_again(self, token: str, path: str, attributes: Attributes | None, found: Status) -> Entry:
        """The same for a file of a process that died, which may have got as far as anywhere."""
        self._attributes.change(path, self._at(token), attributes or Attributes(), found)
        return self._attributes.entry(path, self._at(token), self._status(token, path))

    def publish(self, token: str, target: str, staged: Entry, expect: Expect) -> None:
        """Give a finished file its name, an absolute path, replacing what ``expect`` allows to replace.

        Raises:
            AlreadyExists, ObjectChanged: Something else is there; the file stays staged.
            PathMissing: The file is gone.
        """
        self.place(self._at(token), target, staged.version, expect)

    def place(self, origin: str, target: str, version: str, expect: Expect) -> None:
        """Move a file of that version from one absolute path to another; see ``publish``."""
        with self._replacing[hash(target) % _LOCKS] if isinstance(expect, str) else nullcontext():
            try:
                if isinstance(expect, str):
                    self._check(target, expect)
                self.rename(origin, target, replace=expect is not ABSENT)
            except (PathMissing, AlreadyExists, ObjectChanged):
                if not self._has_landed(origin, target, version):
                    raise

    def discard(self, token: str) -> None:
        """Remove the file of a token; none is no error."""
        self._data.delete(self._at(token))

    def discard_quietly(self, token: str) -> None:
        """The same; what fails here is left to the next sweep, so that the caller hears of what failed before."""
        with suppress(LiveDataError):
            self.discard(token)

    def sweep(self, older_than_ms: int) -> int:
        """Remove files begun before that time (epoch ms); returns how many."""
        removed = 0
        with suppress(PathMissing, NotADirectory):
            names = [status.name for page in self._data.directories.pages(self._stage) for status in page]
            for name in names:
                match = _TOKEN.fullmatch(name)
                removed += bool(match and int(match[1], 16) < older_than_ms and self._data.delete(self._at(name)))
        return removed

    def _check(self, target: str, expected: str) -> None:
        there = self._data.directories.status(target)
        version = there.entry("", None, None).version if there is not None else None
        if version != expected:
            raise ObjectChanged("something else is there by now", address=target, expected=expected, found=version)

    def _has_landed(self, origin: str, target: str, version: str) -> bool:
        # A rename whose reply was lost: the file is gone from here, and is there.
        there = self._data.directories.status(target)
        is_like_ours = there is not None and there.entry("", None, None).version == version != ""
        return is_like_ours and self._data.directories.status(origin) is None

    def rename(self, source: str, target: str, *, replace: bool) -> None:
        """Move between absolute paths; parents of the new one are made."""
        try:
            self._data.rename(source, target, replace=replace)
        except PathMissing as error:
            if not is_parent_missing(error):
                raise
            if target.startswith(f"{self._stage}/"):
                self._make()
            self._data.make_directory(target.rpartition("/")[0], DIRECTORY_MODE, parents=True)
            self._data.rename(source, target, replace=replace)

    def _status(self, token: str, path: str) -> Status:
        found = self._data.directories.status(self._at(token))
        if found is None:
            raise PathMissing("the staged file is gone", path=path)
        return found

    def _make(self) -> None:
        # What is protected by its directory's mode at the target must not lie open here, nor get an inherited ACL.
        self._data.make_directory(self._state, DIRECTORY_MODE, parents=True)
        self._data.make_directory(self._stage, PRIVATE_MODE)
        with suppress(Unsupported):
            self._data.set_acl(self._stage, [])
        self._data.set_mode(self._stage, PRIVATE_MODE)

    def _at(self, token: str) -> str:
        return f"{self._stage}/{token}"


def join(root: str, path: str) -> str:
    """An absolute path below ``root``, which is absolute itself."""
    return f"{root.rstrip('/')}/{path}" if path else root


def _new_token() -> str:
    return f"{now_ms():x}-{secrets.token_hex(8)}"


def _mode_of(attributes: Attributes | None) -> int:
    return FILE_MODE if attributes is None or attributes.mode is None else attributes.mode
