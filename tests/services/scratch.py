"""Directories for the servers' data: in memory where that is large enough, swept even after a SIGKILL."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "livedata-test-"
_LOCK = ".owner"


class Scratch:
    """A directory that its owner removes; one whose owner was killed is removed by the next owner."""

    def __init__(self, name: str, *, need_bytes: int = 2 << 30, needs_xattrs: bool = False) -> None:
        base = _base(need_bytes, needs_xattrs=needs_xattrs)
        sweep(base)
        self._owner = os.getpid()
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-", dir=base))
        self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the directory and all in it. Idempotent; nothing happens in a forked child."""
        if os.getpid() != self._owner:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep(base: Path) -> None:
    """Remove the directories whose owner is gone: the kernel released their lock."""
    for directory in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(directory / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(lock)


def has_xattrs(directory: Path) -> bool:
    """Say whether the file system keeps extended attributes of users (tmpfs does from Linux 6.6)."""
    with tempfile.NamedTemporaryFile(dir=directory) as probe:
        try:
            os.setxattr(probe.name, "user.probe", b"1")
        except OSError:
            return False
        return True


def _base(need_bytes: int, *, needs_xattrs: bool) -> Path:
    memory, disk = Path("/dev/shm"), Path(tempfile.gettempdir())
    usable = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= need_bytes
    return memory if usable and (has_xattrs(memory) or not needs_xattrs) else disk
