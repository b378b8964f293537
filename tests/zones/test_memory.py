"""Zones in memory, in each of their three kinds, show what every zone shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.memory.zone import Like, MemoryHdfs, MemoryZone, forget
from airflow_provider_livedata.engine.zones.powers import OpenFiles, Rename, SetAttributes, Snapshots, StoreChecksum
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite

PART = 1 << 12


class MemorySuite(ZoneSuite):
    like: Like = "files"

    @pytest.fixture
    def zone(self) -> Iterator[MemoryZone]:
        yield self.open("root/of the zone")
        forget("suite")

    @pytest.fixture
    def open_at(self, zone: MemoryZone) -> OpenAt:
        return lambda path: self.open(zone.address.join(path).path)

    @pytest.fixture
    def attributes(self) -> Attributes:
        return Attributes(1_500_000_000_123, "ann", "staff", 0o640, "user:bob:rw-", (("user.a", b"\x00\xff"),), "v7")

    @pytest.fixture
    def large_bytes(self) -> int:
        return 5 * PART + 7

    @pytest.fixture
    def huge_bytes(self) -> int:
        return 100 * PART + 7

    def open(self, path: str) -> MemoryZone:
        return MemoryZone.open(Address("memory", "suite", path), like=self.like, part_bytes=PART)


class TestMemoryFiles(MemorySuite):
    like = "files"

    def test_it_has_the_powers_of_a_file_system_and_more(self, zone: MemoryZone) -> None:
        for power in (Rename, SetAttributes, Snapshots, StoreChecksum):
            assert isinstance(zone, power)
        assert not isinstance(zone, OpenFiles)


class TestMemoryObjects(MemorySuite):
    like = "objects"

    @pytest.fixture
    def foreign_marker(self, zone: MemoryZone) -> Callable[[str], None]:
        return lambda path: zone.store.make_directory(zone.address.join(path).path, Attributes())

    def test_it_lacks_the_powers_that_object_stores_lack(self, zone: MemoryZone) -> None:
        for power in (Rename, SetAttributes, Snapshots, OpenFiles):
            assert not isinstance(zone, power)

    def test_implied_directories_go_with_what_they_held(self, zone: MemoryZone) -> None:
        entry = zone.put("a/b/f", b"1")
        assert [(found.path, found.is_implied) for found in zone.scan()] == [
            ("a", True),
            ("a/b", True),
            ("a/b/f", False),
        ]
        assert zone.delete([entry]) == []
        assert list(zone.scan()) == []
        assert zone.stat("a/b") is None


class TestMemoryHdfs(MemorySuite):
    like = "hdfs"

    def test_files_that_are_being_written_are_told(self, zone: MemoryHdfs) -> None:
        entry = zone.put("f", b"1")
        assert isinstance(zone, OpenFiles)
        assert not zone.may_have_open_files()
        zone.store.open_paths.add(zone.address.join("f").path)
        assert zone.may_have_open_files()
        assert zone.is_open(entry)

    def test_a_file_that_grew_since_it_was_listed_counts_as_open(self, zone: MemoryHdfs) -> None:
        entry = zone.put("f", b"1")
        assert not zone.is_open(entry)
        zone.put("f", b"12")
        assert zone.is_open(entry)


def test_zones_of_one_name_share_what_they_hold_and_others_do_not() -> None:
    MemoryZone.open(Address("memory", "one", "a")).put("b/f", b"1")
    assert [entry.path for entry in MemoryZone.open(Address("memory", "one", "a/b")).scan()] == ["f"]
    assert list(MemoryZone.open(Address("memory", "other", "")).scan()) == []
    forget("one")
    assert list(MemoryZone.open(Address("memory", "one", "")).scan()) == []


def test_a_store_is_not_opened_as_two_kinds() -> None:
    MemoryZone.open(Address("memory", "kind", ""), like="objects")
    with pytest.raises(BadOption, match="opened as something else"):
        MemoryZone.open(Address("memory", "kind", ""), like="files")
    forget("kind")
