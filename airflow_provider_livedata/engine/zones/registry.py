"""Which class serves which scheme. A zone's module, and with it its SDK, is imported when the scheme is first used."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

from airflow_provider_livedata.engine.errors import BadOption, UnknownScheme
from airflow_provider_livedata.engine.machine import use_few_arenas
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone

_ZONES = "airflow_provider_livedata.engine.zones"
# scheme -> (module:Class, what to install when its import fails)
_choices: dict[str, tuple[str, str]] = {
    "abfs": (f"{_ZONES}.abfs.zone:AbfsZone", "pip install urllib3"),
    "fsspec": (f"{_ZONES}.any_fsspec.zone:FsspecZone", "pip install fsspec"),  # of fsspec+sftp:// and its like
    "file": (f"{_ZONES}.local.zone:LocalZone", ""),
    "memory": (f"{_ZONES}.memory.zone:MemoryZone", ""),
    "hdfs": (f"{_ZONES}.hdfs.zone:HdfsZone", "pip install hdfs-native apache-airflow-providers-apache-hdfs"),
    "gs": (f"{_ZONES}.gs.zone:GsZone", "pip install urllib3 cryptography"),
    "s3": (f"{_ZONES}.s3.zone:S3Zone", "pip install obstore apache-airflow-providers-amazon"),
}
schemes = MappingProxyType(_choices)  # for readers; change it by register()


def serving(address: Address) -> str:
    """The scheme that a zone is registered with: of ``fsspec+sftp`` the first half."""
    return address.scheme if address.scheme in _choices else address.scheme.partition("+")[0]


def register(scheme: str, target: str, install_hint: str = "") -> None:
    """Have ``module:Class`` serve a scheme; the class has ``open(address, **options) -> Zone``. The last one counts."""
    _choices[scheme] = (target, install_hint)


def open_zone(address: str | Address, **options: Any) -> Zone:
    """Open the zone that serves an address; options go to it as they are.

    Raises:
        BadAddress: Not an address.
        UnknownScheme: Nothing serves the scheme, or what serves it is not installed; says what to do.
        BadOption: The zone does not know an option, or its value is none that it can have.
    """
    parsed = Address.parse(address) if isinstance(address, str) else address
    use_few_arenas()
    opener = _zone_class(parsed).open
    try:
        inspect.signature(opener).bind(parsed, **options)
    except TypeError as error:
        raise BadOption(f"a zone of {parsed.scheme}:// cannot be opened with these options: {error}",
                        address=str(parsed)) from None  # fmt: skip
    return cast("Zone", opener(parsed, **options))


def _zone_class(address: Address) -> Any:
    if serving(address) not in _choices:
        known = ", ".join(f"{scheme}://" for scheme in sorted(_choices))
        raise UnknownScheme(f"no zone serves {address.scheme}://; known are {known}", address=str(address))
    target, install_hint = _choices[serving(address)]
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        hint = f"; install what it needs: {install_hint}" if install_hint else ""
        raise UnknownScheme(f"what serves {address.scheme}:// cannot be imported{hint}", reason=str(error)) from error
