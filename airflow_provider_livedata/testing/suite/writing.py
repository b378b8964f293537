"""How a zone writes a file in one piece: whole or not at all, and exactly one winner where one is asked for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    IsADirectory,
    NotADirectory,
    ObjectChanged,
    PathMissing,
)
from airflow_provider_livedata.engine.model import ABSENT
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import (
    data_of,
    files_below_state,
    keys,
    put,
    read_all,
    stat,
    wrong_checksum_of,
)

WRITERS = 16


class Writing:
    """put."""

    def test_a_put_returns_the_entry_that_stat_finds(self, zone: Zone) -> None:
        entry = put(zone, "d/f", b"12345")
        found = stat(zone, "d/f")
        assert (entry.path, entry.kind, entry.size_bytes, entry.version) == ("d/f", "file", 5, found.version)
        assert read_all(zone, "d/f") == b"12345"

    def test_a_put_takes_any_buffer(self, zone: Zone) -> None:
        buffers: list[bytes | bytearray | memoryview] = [b"123", bytearray(b"123"), memoryview(b"x123x")[1:4]]
        for path, data in zip("abc", buffers, strict=True):
            zone.put(path, data)
            assert read_all(zone, path) == b"123"

    def test_a_put_replaces_what_is_there_and_changes_its_version(self, zone: Zone) -> None:
        versions = [put(zone, "f", data).version for data in (b"first", b"other", b"", b"first longer")]
        assert len(set(versions)) == 4
        assert read_all(zone, "f") == b"first longer"
        assert keys(zone) == ["f"]

    def test_a_put_leaves_nothing_but_the_file(self, zone: Zone) -> None:
        put(zone, "f", b"1")
        put(zone, "f", b"2")
        with pytest.raises(AlreadyExists):
            put(zone, "f", b"3", expect=ABSENT)
        assert files_below_state(zone) == []

    def test_a_put_of_an_absent_file_is_refused_where_something_is(self, zone: Zone) -> None:
        put(zone, "f", b"first", expect=ABSENT)
        with pytest.raises(AlreadyExists):
            put(zone, "f", b"second", expect=ABSENT)
        assert read_all(zone, "f") == b"first"

    def test_of_sixteen_racing_writers_exactly_one_wins_and_its_bytes_are_there(self, zone: Zone) -> None:
        start = threading.Barrier(WRITERS)

        def write(number: int) -> bool:
            start.wait(timeout=60)
            try:
                put(zone, "lease/1.json", data_of(number, 3000), expect=ABSENT)
            except AlreadyExists:
                return False
            return True

        for _ in range(3):
            with ThreadPoolExecutor(WRITERS) as pool:
                won = [number for number, is_winner in enumerate(pool.map(write, range(WRITERS))) if is_winner]
            assert len(won) == 1
            assert read_all(zone, "lease/1.json") == data_of(won[0], 3000)
            assert zone.delete([stat(zone, "lease/1.json")]) == []

    def test_sixteen_threads_replacing_one_file_leave_one_of_their_files_whole(self, zone: Zone) -> None:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda number: put(zone, "f", data_of(number, 3000)), range(WRITERS)))
        assert read_all(zone, "f") in [data_of(number, 3000) for number in range(WRITERS)]

    def test_a_put_that_expects_a_version_replaces_only_that(self, zone: Zone) -> None:
        first = put(zone, "f", b"first")
        second = put(zone, "f", b"other", expect=first.version)
        with pytest.raises(ObjectChanged):
            put(zone, "f", b"third", expect=first.version)
        assert read_all(zone, "f") == b"other"
        assert stat(zone, "f").version == second.version

    def test_a_put_that_expects_a_version_is_refused_where_nothing_is(self, zone: Zone) -> None:
        gone = put(zone, "f", b"first")
        assert zone.delete([gone]) == []
        with pytest.raises((ObjectChanged, PathMissing)):
            put(zone, "f", b"second", expect=gone.version)
        assert zone.stat("f") is None

    def test_a_put_with_a_wrong_checksum_is_refused_and_leaves_what_was_there(
        self, zone: Zone, refuses_wrong_bytes: bool
    ) -> None:
        if not refuses_wrong_bytes:
            pytest.skip("this store keeps no checksum that a writer can give it")
        put(zone, "old", b"before")
        for path in ("old", "new"):
            with pytest.raises(ChecksumMismatch):
                zone.put(path, b"data", checksum=wrong_checksum_of(b"data"))
        assert read_all(zone, "old") == b"before"
        assert zone.stat("new") is None

    def test_a_put_over_a_directory_is_refused_and_changes_nothing(self, zone: Zone) -> None:
        if not zone.facts.has_directories:
            pytest.skip("this store has no directories")
        put(zone, "d/f", b"1")
        zone.make_directory("empty")
        for path in ("d", "empty"):
            with pytest.raises((IsADirectory, AlreadyExists)):
                put(zone, path, b"2")
            with pytest.raises((IsADirectory, AlreadyExists)):
                put(zone, path, b"2", expect=ABSENT)
        assert keys(zone) == ["d/", "d/f", "empty/"]
        assert files_below_state(zone) == []

    def test_a_put_below_a_file_is_refused_and_changes_nothing(self, zone: Zone) -> None:
        if not zone.facts.has_directories:
            pytest.skip("this store has no directories")
        put(zone, "f", b"1")
        with pytest.raises(NotADirectory):
            put(zone, "f/below", b"2")
        with pytest.raises(NotADirectory):
            zone.make_directory("f/below")
        assert keys(zone) == ["f"]

    def test_a_file_and_a_directory_share_a_name_where_there_are_no_directories(
        self, zone: Zone, holds_file_beside_directory: bool
    ) -> None:
        if not holds_file_beside_directory:
            pytest.skip("this store holds one thing under a name")
        put(zone, "a", b"file")
        put(zone, "a/x", b"below")
        put(zone, "a.b", b"between")
        assert keys(zone) == ["a", "a.b", "a/", "a/x"]
        assert read_all(zone, "a") == b"file"
        assert zone.delete([stat(zone, "a")]) == []
        assert keys(zone) == ["a.b", "a/", "a/x"]
