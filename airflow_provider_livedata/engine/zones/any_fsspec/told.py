"""What filesystems of fsspec tell of a file, as an entry. Pure.

fsspec fixes ``name``, ``size`` and ``type``; how a time or a tag is called is each filesystem's own business. What is told by none of
the names below is not known, and a file of which neither a time nor a tag is told cannot be seen to change: it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_livedata.engine.errors import NameRefused, Unsupported
from airflow_provider_livedata.engine.model import Entry

TAGS = (
    "ETag", "etag", "e_tag", "md5Hash", "content_md5", "md5", "checksum", "generation", "version_id", "VersionId", "sha", "fileId", "ino",
)  # fmt: skip
TIMES = ("mtime", "modificationTime", "LastModified", "last_modified", "updated", "modified", "modify", "created")
NOT_UTF8 = "its name is not UTF-8"
_LINKS = frozenset({"link", "symlink"})
_UNITS = (
    (10**17, 1),
    (10**14, 1_000),
    (10**11, 1_000_000),
)  # from so much on: nano, micro, milliseconds; in thousandths of a microsecond


def entry_of(path: str, info: Mapping[str, Any]) -> Entry:
    """The entry that ``info`` tells of.

    Raises:
        Unsupported: A file of no size, or of which a change could not be seen.
    """
    time = _time(info)
    mtime_ms = (_micros(time) or 0) // 1000
    if info.get("islink") or info.get("type") in _LINKS:
        return Entry(path, "other", 0, mtime_ms, note="symbolic link")
    if info.get("type") == "directory":
        return Entry(path, "directory", 0, mtime_ms)
    if info.get("type") != "file":
        return Entry(path, "other", 0, mtime_ms, note="neither a file nor a directory")
    size_bytes = _size(path, info.get("size"))
    return Entry(path, "file", size_bytes, mtime_ms, _version(path, size_bytes, time, info))


def child_name(directory: str, told: str) -> str | None:
    """The name of what a listing of ``directory`` tells of; None where that is the directory itself or the one above.

    Raises:
        NameRefused: It lies anywhere else. Such a listing is not to be trusted.
    """
    inside, name = directory.strip("/"), told.rstrip("/").lstrip("/")
    if name == inside:
        return None
    beginning = f"{inside}/" if inside else ""
    rest = name[len(beginning) :]
    if rest in ("", ".", "..") and name.startswith(beginning):
        return None
    if not name.startswith(beginning) or "/" in rest or "\0" in rest:
        raise NameRefused(
            "a listing names something that does not lie in its directory", directory=directory, name=shown(told)
        )
    return rest


def shown(name: str) -> str:
    """A name that can be written as UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _size(path: str, told: object) -> int:
    if isinstance(told, str) and told.isascii() and told.isdigit():
        return int(told)
    if isinstance(told, bool) or not isinstance(told, int) or told < 0:
        raise Unsupported(
            "the filesystem does not tell how large this file is, so it cannot be copied safely", path=path
        )
    return told


def _version(path: str, size_bytes: int, time: object, info: Mapping[str, Any]) -> str:
    tags = [str(info[name]) for name in TAGS if info.get(name) not in (None, "")]
    moment = [] if time is None else [str(_micros(time) if _micros(time) is not None else time)]
    if not tags and not moment:
        raise Unsupported("the filesystem tells neither a time nor a tag of this file, so a changed file would look like an unchanged one; "
                          "copy it to another filesystem by other means", path=path)  # fmt: skip
    return ":".join([str(size_bytes), *moment, *tags])


def _time(info: Mapping[str, Any]) -> object:
    return next((info[name] for name in TIMES if info.get(name) not in (None, "")), None)


def _micros(told: object) -> int | None:
    """Microseconds since 1970 of a number, a datetime or a text; None of what cannot be read."""
    if isinstance(told, str):
        told = _moment(told)
    if isinstance(told, datetime):
        told = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        return None
    unit = next((unit for least, unit in _UNITS if abs(told) >= least), 10**9)
    return round(told * (unit / 1000)) if isinstance(told, float) else told * unit // 1000


def _moment(text: str) -> datetime | None:
    digits = text.partition(".")[0]
    if len(digits) == 14 and digits.isascii() and digits.isdigit():  # as FTP tells it
        text = f"{digits[:8]}T{digits[8:]}Z"
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(text)
        except ValueError:
            continue
    return None
