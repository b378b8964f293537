"""What the tests of HdfsZone share: zones of a cluster, files in them, and what the NameNode was asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.model import Attributes, Entry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.services.hdfs import HdfsCluster

if TYPE_CHECKING:
    from hdfs_native import FileWriter


def open_zone(cluster: HdfsCluster, path: str, **options: Any) -> HdfsZone:
    """A zone of a test cluster, as its superuser, with ACLs and xattrs unless told otherwise."""
    chosen = {"webhdfs": [f"http://{cluster.http}"], "preserve": ["acl", "xattrs"], **options}
    return HdfsZone.open(Address("hdfs", cluster.rpc, path.strip("/")), **chosen)


@contextmanager
def zone_of(cluster: HdfsCluster, path: str, **options: Any) -> Iterator[HdfsZone]:
    """The same, closed at the end."""
    zone = open_zone(cluster, path, **options)
    try:
        yield zone
    finally:
        zone.close()


def put(zone: Zone, path: str, data: bytes = b"data", attributes: Attributes | None = None) -> Entry:
    """Write a small file."""
    return zone.put(path, data, checksum=checksum_of(data), attributes=attributes)


def stat(zone: Zone, path: str) -> Entry:
    """The entry at a path, which must be there."""
    entry = zone.stat(path)
    assert entry is not None
    return entry


def read(zone: Zone, path: str, size_bytes: int = 1 << 20, offset: int = 0, version: str = "") -> bytes:
    """Bytes of a file."""
    buffer = bytearray(size_bytes)
    return bytes(buffer[: zone.read_into(path, offset, memoryview(buffer), version=version)])


@contextmanager
def open_file(cluster: HdfsCluster, path: str, data: bytes) -> Iterator[FileWriter]:
    """A file that a writer holds open after its first bytes; the writer may write on, or close it."""
    import hdfs_native

    writer = hdfs_native.Client(cluster.uri).create(path, hdfs_native.WriteOptions(overwrite=True))
    writer.write(data)
    writer.hsync()
    try:
        yield writer
    finally:
        writer.close()


class Asked:
    """What the NameNode was asked since the last look, by its audit log."""

    def __init__(self, cluster: HdfsCluster) -> None:
        self._cluster, self._seen = cluster, len(cluster.log())

    def count(self) -> Counter[str]:
        """Calls by their names."""
        return Counter(self._found(r"\tcmd=(\w+)"))

    def count_but_closing(self) -> Counter[str]:
        """Calls without those that ask of a staged file whether HDFS has all of it: as many as that takes."""
        found = self._found(r"\tcmd=(\w+)[^\t]*\tsrc=([^\t]*)")
        return Counter(name for name, path in found if not (name == "open" and "/.livedata/stage/" in path))

    def renames(self) -> list[tuple[str, str]]:
        """Old and new absolute paths of renames, without those of state."""
        found = self._found(r"\tcmd=rename\b[^\t]*\tsrc=([^\t]*)\tdst=([^\t]*)")
        return [(old, new) for old, new in found if "/.livedata/" not in old + new]

    def _found(self, pattern: str) -> list[Any]:
        log = self._cluster.log()
        found = re.findall(pattern, log[self._seen :])
        self._seen = len(log)
        return found
