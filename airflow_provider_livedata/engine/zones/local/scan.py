"""List a local directory tree in key order, holding only the names of the directories on the current path."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from airflow_provider_livedata.engine.errors import PermissionRefused, ZoneBusy
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.local.attributes import NOT_UTF8, entry_of, xattrs_told
from airflow_provider_livedata.engine.zones.local.errors import GONE, engine_error, engine_errors
from airflow_provider_livedata.engine.zones.local.paths import opened_directory, path_by

_READABLE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_LEVELS = 64  # of a deeper tree the upper directories are closed meanwhile: descriptors are few


class _Found(NamedTuple):
    key: str  # the name as it is shown, with "/" for directories: what siblings are ordered by
    name: str  # as the operating system knows it
    is_directory: bool


@dataclass(slots=True)
class _Level:
    names: list[str]
    handle: int  # -1: closed meanwhile
    found: Iterator[_Found]

    def close(self) -> None:
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)


def scan(root: str, names: list[str], *, with_xattrs: bool, past: bool = False) -> Iterator[Entry]:
    """Entries below a directory; paths are relative to ``root``. What vanishes meanwhile is left out.

    ``past``: go on where a directory may not be listed; see ``ListsPast``.
    """
    levels: list[_Level] = []
    try:
        _enter(levels, root, names)
        while levels:
            level = levels[-1]
            found = next(level.found, None)
            if found is None or not _is_open(level, root):
                levels.pop().close()
                continue
            entry = _entry(level, found, with_xattrs=with_xattrs)
            if entry is not None and entry.kind == "directory" and past:
                why = _refusal(levels, root, [*level.names, found.name])
                yield entry._replace(note=why)
            elif entry is not None:
                yield entry
                if entry.kind == "directory":
                    _enter(levels, root, [*level.names, found.name])
    finally:
        for level in levels:
            level.close()


def _enter(levels: list[_Level], root: str, names: list[str]) -> None:
    handle = _opened(levels[-1].handle if levels else -1, root, names)
    if handle is None:
        return
    levels.append(_Level(names, handle, iter(())))  # first of all among those that are closed at the end
    levels[-1].found = _listed(handle, "/".join(names), hides_state=not names)
    if len(levels) > OPEN_LEVELS:
        levels[-OPEN_LEVELS - 1].close()


def _refusal(levels: list[_Level], root: str, names: list[str]) -> str:
    """Enter a directory; why that is refused, "" where it is not."""
    depth = len(levels)
    try:
        _enter(levels, root, names)
        for level in levels[depth:]:
            with engine_errors("/".join(names)):
                os.stat(".", dir_fd=level.handle)  # who may read the names need not be allowed to look at the entries
    except PermissionRefused as error:
        for level in levels[depth:]:
            level.close()
        del levels[depth:]
        return str(error)
    return ""


def _is_open(level: _Level, root: str) -> bool:
    if level.handle < 0:
        level.handle = _opened(-1, root, level.names) or -1
    return level.handle >= 0


def _opened(above: int, root: str, names: list[str]) -> int | None:
    """A descriptor for listing a directory, None where it is gone or no directory."""
    with engine_errors("/".join(names)):
        try:
            if above >= 0:
                return os.open(names[-1], _READABLE, dir_fd=above)
            with opened_directory(root, names) as handle:
                return os.open(".", _READABLE, dir_fd=handle)
        except OSError as error:
            if error.errno in GONE:
                return None
            raise


def _listed(handle: int, path: str, *, hides_state: bool) -> Iterator[_Found]:
    with engine_errors(path), os.scandir(handle) as entries:
        found = [_shown(entry) for entry in entries]
    if hides_state:
        found = [one for one in found if not one.key.startswith(".livedata")]
    return iter(sorted(found))


def _shown(entry: os.DirEntry[str]) -> _Found:
    if not _is_utf8(entry.name):
        # Shown so that it can be found by a person; "other" has no content, so it is never a directory here.
        return _Found(os.fsencode(entry.name).decode("utf-8", "backslashreplace"), entry.name, is_directory=False)
    is_directory = entry.is_dir(follow_symlinks=False)
    return _Found(entry.name + "/" if is_directory else entry.name, entry.name, is_directory)


def _entry(level: _Level, found: _Found, *, with_xattrs: bool) -> Entry | None:
    path = "/".join([*level.names, found.key.rstrip("/")])
    try:
        at = os.stat(found.name, dir_fd=level.handle, follow_symlinks=False)
        xattrs = xattrs_told(path_by(level.handle, found.name)) if with_xattrs else None
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise engine_error(error, path) from error
    if not _is_utf8(found.name):
        return Entry(path, "other", mtime_ms=at.st_mtime_ns // 1_000_000, note=NOT_UTF8)
    if stat.S_ISDIR(at.st_mode) != found.is_directory:
        # Its place in the order was that of the other kind: going on would break the order.
        raise ZoneBusy("a name changed from file to directory or back while it was listed; list again", path=path)
    return entry_of(path, at, xattrs)


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)
