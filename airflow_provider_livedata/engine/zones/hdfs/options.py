"""Where a cluster is and how it is spoken to, out of an address and the options of ``HdfsZone.open``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.zones.address import Address

# A NameNode that is down must not hold a run for minutes; the caller retries. Its own values win over these.
_DEFAULTS = {
    "dfs.client.failover.max.attempts": "3",
    "dfs.client.failover.sleep.base.millis": "200",
    "dfs.client.failover.sleep.max.millis": "2000",
    "dfs.client.socket-timeout": "60000",
}
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:/\s\[\]]+):(\d{1,5})")
_WEB = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_AUTHENTICATION = "hadoop.security.authentication"
_CREDENTIALS = ("principal", "keytab", "cache")
_NAMESERVICE = "livedata"  # what several addresses are called together where the address names none


@dataclass(frozen=True, slots=True)
class HdfsOptions:
    """``url`` is what ``hdfs_native`` connects to, "" where only WebHDFS is to be used."""

    origin: str
    url: str
    rpc: tuple[str, ...]
    webhdfs: tuple[str, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    config_dir: str | None = None
    user: str | None = None
    kerberos_principal: str | None = None
    kerberos_keytab: str | None = None
    kerberos_cache: str | None = None

    @property
    def is_kerberos(self) -> bool:
        """Whether the cluster is spoken to by Kerberos."""
        return self.config.get(_AUTHENTICATION, "simple") != "simple"

    @property
    def uses_host_names(self) -> bool:
        """Whether DataNodes are reached by their names."""
        return self.config.get("dfs.client.use.datanode.hostname") == "true"


def read_options(
    address: Address, *, rpc: Sequence[str] | None, webhdfs: Sequence[str] | None, config: Mapping[str, Any] | None,
    config_dir: str | None, data: str, **given: str | None,
) -> HdfsOptions:  # fmt: skip
    """Check the options and find out which NameNodes they mean.

    Raises:
        BadOption: One has a value that it cannot have, or no NameNode is named anywhere.
    """
    if data not in ("auto", "native", "webhdfs"):
        raise BadOption("data is 'auto', 'native' or 'webhdfs'", data=data)
    if given.get("kerberos_keytab") and not given.get("kerberos_principal"):
        raise BadOption("kerberos_keytab needs kerberos_principal: a keytab may hold the keys of many")
    kerberos = {_AUTHENTICATION: "kerberos"} if any(given.get(f"kerberos_{one}") for one in _CREDENTIALS) else {}
    settings = (
        _DEFAULTS | _files(config_dir) | kerberos | {str(key): str(value) for key, value in (config or {}).items()}
    )
    web = tuple(_checked(_texts(webhdfs, "webhdfs"), _WEB, "webhdfs", "http://nn1:9870"))
    url, found, settings = _named(address.authority, _texts(rpc, "rpc"), settings)
    if data == "webhdfs" or (data == "auto" and not url and web):
        url = ""
    if not url and (data == "native" or not web):
        raise BadOption(
            "no NameNode is named: write hdfs://host:8020/path, or give the option 'rpc' (the connection's extra "
            '{"rpc": "nn1:8020,nn2:8020"}), or a nameservice by config_dir or config, or WebHDFS addresses',
            address=str(address))  # fmt: skip
    return HdfsOptions(f"hdfs://{address.authority}", url, found, web, settings, config_dir, **given)


def _named(authority: str, rpc: Sequence[str], settings: dict[str, str]) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """URL for the client, the NameNodes' RPC addresses, and the settings that make the client know them."""
    if rpc:
        addresses = _checked(rpc, _HOST_AND_PORT, "rpc", "nn1:8020")
        if len(addresses) == 1:
            return f"hdfs://{addresses[0]}", (addresses[0],), settings
        name = authority if authority and ":" not in authority else _NAMESERVICE
        ids = [f"nn{number}" for number in range(len(addresses))]
        known = {f"dfs.namenode.rpc-address.{name}.{one}": at for one, at in zip(ids, addresses, strict=True)}
        return f"hdfs://{name}", tuple(addresses), settings | known | {f"dfs.ha.namenodes.{name}": ",".join(ids)}
    name = authority or settings.get("fs.defaultFS", "").removeprefix("hdfs://").strip("/")
    if _HOST_AND_PORT.fullmatch(name):
        return f"hdfs://{name}", (name,), settings
    ids = [one.strip() for one in settings.get(f"dfs.ha.namenodes.{name}", "").split(",") if one.strip()]
    found = [settings.get(f"dfs.namenode.rpc-address.{name}.{one}", "") for one in ids]
    return (f"hdfs://{name}" if name and any(found) else ""), tuple(filter(None, found)), settings


def _texts(value: Any, name: str) -> Sequence[str]:
    found = [value] if isinstance(value, str) else list(value or ())
    if not all(isinstance(one, str) and one for one in found):
        raise BadOption(f"{name} is a list of texts", **{name: repr(value)})
    return found


def _checked(values: Sequence[str], form: re.Pattern[str], name: str, example: str) -> list[str]:
    for value in values:
        if not form.fullmatch(value):
            raise BadOption(f"{name} holds addresses such as {example}", found=value)
    return list(values)


def _files(config_dir: str | None) -> dict[str, str]:
    """The settings in Hadoop's configuration directory, as ``hdfs_native`` finds it."""
    home = os.environ.get("HADOOP_HOME")
    directory = config_dir or os.environ.get("HADOOP_CONF_DIR") or (f"{home}/etc/hadoop" if home else "")
    if config_dir and not Path(config_dir).is_dir():
        raise BadOption("config_dir is not a directory", config_dir=config_dir)
    found: dict[str, str] = {}
    for file in (Path(directory, name) for name in ("core-site.xml", "hdfs-site.xml") if directory):
        if file.is_file():
            found |= _properties(file)
    return found


def _properties(file: Path) -> dict[str, str]:
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, OSError) as error:
        raise BadOption(f"a Hadoop configuration file cannot be read: {error}", file=str(file)) from error
    pairs = ((one.findtext("name"), one.findtext("value")) for one in root.iter("property"))
    return {name.strip(): value.strip() for name, value in pairs if name and value is not None}
