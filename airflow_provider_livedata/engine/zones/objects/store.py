"""What a zone of an object store asks of its store, and no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from airflow_provider_livedata.engine.deciding.refusal import unholdable
from airflow_provider_livedata.engine.errors import AlreadyExists, IsADirectory, NameRefused, ObjectChanged
from airflow_provider_livedata.engine.model import Absent, Attributes, Checksum, Expect, Facts
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.objects.listing import PAGE, Listed, Page, is_name
from airflow_provider_livedata.engine.zones.ranges import Range

NOTHING = "nothing is there"


class ObjectStore(ABC):
    """One prefix of one bucket or container, for any number of threads.

    Keys are relative to the prefix: a path, or with "/" at its end a marker of a directory. What is written appears whole or
    not at all, and of many that write with ``expect=ABSENT`` one wins. Failures are the engine's errors.
    """

    lists_in_order: ClassVar[bool] = True  # else in_place restores the order

    def __init__(self, address: Address, facts: Facts) -> None:
        self.address, self.facts = address, facts
        self.prefix = f"{address.path}/" if address.path else ""

    @abstractmethod
    def page(self, under: str = "", *, token: str = "", limit: int = PAGE) -> Page:
        """One page of the keys that begin with ``under``, in UTF-8 order."""

    @abstractmethod
    def head(self, key: str) -> Listed | None:
        """The object of a key; None where there is none."""

    @abstractmethod
    def head_root(self) -> Listed | None:
        """The object that has the name that the root has, if there is one."""

    @abstractmethod
    def read(self, key: str, offset: int, size_bytes: int | None, version: str) -> Range:
        """What the store sends of an object from ``offset`` on (None: to its end); nothing where it ends before that.

        Raises:
            PathMissing, ObjectChanged (not ``version``, where that is given).
        """

    @abstractmethod
    def put(
        self, key: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Listed:  # fmt: skip
        """Write an object; the store refuses bytes of another checksum."""

    @abstractmethod
    def delete(self, key: str, version: str = "") -> None:
        """Remove a file; one that is gone is no error. ``version``: what it was, which may save a request."""

    @abstractmethod
    def mark(self, path: str, attributes: Attributes | None) -> None:
        """Write what says that an empty directory is there.

        Raises:
            AlreadyExists: It is marked, or a file stands where the mark would be.
        """

    @abstractmethod
    def unmark(self, path: str) -> None:
        """Remove that; where it is gone, it is no error."""

    def in_place(self, objects: Iterator[Listed]) -> Iterator[Listed]:
        """Bring marks of directories, which this store lists elsewhere, to their place as ``path/``."""
        return objects

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""

    def key(self, path: str, end: str = "") -> str:
        """The key of a file, or with ``end`` "/" of a marker.

        Raises:
            IsADirectory: ``path`` is "", the root.
            NameRefused: The store cannot hold it.
        """
        if not path:
            raise IsADirectory("the root is a directory", address=str(self.address))
        if not all(map(is_name, path.split("/"))):
            raise NameRefused("no path: it has an empty name, '.', '..', a NUL or bytes that are not UTF-8", path=path)
        if why := unholdable(path, path + end, self.facts):
            raise NameRefused(f"{why}; rename or exclude it", path=path)
        return path + end

    def first(self, under: str = "", most: int = 1) -> list[Listed]:
        """The first keys that begin with ``under``. A page may be empty although others follow."""
        found, token = list[Listed](), ""
        while len(found) < most:
            page = self.page(under, token=token, limit=most)
            found += page.objects
            token = page.token
            if not token:
                break
        return found

    def refuse_other(self, path: str, expect: Expect) -> None:
        """Look at what is at a path, and refuse what is not expected there.

        Raises:
            AlreadyExists, ObjectChanged: It is something else.
        """
        if expect is None:
            return
        found = self.head(path)
        if isinstance(expect, Absent):
            if found is not None:
                raise AlreadyExists("something is there already", address=str(self.address), path=path)
        elif found is None or found.version != expect:
            raise ObjectChanged("it is not what the writer expected to replace", address=str(self.address), path=path)
