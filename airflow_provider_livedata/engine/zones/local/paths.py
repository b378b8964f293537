"""Ways to places below a root that no symbolic link can lead out of.

Every directory on the way is opened relative to the one above it, links refused: what is checked is what is used, even
while someone else renames things.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from airflow_provider_livedata.engine.errors import NameRefused
from airflow_provider_livedata.engine.zones.address import Address

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


def names_of(address: Address, path: str) -> list[str]:
    """The names that make up a path relative to ``address``; none for the root.

    Raises:
        BadAddress: It has ``.``, ``..``, an empty name or NUL in it.
        NameRefused: It cannot be written as UTF-8.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        raise NameRefused("a name must be UTF-8", path=path) from None
    address.join(path)
    return path.strip("/").split("/") if path.strip("/") else []


@contextmanager
def opened_directory(root: str, names: list[str], *, make: bool = False) -> Iterator[int]:
    """A descriptor of the directory, good for names relative to it. With ``make``, what lacks on the way is made."""
    if make and not os.path.isdir(root):
        os.makedirs(root, exist_ok=True)
    handle = os.open(root, _DIRECTORY)
    try:
        for name in names:
            below = _below(handle, name, make=make)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


@contextmanager
def opened(handle: int, name: str, flags: int) -> Iterator[int]:
    """A descriptor of what has that name in the directory ``handle``; a link is not followed."""
    found = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
    try:
        yield found
    finally:
        os.close(found)


def path_by(handle: int, name: str = "") -> str:
    """A path for those system calls that take no descriptor, or none opened with O_PATH."""
    return f"/proc/self/fd/{handle}/{name}" if name else f"/proc/self/fd/{handle}"


def keep_names(handle: int) -> None:
    """Make the names in a directory durable."""
    with opened(handle, ".", os.O_RDONLY | os.O_DIRECTORY) as readable:
        os.fsync(readable)


def _below(handle: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # another thread made it
        os.mkdir(name, dir_fd=handle)
        keep_names(handle)
    return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
