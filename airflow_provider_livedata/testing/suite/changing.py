"""How a zone changes what is there: directories made, entries deleted and renamed, leftovers swept."""

from __future__ import annotations

import time

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import AlreadyExists, LiveDataError, NotADirectory, PathMissing
from airflow_provider_livedata.engine.model import Attributes, Entry
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Rename
from airflow_provider_livedata.testing.suite.common import OpenAt, keys, listed, put, read_all, send, stat

HOUR_MS = 3_600_000


class Directories:
    """make_directory."""

    def test_empty_directories_are_listed_nested_ones_too(self, zone: Zone) -> None:
        for path in ("empty", "a/b/c"):
            zone.make_directory(path)
        assert listed(zone.scan()) == [
            ("a", "directory"), ("a/b", "directory"), ("a/b/c", "directory"), ("empty", "directory")]  # fmt: skip
        assert [entry.is_implied for entry in zone.scan() if entry.path in ("a/b/c", "empty")] == [False, False]
        assert stat(zone, "a/b/c").kind == "directory"

    def test_a_directory_that_is_there_is_left_as_it_is(self, zone: Zone) -> None:
        put(zone, "d/f", b"1")
        zone.make_directory("d")
        zone.make_directory("d")
        assert keys(zone) == ["d/", "d/f"]

    def test_a_directory_is_not_made_over_a_file(self, zone: Zone) -> None:
        if not zone.facts.has_directories:
            pytest.skip("this store has no directories")
        put(zone, "f", b"1")
        with pytest.raises((NotADirectory, AlreadyExists)):
            zone.make_directory("f")
        assert read_all(zone, "f") == b"1"

    def test_a_directory_stays_when_its_last_file_goes(self, zone: Zone) -> None:
        zone.make_directory("d")
        put(zone, "d/f")
        assert zone.delete([stat(zone, "d/f")]) == []
        assert keys(zone) == ["d/"]


class Deleting:
    """delete."""

    def test_files_and_empty_directories_are_deleted_in_the_order_given(self, zone: Zone) -> None:
        zone.make_directory("a/b/c")
        put(zone, "a/b/f", b"1")
        put(zone, "kept", b"1")
        assert zone.delete(sorted(zone.scan("a"), key=lambda entry: entry.key, reverse=True)) == []
        directory = zone.stat("a")
        assert zone.delete([directory] if directory else []) == []
        assert keys(zone) == ["kept"]

    def test_what_is_gone_already_counts_as_deleted(self, zone: Zone) -> None:
        gone = put(zone, "d/f")
        assert zone.delete([gone]) == []
        assert zone.delete([gone, Entry("never"), Entry("never/was", "directory"), Entry("d/f/below")]) == []

    def test_nothing_is_deleted_when_nothing_is_given(self, zone: Zone) -> None:
        put(zone, "f")
        assert zone.delete([]) == []
        assert keys(zone) == ["f"]

    def test_a_directory_that_holds_something_keeps_it_and_the_others_go(self, zone: Zone) -> None:
        zone.make_directory("full")
        for path in ("full/f", "before", "later"):
            put(zone, path, b"1")
        failures = zone.delete([stat(zone, "before"), stat(zone, "full"), stat(zone, "later")])
        assert keys(zone) == ["full/", "full/f"]
        if zone.facts.has_directories:
            assert [(failure.path, failure.error, failure.retryable) for failure in failures] == [
                ("full", "NotEmpty", False)]  # fmt: skip
            assert failures[0].reason

    def test_deleting_a_file_never_takes_a_directory_of_that_name(self, zone: Zone) -> None:
        put(zone, "d/f", b"1")
        zone.make_directory("empty")
        zone.delete([Entry("d", "file"), Entry("empty", "file")])
        assert keys(zone) == ["d/", "d/f", "empty/"]

    def test_deleting_a_directory_never_takes_a_file_of_that_name(self, zone: Zone) -> None:
        put(zone, "f", b"1")
        zone.delete([Entry("f", "directory")])
        assert keys(zone) == ["f"]

    def test_names_with_wildcards_delete_only_themselves(self, zone: Zone) -> None:
        for path in ("a", "ab", "?", "*", "[ab]"):
            put(zone, path)
        assert zone.delete([stat(zone, path) for path in ("?", "*", "[ab]")]) == []
        assert keys(zone) == ["a", "ab"]


class Renaming:
    """rename, where the zone can."""

    def test_files_and_directories_move_with_all_they_hold(self, zone: Zone) -> None:
        mover = _mover(zone)
        put(zone, "f", b"file")
        put(zone, "d/e/g", b"deep")
        zone.make_directory("d/empty")
        mover.rename("f", "new/place/f")
        mover.rename("d", "moved")
        assert keys(zone) == ["moved/", "moved/e/", "moved/e/g", "moved/empty/", "new/", "new/place/", "new/place/f"]
        assert (read_all(zone, "new/place/f"), read_all(zone, "moved/e/g")) == (b"file", b"deep")

    def test_a_rename_of_what_is_absent_says_so(self, zone: Zone) -> None:
        with pytest.raises(PathMissing):
            _mover(zone).rename("absent", "new")

    def test_a_rename_never_replaces_or_enters_what_is_there(self, zone: Zone) -> None:
        mover = _mover(zone)
        put(zone, "f", b"moving")
        put(zone, "d/x", b"moving")
        put(zone, "file", b"there")
        zone.make_directory("empty")
        for old in ("f", "d"):
            for new in ("file", "empty"):
                with pytest.raises(AlreadyExists):
                    mover.rename(old, new)
        assert keys(zone) == ["d/", "d/x", "empty/", "f", "file"]
        assert read_all(zone, "file") == b"there"

    def test_a_directory_does_not_move_into_itself(self, zone: Zone) -> None:
        mover = _mover(zone)
        put(zone, "d/f", b"1")
        with pytest.raises(LiveDataError):
            mover.rename("d", "d/e/d")
        assert keys(zone) == ["d/", "d/f"]


class Sweeping:
    """sweep."""

    def test_old_leftovers_of_killed_writers_go_and_nothing_else(self, zone: Zone, open_at: OpenAt) -> None:
        put(zone, ".livedata/checkpoint/1.json", b"state")
        put(zone, "d/f", b"data")
        zone.make_directory("empty")
        left = zone.begin("d/g", 5)
        send(left, b"12345")
        later = int(time.time() * 1000) + HOUR_MS
        assert open_at("").sweep(later) >= 1
        assert keys(zone) == ["d/", "d/f", "empty/"]
        assert read_all(zone, ".livedata/checkpoint/1.json") == b"state"
        assert open_at("").resume("d/g", left.token, 5) is None
        assert zone.sweep(later) == 0

    def test_uploads_that_are_still_young_are_left_however_old_their_source_is(self, zone: Zone) -> None:
        upload = zone.begin("f", 5, attributes=Attributes(mtime_ms=1_000_000_000_000))
        parts = send(upload, b"12345")
        upload.stage(parts, checksum_of(b"12345"))
        assert zone.sweep(int(time.time() * 1000) - HOUR_MS) == 0
        upload.complete(parts, checksum_of(b"12345"))
        assert read_all(zone, "f") == b"12345"

    def test_a_zone_without_leftovers_has_nothing_to_sweep(self, zone: Zone) -> None:
        assert zone.sweep(int(time.time() * 1000) + HOUR_MS) == 0


def _mover(zone: Zone) -> Rename:
    if not isinstance(zone, Rename):
        pytest.skip("this zone does not rename")
    return zone
