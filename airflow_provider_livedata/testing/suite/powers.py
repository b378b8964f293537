"""What only some zones can: attributes, snapshots, checksums of the store's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    Unsupported,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Checksum, Entry, Expect, Snapshot
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import (
    ListsNames,
    LooksInside,
    Peeks,
    ReadsWhole,
    Rename,
    SetAttributes,
    SnapshotDifference,
    Snapshots,
    StatsMany,
    StoreChecksum,
    StreamedPuts,
)
from airflow_provider_livedata.testing.suite.common import (
    data_of,
    keys,
    put,
    read,
    read_all,
    stat,
    upload_whole,
)

PIECE = 8 << 10  # S3 takes no smaller chunks but the last


class Peeking:
    """Cheaper ways to what stat, read_into and scan tell."""

    def test_a_peek_tells_what_a_listing_tells(self, zone: Zone) -> None:
        if not isinstance(zone, Peeks):
            pytest.skip("this zone has no cheaper way than stat")
        for path in ("a", "d/f", "d/deep/g", "odd name+%é", "odd %2F#~*/x"):
            put(zone, path, data_of(path, 3000))
        zone.make_directory("empty")
        found = list(zone.scan())
        assert [_told(zone.peek(entry.path)) for entry in found] == [_told(entry) for entry in found]
        files = [entry for entry in found if entry.kind == "file"]
        assert [_told(zone.peek(entry.path, for_file=True)) for entry in files] == [_told(entry) for entry in files]
        assert zone.peek("absent") is None
        assert zone.peek("absent", for_file=True) is None
        assert _told(zone.peek("d", for_file=True)) == _told(stat(zone, "d"))  # where a file belongs, it is in the way
        assert zone.peek("d/absent/deeper") is None

    def test_a_peek_sees_a_file_that_was_replaced(self, zone: Zone) -> None:
        if not isinstance(zone, Peeks):
            pytest.skip("this zone has no cheaper way than stat")
        old = put(zone, "f", b"first")
        new = put(zone, "f", b"second one")
        assert _told(zone.peek("f")) == _told(new) != _told(old)

    def test_many_paths_together_are_told_as_each_is_alone(self, zone: Zone) -> None:
        if not isinstance(zone, StatsMany):
            pytest.skip("this zone tells of one path at a time")
        there = [f"d/{letter}{n:03d}" for letter in ("a", "f", "\u00e9", "\u65e5") for n in range(15)]
        for path in there:
            put(zone, path)
        if isinstance(zone, SetAttributes) and "acl" in zone.facts.attributes:
            zone.set_attributes(there[7], Attributes(acl="user:ann:r--,group::r--"))
        nowhere = [f"{above}/{n:03d}" for above in ("d", "absent", there[0]) for n in range(40)]
        told = zone.stat_many(sorted([*there, *nowhere]))
        assert len(told.keys() & set(there)) >= len(there) - 1
        assert told == {path: zone.stat(path) for path in told}

    def test_a_small_file_is_read_by_one_call(self, zone: Zone) -> None:
        if not isinstance(zone, ReadsWhole):
            pytest.skip("this zone reads by read_into alone")
        put(zone, "d/f", data_of("whole", 5000))
        put(zone, "d/empty")
        assert (zone.read_whole("d/f"), zone.read_whole("d/empty")) == (data_of("whole", 5000), b"")
        assert (zone.read_whole("absent"), zone.read_whole("d")) == (None, None)

    def test_whether_a_directory_holds_something_is_told_of_its_own_entries(self, zone: Zone) -> None:
        if not isinstance(zone, LooksInside):
            pytest.skip("this zone lists to find out")
        put(zone, "d/f")
        put(zone, "d/sub/g")
        zone.make_directory("empty")
        assert zone.holds_any("d", lambda path: path == "d/f")
        assert zone.holds_any("d", lambda path: path == "d/sub")
        assert not zone.holds_any("d", lambda path: path == "d/sub/g")
        for path in ("empty", "absent", "d/f"):
            assert not zone.holds_any(path, lambda _: True)

    def test_the_names_in_a_directory_are_told_without_what_lies_below(self, zone: Zone) -> None:
        if not isinstance(zone, ListsNames):
            pytest.skip("this zone lists all that lies below")
        for path in ("runs/000000000001/plan/write-0.parquet", "runs/000000000002/report.json", "runs/odd.json"):
            put(zone, f".livedata/{path}")
        names = zone.names_in(".livedata/runs")
        assert names is not None
        assert sorted(names) == ["000000000001", "000000000002", "odd.json"]
        for nothing in (".livedata/runs/odd.json", ".livedata/runs/absent", ".livedata/manifest"):
            assert zone.names_in(nothing) == []


def _told(entry: Entry | None) -> tuple[str, str, int, str] | None:
    return None if entry is None else (entry.path, entry.kind, entry.size_bytes, entry.version)


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


class Differences:
    """What changed between two snapshots, where the zone tells it."""

    def test_the_difference_names_every_place_that_changed(self, zone: Zone) -> None:
        old = self._frozen(zone, "livedata-test-1", ["gone", "kept", "dir/changed", "moved/f"])
        put(zone, "dir/changed", b"changed")
        put(zone, "dir/new", b"new")
        assert zone.delete([stat(zone, "gone")]) == []
        assert isinstance(zone, Rename)
        zone.rename("moved", "away")
        new = self._frozen(zone, "livedata-test-2", [])
        assert isinstance(zone, SnapshotDifference)
        changes = zone.difference(old, new, most=100).changes
        places = {path for change in changes for path in (change.path, change.new_path)}
        assert {"gone", "dir/changed", "dir/new", "moved", "away"} <= places
        assert "kept" not in places

    def test_snapshots_that_do_not_differ_have_no_difference(self, zone: Zone) -> None:
        old, new = self._frozen(zone, "livedata-test-1", ["f"]), self._frozen(zone, "livedata-test-2", [])
        assert isinstance(zone, SnapshotDifference)
        assert zone.difference(old, new, most=100).changes == ()

    def test_the_difference_to_what_is_there_now_needs_no_second_snapshot(self, zone: Zone) -> None:
        old = self._frozen(zone, "livedata-test-1", ["f", "gone"])
        assert isinstance(zone, SnapshotDifference)
        now = dataclasses.replace(old, name="")
        assert zone.difference(old, now, most=100).changes == ()
        put(zone, "new", b"new")
        assert zone.delete([stat(zone, "gone")]) == []
        assert {change.path for change in zone.difference(old, now, most=100).changes} == {"new", "gone"}

    def test_more_changes_than_asked_for_are_refused(self, zone: Zone) -> None:
        old, new = self._frozen(zone, "livedata-test-1", ["f"]), self._frozen(zone, "livedata-test-2", ["a", "b", "c"])
        assert isinstance(zone, SnapshotDifference)
        with pytest.raises(Unsupported, match="more than 2"):
            zone.difference(old, new, most=2)

    def test_the_difference_to_a_snapshot_that_is_gone_is_refused(self, zone: Zone) -> None:
        old, new = self._frozen(zone, "livedata-test-1", ["f"]), self._frozen(zone, "livedata-test-2", [])
        assert isinstance(zone, SnapshotDifference)
        assert isinstance(zone, Snapshots)
        zone.drop_snapshot(old.name)
        with pytest.raises(PathMissing):
            zone.difference(old, new, most=100)

    def _frozen(self, zone: Zone, name: str, paths: list[str]) -> Snapshot:
        """A snapshot of the zone with those files in it."""
        if not isinstance(zone, SnapshotDifference):
            pytest.skip("this zone does not tell what changed between snapshots")
        for path in paths:
            put(zone, path, path.encode())
        return _freeze(_freezer(zone), name)


class Streaming:
    """Files whose bytes come as they are written, where the zone takes them so."""

    @pytest.mark.parametrize("size", [1, PIECE, 3 * PIECE, 3 * PIECE + 1])
    def test_a_streamed_file_has_its_bytes_attributes_and_checksum(self, zone: Zone, size: int) -> None:
        data, attributes = data_of("streamed", size), Attributes(mtime_ms=1_600_000_000_123, source_version="v:1")
        entry = _stream(zone, "d/f", data, attributes=attributes)
        found = stat(zone, "d/f")
        assert read_all(zone, "d/f") == data
        assert (entry.size_bytes, entry.version) == (size, found.version)
        for kind in ("crc32c", "crc64nvme"):
            assert getattr(entry, kind) in (None, getattr(checksum_of(data), kind))
            assert getattr(found, kind) in (None, getattr(checksum_of(data), kind))
        _check_kept(zone, "d/f", attributes)

    def test_a_stream_with_another_checksum_is_refused_and_leaves_what_was_there(self, zone: Zone) -> None:
        if not zone.facts.checksums:
            pytest.skip("this store keeps no checksums")
        put(zone, "f", b"before")
        with pytest.raises(ChecksumMismatch):
            _stream(zone, "f", data_of("wrong", 3 * PIECE), checksum=checksum_of(b"other"))
        assert read_all(zone, "f") == b"before"

    def test_a_stream_replaces_only_what_was_expected(self, zone: Zone) -> None:
        first = _stream(zone, "f", b"first", expect=ABSENT)
        with pytest.raises(AlreadyExists):
            _stream(zone, "f", b"second", expect=ABSENT)
        second = _stream(zone, "f", b"second", expect=first.version)
        with pytest.raises(ObjectChanged):
            _stream(zone, "f", b"third", expect=first.version)
        assert (read_all(zone, "f"), stat(zone, "f").version) == (b"second", second.version)

    def test_pieces_that_fail_write_nothing_and_their_error_passes(self, zone: Zone) -> None:
        def broken() -> Iterator[memoryview]:
            yield memoryview(bytes(PIECE))
            raise ObjectChanged("the source changed", path="s")

        if not isinstance(zone, StreamedPuts):
            pytest.skip("this zone takes no streams")
        with pytest.raises(ObjectChanged, match="the source changed"):
            zone.put_stream("f", 3 * PIECE, PIECE, broken(), lambda: checksum_of(b""))
        assert keys(zone) == []


def _stream(
    zone: Zone, path: str, data: bytes, *, checksum: Checksum | None = None, attributes: Attributes | None = None,
    expect: Expect = None,
) -> Entry:  # fmt: skip
    if not isinstance(zone, StreamedPuts):
        pytest.skip("this zone takes no streams")
    pieces = (memoryview(data)[start : start + PIECE] for start in range(0, len(data), PIECE))
    whole = checksum or checksum_of(data)
    return zone.put_stream(path, len(data), PIECE, pieces, lambda: whole, attributes=attributes, expect=expect)
