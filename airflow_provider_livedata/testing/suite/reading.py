"""How a zone reads: ranges at every edge, and never bytes of two versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_livedata.engine.errors import IsADirectory, ObjectChanged, PathMissing
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import data_of, put, read, read_all, stat

SIZE = 10_000
RANGES = [(0, SIZE), (0, 1), (1, SIZE), (SIZE - 1, 1), (SIZE - 1, 2), (SIZE, 1), (SIZE + 1, 1), (SIZE * 1000, 7),
          (0, SIZE + 1), (4096, 4096), (4095, 2), (0, 0), (SIZE, 0)]  # fmt: skip


class Reading:
    """read_into."""

    def test_ranges_at_every_edge_hold_the_bytes_that_were_written(self, zone: Zone) -> None:
        data = data_of("ranges", SIZE)
        version = put(zone, "f", data).version
        for offset, size in RANGES:
            assert read(zone, "f", offset, size, version=version) == data[offset : offset + size], (offset, size)

    def test_a_buffer_is_filled_from_its_start_and_not_beyond_what_was_read(self, zone: Zone) -> None:
        put(zone, "f", b"abc")
        buffer = bytearray(b"........")
        assert zone.read_into("f", 1, memoryview(buffer)) == 2
        assert buffer == b"bc......"
        assert zone.read_into("f", 0, memoryview(buffer)[5:]) == 3
        assert buffer == b"bc...abc"

    def test_an_empty_file_has_no_bytes_at_any_offset(self, zone: Zone) -> None:
        put(zone, "f")
        assert [read(zone, "f", offset, 10) for offset in (0, 1, 100)] == [b"", b"", b""]

    def test_a_read_of_another_version_is_refused(self, zone: Zone) -> None:
        old = put(zone, "f", b"first")
        put(zone, "f", b"other")
        with pytest.raises(ObjectChanged):
            read(zone, "f", 0, 5, version=old.version)
        assert read(zone, "f", 0, 5, version=stat(zone, "f").version) == b"other"

    def test_a_read_of_what_is_absent_says_so(self, zone: Zone) -> None:
        for path in ("absent", "absent/deeper"):
            with pytest.raises(PathMissing):
                read(zone, path, 0, 1)
            with pytest.raises((PathMissing, ObjectChanged)):
                read(zone, path, 0, 1, version="of-before")

    def test_a_directory_has_no_bytes_to_read(self, zone: Zone) -> None:
        zone.make_directory("d")
        with pytest.raises((IsADirectory, PathMissing)):
            read(zone, "d", 0, 1)

    def test_sixteen_threads_read_their_own_bytes(self, zone: Zone) -> None:
        files = {f"f{number}": data_of(number, 5000 + number) for number in range(16)}
        for path, data in files.items():
            put(zone, path, data)
        with ThreadPoolExecutor(16) as pool:
            found = dict(zip(files, pool.map(lambda path: read_all(zone, path), files), strict=True))
        assert found == files
