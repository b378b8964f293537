"""What only some zones can: attributes, snapshots, checksums of the store's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import PermissionRefused, Unsupported
from airflow_provider_livedata.engine.model import Attributes, Entry, Snapshot
from airflow_provider_livedata.engine.zones.base import SetAttributes, Snapshots, StoreChecksum, Zone
from airflow_provider_livedata.testing.suite.common import (
    data_of,
    keys,
    put,
    read,
    read_all,
    stat,
    upload_whole,
)


class KeptAttributes:
    """Attributes that facts.attributes names."""

    def test_attributes_given_to_a_put_are_found_again(self, zone: Zone, attributes: Attributes) -> None:
        zone.put("f", b"1", checksum=checksum_of(b"1"), attributes=attributes)
        _check_kept(zone, "f", attributes)

    def test_attributes_given_to_an_upload_are_found_again(self, zone: Zone, attributes: Attributes) -> None:
        upload_whole(zone, "f", b"12345", attributes=attributes)
        _check_kept(zone, "f", attributes)

    def test_attributes_given_to_a_directory_are_found_again(self, zone: Zone, attributes: Attributes) -> None:
        if not zone.facts.has_directories:
            pytest.skip("this store has no directories")
        zone.make_directory("d", attributes=attributes)
        _check_kept(zone, "d", attributes)

    def test_attributes_are_changed_without_the_bytes(self, zone: Zone, attributes: Attributes) -> None:
        if not isinstance(zone, SetAttributes):
            pytest.skip("this zone does not change attributes of what is there")
        put(zone, "d/f", b"data")
        for path in ("d/f", "d"):
            _check_same(zone.set_attributes(path, attributes), attributes, zone)
            _check_kept(zone, path, attributes)
        assert read_all(zone, "d/f") == b"data"

    def test_attributes_that_are_not_given_stay(self, zone: Zone, attributes: Attributes) -> None:
        if not isinstance(zone, SetAttributes):
            pytest.skip("this zone does not change attributes of what is there")
        put(zone, "f", b"data")
        zone.set_attributes("f", attributes)
        zone.set_attributes("f", Attributes())
        _check_kept(zone, "f", attributes)


class Freezing:
    """Snapshots, where the zone takes them."""

    def test_a_snapshot_keeps_what_was_there_while_the_live_tree_changes(self, zone: Zone) -> None:
        store = _freezer(zone)
        old = put(zone, "d/replaced", b"before")
        put(zone, "d/gone", b"gone")
        zone.make_directory("empty")
        snapshot = _freeze(store)
        put(zone, "d/replaced", b"after!")
        put(zone, "added", b"1")
        zone.delete([stat(zone, "d/gone"), stat(zone, "empty")])
        view = store.at(snapshot)
        assert keys(view) == ["d/", "d/gone", "d/replaced", "empty/"]
        assert read_all(view, "d/replaced") == b"before"
        assert read(view, "d/gone", 0, 4, version=stat(view, "d/gone").version) == b"gone"
        assert stat(view, "d/replaced").version == old.version
        assert view.stat("added") is None
        assert keys(zone) == ["added", "d/", "d/replaced"]

    def test_a_view_of_a_snapshot_cannot_be_written(self, zone: Zone) -> None:
        store = _freezer(zone)
        put(zone, "f", b"1")
        view = store.at(_freeze(store))
        attempts: list[Callable[[], object]] = [
            lambda: put(view, "new", b"2"),
            lambda: put(view, "f", b"2"),
            lambda: upload_whole(view, "g", b"12345"),
            lambda: view.make_directory("d"),
        ]
        for attempt in attempts:
            with pytest.raises((PermissionRefused, Unsupported)):
                attempt()
        assert _delete(view, stat(view, "f")) != []
        assert keys(view) == keys(zone) == ["f"]

    def test_a_snapshot_that_is_there_is_returned_as_it_is(self, zone: Zone) -> None:
        store = _freezer(zone)
        first = _freeze(store)
        put(zone, "later")
        assert store.snapshot(first.name) == first
        assert keys(store.at(first)) == []

    def test_snapshots_are_listed_oldest_first_and_dropped_by_name(self, zone: Zone) -> None:
        store = _freezer(zone)
        names = [_freeze(store, name).name for name in ("livedata-b", "livedata-a", "nightly")]
        assert [snapshot.name for snapshot in store.snapshots()] == names
        store.drop_snapshot("livedata-a")
        store.drop_snapshot("livedata-a")
        assert [snapshot.name for snapshot in store.snapshots()] == ["livedata-b", "nightly"]


class StoreChecksums:
    """store_checksum, where the zone has it."""

    def test_equal_bytes_have_equal_checksums_and_others_do_not(self, zone: Zone) -> None:
        if not isinstance(zone, StoreChecksum):
            pytest.skip("this store does not tell checksums")
        put(zone, "a", data_of("same"))
        put(zone, "b", data_of("same"))
        put(zone, "c", data_of("others"))
        first, same, other = (zone.store_checksum(path) for path in "abc")
        assert first == same != other
        assert first.split(":")[0] == other.split(":")[0] != ""


def _check_kept(zone: Zone, path: str, wanted: Attributes) -> None:
    _check_same(stat(zone, path), wanted, zone)


def _check_same(entry: Entry, wanted: Attributes, zone: Zone) -> None:
    names = [name for name in sorted(zone.facts.attributes) if hasattr(entry, name)]
    expected = {name: getattr(wanted, name) for name in names if getattr(wanted, name) is not None}
    assert {name: getattr(entry, name) for name in expected} == expected


def _freezer(zone: Zone) -> Snapshots:
    if not isinstance(zone, Snapshots):
        pytest.skip("this zone takes no snapshots")
    zone.prepare_snapshots(allow=True)
    return zone


def _freeze(store: Snapshots, name: str = "livedata-test-1") -> Snapshot:
    snapshot = store.snapshot(name)
    assert snapshot.name == name
    return snapshot


def _delete(view: Zone, entry: Entry) -> list[object]:
    try:
        return [*view.delete([entry])]
    except (PermissionRefused, Unsupported) as error:
        return [error]
