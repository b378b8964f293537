"""Files on their way into a local zone: written in ``.livedata/stage``, then given their name in one step."""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import AlreadyExists, ObjectChanged, PathMissing, Unsupported
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Expect
from airflow_provider_livedata.engine.zones.local.attributes import MS, set_attributes, version_of
from airflow_provider_livedata.engine.zones.local.paths import keep_names, opened_directory

_STAGE = [".livedata", "stage"]
_LEFTOVER = re.compile(r"[0-9a-f]{32}(\.sealed)?")
_SEALED = ".sealed"  # behind the token of a file whose bytes and attributes are all there
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Stage:
    """The stage of the zone at ``root``. With ``sync`` a file is on the disk before it has its name, and the name after.

    Raises OSError; those who call turn it into engine errors.
    """

    root: str
    sync: bool
    replacing: threading.Lock = field(default_factory=threading.Lock)  # a version is compared and replaced under it

    def create(self, attributes: Attributes | None) -> tuple[str, int]:
        """A new file: its token and a descriptor for writing."""
        token = secrets.token_hex(16)
        mode = 0o666 if attributes is None or attributes.mode is None else 0o600
        try:
            return token, self._create(token, mode)
        except FileNotFoundError:
            self._make()
            return token, self._create(token, mode)

    def reopen(self, token: str) -> int:
        """A descriptor for going on with an unsealed file."""
        with opened_directory(self.root, _STAGE) as stage:
            return os.open(token, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=stage)

    def find(self, token: str) -> tuple[bool, os.stat_result] | None:
        """Whether the file of a token is sealed, and its state; None where there is none."""
        if not _LEFTOVER.fullmatch(token) or token.endswith(_SEALED):
            return None
        for is_sealed in (True, False):
            with suppress(FileNotFoundError), opened_directory(self.root, _STAGE) as stage:
                name = token + _SEALED if is_sealed else token
                return is_sealed, os.stat(name, dir_fd=stage, follow_symlinks=False)
        return None

    def finish(self, handle: int, attributes: Attributes | None) -> os.stat_result:
        """Give a file its attributes and make it durable; it has its final version then."""
        given = attributes or Attributes()
        if given.mtime_ms is None:
            given = given._replace(mtime_ms=time.time_ns() // MS)
        set_attributes(handle, given)
        if self.sync:
            os.fsync(handle)
        return os.fstat(handle)

    def seal(self, token: str) -> None:
        """Note that a file is finished, for one who takes it up by its token."""
        with opened_directory(self.root, _STAGE) as stage:
            os.rename(token, token + _SEALED, src_dir_fd=stage, dst_dir_fd=stage)

    def publish(self, token: str, names: list[str], expect: Expect, *, is_sealed: bool) -> None:
        """Give a finished file its name below the root, replacing what ``expect`` allows to replace.

        Raises:
            AlreadyExists, ObjectChanged: Something else is there; the file stays staged.
            PathMissing: The file is gone.
        """
        staged = token + _SEALED if is_sealed else token
        with opened_directory(self.root, _STAGE) as stage:
            if not _is_there(staged, stage):
                raise PathMissing("the staged file is gone", path="/".join(names))
            self.place(staged, stage, names, expect)

    def place(self, name: str, directory: int, names: list[str], expect: Expect) -> None:
        """Move the file ``name`` of an open directory to a path below the root; see ``publish``."""
        if tuple(names[: len(_STAGE)]) == tuple(_STAGE):
            self._make()
        with opened_directory(self.root, names[:-1], make=True) as parent:
            if expect is ABSENT:
                _link(name, directory, names[-1], parent)
            else:
                self._replace(name, directory, names[-1], parent, expect)
            if self.sync:
                keep_names(parent)

    def discard(self, token: str) -> None:
        """Remove the file of a token; none is no error."""
        with suppress(FileNotFoundError, NotADirectoryError), opened_directory(self.root, _STAGE) as stage:
            for name in (token, token + _SEALED):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=stage)

    def sweep(self, older_than_ms: int) -> int:
        """Remove files that were last touched before that time (epoch ms); returns how many.

        The time of the last change is asked for: that of the last modification was given by the writer.
        """
        removed = 0
        with suppress(FileNotFoundError, NotADirectoryError), opened_directory(self.root, _STAGE) as stage:
            for name in filter(_LEFTOVER.fullmatch, os.listdir(f"/proc/self/fd/{stage}")):
                with suppress(FileNotFoundError):
                    if os.stat(name, dir_fd=stage, follow_symlinks=False).st_ctime_ns // MS < older_than_ms:
                        os.unlink(name, dir_fd=stage)
                        removed += 1
        return removed

    def _make(self) -> None:
        self.make_private(_STAGE[1])

    def make_private(self, name: str) -> None:
        """A directory beside the stage that nobody else may enter."""
        with opened_directory(self.root, _STAGE[:1], make=True) as state, suppress(FileExistsError):
            # What is protected by its directory's mode at the target must not lie open here.
            os.mkdir(name, 0o700, dir_fd=state)

    def _create(self, token: str, mode: int) -> int:
        with opened_directory(self.root, _STAGE) as stage:
            return os.open(token, _NEW, mode, dir_fd=stage)

    def _replace(self, staged: str, stage: int, name: str, parent: int, expect: Expect) -> None:
        if not isinstance(expect, str):
            os.rename(staged, name, src_dir_fd=stage, dst_dir_fd=parent)
            return
        with self.replacing:
            found = version_of(os.stat(name, dir_fd=parent, follow_symlinks=False)) if _is_there(name, parent) else None
            if found != expect:
                raise ObjectChanged("not the version that was to be replaced", path=name, expected=expect, found=found)
            os.rename(staged, name, src_dir_fd=stage, dst_dir_fd=parent)


def _is_there(name: str, parent: int) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _link(staged: str, stage: int, name: str, parent: int) -> None:
    # A hard link appears whole and only where nothing is: a rename would replace what came meanwhile.
    try:
        os.link(staged, name, src_dir_fd=stage, dst_dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not os.path.samestat(there, os.stat(staged, dir_fd=stage)):  # else: linked already, by one who died then
            raise AlreadyExists("something is there already", path=name) from None
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP):
            raise Unsupported("the file system has no hard links, so no file can be written only where none is; "
                              "choose a target on another file system", path=name) from error  # fmt: skip
        raise
    os.unlink(staged, dir_fd=stage)
