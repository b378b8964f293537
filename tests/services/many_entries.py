"""A zone of any number of files that exist only while they are listed: to plan with, without a cluster that holds them.

many://1000000/warehouse    a million files, a thousand a directory
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones import registry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone

FILES_A_DIRECTORY = 1000


def register() -> None:
    """Have this process open addresses of the scheme ``many``."""
    registry.register("many", f"{__name__}:ManyEntries")


class ManyEntries(MemoryZone):
    """Lists files with paths and attributes as HDFS has them; their bytes cannot be read."""

    def __init__(self, address: Address) -> None:
        zone = MemoryZone.open(Address.parse(f"memory://many-entries/{address.path}"), like="objects")
        super().__init__(address, zone.store, zone.facts)
        self.files = int(address.authority)

    @classmethod
    def open(cls, address: Address) -> ManyEntries:  # type: ignore[override]
        """Open a zone of as many files as the authority says."""
        return cls(address)

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        if under:  # it was never replicated to, so it has no records
            return
        yield from (_folder("sales.db"), _folder("sales.db/orders"))
        for first in range(0, self.files, FILES_A_DIRECTORY):
            day = f"sales.db/orders/day={first // FILES_A_DIRECTORY:06d}"
            yield _folder(day)
            for number in range(first, min(self.files, first + FILES_A_DIRECTORY)):
                yield _file(f"{day}/part-{number:09d}", 1_700_000_000_000 + number)


def _file(path: str, mtime_ms: int) -> Entry:
    return Entry(path, "file", 4096, mtime_ms, f"4096:{mtime_ms}", "hive", "warehouse", 0o640, "")


def _folder(path: str) -> Entry:
    return Entry(path, "directory", 0, 1_700_000_000_000, "", "hive", "warehouse", 0o750, "")
