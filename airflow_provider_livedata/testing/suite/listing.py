"""How a zone lists: complete, in key order, paged, with nothing of its own showing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_livedata.engine.errors import NotADirectory, PathMissing
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import OpenAt, keys, listed, put, read_all, stat

ORDERED = ["a!", "a-b/", "a-b/x", "a.b", "a/", "a/b!", "a/b.c", "a/b/", "a/b/c", "a/b0", "a/x", "a0", "aa/", "aa/x",
           "b", "\uff5e/", "\uff5e/x", "\U0001f600"]  # fmt: skip


class Listing:
    """scan, stat and check."""

    def test_a_listing_is_in_key_order_and_not_in_the_order_of_a_walk(self, zone: Zone) -> None:
        for key in reversed(ORDERED):
            if not key.endswith("/"):
                put(zone, key, b"1")
        assert keys(zone) == ORDERED

    def test_a_listing_has_files_of_all_sizes_and_directories_before_what_they_hold(self, zone: Zone) -> None:
        put(zone, "d/empty")
        put(zone, "d/e/f", b"12345")
        assert listed(zone.scan()) == [("d", "directory"), ("d/e", "directory"), ("d/e/f", "file"), ("d/empty", "file")]
        assert {entry.path: entry.size_bytes for entry in zone.scan() if entry.kind == "file"} == {
            "d/empty": 0,
            "d/e/f": 5,
        }

    def test_an_empty_zone_lists_nothing(self, zone: Zone) -> None:
        assert list(zone.scan()) == []

    def test_a_listing_under_a_directory_keeps_paths_relative_to_the_root(self, zone: Zone) -> None:
        for path in ("d/x", "d/e/y", "d.z", "d0", "dd/x"):
            put(zone, path)
        assert keys(zone, "d") == ["d/e/", "d/e/y", "d/x"]
        assert keys(zone, "d/e") == ["d/e/y"]

    def test_a_listing_under_what_is_absent_or_a_file_yields_nothing(self, zone: Zone) -> None:
        put(zone, "a/file")
        assert keys(zone, "absent") == []
        assert keys(zone, "a/absent/deeper") == []
        assert keys(zone, "a/file") == []

    def test_state_at_the_root_is_listed_only_when_asked_for(self, zone: Zone) -> None:
        for path in (".livedata/lease/1.json", ".livedata-old/x", ".livedat", "a/.livedata/x"):
            put(zone, path)
        assert keys(zone) == [".livedat", "a/", "a/.livedata/", "a/.livedata/x"]
        assert keys(zone, ".livedata/lease") == [".livedata/lease/1.json"]
        assert ".livedata/lease/1.json" in keys(zone, ".livedata")
        assert keys(zone, ".livedata-old") == [".livedata-old/x"]

    def test_a_listing_and_stat_agree_on_every_entry(self, zone: Zone) -> None:
        put(zone, "a/b", b"123")
        zone.make_directory("a/empty")
        for entry in zone.scan():
            alone = stat(zone, entry.path)
            assert (alone.path, alone.kind, alone.size_bytes, alone.version) == (
                entry.path, entry.kind, entry.size_bytes, entry.version)  # fmt: skip

    def test_stat_tells_files_directories_and_nothing_apart(self, zone: Zone) -> None:
        put(zone, "d/f", b"123")
        assert (stat(zone, "d/f").kind, stat(zone, "d/f").size_bytes) == ("file", 3)
        assert stat(zone, "d/f").version != ""
        assert (stat(zone, "d").kind, stat(zone, "d").version) == ("directory", "")
        assert zone.stat("d/absent") is None
        assert zone.stat("absent/deeper") is None
        assert zone.stat("d/f/below-a-file") is None

    def test_stat_of_the_root_is_a_directory_without_a_name(self, zone: Zone) -> None:
        put(zone, "f")
        assert (stat(zone, "").path, stat(zone, "").kind) == ("", "directory")

    def test_stat_does_not_take_the_beginning_of_a_name_for_a_directory(self, zone: Zone) -> None:
        put(zone, "abc/def", b"1")
        assert zone.stat("ab") is None
        assert zone.stat("abc/de") is None

    def test_modification_times_are_epoch_milliseconds(self, zone: Zone) -> None:
        put(zone, "f")
        assert 1_500_000_000_000 < stat(zone, "f").mtime_ms < 5_000_000_000_000

    @pytest.mark.large
    def test_a_directory_of_many_pages_written_by_sixteen_threads_is_listed_whole(self, zone: Zone, many: int) -> None:
        paths = [f"wide/{number * 7919 % many:06d}" for number in range(many)]
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda path: put(zone, path), paths))
        put(zone, "wide.first")
        put(zone, "wide0")
        assert keys(zone) == ["wide.first", "wide/", *sorted(set(paths)), "wide0"]
        assert zone.delete(list(zone.scan("wide"))) == []
        assert keys(zone, "wide") == []

    def test_a_zone_rooted_deeper_lists_the_same_with_shorter_paths(self, zone: Zone, open_at: OpenAt) -> None:
        for path in ("d/e/f", "d/g", "d.h"):
            put(zone, path)
        assert keys(open_at("d")) == [key.removeprefix("d/") for key in keys(zone, "d")] == ["e/", "e/f", "g"]

    def test_a_marker_made_by_another_tool_reads_as_a_directory(
        self, zone: Zone, foreign_marker: Callable[[str], None] | None
    ) -> None:
        if foreign_marker is None:
            pytest.skip("directories of this store need no markers")
        foreign_marker("made/elsewhere")
        assert listed(zone.scan()) == [("made", "directory"), ("made/elsewhere", "directory")]
        assert stat(zone, "made/elsewhere").kind == "directory"
        assert zone.delete([stat(zone, "made/elsewhere")]) == []
        assert zone.stat("made/elsewhere") is None


class Check:
    """check, before a run begins."""

    def test_a_usable_zone_passes_and_keeps_nothing_of_it(self, zone: Zone) -> None:
        put(zone, "f")
        before = keys(zone), keys(zone, ".livedata")
        zone.check(writable=True)
        zone.check(writable=False)
        assert (keys(zone), keys(zone, ".livedata")) == before

    def test_an_absent_root_is_refused_as_a_source_and_accepted_as_a_target(self, zone: Zone, open_at: OpenAt) -> None:
        put(zone, "f")
        with pytest.raises(PathMissing):
            open_at("absent").check(writable=False)
        open_at("absent/deeper").check(writable=True)
        assert zone.stat("absent/deeper") is None

    def test_a_file_where_the_root_should_be_is_refused(self, zone: Zone, open_at: OpenAt) -> None:
        put(zone, "f")
        for writable in (True, False):
            with pytest.raises(NotADirectory):
                open_at("f").check(writable=writable)

    def test_a_target_that_was_absent_is_made_by_the_first_write(self, zone: Zone, open_at: OpenAt) -> None:
        target = open_at("new/target")
        put(target, "f", b"1")
        assert keys(target) == ["f"]
        assert read_all(zone, "new/target/f") == b"1"
