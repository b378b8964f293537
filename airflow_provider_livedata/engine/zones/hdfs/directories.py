"""Status and listings, by RPC or by WebHDFS.

RPC tells no ACL flag (the client drops it), so without WebHDFS each entry's ACL has to be asked for; a WebHDFS listing has
the flag and costs the NameNode the same one call a page: 100,000 entries a second here, where RPC gives 300,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_livedata.engine.errors import LiveDataError, NotADirectory, PathMissing, UnsortedListing
from airflow_provider_livedata.engine.limits import NO_LIMIT, Pace
from airflow_provider_livedata.engine.model import Kind
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.errors import native_error
from airflow_provider_livedata.engine.zones.hdfs.status import Page, Status

if TYPE_CHECKING:
    from hdfs_native import Client, FileStatus

Made = TypeVar("Made")
MODE_BITS = 0o7777
PAGE_ENTRIES = 1000  # dfs.ls.limit
_KINDS: dict[str, Kind] = {"FILE": "file", "DIRECTORY": "directory"}


class WebDirectories:
    """See ``Directories``; tells ACL flags."""

    def __init__(self, control: WebHdfs) -> None:
        self._control, self._has_batches = control, True

    def status(self, path: str) -> Status | None:
        """See ``Directories.status``."""
        try:
            return _web_status(self._control.call("GETFILESTATUS", path)["FileStatus"])
        except (PathMissing, NotADirectory):
            return None

    def pages(self, path: str) -> Iterator[Page]:
        """See ``Directories.pages``."""
        after = first = ""
        while (found := self.after(path, after)) is not None:
            page, is_last = found
            if page and page[0].name == first != "":
                raise UnsortedListing("the NameNode repeats a page of its listing", path=path, after=after)
            yield page
            if is_last or not page:
                return
            first, after = page[0].name, page[-1].name
        whole = self._control.call("LISTSTATUS", path)["FileStatuses"]
        yield [_web_status(one) for one in whole["FileStatus"]]

    def after(self, path: str, name: str) -> tuple[Page, bool] | None:
        """The page of a directory's entries that follows ``name``, "" for the first one, and whether it is the last one.

        None: Hadoop before 3.0 tells no pages.
        """
        if not self._has_batches:
            return None
        # Versions differ in which spelling they read, and ignore the other.
        where = {"startafter": name, "startAfter": name} if name else {}
        try:
            found = self._control.call("LISTSTATUS_BATCH", path, **where)["DirectoryListing"]
        except LiveDataError as error:
            if error.where.get("java_class") != "IllegalArgumentException":
                raise
            self._has_batches = False  # the whole directory in one answer
            return None
        page = [_web_status(one) for one in found["partialListing"]["FileStatuses"]["FileStatus"]]
        return page, not found["remainingEntries"]

    def names(self, path: str) -> Iterator[str]:
        """See ``Directories.names``."""
        return (one.name for page in self.pages(path) for one in page)


class NativeDirectories:
    """See ``Directories``; tells no ACL flags."""

    def __init__(self, client: Client, origin: str, pace: Pace = NO_LIMIT) -> None:
        self._client, self._origin, self._pace = client, origin, pace

    def status(self, path: str) -> Status | None:
        """See ``Directories.status``."""
        self._pace.take()
        try:
            return _native_status(self._client.get_file_info(path), "")
        except Exception as error:
            found = native_error(error, address=f"{self._origin}{path}")
            if isinstance(found, PathMissing | NotADirectory):
                return None
            raise found from error

    def pages(self, path: str) -> Iterator[Page]:
        """See ``Directories.pages``."""
        entries = self._listed(path, _native_status)
        while page := list(islice(entries, PAGE_ENTRIES)):
            yield page

    def names(self, path: str) -> Iterator[str]:
        """See ``Directories.names``; what nobody looks at is not taken apart."""
        return self._listed(path, lambda _, name: name)

    def _listed(self, path: str, made: Callable[[FileStatus, str], Made]) -> Iterator[Made]:
        start = len(path) if path.endswith("/") else len(path) + 1
        try:
            entries, count = self._client.list_status(path), PAGE_ENTRIES
            while count == PAGE_ENTRIES:  # after fewer nothing follows, and to find that out again is no call
                self._pace.take()
                count = 0
                for count, one in enumerate(islice(entries, PAGE_ENTRIES), 1):  # noqa: B007 - read by the loop around
                    yield made(one, one.path[start:])
        except Exception as error:
            raise native_error(error, address=f"{self._origin}{path}") from error


def _web_status(found: dict[str, Any]) -> Status:
    return Status(
        found["pathSuffix"], _KINDS.get(found["type"], "other"), found["length"], found["modificationTime"],
        found["owner"], found["group"], int(found["permission"], 8) & MODE_BITS, found.get("aclBit", False),
    )  # fmt: skip


def _native_status(found: FileStatus, name: str) -> Status:
    return Status(
        name, "directory" if found.isdir else "file", found.length, found.modification_time,
        found.owner, found.group, found.permission & MODE_BITS,
    )  # fmt: skip
