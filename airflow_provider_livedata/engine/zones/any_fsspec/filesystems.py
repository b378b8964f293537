"""A filesystem of fsspec as many threads use it: one of its own for each of them, and never what a cache remembers."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import Any

from airflow_provider_livedata.engine.errors import BadOption, UnknownScheme
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.any_fsspec.errors import engine_errors
from airflow_provider_livedata.engine.zones.webhdfs_paths import same_path


class Filesystems:
    """``get`` gives the calling thread its filesystem, with no listing cached.

    Clients of one connection (SFTP) mix up the answers of threads; those that fsspec runs on its own event loop may be shared.
    """

    def __init__(self, first: Any, *, is_ours: bool) -> None:
        self._first = mended(first)
        self._mine = threading.local()
        self._made: list[Any] = [first] if is_ours else []
        self.close = weakref.finalize(self, _close, self._made)  # also where nobody closes: connections would stay open
        self._owner = threading.get_ident()

    def get(self) -> Any:
        """The filesystem of this thread."""
        found = self._shared()
        if found is None:
            found = self._mine.__dict__.get("filesystem") or self._make()
        found.invalidate_cache()
        return found

    @property
    def renames(self) -> bool:
        """Whether it moves files by a call of its own, and not by copying them."""
        from fsspec.spec import AbstractFileSystem

        inner = getattr(self._first, "fs", None)  # of one that is but a directory of another one
        return type(inner if isinstance(inner, AbstractFileSystem) else self._first).mv is not AbstractFileSystem.mv

    def remove_directory(self, at: str) -> None:
        """Remove an empty directory; raises what the filesystem does."""
        from fsspec.spec import AbstractFileSystem

        files = self.get()
        # That one does nothing: directories go as files do (WebHDFS).
        if type(files).rmdir is AbstractFileSystem.rmdir:
            files.rm_file(at)
        else:
            files.rmdir(at)

    def _shared(self) -> Any | None:
        return self._first if self._first.async_impl or threading.get_ident() == self._owner else None

    def _make(self) -> Any:
        first = self._first
        made = mended(type(first)(*first.storage_args, **first.storage_options, skip_instance_cache=True))
        self._mine.__dict__["filesystem"] = made
        self._made.append(made)
        return made


def filesystem_of(address: Address, filesystem: Any, storage_options: dict[str, Any]) -> Any:
    """The filesystem that was handed over, or that a function makes, else the one that fsspec knows by the address's scheme.

    Raises:
        UnknownScheme: fsspec knows none, or what it needs is not installed.
        BadOption: It does not take these arguments.
        ZoneError: It could not be made.
    """
    from fsspec import get_filesystem_class
    from fsspec.spec import AbstractFileSystem

    if isinstance(filesystem, AbstractFileSystem):
        return filesystem
    if filesystem is not None:
        with engine_errors(str(address)):
            return filesystem()
    protocol = protocol_of(address)
    try:
        known = get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise UnknownScheme(f"fsspec has no filesystem {protocol!r}, or what it needs is not installed: pip install fsspec[{protocol}]",
                            address=str(address), reason=type(error).__name__) from None  # fmt: skip
    with engine_errors(str(address)):
        told = {**known._get_kwargs_from_urls(url_of(address, protocol)), **storage_options}
        try:
            return known(**told, skip_instance_cache=True)
        except TypeError:
            raise BadOption(f"fsspec's filesystem {protocol!r} does not take these arguments, or needs others", address=str(address),
                            arguments=sorted(told)) from None  # fmt: skip


def protocol_of(address: Address) -> str:
    """What fsspec calls the filesystem of ``fsspec+sftp://...``."""
    return address.scheme.partition("+")[2]


def url_of(address: Address, protocol: str) -> str:
    """The address as fsspec writes it."""
    return f"{protocol}://{address.authority}/{address.path}"


def root_of(address: Address, filesystem: Any) -> str:
    """What the filesystem calls the place of an address; it may have been attached under a name that it does not know."""
    own = (filesystem.protocol,) if isinstance(filesystem.protocol, str) else tuple(filesystem.protocol)
    asked = protocol_of(address)
    return str(filesystem._strip_protocol(url_of(address, asked if asked in own else own[0])))


def _close(made: list[Any]) -> None:
    for one in made:
        for name in ("session", "client", "ftp"):
            with suppress(Exception):
                getattr(one, name).close()
    made.clear()


def mended(filesystem: Any) -> Any:
    """The same filesystem, without flaws that would pass wrong bytes."""
    if type(filesystem).__name__ == "WebHDFS" and _refuse_failed_reads not in filesystem.session.hooks["response"]:
        filesystem.session.hooks["response"] += [_refuse_failed_reads, _keep_name]
    return filesystem


def _refuse_failed_reads(response: Any, *_args: Any, **_options: Any) -> None:
    # fsspec takes whatever a DataNode answers for the bytes of the file, the text of an error too.
    if "op=OPEN" in response.url and not response.ok:
        response.close()  # nobody reads the rest, and its connection would stay open
        response.raise_for_status()


def _keep_name(response: Any, *_args: Any, **_options: Any) -> None:
    if location := response.headers.get("location"):
        response.headers["location"] = same_path(response.url, location)
