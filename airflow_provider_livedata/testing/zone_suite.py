"""The conformance suite of zones.

An adapter joins by a subclass that gives the fixture ``zone``::

    class TestMyZone(ZoneSuite):
        @pytest.fixture
        def zone(self, tmp_path: Path) -> Zone:
            return MyZone.open(Address("my", "", str(tmp_path)))

``zone`` is freshly rooted, empty and writable for every test. Differences between stores are asked of ``zone.facts``
and of ``isinstance(zone, Snapshots)`` and its like; what those cannot tell is a fixture here, to be overridden.
Markers: ``large`` (ten thousand entries) and ``soak`` (a file of one GiB): register both with pytest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator

import pytest

from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.testing.suite.changing import Deleting, Directories, Renaming, Sweeping
from airflow_provider_livedata.testing.suite.common import OpenAt
from airflow_provider_livedata.testing.suite.listing import Check, Listing
from airflow_provider_livedata.testing.suite.moving import Keeping, Moving
from airflow_provider_livedata.testing.suite.names import Names
from airflow_provider_livedata.testing.suite.powers import (
    Differences,
    Freezing,
    KeptAttributes,
    Peeking,
    StoreChecksums,
    Streaming,
)
from airflow_provider_livedata.testing.suite.reading import Reading
from airflow_provider_livedata.testing.suite.trees import Trees
from airflow_provider_livedata.testing.suite.uploads import Uploads
from airflow_provider_livedata.testing.suite.writing import Writing

__all__ = ["OpenAt", "ZoneSuite"]


class ZoneSuite(
    Listing, Check, Reading, Writing, Uploads, Names, Directories, Deleting, Renaming, Moving, Keeping, Sweeping,
    KeptAttributes, Peeking, Freezing, Differences, StoreChecksums, Streaming, Trees,
):  # fmt: skip
    """Every behaviour that the engine relies on."""

    @pytest.fixture
    def zone(self) -> Zone:
        """An empty, freshly rooted, writable zone. Each adapter gives its own."""
        raise NotImplementedError("give the fixture 'zone' in the subclass")

    @pytest.fixture
    def open_at(self, zone: Zone) -> OpenAt:
        """Open a new Zone object, as another process would, at a path below the root of ``zone`` ("" is the same root).

        The default opens the address by the registry, without options.
        """
        from airflow_provider_livedata.engine.zones.registry import open_zone

        return lambda path: open_zone(zone.address.join(path))

    @pytest.fixture
    def foreign_marker(self) -> Callable[[str], None] | None:
        """Make a directory as another tool of this store would; None where directories need no markers."""
        return None

    @pytest.fixture
    def refused_names(self) -> Collection[str]:
        """Those of ``suite.common.NAMES`` that the store cannot hold: it must refuse them with NameRefused."""
        return ()

    @pytest.fixture
    def refuses_wrong_bytes(self, zone: Zone) -> bool:
        """Whether the store compares what arrives with the checksum given."""
        return bool(zone.facts.checksums & {"crc32c", "crc64nvme"})

    @pytest.fixture
    def holds_file_beside_directory(self, zone: Zone) -> bool:
        """Whether ``a`` and ``a/x`` may both be files."""
        return not zone.facts.has_directories

    @pytest.fixture
    def attributes(self) -> Attributes:
        """Attributes that the store can keep and this test's user may set; None where that is not sure everywhere."""
        return Attributes(
            mtime_ms=1_500_000_000_123,
            mode=0o640,
            xattrs=(("user.livedata-test", b"\x00\xff1"),),
            source_version="12:34 \u00e9",
        )

    @pytest.fixture
    def many(self) -> int:
        """Entries of the directory that is listed in pages; must exceed a page of the store."""
        return 10_000

    @pytest.fixture
    def large_bytes(self) -> int:
        """Size of a file that needs several parts, in bytes."""
        return (16 << 20) + 12_345

    @pytest.fixture
    def huge_bytes(self) -> int:
        """Size of the file of the ``soak`` test, in bytes."""
        return 1 << 30

    @pytest.fixture(autouse=True)
    def snapshots_dropped_afterwards(self, zone: Zone) -> Iterator[None]:
        """Drop what a test froze: a location with snapshots can't be removed."""
        yield
        if isinstance(zone, Snapshots):
            with contextlib.suppress(LiveDataError):
                for snapshot in zone.snapshots():
                    zone.drop_snapshot(snapshot.name)
