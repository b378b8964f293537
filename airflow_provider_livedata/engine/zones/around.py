"""A Zone around a Zone, with exactly the powers of the one inside.

Powers are asked by ``isinstance``. So a wrapper gets the methods of those powers, and of no others, that the wrapped
zone has: ``__new__`` makes a subclass for each combination. Whatever ``zones/powers.py`` declares is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Self, TypeVar

from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Facts, Failure, Part
from airflow_provider_livedata.engine.zones import powers
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Upload, Zone

Result = TypeVar("Result")

_POWERS = tuple(
    one for one in vars(powers).values()
    if isinstance(one, type) and one.__module__ == powers.__name__ and getattr(one, "_is_protocol", False)
)  # fmt: skip


class Around(Zone):
    """Passes every call on through ``around``, which a subclass overrides; so do calls of uploads."""

    keeps: frozenset[str] | None = None  # names of the powers that the wrapper keeps at most; None: all

    def __new__(cls, zone: Zone, *_args: Any, **_options: Any) -> Self:
        """Make an instance that has the powers of ``zone``."""
        kept = (power for power in _POWERS if cls.keeps is None or power.__name__ in cls.keeps)
        made: Self = object.__new__(_with_powers(cls, tuple(power for power in kept if isinstance(zone, power))))
        return made

    def __init__(self, zone: Zone) -> None:
        self.inner = zone

    @property
    def address(self) -> Address:  # type: ignore[override]
        """Of the zone inside."""
        return self.inner.address

    @property
    def facts(self) -> Facts:  # type: ignore[override]
        """Of the zone inside."""
        return self.inner.facts

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Called for each call: ``name`` is that of the method, ``run`` makes it, ``size_bytes`` go to or are asked for.

        A listing passes once, until its first entry is there. Calls of an upload have the names of its methods.
        """
        return run()

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        """Called for each call of a power."""
        return self.around(name, lambda: getattr(self.inner, name)(*args, **options))

    def around_zone(self, zone: Zone) -> Zone:
        """Wrap a zone that came out of this one: the view of a snapshot."""
        return type(self)(zone)

    def around_upload(self, upload: Upload, path: str) -> Upload:
        """Wrap an upload that came out of this zone."""
        return AroundUpload(self, upload, path)

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        self.around("check", lambda: self.inner.check(writable=writable))

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        yield from self.around("scan", lambda: _begun(self.inner.scan(under)))

    def stat(self, path: str) -> Entry | None:
        """See ``Zone.stat``."""
        return self.around("stat", lambda: self.inner.stat(path))

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        return self.around(
            "read_into", lambda: self.inner.read_into(path, offset, buffer, version=version), size_bytes=len(buffer)
        )

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``."""
        return self.around(
            "put",
            lambda: self.inner.put(path, data, checksum=checksum, attributes=attributes, expect=expect),
            size_bytes=len(data),
        )

    def begin(self, path: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload:
        """See ``Zone.begin``."""
        begun = self.around("begin", lambda: self.inner.begin(path, size_bytes, attributes=attributes))
        return self.around_upload(begun, path)

    def resume(self, path: str, token: str, size_bytes: int, *, attributes: Attributes | None = None) -> Upload | None:
        """See ``Zone.resume``."""
        found = self.around("resume", lambda: self.inner.resume(path, token, size_bytes, attributes=attributes))
        return None if found is None else self.around_upload(found, path)

    def make_directory(self, path: str, *, attributes: Attributes | None = None) -> None:
        """See ``Zone.make_directory``."""
        self.around("make_directory", lambda: self.inner.make_directory(path, attributes=attributes))

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``."""
        return self.around("delete", lambda: self.inner.delete(entries))

    def sweep(self, older_than_ms: int) -> int:
        """See ``Zone.sweep``."""
        return self.around("sweep", lambda: self.inner.sweep(older_than_ms))

    def close(self) -> None:
        """Close the zone inside."""
        self.inner.close()


class AroundUpload(Upload):
    """Passes every call on through the zone's ``around``."""

    def __init__(self, zone: Around, upload: Upload, path: str) -> None:
        self.zone, self.inner, self.path = zone, upload, path
        self.token, self.part_bytes = upload.token, upload.part_bytes

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        """See ``Upload.part``."""
        return self.zone.around("part", lambda: self.inner.part(index, data, checksum), size_bytes=len(data))

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        """See ``Upload.stage``."""
        return self.zone.around("stage", lambda: self.inner.stage(parts, checksum))

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``."""
        return self.zone.around("complete", lambda: self.inner.complete(parts, checksum, expect=expect))

    def abort(self) -> None:
        """See ``Upload.abort``."""
        self.zone.around("abort", self.inner.abort)


def _begun(entries: Iterator[Entry]) -> Iterator[Entry]:
    """The same entries, the first one of which has been asked for."""
    first = next(entries, None)
    return iter(()) if first is None else chain((first,), entries)


@cache
def _with_powers(cls: type[Around], powers: tuple[type, ...]) -> type[Any]:
    names = [name for power in powers for name in vars(power) if not name.startswith("_")]
    return type(cls.__name__, (cls,), {name: _passing_on(name) for name in names} | {"__module__": cls.__module__})


def _passing_on(name: str) -> Callable[..., Any]:
    def method(self: Around, *args: Any, **options: Any) -> Any:
        result = self.around_power(name, *args, **options)
        return self.around_zone(result) if isinstance(result, Zone) else result

    method.__name__ = name
    return method
